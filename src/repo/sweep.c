#include "repo/sweep.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "repo/notes.h"
#include "store/store.h"

enum {
	/* Between the clock that dated a mark and the one that dated a file. */
	MARGIN_S = 300,
	KEYS_MAX = 1 << 23 /* of one folder, or needed of all */
};

enum fate {
	STAYS,    /* its manifest counts, or it may still be written */
	GOES,     /* marked, and due */
	LEFT_OVER /* without a manifest: what is not needed goes */
};

struct target {
	struct repo_set set;
	enum fate fate;
};

struct keys {
	char **key;
	size_t count, cap;
};

struct sweep {
	struct repo *repo;
	struct store *store;
	const struct sweep_options *o;
	struct sweep_result *result;
	struct notes notes;
	struct target *target; /* every set there is, oldest first */
	size_t count;
	struct keys needed; /* files of targets; sorted */
};

static void
keys_done(struct keys *k)
{
	for (size_t i = 0; i < k->count; i++)
		free(k->key[i]);
	free(k->key);
	*k = (struct keys){ 0 };
}

static int
keys_add(struct keys *k, const char *key, struct err *err)
{
	/* more than a test can make */
	if (k->count == KEYS_MAX)
		return err_set(err, ERR_CORRUPT, "more than %d files",
		    KEYS_MAX);
	if (k->count == k->cap) {
		size_t cap = k->cap > 0 ? 2 * k->cap : 64;
		char **p = realloc(k->key, cap * sizeof *p);

		if (!p)
			return err_nomem(err);
		k->key = p;
		k->cap = cap;
	}
	if (str_dup(key, &k->key[k->count], err))
		return -1;
	k->count++;
	return 0;
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
keys_sort(struct keys *k)
{
	if (k->count > 0)
		qsort(k->key, k->count, sizeof *k->key, compare_keys);
}

static bool
keys_have(const struct keys *k, const char *key)
{
	return k->count > 0 && bsearch(&key, k->key, k->count, sizeof *k->key,
	                           compare_keys) != NULL;
}

static int64_t
now_of(const struct sweep *w)
{
	return w->store->ops->now(w->store);
}

/* --- which sets are due */

/* Nobody can know whether a silent machine is dead or asleep; with a grace
 * period there is time to wait for it. */
static bool
may_be_running(const struct sweep *w, const struct repo_set *s)
{
	int64_t silent = now_of(w) - s->newest;
	int64_t dead =
	    w->o->grace_s > REPO_DEAD_S ? w->o->grace_s : REPO_DEAD_S;

	if (s->committed || s->deleted || s->gave_up)
		return false;
	return s->running || silent < dead;
}

/* A run that was there before the mark may have found the set without it. */
static const struct repo_set *
run_before(const struct sweep *w, int64_t mark)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct repo_set *s = &w->target[i].set;

		if (may_be_running(w, s) &&
		    (s->opened == 0 || s->opened <= mark + MARGIN_S))
			return s;
	}
	return NULL;
}

static enum fate
fate_of_marked(struct sweep *w, const struct repo_set *s, int64_t mark)
{
	const struct repo_set *run;

	/* a mark may be dated a few seconds ahead (notes.h) */
	if (w->o->grace_s > 0 && now_of(w) - mark < w->o->grace_s)
		return STAYS;
	run = run_before(w, mark);
	if (!run)
		return s->committed ? GOES : LEFT_OVER;
	w->result->waiting++;
	memcpy(w->result->run, run->id, sizeof run->id);
	return STAYS;
}

static enum fate
fate_of(struct sweep *w, const struct repo_set *s)
{
	struct notes_state said;

	/* what it needed of removed sets goes with it */
	if (w->o->only && strcmp(w->o->only, s->folder) != 0 &&
	    (s->committed || !s->deleted))
		return STAYS;
	notes_state(&w->notes, s->folder, &said);
	if (said.held)
		return STAYS;
	if (said.deleted)
		return fate_of_marked(w, s, said.deleted);
	if (s->committed || may_be_running(w, s) ||
	    now_of(w) - s->newest < w->o->grace_s)
		return STAYS;
	return LEFT_OVER;
}

/*
 * First the marks, then the sets: so each run that began before one of these
 * marks was made, and that may not have seen it, is among the sets.
 */
static int
look(struct sweep *w, struct err *err)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };

	if (notes_list(w->repo, NULL, &w->notes, err) ||
	    repo_list(w->repo, &s, err))
		return -1;
	w->target = calloc(s.count + 1, sizeof *w->target);
	if (!w->target)
		return err_nomem(err);
	w->count = s.count;
	for (size_t i = 0; i < s.count; i++)
		w->target[i].set = s.set[i];
	for (size_t i = 0; i < s.count; i++)
		w->target[i].fate = fate_of(w, &s.set[i]);
	return 0;
}

static bool
any_due(const struct sweep *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->target[i].fate != STAYS)
			return true;
	return false;
}

/* --- what remaining sets need */

static int
compare_folder(const void *folder, const void *target)
{
	return strncmp(folder, ((const struct target *)target)->set.folder,
	    LAYOUT_FOLDER_SIZE - 1);
}

/* The target whose folder a file lies in; NULL: it lies in none of them. */
static struct target *
target_of(const struct sweep *w, const char *path)
{
	struct target *t;

	if (!layout_is_file(path) || w->count == 0)
		return NULL;
	t = bsearch(path + sizeof LAYOUT_SETS - 1, w->target, w->count,
	    sizeof *w->target, compare_folder);
	return t && t->fate != STAYS ? t : NULL;
}

static int
need_all(struct sweep *w, const struct manifest_files *f, struct err *err)
{
	for (size_t i = 0; i < f->count; i++)
		if (target_of(w, f->file[i].path) &&
		    keys_add(&w->needed, f->file[i].path, err))
			return -1;
	return 0;
}

static int
need_of(struct sweep *w, const struct repo_set *s, struct err *err)
{
	AUTO(manifest) struct manifest *m = NULL;

	if (repo_manifest(w->repo, s->folder, &m, err))
		return -1;
	for (size_t i = 0; i < m->ncomponents; i++)
		if (need_all(w, &m->component[i].needs, err))
			return -1;
	return 0;
}

static int
read_remaining(struct sweep *w, struct err *err)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct target *t = &w->target[i];

		if (t->fate == STAYS && t->set.committed &&
		    need_of(w, &t->set, err))
			return err_wrap(err,
			    "nothing is removed, as the manifest of set %s "
			    "cannot be read, and with it what it needs",
			    t->set.id);
	}
	keys_sort(&w->needed);
	return 0;
}

/* --- taking away */

/* *gone false: the store does not let it go yet. */
static int
take_away(struct sweep *w, const char *key, bool *gone, struct err *err)
{
	struct sweep_result *r = w->result;

	*gone = w->store->ops->remove(w->store, key, err) == 0;
	if (*gone)
		return 0;
	if (!err_is(err, ERR_RETAINED))
		return err_wrap(err, "'%s'", key);
	r->retained++;
	(void)snprintf(r->why_retained, sizeof r->why_retained, "%.390s",
	    err->msg);
	return 0;
}

/* Its files, and what it needs, remain after all. */
static int
spare(struct sweep *w, struct target *t, struct err *err)
{
	t->fate = STAYS;
	if (need_of(w, &t->set, err))
		return -1;
	keys_sort(&w->needed);
	return 0;
}

/* Somebody may have held it since we looked. */
static int
take_manifest(struct sweep *w, struct target *t, struct err *err)
{
	AUTO(notes) struct notes n = { 0 };
	struct notes_state said;
	char key[LAYOUT_KEY_SIZE];
	bool gone = false;

	if (layout_key(t->set.folder, LAYOUT_MANIFEST, key, err) ||
	    notes_list(w->repo, t->set.folder, &n, err))
		return -1;
	notes_state(&n, t->set.folder, &said);
	if (said.held || !said.deleted) {
		w->result->held++;
		return spare(w, t, err);
	}
	if (take_away(w, key, &gone, err))
		return -1;
	if (!gone)
		return spare(w, t, err);
	w->result->files++;
	w->result->sets++;
	t->fate = LEFT_OVER;
	return 0;
}

/* Newest first: a set only needs files of older ones, none of which is gone
 * when it turns out that this one stays. */
static int
take_manifests(struct sweep *w, struct err *err)
{
	for (size_t i = w->count; i-- > 0;)
		if (w->target[i].fate == GOES &&
		    take_manifest(w, &w->target[i], err))
			return err_wrap(err, "set '%s'", w->target[i].set.id);
	return 0;
}

/* What a listing shows of a folder. */
struct contents {
	struct keys keys;
	uint64_t *size;
	size_t cap;
	int64_t newest;
	bool committed;
};

static inline void
scope_contents(struct contents *c)
{
	keys_done(&c->keys);
	free(c->size);
}

static int
on_key(void *arg, const char *key, const struct store_stat *st, struct err *err)
{
	struct contents *c = arg;

	if (keys_add(&c->keys, key, err))
		return -1;
	if (c->keys.count > c->cap) {
		size_t cap = c->keys.cap;
		uint64_t *p = realloc(c->size, cap * sizeof *p);

		if (!p)
			return err_nomem(err);
		c->size = p;
		c->cap = cap;
	}
	c->size[c->keys.count - 1] = st->size;
	c->committed = c->committed || str_ends(key, "/" LAYOUT_MANIFEST);
	if (st->mtime > c->newest)
		c->newest = st->mtime;
	return 0;
}

static int
read_folder(struct sweep *w, const struct target *t, struct contents *c,
    struct err *err)
{
	char prefix[sizeof LAYOUT_SETS + LAYOUT_FOLDER_SIZE];

	(void)snprintf(prefix, sizeof prefix, LAYOUT_SETS "%s/", t->set.folder);
	return w->store->ops->list(w->store, prefix, true, on_key, c, err);
}

/* First what a run that wakes up looks for, last what tells a dead run from a
 * silent one. */
static int
rank(const char *key)
{
	return str_ends(key, "/" LAYOUT_OPEN)     ? 0
	       : str_ends(key, "/" LAYOUT_FAILED) ? 2
	                                          : 1;
}

/* *left: files that stay. */
static int
take_files(struct sweep *w, const struct contents *c, size_t *left,
    struct err *err)
{
	*left = 0;
	for (int turn = 0; turn < 3; turn++)
		for (size_t i = 0; i < c->keys.count; i++) {
			const char *key = c->keys.key[i];
			bool gone = false;

			if (rank(key) != turn)
				continue;
			if (keys_have(&w->needed, key))
				w->result->needed++;
			else if (take_away(w, key, &gone, err))
				return -1;
			*left += !gone;
			w->result->files += gone;
			w->result->bytes += gone ? c->size[i] : 0;
		}
	return 0;
}

/* The mark at last: while there is one, what is left is no failed run. */
static int
take_notes(struct sweep *w, const char *folder, struct err *err)
{
	AUTO(notes) struct notes n = { 0 };
	bool gone;

	if (notes_list(w->repo, folder, &n, err))
		return -1;
	for (int turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < n.count; i++)
			if ((n.note[i].kind == NOTE_DELETED) == (turn == 1) &&
			    take_away(w, n.note[i].key, &gone, err))
				return -1;
	return 0;
}

static int
take_folder(struct sweep *w, const struct target *t, struct err *err)
{
	AUTO(contents) struct contents c = { 0 };
	size_t left;

	if (read_folder(w, t, &c, err))
		return -1;
	/* a run that was taken for dead, and has woken up */
	if (c.committed || (!t->set.committed && c.newest > t->set.newest))
		return 0;
	if (take_files(w, &c, &left, err))
		return -1;
	if (left > 0)
		return 0;
	w->result->runs += !t->set.deleted;
	return take_notes(w, t->set.folder, err);
}

static int
take_folders(struct sweep *w, struct err *err)
{
	for (size_t i = w->count; i-- > 0;)
		if (w->target[i].fate == LEFT_OVER &&
		    take_folder(w, &w->target[i], err))
			return err_wrap(err, "set '%s'", w->target[i].set.id);
	return 0;
}

/* Notes on sets of which nothing is there any more. */
static int
take_orphans(struct sweep *w, struct err *err)
{
	for (size_t i = 0; i < w->notes.count && !w->o->only; i++) {
		const char *folder = w->notes.note[i].folder;
		bool first =
		    i == 0 || strcmp(folder, w->notes.note[i - 1].folder) != 0;

		if (first &&
		    !bsearch(folder, w->target, w->count, sizeof *w->target,
		        compare_folder) &&
		    take_notes(w, folder, err))
			return -1;
	}
	return 0;
}

static int
run(struct sweep *w, struct err *err)
{
	if (look(w, err))
		return -1;
	if (any_due(w) && (read_remaining(w, err) || take_manifests(w, err) ||
	                      take_folders(w, err)))
		return -1;
	return take_orphans(w, err);
}

int
sweep_run(struct repo *r, const struct sweep_options *o,
    struct sweep_result *ret, struct err *err)
{
	struct sweep w = {
		.repo = r, .store = repo_store(r), .o = o, .result = ret
	};
	int rc;

	*ret = (struct sweep_result){ 0 };
	rc = run(&w, err);
	notes_done(&w.notes);
	keys_done(&w.needed);
	free(w.target);
	return rc;
}
