#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "../lib/s3_kit.h"

#define TEXT "0123456789"
#define ETAG "ETag: \"e1\"\r\n"
#define RANGE(r) ETAG "Content-Range: bytes " r "\r\n"

/* The bytes of one get of "k" as text; NULL after an error. */
struct result {
	struct s3_kit k;
	struct sink *to;
	struct object got;
	unsigned ntags;
	struct err err;
	int rc;
};

static void
scope_result(struct result *r)
{
	object_done(&r->got);
	sink_free(r->to);
	s3_kit_stop(&r->k);
}

static void
get(struct result *r, const struct httpd_step *steps, const struct s3_get *g)
{
	*r = (struct result){ .ntags = 99 };
	s3_kit_start(&r->k, steps, NULL);
	assert_int_equal(sink_mem_new(100, &r->to, &r->err), 0);
	r->rc = s3_get(r->k.s, g, &r->got, &r->ntags, r->to, &r->err);
	s3_kit_check(&r->k);
}

static void
expect_text(const struct result *r, const char *want)
{
	const char *text;
	size_t len;

	if (r->rc)
		fail_msg("%s", r->err.msg);
	text = sink_mem_data(r->to, &len);
	assert_string_equal(text ? text : "", want);
	assert_int_equal(len, strlen(want));
}

static void
expect_error(const struct result *r, enum err_code code)
{
	assert_int_equal(r->rc, -1);
	if (!err_is(&r->err, code))
		fail_msg("%d: %s", r->err.code, r->err.msg);
}

static const struct s3_get whole = { "k", 0, S3_ALL, NULL };

static void
the_whole_comes_with_its_facts(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/bucket/k", 200,
		    ETAG "Content-Type: text/plain\r\nx-amz-meta-a: 1\r\n"
		         "x-amz-tagging-count: 2\r\n",
		    TEXT, 0, 0 },
		KIT_END
	};
	AUTO(result) struct result r;

	(void)state;
	get(&r, steps, &whole);
	expect_text(&r, TEXT);
	assert_int_equal(r.got.size, 10);
	assert_string_equal(r.got.etag, "e1");
	assert_string_equal(r.got.header[OBJECT_CONTENT_TYPE], "text/plain");
	assert_string_equal(r.got.meta.pair[0].name, "a");
	assert_int_equal(r.ntags, 2);
	assert_null(strstr(httpd_head(r.k.d, 0), "Range:"));
}

static void
an_empty_object_and_one_of_unknown_size_come_whole(void **state)
{
	const struct httpd_step empty[] = {
		{ "GET", "/bucket/k", 200, ETAG, NULL, 0, 0 }, KIT_END
	};
	const struct httpd_step chunked[] = { { "GET", "/bucket/k", 200, ETAG,
		                                  TEXT, 0, HTTPD_CHUNKED },
		KIT_END };

	(void)state;
	{
		AUTO(result) struct result r;

		get(&r, empty, &whole);
		expect_text(&r, "");
		assert_int_equal(r.got.size, 0);
		assert_string_equal(r.got.etag, "e1");
		assert_int_equal(r.ntags, 0);
	}
	{
		AUTO(result) struct result r;

		get(&r, chunked, &whole);
		expect_text(&r, TEXT);
		assert_int_equal(r.got.size, 10);
	}
}

static void
a_range_is_asked_for_and_passed_on(void **state)
{
	const struct httpd_step steps[] = { { "GET", "/bucket/k", 206,
		                                RANGE("3-5/10"), "345", 0, 0 },
		KIT_END };
	const struct s3_get g = { "k", 3, 3, "e1" };
	AUTO(result) struct result r;

	(void)state;
	get(&r, steps, &g);
	expect_text(&r, "345");
	assert_int_equal(r.got.size, 10);
	assert_non_null(strstr(httpd_head(r.k.d, 0), "Range: bytes=3-5\r\n"));
	assert_non_null(strstr(httpd_head(r.k.d, 0), "If-Match: \"e1\"\r\n"));
}

static void
a_range_that_is_ignored_is_cut_out_of_the_whole(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/bucket/k", 200, ETAG, TEXT, 0, 0 }, KIT_END
	};
	const struct s3_get middle = { "k", 3, 3, NULL },
	                    rest = { "k", 7, S3_ALL, NULL };

	(void)state;
	{
		AUTO(result) struct result r;

		get(&r, steps, &middle);
		expect_text(&r, "345");
	}
	{
		AUTO(result) struct result r;

		get(&r, steps, &rest);
		expect_text(&r, "789");
	}
}

static void
a_cut_transfer_goes_on_where_it_stopped(void **state)
{
	const struct httpd_step steps[] = { { "GET", "/bucket/k", 200, ETAG,
		                                TEXT, 0, HTTPD_CUT },
		KIT_ERROR("GET", "/bucket/k", 503, "SlowDown"),
		{ "GET", "/bucket/k", 206, RANGE("5-9/10"), "56789", 0,
		    HTTPD_CUT },
		{ "GET", "/bucket/k", 206, RANGE("7-9/10"), "789", 0, 0 },
		KIT_END };
	AUTO(result) struct result r;

	(void)state;
	get(&r, steps, &whole);
	expect_text(&r, TEXT);
	assert_non_null(strstr(httpd_head(r.k.d, 1), "Range: bytes=5-\r\n"));
	assert_non_null(strstr(httpd_head(r.k.d, 1), "If-Match: \"e1\"\r\n"));
	assert_non_null(strstr(httpd_head(r.k.d, 3), "Range: bytes=7-\r\n"));
	assert_int_equal(r.got.size, 10);
}

static void
a_cut_range_goes_on_within_itself(void **state)
{
	const struct httpd_step steps[] = { { "GET", "/bucket/k", 206,
		                                RANGE("2-7/10"), "234567", 0,
		                                HTTPD_CUT },
		/* a server that ignores the second range */
		{ "GET", "/bucket/k", 200, ETAG, TEXT, 0, 0 }, KIT_END };
	const struct s3_get g = { "k", 2, 6, NULL };
	AUTO(result) struct result r;

	(void)state;
	get(&r, steps, &g);
	expect_text(&r, "234567");
	assert_non_null(strstr(httpd_head(r.k.d, 1), "Range: bytes=5-7\r\n"));
}

static void
what_has_another_etag_or_none_is_not_the_version_wanted(void **state)
{
	const struct httpd_step other[] = {
		{ "GET", "/bucket/k", 200, "ETag: \"e2\"\r\n", TEXT, 0, 0 },
		KIT_END
	};
	const struct httpd_step empty[] = { { "GET", "/bucket/k", 200, NULL,
		                                NULL, 0, 0 },
		{ "GET", "/bucket/k", 200, NULL, "<html>", 0, 0 },
		{ "GET", "/bucket/k", 200, ETAG, TEXT, 0, 0 }, KIT_END };
	const struct s3_get g = { "k", 0, S3_ALL, "e1" };

	(void)state;
	{
		AUTO(result) struct result r;

		get(&r, other, &g);
		expect_error(&r, ERR_CHANGED);
	}
	{
		AUTO(result) struct result r;

		get(&r, empty, &g);
		expect_text(&r, TEXT);
		assert_int_equal(r.got.size, 10);
	}
}

static void
a_short_answer_is_completed(void **state)
{
	const struct httpd_step steps[] = { { "GET", "/bucket/k", 206,
		                                RANGE("0-3/10"), "0123", 0, 0 },
		{ "GET", "/bucket/k", 206, RANGE("4-7/10"), "4567", 0, 0 },
		KIT_END };
	const struct s3_get g = { "k", 0, 8, NULL };
	AUTO(result) struct result r;

	(void)state;
	get(&r, steps, &g);
	expect_text(&r, "01234567");
}

static void
another_version_is_never_mixed_in(void **state)
{
	const struct httpd_step refused[] = { { "GET", "/bucket/k", 200, ETAG,
		                                  TEXT, 0, HTTPD_CUT },
		KIT_ERROR("GET", "/bucket/k", 412, "PreconditionFailed"),
		KIT_END };
	const struct httpd_step ignored[] = { { "GET", "/bucket/k", 200, ETAG,
		                                  TEXT, 0, HTTPD_CUT },
		{ "GET", "/bucket/k", 206,
		    "ETag: \"e2\"\r\nContent-Range: bytes 5-9/10\r\n", "vwxyz",
		    0, 0 },
		KIT_END };
	const struct httpd_step unnamed[] = {
		{ "GET", "/bucket/k", 200, NULL, TEXT, 0, HTTPD_CUT }, KIT_END
	};

	(void)state;
	{
		AUTO(result) struct result r;

		get(&r, refused, &whole);
		expect_error(&r, ERR_CHANGED);
	}
	{
		AUTO(result) struct result r;

		get(&r, ignored, &whole);
		expect_error(&r, ERR_CHANGED);
	}
	{
		AUTO(result) struct result r;

		get(&r, unnamed, &whole);
		expect_error(&r, ERR_REMOTE);
	}
}

static void
bytes_of_another_place_are_refused(void **state)
{
	static const char *const range[] = { RANGE("4-6/10"), RANGE("0-9/10"),
		RANGE("3-2/10"), RANGE("3-12/10"), RANGE("*/10"), ETAG,
		RANGE("3-5"), RANGE("x-5/10"), RANGE("3-5/x"),
		RANGE("99999999999999999999999-5/10") };
	const struct s3_get g = { "k", 3, 3, NULL };

	(void)state;
	for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
		const struct httpd_step steps[] = { { "GET", "/bucket/k", 206,
			                                range[i], "345", 0, 0 },
			KIT_END };
		AUTO(result) struct result r;
		size_t len;

		get(&r, steps, &g);
		expect_error(&r, ERR_REMOTE);
		assert_null(sink_mem_data(r.to, &len));
	}
}

static void
a_range_beyond_the_end_is_corrupt(void **state)
{
	const struct httpd_step less[] = { { "GET", "/bucket/k", 206,
		                               RANGE("8-9/10"), "89", 0, 0 },
		KIT_END };
	const struct httpd_step none[] = {
		KIT_ERROR("GET", "/bucket/k", 416, "InvalidRange"), KIT_END
	};
	const struct httpd_step all[] = {
		{ "GET", "/bucket/k", 200, ETAG, TEXT, 0, 0 }, KIT_END
	};
	const struct s3_get end = { "k", 8, 3, NULL },
	                    behind = { "k", 11, S3_ALL, NULL };

	(void)state;
	{
		AUTO(result) struct result r;

		get(&r, less, &end);
		expect_error(&r, ERR_CORRUPT);
	}
	{
		AUTO(result) struct result r;

		get(&r, none, &behind);
		expect_error(&r, ERR_CORRUPT);
	}
	{
		AUTO(result) struct result r;

		get(&r, all, &behind);
		expect_error(&r, ERR_CORRUPT);
	}
}

static void
more_bytes_than_announced_are_not_passed_on(void **state)
{
	const struct httpd_step longer[] = {
		{ "GET", "/bucket/k", 200, ETAG, TEXT, 0, HTTPD_LONG }, KIT_END
	};
	const struct httpd_step wide[] = {
		{ "GET", "/bucket/k", 206, RANGE("3-9/10"), "3456789", 0, 0 },
		KIT_END
	};
	const struct s3_get g = { "k", 3, 2, NULL };

	(void)state;
	{
		AUTO(result) struct result r;

		get(&r, longer, &whole);
		expect_text(&r, TEXT);
	}
	{
		AUTO(result) struct result r;

		get(&r, wide, &g);
		expect_text(&r, "34");
	}
}

static void
no_bytes_need_no_get(void **state)
{
	const struct httpd_step steps[] = {
		{ "HEAD", "/bucket/k", 200, ETAG, TEXT, 0, 0 }, KIT_END
	};
	const struct httpd_step gone[] = {
		{ "HEAD", "/bucket/k", 404, NULL, NULL, 0, 0 }, KIT_END
	};
	const struct s3_get g = { "k", 3, 0, "e1" },
	                    other = { "k", 3, 0, "e2" };

	(void)state;
	{
		AUTO(result) struct result r;

		get(&r, gone, &g);
		expect_error(&r, ERR_NOTFOUND);
	}
	{
		AUTO(result) struct result r;

		get(&r, steps, &g);
		expect_text(&r, "");
		assert_int_equal(r.got.size, 10);
	}
	{
		AUTO(result) struct result r;

		get(&r, steps, &other);
		expect_error(&r, ERR_CHANGED);
	}
}

/* A sink whose own error looks as if another try would help. */
static int
fails_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	(void)s;
	(void)p;
	(void)n;
	return err_set(err, ERR_TRANSIENT, "the other side broke");
}

static int
fails_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
fails_free(struct sink *s)
{
	(void)s;
}

static void
a_sink_that_fails_is_not_fed_again(void **state)
{
	static const struct sink_ops ops = { "fails", fails_write, fails_finish,
		fails_free };
	const struct httpd_step steps[] = {
		{ "GET", "/bucket/k", 200, ETAG, TEXT, 0, 0 }, KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct sink to;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_get(k.s, &whole, NULL, NULL,
	                     sink_init(&to, &ops, NULL), &err),
	    -1);
	assert_true(err_is(&err, ERR_TRANSIENT));
	assert_non_null(strstr(err.msg, "the other side broke"));
	assert_int_equal(k.slept, 0);
	s3_kit_check(&k);
}

static void
tags_are_read_and_none_is_no_error(void **state)
{
	const struct httpd_step steps[] = {
		KIT_XML("GET", "/bucket/k?tagging=",
		    "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag>"
		    "</TagSet></Tagging>"),
		KIT_ERROR("GET", "/bucket/k?tagging=", 404, "NoSuchTagSet"),
		KIT_ERROR("GET", "/bucket/k?tagging=", 404, "NoSuchKey"),
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	AUTO(object) struct object o = { 0 };
	AUTO(object) struct object none = { 0 };
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_get_tags(k.s, "k", &o.tags, &err), 0);
	assert_int_equal(o.tags.count, 1);
	assert_int_equal(s3_get_tags(k.s, "k", &none.tags, &err), 0);
	assert_int_equal(none.tags.count, 0);
	assert_int_equal(s3_get_tags(k.s, "k", &none.tags, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	s3_kit_check(&k);
}

static void
every_allocation_may_fail(void **state)
{
	const struct httpd_step steps[] = { { "GET", "/bucket/k", 200,
		                                ETAG "x-amz-meta-a: 1\r\n",
		                                TEXT, 0, HTTPD_CUT },
		{ "GET", "/bucket/k", 206, RANGE("5-9/10"), "56789", 0, 0 },
		KIT_END };
	long fails = 0;
	int rc;

	(void)state;
	for (;; fails++) {
		AUTO(result) struct result r = { 0 };

		s3_kit_start(&r.k, steps, NULL);
		assert_int_equal(sink_mem_new(100, &r.to, &r.err), 0);
		failalloc_at(fails);
		rc = s3_get(r.k.s, &whole, &r.got, NULL, r.to, &r.err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		if (!err_is(&r.err, ERR_NOMEM))
			fail_msg("%ld: %s", fails, r.err.msg);
	}
	assert_true(fails >= 15);
}

static void
a_length_beyond_all_numbers_is_refused(void **state)
{
	const struct httpd_step steps[] = {
		{ NULL, NULL, 200, NULL,
		    "HTTP/1.1 200 OK\r\n" ETAG
		    "Content-Length: 99999999999999999999\r\n\r\n" TEXT,
		    0, HTTPD_RAW },
		KIT_END
	};
	AUTO(result) struct result r;

	(void)state;
	get(&r, steps, &whole);
	expect_error(&r, ERR_REMOTE);
	assert_non_null(strstr(r.err.msg,
	    "Content-Length is '99999999999999999999'"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_comes_with_its_facts),
		cmocka_unit_test(
		    an_empty_object_and_one_of_unknown_size_come_whole),
		cmocka_unit_test(a_range_is_asked_for_and_passed_on),
		cmocka_unit_test(
		    a_range_that_is_ignored_is_cut_out_of_the_whole),
		cmocka_unit_test(a_cut_transfer_goes_on_where_it_stopped),
		cmocka_unit_test(a_cut_range_goes_on_within_itself),
		cmocka_unit_test(
		    what_has_another_etag_or_none_is_not_the_version_wanted),
		cmocka_unit_test(a_short_answer_is_completed),
		cmocka_unit_test(another_version_is_never_mixed_in),
		cmocka_unit_test(bytes_of_another_place_are_refused),
		cmocka_unit_test(a_range_beyond_the_end_is_corrupt),
		cmocka_unit_test(more_bytes_than_announced_are_not_passed_on),
		cmocka_unit_test(no_bytes_need_no_get),
		cmocka_unit_test(a_sink_that_fails_is_not_fed_again),
		cmocka_unit_test(tags_are_read_and_none_is_no_error),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(a_length_beyond_all_numbers_is_refused),
	};

	return cmocka_run_group_tests_name("s3_get", tests, NULL, NULL);
}
