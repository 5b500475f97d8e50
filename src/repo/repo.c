#include "repo/repo.h"

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/age_keys.h"
#include "crypto/rand.h"
#include "repo/copies.h"
#include "repo/notes.h"
#include "store/store.h"

enum { RECORD_MAX = 64 << 10, ID_BYTES = 16 };

struct repo {
	struct store *store;
	const struct age_keys *keys; /* the caller's; NULL: none */
	struct copies *copies;       /* NULL: none are kept */
	char id[2 * ID_BYTES + 1];   /* "": unknown */
};

struct store *
repo_store(const struct repo *r)
{
	return r->store;
}

/* --- keys */

void
repo_set_keys(struct repo *r, const struct age_keys *keys)
{
	r->keys = keys;
}

const struct age_keys *
repo_keys(const struct repo *r)
{
	static const struct age_keys none;

	return r->keys ? r->keys : &none;
}

/* Who can decrypt what it writes needs none; and what has no id, as its
 * record is lost, may be any repository. */
int
repo_keep_copies(struct repo *r, const char *folder, struct err *err)
{
	const struct age_keys *k = repo_keys(r);

	if (k->nrecipients == 0 || age_keys_opens_own(k) || !r->id[0])
		return 0;
	return copies_open(folder, r->id, &r->copies, err);
}

struct copies *
repo_copies(const struct repo *r)
{
	return r->copies;
}

/* --- repository.json */

static int
record_encode(int64_t now, struct buf *out, struct err *err)
{
	uint8_t id[ID_BYTES];
	char hex[2 * ID_BYTES + 1], created[DATE_ISO_SIZE];
	struct jsonw w;

	if (rand_bytes(id, sizeof id, err))
		return -1;
	str_hex(id, sizeof id, hex);
	date_iso(now, created);
	jsonw_begin(&w, out, 2);
	jsonw_object(&w, NULL);
	jsonw_u64(&w, "format", MANIFEST_FORMAT);
	jsonw_str(&w, "id", hex);
	jsonw_str(&w, "created", created);
	jsonw_close(&w);
	if (jsonw_end(&w, err))
		return -1;
	return buf_puts(out, "\n", err);
}

/* It names a folder of ours: no other text than that of record_encode. */
static void
take_id(struct repo *r, const struct json *j)
{
	const char *id = json_opt_str(j, "id");

	if (id && strlen(id) == sizeof r->id - 1 &&
	    strspn(id, "0123456789abcdef") == sizeof r->id - 1)
		memcpy(r->id, id, sizeof r->id);
}

static int
record_check(struct repo *r, const struct buf *b, struct err *err)
{
	AUTO(json) struct json *j = NULL;
	uint64_t format;

	if (json_parse(b->data, b->len, &j, err) ||
	    json_u64(j, "format", &format, err))
		return -1;
	if (format > MANIFEST_FORMAT)
		return err_set(err, ERR_USAGE,
		    "the repository has format %ju, which is newer than this "
		    "program; use a newer platform-backup",
		    (uintmax_t)format);
	if (format < MANIFEST_FORMAT)
		return err_set(err, ERR_CORRUPT, "there is no format 0");
	take_id(r, j);
	return 0;
}

static int
record_write(struct repo *r, struct err *err)
{
	AUTO(buf) struct buf b = { .max = RECORD_MAX };

	if (record_encode(r->store->ops->now(r->store), &b, err))
		return -1;
	return store_put_bytes(r->store, LAYOUT_REPOSITORY, b.data, b.len, err);
}

/* ERR_NOTFOUND as it comes, for who may make one. */
static int
record_read(struct repo *r, struct err *err)
{
	AUTO(buf) struct buf b = { .max = RECORD_MAX };

	if (buf_reserve(&b, 0, err) ||
	    store_get_bytes(r->store, LAYOUT_REPOSITORY, &b, err))
		return -1;
	if (record_check(r, &b, err))
		return err_wrap(err, "'%s' in %s", LAYOUT_REPOSITORY,
		    r->store->ops->where(r->store));
	return 0;
}

/* Each manifest says its own format: a repository that lost its record can
 * still be restored from. */
static int
without_record(struct repo *r, struct err *err)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	const char *where = r->store->ops->where(r->store);

	if (repo_folders(r, "", &s, err))
		return -1;
	if (s.count == 0)
		return err_set(err, ERR_NOTFOUND,
		    "there is no repository in %s; the first backup makes it",
		    where);
	log_warning("'%s' is missing in %s, and %zu sets are there: going on",
	    LAYOUT_REPOSITORY, where, s.count);
	return 0;
}

/* Whoever else makes one at the same moment: the one that is read counts. */
static int
start(struct repo *r, bool create, struct err *err)
{
	if (r->store->ops->open(r->store, err))
		return -1;
	if (record_read(r, err) == 0)
		return 0;
	if (!err_is(err, ERR_NOTFOUND))
		return -1;
	if (!create)
		return without_record(r, err);
	if (record_write(r, err) && !err_is(err, ERR_EXISTS))
		return -1;
	return record_read(r, err);
}

int
repo_open(struct store *store, bool create, struct repo **ret, struct err *err)
{
	AUTO(repo) struct repo *r = calloc(1, sizeof *r);

	if (!r) {
		store_free(store);
		return err_nomem(err);
	}
	r->store = store;
	if (start(r, create, err))
		return -1;
	*ret = TAKE(r);
	return 0;
}

void
repo_free(struct repo *r)
{
	if (!r)
		return;
	copies_free(r->copies);
	store_free(r->store);
	free(r);
}

/* --- which sets there are */

void
repo_sets_done(struct repo_sets *s)
{
	free(s->set);
	*s = (struct repo_sets){ 0 };
}

static int
add_set(struct repo_sets *s, const char *folder, struct err *err)
{
	struct repo_set one = { 0 }, *p;

	if (!layout_folder_id(folder, one.id))
		return 0; /* not ours */
	memcpy(one.folder, folder, sizeof one.folder);
	p = realloc(s->set, (s->count + 1) * sizeof *p);
	if (!p)
		return err_nomem(err);
	s->set = p;
	s->set[s->count++] = one;
	return 0;
}

static int
on_folder(void *arg, const char *key, const struct store_stat *st,
    struct err *err)
{
	char folder[LAYOUT_FOLDER_SIZE];
	const char *name = key + sizeof LAYOUT_SETS - 1;

	if (!st->folder || strlen(name) != sizeof folder)
		return 0;
	memcpy(folder, name, sizeof folder - 1);
	folder[sizeof folder - 1] = '\0';
	return add_set(arg, folder, err);
}

int
repo_folders(struct repo *r, const char *id, struct repo_sets *ret,
    struct err *err)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	char prefix[sizeof LAYOUT_SETS + LAYOUT_FOLDER_SIZE];

	(void)snprintf(prefix, sizeof prefix, LAYOUT_SETS "%.20s", id);
	if (r->store->ops->list(r->store, prefix, false, on_folder, &s, err))
		return -1;
	*ret = s;
	s = (struct repo_sets){ 0 };
	return 0;
}

static int
on_file(void *arg, const char *key, const struct store_stat *st,
    struct err *err)
{
	struct repo_set *s = arg;

	(void)err;
	s->gave_up = s->gave_up || str_ends(key, "/" LAYOUT_FAILED);
	if (str_ends(key, "/" LAYOUT_OPEN))
		s->opened = st->mtime;
	/* the first second of 1970 is a time as well */
	if (s->newest == 0 || st->mtime > s->newest)
		s->newest = st->mtime ? st->mtime : 1;
	return 0;
}

static int
has_manifest(struct repo *r, const char *folder, bool *ret, struct err *err)
{
	char key[LAYOUT_KEY_SIZE];
	struct store_stat st;

	if (layout_key(folder, LAYOUT_MANIFEST, key, err))
		return -1;
	if (r->store->ops->stat(r->store, key, &st, err) == 0) {
		*ret = true;
		return 0;
	}
	*ret = false;
	return err_is(err, ERR_NOTFOUND) ? 0 : -1;
}

static int
look_into(struct repo *r, struct repo_set *s, struct err *err)
{
	char prefix[sizeof LAYOUT_SETS + LAYOUT_FOLDER_SIZE];

	if (has_manifest(r, s->folder, &s->committed, err))
		return -1;
	if (s->committed)
		return 0;
	(void)snprintf(prefix, sizeof prefix, LAYOUT_SETS "%s/", s->folder);
	if (r->store->ops->list(r->store, prefix, true, on_file, s, err))
		return -1;
	s->running = s->newest && !s->gave_up &&
	             r->store->ops->now(r->store) - s->newest < REPO_DEAD_S;
	return 0;
}

/* Whether it is marked; what is left of a removed set is not a run. */
static int
look_at_marks(struct repo *r, struct repo_sets *s, struct err *err)
{
	AUTO(notes) struct notes n = { 0 };

	if (s->count == 0)
		return 0;
	if (notes_list(r, s->count == 1 ? s->set[0].folder : NULL, &n, err))
		return -1;
	for (size_t i = 0; i < s->count; i++) {
		struct notes_state state;

		notes_state(&n, s->set[i].folder, &state);
		s->set[i].deleted = state.deleted != 0;
		s->set[i].running = s->set[i].running && !s->set[i].deleted;
	}
	return 0;
}

/* Fill in what is known of each; those of which nothing is left go. */
static int
look_into_all(struct repo *r, struct repo_sets *s, struct err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (look_into(r, &s->set[i], err))
			return err_wrap(err, "set '%s'", s->set[i].id);
		if (s->set[i].committed || s->set[i].newest)
			s->set[kept++] = s->set[i];
	}
	s->count = kept;
	return look_at_marks(r, s, err);
}

int
repo_list(struct repo *r, struct repo_sets *ret, struct err *err)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };

	if (repo_folders(r, "", &s, err) || look_into_all(r, &s, err))
		return -1;
	*ret = s;
	s = (struct repo_sets){ 0 };
	return 0;
}

/* --- manifests */

static int
named_sets(struct repo *r, const char *name, struct repo_sets *s,
    struct err *err)
{
	char id[LAYOUT_ID_SIZE];

	if (layout_folder_id(name, id))
		return add_set(s, name, err);
	if (!layout_is_id(name))
		return err_set(err, ERR_USAGE,
		    "'%.80s' is no backup id such as 2026-11-20T16:28:00Z",
		    name);
	return repo_folders(r, name, s, err);
}

static int
no_single_set(const struct repo_sets *s, const char *name, struct err *err)
{
	const struct repo_set *last = s->count ? &s->set[s->count - 1] : NULL;

	if (!last)
		return err_set(err, ERR_NOTFOUND, "there is no backup '%s'",
		    name);
	if (!last->committed && last->deleted)
		return err_set(err, ERR_NOTFOUND, "backup '%s' was deleted",
		    name);
	if (!last->committed)
		return err_set(err, ERR_USAGE,
		    last->running ? "backup '%s' is still in progress"
		                  : "backup '%s' has failed: it was never "
		                    "finished",
		    name);
	return err_set(err, ERR_USAGE,
	    "there are two backups '%s': say '%s' or '%s'", name,
	    s->set[0].folder, last->folder);
}

int
repo_folder(struct repo *r, const char *name, char folder[LAYOUT_FOLDER_SIZE],
    struct err *err)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	size_t kept = 0;

	if (named_sets(r, name, &s, err) || look_into_all(r, &s, err))
		return -1;
	for (size_t i = 0; i < s.count; i++)
		if (s.set[i].committed)
			s.set[kept++] = s.set[i];
	if (kept > 0)
		s.count = kept;
	if (kept != 1)
		return no_single_set(&s, name, err);
	memcpy(folder, s.set[0].folder, sizeof s.set[0].folder);
	return 0;
}

static int
parse(const struct buf *b, const char *folder, struct manifest **ret,
    struct err *err)
{
	AUTO(manifest) struct manifest *m = NULL;

	if (manifest_decode(b->data, b->len, &m, err))
		return -1;
	if (strcmp(m->folder, folder) != 0)
		return err_set(err, ERR_CORRUPT, "it is the manifest of '%s'",
		    m->folder);
	*ret = TAKE(m);
	return 0;
}

static int
load(struct repo *r, const char *folder, struct buf *text,
    struct manifest **ret, struct err *err)
{
	char key[LAYOUT_KEY_SIZE];

	if (layout_key(folder, LAYOUT_MANIFEST, key, err))
		return -1;
	if (buf_reserve(text, 0, err) ||
	    store_get_bytes(r->store, key, text, err) ||
	    parse(text, folder, ret, err))
		return err_wrap(err, "'%s'", key);
	return 0;
}

int
repo_manifest(struct repo *r, const char *id, struct manifest **ret,
    struct err *err)
{
	AUTO(buf) struct buf text = { .max = MANIFEST_MAX };
	char folder[LAYOUT_FOLDER_SIZE];

	if (repo_folder(r, id, folder, err))
		return -1;
	return load(r, folder, &text, ret, err);
}

int
repo_manifest_in(struct repo *r, const char *folder, struct manifest **ret,
    struct err *err)
{
	AUTO(buf) struct buf text = { .max = MANIFEST_MAX };

	return load(r, folder, &text, ret, err);
}

int
repo_manifest_text(struct repo *r, const char *id, struct buf *ret,
    struct err *err)
{
	AUTO(buf) struct buf text = { .max = MANIFEST_MAX };
	AUTO(manifest) struct manifest *m = NULL;
	char folder[LAYOUT_FOLDER_SIZE];

	if (repo_folder(r, id, folder, err) || load(r, folder, &text, &m, err))
		return -1;
	return buf_add(ret, text.data, text.len, err);
}

static bool
holds(const struct manifest *m, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct manifest_component *c = manifest_find(m, names[i]);

		if (!c || c->status == MANIFEST_FAILED)
			return false;
	}
	return true;
}

static bool
none_failed(const struct manifest *m)
{
	for (size_t i = 0; i < m->ncomponents; i++)
		if (m->component[i].status == MANIFEST_FAILED)
			return false;
	return true;
}

/* One that has none is not finished.  What another set would not help against
 * is the caller's to know. */
static int
load_or_pass(struct repo *r, const struct repo_set *s, struct manifest **ret,
    struct err *err)
{
	AUTO(buf) struct buf text = { .max = MANIFEST_MAX };

	if (load(r, s->folder, &text, ret, err) == 0 ||
	    err_is(err, ERR_NOTFOUND))
		return 0;
	if (!err_is(err, ERR_CORRUPT) && !err_is(err, ERR_USAGE))
		return -1;
	log_warning("set '%s' cannot be built on, passing it over: %s", s->id,
	    err->msg);
	return 0;
}

/* The newest of the first *n that can be read; *n: how many are older.  No
 * further than needed, and no look before it: not repo_list. */
static int
newest_of(struct repo *r, const struct repo_sets *s, size_t *n,
    struct manifest **ret, struct err *err)
{
	*ret = NULL;
	while (*n > 0 && !*ret)
		if (!s->set[--*n].deleted &&
		    load_or_pass(r, &s->set[*n], ret, err))
			return -1;
	return 0;
}

int
repo_latest(struct repo *r, const char *const *names, size_t n,
    struct manifest **ret, struct err *err)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	AUTO(manifest) struct manifest *m = NULL;
	size_t left;

	if (repo_folders(r, "", &s, err) || look_at_marks(r, &s, err))
		return -1;
	left = s.count;
	do {
		manifest_free(TAKE(m));
		if (newest_of(r, &s, &left, &m, err))
			return -1;
	} while (m && !(n > 0 ? holds(m, names, n) : none_failed(m)));
	*ret = TAKE(m);
	return 0;
}

int
repo_latest_each(struct repo *r, struct repo_sets *s, const char *const *names,
    size_t n, struct manifest **ret, struct err *err)
{
	size_t left = s->count, missing = n;

	if (look_at_marks(r, s, err))
		return -1;
	while (missing > 0) {
		struct manifest *m = NULL;
		bool used = false;

		if (newest_of(r, s, &left, &m, err))
			return -1;
		if (!m)
			break;
		for (size_t i = 0; i < n; i++) {
			if (ret[i] || !holds(m, &names[i], 1))
				continue;
			ret[i] = m;
			used = true;
			missing--;
		}
		if (!used)
			manifest_free(m);
	}
	return 0;
}

/* --- files */

/* The bytes as they are stored, compared with the manifest, to `to` (owned). */
static int
fetch(struct repo *r, const struct manifest_file *f, struct sink *to,
    struct err *err)
{
	AUTO(sink) struct sink *head = NULL;

	if (sink_expect_new(to, "the file", f->size, f->sha256, &head, err) ||
	    r->store->ops->get(r->store, f->path, 0, STORE_ALL, head, err))
		return -1;
	return sink_finish(head, err);
}

/* The manifest says for whom a set is: to none of the keys that were looked at
 * before means that the file's header was changed. */
static int
is_damaged(struct repo *r, const struct manifest_file *f, struct err *err)
{
	struct err why = { 0 };
	struct sink *null = NULL;

	if (sink_null_new(&null, &why) || fetch(r, f, null, &why))
		*err = why;
	return -1;
}

static int
read_file(struct repo *r, const struct manifest_file *f, struct sink *to,
    struct err *err)
{
	AUTO(sink) struct sink *head = NULL;
	bool age = layout_is_age(f->path);

	if (sink_outlet_new(to, &head, err) ||
	    (layout_is_zstd(f->path) &&
	        sink_unzstd_new(TAKE(head), &head, err)) ||
	    (age && sink_unage_new(TAKE(head), repo_keys(r), &head, err)))
		return -1;
	if (fetch(r, f, TAKE(head), err) == 0)
		return 0;
	return age && err_is(err, ERR_DENIED) ? is_damaged(r, f, err) : -1;
}

int
repo_read(struct repo *r, const struct manifest_file *f, struct sink *to,
    struct err *err)
{
	if (read_file(r, f, to, err) || sink_finish(to, err))
		return err_wrap(err, "'%s'", f->path);
	return 0;
}

int
repo_verify(struct repo *r, const struct manifest_file *f, struct err *err)
{
	struct sink *to = NULL;

	if (sink_null_new(&to, err) || fetch(r, f, to, err))
		return err_wrap(err, "'%s'", f->path);
	return 0;
}

int
repo_fetch(struct repo *r, const struct manifest_file *f, struct sink *to,
    struct err *err)
{
	struct sink *head = NULL;

	if (sink_outlet_new(to, &head, err) || fetch(r, f, head, err))
		return err_wrap(err, "'%s'", f->path);
	return 0;
}

int
repo_stat(struct repo *r, const struct manifest_file *f, struct err *err)
{
	struct store_stat st;

	if (r->store->ops->stat(r->store, f->path, &st, err))
		return err_wrap(err, "'%s'", f->path);
	if (st.size != f->size)
		return err_set(err, ERR_CORRUPT,
		    "'%s' has %ju bytes, not the %ju it should have", f->path,
		    (uintmax_t)st.size, (uintmax_t)f->size);
	return 0;
}

/* --- what dead runs left */

/* Mostly there is nothing, and then nobody has to know which runs are dead. */
static bool
nothing_unfinished(struct repo *r)
{
	struct err ignored = { 0 };
	bool any = true;

	return r->store->ops->unfinished(r->store, LAYOUT_SETS, &any,
	           &ignored) == 0 &&
	       !any;
}

int
repo_sweep(struct repo *r, unsigned *n, struct err *err)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	unsigned total = 0;

	*n = 0;
	if (nothing_unfinished(r))
		return 0;
	if (repo_list(r, &s, err))
		return -1;
	for (size_t i = 0; i < s.count; i++) {
		char prefix[sizeof LAYOUT_SETS + LAYOUT_FOLDER_SIZE];
		unsigned some = 0;

		if (s.set[i].committed || s.set[i].running)
			continue;
		(void)snprintf(prefix, sizeof prefix, LAYOUT_SETS "%s/",
		    s.set[i].folder);
		if (r->store->ops->sweep(r->store, prefix,
		        r->store->ops->now(r->store), &some, err))
			return err_wrap(err, "set '%s'", s.set[i].id);
		total += some;
	}
	*n = total;
	return 0;
}
