#include "engine/save_objects.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/pool.h"
#include "base/str.h"
#include "engine/cut_ahead.h"
#include "engine/packers.h"
#include "engine/window.h"
#include "repo/inventory.h"

/* gcc 12 takes for lost what the manifest's component holds. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

enum {
	WINDOW = 4096,          /* objects between the oldest and the newest */
	WINDOW_BYTES = 2 << 20, /* of lines that wait for the oldest */
	ATTEMPTS = 5,           /* at an object that keeps changing */
	SMALL_COST = 8 << 10,   /* beside the object's own bytes */
};

struct save_objects {
	struct save_env env;
	struct packers packers;
	struct pool *pool;
	struct window *window;
	struct sink *inventory;
	struct inventory *before;    /* NULL: none, or at its end */
	struct cut_ahead *cuts;      /* NULL: nobody asked */
	struct inventory_entry last; /* the one of before that comes next */
	uint64_t skip; /* so many of its lines are before our keys */
	bool before_broken;
	char *last_key;   /* added */
	struct monitor m; /* guards the component's gone and unread */
	uint64_t unread;
};

struct job {
	struct save_objects *s;
	struct object_source source;
	uint64_t place;
	struct object object;
	bool far_failed; /* the repository did, not the source */
};

/* --- lines leave in key order */

/* An object that is done: its line of the inventory. */
struct line {
	uint64_t size; /* of the object */
	size_t len;
	char text[];
};

static size_t
memory_of(const struct line *l)
{
	return l ? sizeof *l + l->len : 0;
}

static int
copy_line(const char *text, size_t len, uint64_t size, struct line **ret,
    struct err *err)
{
	struct line *l = malloc(sizeof *l + len);

	if (!l)
		return err_nomem(err);
	l->size = size;
	l->len = len;
	memcpy(l->text, text, len);
	*ret = l;
	return 0;
}

/* ERR_CORRUPT: the format cannot hold it. */
static int
make_line(const struct inventory_entry *e, struct line **ret, struct err *err)
{
	AUTO(buf) struct buf text = { .max = INVENTORY_LINE_MAX };

	if (inventory_encode(e, &text, err))
		return -1;
	return copy_line(text.data, text.len, e->object.size, ret, err);
}

/* Of an object that is unchanged: the same bytes again. */
static int
same_line(const struct save_objects *s, struct line **ret, struct err *err)
{
	size_t len;
	const char *text = inventory_line(s->before, &len);

	return copy_line(text, len, s->last.object.size, ret, err);
}

static int
leave(void *ctx, void *item, struct err *err)
{
	struct save_objects *s = ctx;
	struct line *l = item;
	int rc = sink_write(s->inventory, l->text, l->len, err);

	if (rc == 0) {
		s->env.mc->objects++;
		s->env.mc->bytes += l->size;
	}
	free(l);
	return rc;
}

/* --- what a worker does with one object */

static int
save_small(struct job *j, struct inventory_entry *e, struct err *err)
{
	struct save_objects *s = j->s;
	AUTO(sink) struct sink *mem = NULL;
	AUTO(sink) struct sink *meter = NULL;
	char path[LAYOUT_KEY_SIZE];
	const char *data;
	size_t len;

	if (sink_mem_new(PACK_OBJECT_MAX, &mem, err) ||
	    sink_mem_expect(mem, (size_t)j->object.size, err) ||
	    sink_meter_new(mem, s->env.meter, &j->far_failed, &meter, err) ||
	    j->source.fetch(j->source.arg, &j->object, meter, err))
		return -1;
	data = sink_mem_data(mem, &len);
	j->object.size = len;
	if (sha256_of(data ? data : "", len, e->sha256, err))
		return -1;
	if (len == 0)
		return 0;
	j->far_failed = true;
	if (packers_add(&s->packers, data, len, e->sha256, path, &e->offset,
	        err))
		return -1;
	e->packed = true;
	return str_dup(path, &e->file, err);
}

static int
save_file(struct job *j, struct inventory_entry *e, struct err *err)
{
	struct save_objects *s = j->s;
	char stem[96], ending[16], name[LAYOUT_KEY_SIZE], path[LAYOUT_KEY_SIZE];
	AUTO(sink) struct sink *file = NULL;
	AUTO(sink) struct sink *meter = NULL;

	(void)snprintf(stem, sizeof stem, "%s/object", s->env.mc->name);
	(void)snprintf(ending, sizeof ending, "-%06u",
	    atomic_fetch_add(s->env.object_number, 1) + 1);
	if (set_own_name(s->env.set, stem, ending, name, err) ||
	    set_file(s->env.set, s->env.mc, name, SET_PROBE, path, &file,
	        err) ||
	    sink_meter_new(file, s->env.meter, &j->far_failed, &meter, err)) {
		j->far_failed = true;
		return -1;
	}
	set_file_hash(file, e->sha256);
	set_file_ahead(file, s->env.limits.ahead);
	set_file_spare(file, s->pool);
	if (j->source.fetch(j->source.arg, &j->object, meter, err))
		return -1;
	j->far_failed = true;
	j->object.size = file->bytes;
	if (sink_finish(file, err))
		return -1;
	return str_dup(path, &e->file, err);
}

/* Admitted where there was room for two parts, so that few are begun at once.
 * It keeps one; the other is for parts on their way, whoever's they are. */
static int
save_large(struct job *j, struct inventory_entry *e, struct err *err)
{
	struct save_objects *s = j->s;
	int rc;

	pool_give(s->pool, s->env.limits.beside);
	rc = save_file(j, e, err);
	pool_take(s->pool, s->env.limits.beside);
	return rc;
}

static int
save_one(struct job *j, struct inventory_entry *e, struct err *err)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		bool small = j->object.size <= PACK_OBJECT_MAX;
		int rc = small ? save_small(j, e, err) : save_large(j, e, err);

		if (rc == 0 || j->far_failed || !err_is(err, ERR_CHANGED))
			return rc;
	}
	return err_set(err, ERR_REMOTE,
	    "it changed each of the %d times that it was read", ATTEMPTS);
}

static int
note_unread(struct save_objects *s, const char *key, const struct err *why,
    struct err *err)
{
	struct manifest_component *mc = s->env.mc;

	if (s->unread++ >= MANIFEST_UNREAD)
		return 0;
	log_warning("component '%s': object '%s' is left out: %s", mc->name,
	    key, why->msg);
	if (str_dup(key, &mc->unread[mc->nunread], err))
		return -1;
	mc->nunread++;
	return 0;
}

/*
 * An error that is one object's own: the set goes on without it.  A source
 * that does not answer, or our own trouble, ends the component.
 */
static int
left_out(struct job *j, const struct err *why, struct err *err)
{
	struct save_objects *s = j->s;
	int rc = 0;

	if (j->far_failed || err_is(why, ERR_NOMEM) ||
	    err_is(why, ERR_TRANSIENT)) {
		*err = *why;
		return -1;
	}
	monitor_enter(&s->m);
	if (err_is(why, ERR_NOTFOUND))
		s->env.mc->gone++;
	else
		rc = note_unread(s, j->object.key, why, err);
	monitor_leave(&s->m);
	return rc;
}

static void
job_free(struct job *j)
{
	object_done(&j->object);
	free(j);
}

static int
save_line(struct job *j, struct line **ret, struct err *err)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };

	if (save_one(j, &e, err))
		return -1;
	object_move(&e.object, &j->object);
	j->far_failed = false;
	if (make_line(&e, ret, err) == 0)
		return 0;
	object_move(&j->object, &e.object); /* to be named */
	return -1;
}

/* Saved: its line leaves. */
static int
job_end(struct job *j, struct line *l, struct err *err)
{
	struct save_objects *s = j->s;

	monitor_enter(&s->m);
	s->env.mc->new_objects++;
	monitor_leave(&s->m);
	progress_add(s->env.meter, 1, 0);
	return window_done(s->window, j->place, l, memory_of(l), err);
}

static int
job_run(void *arg, struct err *err)
{
	struct job *j = arg;
	struct line *l = NULL;
	struct err why = { 0 };
	int rc;

	if (save_line(j, &l, &why) == 0) {
		rc = job_end(j, l, err);
	} else {
		rc = left_out(j, &why, err);
		window_skip(j->s->window, j->place);
	}
	job_free(j);
	return rc;
}

/* --- the walk */

/* Damage can be helped: everything is read again.  No answer cannot. */
static int
before_failed(struct save_objects *s, const struct err *err)
{
	s->before_broken =
	    err_is(err, ERR_CORRUPT) || err_is(err, ERR_NOTFOUND);
	return -1;
}

static int
next_before(struct save_objects *s, bool *more, struct err *err)
{
	uint64_t n = s->skip;

	s->skip = 0;
	return inventory_skip(s->before, n, err) ||
	               inventory_next(s->before, &s->last, more, err)
	           ? before_failed(s, err)
	           : 0;
}

/* Bring `last` to the first entry that is not before the key. */
static int
advance(struct save_objects *s, const char *key, struct err *err)
{
	while (s->before &&
	       (!s->last.object.key || strcmp(s->last.object.key, key) < 0)) {
		bool more = false;

		if (next_before(s, &more, err))
			return -1;
		if (!more) {
			inventory_free(TAKE(s->before));
			inventory_entry_done(&s->last);
		}
	}
	return 0;
}

/* The file that an unchanged object lies in stays needed. */
static int
keep_file(struct save_objects *s, const char *path, struct err *err)
{
	const struct manifest_file *f;

	f = manifest_file_of(s->env.before, path);
	if (!f) {
		s->before_broken = true;
		/* both are hashed: only where they were written wrong */
		return err_set(err, ERR_CORRUPT,
		    "the manifest of the set before does not name '%s'", path);
	}
	return manifest_files_add(&s->env.mc->needs, f->path, f->size,
	    f->sha256, err);
}

static int
add_unchanged(struct save_objects *s, uint64_t place, struct err *err)
{
	struct line *l = NULL;

	if ((s->last.file && keep_file(s, s->last.file, err)) ||
	    same_line(s, &l, err)) {
		window_skip(s->window, place);
		return -1;
	}
	progress_add(s->env.meter, 1, s->last.object.size);
	inventory_entry_done(&s->last);
	return window_done(s->window, place, l, memory_of(l), err);
}

static int
add_new(struct save_objects *s, const struct object_source *source,
    uint64_t place, struct object *o, struct err *err)
{
	struct job *j = calloc(1, sizeof *j);
	const struct limits *l = &s->env.limits;
	uint64_t cost = o->size <= PACK_OBJECT_MAX ? o->size + SMALL_COST
	                                           : l->large + l->beside;

	if (!j) {
		window_skip(s->window, place);
		return err_nomem(err);
	}
	*j = (struct job){ .s = s, .source = *source, .place = place };
	object_move(&j->object, o);
	if (pool_run(s->pool, job_run, j, cost, err) == 0)
		return 0;
	window_skip(s->window, place);
	job_free(j);
	return -1;
}

static int
check_order(struct save_objects *s, const char *key, struct err *err)
{
	char *copy = NULL;

	if (s->last_key && strcmp(s->last_key, key) >= 0)
		return err_set(err, ERR_REMOTE,
		    "the listing is not in the order of keys: '%s' comes "
		    "after '%s'",
		    key, s->last_key);
	if (str_dup(key, &copy, err))
		return -1;
	free(s->last_key);
	s->last_key = copy;
	return 0;
}

int
save_objects_add(struct save_objects *s, const struct object_source *source,
    struct object *o, struct err *err)
{
	uint64_t place;

	if (check_order(s, o->key, err) || advance(s, o->key, err) ||
	    window_enter(s->window, &place, err))
		return -1;
	if (s->before && strcmp(s->last.object.key, o->key) == 0 &&
	    object_unchanged(&s->last.object, o)) {
		object_done(o);
		return add_unchanged(s, place, err);
	}
	return add_new(s, source, place, o, err);
}

int
save_objects_next_cut(struct save_objects *s, char **key, struct err *err)
{
	const struct manifest_component *before = s->env.before;

	*key = NULL;
	if (!before || !manifest_inventory_of(before) ||
	    before->objects <= CUT_EVERY ||
	    (!s->cuts && !pool_hold(s->pool, s->env.limits.lanes)))
		return 0;
	if (!s->cuts &&
	    cut_ahead_new(s->env.repo, before, s->env.begin, &s->cuts, err))
		return before_failed(s, err);
	return cut_ahead_next(s->cuts, key, err);
}

/* --- beginning and end */

static int
open_before(struct save_objects *s, struct err *err)
{
	const struct manifest_component *before = s->env.before;

	if (!before || !manifest_inventory_of(before))
		return 0;
	if (!s->env.begin)
		return inventory_open(s->env.repo, before, &s->before, err);
	s->skip = s->env.begin->line;
	return inventory_open_from(s->env.repo, before, s->env.begin->segment,
	    &s->before, err);
}

static int
init_packers(struct save_objects *s, struct err *err)
{
	const struct packers_env env = { .set = s->env.set,
		.mc = s->env.mc,
		.number = s->env.pack_number,
		.pool = s->pool,
		.cost = s->env.limits.pack };

	return packers_init(&s->packers, &env, err);
}

static int
prepare(struct save_objects *s, struct err *err)
{
	const struct save_env *e = &s->env;
	const struct pool_size size = limits_pool(&e->limits);
	char stem[96], name[LAYOUT_KEY_SIZE];

	if (!e->mc->unread)
		e->mc->unread = calloc(MANIFEST_UNREAD, sizeof(char *));
	if (!e->mc->unread)
		return err_nomem(err);
	(void)snprintf(stem, sizeof stem, "%s.inventory", e->mc->name);
	if (set_own_name(e->set, stem, ".jsonl", name, err) ||
	    set_file(e->set, e->mc, name, SET_ZSTD, NULL, &s->inventory, err) ||
	    window_new(&(struct window_size){ WINDOW, WINDOW_BYTES }, leave, s,
	        &s->window, err) ||
	    pool_new(&size, &s->pool, err) || init_packers(s, err))
		return -1;
	return open_before(s, err);
}

int
save_objects_new(const struct save_env *env, struct save_objects **out,
    struct err *err)
{
	AUTO(save_objects) struct save_objects *s = calloc(1, sizeof *s);

	if (!s)
		return err_nomem(err);
	s->env = *env;
	monitor_init(&s->m);
	if (prepare(s, err))
		return -1;
	*out = TAKE(s);
	return 0;
}

static int
degrade(struct save_objects *s, struct err *err)
{
	struct manifest_component *mc = s->env.mc;

	if (s->unread == 0)
		return 0;
	mc->status = MANIFEST_DEGRADED;
	free(TAKE(mc->message));
	return str_printf(&mc->message, err,
	    "%ju of its objects could not be read, the first: '%s'",
	    (uintmax_t)s->unread, mc->nunread ? mc->unread[0] : "");
}

/* The rest of the set before is read too: only its end proves it right.  Of a
 * part, the end of the file that it ends in is enough. */
static int
finish_before(struct save_objects *s, struct err *err)
{
	bool more = s->before != NULL;

	if (more && s->env.begin)
		return inventory_drain(s->before, err) ? before_failed(s, err)
		                                       : 0;

	while (more)
		if (next_before(s, &more, err))
			return -1;
	return 0;
}

int
save_objects_end(struct save_objects *s, struct err *err)
{
	if (pool_wait(s->pool, err) || finish_before(s, err) ||
	    packers_end(&s->packers, err) || sink_finish(s->inventory, err))
		return -1;
	return degrade(s, err);
}

bool
save_objects_before_broken(const struct save_objects *s)
{
	return s->before_broken;
}

void
save_objects_free(struct save_objects *s)
{
	if (!s)
		return;
	cut_ahead_free(s->cuts);
	pool_free(s->pool);
	window_free(s->window, free);
	packers_done(&s->packers);
	sink_free(s->inventory);
	inventory_free(s->before);
	inventory_entry_done(&s->last);
	monitor_done(&s->m);
	free(s->last_key);
	free(s);
}
