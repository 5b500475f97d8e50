#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/monitor.h"
#include "base/str.h"
#include "store/store.h"

struct object {
	struct object *next; /* by key */
	char *key;
	char *data;
	struct store_stat stat;
};

struct store_mem {
	struct store store;
	struct monitor m;
	struct object *first;
};

struct mem_sink {
	struct sink sink;
	struct store_mem *mem;
	struct object *object; /* NULL once it is published */
	struct buf buf;
};

static void
object_free(struct object *o)
{
	if (!o)
		return;
	free(o->key);
	free(o->data);
	free(o);
}

/* Where key stands, or would stand. */
static struct object **
place(struct store_mem *m, const char *key)
{
	struct object **at = &m->first;

	while (*at && strcmp((*at)->key, key) < 0)
		at = &(*at)->next;
	return at;
}

static struct object *
find(struct store_mem *m, const char *key)
{
	struct object *o = *place(m, key);

	return o && strcmp(o->key, key) == 0 ? o : NULL;
}

static int
not_found(const char *key, struct err *err)
{
	return err_set(err, ERR_NOTFOUND, "no object '%s'", key);
}

static int
mem_open(struct store *st, struct err *err)
{
	(void)st;
	(void)err;
	return 0;
}

static int
mem_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	return buf_add(&((struct mem_sink *)s)->buf, p, n, err);
}

/* Inside the monitor. */
static int
publish(struct mem_sink *s, struct err *err)
{
	struct object *o = s->object;
	struct object **at = place(s->mem, o->key);

	if (*at && strcmp((*at)->key, o->key) == 0)
		return err_set(err, ERR_EXISTS, "'%s' exists", o->key);
	o->stat.size = s->buf.len;
	o->stat.mtime = clock_now(clock_real());
	o->data = TAKE(s->buf.data);
	o->next = *at;
	*at = TAKE(s->object);
	return 0;
}

static int
mem_finish(struct sink *sink, struct err *err)
{
	struct mem_sink *s = (struct mem_sink *)sink;
	int rc;

	monitor_enter(&s->mem->m);
	rc = publish(s, err);
	monitor_leave(&s->mem->m);
	return rc;
}

static void
mem_sink_free(struct sink *sink)
{
	struct mem_sink *s = (struct mem_sink *)sink;

	object_free(s->object);
	buf_done(&s->buf);
	free(s);
}

static const struct sink_ops mem_sink_ops = {
	.name = "store",
	.write = mem_write,
	.finish = mem_finish,
	.free = mem_sink_free,
};

static int
mem_put(struct store *st, const char *key, struct pool *spare,
    struct sink **ret, struct err *err)
{
	AUTO(sink) struct sink *owned = NULL;
	struct mem_sink *s;

	(void)spare;
	if (store_check_key(key, err))
		return -1;
	s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem(err);
	owned = sink_init(&s->sink, &mem_sink_ops, NULL);
	s->mem = (struct store_mem *)st;
	s->buf.max = SIZE_MAX / 4;
	s->object = calloc(1, sizeof *s->object);
	if (!s->object)
		return err_nomem(err);
	if (str_dup(key, &s->object->key, err))
		return -1;
	*ret = TAKE(owned);
	return 0;
}

/* Inside the monitor: a copy, so that to is written to outside. */
static int
copy_range(struct store_mem *m, const char *key, uint64_t off, uint64_t len,
    struct buf *b, struct err *err)
{
	const struct object *o = find(m, key);

	if (!o)
		return not_found(key, err);
	if (off > o->stat.size ||
	    (len != STORE_ALL && len > o->stat.size - off))
		return err_set(err, ERR_CORRUPT, "'%s' has only %ju bytes", key,
		    (uintmax_t)o->stat.size);
	if (len == STORE_ALL)
		len = o->stat.size - off;
	return len ? buf_add(b, o->data + off, (size_t)len, err) : 0;
}

static void
scope_copy(struct buf *b)
{
	buf_done(b);
}

static int
mem_get(struct store *st, const char *key, uint64_t off, uint64_t len,
    struct sink *to, struct err *err)
{
	struct store_mem *m = (struct store_mem *)st;
	AUTO(copy) struct buf copy = { .max = SIZE_MAX / 4 };
	int rc;

	if (store_check_key(key, err))
		return -1;
	monitor_enter(&m->m);
	rc = copy_range(m, key, off, len, &copy, err);
	monitor_leave(&m->m);
	return rc ? -1 : sink_write(to, copy.data, copy.len, err);
}

static int
mem_stat(struct store *st, const char *key, struct store_stat *ret,
    struct err *err)
{
	struct store_mem *m = (struct store_mem *)st;
	const struct object *o;

	monitor_enter(&m->m);
	o = find(m, key);
	if (o)
		*ret = o->stat;
	monitor_leave(&m->m);
	return o ? 0 : not_found(key, err);
}

/* Behind a folder "a/" comes "a0": '0' is the character behind '/'. */
static int
next_key(struct store_mem *m, const char *prefix, bool deep, char **at,
    struct store_stat *stat, struct err *err)
{
	size_t n = *at ? strlen(*at) : 0;
	bool folder = n > 0 && (*at)[n - 1] == '/';
	const struct object *o;
	const char *slash;

	if (folder)
		(*at)[n - 1] = '/' + 1;
	o = *place(m, *at ? *at : prefix);
	if (*at && !folder && o && strcmp(o->key, *at) == 0)
		o = o->next;
	free(TAKE(*at));
	if (!o || !str_starts(o->key, prefix))
		return 0;
	slash = deep ? NULL : strchr(o->key + strlen(prefix), '/');
	*stat = o->stat;
	if (slash)
		*stat = (struct store_stat){ .folder = true };
	n = slash ? (size_t)(slash - o->key) + 1 : strlen(o->key);
	return str_printf(at, err, "%.*s", (int)n, o->key);
}

/* fn is called outside of the monitor: it may use the store. */
static int
mem_list(struct store *st, const char *prefix, bool deep, store_list_fn *fn,
    void *arg, struct err *err)
{
	struct store_mem *m = (struct store_mem *)st;
	AUTO(free) char *at = NULL;
	struct store_stat stat = { 0 };

	for (;;) {
		int rc;

		monitor_enter(&m->m);
		rc = next_key(m, prefix, deep, &at, &stat, err);
		monitor_leave(&m->m);
		if (rc || !at)
			return rc;
		rc = fn(arg, at, &stat, err);
		if (rc)
			return rc;
	}
}

static int
mem_remove(struct store *st, const char *key, struct err *err)
{
	struct store_mem *m = (struct store_mem *)st;
	struct object **at, *gone = NULL;

	(void)err;
	monitor_enter(&m->m);
	at = place(m, key);
	if (*at && strcmp((*at)->key, key) == 0) {
		gone = *at;
		*at = gone->next;
	}
	monitor_leave(&m->m);
	object_free(gone);
	return 0;
}

/* What is unfinished is only in its sink. */
static int
mem_sweep(struct store *st, const char *prefix, int64_t before, unsigned *n,
    struct err *err)
{
	(void)st;
	(void)prefix;
	(void)before;
	(void)err;
	*n = 0;
	return 0;
}

static int
mem_unfinished(struct store *st, const char *prefix, bool *any, struct err *err)
{
	(void)st;
	(void)prefix;
	(void)err;
	*any = false;
	return 0;
}

static int
mem_room(struct store *st, uint64_t *bytes, struct err *err)
{
	(void)st;
	(void)err;
	*bytes = UINT64_MAX;
	return 0;
}

static int64_t
mem_now(struct store *st)
{
	(void)st;
	return clock_now(clock_real());
}

static const char *
mem_where(const struct store *st)
{
	(void)st;
	return "memory";
}

static void
mem_free(struct store *st)
{
	struct store_mem *m = (struct store_mem *)st;

	while (m->first) {
		struct object *o = m->first;

		m->first = o->next;
		object_free(o);
	}
	monitor_done(&m->m);
	free(m);
}

static const struct store_ops mem_ops = {
	.type = "mem",
	.open = mem_open,
	.put = mem_put,
	.get = mem_get,
	.stat = mem_stat,
	.list = mem_list,
	.remove = mem_remove,
	.sweep = mem_sweep,
	.unfinished = mem_unfinished,
	.room = mem_room,
	.now = mem_now,
	.where = mem_where,
	.free = mem_free,
};

int
store_mem_new(struct store **ret, struct err *err)
{
	struct store_mem *m = calloc(1, sizeof *m);

	if (!m)
		return err_nomem(err);
	m->store.ops = &mem_ops;
	monitor_init(&m->m);
	*ret = &m->store;
	return 0;
}
