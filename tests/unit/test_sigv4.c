#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "s3/sigv4.h"

#define EMPTY_SHA256 \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum { HEADERS = 8 };

struct vector {
	const char *name, *method, *path, *query;
	struct http_header headers[HEADERS];
	const char *payload, *signed_headers, *signature;
};

/* aws-sig-v4-test-suite, of the AWS General Reference. */
#define SUITE                                    \
	{ "Host", "example.amazonaws.com" },     \
	{                                        \
		"X-Amz-Date", "20150830T123600Z" \
	}

static const struct vector suite[] = {
	{ "get-vanilla", "GET", "/", NULL, { SUITE }, EMPTY_SHA256,
	    "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-vanilla-query-order-key-case", "GET", "/",
	    "Param2=value2&Param1=value1", { SUITE }, EMPTY_SHA256,
	    "host;x-amz-date",
	    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
	{ "get-utf8", "GET", "/%E1%88%B4", NULL, { SUITE }, EMPTY_SHA256,
	    "host;x-amz-date",
	    "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
	{ "post-vanilla", "POST", "/", NULL, { SUITE }, EMPTY_SHA256,
	    "host;x-amz-date",
	    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ "get-header-key-duplicate", "GET", "/", NULL,
	    { SUITE, { "My-Header1", "value2" }, { "My-Header1", "value2" },
	        { "My-Header1", "value1" } },
	    EMPTY_SHA256, "host;my-header1;x-amz-date",
	    "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea" },
	{ "get-header-value-trim", "GET", "/", NULL,
	    { SUITE, { "My-Header1", " value1" },
	        { "My-Header2", " \"a   b   c\"" } },
	    EMPTY_SHA256, "host;my-header1;my-header2;x-amz-date",
	    "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
};

/* Signature Calculations for the Authorization Header, Amazon S3 API
 * Reference: its four examples. */
#define S3_HOST                                          \
	{                                                \
		"Host", "examplebucket.s3.amazonaws.com" \
	}
#define S3_DATE                                  \
	{                                        \
		"x-amz-date", "20130524T000000Z" \
	}

static const struct vector s3_examples[] = {
	{ "GET object", "GET", "/test.txt", NULL,
	    { S3_HOST, { "Range", "bytes=0-9" },
	        { "x-amz-content-sha256", EMPTY_SHA256 }, S3_DATE },
	    EMPTY_SHA256, "host;range;x-amz-content-sha256;x-amz-date",
	    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
	{ "PUT object", "PUT", "/test%24file.text", NULL,
	    { S3_HOST, { "Date", "Fri, 24 May 2013 00:00:00 GMT" }, S3_DATE,
	        { "x-amz-storage-class", "REDUCED_REDUNDANCY" },
	        { "x-amz-content-sha256",
	            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072" } },
	    "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
	    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
	    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
	{ "GET bucket lifecycle", "GET", "/", "lifecycle=",
	    { S3_HOST, S3_DATE, { "x-amz-content-sha256", EMPTY_SHA256 } },
	    EMPTY_SHA256, "host;x-amz-content-sha256;x-amz-date",
	    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
	{ "list objects", "GET", "/", "prefix=J&max-keys=2",
	    { S3_HOST, S3_DATE, { "x-amz-content-sha256", EMPTY_SHA256 } },
	    EMPTY_SHA256, "host;x-amz-content-sha256;x-amz-date",
	    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
};

struct account {
	const char *access, *secret;
	const char *service, *scope;
	int64_t now;
};

static const struct account suite_account = { "AKIDEXAMPLE",
	"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "service",
	"AKIDEXAMPLE/20150830/us-east-1/service/aws4_request", 1440938160 };

static const struct account s3_account = { "AKIAIOSFODNN7EXAMPLE",
	"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "s3",
	"AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request", 1369353600 };

static int
sign(const struct vector *v, const struct account *a, char **out,
    struct err *err)
{
	struct sigv4_request q = {
		.method = v->method,
		.path = v->path,
		.query = v->query,
		.headers = v->headers,
		.payload_sha256 = v->payload,
		.now = a->now,
	};
	struct sigv4_scope scope = { "us-east-1", a->service, a->now };
	struct sigv4_key k;

	return sigv4_key_make(a->secret, &scope, &k, err)
	           ? -1
	           : sigv4_authorization(a->access, &k, &q, out, err);
}

static void
check(const struct vector *v, const struct account *a)
{
	AUTO(free) char *value = NULL;
	struct err err = { 0 };
	char want[512];

	assert_int_equal(sign(v, a, &value, &err), 0);
	(void)snprintf(want, sizeof want,
	    "AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=%s, Signature=%s",
	    a->scope, v->signed_headers, v->signature);
	if (strcmp(value, want) != 0)
		fail_msg("%s: %s", v->name, value);
}

static void
signatures_of_the_test_suite_come_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof suite / sizeof *suite; i++)
		check(&suite[i], &suite_account);
}

static void
signatures_of_the_s3_examples_come_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof s3_examples / sizeof *s3_examples; i++)
		check(&s3_examples[i], &s3_account);
}

static void
parameters_are_ordered_by_name_before_value(void **state)
{
	/* as one text "a-b=" would come before "a=" */
	struct vector v = suite[0], w = suite[0];
	AUTO(free) char *one = NULL;
	AUTO(free) char *two = NULL;
	struct err err = { 0 };

	(void)state;
	v.query = "a-b=1&a=2&a=1";
	w.query = "a=1&a=2&a-b=1";
	assert_int_equal(sign(&v, &suite_account, &one, &err), 0);
	assert_int_equal(sign(&w, &suite_account, &two, &err), 0);
	assert_string_equal(one, two);
	assert_non_null(strstr(one, "Signature="));
}

static void
no_secret_is_in_the_result(void **state)
{
	AUTO(free) char *value = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sign(&suite[0], &suite_account, &value, &err), 0);
	assert_null(strstr(value, suite_account.secret));
}

static void
too_many_parameters_or_headers_are_refused(void **state)
{
	struct http_header many[301] = { 0 };
	char query[1024] = "";
	struct sigv4_request q = { .method = "GET",
		.path = "/",
		.query = query,
		.headers = suite[0].headers,
		.payload_sha256 = EMPTY_SHA256 };
	const struct sigv4_key k = { 0 };
	AUTO(free) char *value = NULL;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		memcpy(query + 3 * i, "a=&", 4);
		many[i] = (struct http_header){ "a", "" };
	}
	assert_int_equal(sigv4_authorization("a", &k, &q, &value, &err), -1);
	q.query = NULL;
	q.headers = many;
	assert_int_equal(sigv4_authorization("a", &k, &q, &value, &err), -1);
	assert_null(value);
}

static void
a_key_is_for_its_day_and_place(void **state)
{
	struct sigv4_scope here = { "r", "s3", 86399 }, other = here;
	struct sigv4_key k = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_false(sigv4_key_is_for(&k, &here));
	assert_int_equal(sigv4_key_make("secret", &here, &k, &err), 0);
	assert_string_equal(k.scope, "19700101/r/s3/aws4_request");
	assert_true(sigv4_key_is_for(&k, &here));
	other.now = 0;
	assert_true(sigv4_key_is_for(&k, &other));
	other.now = 86400;
	assert_false(sigv4_key_is_for(&k, &other));
	other = here;
	other.region = "q";
	assert_false(sigv4_key_is_for(&k, &other));
}

static void
a_region_that_is_too_long_is_refused(void **state)
{
	char region[200];
	struct sigv4_scope scope = { region, "s3", 0 };
	struct sigv4_key k;
	struct err err = { 0 };

	(void)state;
	memset(region, 'r', sizeof region - 1);
	region[sizeof region - 1] = '\0';
	assert_int_equal(sigv4_key_make("secret", &scope, &k, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_false(sigv4_key_is_for(&k, &scope));
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;

	(void)state;
	for (;; fails++) {
		AUTO(free) char *value = NULL;
		struct err err = { 0 };

		failalloc_at(fails);
		if (sign(&s3_examples[1], &s3_account, &value, &err) == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
		assert_null(value);
	}
	failalloc_at(-1);
	assert_true(fails >= 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_of_the_test_suite_come_out),
		cmocka_unit_test(signatures_of_the_s3_examples_come_out),
		cmocka_unit_test(parameters_are_ordered_by_name_before_value),
		cmocka_unit_test(no_secret_is_in_the_result),
		cmocka_unit_test(too_many_parameters_or_headers_are_refused),
		cmocka_unit_test(a_key_is_for_its_day_and_place),
		cmocka_unit_test(a_region_that_is_too_long_is_refused),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
