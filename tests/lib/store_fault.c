#include "store_fault.h"

#include <string.h>

struct store_broken {
	struct store store;
	struct store *real;
	struct store_fault *plan;
};

struct broken_sink {
	struct sink sink;
	struct store_fault *plan;
};

static struct store_broken *
of(struct store *st)
{
	return (struct store_broken *)st;
}

/* Count one operation; true: this one goes wrong. */
static bool
strikes(struct store_fault *p)
{
	long n = atomic_fetch_add(&p->seen, 1);
	bool hit = p->at >= 0 && (p->from ? n >= p->at : n == p->at);

	if (hit)
		atomic_fetch_add(&p->hits, 1);
	return hit;
}

static int
injected(const struct store_fault *p, struct err *err)
{
	return err_set(err, p->code, "injected");
}

/* The frame of every operation without bytes. */
#define BROKEN(plan, call)                                   \
	__extension__({                                      \
		bool hit_ = strikes(plan);                   \
		int rc_ = hit_ && (plan)->kind != FAULT_LATE \
		              ? injected(plan, err)          \
		              : (call);                      \
		hit_ &&rc_ == 0 ? injected(plan, err) : rc_; \
	})

/* Write what is left of p under the plan. */
static int
write_damaged(const struct store_fault *plan, struct sink *to, const char *p,
    size_t n, struct err *err)
{
	char *copy;
	int rc;

	if (plan->kind == FAULT_SHORT)
		return sink_write(to, p, n / 2, err);
	copy = malloc(n);
	if (!copy)
		return err_nomem(err);
	memcpy(copy, p, n);
	copy[n / 2] ^= 1;
	rc = sink_write(to, copy, n, err);
	free(copy);
	return rc;
}

static int
broken_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct store_fault *plan = ((struct broken_sink *)s)->plan;

	if (!strikes(plan))
		return sink_write(s->next, p, n, err);
	if (plan->kind == FAULT_SHORT || plan->kind == FAULT_CORRUPT)
		return write_damaged(plan, s->next, p, n, err);
	if (plan->kind == FAULT_LATE && sink_write(s->next, p, n, err))
		return -1;
	return injected(plan, err);
}

/* The real sink is finished here, to be able to fail behind it. */
static int
broken_finish(struct sink *s, struct err *err)
{
	struct store_fault *plan = ((struct broken_sink *)s)->plan;
	struct sink *real = TAKE(s->next);
	int rc = BROKEN(plan, sink_finish(real, err));

	sink_free(real);
	return rc;
}

static void
broken_sink_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops broken_sink_ops = {
	.name = "fault",
	.write = broken_write,
	.finish = broken_finish,
	.free = broken_sink_free,
};

static int
put_through(struct store_broken *b, const char *key, struct pool *spare,
    struct sink **ret, struct err *err)
{
	struct broken_sink *s = calloc(1, sizeof *s);
	struct sink *real = NULL;

	if (!s)
		return err_nomem(err);
	if (b->real->ops->put(b->real, key, spare, &real, err)) {
		free(s);
		return -1;
	}
	s->plan = b->plan;
	*ret = sink_init(&s->sink, &broken_sink_ops, real);
	return 0;
}

static int
broken_put(struct store *st, const char *key, struct pool *spare,
    struct sink **ret, struct err *err)
{
	struct store_broken *b = of(st);
	AUTO(sink) struct sink *s = NULL;

	if (BROKEN(b->plan, put_through(b, key, spare, &s, err)))
		return -1;
	*ret = TAKE(s);
	return 0;
}

static int
broken_open(struct store *st, struct err *err)
{
	struct store *real = of(st)->real;

	return BROKEN(of(st)->plan, real->ops->open(real, err));
}

/* Damages the first piece that comes by, then passes on. */
struct damage {
	struct sink sink;
	struct store_fault *plan;
	struct sink *to;
	bool done;
};

static int
damage_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct damage *d = (struct damage *)s;

	if (d->done)
		return d->plan->kind == FAULT_SHORT
		           ? 0
		           : sink_write(d->to, p, n, err);
	d->done = true;
	return write_damaged(d->plan, d->to, p, n, err);
}

static const struct sink_ops damage_ops = {
	.name = "fault",
	.write = damage_write,
};

static int
broken_get(struct store *st, const char *key, uint64_t off, uint64_t len,
    struct sink *to, struct err *err)
{
	struct store_fault *plan = of(st)->plan;
	struct store *real = of(st)->real;
	struct damage d = { .plan = plan, .to = to };

	if (!strikes(plan))
		return real->ops->get(real, key, off, len, to, err);
	if (plan->kind == FAULT_SHORT || plan->kind == FAULT_CORRUPT)
		return real->ops->get(real, key, off, len,
		    sink_init(&d.sink, &damage_ops, NULL), err);
	if (plan->kind == FAULT_LATE &&
	    real->ops->get(real, key, off, len, to, err))
		return -1;
	return injected(plan, err);
}

static int
broken_stat(struct store *st, const char *key, struct store_stat *ret,
    struct err *err)
{
	struct store *real = of(st)->real;

	return BROKEN(of(st)->plan, real->ops->stat(real, key, ret, err));
}

static int
broken_list(struct store *st, const char *prefix, bool deep, store_list_fn *fn,
    void *arg, struct err *err)
{
	struct store *real = of(st)->real;

	return BROKEN(of(st)->plan,
	    real->ops->list(real, prefix, deep, fn, arg, err));
}

static int
broken_remove(struct store *st, const char *key, struct err *err)
{
	struct store *real = of(st)->real;

	return BROKEN(of(st)->plan, real->ops->remove(real, key, err));
}

static int
broken_sweep(struct store *st, const char *prefix, int64_t before, unsigned *n,
    struct err *err)
{
	struct store *real = of(st)->real;

	return BROKEN(of(st)->plan,
	    real->ops->sweep(real, prefix, before, n, err));
}

static int
broken_unfinished(struct store *st, const char *prefix, bool *any,
    struct err *err)
{
	struct store *real = of(st)->real;

	return BROKEN(of(st)->plan,
	    real->ops->unfinished(real, prefix, any, err));
}

static int
broken_room(struct store *st, uint64_t *bytes, struct err *err)
{
	struct store *real = of(st)->real;

	return BROKEN(of(st)->plan, real->ops->room(real, bytes, err));
}

static int64_t
broken_now(struct store *st)
{
	struct store *real = of(st)->real;

	return real->ops->now(real);
}

static const char *
broken_where(const struct store *st)
{
	const struct store *real = ((const struct store_broken *)st)->real;

	return real->ops->where(real);
}

static void
broken_free(struct store *st)
{
	store_free(of(st)->real);
	free(st);
}

static const struct store_ops broken_ops = {
	.type = "fault",
	.open = broken_open,
	.put = broken_put,
	.get = broken_get,
	.stat = broken_stat,
	.list = broken_list,
	.remove = broken_remove,
	.sweep = broken_sweep,
	.unfinished = broken_unfinished,
	.room = broken_room,
	.now = broken_now,
	.where = broken_where,
	.free = broken_free,
};

int
store_fault_new(struct store *st, struct store_fault *plan, struct store **ret,
    struct err *err)
{
	AUTO(store) struct store *owned = st;
	struct store_broken *b = calloc(1, sizeof *b);

	if (!b)
		return err_nomem(err);
	b->store.ops = &broken_ops;
	b->real = TAKE(owned);
	b->plan = plan;
	*ret = &b->store;
	return 0;
}
