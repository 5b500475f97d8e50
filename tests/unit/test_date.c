#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "base/date.h"

static void
seconds_become_text(void **state)
{
	char iso[DATE_ISO_SIZE], basic[DATE_BASIC_SIZE];

	(void)state;
	date_iso(0, iso);
	assert_string_equal(iso, "1970-01-01T00:00:00Z");
	date_iso(INT64_C(1795192080), iso);
	assert_string_equal(iso, "2026-11-20T16:28:00Z");
	date_basic(INT64_C(1795192080), basic);
	assert_string_equal(basic, "20261120T162800Z");
	date_iso(-1, iso);
	assert_string_equal(iso, "1969-12-31T23:59:59Z");
	date_iso(INT64_C(253402300799), iso);
	assert_string_equal(iso, "9999-12-31T23:59:59Z");
	/* what has no such form becomes empty, never more than fits */
	date_iso(INT64_C(253402300800), iso);
	assert_string_equal(iso, "");
	date_basic(INT64_C(253402300800), basic);
	assert_string_equal(basic, "");
}

static void
iso_text_becomes_seconds(void **state)
{
	struct err err = { 0 };
	int64_t s = 0;

	(void)state;
	assert_int_equal(date_parse_iso("2026-11-20T16:28:00Z", &s, &err), 0);
	assert_int_equal(s, 1795192080);
	assert_int_equal(date_parse_iso("2026-11-20T16:28:00.999Z", &s, &err),
	    0);
	assert_int_equal(s, 1795192080);
	assert_int_equal(date_parse_iso("2024-02-29T00:00:00Z", &s, &err), 0);
	assert_int_equal(s, 1709164800);
}

static void
what_is_no_iso_time_is_refused(void **state)
{
	static const char *const wrong[] = { "", "2026-11-20",
		"2026-11-20T16:28:00", "2026-11-20T16:28:00+00:00",
		"2026-11-20T16:28:00Zx", "2026-11-20 16:28:00Z",
		" 2026-11-20T16:28:00Z", "2026-11-20T16:28:0Z",
		"2026-11- 2T16:28:00Z", "2026-1-20T16:28:00Z",
		"2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-11-20T24:00:00Z", "2026-11-20T16:28:60Z",
		"2026-11-20T16:28:00.Z", "26-11-20T16:28:00Z" };
	struct err err = { 0 };
	int64_t s = 5;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		err.code = ERR_NONE;
		if (date_parse_iso(wrong[i], &s, &err) == 0)
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(err.code, ERR_CORRUPT);
	}
	assert_int_equal(s, 5);
}

static void
http_dates_become_seconds(void **state)
{
	static const char *const wrong[] = { "", "20 Nov 2026 16:28:00 GMT",
		"Fri, 20 Nov 2026 16:28:00", "Fri, 20 Nov 2026 16:28:00 GMTx",
		"Fri, 20 Nov 2026 16:28:00 CET",
		"Fri, 2a Nov 2026 16:28:00 GMT",
		"Fri, 20 anF 2026 16:28:00 GMT",
		"Fri, 20 Nov 2026 24:28:00 GMT",
		"Fri, 20 Nov 2026 16:60:00 GMT",
		"Fri, 00 Nov 2026 16:28:00 GMT",
		"Mon, 31 Feb 2026 00:00:00 GMT" };
	struct err err = { 0 };
	int64_t s = 0;

	(void)state;
	assert_int_equal(date_parse_http("Fri, 20 Nov 2026 16:28:00 GMT", &s,
	                     &err),
	    0);
	assert_int_equal(s, 1795192080);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(date_parse_http(wrong[i], &s, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
	}
	assert_int_equal(s, 1795192080);
}

static void
days_are_those_of_the_calendar_of_libc(void **state)
{
	struct err err = { 0 };
	char iso[DATE_ISO_SIZE], want[64];

	(void)state;
	for (int day = -134774; day < 2932896; day += 29) {
		time_t t = (time_t)day * 86400 + 45296;
		struct tm tm;
		int64_t s = 0;

		assert_non_null(gmtime_r(&t, &tm));
		assert_true(strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%SZ",
		                &tm) > 0);
		date_iso(t, iso);
		assert_string_equal(iso, want);
		assert_int_equal(date_parse_iso(want, &s, &err), 0);
		assert_int_equal(s, t);
		assert_true(strftime(want, sizeof want,
		                "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
		assert_int_equal(date_parse_http(want, &s, &err), 0);
		assert_int_equal(s, t);
	}
}

/* Days that a month has, and those that it has not. */
static void
a_month_has_as_many_days_as_it_should(void **state)
{
	static const char *const last[] = { "31 Jan 2026", "28 Feb 2026",
		"29 Feb 2024", "29 Feb 2000", "28 Feb 2100", "31 Mar 2026",
		"30 Apr 2026", "31 Aug 2026", "30 Nov 2026", "31 Dec 2026" };
	struct err err = { 0 };
	char text[64];
	int64_t s = 0;

	(void)state;
	for (size_t i = 0; i < sizeof last / sizeof last[0]; i++) {
		int day = (last[i][0] - '0') * 10 + last[i][1] - '0';

		for (int more = 0; more < 2; more++) {
			(void)snprintf(text, sizeof text,
			    "Fri, %02d%s 16:28:00 GMT", day + more,
			    last[i] + 2);
			assert_int_equal(date_parse_http(text, &s, &err),
			    -more);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_become_text),
		cmocka_unit_test(iso_text_becomes_seconds),
		cmocka_unit_test(what_is_no_iso_time_is_refused),
		cmocka_unit_test(http_dates_become_seconds),
		cmocka_unit_test(days_are_those_of_the_calendar_of_libc),
		cmocka_unit_test(a_month_has_as_many_days_as_it_should),
	};

	return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
