#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/s3_kit.h"

struct answer {
	int status;
	const char *code; /* NULL: no body */
	enum err_code want;
	const char *words;
};

/* RadosGW's messages are empty; the words must not need them. */
static int
body(const struct answer *a, char out[400])
{
	out[0] = '\0';
	return a->code ? snprintf(out, 400,
	                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error>"
	                     "<Code>%s</Code><Message></Message></Error>",
	                     a->code)
	               : 0;
}

static void
expect(const char *method, const struct answer *a)
{
	char xml[400];
	const struct httpd_step steps[] = {
		{ method, "/bucket/k%20y", a->status, NULL, xml, 0, 0 }, KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };
	int rc;

	(void)body(a, xml);
	s3_kit_start(&k, steps, NULL);
	if (*method == 'P')
		rc = s3_put(k.s, "k y", "x", 1, NULL, NULL, &err);
	else
		rc = s3_head(k.s, "k y", NULL, NULL, &err);
	assert_int_equal(rc, -1);
	s3_kit_check(&k);
	if (!err_is(&err, a->want) || !strstr(err.msg, a->words))
		fail_msg("%d %s: %d %s", a->status, a->code ? a->code : "",
		    err.code, err.msg);
	assert_null(strstr(err.msg, "hush-hush"));
}

static void
refusals_of_a_put_say_what_to_do(void **state)
{
	static const struct answer t[] = {
		{ 403, "AccessDenied", ERR_DENIED,
		    "access denied: the key may not write to bucket 'bucket'" },
		{ 403, NULL, ERR_DENIED, "may not write to bucket 'bucket'" },
		{ 401, NULL, ERR_DENIED, "may not write to bucket 'bucket'" },
		{ 403, "InvalidAccessKeyId", ERR_DENIED, "check access-key" },
		{ 403, "SignatureDoesNotMatch", ERR_DENIED,
		    "check secret-key" },
		{ 400, "ExpiredToken", ERR_DENIED, "token has expired" },
		{ 400, "InvalidToken", ERR_DENIED, "get new credentials" },
		{ 404, "NoSuchBucket", ERR_NOTFOUND,
		    "bucket 'bucket' at http://127.0.0.1:" },
		{ 403, "QuotaExceeded", ERR_NOROOM, "quota" },
		{ 507, "XMinioStorageFull", ERR_NOROOM, "disk is full" },
		{ 507, NULL, ERR_NOROOM, "507" },
		{ 400, "EntityTooLarge", ERR_REMOTE, "more bytes" },
		{ 413, NULL, ERR_REMOTE, "413" },
		{ 400, "InvalidStorageClass", ERR_USAGE, "storage-class" },
		{ 400, "Novelty", ERR_REMOTE, "400 Novelty" },
		{ 501, "NotImplemented", ERR_REMOTE, "501 NotImplemented" },
		{ 412, NULL, ERR_CHANGED, "'k y'" },
		{ 412, "PreconditionFailed", ERR_CHANGED, "changed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		expect("PUT", &t[i]);
}

static void
refusals_of_a_head_have_only_a_status(void **state)
{
	static const struct answer t[] = {
		{ 403, NULL, ERR_DENIED,
		    "may not read from bucket 'bucket', or access-key" },
		{ 404, NULL, ERR_NOTFOUND,
		    "object 'k y' is not in bucket 'bucket'" },
		{ 412, NULL, ERR_CHANGED, "'k y'" },
		{ 400, NULL, ERR_REMOTE, "400" },
		{ 416, NULL, ERR_CORRUPT, "416" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		expect("HEAD", &t[i]);
}

static void
the_code_of_a_head_of_minio_is_in_a_header(void **state)
{
	const struct httpd_step steps[] = {
		{ "HEAD", "/bucket/k", 404,
		    "x-minio-error-code: NoSuchBucket\r\n", NULL, 0, 0 },
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_head(k.s, "k", NULL, NULL, &err), -1);
	assert_non_null(strstr(err.msg, "the bucket does not exist"));
}

static void
a_404_that_is_not_of_s3_is_no_missing_bucket(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/bucket?", 404, "Content-Type: text/html\r\n",
		    "<html>not found</html>", 0, 0 },
		{ "GET", "/bucket?", 404, NULL, "{\"detail\":\"no\"}", 0, 0 },
		{ "PUT", "/bucket/k", 404, "Content-Type: text/html\r\n",
		    "<html>not found</html>", 0, 0 },
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };
	bool exists = true;

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_bucket_exists(k.s, "", &exists, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	assert_non_null(strstr(err.msg, "answers HTML, not S3"));
	assert_int_equal(s3_bucket_exists(k.s, "", &exists, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	assert_int_equal(s3_put(k.s, "k", "", 0, NULL, NULL, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	s3_kit_check(&k);
	assert_true(exists);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_of_a_put_say_what_to_do),
		cmocka_unit_test(refusals_of_a_head_have_only_a_status),
		cmocka_unit_test(the_code_of_a_head_of_minio_is_in_a_header),
		cmocka_unit_test(a_404_that_is_not_of_s3_is_no_missing_bucket),
	};

	return cmocka_run_group_tests_name("s3_error", tests, NULL, NULL);
}
