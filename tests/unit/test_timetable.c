#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/timetable.h"

enum { SUN, MON, TUE, WED, THU, FRI, SAT };

static uint64_t
at(const char *text, int day, int hour, int minute)
{
	const struct tm tm = {
		.tm_wday = day, .tm_hour = hour, .tm_min = minute
	};
	struct timetable t;
	struct err err = { 0 };

	if (timetable_parse(text, &t, &err))
		fail_msg("'%s': %s", text, err.msg);
	return timetable_at(&t, &tm);
}

static void
one_size_is_for_always(void **state)
{
	(void)state;
	assert_int_equal(at("20M", SUN, 0, 0), 20 << 20);
	assert_int_equal(at(" 512K ", SAT, 23, 59), 512 << 10);
	assert_int_equal(at("off", MON, 12, 0), 0);
	assert_int_equal(at("0", MON, 12, 0), 0);
}

static void
a_range_ends_with_the_minute_before_its_end(void **state)
{
	static const char text[] = "08:00-18:00 20, 200";

	(void)state;
	assert_int_equal(at(text, MON, 7, 59), 200);
	assert_int_equal(at(text, MON, 8, 0), 20);
	assert_int_equal(at(text, MON, 17, 59), 20);
	assert_int_equal(at(text, MON, 18, 0), 200);
}

static void
a_range_may_go_over_midnight(void **state)
{
	static const char text[] = "22:00-06:00 off, 20";

	(void)state;
	assert_int_equal(at(text, MON, 21, 59), 20);
	assert_int_equal(at(text, MON, 22, 0), 0);
	assert_int_equal(at(text, TUE, 0, 0), 0);
	assert_int_equal(at(text, TUE, 5, 59), 0);
	assert_int_equal(at(text, TUE, 6, 0), 20);
	assert_int_equal(at("18:00-24:00 5, 1", TUE, 23, 59), 5);
	assert_int_equal(at("18:00-24:00 5, 1", TUE, 0, 0), 1);
	assert_int_equal(at("18:00-00:00 5, 1", TUE, 23, 59), 5);
}

static void
days_are_those_on_which_a_range_begins(void **state)
{
	static const char text[] = "Mon-Fri 08:00-18:00 1, fri 22:00-06:00 2, "
	                           "sat-sun 3, 4";

	(void)state;
	assert_int_equal(at(text, MON, 8, 0), 1);
	assert_int_equal(at(text, FRI, 17, 59), 1);
	assert_int_equal(at(text, FRI, 23, 0), 2);
	assert_int_equal(at(text, SAT, 5, 59), 2);
	assert_int_equal(at(text, SAT, 6, 0), 3);
	assert_int_equal(at(text, SUN, 12, 0), 3);
	assert_int_equal(at(text, THU, 23, 0), 4);
	/* over the end of the week */
	assert_int_equal(at("sat-mon 7, 8", SUN, 0, 0), 7);
	assert_int_equal(at("sat-mon 7, 8", MON, 0, 0), 7);
	assert_int_equal(at("sat-mon 7, 8", TUE, 0, 0), 8);
	assert_int_equal(at("sun 22:00-01:00 7, 8", MON, 0, 59), 7);
}

static void
the_first_that_covers_counts_and_the_last_rest(void **state)
{
	(void)state;
	assert_int_equal(at("09:00-10:00 1, 08:00-12:00 2", MON, 9, 30), 1);
	assert_int_equal(at("09:00-10:00 1, 08:00-12:00 2", MON, 10, 0), 2);
	assert_int_equal(at("09:00-10:00 1, 08:00-12:00 2", MON, 12, 0), 0);
	assert_int_equal(at("5, 09:00-10:00 1, 6", MON, 12, 0), 6);
	assert_int_equal(at("6,09:00-10:00\t1", MON, 9, 0), 1);
}

static void
what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "fast", "'fast' is not a size such as 512K, 20M or 2G" },
		{ "", "'' is not a size such as 512K, 20M or 2G" },
		{ "20M,", "'' is not a size such as 512K, 20M or 2G" },
		{ "20M,,1", "'' is not a size such as 512K, 20M or 2G" },
		{ "08:00-18:00", "'08:00-18:00' is not a size such as 512K, "
		                 "20M or 2G" },
		{ "8:00-18:00 20M", "'8:00-18:00' is not a range of times such "
		                    "as 08:00-18:00" },
		{ "08:00-25:00 20M", "'08:00-25:00' is not a range of times "
		                     "such as 08:00-18:00" },
		{ "08:60-09:00 20M", "'08:60-09:00' is not a range of times "
		                     "such as 08:00-18:00" },
		{ "24:00-08:00 20M", "'24:00-08:00' is not a range of times "
		                     "such as 08:00-18:00" },
		{ "00:00-24:01 20M", "'00:00-24:01' is not a range of times "
		                     "such as 08:00-18:00" },
		{ "08:00-08:00 20M", "'08:00-08:00' is not a range of times "
		                     "such as 08:00-18:00" },
		{ "08-00-18:00 20M", "'08-00-18:00' is not a range of times "
		                     "such as 08:00-18:00" },
		{ "mond 20M", "'mond' is neither a range of times such as "
		              "08:00-18:00 nor days such as sat or mon-fri" },
		{ "mon+fri 20M", "'mon+fri' is neither a range of times such "
		                 "as 08:00-18:00 nor days such as sat or "
		                 "mon-fri" },
		{ "mon-nil 08:00-18:00 20M", "'mon-nil' is neither a range of "
		                             "times such as 08:00-18:00 nor "
		                             "days such as sat or mon-fri" },
		{ "mon fri 20M", "'fri' is not a range of times such as "
		                 "08:00-18:00" },
		{ "mon 08:00-18:00 20M slowly", "'slowly' is one word too "
		                                "many, or too long" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct timetable t = { .rest = 77 };
		struct err err = { 0 };

		assert_int_equal(timetable_parse(cases[i].text, &t, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_string_equal(err.msg, cases[i].says);
		assert_int_equal(t.rest, 77);
	}
}

static void
there_is_a_limit_to_ranges_and_words(void **state)
{
	char text[TIMETABLE_MAX * 16 + 32] = "";
	struct timetable t;
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < TIMETABLE_MAX; i++)
		(void)snprintf(text + strlen(text), 17, "%s08:00-09:00 1",
		    i ? "," : "");
	assert_int_equal(timetable_parse(text, &t, &err), 0);
	assert_int_equal(t.count, TIMETABLE_MAX);
	strcat(text, ",08:00-09:00 1");
	assert_int_equal(timetable_parse(text, &t, &err), -1);
	assert_string_equal(err.msg, "more than 32 ranges");
	memset(text, 'x', 100);
	text[100] = '\0';
	assert_int_equal(timetable_parse(text, &t, &err), -1);
	assert_non_null(strstr(err.msg, "too long"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_size_is_for_always),
		cmocka_unit_test(a_range_ends_with_the_minute_before_its_end),
		cmocka_unit_test(a_range_may_go_over_midnight),
		cmocka_unit_test(days_are_those_on_which_a_range_begins),
		cmocka_unit_test(
		    the_first_that_covers_counts_and_the_last_rest),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(there_is_a_limit_to_ranges_and_words),
	};

	return cmocka_run_group_tests_name("timetable", tests, NULL, NULL);
}
