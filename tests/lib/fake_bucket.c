#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "fake_bucket.h"

void
fake_bucket_init(struct fake_bucket *b)
{
	*b = (struct fake_bucket){ 0 };
	monitor_init(&b->m);
}

static void
item_done(struct fake_bucket_object *i)
{
	object_done(&i->o);
	free(i->data);
	*i = (struct fake_bucket_object){ 0 };
}

void
fake_bucket_done(struct fake_bucket *b)
{
	for (size_t i = 0; i < b->count; i++)
		item_done(&b->item[i]);
	monitor_done(&b->m);
}

/* The place of the key, or where it would be. */
static size_t
place(const struct fake_bucket *b, const char *key)
{
	size_t i = 0;

	while (i < b->count && strcmp(b->item[i].o.key, key) < 0)
		i++;
	return i;
}

struct fake_bucket_object *
fake_bucket_find(struct fake_bucket *b, const char *key)
{
	size_t i = place(b, key);

	return i < b->count && strcmp(b->item[i].o.key, key) == 0 ? &b->item[i]
	                                                          : NULL;
}

static struct fake_bucket_object *
make_room(struct fake_bucket *b, const char *key)
{
	size_t i = place(b, key);

	assert_true(b->count < FAKE_BUCKET_MAX);
	memmove(&b->item[i + 1], &b->item[i],
	    (b->count - i) * sizeof b->item[0]);
	b->item[i] = (struct fake_bucket_object){ 0 };
	b->item[i].o.key = strdup(key);
	b->count++;
	return &b->item[i];
}

struct fake_bucket_object *
fake_bucket_set(struct fake_bucket *b, const char *key, size_t size,
    unsigned seed)
{
	struct fake_bucket_object *i = fake_bucket_find(b, key);
	struct err err = { 0 };
	uint32_t x = seed * 2654435761u + 1;

	if (!i)
		i = make_room(b, key);
	free(i->data);
	free(i->o.etag);
	free(i->o.modified);
	i->data = malloc(size + 1);
	assert_non_null(i->data);
	for (size_t k = 0; k < size; k++) {
		x = x * 1664525 + 1013904223;
		i->data[k] = (char)(x >> 24);
	}
	i->o.size = size;
	assert_int_equal(str_printf(&i->o.etag, &err, "%08x", seed), 0);
	assert_int_equal(str_printf(&i->o.modified, &err,
	                     "2026-11-20T16:28:00.%03uZ", seed % 1000),
	    0);
	return i;
}

void
fake_bucket_drop(struct fake_bucket *b, const char *key)
{
	size_t i = place(b, key);

	assert_true(i < b->count);
	item_done(&b->item[i]);
	b->count--;
	memmove(&b->item[i], &b->item[i + 1],
	    (b->count - i) * sizeof b->item[0]);
	b->item[b->count] = (struct fake_bucket_object){ 0 };
}

/* --- source */

static int
changes(struct fake_bucket *b, struct fake_bucket_object *i, struct object *o,
    struct err *err)
{
	const bool restless = i->mood == FAKE_NEVER_RESTS;
	char key[64];

	(void)snprintf(key, sizeof key, "%s", i->o.key);
	i = fake_bucket_set(b, key, i->o.size + 5, 4242);
	i->mood = restless ? FAKE_NEVER_RESTS : FAKE_GIVES;
	object_done(o);
	if (object_copy_listed(o, &i->o, err))
		return -1;
	return err_set(err, ERR_CHANGED, "it is another now");
}

static int
give(struct fake_bucket *b, struct object *o, struct sink *to, struct err *err)
{
	struct fake_bucket_object *i = fake_bucket_find(b, o->key);

	if (!i || i->mood == FAKE_GONE)
		return err_set(err, ERR_NOTFOUND, "gone");
	switch (i->mood) {
	case FAKE_CHANGES:
	case FAKE_NEVER_RESTS:
		if (sink_write(to, i->data, i->o.size / 2, err))
			return -1;
		return changes(b, i, o, err);
	case FAKE_DENIED:
		return err_set(err, ERR_DENIED, "access denied");
	case FAKE_CUT:
		if (sink_write(to, i->data, i->o.size / 2, err))
			return -1;
		return err_set(err, ERR_TRANSIENT, "connection reset");
	case FAKE_GONE:
	case FAKE_GIVES:
		break;
	}
	if (object_copy_headers(o, &i->o, err))
		return -1;
	return sink_write(to, i->data, i->o.size, err);
}

static int
fetch(void *arg, struct object *o, struct sink *to, struct err *err)
{
	struct fake_bucket *b = arg;
	int rc;

	monitor_enter(&b->m);
	b->fetched++;
	rc = give(b, o, to, err);
	monitor_leave(&b->m);
	return rc;
}

struct object_source
fake_bucket_source(struct fake_bucket *b)
{
	return (struct object_source){ .fetch = fetch, .arg = b };
}

/* --- target */

static int
list_next(void *arg, struct object *o, bool *more, struct err *err)
{
	struct fake_bucket *b = arg;
	int rc = 0;

	monitor_enter(&b->m);
	*more = b->next < b->count;
	if (*more)
		rc = object_copy_listed(o, &b->item[b->next++].o, err);
	else
		b->next = 0;
	monitor_leave(&b->m);
	return rc;
}

static int
same(void *arg, const struct object *want, const uint8_t digest[SHA256_SIZE],
    const struct object *have, bool *ret, struct err *err)
{
	struct fake_bucket *b = arg;
	struct fake_bucket_object *i;
	uint8_t sum[SHA256_SIZE];
	int rc;

	monitor_enter(&b->m);
	i = fake_bucket_find(b, have->key);
	assert_non_null(i);
	rc = sha256_of(i->data, i->o.size, sum, err);
	*ret = memcmp(sum, digest, sizeof sum) == 0 &&
	       object_same_headers(want, &i->o);
	monitor_leave(&b->m);
	return rc;
}

struct arriving {
	struct sink sink;
	struct fake_bucket *b;
	struct object o;
	struct buf bytes;
};

static int
arriving_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	return buf_add(&((struct arriving *)s)->bytes, p, n, err);
}

static int
arriving_finish(struct sink *s, struct err *err)
{
	struct arriving *a = (struct arriving *)s;
	struct fake_bucket_object *i;
	int rc;

	monitor_enter(&a->b->m);
	a->b->put++;
	if (fake_bucket_find(a->b, a->o.key)) {
		if (place(a->b, a->o.key) < a->b->next)
			a->b->next--;
		fake_bucket_drop(a->b, a->o.key);
	}
	i = make_room(a->b, a->o.key);
	if (place(a->b, a->o.key) < a->b->next)
		a->b->next++;
	i->data = a->bytes.data ? TAKE(a->bytes.data) : strdup("");
	i->o.size = a->bytes.len;
	rc = object_copy_headers(&i->o, &a->o, err);
	monitor_leave(&a->b->m);
	return rc;
}

static void
arriving_free(struct sink *s)
{
	struct arriving *a = (struct arriving *)s;

	object_done(&a->o);
	buf_done(&a->bytes);
	free(a);
}

static const struct sink_ops arriving_ops = {
	.name = "fake bucket",
	.write = arriving_write,
	.finish = arriving_finish,
	.free = arriving_free,
};

static int
put(void *arg, const struct object *o, struct pool *spare, struct sink **out,
    struct err *err)
{
	struct arriving *a = calloc(1, sizeof *a);
	AUTO(sink) struct sink *s = NULL;

	(void)spare;
	if (!a)
		return err_nomem(err);
	a->b = arg;
	a->bytes.max = 1 << 26;
	s = sink_init(&a->sink, &arriving_ops, NULL);
	if (object_copy_listed(&a->o, o, err) ||
	    object_copy_headers(&a->o, o, err))
		return -1;
	*out = TAKE(s);
	return 0;
}

static int
remove_key(void *arg, const char *key, struct err *err)
{
	struct fake_bucket *b = arg;

	(void)err;
	monitor_enter(&b->m);
	if (place(b, key) < b->next)
		b->next--;
	fake_bucket_drop(b, key);
	b->removed++;
	monitor_leave(&b->m);
	return 0;
}

struct object_target
fake_bucket_target(struct fake_bucket *b)
{
	return (struct object_target){ .list_next = list_next,
		.same = same,
		.put = put,
		.remove = remove_key,
		.arg = b };
}

void
fake_bucket_assert_same(struct fake_bucket *a, struct fake_bucket *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		assert_string_equal(a->item[i].o.key, b->item[i].o.key);
		assert_int_equal(a->item[i].o.size, b->item[i].o.size);
		assert_memory_equal(a->item[i].data, b->item[i].data,
		    a->item[i].o.size);
		assert_true(object_same_headers(&a->item[i].o, &b->item[i].o));
	}
}
