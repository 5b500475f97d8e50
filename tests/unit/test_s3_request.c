#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/s3_kit.h"
#include "base/str.h"
#include "s3/s3_request.h"

#define LIST "GET", "/bucket?list-type=2&max-keys=1"
#define EMPTY_LIST "<ListBucketResult></ListBucketResult>"

static int
exists(struct s3_kit *k, struct err *err)
{
	bool yes = false;

	if (s3_bucket_exists(k->s, "", &yes, err))
		return -1;
	assert_true(yes);
	return 0;
}

static void
what_is_transient_is_tried_again(void **state)
{
	const struct httpd_step steps[] = { { LIST, 200, NULL, EMPTY_LIST, 0,
		                                HTTPD_RESET },
		KIT_ERROR("GET", "/bucket?", 503, "SlowDown"),
		KIT_ERROR("GET", "/bucket?", 500, "InternalError"),
		KIT_ERROR("GET", "/bucket?", 429, "TooManyRequests"),
		KIT_ERROR("GET", "/bucket?", 400, "RequestTimeout"),
		{ LIST, 502, "Content-Type: text/html\r\n", "<html>", 0, 0 },
		{ LIST, 200, NULL, EMPTY_LIST, 0, HTTPD_CUT },
		KIT_XML("GET", "/bucket?list-type=2&max-keys=1", EMPTY_LIST),
		KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	struct s3_counts counts;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	if (exists(&k, &err))
		fail_msg("%s", err.msg);
	s3_kit_check(&k);
	assert_int_equal(k.slept, 7);
	s3_counts(k.s, &counts);
	assert_int_equal(counts.sent[S3_LIST], 8);
	assert_int_equal(counts.sent[S3_PUT], 0);
}

static void
a_busy_server_says_how_long_to_wait(void **state)
{
	const struct httpd_step steps[] = { { LIST, 503, "Retry-After: 30\r\n",
		                                NULL, 0, 0 },
		{ LIST, 503,
		    "Date: Fri, 20 Nov 2026 16:28:00 GMT\r\n"
		    "Retry-After: Fri, 20 Nov 2026 16:28:20 GMT\r\n",
		    NULL, 0, 0 },
		{ LIST, 503, "Retry-After: soon\r\n", NULL, 0, 0 },
		KIT_XML("GET", "/bucket?", EMPTY_LIST), KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(exists(&k, &err), 0);
	assert_in_range(k.ms, 50000, 51000);
}

static void
in_the_end_it_is_given_up(void **state)
{
	struct httpd_step steps[9] = { { 0 } };
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 8; i++)
		steps[i] = (struct httpd_step)KIT_ERROR("GET", "/bucket?", 503,
		    "SlowDown");
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(exists(&k, &err), -1);
	assert_true(err_is(&err, ERR_TRANSIENT));
	assert_non_null(strstr(err.msg, "8 attempts: cannot list bucket"));
	assert_non_null(strstr(err.msg, "503 SlowDown: Words"));
	s3_kit_check(&k);
}

static void
an_endpoint_that_never_answers_is_given_up_early(void **state)
{
	const struct httpd_step steps[] = { KIT_END };
	const struct s3_options o = { .endpoint = "http://127.0.0.1:1" };
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, &o);
	assert_int_equal(exists(&k, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	assert_non_null(strstr(err.msg,
	    "cannot list bucket 'bucket' at http://127.0.0.1:1: "));
	assert_in_range(k.slept, 1, 4);
}

static void
a_region_that_the_server_names_is_taken(void **state)
{
	const struct httpd_step steps[] = {
		{ LIST, 301, "x-amz-bucket-region: eu-west-1\r\n",
		    "<Error><Code>PermanentRedirect</Code></Error>", 0, 0 },
		{ LIST, 400, NULL,
		    "<Error><Code>AuthorizationHeaderMalformed</Code>"
		    "<Region>eu-west-2</Region></Error>",
		    0, 0 },
		KIT_XML("GET", "/bucket?", EMPTY_LIST), KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(exists(&k, &err), 0);
	s3_kit_check(&k);
	assert_non_null(strstr(httpd_head(k.d, 0),
	    "Credential=AKID/20261120/us-east-1/s3"));
	assert_non_null(strstr(httpd_head(k.d, 1), "/eu-west-1/s3/"));
	assert_non_null(strstr(httpd_head(k.d, 2), "/eu-west-2/s3/"));
}

static void
a_region_hint_is_checked(void **state)
{
	const struct httpd_step steps[] = {
		{ LIST, 301, "x-amz-bucket-region: ../evil\r\n", NULL, 0, 0 },
		{ LIST, 301, "x-amz-bucket-region: us-east-1\r\n", NULL, 0, 0 },
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(exists(&k, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	/* the region that was used already: no loop */
	assert_int_equal(exists(&k, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	s3_kit_check(&k);
}

static void
a_redirect_elsewhere_names_the_place(void **state)
{
	const struct httpd_step steps[] = {
		{ LIST, 307, "Location: https://other.example/\r\n", NULL, 0,
		    0 },
		{ LIST, 301, NULL,
		    "<Error><Endpoint>third.example</Endpoint></Error>", 0, 0 },
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(exists(&k, &err), -1);
	assert_non_null(strstr(err.msg, "'https://other.example/'"));
	assert_int_equal(exists(&k, &err), -1);
	assert_non_null(strstr(err.msg, "'third.example'"));
}

static void
the_time_of_the_server_is_taken_where_it_insists(void **state)
{
	const struct httpd_step steps[] = {
		{ LIST, 403, "Date: Fri, 20 Nov 2026 18:00:00 GMT\r\n",
		    "<Error><Code>RequestTimeTooSkewed</Code></Error>", 0, 0 },
		KIT_XML("GET", "/bucket?", EMPTY_LIST),
		/* a HEAD does not say why; its Date does */
		{ "HEAD", "/bucket/k", 403,
		    "Date: Fri, 20 Nov 2026 15:00:00 GMT\r\n", NULL, 0, 0 },
		{ "HEAD", "/bucket/k", 200, NULL, "x", 0, 0 }, KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(exists(&k, &err), 0);
	assert_int_equal(s3_now(k.s) / 60, (S3_KIT_NOW + 92 * 60) / 60);
	assert_int_equal(s3_head(k.s, "k", NULL, NULL, &err), 0);
	s3_kit_check(&k);
	assert_non_null(strstr(httpd_head(k.d, 0),
	    "x-amz-date: 20261120T162800Z"));
	assert_non_null(strstr(httpd_head(k.d, 1),
	    "x-amz-date: 20261120T1800"));
	assert_non_null(strstr(httpd_head(k.d, 3),
	    "x-amz-date: 20261120T1500"));
}

static void
a_refusal_with_the_right_time_is_final(void **state)
{
	const struct httpd_step steps[] = {
		{ LIST, 403, "Date: Fri, 20 Nov 2026 16:28:01 GMT\r\n",
		    "<Error><Code>RequestTimeTooSkewed</Code></Error>", 0, 0 },
		{ LIST, 403, NULL,
		    "<Error><Code>RequestTimeTooSkewed</Code></Error>", 0, 0 },
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(exists(&k, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	assert_int_equal(exists(&k, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	s3_kit_check(&k);
}

#define DENIED "<Error><Code>AccessDenied</Code></Error>"

static void
a_write_that_minio_refuses_is_tried_twice_more(void **state)
{
	const struct httpd_step steps[] = {
		{ "PUT", "/bucket/k", 403, "Server: MinIO\r\n", DENIED, 0, 0 },
		{ "PUT", "/bucket/k", 403, "Server: MinIO\r\n", DENIED, 0, 0 },
		{ "PUT", "/bucket/k", 200, "ETag: \"e\"\r\n", NULL, 0, 0 },
		{ "PUT", "/bucket/k", 403, "Server: MinIO\r\n", DENIED, 0, 0 },
		{ "PUT", "/bucket/k", 403, "Server: MinIO\r\n", DENIED, 0, 0 },
		{ "PUT", "/bucket/k", 403, "Server: MinIO\r\n", DENIED, 0, 0 },
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	if (s3_put(k.s, "k", "x", 1, NULL, NULL, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(s3_put(k.s, "k", "x", 1, NULL, NULL, &err), -1);
	assert_true(err_is(&err, ERR_DENIED));
	assert_non_null(strstr(err.msg, "access denied: the key may not"));
	s3_kit_check(&k);
}

static void
another_refusal_is_final(void **state)
{
	const struct httpd_step steps[] = { { "PUT", "/bucket/k", 403,
		                                "Server: AmazonS3\r\n", DENIED,
		                                0, 0 },
		{ "PUT", "/bucket/k", 403, "Server: MinIO\r\n",
		    "<Error><Code>InvalidAccessKeyId</Code></Error>", 0, 0 },
		{ LIST, 403, "Server: MinIO\r\n", DENIED, 0, 0 },
		{ LIST, 403, "Server: MinIO\r\n", DENIED, 0, 0 }, KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(s3_put(k.s, "k", "x", 1, NULL, NULL, &err),
		    -1);
		assert_true(err_is(&err, ERR_DENIED));
	}
	assert_int_equal(exists(&k, &err), -1);
	assert_true(err_is(&err, ERR_DENIED));
	s3_kit_check(&k);
}

static void
a_success_with_an_error_inside_is_an_error(void **state)
{
	const struct httpd_step steps[] = {
		KIT_XML("GET", "/bucket?",
		    "<Error><Code>InternalError</Code></Error>"),
		KIT_XML("GET", "/bucket?",
		    " \n <Error><Code>SlowDown</Code></Error>"),
		KIT_XML("GET", "/bucket?", ""), KIT_XML("GET", "/bucket?", " "),
		KIT_XML("GET", "/bucket?", EMPTY_LIST),
		KIT_XML("GET", "/bucket?",
		    "<Error><Code>AccessDenied</Code></Error>"),
		KIT_XML("GET", "/bucket?",
		    "<Error><Code>AccessDenied</Code></Error>"),
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(exists(&k, &err), 0);
	assert_int_equal(k.slept, 4);
	assert_int_equal(exists(&k, &err), -1);
	assert_true(err_is(&err, ERR_DENIED));
	s3_kit_check(&k);
}

static void
what_is_not_s3_is_named(void **state)
{
	static const char *const html[] = { "<!DOCTYPE html><html></html>",
		"\n<HTML><body>" };
	static const char *const other[] = { "{}", "hello",
		"<Tagging></Tagging>" };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		const struct httpd_step steps[] = {
			KIT_XML("GET", "/", i < 2 ? html[i] : other[i - 2]),
			KIT_END
		};
		AUTO(s3_kit) struct s3_kit k;
		struct err err = { 0 };

		s3_kit_start(&k, steps, NULL);
		assert_int_equal(exists(&k, &err), -1);
		assert_true(err_is(&err, ERR_REMOTE));
		assert_non_null(strstr(err.msg, "is the endpoint right?"));
		assert_true(!strstr(err.msg, "HTML") == (i >= 2));
	}
}

static void
requests_are_signed_with_what_s3_wants(void **state)
{
	const struct httpd_step steps[] = { { "PUT", "/base/bucket/a%20b", 200,
		                                "ETag: \"e\"\r\n", NULL, 0, 0 },
		KIT_END };
	struct s3_options o = { .session_token = "token",
		.region = "eu-west-3",
		.storage_class = "STANDARD_IA",
		.server_side_encryption = "aws:kms",
		.kms_key_id = "key-1" };
	struct object object = { .header = { (char[]){ "text/plain" } } };
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };
	char endpoint[80];
	const char *head;

	(void)state;
	(void)snprintf(endpoint, sizeof endpoint, "%s/base/", httpd_url(d));
	o.endpoint = endpoint;
	s3_kit_start(&k, (const struct httpd_step[]){ KIT_END }, &o);
	assert_int_equal(s3_put(k.s, "a b", "x", 1, &object, NULL, &err), 0);
	httpd_stop(d);
	assert_string_equal(httpd_complaint(d), "");
	head = httpd_head(d, 0);
	assert_non_null(strstr(head,
	    "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;"
	    "x-amz-security-token;x-amz-server-side-encryption;"
	    "x-amz-server-side-encryption-aws-kms-key-id;x-amz-storage-class,"));
	assert_non_null(strstr(head, "/20261120/eu-west-3/s3/aws4_request"));
	assert_non_null(strstr(head, "x-amz-security-token: token\r\n"));
	assert_non_null(strstr(head,
	    "x-amz-content-sha256: 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\r\n"));
	assert_null(strstr(head, "hush-hush"));
}

static int
scenario(struct s3_kit *k, struct err *err)
{
	AUTO(s3_reply) struct s3_reply r = { 0 };
	const struct s3_request q = { .kind = S3_LIST,
		.method = "GET",
		.what = "list",
		.query = "list-type=2",
		.root = "ListBucketResult" };

	return s3_request(k->s, &q, &r, err);
}

static void
every_allocation_may_fail(void **state)
{
	const struct httpd_step steps[] = {
		KIT_XML("GET", "/bucket?", EMPTY_LIST), KIT_END
	};
	long fails = 0;
	int rc;

	(void)state;
	for (;; fails++) {
		AUTO(s3_kit) struct s3_kit k;
		struct err err = { 0 };

		s3_kit_start(&k, steps, NULL);
		failalloc_at(fails);
		rc = scenario(&k, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		if (!err_is(&err, ERR_NOMEM))
			fail_msg("%ld: %s", fails, err.msg);
	}
	assert_true(fails >= 8);
}

/* --- keys that are replaced */

struct rotation {
	const char *access[3], *token; /* one reload after the other */
	unsigned asked;
};

static int
reload(const void *ctx, struct s3_keys *k, struct err *err)
{
	struct rotation *r = *(struct rotation *const *)ctx;
	const char *access = r->access[r->asked++];

	if (!access)
		return err_set(err, ERR_IO, "no such file");
	if (str_dup(access, &k->access_key, err) ||
	    str_dup("hush-hush", &k->secret_key, err))
		return -1;
	return r->token ? str_dup(r->token, &k->session_token, err) : 0;
}

#define REFUSED(code) KIT_ERROR("GET", "/bucket?", 403, code)
#define GRANTED KIT_XML("GET", "/bucket?", EMPTY_LIST)

static void
start_rotating(struct s3_kit *k, const struct httpd_step *steps,
    struct rotation *const *r)
{
	const struct s3_options o = { .reload = reload, .reload_ctx = r };

	s3_kit_start(k, steps, &o);
}

static void
keys_that_were_replaced_are_read_again(void **state)
{
	static const char *const code[] = { "InvalidAccessKeyId",
		"SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
		"TokenRefreshRequired" };

	(void)state;
	for (size_t i = 0; i < sizeof code / sizeof *code; i++) {
		struct httpd_step steps[] = { REFUSED("x"), GRANTED, GRANTED,
			KIT_END };
		struct rotation rotation = { .access = { "AKID2" },
			.token = "token" };
		struct rotation *r = &rotation;
		char body[200];
		AUTO(s3_kit) struct s3_kit k;
		struct err err = { 0 };

		(void)snprintf(body, sizeof body,
		    "<Error><Code>%s</Code></Error>", code[i]);
		steps[0].body = body;
		start_rotating(&k, steps, &r);
		if (exists(&k, &err) || exists(&k, &err))
			fail_msg("%s", err.msg);
		s3_kit_check(&k);
		assert_int_equal(r->asked, 1);
		assert_non_null(strstr(httpd_head(k.d, 0), "Credential=AKID/"));
		for (unsigned n = 1; n < 3; n++) {
			assert_non_null(strstr(httpd_head(k.d, n),
			    "Credential=AKID2/"));
			assert_non_null(strstr(httpd_head(k.d, n),
			    "x-amz-security-token: token\r\n"));
		}
	}
}

static void
a_head_that_is_refused_may_be_a_key_that_was_replaced(void **state)
{
	const struct httpd_step steps[] = {
		{ "HEAD", "/bucket/k", 403, NULL, NULL, 0, 0 },
		{ "HEAD", "/bucket/k", 400, NULL, NULL, 0, 0 },
		{ "HEAD", "/bucket/k", 200, "ETag: e\r\n", NULL, 0, 0 }, KIT_END
	};
	struct rotation rotation = { .access = { "AKID2", "AKID3" } };
	struct rotation *r = &rotation;
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	start_rotating(&k, steps, &r);
	if (s3_head(k.s, "k", NULL, NULL, &err))
		fail_msg("%s", err.msg);
	s3_kit_check(&k);
}

static void
keys_that_are_as_they_were_are_refused(void **state)
{
	const struct httpd_step steps[] = { REFUSED("InvalidAccessKeyId"),
		KIT_END };
	const struct httpd_step denied[] = { REFUSED("AccessDenied"),
		REFUSED("AccessDenied"), KIT_END };
	/* the same, none to be had, what is no key */
	struct rotation rotation[] = { { .access = { "AKID" } },
		{ .access = { NULL } }, { .access = { "AK\nID" } } };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct rotation *r = &rotation[i % 3];
		AUTO(s3_kit) struct s3_kit k;
		struct err err = { 0 };

		r->asked = 0;
		start_rotating(&k, i < 3 ? steps : denied, &r);
		assert_int_equal(exists(&k, &err), -1);
		assert_true(err_is(&err, ERR_DENIED));
		s3_kit_check(&k);
		assert_int_equal(r->asked, i < 3);
		if (i < 3)
			assert_non_null(strstr(err.msg, "check access-key"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_transient_is_tried_again),
		cmocka_unit_test(keys_that_were_replaced_are_read_again),
		cmocka_unit_test(
		    a_head_that_is_refused_may_be_a_key_that_was_replaced),
		cmocka_unit_test(keys_that_are_as_they_were_are_refused),
		cmocka_unit_test(a_busy_server_says_how_long_to_wait),
		cmocka_unit_test(in_the_end_it_is_given_up),
		cmocka_unit_test(
		    an_endpoint_that_never_answers_is_given_up_early),
		cmocka_unit_test(a_region_that_the_server_names_is_taken),
		cmocka_unit_test(a_region_hint_is_checked),
		cmocka_unit_test(a_redirect_elsewhere_names_the_place),
		cmocka_unit_test(
		    the_time_of_the_server_is_taken_where_it_insists),
		cmocka_unit_test(a_refusal_with_the_right_time_is_final),
		cmocka_unit_test(
		    a_write_that_minio_refuses_is_tried_twice_more),
		cmocka_unit_test(another_refusal_is_final),
		cmocka_unit_test(a_success_with_an_error_inside_is_an_error),
		cmocka_unit_test(what_is_not_s3_is_named),
		cmocka_unit_test(requests_are_signed_with_what_s3_wants),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("s3_request", tests, NULL, NULL);
}
