#include "engine/prune.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/date.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "store/store.h"

/* One run: every set, and of those that count also what retention wants. */
struct run {
	const struct prune_options *o;
	struct prune_result *result;
	struct repo_sets sets;
	struct notes notes;
	struct manifest **manifest; /* without files; NULL: not read */
	const char **ok; /* of each MANIFEST_COMPONENTS names: those that are
	                  * ok */
	struct retention_set *set; /* those that are not marked … */
	size_t *index;             /* … which of the sets they are … */
	struct retention_decision *decision;
	size_t count; /* … and how many */
};

static void
run_done(struct run *r)
{
	for (size_t i = 0; r->manifest && i < r->sets.count; i++)
		manifest_free(r->manifest[i]);
	free(r->manifest);
	free(r->ok);
	free(r->set);
	free(r->index);
	free(r->decision);
	notes_done(&r->notes);
	repo_sets_done(&r->sets);
}

static int64_t
store_now(const struct prune_options *o)
{
	struct store *st = repo_store(o->repo);

	return st->ops->now(st);
}

static int
say(const struct prune_options *o, const char *folder, enum note_kind kind,
    const char *reason, struct err *err)
{
	AUTO(buf) struct buf b = { .max = 4096 };
	struct jsonw w;

	if (reason) {
		jsonw_begin(&w, &b, 0);
		jsonw_object(&w, NULL);
		jsonw_str(&w, "reason", reason);
		jsonw_close(&w);
		if (jsonw_end(&w, err))
			return -1;
	}
	const struct note_new n = { .folder = folder,
		.kind = kind,
		.details = b.data,
		.by = o->by,
		.tool = o->tool };

	return notes_add(o->repo, &n, err);
}

/* --- what is there */

static int
make_room(struct run *r, struct err *err)
{
	size_t n = r->sets.count + 1;
	struct prune_line *line = calloc(n, sizeof *line);

	if (!line)
		return err_nomem(err);
	r->result->line = line;
	r->manifest = calloc(n, sizeof(struct manifest *));
	r->ok = calloc(n * MANIFEST_COMPONENTS, sizeof(const char *));
	r->set = calloc(n, sizeof *r->set);
	r->index = calloc(n, sizeof *r->index);
	r->decision = calloc(n, sizeof *r->decision);
	if (!r->manifest || !r->ok || !r->set || !r->index || !r->decision)
		return err_nomem(err);
	return 0;
}

static int
read_manifest(struct run *r, size_t i, struct err *err)
{
	struct manifest *m;
	const char **ok;
	size_t n = 0;

	if (repo_manifest(r->o->repo, r->sets.set[i].folder, &r->manifest[i],
	        err))
		return err_wrap(err,
		    "nothing is deleted, as the manifest of set %s cannot be "
		    "read ('delete %s' takes it away)",
		    r->sets.set[i].id, r->sets.set[i].folder);
	m = r->manifest[i];
	manifest_files_forget(m);
	ok = r->ok + i * MANIFEST_COMPONENTS;
	for (size_t k = 0; k < m->ncomponents; k++)
		if (m->component[k].status == MANIFEST_OK)
			ok[n++] = m->component[k].name;
	r->set[r->count].ok = ok;
	r->set[r->count].nok = n;
	r->set[r->count].complete = n == m->ncomponents;
	r->set[r->count].finished = m->finished;
	return 0;
}

/* What was found last counts. */
static bool
is_proven(const struct notes_state *n)
{
	int64_t good = n->verified > n->drilled ? n->verified : n->drilled;
	int64_t bad = n->verify_failed > n->drill_failed ? n->verify_failed
	                                                 : n->drill_failed;

	return good > bad;
}

/* Sets in progress have no manifest, and are there all the same. */
static int
add_set(struct run *r, size_t i, struct err *err)
{
	const struct repo_set *s = &r->sets.set[i];
	struct retention_set *to = &r->set[r->count];
	struct notes_state said;

	if (s->deleted || (!s->committed && !s->running))
		return 0;
	notes_state(&r->notes, s->folder, &said);
	*to = (struct retention_set){ .running = s->running,
		.held = said.held,
		.proven = is_proven(&said) };
	if (date_parse_iso(s->id, &to->time, err) ||
	    (s->committed && read_manifest(r, i, err)))
		return -1;
	r->index[r->count++] = i;
	return 0;
}

static int
look(struct run *r, struct err *err)
{
	if (notes_list(r->o->repo, NULL, &r->notes, err) ||
	    repo_list(r->o->repo, &r->sets, err) || make_room(r, err))
		return -1;
	for (size_t i = 0; i < r->sets.count; i++)
		if (add_set(r, i, err))
			return -1;
	return 0;
}

/* --- what is to be done */

static int
has_rules(const struct prune_options *o, struct err *err)
{
	if (!o->config->retention_given ||
	    config_retention_any(&o->config->retention))
		return 0;
	return err_set(err, ERR_USAGE,
	    "'retention' has no rule that keeps a set: nothing is deleted. "
	    "Give keep-last, keep-daily, keep-within or the like");
}

static void
decide(struct run *r)
{
	const struct config_retention *rules = &r->o->config->retention;

	retention_decide(rules, r->set, r->count, store_now(r->o), r->decision);
	if (config_retention_any(rules))
		return;
	for (size_t i = 0; i < r->count; i++)
		r->decision[i] = (struct retention_decision){ .keep = true,
			.reason = "there are no rules" };
}

static int
may_go(struct run *r, struct err *err)
{
	struct retention_times t = { .now = store_now(r->o),
		.ours = clock_now(r->o->clock) };

	for (size_t i = 0; i < r->notes.count; i++)
		if (r->notes.note[i].time > t.newest_note)
			t.newest_note = r->notes.note[i].time;
	return retention_check(&t, r->set, r->decision, r->count, r->o->allow,
	    err);
}

/* Of a set that no rule was asked about. */
static void
describe_rest(const struct run *r, const struct repo_set *s,
    struct prune_line *line)
{
	struct notes_state said;
	char go[DATE_ISO_SIZE];
	int64_t grace = r->o->now ? 0 : (int64_t)r->o->config->retention.grace;

	notes_state(&r->notes, s->folder, &said);
	date_iso((said.deleted ? said.deleted : s->newest) + grace, go);
	(void)snprintf(line->reason, sizeof line->reason,
	    said.deleted ? "marked, its files go from %s on"
	                 : "left over by a failed run, its files go from %s on",
	    go);
}

static void
describe(struct run *r)
{
	struct prune_result *res = r->result;

	for (size_t i = 0; i < r->sets.count; i++) {
		const struct repo_set *s = &r->sets.set[i];
		struct prune_line *line = &res->line[res->count];
		size_t k = 0;

		if (s->deleted && !s->committed)
			continue; /* the list does not show it either */
		res->count++;
		memcpy(line->id, s->id, sizeof line->id);
		while (k < r->count && r->index[k] != i)
			k++;
		if (k == r->count) {
			describe_rest(r, s, line);
			continue;
		}
		line->keep = r->decision[k].keep;
		memcpy(line->reason, r->decision[k].reason,
		    sizeof line->reason);
		res->marked += !line->keep;
	}
}

static int
mark(struct run *r, struct err *err)
{
	r->result->marked = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct repo_set *s = &r->sets.set[r->index[i]];

		if (r->decision[i].keep)
			continue;
		if (say(r->o, s->folder, NOTE_DELETED, r->decision[i].reason,
		        err))
			return err_wrap(err, "set %s", s->id);
		log_info("set %s: marked for deletion, %s", s->id,
		    r->decision[i].reason);
		r->result->marked++;
	}
	return 0;
}

/* A key that may write and not delete is a wise thing to have; what follows
 * from it must be said. */
static int
sweep(const struct prune_options *o, const char *only, struct sweep_result *ret,
    struct err *err)
{
	const struct sweep_options so = {
		.grace_s = o->now ? 0 : (int64_t)o->config->retention.grace,
		.only = only
	};

	if (sweep_run(o->repo, &so, ret, err) == 0)
		return 0;
	if (err_is(err, ERR_DENIED))
		return err_wrap(err,
		    "sets are marked, but their files cannot be removed: prune "
		    "with a key that may delete");
	return -1;
}

static int
act(struct run *r, struct err *err)
{
	struct err quiet = { 0 };

	if (mark(r, err) || sweep(r->o, NULL, &r->result->swept, err))
		return -1;
	if (repo_sweep(r->o->repo, &r->result->uploads, &quiet))
		log_warning("left-over uploads stay: %s", quiet.msg);
	return 0;
}

static int
run(struct run *r, struct err *err)
{
	struct err why = { 0 };

	if (has_rules(r->o, err) || look(r, err))
		return -1;
	decide(r);
	describe(r);
	if (may_go(r, &why) == 0)
		return r->o->dry_run ? 0 : act(r, err);
	if (r->o->dry_run) {
		memcpy(r->result->refused, why.msg, sizeof why.msg);
		return 0;
	}
	r->result->marked = 0;
	*err = why;
	return -1;
}

int
prune_run(const struct prune_options *o, struct prune_result *ret,
    struct err *err)
{
	struct run r = { .o = o, .result = ret };
	int rc;

	*ret = (struct prune_result){ 0 };
	rc = run(&r, err);
	run_done(&r);
	return rc;
}

void
prune_result_done(struct prune_result *r)
{
	free(r->line);
	*r = (struct prune_result){ 0 };
}

/* --- one set */

static bool
is_named(const struct repo_set *s, const char *id)
{
	return strcmp(s->id, id) == 0 || strcmp(s->folder, id) == 0;
}

static int
find(const struct repo_sets *sets, const char *id, const struct repo_set **ret,
    struct err *err)
{
	*ret = NULL;
	for (size_t i = 0; i < sets->count; i++) {
		const struct repo_set *s = &sets->set[i];

		if (!is_named(s, id) || (s->deleted && !s->committed))
			continue;
		if (*ret)
			return err_set(err, ERR_USAGE,
			    "there are two backups '%s': say '%s' or '%s'", id,
			    (*ret)->folder, s->folder);
		*ret = s;
	}
	if (*ret)
		return 0;
	(void)err_set(err, ERR_NOTFOUND, "there is no backup '%.80s'", id);
	return -1;
}

/* One that is finished, not marked, and can be read. */
static int
counts(const struct prune_options *o, const struct repo_set *s, bool *ret,
    struct err *err)
{
	AUTO(manifest) struct manifest *m = NULL;

	*ret = false;
	if (!s->committed || s->deleted)
		return 0;
	if (repo_manifest(o->repo, s->folder, &m, err))
		return err_is(err, ERR_CORRUPT) || err_is(err, ERR_USAGE) ? 0
		                                                          : -1;
	*ret = strcmp(manifest_status(m), "finished") == 0;
	return 0;
}

static int
check_last(const struct prune_options *o, const struct repo_sets *sets,
    const struct repo_set *s, struct err *err)
{
	bool finished;

	if (o->allow & RETENTION_LAST)
		return 0;
	if (counts(o, s, &finished, err))
		return -1;
	for (size_t i = sets->count; i-- > 0 && finished;) {
		bool other;

		if (&sets->set[i] == s)
			continue;
		if (counts(o, &sets->set[i], &other, err))
			return -1;
		finished = !other;
	}
	return finished ? err_set(err, ERR_REFUSED,
	                      "set %s is the last finished set; say '--allow "
	                      "last' to delete it",
	                      s->id)
	                : 0;
}

static int
may_delete(const struct prune_options *o, const struct repo_sets *sets,
    const struct repo_set *s, struct err *err)
{
	AUTO(notes) struct notes n = { 0 };
	struct notes_state said;

	if (notes_list(o->repo, s->folder, &n, err))
		return -1;
	notes_state(&n, s->folder, &said);
	if (s->running)
		return err_set(err, ERR_REFUSED, "set %s is in progress",
		    s->id);
	if (said.held)
		return err_set(err, ERR_REFUSED,
		    "set %s is held: 'release %s' first", s->id, s->id);
	return s->deleted ? 0 : check_last(o, sets, s, err);
}

static int
marked_at(const struct prune_options *o, const char *folder, int64_t *ret,
    struct err *err)
{
	AUTO(notes) struct notes n = { 0 };
	struct notes_state said;

	if (notes_list(o->repo, folder, &n, err))
		return -1;
	notes_state(&n, folder, &said);
	*ret = said.deleted;
	return 0;
}

int
prune_delete(const struct prune_options *o, const char *id,
    struct prune_deleted *ret, struct err *err)
{
	AUTO(repo_sets) struct repo_sets sets = { 0 };
	const struct repo_set *s;

	*ret = (struct prune_deleted){ 0 };
	if (repo_list(o->repo, &sets, err) || find(&sets, id, &s, err) ||
	    may_delete(o, &sets, s, err))
		return -1;
	memcpy(ret->id, s->id, sizeof ret->id);
	if (!s->deleted &&
	    say(o, s->folder, NOTE_DELETED, "deleted by hand", err))
		return -1;
	if (o->now)
		return sweep(o, s->folder, &ret->swept, err);
	if (marked_at(o, s->folder, &ret->files_go, err))
		return -1;
	ret->files_go += (int64_t)o->config->retention.grace;
	return 0;
}

/* A sweep may have been on its way to the set. */
static int
still_there(const struct prune_options *o, const struct repo_set *s,
    struct err *err)
{
	AUTO(manifest) struct manifest *m = NULL;

	if (repo_manifest(o->repo, s->folder, &m, err) == 0 ||
	    err_is(err, ERR_CORRUPT))
		return 0;
	return err_wrap(err, "set %s is being deleted", s->id);
}

int
prune_hold(const struct prune_options *o, const char *id, bool hold,
    char ret[LAYOUT_ID_SIZE], struct err *err)
{
	AUTO(repo_sets) struct repo_sets sets = { 0 };
	const struct repo_set *s;

	if (repo_list(o->repo, &sets, err) || find(&sets, id, &s, err))
		return -1;
	if (!s->committed)
		return err_set(err, ERR_USAGE, "set %s is %s", s->id,
		    s->running ? "in progress" : "failed");
	memcpy(ret, s->id, sizeof s->id);
	if (say(o, s->folder, hold ? NOTE_HELD : NOTE_RELEASED, NULL, err))
		return -1;
	return hold ? still_there(o, s, err) : 0;
}
