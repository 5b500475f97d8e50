#include <string.h>

#include "base/date.h"
#include "base/str.h"
#include "s3/s3.h"
#include "store/store.h"

enum { PART = 8 << 20, KEY_MAX = 1024 };

struct store_s3 {
	struct store store;
	struct s3 *s3;
	char *prefix; /* "" or ends with '/' */
	char *where;
	size_t part; /* of uploads */
	bool create;
};

static struct store_s3 *
of(struct store *st)
{
	return (struct store_s3 *)st;
}

/* The key in the bucket; the caller frees it. */
static int
full_key(const struct store_s3 *d, const char *key, char **ret, struct err *err)
{
	if (store_check_key(key, err))
		return -1;
	if (strlen(d->prefix) + strlen(key) > KEY_MAX)
		return err_set(err, ERR_USAGE,
		    "'%s%.200s' is longer than the %d bytes of an S3 key",
		    d->prefix, key, KEY_MAX);
	return str_printf(ret, err, "%s%s", d->prefix, key);
}

static int
open_bucket(struct store *st, struct err *err)
{
	struct store_s3 *d = of(st);
	bool exists = false;

	if (s3_bucket_exists(d->s3, d->prefix, &exists, err))
		return -1;
	if (exists)
		return 0;
	if (!d->create)
		return err_set(err, ERR_NOTFOUND,
		    "bucket '%s' does not exist at %s", s3_bucket(d->s3),
		    s3_endpoint(d->s3));
	return s3_bucket_create(d->s3, err);
}

static int
put(struct store *st, const char *key, struct pool *spare, struct sink **ret,
    struct err *err)
{
	struct store_s3 *d = of(st);
	AUTO(free) char *full = NULL;
	struct s3_upload u = {
		.size = S3_ALL, .part = d->part, .spare = spare
	};

	if (full_key(d, key, &full, err))
		return -1;
	u.key = full;
	return s3_upload_new(d->s3, &u, ret, err);
}

/* No HTTP range is empty. */
static int
get_nothing(struct store_s3 *d, const char *full, struct err *err)
{
	return s3_head(d->s3, full, NULL, NULL, err);
}

static int
get(struct store *st, const char *key, uint64_t off, uint64_t len,
    struct sink *to, struct err *err)
{
	struct store_s3 *d = of(st);
	AUTO(free) char *full = NULL;

	if (full_key(d, key, &full, err))
		return -1;
	if (len == 0)
		return get_nothing(d, full, err);
	return s3_get(d->s3,
	    &(struct s3_get){ .key = full, .off = off, .len = len }, NULL, NULL,
	    to, err);
}

static int64_t
modified(const struct object *o)
{
	struct err ignored;
	int64_t s = 0;

	if (!o->modified || (date_parse_iso(o->modified, &s, &ignored) &&
	                        date_parse_http(o->modified, &s, &ignored)))
		return 0;
	return s;
}

static int
look_up(struct store *st, const char *key, struct store_stat *ret,
    struct err *err)
{
	struct store_s3 *d = of(st);
	AUTO(free) char *full = NULL;
	AUTO(object) struct object o = { 0 };

	if (full_key(d, key, &full, err) || s3_head(d->s3, full, &o, NULL, err))
		return -1;
	*ret = (struct store_stat){ .size = o.size, .mtime = modified(&o) };
	return 0;
}

/* What others have put there and could not be ours is left out. */
static int
listed(const struct store_s3 *d, const struct object *o, bool folder,
    store_list_fn *fn, void *arg, struct err *err)
{
	const struct store_stat stat = { .folder = folder,
		.size = folder ? 0 : o->size,
		.mtime = folder ? 0 : modified(o) };
	AUTO(free) char *bare = NULL;
	const char *key = o->key + strlen(d->prefix);
	struct err ignored;

	/* s3_list has seen to it: the prefix is cut off unseen otherwise */
	if (!str_starts(o->key, d->prefix))
		return err_set(err, ERR_REMOTE,
		    "the server lists '%.200s' below '%s'", o->key, d->prefix);
	if (str_dup(key, &bare, err))
		return -1;
	if (folder && str_ends(bare, "/"))
		bare[strlen(bare) - 1] = '\0';
	return store_check_key(bare, &ignored) ? 0 : fn(arg, key, &stat, err);
}

static int
list_keys(struct store *st, const char *prefix, bool deep, store_list_fn *fn,
    void *arg, struct err *err)
{
	struct store_s3 *d = of(st);
	AUTO(s3_list) struct s3_list *list = NULL;
	AUTO(object) struct object o = { 0 };
	AUTO(free) char *full = NULL;
	bool more = true;
	int rc = 0;

	if (str_printf(&full, err, "%s%s", d->prefix, prefix) ||
	    s3_list_new(d->s3, full, deep ? NULL : "/", NULL, &list, err))
		return -1;
	while (rc == 0) {
		bool folder = false;

		if (s3_list_next(list, &o, &folder, &more, err))
			return -1;
		if (!more)
			return 0;
		rc = listed(d, &o, folder, fn, arg, err);
	}
	return rc;
}

static int
remove_key(struct store *st, const char *key, struct err *err)
{
	struct store_s3 *d = of(st);
	AUTO(free) char *full = NULL;

	if (full_key(d, key, &full, err))
		return -1;
	return s3_delete(d->s3, full, err);
}

static int
sweep(struct store *st, const char *prefix, int64_t before, unsigned *n,
    struct err *err)
{
	struct store_s3 *d = of(st);
	AUTO(free) char *full = NULL;

	if (str_printf(&full, err, "%s%s", d->prefix, prefix))
		return -1;
	return s3_upload_sweep(d->s3, full, before, n, err);
}

static int
unfinished(struct store *st, const char *prefix, bool *any, struct err *err)
{
	struct store_s3 *d = of(st);
	AUTO(free) char *full = NULL;

	if (str_printf(&full, err, "%s%s", d->prefix, prefix))
		return -1;
	return s3_upload_any(d->s3, full, any, err);
}

static int
room(struct store *st, uint64_t *bytes, struct err *err)
{
	(void)st;
	(void)err;
	*bytes = UINT64_MAX;
	return 0;
}

static int64_t
now(struct store *st)
{
	return s3_now(of(st)->s3);
}

static const char *
where(const struct store *st)
{
	return ((const struct store_s3 *)st)->where;
}

static void
release(struct store *st)
{
	struct store_s3 *d = of(st);

	s3_free(d->s3);
	free(d->prefix);
	free(d->where);
	free(d);
}

static const struct store_ops ops = {
	.type = "s3",
	.open = open_bucket,
	.put = put,
	.get = get,
	.stat = look_up,
	.list = list_keys,
	.remove = remove_key,
	.sweep = sweep,
	.unfinished = unfinished,
	.room = room,
	.now = now,
	.where = where,
	.free = release,
};

/* "/a/b/" and "a/b" are the same place: "a/b/". */
static int
set_prefix(struct store_s3 *d, const char *path, struct err *err)
{
	int n;

	path += strspn(path, "/");
	n = (int)strnlen(path, KEY_MAX);
	while (n > 0 && path[n - 1] == '/')
		n--;
	return str_printf(&d->prefix, err, "%.*s%s", n, path, n > 0 ? "/" : "");
}

static int
set_where(struct store_s3 *d, struct err *err)
{
	int n = (int)strlen(d->prefix) - 1;

	if (n < 0)
		return str_printf(&d->where, err, "bucket '%s' at %s",
		    s3_bucket(d->s3), s3_endpoint(d->s3));
	return str_printf(&d->where, err, "bucket '%s' at %s, path '%.*s'",
	    s3_bucket(d->s3), s3_endpoint(d->s3), n, d->prefix);
}

int
store_s3_new(const struct s3_options *o, const char *prefix, bool create,
    struct store **ret, struct err *err)
{
	AUTO(store) struct store *owned = NULL;
	struct store_s3 *d = calloc(1, sizeof *d);

	if (!d)
		return err_nomem(err);
	d->store.ops = &ops;
	d->create = create;
	d->part = o->part ? o->part : PART;
	owned = &d->store;
	if (s3_new(o, &d->s3, err) ||
	    set_prefix(d, prefix ? prefix : "", err) || set_where(d, err))
		return -1;
	*ret = TAKE(owned);
	return 0;
}
