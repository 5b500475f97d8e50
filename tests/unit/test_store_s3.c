/* What no honest server shows: the rest is in tests/conform. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/s3_kit.h"
#include "store/store.h"

#define LIST                                                               \
	"/bucket?list-type=2&encoding-type=url&max-keys=1000&prefix=p%2Fd" \
	"%2F"
#define PAGE(xml)                                                    \
	KIT_XML("GET", LIST,                                         \
	    "<ListBucketResult><EncodingType>url</EncodingType>" xml \
	    "</ListBucketResult>")

struct bench {
	struct httpd *d;
	struct store *st;
};

static void
scope_bench(struct bench *b)
{
	store_free(b->st);
	httpd_free(b->d);
}

static struct s3_options
options(const char *endpoint)
{
	return (struct s3_options){ .endpoint = endpoint,
		.bucket = "bucket",
		.access_key = "AKID",
		.secret_key = "hush-hush" };
}

static void
begin(struct bench *b, const struct httpd_step *steps, const char *prefix)
{
	struct s3_options o;
	struct err err = { 0 };

	*b = (struct bench){ .d = httpd_start(steps) };
	assert_non_null(b->d);
	o = options(httpd_url(b->d));
	assert_int_equal(store_s3_new(&o, prefix, false, &b->st, &err), 0);
}

static void
a_key_that_s3_does_not_take_is_not_sent(void **state)
{
	static const struct httpd_step none[] = { KIT_END };
	AUTO(bench) struct bench b;
	char prefix[1001], key[100];
	struct sink *s = NULL;
	struct err err = { 0 };

	(void)state;
	memset(prefix, 'p', 1000);
	prefix[1000] = '\0';
	memset(key, 'k', 24);
	key[24] = '\0';
	begin(&b, none, prefix);
	assert_int_equal(b.st->ops->put(b.st, key, NULL, &s, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "longer than the 1024 bytes"));
	assert_null(s);
	/* "/" behind the prefix makes 1024 of it */
	key[23] = '\0';
	assert_int_equal(b.st->ops->put(b.st, key, NULL, &s, &err), 0);
	sink_free(s);
}

static void
a_range_that_comes_short_is_damage(void **state)
{
	static const struct httpd_step steps[] = {
		{ "GET", "/bucket/p/k", 206,
		    "ETag: \"e1\"\r\nContent-Range: bytes 7-9/10\r\n", "789", 0,
		    HTTPD_FINE },
		KIT_END
	};
	AUTO(bench) struct bench b;
	AUTO(sink) struct sink *to = NULL;
	struct err err = { 0 };

	(void)state;
	begin(&b, steps, "p");
	assert_int_equal(sink_mem_new(100, &to, &err), 0);
	assert_int_equal(b.st->ops->get(b.st, "k", 7, 5, to, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "fewer than were asked for"));
}

static int
keep_time(void *arg, const char *key, const struct store_stat *st,
    struct err *err)
{
	(void)key;
	(void)err;
	*(int64_t *)arg = st->mtime;
	return 0;
}

static int64_t
time_of(const struct httpd_step *steps)
{
	AUTO(bench) struct bench b;
	int64_t time = -1;
	struct err err = { 0 };

	begin(&b, steps, "p");
	if (b.st->ops->list(b.st, "d/", true, keep_time, &time, &err))
		fail_msg("%s", err.msg);
	return time;
}

static void
a_date_that_cannot_be_read_is_none(void **state)
{
	static const struct httpd_step iso[] = {
		PAGE("<Contents><Key>p/d/k</Key><Size>1</Size><LastModified>"
		     "2026-11-20T16:28:00.000Z</LastModified></Contents>"),
		KIT_END
	};
	static const struct httpd_step odd[] = {
		PAGE("<Contents><Key>p/d/k</Key><Size>1</Size><LastModified>"
		     "yesterday</LastModified></Contents>"),
		KIT_END
	};
	static const struct httpd_step none[] = {
		PAGE("<Contents><Key>p/d/k</Key><Size>1</Size></Contents>"),
		KIT_END
	};

	(void)state;
	assert_int_equal(time_of(iso), S3_KIT_NOW);
	assert_int_equal(time_of(odd), 0);
	assert_int_equal(time_of(none), 0);
}

static void
every_allocation_may_fail(void **state)
{
	const struct s3_options o = options("http://127.0.0.1:9");
	long n = 0;
	int rc = -1;

	(void)state;
	for (; rc; n++) {
		AUTO(store) struct store *st = NULL;
		struct err err = { 0 };

		failalloc_at(n);
		rc = store_s3_new(&o, "/a/b/", false, &st, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		if (rc == 0)
			assert_string_equal(st->ops->where(st),
			    "bucket 'bucket' at http://127.0.0.1:9, path "
			    "'a/b'");
	}
	assert_true(n > 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_that_s3_does_not_take_is_not_sent),
		cmocka_unit_test(a_range_that_comes_short_is_damage),
		cmocka_unit_test(a_date_that_cannot_be_read_is_none),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("store_s3", tests, NULL, NULL);
}
