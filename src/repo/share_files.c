#include "repo/share_files.h"

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "crypto/age_keys.h"
#include "store/store.h"

enum {
	LEVEL = 1,
	TEXT_MAX = MANIFEST_MAX + SHARE_LINE_MAX,
	LOOK_BACK_S = 30 * 86400, /* older sets are of no run any more */
	MARK_S = 3600 /* so late at most is a new set marked as a run's */
};

#define BEGUN "begun.json"
#define PLAN "plan.json"
#define REFERENCES "references.jsonl"
#define SHARE "share-"

static int64_t
now(const struct repo *r)
{
	struct store *s = repo_store(r);

	return s->ops->now(s);
}

static int
check_run(const char *run, struct err *err)
{
	return layout_is_run(run)
	           ? 0
	           : err_set(err, ERR_USAGE,
	                 "'%.80s' is no name for a run: letters, digits, '.', "
	                 "'_' and '-', 63 at most",
	                 run);
}

/* --- one file */

/* To themselves, not to the recipients: those may be keys that no worker
 * has. */
static int
own_keys(const struct repo *r, struct age_keys *ret, struct err *err)
{
	const struct age_keys *keys = repo_keys(r);
	char text[AGE_KEYS_RECIPIENT_SIZE];

	*ret = (struct age_keys){ 0 };
	if (keys->nidentities == 0)
		return err_set(err, ERR_USAGE,
		    "workers of an encrypted repository read each other's "
		    "plan and shares: give 'encryption' an 'identity-file', "
		    "the same for all; its key need not be one of the "
		    "'recipients'");
	for (size_t i = 0; i < keys->nidentities; i++) {
		age_keys_recipient_text(keys->identity[i].recipient, text);
		if (age_keys_add_recipient(ret, text, err))
			return -1;
	}
	return 0;
}

static bool
encrypted(const struct repo *r)
{
	return repo_keys(r)->nrecipients > 0;
}

int
share_files_check(const struct repo *r, struct err *err)
{
	struct age_keys keys;

	return encrypted(r) ? own_keys(r, &keys, err) : 0;
}

static int
key_of(const struct repo *r, const char *folder, const char *run,
    const char *what, char key[LAYOUT_KEY_SIZE], struct err *err)
{
	char file[LAYOUT_KEY_SIZE];

	(void)snprintf(file, sizeof file,
	    LAYOUT_RUN "%.63s.%.60s" LAYOUT_ZST "%s", run, what,
	    encrypted(r) ? LAYOUT_AGE : "");
	return layout_key(folder, file, key, err);
}

static int
open_new(struct repo *r, const char *key, struct sink **ret, struct err *err)
{
	AUTO(sink) struct sink *s = NULL;
	struct store *st = repo_store(r);
	struct age_keys keys;

	if (st->ops->put(st, key, NULL, &s, err) ||
	    (encrypted(r) && (own_keys(r, &keys, err) ||
	                         sink_age_new(TAKE(s), &keys, &s, err))) ||
	    sink_zstd_new(TAKE(s), LEVEL, &s, err))
		return err_wrap(err, "'%s'", key);
	*ret = TAKE(s);
	return 0;
}

static int
put_text(struct repo *r, const char *key, const struct buf *b, struct err *err)
{
	AUTO(sink) struct sink *s = NULL;

	if (open_new(r, key, &s, err))
		return -1;
	if (sink_write(s, b->data, b->len, err) || sink_finish(s, err))
		return err_wrap(err, "'%s'", key);
	return 0;
}

static int
read_to(struct repo *r, const char *key, struct sink *to, struct err *err)
{
	AUTO(sink) struct sink *s = NULL;
	struct store *st = repo_store(r);

	if (sink_outlet_new(to, &s, err) || sink_unzstd_new(TAKE(s), &s, err) ||
	    (layout_is_age(key) &&
	        sink_unage_new(TAKE(s), repo_keys(r), &s, err)) ||
	    st->ops->get(st, key, 0, STORE_ALL, s, err) ||
	    sink_finish(s, err) || sink_finish(to, err))
		return err_wrap(err, "'%s'", key);
	return 0;
}

/* --- plan and shares */

int
share_files_begin(struct set *set, const char *run, unsigned workers,
    struct err *err)
{
	AUTO(buf) struct buf b = { .max = 1024 };
	char file[LAYOUT_KEY_SIZE];
	struct jsonw w;

	if (check_run(run, err))
		return -1;
	(void)snprintf(file, sizeof file, LAYOUT_RUN "%.63s." BEGUN, run);
	jsonw_begin(&w, &b, 2);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "run", run);
	jsonw_u64(&w, "workers", workers);
	jsonw_close(&w);
	if (jsonw_end(&w, err) || buf_puts(&b, "\n", err))
		return -1;
	return set_put_small(set, file, &b, err);
}

int
share_files_put_plan(struct repo *r, const struct share_plan *p,
    const struct manifest *m, struct err *err)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	char key[LAYOUT_KEY_SIZE];

	if (share_plan_encode(p, m, &b, err) ||
	    key_of(r, m->folder, p->run, PLAN, key, err))
		return -1;
	return put_text(r, key, &b, err);
}

/* decode is told what the file holds. */
struct reading {
	struct repo *repo;
	char key[LAYOUT_KEY_SIZE];
	struct sink *text;
};

static int
read_text(struct reading *g, const char **text, size_t *n, struct err *err)
{
	if (sink_mem_new(TEXT_MAX, &g->text, err) ||
	    read_to(g->repo, g->key, g->text, err))
		return -1;
	*text = sink_mem_data(g->text, n);
	if (*text)
		return 0;
	return err_set(err, ERR_CORRUPT, "'%s' is empty", g->key);
}

/* What cannot be belongs to no set that this program reads. */
static int
check_folder(const struct manifest *m, const char *folder, const char *key,
    struct err *err)
{
	return strcmp(m->folder, folder) == 0
	           ? 0
	           : err_set(err, ERR_CORRUPT, "'%s' is of the set '%s'", key,
	                 m->folder);
}

int
share_files_plan(struct repo *r, const char *folder, const char *run,
    struct share_plan **ret, struct err *err)
{
	AUTO(share_plan) struct share_plan *p = NULL;
	struct reading g = { .repo = r };
	const char *text;
	size_t n;
	int rc;

	rc = key_of(r, folder, run, PLAN, g.key, err);
	if (rc == 0)
		rc = read_text(&g, &text, &n, err);
	if (rc == 0 && share_plan_decode(text, n, &p, err))
		rc = err_wrap(err, "'%s'", g.key);
	if (rc == 0)
		rc = check_folder(p->manifest, folder, g.key, err);
	sink_free(g.text);
	if (rc == 0)
		*ret = TAKE(p);
	return rc;
}

static int
share_key(struct repo *r, const char *folder, const char *run, const char *name,
    char key[LAYOUT_KEY_SIZE], struct err *err)
{
	char what[64];

	(void)snprintf(what, sizeof what, SHARE "%.14s.json", name);
	return key_of(r, folder, run, what, key, err);
}

int
share_files_put(struct repo *r, const char *name, const struct share *s,
    const struct manifest *m, struct err *err)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	char key[LAYOUT_KEY_SIZE];

	if (share_encode(s, m, &b, err) ||
	    share_key(r, m->folder, s->run, name, key, err))
		return -1;
	return put_text(r, key, &b, err);
}

int
share_files_share(struct repo *r, const char *folder, const char *run,
    const char *name, struct share **ret, struct err *err)
{
	AUTO(share) struct share *s = NULL;
	struct reading g = { .repo = r };
	const char *text;
	size_t n;
	int rc;

	rc = share_key(r, folder, run, name, g.key, err);
	if (rc == 0)
		rc = read_text(&g, &text, &n, err);
	if (rc == 0 && share_decode(text, n, &s, err))
		rc = err_wrap(err, "'%s'", g.key);
	if (rc == 0)
		rc = check_folder(s->manifest, folder, g.key, err);
	sink_free(g.text);
	if (rc == 0)
		*ret = TAKE(s);
	return rc;
}

int
share_files_references_new(struct repo *r, const char *folder, const char *run,
    struct sink **ret, struct err *err)
{
	char key[LAYOUT_KEY_SIZE];

	return key_of(r, folder, run, REFERENCES, key, err) ||
	               open_new(r, key, ret, err)
	           ? -1
	           : 0;
}

int
share_files_references(struct repo *r, const char *folder, const char *run,
    struct sink *to, struct err *err)
{
	char key[LAYOUT_KEY_SIZE];

	return key_of(r, folder, run, REFERENCES, key, err) ||
	               read_to(r, key, to, err)
	           ? -1
	           : 0;
}

/* --- which shares there are */

struct names {
	struct share_files_names found;
	size_t from; /* where the name of a share would stand in a key */
};

static int
on_name(void *arg, const char *key, const struct store_stat *st,
    struct err *err)
{
	struct names *n = arg;
	char name[LAYOUT_SHARE_SIZE], (*p)[LAYOUT_SHARE_SIZE];
	const char *behind;

	(void)st;
	if (strlen(key) < n->from + sizeof name)
		return 0;
	(void)snprintf(name, sizeof name, "%s", key + n->from);
	behind = key + n->from + sizeof name - 1;
	if (!layout_is_share(name) || !str_starts(behind, ".json" LAYOUT_ZST))
		return 0;
	p = realloc(n->found.name, (n->found.count + 1) * sizeof *p);
	if (!p)
		return err_nomem(err);
	n->found.name = p;
	memcpy(p[n->found.count++], name, sizeof name);
	return 0;
}

int
share_files_names(struct repo *r, const char *folder, const char *run,
    struct share_files_names *ret, struct err *err)
{
	struct store *st = repo_store(r);
	struct names n = { 0 };
	char prefix[LAYOUT_KEY_SIZE];

	(void)snprintf(prefix, sizeof prefix,
	    LAYOUT_SETS "%s/" LAYOUT_RUN "%.63s." SHARE, folder, run);
	n.from = strlen(prefix);
	if (st->ops->list(st, prefix, true, on_name, &n, err)) {
		share_files_names_done(&n.found);
		return -1;
	}
	*ret = n.found;
	return 0;
}

void
share_files_names_done(struct share_files_names *n)
{
	free(n->name);
	*n = (struct share_files_names){ 0 };
}

unsigned
share_files_worker(const char name[LAYOUT_SHARE_SIZE])
{
	return (unsigned)strtoul(name, NULL, 10);
}

/* --- which set is the run's */

/* What a folder says of a run. */
struct look {
	const char *run;
	bool begun, failed;
	int64_t planned, committed, newest; /* when; 0: it is not */
};

/* The rest of a name behind "run-<run>."; NULL: it has no such. */
static const char *
behind_run(const char *key, const char *run)
{
	const char *slash = strrchr(key, '/');
	size_t n = strlen(run);

	if (!slash || !str_starts(slash + 1, LAYOUT_RUN))
		return NULL;
	slash += 1 + sizeof LAYOUT_RUN - 1;
	return strncmp(slash, run, n) == 0 && slash[n] == '.' ? slash + n + 1
	                                                      : NULL;
}

static int
on_file(void *arg, const char *key, const struct store_stat *st,
    struct err *err)
{
	struct look *l = arg;
	const char *rest = behind_run(key, l->run);
	int64_t when = st->mtime ? st->mtime : 1; /* 1970 is a time as well */

	(void)err;
	if (rest && strcmp(rest, BEGUN) == 0)
		l->begun = true;
	if (rest && str_starts(rest, PLAN LAYOUT_ZST))
		l->planned = when;
	if (str_ends(key, "/" LAYOUT_MANIFEST))
		l->committed = when;
	l->failed = l->failed || str_ends(key, "/" LAYOUT_FAILED);
	if (when > l->newest)
		l->newest = when;
	return 0;
}

/* Only a set of that run is looked at as a whole. */
static int
look_into(struct repo *r, const char *folder, struct look *l, struct err *err)
{
	struct store *st = repo_store(r);
	char prefix[LAYOUT_KEY_SIZE];

	(void)snprintf(prefix, sizeof prefix,
	    LAYOUT_SETS "%s/" LAYOUT_RUN "%.63s.", folder, l->run);
	if (st->ops->list(st, prefix, true, on_file, l, err))
		return -1;
	if (!l->begun && !l->planned)
		return 0;
	(void)snprintf(prefix, sizeof prefix, LAYOUT_SETS "%s/", folder);
	return st->ops->list(st, prefix, true, on_file, l, err);
}

static enum share_files_state
state_of(const struct look *l, int64_t at)
{
	if (l->committed)
		return at - l->committed < REPO_DEAD_S ? SHARE_FILES_FINISHED
		                                       : SHARE_FILES_NONE;
	if (l->failed || at - l->newest > SHARE_FILES_SILENT_S)
		return SHARE_FILES_NONE;
	if (l->planned)
		return SHARE_FILES_PLANNED;
	return l->begun ? SHARE_FILES_BEGUN : SHARE_FILES_NONE;
}

/* The first plan, or what was heard of last. */
static bool
is_better(enum share_files_state s, const struct look *l,
    const struct share_files_found *best, const struct look *of_best)
{
	if (s != best->state)
		return s > best->state;
	return s == SHARE_FILES_PLANNED ? l->planned < of_best->planned
	                                : l->newest >= of_best->newest;
}

/* Sets that began before this second are of no run, or looked at. */
static void
begin_at(const char from[LAYOUT_ID_SIZE], int64_t at, char ret[LAYOUT_ID_SIZE])
{
	if (*from)
		memcpy(ret, from, LAYOUT_ID_SIZE);
	else
		date_iso(at - LOOK_BACK_S, ret);
}

static int
look_at_all(struct repo *r, const struct repo_sets *sets, const char *run,
    struct share_files_found *ret, struct err *err)
{
	int64_t at = now(r);
	char from[LAYOUT_ID_SIZE], next[LAYOUT_ID_SIZE];
	struct look best = { 0 };

	begin_at(ret->from, at, from);
	date_iso(at - MARK_S, next);
	for (size_t i = 0; i < sets->count; i++) {
		const struct repo_set *s = &sets->set[i];
		struct look l = { .run = run };
		enum share_files_state state;

		if (strcmp(s->id, from) < 0)
			continue;
		if (look_into(r, s->folder, &l, err))
			return -1;
		state = state_of(&l, at);
		if (state == SHARE_FILES_NONE)
			continue;
		if (strcmp(s->id, next) < 0)
			memcpy(next, s->id, sizeof next);
		if (!is_better(state, &l, ret, &best))
			continue;
		best = l;
		ret->state = state;
		ret->newest = l.newest;
		memcpy(ret->folder, s->folder, sizeof ret->folder);
	}
	memcpy(ret->from, next, sizeof next);
	return 0;
}

int
share_files_find(struct repo *r, const char *run, struct share_files_found *ret,
    struct err *err)
{
	AUTO(repo_sets) struct repo_sets sets = { 0 };
	struct share_files_found found = { 0 };

	memcpy(found.from, ret->from, sizeof found.from);
	if (check_run(run, err) || repo_folders(r, "", &sets, err) ||
	    look_at_all(r, &sets, run, &found, err))
		return -1;
	*ret = found;
	return 0;
}
