#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "s3/endpoint.h"

static inline void
scope_endpoint(struct endpoint *e)
{
	endpoint_done(e);
}

/* The URL of a key as a request would have it. */
static int
url(const char *text, const char *style, const char *bucket, const char *key,
    struct buf *out, struct err *err)
{
	AUTO(endpoint) struct endpoint e = { 0 };

	out->max = 8192;
	if (endpoint_parse(&e, text, style, bucket, err) ||
	    buf_puts(out, e.tls ? "https://" : "http://", err) ||
	    endpoint_host(&e, bucket, "eu-west-1", out, err))
		return -1;
	return endpoint_path(&e, bucket, key, out, err);
}

static void
endpoints_of_all_forms_give_urls(void **state)
{
	static const struct {
		const char *text, *style, *bucket, *key, *url;
	} t[] = {
		{ "http://h:9000", NULL, "buc", "k", "http://h:9000/buc/k" },
		{ "http://h:9000/", "", "buc", NULL, "http://h:9000/buc" },
		{ "https://H.Example:443", "path", "buc", "k",
		    "https://h.example/buc/k" },
		{ "HTTPS://h:80", "path", "buc", "k", "https://h:80/buc/k" },
		{ "http://h:80", "path", "buc", "k", "http://h/buc/k" },
		{ "h", "auto", "buc", "k", "https://h/buc/k" },
		{ "h:443", "auto", "buc", "k", "https://h/buc/k" },
		{ "h:9000", "auto", "buc", "k", "http://h:9000/buc/k" },
		{ "http://h/base//", "path", "buc", "k",
		    "http://h/base/buc/k" },
		{ "http://h/base", "host", "buc", "k", "http://buc.h/base/k" },
		{ "http://[::1]:9000", "path", "buc", "k",
		    "http://[::1]:9000/buc/k" },
		{ "[::1]", NULL, "buc", "k", "https://[::1]/buc/k" },
		{ "http://h:9000", "virtual", "buc", NULL,
		    "http://buc.h:9000/" },
		{ "http://h", "path", "buc", "/a//b/../c d%+\xc3\xa4/",
		    "http://h/buc//a//b/../c%20d%25%2B%C3%A4/" },
		{ NULL, NULL, "buc", "k",
		    "https://buc.s3.eu-west-1.amazonaws.com/k" },
		{ "https://s3.amazonaws.com", "path", "buc", "k",
		    "https://s3.eu-west-1.amazonaws.com/buc/k" },
		{ "https://s3.us-east-2.amazonaws.com", NULL, "b.dot", "k",
		    "https://s3.eu-west-1.amazonaws.com/b.dot/k" },
		{ "http://s3-us-west-2.amazonaws.com", NULL, "b.dot", "k",
		    "http://b.dot.s3.eu-west-1.amazonaws.com/k" },
		{ "https://s3.cn-north-1.amazonaws.com.cn", NULL, "buc", "k",
		    "https://buc.s3.eu-west-1.amazonaws.com.cn/k" },
		/* not one of the plain hosts: left as it is */
		{ "https://s3-accelerate.amazonaws.com", NULL, "buc", "k",
		    "https://buc.s3-accelerate.amazonaws.com/k" },
		{ "https://x.vpce-1.s3.us-east-1.vpce.amazonaws.com", "path",
		    "buc", "k",
		    "https://x.vpce-1.s3.us-east-1.vpce.amazonaws.com/buc/k" },
		{ "https://notamazonaws.com", NULL, "buc", "k",
		    "https://notamazonaws.com/buc/k" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO(buf) struct buf b = { 0 };
		struct err err = { 0 };

		if (url(t[i].text, t[i].style, t[i].bucket, t[i].key, &b, &err))
			fail_msg("%s: %s", t[i].text, err.msg);
		assert_string_equal(b.data, t[i].url);
	}
}

static void
endpoints_that_cannot_be_right_are_usage_errors(void **state)
{
	static const struct {
		const char *text, *style;
	} t[] = {
		{ "ftp://h", NULL },
		{ "s3://bucket", NULL },
		{ "http://", NULL },
		{ "http://h:", NULL },
		{ "http://h:0", NULL },
		{ "http://h:65536", NULL },
		{ "http://h:9x", NULL },
		{ "http://h:123456789", NULL },
		{ "http://h h", NULL },
		{ "http://h/a?b", NULL },
		{ "http://h/a b", NULL },
		{ "http://[::1", NULL },
		{ "[f\r", NULL },
		{ "[::1x", NULL },
		{ "http://[::1]x", NULL },
		{ "http://[]", NULL },
		{ "http://key:secret@h", NULL },
		{ "http://h", "dns" },
		{ "http://127.0.0.1:9000", "host" },
		{ "http://[::1]", "virtual" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO(buf) struct buf b = { 0 };
		struct err err = { 0 };

		if (url(t[i].text, t[i].style, "buc", "k", &b, &err) == 0)
			fail_msg("%s gives %s", t[i].text, b.data);
		assert_true(err_is(&err, ERR_USAGE));
		assert_null(strstr(err.msg, "secret"));
	}
}

static void
a_host_of_aws_tells_its_region(void **state)
{
	static const struct {
		const char *text, *region;
	} t[] = {
		{ "https://s3.eu-central-1.amazonaws.com", "eu-central-1" },
		{ "https://s3-us-gov-west-1.amazonaws.com", "us-gov-west-1" },
		{ "https://s3.amazonaws.com", "" },
		{ "https://s3.example.org", "" },
		{ "https://s3-external-1.amazonaws.com", "" },
		{ "https://s3.eu.central-1.amazonaws.com", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO(endpoint) struct endpoint e = { 0 };
		struct err err = { 0 };
		char region[64] = "x", tiny[4] = "x";

		assert_int_equal(endpoint_parse(&e, t[i].text, NULL, "buc",
		                     &err),
		    0);
		endpoint_region(&e, region, sizeof region);
		assert_string_equal(region, t[i].region);
		endpoint_region(&e, tiny, sizeof tiny);
		assert_string_equal(tiny, "");
	}
}

static void
the_base_is_for_messages(void **state)
{
	AUTO(endpoint) struct endpoint e = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(endpoint_parse(&e, "https://H:9000/base/", NULL, "b",
	                     &err),
	    0);
	assert_string_equal(e.base, "https://h:9000");
	assert_string_equal(e.path, "/base");
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;

	(void)state;
	for (;; fails++) {
		AUTO(buf) struct buf b = { 0 };
		struct err err = { 0 };

		failalloc_at(fails);
		if (url("http://h:9000/x", "path", "buc", "k", &b, &err) == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	failalloc_at(-1);
	assert_true(fails >= 1);
}

static void
no_url_is_longer_than_its_buffer(void **state)
{
	static const char *const styles[] = { "path", "virtual" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		AUTO(endpoint) struct endpoint e = { 0 };
		struct err err = { 0 };

		assert_int_equal(endpoint_parse(&e, "http://h:9000/x",
		                     styles[i], "buc", &err),
		    0);
		for (size_t max = 0; max < 4; max++) {
			AUTO(buf) struct buf b = { .max = max };
			AUTO(buf) struct buf c = { .max = max };

			assert_int_equal(endpoint_host(&e, "buc", "r", &b,
			                     &err),
			    -1);
			assert_int_equal(err.code, ERR_CORRUPT);
			assert_int_equal(endpoint_path(&e, "buc", "key", &c,
			                     &err),
			    -1);
			assert_int_equal(err.code, ERR_CORRUPT);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_of_all_forms_give_urls),
		cmocka_unit_test(
		    endpoints_that_cannot_be_right_are_usage_errors),
		cmocka_unit_test(a_host_of_aws_tells_its_region),
		cmocka_unit_test(the_base_is_for_messages),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(no_url_is_longer_than_its_buffer),
	};

	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
