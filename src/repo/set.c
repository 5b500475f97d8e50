#include "repo/set.h"

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "repo/copies.h"
#include "repo/guide.h"
#include "repo/names.h"
#include "repo/repo_files.h"
#include "repo/repo_keys.h"
#include "repo/set_impl.h"
#include "store/store.h"

enum {
	SMALL_MAX = 64 << 10, /* open.json, alive-<n>.json */
	GUIDE_MAX = 4 << 20,
	SECONDS_MAX = 3600, /* how far an id may run ahead of the clock */
	TRIES = 8           /* against writers of the same second */
};

const char *
set_id(const struct set *s)
{
	return s->manifest->id;
}

const char *
set_folder(const struct set *s)
{
	return s->manifest->folder;
}

const struct manifest *
set_manifest(const struct set *s)
{
	return s->manifest;
}

struct repo_sets *
set_others(struct set *s)
{
	return &s->others;
}

const char *
set_share(const struct set *s)
{
	return s->share ? s->share : "";
}

int
set_own_name(const struct set *s, const char *stem, const char *ending,
    char name[LAYOUT_KEY_SIZE], struct err *err)
{
	int n = snprintf(name, LAYOUT_KEY_SIZE, "%s%s%s%s", stem,
	    s->share ? "-" : "", set_share(s), ending);

	return n < LAYOUT_KEY_SIZE ? 0
	                           : err_set(err, ERR_USAGE,
	                                 "the name '%.80s…' is too long", stem);
}

int
set_put_small(struct set *s, const char *file, const struct buf *b,
    struct err *err)
{
	char key[LAYOUT_KEY_SIZE];

	if (layout_key(set_folder(s), file, key, err))
		return -1;
	if (store_put_bytes(s->store, key, b->data, b->len, err))
		return err_wrap(err, "'%s'", key);
	return 0;
}

/* --- signs of life */

static int
say_alive(struct set *s, unsigned n, struct err *err)
{
	AUTO(buf) struct buf b = { .max = SMALL_MAX };
	char file[64], now[DATE_ISO_SIZE];

	date_iso(clock_now(s->clock), now);
	(void)snprintf(file, sizeof file, LAYOUT_ALIVE "%.30s%s%u.json",
	    set_share(s), s->share ? "-" : "", n);
	if (buf_printf(&b, err, "{\"alive\":\"%s\"}\n", now))
		return -1;
	return set_put_small(s, file, &b, err);
}

/* Inside the monitor.  False: the set is at its end. */
static bool
wait_alive(struct set *s)
{
	bool in_time = true;

	while (!s->quit && in_time)
		in_time = monitor_wait_ms(&s->m, s->alive_ms);
	return !s->quit;
}

static void *
keep_alive(void *arg)
{
	struct set *s = arg;

	monitor_enter(&s->m);
	for (unsigned n = 1; wait_alive(s); n++) {
		struct err err = { 0 };

		monitor_leave(&s->m);
		if (say_alive(s, n, &err))
			log_warning("set '%s': no sign of life written: %s",
			    set_id(s), err.msg);
		monitor_enter(&s->m);
	}
	monitor_leave(&s->m);
	return NULL;
}

static void
stop_alive(struct set *s)
{
	monitor_enter(&s->m);
	s->quit = true;
	monitor_wake(&s->m);
	monitor_leave(&s->m);
	thread_join(&s->alive);
}

static int
check_open(struct set *s, struct err *err)
{
	char key[LAYOUT_KEY_SIZE];
	struct store_stat st;

	if (layout_key(set_folder(s), LAYOUT_OPEN, key, err))
		return -1;
	if (s->store->ops->stat(s->store, key, &st, err) == 0)
		return 0;
	if (!err_is(err, ERR_NOTFOUND))
		return -1;
	return err_set(err, ERR_CHANGED,
	    "somebody removed the set while it was written");
}

/* --- begin */

static int
count_folders(struct set *s, const char *id, size_t *n, struct err *err)
{
	AUTO(repo_sets) struct repo_sets found = { 0 };

	if (repo_folders(s->repo, id, &found, err))
		return -1;
	*n = found.count;
	return 0;
}

static size_t
count_seen(const struct repo_sets *seen, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < seen->count; i++)
		n += strcmp(seen->set[i].id, id) == 0;
	return n;
}

/* The first second from now on that no set is named after. */
static int
free_id(struct set *s, const struct repo_sets *seen, char id[LAYOUT_ID_SIZE],
    struct err *err)
{
	int64_t now = s->store->ops->now(s->store);

	for (int i = 0; i < SECONDS_MAX; i++) {
		size_t n;

		date_iso(now + i, id);
		if (seen)
			n = count_seen(seen, id);
		else if (count_folders(s, id, &n, err))
			return -1;
		if (n == 0)
			return 0;
	}
	return err_set(err, ERR_EXISTS,
	    "every backup id of the next hour is taken already");
}

static int
take_names(struct set *s, const char *id, struct err *err)
{
	struct manifest *m = s->manifest;
	uint8_t random[4];
	char hex[2 * sizeof random + 1];

	if (rand_bytes(random, sizeof random, err))
		return -1;
	str_hex(random, sizeof random, hex);
	free(TAKE(m->id));
	free(TAKE(m->folder));
	if (str_dup(id, &m->id, err))
		return -1;
	return str_printf(&m->folder, err, "%s-%s", id, hex);
}

static int
write_open(struct set *s, struct err *err)
{
	AUTO(buf) struct buf b = { .max = SMALL_MAX };
	const struct manifest *m = s->manifest;
	char started[DATE_ISO_SIZE];
	struct jsonw w;

	date_iso(m->started, started);
	jsonw_begin(&w, &b, 2);
	jsonw_object(&w, NULL);
	jsonw_u64(&w, "format", MANIFEST_FORMAT);
	jsonw_str(&w, "backup-id", m->id);
	jsonw_str(&w, "folder", m->folder);
	jsonw_str(&w, "name", m->name);
	jsonw_opt_str(&w, "label", m->label);
	jsonw_str(&w, "tool", m->tool);
	jsonw_str(&w, "by", m->by);
	jsonw_str(&w, "started", started);
	/* so that the next writer knows it without a manifest */
	manifest_encode_recipients(&w, m);
	jsonw_close(&w);
	if (jsonw_end(&w, err) || buf_puts(&b, "\n", err))
		return -1;
	return set_put_small(s, LAYOUT_OPEN, &b, err);
}

/* So that neither meets the other again: one to three seconds. */
static int
back_off(struct set *s, struct err *err)
{
	char key[LAYOUT_KEY_SIZE];
	struct err ignored = { 0 };
	uint16_t random;

	log_info("another backup took the id '%s' as well, choosing again",
	    set_id(s));
	if (layout_key(set_folder(s), LAYOUT_OPEN, key, err) ||
	    rand_bytes(&random, sizeof random, err))
		return -1;
	/* What stays is a set without a manifest, shown as failed. */
	(void)s->store->ops->remove(s->store, key, &ignored);
	clock_sleep_ms(s->clock, 1000 + random % 2000u);
	return 0;
}

/* Who else is there now, and how many of them have our id. */
static int
look_around(struct set *s, size_t *rivals, struct err *err)
{
	struct repo_sets *o = &s->others;
	size_t kept = 0;

	repo_sets_done(o);
	if (repo_folders(s->repo, "", o, err))
		return -1;
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->set[i].folder, set_folder(s)) != 0)
			o->set[kept++] = o->set[i];
	o->count = kept;
	*rivals = count_seen(o, set_id(s));
	return 0;
}

/*
 * Without any help of the store: each writer first writes, then looks.  Of two
 * who take the same second, whoever looks last sees both; if both do, both
 * give way.  Even if neither did, the folders would differ: the id would be
 * ambiguous then, and nothing lost.
 */
static int
take_id(struct set *s, const struct repo_sets *seen, struct err *err)
{
	for (int i = 0; i < TRIES; i++) {
		char id[LAYOUT_ID_SIZE];
		size_t rivals;

		if (free_id(s, seen, id, err) || take_names(s, id, err) ||
		    write_open(s, err) || look_around(s, &rivals, err))
			return -1;
		if (rivals == 0)
			return 0;
		if (back_off(s, err))
			return -1;
		seen = NULL; /* it is of long ago now */
	}
	return err_set(err, ERR_EXISTS,
	    "other backups took every id that was tried; try again");
}

static int
dup_opt(const char *from, char **to, struct err *err)
{
	return from && *from ? str_dup(from, to, err) : 0;
}

static int
describe(struct set *s, const struct set_options *o, struct err *err)
{
	struct manifest *m = calloc(1, sizeof *m);

	s->manifest = m;
	if (!m)
		return err_nomem(err);
	/* All at once: what set_component hands out stays where it is. */
	m->component = calloc(MANIFEST_COMPONENTS, sizeof *m->component);
	if (!m->component)
		return err_nomem(err);
	m->started = clock_now(o->clock);
	m->finished = m->started;
	if (str_dup(o->name, &m->name, err) ||
	    dup_opt(o->label, &m->label, err) ||
	    str_dup(o->tool, &m->tool, err) || str_dup(o->by, &m->by, err))
		return -1;
	return 0;
}

static struct set *
set_new(struct repo *r, const struct set_options *o)
{
	struct set *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	monitor_init(&s->m);
	s->repo = r;
	s->store = repo_store(r);
	s->clock = o->clock;
	s->alive_ms = o->alive_ms ? o->alive_ms : REPO_ALIVE_S * 1000u;
	return s;
}

int
set_begin(struct repo *r, const struct set_options *o, struct set **ret,
    struct err *err)
{
	AUTO(set) struct set *s = set_new(r, o);

	if (!s)
		return err_nomem(err);
	if (describe(s, o, err) || repo_keys_name(r, s->manifest, err) ||
	    take_id(s, o->seen, err) ||
	    thread_start(&s->alive, keep_alive, s, err))
		return -1;
	s->begun = true;
	*ret = TAKE(s);
	return 0;
}

/* All at once, as describe has it. */
static int
make_room(struct manifest *m, struct err *err)
{
	struct manifest_component *c =
	    calloc(MANIFEST_COMPONENTS, sizeof *m->component);

	if (!c)
		return err_nomem(err);
	if (m->ncomponents > 0)
		memcpy(c, m->component, m->ncomponents * sizeof *c);
	free(m->component);
	m->component = c;
	return 0;
}

int
set_attach(struct repo *r, const struct set_options *o, struct manifest *m,
    struct set **ret, struct err *err)
{
	AUTO(set) struct set *s = set_new(r, o);

	if (!s) {
		manifest_free(m);
		return err_nomem(err);
	}
	s->manifest = m;
	/* a sign of life at once: it may have been silent for long */
	if (make_room(m, err) || str_dup(o->share, &s->share, err) ||
	    check_open(s, err) || say_alive(s, 0, err) ||
	    thread_start(&s->alive, keep_alive, s, err))
		return -1;
	*ret = TAKE(s);
	return 0;
}

void
set_leave(struct set *s)
{
	s->begun = false;
}

/* So that nobody takes it for a running one; if not even this can be written,
 * its silence tells after REPO_DEAD_S. */
static void
say_failed(struct set *s)
{
	AUTO(buf) struct buf b = { .max = SMALL_MAX };
	char now[DATE_ISO_SIZE];
	struct err err = { 0 };

	date_iso(clock_now(s->clock), now);
	if (buf_printf(&b, &err, "{\"failed\":\"%s\"}\n", now) ||
	    set_put_small(s, LAYOUT_FAILED, &b, &err))
		log_debug("set '%s': %s", set_id(s), err.msg);
}

void
set_free(struct set *s)
{
	if (!s)
		return;
	stop_alive(s);
	if (s->begun && !s->committed)
		say_failed(s);
	monitor_done(&s->m);
	manifest_free(s->manifest);
	buf_done(&s->names);
	repo_sets_done(&s->others);
	free(s->share);
	free(s);
}

/* --- contents */

int
set_parent(struct set *s, const char *id, struct err *err)
{
	free(TAKE(s->manifest->parent));
	return str_dup(id, &s->manifest->parent, err);
}

int
set_component(struct set *s, const char *name, const char *type,
    struct manifest_component **ret, struct err *err)
{
	struct manifest *m = s->manifest;
	struct manifest_component c = { .started = m->started,
		.finished = m->started };

	if (!layout_is_name(name) || !manifest_is_type(type))
		return err_set(err, ERR_USAGE,
		    "component '%.80s' of type '%.80s': not a name for one",
		    name, type);
	if (manifest_find(m, name))
		return err_set(err, ERR_USAGE,
		    "component '%s' is there already", name);
	if (m->ncomponents == MANIFEST_COMPONENTS)
		return err_set(err, ERR_USAGE,
		    "more than %d components in one set", MANIFEST_COMPONENTS);
	if (str_dup(name, &c.name, err) || str_dup(type, &c.type, err)) {
		manifest_component_done(&c);
		return -1;
	}
	*ret = &m->component[m->ncomponents];
	**ret = c;
	m->ncomponents++;
	return 0;
}

struct manifest_references *
set_references(struct set *s)
{
	return &s->manifest->references;
}

int
set_missing(struct set *s, const char *what, struct err *err)
{
	struct manifest *m = s->manifest;
	char *copy = NULL, **p;

	if (m->nmissing == MANIFEST_TEXTS)
		return err_set(err, ERR_USAGE,
		    "more than %d things are not in the set", MANIFEST_TEXTS);
	p = realloc(m->missing, (m->nmissing + 1) * sizeof *p);
	if (!p)
		return err_nomem(err);
	m->missing = p;
	if (str_dup(what, &copy, err))
		return -1;
	p[m->nmissing++] = copy;
	return 0;
}

/* --- commit */

static int
write_guide(struct set *s, struct err *err)
{
	AUTO(buf) struct buf b = { .max = GUIDE_MAX };
	struct manifest *m = s->manifest;
	uint8_t digest[SHA256_SIZE];
	char name[LAYOUT_KEY_SIZE], key[LAYOUT_KEY_SIZE];

	if (set_own_name(s, LAYOUT_GUIDE, ".md", name, err) ||
	    guide_write(m, s->store->ops->where(s->store), name, &b, err) ||
	    set_put_small(s, name, &b, err) ||
	    sha256_of(b.data, b.len, digest, err) ||
	    layout_key(set_folder(s), name, key, err))
		return -1;
	return manifest_files_add(&m->files, key, b.len, digest, err);
}

struct census {
	const struct manifest *manifest;
	size_t found;
	bool open; /* open.json is there */
};

static const struct manifest_file *
own_file(const struct manifest *m, const char *key)
{
	const struct manifest_file *f = manifest_files_find(&m->files, key);

	for (size_t i = 0; i < m->ncomponents && !f; i++)
		f = manifest_files_find(&m->component[i].files, key);
	return f;
}

static int
on_stored(void *arg, const char *key, const struct store_stat *st,
    struct err *err)
{
	struct census *c = arg;
	const struct manifest_file *f = own_file(c->manifest, key);

	c->open = c->open || str_ends(key, "/" LAYOUT_OPEN);
	if (!f)
		return 0;
	if (st->size != f->size)
		return err_set(err, ERR_CORRUPT,
		    "'%s' has %ju bytes, not the %ju that were written", key,
		    (uintmax_t)st->size, (uintmax_t)f->size);
	c->found++;
	return 0;
}

/* Say which is missing; none may be, where a store lists late. */
static int
name_missing(struct set *s, const struct manifest_files *f, struct err *err)
{
	for (size_t i = 0; i < f->count; i++)
		if (repo_stat(s->repo, &f->file[i], err))
			return -1;
	return 0;
}

static int
some_missing(struct set *s, struct err *err)
{
	const struct manifest *m = s->manifest;

	for (size_t i = 0; i < m->ncomponents; i++)
		if (name_missing(s, &m->component[i].files, err))
			return -1;
	return name_missing(s, &m->files, err);
}

/*
 * A store that lost a file, or a clean-up that took this set for a dead one,
 * would otherwise be found at a restore.  One listing costs next to nothing.
 */
static int
take_census(struct set *s, struct err *err)
{
	struct census c = { .manifest = s->manifest };
	char prefix[sizeof LAYOUT_SETS + LAYOUT_FOLDER_SIZE];
	size_t want = s->manifest->files.count;

	(void)snprintf(prefix, sizeof prefix, LAYOUT_SETS "%s/", set_folder(s));
	if (s->store->ops->list(s->store, prefix, true, on_stored, &c, err) ||
	    (!c.open && check_open(s, err)))
		return -1;
	for (size_t i = 0; i < s->manifest->ncomponents; i++)
		want += s->manifest->component[i].files.count;
	return c.found == want ? 0 : some_missing(s, err);
}

/* Of a machine that slept, the sets that it built on may be gone by now. */
static int
check_needs(struct set *s, struct err *err)
{
	const struct manifest *m = s->manifest;

	for (size_t i = 0; i < m->ncomponents; i++)
		if (repo_files_there(s->repo, &m->component[i].needs, err))
			return err_wrap(err, "built on a set that was deleted");
	return 0;
}

/* The names of the set's objects, and what else is not for everybody. */
static int
hide_names(struct set *s, struct err *err)
{
	AUTO(buf) struct buf b = { .max = NAMES_MAX };
	AUTO(sink) struct sink *to = NULL;
	struct manifest *m = s->manifest;
	char name[LAYOUT_KEY_SIZE];

	if (m->nrecipients == 0)
		return 0;
	if (names_encode(m, &b, err) ||
	    set_own_name(s, LAYOUT_NAMES, ".json", name, err) ||
	    set_file(s, NULL, name, SET_ZSTD, NULL, &to, err) ||
	    sink_write(to, b.data, b.len, err) || sink_finish(to, err))
		return -1;
	s->names = b;
	b = (struct buf){ 0 };
	return names_hide(m, err);
}

/* Copies of earlier inventories are of no use from now on. */
static void
retain_copies(struct set *s)
{
	struct copies *c = repo_copies(s->repo);
	const struct manifest *m = s->manifest;

	for (size_t i = 0; c && i < m->ncomponents; i++)
		copies_retain(c, &m->component[i]);
}

/* What cannot be read back is never written. */
static int
encode(struct set *s, struct buf *b, struct err *err)
{
	AUTO(manifest) struct manifest *again = NULL;

	if (manifest_encode(s->manifest, b, err))
		return -1;
	if (manifest_decode(b->data, b->len, &again, err))
		return err_wrap(err, "the manifest could not be read again");
	return 0;
}

/* A put whose answer got lost has happened all the same: look. */
static bool
is_there(struct set *s, const struct buf *want)
{
	AUTO(buf) struct buf have = { .max = MANIFEST_MAX };
	char key[LAYOUT_KEY_SIZE];
	struct err err = { 0 };

	return layout_key(set_folder(s), LAYOUT_MANIFEST, key, &err) == 0 &&
	       store_get_bytes(s->store, key, &have, &err) == 0 &&
	       have.len == want->len &&
	       memcmp(have.data, want->data, want->len) == 0;
}

static int
sort_files(struct manifest *m, struct err *err)
{
	for (size_t i = 0; i < m->ncomponents; i++)
		if (manifest_files_sort(&m->component[i].files, err) ||
		    manifest_files_sort(&m->component[i].needs, err))
			return -1;
	return 0;
}

static int
commit(struct set *s, struct err *err)
{
	AUTO(buf) struct buf b = { .max = MANIFEST_MAX };

	s->manifest->finished = clock_now(s->clock);
	if (hide_names(s, err) || sort_files(s->manifest, err) ||
	    write_guide(s, err) || take_census(s, err) || check_needs(s, err) ||
	    encode(s, &b, err))
		return -1;
	if (set_put_small(s, LAYOUT_MANIFEST, &b, err) && !is_there(s, &b))
		return -1;
	s->committed = true;
	return 0;
}

int
set_commit(struct set *s, struct err *err)
{
	if (s->committed)
		return err_set(err, ERR_USAGE, "the set is finished already");
	if (commit(s, err))
		return err_wrap(err, "set '%s'", set_id(s));
	stop_alive(s);
	retain_copies(s);
	return 0;
}

int
set_reveal(const struct set *s, struct manifest *m, struct err *err)
{
	return s->names.data ? names_apply(m, s->names.data, s->names.len, err)
	                     : 0;
}
