#include "store/store.h"

#include <string.h>

#include "base/buf.h"

static const char key_char[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    "._:@+-";

static bool
good_part(const char *p, size_t n)
{
	if (n == 0 || n > STORE_PART_MAX || strspn(p, key_char) < n)
		return false;
	return !(p[0] == '.' && (n == 1 || (n == 2 && p[1] == '.')));
}

int
store_check_key(const char *key, struct err *err)
{
	const char *p = key;
	size_t n = strcspn(p, "/");

	while (good_part(p, n) && p[n] == '/') {
		p += n + 1;
		n = strcspn(p, "/");
	}
	if (!good_part(p, n) || *key == '.' || strlen(key) > STORE_KEY_MAX)
		return err_set(err, ERR_USAGE,
		    "'%.200s' cannot be the name of an object", key);
	return 0;
}

int
store_put_bytes(struct store *st, const char *key, const void *p, size_t n,
    struct err *err)
{
	AUTO(sink) struct sink *s = NULL;

	if (st->ops->put(st, key, NULL, &s, err) || sink_write(s, p, n, err))
		return -1;
	return sink_finish(s, err);
}

int
store_get_bytes(struct store *st, const char *key, struct buf *b,
    struct err *err)
{
	AUTO(sink) struct sink *s = NULL;
	const char *data;
	size_t n;

	if (sink_mem_new(b->max - b->len, &s, err) ||
	    st->ops->get(st, key, 0, STORE_ALL, s, err))
		return -1;
	data = sink_mem_data(s, &n);
	return buf_add(b, data, n, err);
}

void
store_free(struct store *st)
{
	if (st)
		st->ops->free(st);
}
