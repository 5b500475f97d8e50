#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "../lib/failcall.h"
#include "../lib/s3_kit.h"

#define UNTIL(date)                                                    \
	KIT_XML("GET", "/bucket/k?retention=",                         \
	    "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>" date \
	    "</RetainUntilDate></Retention>")
#define HOLD(status)                            \
	KIT_XML("GET", "/bucket/k?legal-hold=", \
	    "<LegalHold><Status>" status "</Status></LegalHold>")
#define DENIED KIT_ERROR("DELETE", "/bucket/k", 403, "AccessDenied")
#define NO_DATE \
	KIT_ERROR("GET", "/bucket/k?retention=", 404, "NoSuchObjectLock")
#define NO_HOLD \
	KIT_ERROR("GET", "/bucket/k?legal-hold=", 404, "NoSuchObjectLock")

static void
check(const struct httpd_step *steps, enum err_code code, const char *words)
{
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_delete(k.s, "k", &err), -1);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.msg, words));
	s3_kit_check(&k);
}

static void
a_lock_is_told_with_its_end(void **state)
{
	const struct httpd_step steps[] = { DENIED,
		UNTIL("2027-01-01T00:00:00.123Z"), KIT_END };

	(void)state;
	check(steps, ERR_RETAINED,
	    "is retained by the store until 2027-01-01T00:00:00Z");
}

/* It cannot be told whether there is one: the refusal stands. */
static void
no_memory_to_look_for_a_lock_changes_nothing(void **state)
{
	const struct httpd_step steps[] = { DENIED, NO_HOLD, KIT_END };

	(void)state;
	failcall_at("strndup", 0, ENOMEM);
	check(steps, ERR_DENIED, "access denied");
	assert_true(failcall_end());
}

static void
a_lock_that_has_ended_is_no_reason(void **state)
{
	const struct httpd_step steps[] = { DENIED,
		UNTIL("2026-01-01T00:00:00Z"), NO_HOLD, KIT_END };

	(void)state;
	check(steps, ERR_DENIED, "may not delete from bucket");
}

static void
a_legal_hold_retains(void **state)
{
	const struct httpd_step on[] = { DENIED, NO_DATE, HOLD("ON"), KIT_END };
	const struct httpd_step off[] = { DENIED, NO_DATE, HOLD("OFF"),
		KIT_END };

	(void)state;
	check(on, ERR_RETAINED, "is retained by the store");
	check(off, ERR_DENIED, "may not delete from bucket");
}

static void
words_of_the_store_are_enough(void **state)
{
	const struct httpd_step code[] = { KIT_ERROR("DELETE", "/bucket/k", 400,
		                               "ObjectLocked"),
		NO_DATE, KIT_END };
	const struct httpd_step words[] = {
		{ "DELETE", "/bucket/k", 400, NULL,
		    "<Error><Code>InvalidRequest</Code><Message>Object is WORM "
		    "protected and cannot be overwritten</Message></Error>",
		    0, HTTPD_FINE },
		NO_DATE, KIT_END
	};

	(void)state;
	check(code, ERR_RETAINED, "object 'k' in bucket 'bucket' is retained");
	check(words, ERR_RETAINED, "is retained by the store");
}

static void
other_refusals_are_not_taken_for_a_lock(void **state)
{
	const struct httpd_step steps[] = {
		KIT_ERROR("DELETE", "/bucket/k", 400, "InvalidRequest"), KIT_END
	};

	(void)state;
	check(steps, ERR_REMOTE, "InvalidRequest");
}

static void
a_bucket_that_keeps_versions_is_no_failure(void **state)
{
	const struct httpd_step steps[] = { { "DELETE", "/bucket/k", 204,
		                                "x-amz-delete-marker: true\r\n",
		                                NULL, 0, 0 },
		{ "DELETE", "/bucket/k", 204, "x-amz-delete-marker: true\r\n",
		    NULL, 0, 0 },
		KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_delete(k.s, "k", &err), 0);
	assert_int_equal(s3_delete(k.s, "k", &err), 0);
	s3_kit_check(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_is_told_with_its_end),
		cmocka_unit_test(no_memory_to_look_for_a_lock_changes_nothing),
		cmocka_unit_test(a_lock_that_has_ended_is_no_reason),
		cmocka_unit_test(a_legal_hold_retains),
		cmocka_unit_test(words_of_the_store_are_enough),
		cmocka_unit_test(other_refusals_are_not_taken_for_a_lock),
		cmocka_unit_test(a_bucket_that_keeps_versions_is_no_failure),
	};

	return cmocka_run_group_tests_name("s3_delete", tests, NULL, NULL);
}
