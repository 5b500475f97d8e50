#include "store/store.h"

/* Another store, whose bytes come and go no faster than the limit. */
struct store_rate {
	struct store store;
	struct store *to;
	struct rate *receive, *send;
};

static struct store_rate *
of(struct store *st)
{
	return (struct store_rate *)st;
}

static int
open_it(struct store *st, struct err *err)
{
	return of(st)->to->ops->open(of(st)->to, err);
}

static int
put(struct store *st, const char *key, struct pool *spare, struct sink **ret,
    struct err *err)
{
	struct sink *s = NULL;

	if (of(st)->to->ops->put(of(st)->to, key, spare, &s, err))
		return -1;
	return sink_rate_new(s, of(st)->send, ret, err);
}

static int
get(struct store *st, const char *key, uint64_t off, uint64_t len,
    struct sink *to, struct err *err)
{
	AUTO(sink) struct sink *paced = NULL;
	struct sink *outlet = NULL;

	if (sink_outlet_new(to, &outlet, err) ||
	    sink_rate_new(outlet, of(st)->receive, &paced, err))
		return -1;
	return of(st)->to->ops->get(of(st)->to, key, off, len, paced, err);
}

static int
look_up(struct store *st, const char *key, struct store_stat *ret,
    struct err *err)
{
	return of(st)->to->ops->stat(of(st)->to, key, ret, err);
}

static int
list(struct store *st, const char *prefix, bool deep, store_list_fn *fn,
    void *arg, struct err *err)
{
	return of(st)->to->ops->list(of(st)->to, prefix, deep, fn, arg, err);
}

static int
remove_key(struct store *st, const char *key, struct err *err)
{
	return of(st)->to->ops->remove(of(st)->to, key, err);
}

static int
sweep(struct store *st, const char *prefix, int64_t before, unsigned *n,
    struct err *err)
{
	return of(st)->to->ops->sweep(of(st)->to, prefix, before, n, err);
}

static int
unfinished(struct store *st, const char *prefix, bool *any, struct err *err)
{
	return of(st)->to->ops->unfinished(of(st)->to, prefix, any, err);
}

static int
room(struct store *st, uint64_t *bytes, struct err *err)
{
	return of(st)->to->ops->room(of(st)->to, bytes, err);
}

static int64_t
now(struct store *st)
{
	return of(st)->to->ops->now(of(st)->to);
}

static const char *
where(const struct store *st)
{
	const struct store *to = ((const struct store_rate *)st)->to;

	return to->ops->where(to);
}

static void
release(struct store *st)
{
	store_free(of(st)->to);
	free(st);
}

static const struct store_ops ops = {
	.type = "rate",
	.open = open_it,
	.put = put,
	.get = get,
	.stat = look_up,
	.list = list,
	.remove = remove_key,
	.sweep = sweep,
	.unfinished = unfinished,
	.room = room,
	.now = now,
	.where = where,
	.free = release,
};

int
store_rate_new(struct store *to, struct rate *receive, struct rate *send,
    struct store **ret, struct err *err)
{
	AUTO(store) struct store *owned = to;
	struct store_rate *d = calloc(1, sizeof *d);

	if (!d)
		return err_nomem(err);
	d->store.ops = &ops;
	d->to = TAKE(owned);
	d->receive = receive;
	d->send = send;
	*ret = &d->store;
	return 0;
}
