/*
 * conform_s3.c - the S3 client against a real server.
 *
 * Environment: S3_ENDPOINT, S3_ACCESS, S3_SECRET; S3_BUCKET (default: one of
 * its own, which is made); S3_TLS and S3_CA: the same server over TLS and the
 * file of its certificate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "base/str.h"
#include "s3/s3.h"

enum { MANY = 1005, PART = S3_PART_MIN };

struct world {
	struct s3_options options;
	struct s3 *s;
};

static const char *
env(const char *name, const char *otherwise)
{
	const char *v = getenv(name);

	return v && *v ? v : otherwise;
}

#define OK(call)                                                         \
	do {                                                             \
		struct err why = { 0 };                                  \
		if ((call) != 0)                                         \
			fail_msg("%s: %d %s", #call, why.code, why.msg); \
	} while (0)

static struct s3 *
client(const struct s3_options *o)
{
	struct s3 *s = NULL;

	OK(s3_new(o, &s, &why));
	return s;
}

static void
put_text(struct s3 *s, const char *key, const char *text)
{
	OK(s3_put(s, key, text, strlen(text), NULL, NULL, &why));
}

/* What s3_get delivers, compared with want. */
static void
expect_bytes(struct s3 *s, const struct s3_get *g, const char *want, size_t n)
{
	AUTO(sink) struct sink *to = NULL;
	size_t len;

	OK(sink_mem_new((64 << 20) + n, &to, &why));
	OK(s3_get(s, g, NULL, NULL, to, &why));
	(void)sink_mem_data(to, &len);
	assert_int_equal(len, n);
	if (n > 0)
		assert_memory_equal(sink_mem_data(to, &len), want, n);
}

static void
expect_text(struct s3 *s, const char *key, const char *want)
{
	const struct s3_get g = { .key = key, .len = S3_ALL };

	expect_bytes(s, &g, want, strlen(want));
}

/* --- the bucket */

static void
bucket_is_made_once_and_found(void **state)
{
	struct world *w = *state;
	bool exists = true;
	struct s3_options o = w->options;
	AUTO(s3) struct s3 *other = NULL;

	o.bucket = "no-such-bucket-of-ours";
	other = client(&o);
	OK(s3_bucket_exists(other, "", &exists, &why));
	assert_false(exists);
	OK(s3_bucket_create(w->s, &why));
	OK(s3_bucket_exists(w->s, "", &exists, &why));
	assert_true(exists);
	OK(s3_bucket_create(w->s, &why));
}

static void
wrong_keys_and_missing_buckets_are_said_in_words(void **state)
{
	struct world *w = *state;
	struct s3_options o = w->options;
	struct err err = { 0 };
	bool exists;

	{
		AUTO(s3) struct s3 *s = NULL;

		o.access_key = "AKIANOSUCHKEY";
		s = client(&o);
		assert_int_equal(s3_bucket_exists(s, "", &exists, &err), -1);
		assert_true(err_is(&err, ERR_DENIED));
		assert_non_null(strstr(err.msg, "check access-key"));
		assert_int_equal(s3_head(s, "k", NULL, NULL, &err), -1);
		assert_true(err_is(&err, ERR_DENIED));
	}
	{
		AUTO(s3) struct s3 *s = NULL;

		o = w->options;
		o.secret_key = "not-the-secret-key";
		s = client(&o);
		assert_int_equal(s3_bucket_exists(s, "", &exists, &err), -1);
		assert_true(err_is(&err, ERR_DENIED));
		assert_non_null(strstr(err.msg, "check secret-key"));
		assert_null(strstr(err.msg, "not-the-secret-key"));
	}
	{
		AUTO(s3) struct s3 *s = NULL;

		o = w->options;
		o.bucket = "no-such-bucket-of-ours";
		s = client(&o);
		assert_int_equal(s3_put(s, "k", "x", 1, NULL, NULL, &err), -1);
		assert_true(err_is(&err, ERR_NOTFOUND));
		assert_non_null(strstr(err.msg, "does not exist"));
	}
}

/* --- time */

static int64_t
slow_ms(void *ctx)
{
	(void)ctx;
	return clock_now_ms(clock_real()) - 2 * 3600 * 1000;
}

static int64_t
mono_ms(void *ctx)
{
	(void)ctx;
	return clock_mono_ms(clock_real());
}

static void
sleep_ms(void *ctx, unsigned ms)
{
	(void)ctx;
	clock_sleep_ms(clock_real(), ms);
}

static void
a_clock_that_is_slow_by_two_hours_does_not_matter(void **state)
{
	struct world *w = *state;
	const struct clock slow = { slow_ms, mono_ms, sleep_ms, NULL };
	struct s3_options o = w->options;
	AUTO(s3) struct s3 *first = NULL;
	AUTO(s3) struct s3 *second = NULL;
	struct err err = { 0 };
	int64_t off;

	o.clock = &slow;
	first = client(&o);
	put_text(first, "clock", "x");
	off = s3_now(first) - clock_now(clock_real());
	assert_in_range(off + 60, 0, 120);
	/* a HEAD has no code that would tell */
	second = client(&o);
	OK(s3_head(second, "clock", NULL, NULL, &why));
	OK(s3_delete(second, "clock", &why));
	assert_int_equal(s3_head(second, "clock", NULL, NULL, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
}

/* --- keys */

static char long_key[1025], wide_key[1025];

static const char *const odd_keys[] = {
	"plain",
	"a",
	"a/b",
	"a b",
	"a  b ",
	"a+b",
	"a%b",
	"a%20b",
	"a%2Fb",
	"a&b=c?d#e",
	"a\"b'c<d>e",
	"a\\b|c^d`e{f}g[h]",
	"a;b:c,d@e!f$g*h(i)",
	"~tilde-._",
	"\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbe",
	"e\xcc\x81", /* not composed */
	".hidden",
	"dot.",
	"a\tb",
	"a\x01"
	"b\x1f"
	"c\x7f",
	"a\nb\r\nc",
	long_key,
	wide_key,
};

/* RadosGW takes these.  MinIO keeps objects as files: it refuses some and drops
 * a slash from others. */
static const char *const odder_keys[] = {
	"/leading",
	"//two",
	"a//b",
	"a/./b",
	"a/../b",
	"../up",
	".",
	"..",
	"/",
};

static bool
refused(const struct err *err)
{
	return err_is(err, ERR_REMOTE) || err_is(err, ERR_USAGE);
}

static bool
listed(struct s3 *s, const char *key)
{
	AUTO(s3_list) struct s3_list *l = NULL;
	AUTO(object) struct object o = { 0 };
	struct err err = { 0 };
	bool more = true;

	OK(s3_list_new(s, key, NULL, NULL, &l, &why));
	for (;;) {
		/* MinIO allows no prefix such as "a/./" */
		if (s3_list_next(l, &o, NULL, &more, &err)) {
			assert_true(refused(&err));
			return false;
		}
		if (!more || strcmp(o.key, key) == 0)
			return more;
	}
}

static void
round_trip(struct s3 *s, const char *key)
{
	AUTO(object) struct object o = { 0 };

	expect_text(s, key, key);
	OK(s3_head(s, key, &o, NULL, &why));
	assert_int_equal(o.size, strlen(key));
	if (!listed(s, key))
		fail_msg("key '%s' is not listed", key);
	OK(s3_delete(s, key, &why));
	assert_false(listed(s, key));
	OK(s3_delete(s, key, &why));
}

static void
odd_keys_come_back_byte_for_byte(void **state)
{
	struct world *w = *state;

	memset(long_key, 'k', 1024);
	for (size_t i = 200; i < 1024; i += 200)
		long_key[i] = '/';
	for (size_t i = 0; i < 1020; i += 2)
		memcpy(wide_key + i, i % 100 ? "\xc3\xa4" : "//", 2);
	for (size_t i = 0; i < 1020; i += 100)
		memcpy(wide_key + i, "x/", 2);
	for (size_t i = 0; i < sizeof odd_keys / sizeof *odd_keys; i++) {
		put_text(w->s, odd_keys[i], odd_keys[i]);
		round_trip(w->s, odd_keys[i]);
	}
}

static void
odder_keys_come_back_or_are_refused(void **state)
{
	struct world *w = *state;
	bool files = strcmp(env("S3_KIND", ""), "minio") == 0;
	unsigned kept = 0;

	for (size_t i = 0; i < sizeof odder_keys / sizeof *odder_keys; i++) {
		const char *key = odder_keys[i];
		struct err err = { 0 };

		if (s3_put(w->s, key, key, strlen(key), NULL, NULL, &err)) {
			assert_true(refused(&err));
			continue;
		}
		if (files && !listed(w->s, key)) {
			expect_text(w->s, key, key);
			OK(s3_delete(w->s, key, &why));
			continue;
		}
		round_trip(w->s, key);
		kept++;
	}
	if (!files)
		assert_int_equal(kept, sizeof odder_keys / sizeof *odder_keys);
}

static void
a_key_that_is_missing_is_not_found(void **state)
{
	struct world *w = *state;
	const struct s3_get g = { .key = "missing", .len = S3_ALL };
	AUTO(sink) struct sink *to = NULL;
	struct err err = { 0 };

	assert_int_equal(sink_mem_new(10, &to, &err), 0);
	assert_int_equal(s3_get(w->s, &g, NULL, NULL, to, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_int_equal(s3_head(w->s, "missing", NULL, NULL, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_non_null(strstr(err.msg, "missing"));
	OK(s3_delete(w->s, "missing", &why));
}

/* --- headers, metadata, tags */

static void
fill(struct object *o)
{
	static const char *const header[] = { "text/x-odd; charset=utf-8",
		"gzip", "attachment; filename=\"a  b.txt\"", "de, en",
		"max-age=5,  private", "Fri, 20 Nov 2026 16:28:00 GMT" };

	for (size_t i = 0; i < OBJECT_HEADERS; i++)
		OK(str_dup(header[i], &o->header[i], &why));
	OK(object_pairs_add(&o->meta, "colour", "dark red", &why));
	OK(object_pairs_add(&o->meta, "two-spaces", "a  b", &why));
	OK(object_pairs_add(&o->meta, "under-score", "x=1&y=2%20+", &why));
	OK(object_pairs_add(&o->meta, "rfc2047", "=?UTF-8?B?Z3LDvG4=?=", &why));
	OK(object_pairs_add(&o->tags, "team", "data + ml", &why));
	OK(object_pairs_add(&o->tags, "a:b/c=d@e-f_g.", "", &why));
}

static void
expect_headers(struct s3 *s, const char *key, const struct object *want)
{
	AUTO(object) struct object got = { 0 };
	AUTO(object) struct object head = { 0 };
	AUTO(sink) struct sink *to = NULL;
	const struct s3_get g = { .key = key, .len = S3_ALL };
	unsigned ntags = 99, htags = 99;

	OK(sink_mem_new(64 << 20, &to, &why));
	OK(s3_get(s, &g, &got, &ntags, to, &why));
	OK(s3_head(s, key, &head, &htags, &why));
	assert_int_equal(ntags, want->tags.count);
	assert_int_equal(htags, want->tags.count);
	OK(s3_get_tags(s, key, &got.tags, &why));
	for (size_t i = 0; i < OBJECT_HEADERS; i++)
		assert_string_equal(got.header[i], want->header[i]);
	assert_true(object_same_headers(&got, want));
	OK(s3_get_tags(s, key, &head.tags, &why));
	assert_true(object_same_headers(&head, want));
	assert_string_equal(got.etag, head.etag);
	assert_string_equal(got.modified, head.modified);
}

static void
headers_metadata_and_tags_are_kept_by_a_put(void **state)
{
	struct world *w = *state;
	AUTO(object) struct object o = { 0 };
	AUTO(free) char *etag = NULL;

	fill(&o);
	OK(s3_put(w->s, "facts", "hello", 5, &o, &etag, &why));
	assert_string_equal(etag, "5d41402abc4b2a76b9719d911017c592");
	expect_headers(w->s, "facts", &o);
	OK(s3_delete(w->s, "facts", &why));
}

static void
an_empty_metadata_value_is_kept_or_lost_but_signs(void **state)
{
	struct world *w = *state;
	AUTO(object) struct object o = { 0 };

	OK(object_pairs_add(&o.meta, "empty", "", &why));
	OK(s3_put(w->s, "empty-meta", "hello", 5, &o, NULL, &why));
	expect_text(w->s, "empty-meta", "hello");
	OK(s3_delete(w->s, "empty-meta", &why));
}

/* RadosGW gives the bytes back, MinIO and AWS an encoded word. */
static void
metadata_beyond_ascii_stays_as_it_was_read(void **state)
{
	struct world *w = *state;
	AUTO(object) struct object o = { 0 };
	AUTO(object) struct object first = { 0 };
	AUTO(object) struct object second = { 0 };

	OK(object_pairs_add(&o.meta, "utf8", "gr\xc3\xbcn", &why));
	OK(s3_put(w->s, "utf8-meta", "hello", 5, &o, NULL, &why));
	OK(s3_head(w->s, "utf8-meta", &first, NULL, &why));
	assert_int_equal(first.meta.count, 1);
	if (strcmp(env("S3_KIND", ""), "radosgw") == 0)
		assert_string_equal(first.meta.pair[0].value, "gr\xc3\xbcn");
	OK(s3_put(w->s, "utf8-meta", "hello", 5, &first, NULL, &why));
	OK(s3_head(w->s, "utf8-meta", &second, NULL, &why));
	assert_true(object_same_headers(&first, &second));
	OK(s3_delete(w->s, "utf8-meta", &why));
}

static void
tags_are_replaced_and_removed(void **state)
{
	struct world *w = *state;
	AUTO(object) struct object o = { 0 };
	AUTO(object) struct object got = { 0 };
	unsigned n = 99;

	put_text(w->s, "tags", "hello");
	OK(s3_head(w->s, "tags", NULL, &n, &why));
	assert_int_equal(n, 0);
	OK(s3_get_tags(w->s, "tags", &got.tags, &why));
	assert_int_equal(got.tags.count, 0);
	OK(object_pairs_add(&o.tags, "a", "1 + 2", &why));
	OK(s3_put_tags(w->s, "tags", &o.tags, &why));
	OK(s3_get_tags(w->s, "tags", &got.tags, &why));
	assert_true(object_same_headers(&got, &o));
	OK(s3_delete(w->s, "tags", &why));
}

static void
an_empty_object_is_an_object(void **state)
{
	struct world *w = *state;
	AUTO(object) struct object got = { 0 };
	AUTO(sink) struct sink *to = NULL;
	const struct s3_get g = { .key = "empty", .len = S3_ALL };

	put_text(w->s, "empty", "");
	OK(sink_mem_new(1, &to, &why));
	OK(s3_get(w->s, &g, &got, NULL, to, &why));
	assert_int_equal(got.size, 0);
	assert_string_equal(got.etag, "d41d8cd98f00b204e9800998ecf8427e");
	OK(s3_delete(w->s, "empty", &why));
}

/* --- ranges and conditions */

static void
ranges_are_exact(void **state)
{
	struct world *w = *state;
	const char *text = "0123456789";
	const struct {
		uint64_t off, len;
		size_t n;
	} t[] = { { 0, S3_ALL, 10 }, { 3, S3_ALL, 7 }, { 0, 1, 1 }, { 9, 1, 1 },
		{ 4, 3, 3 }, { 0, 10, 10 }, { 5, 0, 0 } };
	const struct {
		uint64_t off, len;
	} beyond[] = { { 10, 1 }, { 8, 5 }, { 11, S3_ALL } };

	put_text(w->s, "range", text);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const struct s3_get g = { "range", t[i].off, t[i].len, NULL };

		expect_bytes(w->s, &g, text + t[i].off, t[i].n);
	}
	for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
		const struct s3_get g = { "range", beyond[i].off, beyond[i].len,
			NULL };
		AUTO(sink) struct sink *to = NULL;
		struct err err = { 0 };

		assert_int_equal(sink_mem_new(100, &to, &err), 0);
		assert_int_equal(s3_get(w->s, &g, NULL, NULL, to, &err), -1);
		assert_true(err_is(&err, ERR_CORRUPT));
	}
	OK(s3_delete(w->s, "range", &why));
}

static void
another_version_is_a_change(void **state)
{
	struct world *w = *state;
	AUTO(free) char *etag = NULL;
	AUTO(sink) struct sink *to = NULL;
	struct s3_get g = { "match", 0, S3_ALL, NULL };
	struct err err = { 0 };

	OK(s3_put(w->s, "match", "one", 3, NULL, &etag, &why));
	g.if_match = etag;
	expect_bytes(w->s, &g, "one", 3);
	put_text(w->s, "match", "two");
	assert_int_equal(sink_mem_new(100, &to, &err), 0);
	assert_int_equal(s3_get(w->s, &g, NULL, NULL, to, &err), -1);
	assert_true(err_is(&err, ERR_CHANGED));
	assert_non_null(strstr(err.msg, "match"));
	OK(s3_delete(w->s, "match", &why));
}

/* --- uploads */

static void
pattern(char *p, size_t n)
{
	uint32_t x = 12345;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (char)(x >> 24);
	}
}

static void
upload(struct s3 *s, const char *key, const struct object *o, const char *data,
    size_t n)
{
	AUTO(pool) struct pool *spare = NULL;
	AUTO(sink) struct sink *up = NULL;

	OK(pool_new(&(struct pool_size){ 1, 4 * (uint64_t)PART, 0, 0 }, &spare,
	    &why));
	OK(s3_upload_new(s, &(struct s3_upload){ key, o, S3_ALL, PART, spare },
	    &up, &why));
	for (size_t i = 0; i < n; i += 1 << 20)
		OK(sink_write(up, data + i, n - i < 1 << 20 ? n - i : 1 << 20,
		    &why));
	OK(sink_finish(up, &why));
}

static void
uploads_of_one_and_of_many_parts_arrive(void **state)
{
	struct world *w = *state;
	static const size_t size[] = { 0, 1, PART, PART + 1, 2 * PART,
		2 * PART + 77, 6 * PART + 77 };
	AUTO(free) char *data = malloc(7 * (size_t)PART);
	AUTO(object) struct object o = { 0 };

	assert_non_null(data);
	pattern(data, 7 * (size_t)PART);
	fill(&o);
	for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
		const struct s3_get g = { "up/load + x", 0, S3_ALL, NULL };

		upload(w->s, g.key, &o, data, size[i]);
		expect_bytes(w->s, &g, data, size[i]);
		expect_headers(w->s, g.key, &o);
	}
	OK(s3_delete(w->s, "up/load + x", &why));
}

static void
an_upload_without_finish_leaves_nothing(void **state)
{
	struct world *w = *state;
	const struct s3_upload to = {
		.key = "aborted", .size = S3_ALL, .part = PART
	};
	AUTO(free) char *data = malloc(2 * (size_t)PART);
	struct sink *up = NULL;
	struct err err = { 0 };
	unsigned n = 99;

	assert_non_null(data);
	pattern(data, 2 * (size_t)PART);
	OK(s3_upload_new(w->s, &to, &up, &why));
	OK(sink_write(up, data, 2 * (size_t)PART, &why));
	sink_free(up);
	assert_int_equal(s3_head(w->s, "aborted", NULL, NULL, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	OK(s3_upload_sweep(w->s, "aborted", INT64_MAX, &n, &why));
	assert_int_equal(n, 0);
}

static void
a_sweep_ends_old_uploads_and_no_others(void **state)
{
	struct world *w = *state;
	const struct s3_upload to = {
		.key = "sweep/a b", .size = S3_ALL, .part = PART
	};
	AUTO(free) char *data = malloc(2 * (size_t)PART);
	AUTO(sink) struct sink *up = NULL;
	struct err err = { 0 };
	unsigned n = 99;

	assert_non_null(data);
	pattern(data, 2 * (size_t)PART);
	OK(s3_upload_sweep(w->s, "sweep/a b", INT64_MAX, &n, &why));
	OK(s3_upload_new(w->s, &to, &up, &why));
	OK(sink_write(up, data, 2 * (size_t)PART, &why));
	OK(s3_upload_sweep(w->s, "sweep/a b", s3_now(w->s) - 3600, &n, &why));
	assert_int_equal(n, 0);
	OK(s3_upload_sweep(w->s, "other/", s3_now(w->s) + 3600, &n, &why));
	assert_int_equal(n, 0);
	OK(s3_upload_sweep(w->s, "sweep/a b", s3_now(w->s) + 3600, &n, &why));
	assert_int_equal(n, 1);
	assert_int_equal(sink_finish(up, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_int_equal(s3_head(w->s, "sweep/a b", NULL, NULL, &err), -1);
}

/* --- lists */

static void
many_key(unsigned i, char out[64])
{
	(void)snprintf(out, 64, "many/%u dir+%%/%04u", i % 3, i);
}

/* The i-th in the order of bytes. */
static void
many_sorted(unsigned i, char out[64])
{
	unsigned each = MANY / 3;

	many_key(i % each * 3 + i / each, out);
}

static void
list_from(struct s3 *s, const char *after, unsigned from)
{
	AUTO(s3_list) struct s3_list *l = NULL;
	AUTO(object) struct object o = { 0 };
	char want[64];
	bool more;

	OK(s3_list_new(s, "many/", NULL, after, &l, &why));
	for (unsigned i = from; i < MANY; i++) {
		OK(s3_list_next(l, &o, NULL, &more, &why));
		assert_true(more);
		many_sorted(i, want);
		assert_string_equal(o.key, want);
		assert_int_equal(o.size, 1);
		assert_string_equal(o.etag, "9dd4e461268c8034f5c8564e155c67a6");
		assert_non_null(o.modified);
	}
	OK(s3_list_next(l, &o, NULL, &more, &why));
	assert_false(more);
}

static void
list_folders(struct s3 *s, const char *after, unsigned from)
{
	AUTO(s3_list) struct s3_list *l = NULL;
	AUTO(object) struct object o = { 0 };
	bool more, folder;

	OK(s3_list_new(s, "many/", "/", after, &l, &why));
	for (unsigned i = from; i < 3; i++) {
		char want[32];

		(void)snprintf(want, sizeof want, "many/%u dir+%%/", i);
		OK(s3_list_next(l, &o, &folder, &more, &why));
		assert_true(more);
		assert_true(folder);
		assert_string_equal(o.key, want);
	}
	OK(s3_list_next(l, &o, &folder, &more, &why));
	assert_true(more);
	assert_false(folder);
	assert_string_equal(o.key, "many/4");
	OK(s3_list_next(l, &o, &folder, &more, &why));
	assert_false(more);
}

static void
long_lists_are_complete_and_in_order(void **state)
{
	struct world *w = *state;
	struct s3_counts before, after;
	char key[64];

	for (unsigned i = 0; i < MANY; i++) {
		many_key(i, key);
		put_text(w->s, key, "x");
	}
	s3_counts(w->s, &before);
	list_from(w->s, NULL, 0);
	s3_counts(w->s, &after);
	assert_int_equal(after.sent[S3_LIST] - before.sent[S3_LIST], 2);
	assert_int_equal(after.sent[S3_GET], before.sent[S3_GET]);
	many_sorted(0, key);
	list_from(w->s, key, 1);
	many_sorted(700, key);
	list_from(w->s, key, 701);
	many_sorted(MANY - 1, key);
	list_from(w->s, key, MANY);
	put_text(w->s, "many/4", "x");
	list_folders(w->s, NULL, 0);
	OK(s3_delete(w->s, "many/4", &why));
	for (unsigned i = 0; i < MANY; i++) {
		many_key(i, key);
		OK(s3_delete(w->s, key, &why));
	}
}

static void
odd_key(const char *odd, unsigned i, char out[64])
{
	(void)snprintf(out, 64, "odd/%s%04u%s", odd, i, odd);
}

/* Each page may end at such a key. */
static void
list_odd_keys(struct s3 *s, const char *odd)
{
	AUTO(s3_list) struct s3_list *l = NULL;
	AUTO(object) struct object o = { 0 };
	char key[64];
	bool more;

	for (unsigned i = 0; i < MANY; i++) {
		odd_key(odd, i, key);
		put_text(s, key, "x");
	}
	OK(s3_list_new(s, "odd/", NULL, NULL, &l, &why));
	for (unsigned i = 0; i < MANY; i++) {
		odd_key(odd, i, key);
		OK(s3_list_next(l, &o, NULL, &more, &why));
		assert_true(more);
		assert_string_equal(o.key, key);
		OK(s3_delete(s, key, &why));
	}
	OK(s3_list_next(l, &o, NULL, &more, &why));
	assert_false(more);
}

static void
lists_of_odd_keys_go_on_behind_them(void **state)
{
	struct world *w = *state;

	list_odd_keys(w->s, "\x01\x1f &<+%%2F\"\xc3\xa4");
	list_odd_keys(w->s, "\r\n\r");
}

static void
a_list_of_nothing_is_empty(void **state)
{
	struct world *w = *state;
	AUTO(s3_list) struct s3_list *l = NULL;
	AUTO(object) struct object o = { 0 };
	bool more = true;

	OK(s3_list_new(w->s, "nothing/", "/", NULL, &l, &why));
	OK(s3_list_next(l, &o, NULL, &more, &why));
	assert_false(more);
}

/* --- TLS */

static char *
read_ca(void)
{
	const char *path = env("S3_CA", NULL);
	FILE *f = path ? fopen(path, "r") : NULL;
	char *text = calloc(1, 65536);

	if (f && text)
		(void)!fread(text, 1, 65535, f);
	if (f)
		(void)fclose(f);
	return text;
}

static void
tls_needs_the_right_certificate(void **state)
{
	struct world *w = *state;
	struct s3_options o = w->options;
	AUTO(free) char *ca = read_ca();
	struct err err = { 0 };
	bool exists = false;

	o.endpoint = env("S3_TLS", NULL);
	if (!o.endpoint || !ca || !*ca)
		skip(); /* a server that was started without TLS */
	{
		AUTO(s3) struct s3 *s = client(&o);

		assert_int_equal(s3_bucket_exists(s, "", &exists, &err), -1);
		assert_true(err_is(&err, ERR_DENIED));
		assert_non_null(strstr(err.msg, "certificate"));
	}
	{
		AUTO(s3) struct s3 *s = NULL;

		o.tls_ca_chain = ca;
		s = client(&o);
		OK(s3_bucket_exists(s, "", &exists, &why));
		assert_true(exists);
		put_text(s, "tls", "over TLS");
		expect_text(s, "tls", "over TLS");
		OK(s3_delete(s, "tls", &why));
	}
}

static int
setup(void **state)
{
	static struct world w;

	w.options = (struct s3_options){
		.endpoint = env("S3_ENDPOINT", NULL),
		.access_key = env("S3_ACCESS", ""),
		.secret_key = env("S3_SECRET", ""),
		.bucket = env("S3_BUCKET", "conform-s3"),
	};
	if (!w.options.endpoint) {
		print_error("S3_ENDPOINT is not set\n");
		return -1;
	}
	w.s = client(&w.options);
	*state = &w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	s3_free(w->s);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bucket_is_made_once_and_found),
		cmocka_unit_test(
		    wrong_keys_and_missing_buckets_are_said_in_words),
		cmocka_unit_test(
		    a_clock_that_is_slow_by_two_hours_does_not_matter),
		cmocka_unit_test(odd_keys_come_back_byte_for_byte),
		cmocka_unit_test(odder_keys_come_back_or_are_refused),
		cmocka_unit_test(a_key_that_is_missing_is_not_found),
		cmocka_unit_test(headers_metadata_and_tags_are_kept_by_a_put),
		cmocka_unit_test(
		    an_empty_metadata_value_is_kept_or_lost_but_signs),
		cmocka_unit_test(metadata_beyond_ascii_stays_as_it_was_read),
		cmocka_unit_test(tags_are_replaced_and_removed),
		cmocka_unit_test(an_empty_object_is_an_object),
		cmocka_unit_test(ranges_are_exact),
		cmocka_unit_test(another_version_is_a_change),
		cmocka_unit_test(uploads_of_one_and_of_many_parts_arrive),
		cmocka_unit_test(an_upload_without_finish_leaves_nothing),
		cmocka_unit_test(a_sweep_ends_old_uploads_and_no_others),
		cmocka_unit_test(long_lists_are_complete_and_in_order),
		cmocka_unit_test(lists_of_odd_keys_go_on_behind_them),
		cmocka_unit_test(a_list_of_nothing_is_empty),
		cmocka_unit_test(tls_needs_the_right_certificate),
	};

	return cmocka_run_group_tests_name("conform_s3", tests, setup,
	    teardown);
}
