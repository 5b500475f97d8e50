#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/date.h"
#include "plan/retention.h"

enum { SETS_MAX = 64, HOUR = 3600, DAY = 86400 };

/*
 * A calendar: each set is a time and letters behind it: i incomplete, h held,
 * p proven, r running.  kept: which of them stay, in the same order.
 */
struct calendar {
	const char *what;
	struct config_retention rules;
	const char *now;
	const char *sets[SETS_MAX];
	const char *kept; /* a digit each: 1 stays */
};

static int64_t
at(const char *text)
{
	char iso[21];
	struct err err = { 0 };
	int64_t s;

	memcpy(iso, text, 20);
	iso[20] = '\0';
	assert_int_equal(date_parse_iso(iso, &s, &err), 0);
	return s;
}

static const char *const whole[] = { "a", "b" };

static size_t
read_sets(const struct calendar *c, struct retention_set *set)
{
	size_t n = 0;

	for (; n < SETS_MAX && c->sets[n]; n++) {
		const char *letters = c->sets[n] + 20;

		set[n] = (struct retention_set){
			.time = at(c->sets[n]),
			.finished = at(c->sets[n]) + 60,
			.complete = !strpbrk(letters, "ir"),
			.running = strchr(letters, 'r') != NULL,
			.held = strchr(letters, 'h') != NULL,
			.proven = strchr(letters, 'p') != NULL,
			.ok = whole,
			.nok = strchr(letters, 'r')   ? 0
			       : strchr(letters, 'i') ? 1
			                              : 2,
		};
	}
	return n;
}

static void
check(const struct calendar *c)
{
	struct retention_set set[SETS_MAX];
	struct retention_decision d[SETS_MAX];
	size_t n = read_sets(c, set);
	char got[SETS_MAX + 1] = "";

	retention_decide(&c->rules, set, n, at(c->now), d);
	for (size_t i = 0; i < n; i++) {
		got[i] = d[i].keep ? '1' : '0';
		assert_true(strlen(d[i].reason) > 3);
	}
	if (strcmp(got, c->kept) != 0)
		print_error("%s\n", c->what);
	assert_string_equal(got, c->kept);
}

#define NOW "2026-11-20T16:28:00Z"

static const struct calendar calendars[] = {
	{ "no rule keeps but the newest", { 0 }, NOW,
	    { "2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z",
	        "2026-11-20T00:00:00Z" },
	    "001" },
	{ "keep-last counts finished sets", { .last = 2 }, NOW,
	    { "2026-11-16T00:00:00Z", "2026-11-17T00:00:00Z",
	        "2026-11-18T00:00:00Zi", "2026-11-19T00:00:00Z" },
	    "0101" },
	{ "more than there are keeps all", { .last = 99 }, NOW,
	    { "2026-11-16T00:00:00Z", "2026-11-17T00:00:00Z" }, "11" },
	{ "of an hour the newest", { .hourly = 2 }, NOW,
	    { "2026-11-20T13:59:59Z", "2026-11-20T14:00:00Z",
	        "2026-11-20T14:59:59Z", "2026-11-20T16:00:00Z",
	        "2026-11-20T16:01:00Z" },
	    "00101" },
	{ "of a day the newest", { .daily = 2 }, NOW,
	    { "2026-11-18T23:59:59Z", "2026-11-19T00:00:00Z",
	        "2026-11-19T23:59:59Z", "2026-11-20T00:00:00Z",
	        "2026-11-20T12:00:00Z" },
	    "00101" },
	{ "days without a set do not count", { .daily = 3 }, NOW,
	    { "2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z",
	        "2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z" },
	    "0111" },
	{ "the 29th of February is a day", { .daily = 3 },
	    "2028-03-02T00:00:00Z",
	    { "2028-02-27T12:00:00Z", "2028-02-28T12:00:00Z",
	        "2028-02-29T12:00:00Z", "2028-03-01T12:00:00Z" },
	    "0111" },
	{ "the year 2100 has none", { .daily = 2 }, "2100-03-02T00:00:00Z",
	    { "2100-02-27T12:00:00Z", "2100-02-28T12:00:00Z",
	        "2100-03-01T12:00:00Z" },
	    "011" },
	{ "a leap day belongs to its month", { .monthly = 2 },
	    "2028-03-02T00:00:00Z",
	    { "2028-01-31T12:00:00Z", "2028-02-28T12:00:00Z",
	        "2028-02-29T12:00:00Z", "2028-03-01T12:00:00Z" },
	    "0011" },
	/* 2026-12-28 (Monday) to 2027-01-03 are week 53 of 2026 */
	{ "a week goes on across the year's end", { .weekly = 2 },
	    "2027-01-05T00:00:00Z",
	    { "2026-12-27T12:00:00Z", "2026-12-28T12:00:00Z",
	        "2026-12-31T12:00:00Z", "2027-01-01T12:00:00Z",
	        "2027-01-03T23:59:59Z", "2027-01-04T00:00:00Z" },
	    "000011" },
	/* 2024-12-30 and 31 are in week 1 of 2025 */
	{ "December may lie in the first week", { .weekly = 2 },
	    "2025-01-10T00:00:00Z",
	    { "2024-12-29T12:00:00Z", "2024-12-30T12:00:00Z",
	        "2025-01-02T12:00:00Z", "2025-01-06T12:00:00Z" },
	    "0011" },
	/* 2021-01-01 (Friday) to 03 are in week 53 of 2020 */
	{ "January may lie in the last week", { .weekly = 2 },
	    "2021-01-10T00:00:00Z",
	    { "2020-12-27T12:00:00Z", "2020-12-31T12:00:00Z",
	        "2021-01-03T12:00:00Z", "2021-01-04T12:00:00Z" },
	    "0011" },
	{ "week 1 of two years is two weeks", { .weekly = 2 },
	    "2026-01-03T00:00:00Z",
	    { "2025-01-01T12:00:00Z", "2025-12-29T12:00:00Z",
	        "2026-01-01T12:00:00Z" },
	    "101" },
	{ "of a year the newest", { .yearly = 2 }, NOW,
	    { "2024-12-31T23:59:59Z", "2025-01-01T00:00:00Z",
	        "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z",
	        "2026-11-20T00:00:00Z" },
	    "00101" },
	{ "rules add up", { .last = 1, .daily = 2, .monthly = 3 }, NOW,
	    { "2026-08-31T12:00:00Z", "2026-09-29T12:00:00Z",
	        "2026-09-30T12:00:00Z", "2026-10-31T12:00:00Z",
	        "2026-11-18T12:00:00Z", "2026-11-19T12:00:00Z",
	        "2026-11-20T11:00:00Z", "2026-11-20T12:00:00Z" },
	    "00110101" },
	{ "a span is measured from the newest finished set",
	    { .within = 2 * DAY }, "2030-01-01T00:00:00Z",
	    { "2026-11-17T23:59:59Z", "2026-11-18T00:00:00Z",
	        "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z" },
	    "0111" },
	{ "and from now where that set is from the future",
	    { .within = 2 * DAY }, "2026-11-20T00:00:00Z",
	    { "2026-11-17T23:59:59Z", "2026-11-18T00:00:00Z",
	        "2026-11-19T00:00:00Z", "2030-01-01T00:00:00Z" },
	    "0111" },
	{ "a span in days is the same", { .older_days = 2 }, NOW,
	    { "2026-11-17T23:59:59Z", "2026-11-18T00:00:00Z",
	        "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z" },
	    "0111" },
	{ "a span in hours", { .within = 12 * HOUR }, NOW,
	    { "2026-11-19T11:59:59Z", "2026-11-19T12:00:00Z",
	        "2026-11-20T00:00:00Z" },
	    "011" },
	{ "a span keeps incomplete sets as well", { .within = 2 * DAY }, NOW,
	    { "2026-11-17T00:00:00Zi", "2026-11-19T00:00:00Zi",
	        "2026-11-20T00:00:00Z" },
	    "011" },
	{ "incomplete sets do not count for days", { .daily = 1 }, NOW,
	    { "2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z",
	        "2026-11-20T00:00:00Zi" },
	    "011" },
	{ "incomplete ones go behind a finished one", { .last = 5 }, NOW,
	    { "2026-11-18T00:00:00Zi", "2026-11-19T00:00:00Z",
	        "2026-11-20T00:00:00Zi" },
	    "011" },
	{ "where none is finished, none goes", { .last = 1 }, NOW,
	    { "2026-11-18T00:00:00Zi", "2026-11-19T00:00:00Zi" }, "11" },
	{ "held sets and sets in progress stay", { .last = 1 }, NOW,
	    { "2026-11-17T00:00:00Zh", "2026-11-18T00:00:00Zih",
	        "2026-11-18T00:00:00Zr", "2026-11-19T00:00:00Z",
	        "2026-11-20T00:00:00Z", "2026-11-20T00:00:00Zr" },
	    "111011" },
	{ "the last proven set stays, and only that", { .last = 1 }, NOW,
	    { "2026-11-17T00:00:00Zp", "2026-11-18T00:00:00Zp",
	        "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z" },
	    "0101" },
	{ "what lacks a part proves nothing", { .last = 1 }, NOW,
	    { "2026-11-17T00:00:00Zp", "2026-11-18T00:00:00Zip",
	        "2026-11-20T00:00:00Z" },
	    "101" },
	{ "no set at all", { .last = 1 }, NOW, { NULL }, "" },
};

static void
each_calendar_leaves_what_it_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof calendars / sizeof *calendars; i++)
		check(&calendars[i]);
}

static void
reasons_are_words(void **state)
{
	static const struct calendar c = { "",
		{ .last = 1, .daily = 2, .weekly = 1 }, NOW,
		{ "2026-11-18T00:00:00Zp", "2026-11-19T00:00:00Z",
		    "2026-11-20T00:00:00Zh", "2026-11-20T01:00:00Zi",
		    "2026-11-20T02:00:00Zr" },
		"11111" };
	struct retention_set set[SETS_MAX];
	struct retention_decision d[SETS_MAX];
	size_t n = read_sets(&c, set);

	(void)state;
	retention_decide(&c.rules, set, n, at(NOW), d);
	assert_string_equal(d[0].reason, "last verified set");
	assert_string_equal(d[1].reason, "daily 2026-11-19");
	assert_string_equal(d[2].reason,
	    "held, newest finished set, last 1, daily 2026-11-20, "
	    "weekly 2026-W47");
	assert_string_equal(d[3].reason,
	    "newer than the newest finished set, newest that has 'a'");
	assert_string_equal(d[4].reason, "in progress");
	set[1].time = at("2026-11-20T00:30:00Z");
	retention_decide(&(struct config_retention){ .older_days = 1 }, set, n,
	    at(NOW), d);
	assert_string_equal(d[0].reason, "last verified set");
	assert_non_null(strstr(d[1].reason, "newer than 1 days"));
	retention_decide(&(struct config_retention){ .within = 5 * HOUR }, set,
	    n, at(NOW), d);
	assert_non_null(strstr(d[2].reason, "newer than 5 hours"));
}

static void
every_component_keeps_the_newest_set_that_has_it(void **state)
{
	static const char *const a[] = { "a" }, *const b[] = { "b" },
	                         *const ab[] = { "a", "b" };
	const struct retention_set set[] = {
		{ .time = 1, .ok = ab, .nok = 2, .complete = true },
		{ .time = 2, .ok = b, .nok = 1, .complete = true },
		{ .time = 3, .ok = b, .nok = 1 },
		{ .time = 4, .ok = a, .nok = 1, .complete = true },
		{ .time = 5, .ok = a, .nok = 1, .complete = true },
	};
	struct retention_decision d[5];

	(void)state;
	retention_decide(&(struct config_retention){ .last = 1 }, set, 5, 10,
	    d);
	assert_false(d[0].keep);
	assert_false(d[1].keep);
	assert_true(d[2].keep);
	assert_string_equal(d[2].reason, "newest that has 'b'");
	assert_false(d[3].keep);
	assert_true(d[4].keep);
}

static void
a_reason_that_is_too_long_is_cut(void **state)
{
	static const char *const many[] = {
		"a23456789012345678901234567890123456789012345678901234567890",
		"b23456789012345678901234567890123456789012345678901234567890",
		"c23456789012345678901234567890123456789012345678901234567890",
		"d23456789012345678901234567890123456789012345678901234567890",
	};
	const struct retention_set set[] = {
		{ .time = 1, .ok = many, .nok = 4 },
		{ .time = 2, .complete = true },
	};
	struct retention_decision d[2];

	(void)state;
	retention_decide(&(struct config_retention){ 0 }, set, 2, 10, d);
	assert_true(d[0].keep);
	assert_int_equal(strlen(d[0].reason), sizeof d[0].reason - 1);
}

/* --- may anything go */

static int
judge(const struct retention_times *t, const struct retention_set *set,
    size_t n, unsigned allow, struct err *err)
{
	struct retention_decision d[SETS_MAX];

	retention_decide(&(struct config_retention){ .last = n / 2 + 1 }, set,
	    n, t->now, d);
	*err = (struct err){ 0 };
	return retention_check(t, set, d, n, allow, err);
}

enum { T = 1795192080, TOL = RETENTION_TOLERANCE_S };

static const struct retention_set four[] = {
	{ .time = T - 400, .finished = T - 390, .complete = true },
	{ .time = T - 300, .finished = T - 290, .complete = true },
	{ .time = T - 200, .finished = T - 190, .complete = true },
	{ .time = T - 100, .finished = T, .complete = true },
};

static void
clocks_that_agree_with_the_sets_are_right(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(judge(&(struct retention_times){ T, T, T }, four, 4, 0,
	                     &err),
	    0);
	assert_int_equal(judge(&(struct retention_times){ T - TOL, T - TOL, T },
	                     four, 4, 0, &err),
	    0);
	assert_int_equal(judge(&(struct retention_times){ T + TOL, T, 0 }, four,
	                     4, 0, &err),
	    0);
}

static void
a_clock_that_went_back_or_disagrees_is_refused(void **state)
{
	static const struct retention_times wrong[] = {
		{ T, T - TOL - 1, 0 },           /* ours */
		{ T - TOL - 1, T, 0 },           /* the store's */
		{ T + TOL + 1, T, 0 },           /* ahead */
		{ T - TOL - 1, T - TOL - 1, 0 }, /* both, the set's end */
		{ T, T, T + TOL + 1 },           /* a note */
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(judge(&wrong[i], four, 4, 0, &err), -1);
		assert_true(err_is(&err, ERR_REFUSED));
		assert_non_null(strstr(err.msg, "--allow clock"));
		assert_int_equal(judge(&wrong[i], four, 4,
		                     RETENTION_FUTURE | RETENTION_HALF, &err),
		    -1);
		assert_int_equal(judge(&wrong[i], four, 4, RETENTION_CLOCK,
		                     &err),
		    0);
	}
}

static void
sets_in_the_future_are_refused(void **state)
{
	const struct retention_times t = { T - 100 - TOL - 1, T - 100 - TOL - 1,
		0 };
	struct err err;

	(void)state;
	assert_int_equal(judge(&t, four, 4, 0, &err), -1);
	assert_true(err_is(&err, ERR_REFUSED));
	assert_non_null(strstr(err.msg, "2026-11-20T16:26:20Z"));
	assert_non_null(strstr(err.msg, "--allow future"));
	assert_int_equal(judge(&t, four, 4, RETENTION_CLOCK, &err), -1);
	assert_int_equal(judge(&t, four, 4, RETENTION_FUTURE, &err), 0);
}

static void
more_than_half_is_refused(void **state)
{
	const struct retention_times t = { T, T, 0 };
	struct retention_decision d[4] = { { .keep = true }, { .keep = true } };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(retention_check(&t, four, d, 4, 0, &err), 0);
	d[1].keep = false;
	assert_int_equal(retention_check(&t, four, d, 4, 0, &err), -1);
	assert_true(err_is(&err, ERR_REFUSED));
	assert_non_null(strstr(err.msg, "3 of 4 sets"));
	assert_non_null(strstr(err.msg, "--allow half"));
	assert_int_equal(retention_check(&t, four, d, 4, RETENTION_CLOCK, &err),
	    -1);
	assert_int_equal(retention_check(&t, four, d, 4, RETENTION_HALF, &err),
	    0);
	assert_int_equal(retention_check(&t, NULL, NULL, 0, 0, &err), 0);
}

static void
sets_in_progress_are_no_half(void **state)
{
	const struct retention_times t = { T, T, 0 };
	const struct retention_set set[] = { { .running = true },
		{ .running = true }, { .complete = true },
		{ .complete = true } };
	const struct retention_decision d[4] = { { .keep = true },
		{ .keep = true } };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(retention_check(&t, set, d, 4, 0, &err), -1);
	assert_non_null(strstr(err.msg, "2 of 2"));
}

static void
what_is_allowed_has_a_name(void **state)
{
	unsigned allow = 0;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(retention_allow_parse("clock", &allow, &err), 0);
	assert_int_equal(retention_allow_parse("half", &allow, &err), 0);
	assert_int_equal(allow, RETENTION_CLOCK | RETENTION_HALF);
	assert_int_equal(retention_allow_parse("future", &allow, &err), 0);
	assert_int_equal(retention_allow_parse("last", &allow, &err), 0);
	assert_int_equal(retention_allow_parse("all", &allow, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_int_equal(allow, 15);
}

static void
several_names_stand_between_commas(void **state)
{
	unsigned allow = 0;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(retention_allow_parse("", &allow, &err), 0);
	assert_int_equal(retention_allow_parse(" , ", &allow, &err), 0);
	assert_int_equal(allow, 0);
	assert_int_equal(retention_allow_parse(" clock, half,last", &allow,
	                     &err),
	    0);
	assert_int_equal(allow,
	    RETENTION_CLOCK | RETENTION_HALF | RETENTION_LAST);
	assert_int_equal(retention_allow_parse("future clocks", &allow, &err),
	    -1);
	assert_string_equal(err.msg,
	    "'clocks' cannot be allowed; clock, future, half and last can");
	assert_int_equal(retention_allow_parse("hal", &allow, &err), -1);
}

/* What no calendar can name is a period of its own. */
static void
a_time_beyond_all_calendars_is_kept(void **state)
{
	const struct config_retention rules = { .daily = 1 };
	const int64_t far = INT64_MAX / 4;
	struct retention_set set[2] = { 0 };
	struct retention_decision d[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		set[i] = (struct retention_set){ .time = far + i,
			.finished = far + i,
			.complete = true,
			.ok = whole,
			.nok = 2 };
	retention_decide(&rules, set, 2, far + 2, d);
	assert_true(d[1].keep);
	assert_non_null(strstr(d[1].reason, "2305843009213693952"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_calendar_leaves_what_it_should),
		cmocka_unit_test(reasons_are_words),
		cmocka_unit_test(
		    every_component_keeps_the_newest_set_that_has_it),
		cmocka_unit_test(a_reason_that_is_too_long_is_cut),
		cmocka_unit_test(clocks_that_agree_with_the_sets_are_right),
		cmocka_unit_test(
		    a_clock_that_went_back_or_disagrees_is_refused),
		cmocka_unit_test(sets_in_the_future_are_refused),
		cmocka_unit_test(more_than_half_is_refused),
		cmocka_unit_test(sets_in_progress_are_no_half),
		cmocka_unit_test(what_is_allowed_has_a_name),
		cmocka_unit_test(several_names_stand_between_commas),
		cmocka_unit_test(a_time_beyond_all_calendars_is_kept),
	};

	return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
