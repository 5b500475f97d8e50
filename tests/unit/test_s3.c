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

static const struct s3_options good = {
	.bucket = "bucket", .access_key = "AKID", .secret_key = "hush-hush"
};

static void
an_option_that_cannot_be_right_makes_no_client(void **state)
{
	struct s3_options o = good;
	struct s3 *s = NULL;
	struct err err = { 0 };

	(void)state;
	o.uri_style = "dns";
	assert_int_equal(s3_new(&o, &s, &err), -1);
	assert_null(s);
	assert_true(err_is(&err, ERR_USAGE));
}

static void
bucket_and_endpoint_are_told(void **state)
{
	struct s3_options o = good;
	AUTO(s3) struct s3 *s = NULL;
	struct err err = { 0 };

	(void)state;
	o.endpoint = "https://h:9000/base";
	assert_int_equal(s3_new(&o, &s, &err), 0);
	assert_string_equal(s3_bucket(s), "bucket");
	assert_string_equal(s3_endpoint(s), "https://h:9000");
}

static void
a_missing_bucket_is_no_error(void **state)
{
	const struct httpd_step steps[] = {
		KIT_ERROR("GET",
		    "/bucket?list-type=2&max-keys=1&prefix=a%2Fno-such-key",
		    404, "NoSuchBucket"),
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };
	bool exists = true;

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_bucket_exists(k.s, "a/", &exists, &err), 0);
	assert_false(exists);
	s3_kit_check(&k);
}

static void
a_policy_may_name_a_prefix_alone(void **state)
{
	const struct httpd_step steps[] = {
		KIT_ERROR("GET",
		    "/bucket?list-type=2&max-keys=1&prefix=a%2Fno-such-key",
		    403, "AccessDenied"),
		KIT_XML("GET", "/bucket?list-type=2&max-keys=1&prefix=a%2F",
		    "<ListBucketResult/>"),
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };
	bool exists = false;

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_bucket_exists(k.s, "a/", &exists, &err), 0);
	assert_true(exists);
	s3_kit_check(&k);
}

static void
a_bucket_is_made_in_its_region(void **state)
{
	static const struct {
		const char *region;
		bool constraint;
	} t[] = { { NULL, false }, { "us-east-1", false },
		{ "eu-west-1", true } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct httpd_step steps[] = {
			{ "PUT", "/bucket", 200, NULL, NULL, 0, 0 }, KIT_END
		};
		const struct s3_options o = { .region = t[i].region };
		AUTO(s3_kit) struct s3_kit k;
		struct err err = { 0 };

		s3_kit_start(&k, steps, &o);
		assert_int_equal(s3_bucket_create(k.s, &err), 0);
		s3_kit_check(&k);
		assert_true(
		    !strstr(httpd_body(k.d, 0),
		        "<LocationConstraint>eu-west-1</LocationConstraint>") ==
		    !t[i].constraint);
	}
}

static void
a_bucket_that_is_ours_need_not_be_made(void **state)
{
	const struct httpd_step steps[] = { KIT_ERROR("PUT", "/bucket", 409,
		                                "BucketAlreadyOwnedByYou"),
		KIT_XML("GET", "/bucket?", "<ListBucketResult/>"),
		KIT_ERROR("PUT", "/bucket", 409, "BucketAlreadyExists"),
		KIT_ERROR("GET", "/bucket?", 403, "AccessDenied"),
		KIT_ERROR("GET", "/bucket?", 403, "AccessDenied"),
		KIT_ERROR("PUT", "/bucket", 403, "AccessDenied"), KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_bucket_create(k.s, &err), 0);
	assert_int_equal(s3_bucket_create(k.s, &err), -1);
	assert_true(err_is(&err, ERR_EXISTS));
	assert_non_null(strstr(err.msg, "choose another"));
	assert_int_equal(s3_bucket_create(k.s, &err), -1);
	assert_string_equal(err.msg,
	    "access denied: the key may not create bucket 'bucket'");
	s3_kit_check(&k);
}

static void
a_put_sends_all_that_belongs_to_an_object(void **state)
{
	const struct httpd_step steps[] = {
		{ "PUT", "/bucket/a/b", 200, "ETag: \"e1\"\r\n", NULL, 0, 0 },
		KIT_END
	};
	struct object_pair meta[] = { { (char[]){ "colour" },
	    (char[]){ "gr\xc3\xbcn" } } };
	struct object_pair tags[] = { { (char[]){ "a b" }, (char[]){ "1&2" } },
		{ (char[]){ "c" }, (char[]){ "" } } };
	struct object o = { .meta = { meta, 1 }, .tags = { tags, 2 } };
	AUTO(s3_kit) struct s3_kit k;
	AUTO(free) char *etag = NULL;
	struct err err = { 0 };
	const char *head;

	(void)state;
	o.header[OBJECT_CONTENT_TYPE] = (char[]){ "text/plain" };
	o.header[OBJECT_EXPIRES] = (char[]){ "0" };
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_put(k.s, "a/b", "hello", 5, &o, &etag, &err), 0);
	assert_string_equal(etag, "e1");
	s3_kit_check(&k);
	head = httpd_head(k.d, 0);
	assert_non_null(strstr(head, "content-type: text/plain\r\n"));
	assert_non_null(strstr(head, "expires: 0\r\n"));
	assert_non_null(strstr(head, "x-amz-meta-colour: gr\xc3\xbcn\r\n"));
	assert_non_null(strstr(head, "x-amz-tagging: a%20b=1%262&c=\r\n"));
	assert_string_equal(httpd_body(k.d, 0), "hello");
}

static void
a_put_has_a_checksum_once_the_server_wants_one(void **state)
{
	const struct httpd_step steps[] = { KIT_NO_CHECKSUM("/bucket/k "),
		{ "PUT", "/bucket/k ", 200, "ETag: e\r\n", NULL, 0, 0 },
		{ "PUT", "/bucket/k ", 200, "ETag: e\r\n", NULL, 0, 0 },
		KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	for (int i = 0; i < 2; i++)
		if (s3_put(k.s, "k", "hello", 5, NULL, NULL, &err))
			fail_msg("%s", err.msg);
	s3_kit_check(&k);
	assert_null(strstr(httpd_head(k.d, 0), "x-amz-checksum"));
	for (unsigned i = 1; i < 3; i++)
		assert_non_null(strstr(httpd_head(k.d, i),
		    "x-amz-checksum-sha256: LPJNul+wow4m6DsqxbninhsWHlwfp0Jecw"
		    "QzYpOLmCQ=\r\n"));
}

static void
other_bad_requests_are_not_tried_again(void **state)
{
	const struct httpd_step steps[] = {
		KIT_ERROR("PUT", "/bucket/k ", 400, "InvalidRequest"), KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_put(k.s, "k", "x", 1, NULL, NULL, &err), -1);
	assert_non_null(strstr(err.msg, "400 InvalidRequest: Words"));
	s3_kit_check(&k);
}

static void
a_put_without_an_etag_is_not_believed(void **state)
{
	const struct httpd_step steps[] = {
		{ "PUT", "/bucket/k", 200, NULL, NULL, 0, 0 }, KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_put(k.s, "k", "x", 1, NULL, NULL, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	assert_non_null(strstr(err.msg, "ETag"));
}

static void
metadata_that_http_cannot_carry_is_refused(void **state)
{
	const struct httpd_step steps[] = { KIT_END };
	struct object_pair bad[] = {
		{ (char[]){ "a b" }, (char[]){ "1" } },
		{ (char[]){ "" }, (char[]){ "1" } },
		{ (char[]){ "a" }, (char[]){ "1\r\nx: 2" } },
	};
	AUTO(s3_kit) struct s3_kit k;

	(void)state;
	s3_kit_start(&k, steps, NULL);
	for (size_t i = 0; i < 3; i++) {
		const struct object o = { .meta = { &bad[i], 1 } };
		struct err err = { 0 };

		assert_int_equal(s3_put(k.s, "k", "x", 1, &o, NULL, &err), -1);
		assert_true(err_is(&err, ERR_USAGE));
	}
	s3_kit_check(&k);
}

static void
a_head_tells_facts_headers_and_how_many_tags(void **state)
{
	const struct httpd_step steps[] = {
		{ "HEAD", "/bucket/k", 200,
		    "ETag: \"e1\"\r\nX-Amz-Meta-Colour: dark red\r\n"
		    "Last-Modified: Fri, 20 Nov 2026 16:28:00 GMT\r\n"
		    "X-Amz-Tagging-Count: 3\r\nx-amz-version-id: v1\r\n"
		    "Cache-Control: no-store\r\n",
		    "12345", 0, 0 },
		{ "HEAD", "/bucket/k", 200,
		    "x-amz-version-id: null\r\nLast-Modified: today\r\n", NULL,
		    0, 0 },
		{ "HEAD", "/bucket/k", 200, "x-amz-tagging-count: many\r\n",
		    NULL, 0, 0 },
		{ "HEAD", "/bucket/k", 200, NULL, NULL, 0, HTTPD_CLOSE },
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	AUTO(object) struct object o = { 0 };
	struct err err = { 0 };
	unsigned n = 99;

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_head(k.s, "k", &o, &n, &err), 0);
	assert_int_equal(o.size, 5);
	assert_string_equal(o.etag, "e1");
	assert_string_equal(o.modified, "2026-11-20T16:28:00Z");
	assert_string_equal(o.version, "v1");
	assert_string_equal(o.header[OBJECT_CACHE_CONTROL], "no-store");
	assert_null(o.header[OBJECT_CONTENT_TYPE]);
	assert_int_equal(o.meta.count, 1);
	assert_string_equal(o.meta.pair[0].name, "colour");
	assert_string_equal(o.meta.pair[0].value, "dark red");
	assert_int_equal(n, 3);
	assert_int_equal(s3_head(k.s, "k", &o, &n, &err), 0);
	assert_int_equal(o.size, 0);
	assert_null(o.version);
	assert_null(o.modified);
	assert_int_equal(o.meta.count, 0);
	assert_int_equal(n, 0);
	assert_int_equal(s3_head(k.s, "k", &o, &n, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	assert_int_equal(s3_head(k.s, "k", &o, &n, &err), -1);
	assert_non_null(strstr(err.msg, "no size"));
	s3_kit_check(&k);
}

static void
an_error_inside_of_a_success_is_an_error_without_xml_as_well(void **state)
{
	const struct httpd_step steps[] = { KIT_ERROR("DELETE", "/bucket/k",
		                                200, "QuotaExceeded"),
		KIT_ERROR("PUT", "/bucket/k", 200, "QuotaExceeded"),
		{ "DELETE", "/bucket/k", 200, NULL, "gone, dear", 0, 0 },
		{ "DELETE", "/bucket/k", 200, NULL, "<p>gone</p>", 0, 0 },
		KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_delete(k.s, "k", &err), -1);
	assert_true(err_is(&err, ERR_NOROOM));
	assert_int_equal(s3_put(k.s, "k", "x", 1, NULL, NULL, &err), -1);
	assert_true(err_is(&err, ERR_NOROOM));
	assert_int_equal(s3_delete(k.s, "k", &err), 0);
	assert_int_equal(s3_delete(k.s, "k", &err), 0);
	s3_kit_check(&k);
}

static void
deleting_what_is_gone_succeeds(void **state)
{
	const struct httpd_step steps[] = { { "DELETE", "/bucket/k", 204, NULL,
		                                NULL, 0, 0 },
		KIT_ERROR("DELETE", "/bucket/k", 404, "NoSuchKey"),
		KIT_ERROR("DELETE", "/bucket/k", 404, "NoSuchBucket"),
		KIT_ERROR("DELETE", "/bucket/k", 403, "AccessDenied"),
		KIT_ERROR("GET", "/bucket/k?retention=", 403, "AccessDenied"),
		KIT_ERROR("GET", "/bucket/k?legal-hold=", 403, "AccessDenied"),
		KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_delete(k.s, "k", &err), 0);
	assert_int_equal(s3_delete(k.s, "k", &err), 0);
	assert_int_equal(s3_delete(k.s, "k", &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_int_equal(s3_delete(k.s, "k", &err), -1);
	assert_string_equal(err.msg,
	    "access denied: the key may not delete from bucket 'bucket'");
	s3_kit_check(&k);
}

static void
tags_are_put_as_xml_with_a_checksum(void **state)
{
	const struct httpd_step steps[] = {
		{ "PUT", "/bucket/k?tagging=", 200, NULL, NULL, 0, 0 }, KIT_END
	};
	struct object_pair tags[] = { { (char[]){ "a<b" },
	    (char[]){ "1&2" } } };
	const struct object_pairs t = { tags, 1 };
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_put_tags(k.s, "k", &t, &err), 0);
	s3_kit_check(&k);
	assert_non_null(strstr(httpd_body(k.d, 0),
	    "<TagSet><Tag><Key>a&#60;b</Key><Value>1&#38;2</Value></Tag>"));
	assert_non_null(strstr(httpd_head(k.d, 0), "x-amz-checksum-sha256: "));
}

static void
every_allocation_of_s3_new_may_fail(void **state)
{
	long fails = 0;

	(void)state;
	for (;; fails++) {
		AUTO(s3) struct s3 *s = NULL;
		struct err err = { 0 };

		failalloc_at(fails);
		if (s3_new(&good, &s, &err) == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
		assert_null(s);
	}
	failalloc_at(-1);
	assert_true(fails >= 2);
}

static int
put_and_head(struct s3 *s, struct err *err)
{
	static char value[300];
	struct object_pair pair[] = { { (char[]){ "a" }, (char[]){ "1" } } };
	struct object_pair tag[] = { { (char[]){ "a" }, value } };
	const struct object o = { .header = { [OBJECT_CONTENT_TYPE] =
		                                  (char[]){ "text/plain" } },
		.meta = { pair, 1 },
		.tags = { tag, 1 } };
	AUTO(object) struct object got = { 0 };

	memset(value, 'v', sizeof value - 1);
	return s3_put(s, "k", "x", 1, &o, NULL, err) ||
	       s3_head(s, "k", &got, NULL, err) ||
	       s3_put_tags(s, "k", &o.tags, err) || s3_delete(s, "k", err);
}

static void
no_memory_for_a_bucket_is_told(void **state)
{
	const struct httpd_step steps[] = {
		{ "PUT", "/bucket", 200, NULL, NULL, 0, 0 }, KIT_END
	};
	const struct s3_options there = { .region = "eu-north-1" };
	long fails = 0;
	int rc = -1;

	(void)state;
	for (; rc; fails += rc != 0) {
		AUTO(s3_kit) struct s3_kit k;
		struct err err = { 0 };

		s3_kit_start(&k, steps, &there);
		failalloc_at(fails);
		rc = s3_bucket_create(k.s, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
	}
	assert_true(fails >= 5);
}

static void
what_cannot_be_signed_is_not_sent(void **state)
{
	static const char *const calls[] = { "EVP_Digest", "EVP_DigestUpdate",
		"EVP_DigestFinal_ex" };
	const struct httpd_step none[] = { KIT_END };
	AUTO(s3_kit) struct s3_kit k;

	(void)state;
	s3_kit_start(&k, none, NULL);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct err err = { 0 };

		failcall_at(calls[i], 0, 1);
		assert_int_equal(s3_put(k.s, "k", "x", 1, NULL, NULL, &err),
		    -1);
		assert_true(failcall_end());
		assert_int_equal(err.code, ERR_NOMEM);
	}
	httpd_stop(k.d);
	assert_int_equal(httpd_requests(k.d), 0);
}

static void
every_allocation_of_a_request_may_fail(void **state)
{
	const struct httpd_step all[] = { { "PUT", "/bucket/k", 200,
		                              "ETag: e\r\n", NULL, 0, 0 },
		{ "HEAD", "/bucket/k", 200,
		    "ETag: e\r\nx-amz-meta-a: 1\r\ncontent-type: x\r\n", NULL,
		    0, 0 },
		{ "PUT", "/bucket/k?tagging=", 200, NULL, NULL, 0, 0 },
		{ "DELETE", "/bucket/k", 204, NULL, NULL, 0, 0 }, KIT_END };
	long fails = 0;
	int rc;

	(void)state;
	for (;; fails++) {
		AUTO(s3_kit) struct s3_kit k;
		struct err err = { 0 };

		s3_kit_start(&k, all, NULL);
		failalloc_at(fails);
		rc = put_and_head(k.s, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		if (!err_is(&err, ERR_NOMEM))
			fail_msg("%ld: %s", fails, err.msg);
	}
	assert_true(fails >= 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_error_inside_of_a_success_is_an_error_without_xml_as_well),
		cmocka_unit_test(
		    an_option_that_cannot_be_right_makes_no_client),
		cmocka_unit_test(bucket_and_endpoint_are_told),
		cmocka_unit_test(a_missing_bucket_is_no_error),
		cmocka_unit_test(no_memory_for_a_bucket_is_told),
		cmocka_unit_test(what_cannot_be_signed_is_not_sent),
		cmocka_unit_test(a_policy_may_name_a_prefix_alone),
		cmocka_unit_test(a_bucket_is_made_in_its_region),
		cmocka_unit_test(a_bucket_that_is_ours_need_not_be_made),
		cmocka_unit_test(a_put_sends_all_that_belongs_to_an_object),
		cmocka_unit_test(
		    a_put_has_a_checksum_once_the_server_wants_one),
		cmocka_unit_test(other_bad_requests_are_not_tried_again),
		cmocka_unit_test(a_put_without_an_etag_is_not_believed),
		cmocka_unit_test(metadata_that_http_cannot_carry_is_refused),
		cmocka_unit_test(a_head_tells_facts_headers_and_how_many_tags),
		cmocka_unit_test(deleting_what_is_gone_succeeds),
		cmocka_unit_test(tags_are_put_as_xml_with_a_checksum),
		cmocka_unit_test(every_allocation_of_s3_new_may_fail),
		cmocka_unit_test(every_allocation_of_a_request_may_fail),
	};

	return cmocka_run_group_tests_name("s3", tests, NULL, NULL);
}
