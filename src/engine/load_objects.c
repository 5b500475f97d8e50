#include "engine/load_objects.h"

#include <string.h>

#include "base/pool.h"
#include "base/str.h"
#include "engine/sink_meter.h"
#include "repo/inventory.h"
#include "repo/pack.h"

enum {
	BATCH = 64,             /* objects of one job */
	BATCH_LEAST = 16,       /* of few objects: that all workers get some */
	BATCH_SPAN = 512 << 10, /* bytes of a pack that they may cover */
	OPEN = 8,               /* packs that neighbours may lie in by turns */
	AHEAD = 8, /* packs that were asked for last, before they are needed */
	/* Of packs in files: two that neighbours lie in by turns, the two
	 * behind them, and one more. */
	SPOOLED = 5 * (PACK_SIZE + 2 * PACK_OBJECT_MAX),
	ENTRY_COST = 4 << 10, /* with headers and tags */
};

struct load {
	const struct load_env *env;
	const struct object_target *target;
	struct pack_reader *packs;
	struct pool *pool;
	struct inventory *inventory;
	struct object have; /* the target's next */
	bool have_more;
	struct batch *open[OPEN]; /* being filled; NULL: none */
	size_t next;              /* of them, the one to give up */
	const struct manifest_file *ahead[AHEAD];
	size_t nahead; /* of all that were asked for */
	size_t most;   /* objects of one job */
};

struct batch {
	struct load *l;
	size_t n;
	struct inventory_entry want[BATCH];
	struct object have[BATCH]; /* no key: the target has none */
	bool needed[BATCH];
	uint64_t low, high; /* of the pack, what all of them cover */
	uint64_t from, to;  /* and what the needed ones do */
	uint64_t spare;     /* bytes that only reading them takes */
};

/* --- a worker's part */

static void
batch_free(struct batch *b)
{
	for (size_t i = 0; b && i < b->n; i++) {
		inventory_entry_done(&b->want[i]);
		object_done(&b->have[i]);
	}
	free(b);
}

static int
file_of(const struct load *l, const char *path,
    const struct manifest_file **ret, struct err *err)
{
	*ret = manifest_file_of(l->env->mc, path);
	return *ret ? 0
	            : err_set(err, ERR_CORRUPT,
	                  "the inventory names '%s', which the manifest does "
	                  "not know",
	                  path);
}

/* Which of them must be written, and what part of the pack they cover. */
static int
compare(struct batch *b, struct err *err)
{
	const struct object_target *t = b->l->target;

	b->from = UINT64_MAX;
	b->to = 0;
	for (size_t i = 0; i < b->n; i++) {
		const struct inventory_entry *w = &b->want[i];
		bool same = false;

		if (b->have[i].key && t->same(t->arg, &w->object, w->sha256,
		                          &b->have[i], &same, err))
			return -1;
		b->needed[i] = !same;
		if (same || !w->packed)
			continue;
		if (w->offset < b->from)
			b->from = w->offset;
		if (w->offset + w->object.size > b->to)
			b->to = w->offset + w->object.size;
	}
	return 0;
}

static void
count(struct batch *b, size_t i)
{
	struct load_counts *c = b->l->env->counts;
	uint64_t size = b->want[i].object.size;

	progress_add(b->l->env->meter, 1,
	    b->needed[i] && !b->l->env->dry_run ? 0 : size);
	if (!b->needed[i]) {
		atomic_fetch_add(&c->unchanged, 1);
		return;
	}
	atomic_fetch_add(&c->written, 1);
	atomic_fetch_add(&c->written_bytes, size);
}

/* From memory: a packed object, or one without bytes. */
static int
put_bytes(struct batch *b, size_t i, const char *data, struct err *err)
{
	const struct load_env *env = b->l->env;
	const struct object_target *t = b->l->target;
	const struct inventory_entry *w = &b->want[i];
	AUTO(sink) struct sink *to = NULL;
	uint8_t digest[SHA256_SIZE];

	if (sha256_of(data, w->object.size, digest, err))
		return -1;
	if (memcmp(digest, w->sha256, sizeof digest) != 0)
		/* the file is hashed too: only where it was written wrong */
		return err_set(err, ERR_CORRUPT,
		    "'%s': the bytes of object '%s' are not what the "
		    "inventory says",
		    w->file ? w->file : "inventory", w->object.key);
	if (t->put(t->arg, &w->object, NULL, &to, err) ||
	    sink_write(to, data, w->object.size, err) || sink_finish(to, err))
		return -1;
	progress_add(env->meter, 0, w->object.size);
	return 0;
}

static int
put_from(struct batch *b, const char *data, struct err *err)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->needed[i] &&
		    put_bytes(b, i, data + (b->want[i].offset - b->from), err))
			return -1;
	return 0;
}

static int
put_packed(struct batch *b, struct err *err)
{
	const struct manifest_file *file;
	AUTO(free) char *data = NULL;
	size_t len = (size_t)(b->to - b->from);
	int rc;

	if (file_of(b->l, b->want[0].file, &file, err))
		return -1;
	data = malloc(len);
	if (!data)
		return err_nomem(err);
	if (pack_read(b->l->packs, file, b->from, data, len, err))
		return -1;
	pool_give(b->l->pool, b->spare);
	rc = put_from(b, data, err);
	pool_take(b->l->pool, b->spare);
	return rc;
}

/* Stored as it is: the file's SHA-256, which repo_read compares, is the
 * object's. */
static bool
is_stored_as_is(const struct manifest_file *f, const struct inventory_entry *w)
{
	return !layout_is_zstd(f->path) && !layout_is_age(f->path) &&
	       f->size == w->object.size &&
	       memcmp(f->sha256, w->sha256, sizeof w->sha256) == 0;
}

/* A file of its own streams from store to target; it appears there only when
 * every byte of it was right. */
static int
put_file(struct batch *b, struct err *err)
{
	const struct load_env *env = b->l->env;
	const struct object_target *t = b->l->target;
	const struct inventory_entry *w = &b->want[0];
	const struct manifest_file *file;
	AUTO(sink) struct sink *to = NULL;
	AUTO(sink) struct sink *meter = NULL;
	bool far_failed = false;

	if (file_of(b->l, w->file, &file, err) ||
	    t->put(t->arg, &w->object, b->l->pool, &to, err) ||
	    (env->limits.ahead &&
	        sink_queue_new(TAKE(to), env->limits.ahead, &to, err)) ||
	    (!is_stored_as_is(file, w) &&
	        sink_expect_new(TAKE(to), w->file, w->object.size, w->sha256,
	            &to, err)) ||
	    sink_meter_new(to, env->meter, &far_failed, &meter, err) ||
	    repo_read(env->repo, file, meter, err))
		return -1;
	return sink_finish(to, err);
}

/* As when it was saved: the second part is for any that is on its way. */
static int
put_large(struct batch *b, struct err *err)
{
	const uint64_t beside = b->l->env->limits.beside;
	int rc;

	pool_give(b->l->pool, beside);
	rc = put_file(b, err);
	pool_take(b->l->pool, beside);
	return rc;
}

static int
put_needed(struct batch *b, struct err *err)
{
	if (b->to > 0)
		return put_packed(b, err);
	for (size_t i = 0; i < b->n; i++) {
		if (!b->needed[i])
			continue;
		if (b->want[i].file ? put_large(b, err)
		                    : put_bytes(b, i, "", err))
			return -1;
	}
	return 0;
}

static int
batch_run(void *arg, struct err *err)
{
	struct batch *b = arg;
	int rc = compare(b, err);

	if (rc == 0 && !b->l->env->dry_run)
		rc = put_needed(b, err);
	for (size_t i = 0; rc == 0 && i < b->n; i++)
		count(b, i);
	batch_free(b);
	return rc;
}

/* --- the walk */

/* Bytes that the job may hold.  Of a pack: the part that is wanted, and more
 * while it is read; once more the object that is put. */
static uint64_t
cost_of(struct batch *b)
{
	const struct limits *l = &b->l->env->limits;
	uint64_t entries = (uint64_t)b->n * ENTRY_COST, span, most = 0;

	if (!b->want[0].packed)
		return entries + (b->want[0].file ? l->large + l->beside : 0);
	span = b->high - b->low;
	for (size_t i = 0; i < b->n; i++)
		if (b->want[i].object.size > most)
			most = b->want[i].object.size;
	b->spare = PACK_READ_COST;
	return entries + span + most + b->spare;
}

static int
flush(struct load *l, size_t i, struct err *err)
{
	struct batch *b = TAKE(l->open[i]);

	if (!b)
		return 0;
	if (pool_run(l->pool, batch_run, b, cost_of(b), err) == 0)
		return 0;
	batch_free(b);
	return -1;
}

static int
flush_all(struct load *l, struct err *err)
{
	for (size_t i = 0; i < OPEN; i++)
		if (flush(l, i, err))
			return -1;
	return 0;
}

static uint64_t
end_of(const struct inventory_entry *e)
{
	return e->offset + e->object.size;
}

/* May stand in one job with those that are in it: same pack, near.  Workers
 * wrote them, so they lie there in no order. */
static bool
fits(const struct batch *b, const struct inventory_entry *e)
{
	const struct inventory_entry *first = &b->want[0];
	uint64_t low = e->offset < b->low ? e->offset : b->low,
	         high = end_of(e) > b->high ? end_of(e) : b->high;

	if (b->n == b->l->most || !e->packed != !first->packed ||
	    !e->file != !first->file)
		return false;
	if (!e->file)
		return true;
	return e->packed && strcmp(e->file, first->file) == 0 &&
	       high - low <= BATCH_SPAN;
}

struct ahead {
	struct pack_reader *packs;
	const struct manifest_file *file;
};

static int
ahead_run(void *arg, struct err *err)
{
	struct ahead *a = arg;
	int rc = pack_load(a->packs, a->file, err);

	free(a);
	return rc;
}

static bool
is_ahead(const struct load *l, const struct manifest_file *f)
{
	for (size_t i = 0; i < AHEAD; i++)
		if (l->ahead[i] == f)
			return true;
	return false;
}

/* While there is still work on the packs before it, so that nobody waits. */
static int
load_ahead(struct load *l, const char *path, struct err *err)
{
	const struct manifest_file *f = NULL;
	struct ahead *a;

	if (file_of(l, path, &f, err))
		return -1;
	if (is_ahead(l, f))
		return 0;
	l->ahead[l->nahead++ % AHEAD] = f;
	a = calloc(1, sizeof *a);
	if (!a)
		return err_nomem(err);
	*a = (struct ahead){ l->packs, f };
	if (pool_run_first(l->pool, ahead_run, a, 0, err) == 0)
		return 0;
	free(a);
	return -1;
}

/* The place of a job that it fits into: one that is open, or a new one. */
static int
place_for(struct load *l, const struct inventory_entry *e, size_t *ret,
    struct err *err)
{
	size_t i;

	for (i = 0; i < OPEN; i++)
		if (l->open[i] && fits(l->open[i], e)) {
			*ret = i;
			return 0;
		}
	i = l->next++ % OPEN;
	if (flush(l, i, err))
		return -1;
	l->open[i] = calloc(1, sizeof *l->open[i]);
	if (!l->open[i])
		return err_nomem(err);
	l->open[i]->l = l;
	l->open[i]->low = e->offset;
	l->open[i]->high = end_of(e);
	*ret = i;
	return 0;
}

static int
add(struct load *l, struct inventory_entry *e, struct object *have,
    struct err *err)
{
	struct batch *b;
	size_t i = 0;

	/* what is there may turn out to be the same */
	if (e->packed && !have->key && !l->env->dry_run &&
	    load_ahead(l, e->file, err))
		return -1;
	if (place_for(l, e, &i, err))
		return -1;
	b = l->open[i];
	if (e->offset < b->low)
		b->low = e->offset;
	if (end_of(e) > b->high)
		b->high = end_of(e);
	b->want[b->n] = *e;
	object_move(&b->have[b->n++], have);
	*e = (struct inventory_entry){ 0 };
	return 0;
}

static int
next_have(struct load *l, struct err *err)
{
	object_done(&l->have);
	return l->target->list_next(l->target->arg, &l->have, &l->have_more,
	    err);
}

/* Go past what is before the key (NULL: the rest): not in the set. */
static int
skip_extra(struct load *l, const char *key,
    int (*extra)(struct load *, struct err *), struct err *err)
{
	while (l->have_more && (!key || strcmp(l->have.key, key) < 0))
		if (extra(l, err) || next_have(l, err))
			return -1;
	return 0;
}

static int
count_extra(struct load *l, struct err *err)
{
	(void)err;
	l->env->counts->extra++;
	return 0;
}

struct removal {
	struct load *l;
	char *key;
};

static int
removal_run(void *arg, struct err *err)
{
	struct removal *r = arg;
	const struct object_target *t = r->l->target;
	int rc = t->remove(t->arg, r->key, err);

	if (rc == 0)
		atomic_fetch_add(&r->l->env->counts->removed, 1);
	free(r->key);
	free(r);
	return rc;
}

static int
remove_extra(struct load *l, struct err *err)
{
	struct removal *r = calloc(1, sizeof *r);

	if (!r)
		return err_nomem(err);
	*r = (struct removal){ .l = l, .key = TAKE(l->have.key) };
	if (pool_run(l->pool, removal_run, r, ENTRY_COST, err) == 0)
		return 0;
	free(r->key);
	free(r);
	return -1;
}

/* One walk: `wanted` gets each entry of the inventory, `extra` each object of
 * the target that is in none. */
static int
walk(struct load *l,
    int (*wanted)(struct load *, struct inventory_entry *, struct err *),
    int (*extra)(struct load *, struct err *), struct err *err)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	bool more = true;

	inventory_free(TAKE(l->inventory));
	if (inventory_open(l->env->repo, l->env->mc, &l->inventory, err) ||
	    next_have(l, err))
		return -1;
	for (;;) {
		if (inventory_next(l->inventory, &e, &more, err))
			return -1;
		if (!more)
			return skip_extra(l, NULL, extra, err);
		if (skip_extra(l, e.object.key, extra, err) ||
		    wanted(l, &e, err))
			return -1;
	}
}

static bool
here(const struct load *l, const struct inventory_entry *e)
{
	return l->have_more && strcmp(l->have.key, e->object.key) == 0;
}

static int
put_wanted(struct load *l, struct inventory_entry *e, struct err *err)
{
	struct object none = { 0 };

	if (!here(l, e))
		return add(l, e, &none, err);
	if (add(l, e, &l->have, err))
		return -1;
	return next_have(l, err);
}

static int
keep_wanted(struct load *l, struct inventory_entry *e, struct err *err)
{
	return here(l, e) ? next_have(l, err) : 0;
}

static int
run(struct load *l, struct err *err)
{
	const struct load_env *env = l->env;
	const struct pack_scratch scratch = { env->scratch, SPOOLED };
	const struct pool_size size = limits_pool(&env->limits);

	if (pack_reader_new(env->repo, &scratch, &l->packs, err) ||
	    pool_new(&size, &l->pool, err) ||
	    walk(l, put_wanted, count_extra, err) || flush_all(l, err) ||
	    pool_wait(l->pool, err))
		return -1;
	if (!env->exact || env->counts->extra == 0)
		return 0;
	if (env->dry_run)
		atomic_store(&env->counts->removed, env->counts->extra);
	else if (walk(l, keep_wanted, remove_extra, err) ||
	         pool_wait(l->pool, err))
		return -1;
	env->counts->extra = 0;
	return 0;
}

/* Many in one job: the frames around them are read once.  Some for each
 * worker: they put one object after the other. */
static size_t
batch_size(const struct load_env *env)
{
	uint64_t share = env->mc->objects / (4 * env->limits.transfers + 1);

	if (share < BATCH_LEAST)
		return BATCH_LEAST;
	return share < BATCH ? (size_t)share : (size_t)BATCH;
}

int
load_objects(const struct load_env *env, const struct object_target *target,
    struct err *err)
{
	struct load l = {
		.env = env, .target = target, .most = batch_size(env)
	};
	int rc;

	/* the manifest is hashed: only one that somebody wrote by hand */
	if (!manifest_inventory_of(env->mc))
		return err_set(err, ERR_CORRUPT,
		    "the set has no inventory of '%s'", env->mc->name);
	rc = run(&l, err);
	pool_free(l.pool);
	for (size_t i = 0; i < OPEN; i++)
		batch_free(l.open[i]);
	pack_reader_free(l.packs);
	inventory_free(l.inventory);
	object_done(&l.have);
	return rc;
}
