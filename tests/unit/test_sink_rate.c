#include "../lib/sink_suite.h"

#include <string.h>

#include "../lib/sink_spy.h"
#include "../lib/sleep_clock.h"
#include "base/rate.h"

static struct sleep_clock *
machine(void)
{
	static struct sleep_clock c;

	return &c;
}

/* A line that lasts for the whole of the program. */
static struct rate *
line(const char *table)
{
	static struct rate r;
	struct timetable t;
	struct err err = { 0 };

	assert_int_equal(timetable_parse(table, &t, &err), 0);
	sleep_clock_init(machine());
	rate_init(&r, &t, &machine()->clock);
	return &r;
}

static int
make(const struct buf *content, struct sink *next, struct sink **ret,
    struct err *err)
{
	(void)content;
	return sink_rate_new(next, line("1M"), ret, err);
}

static void
bytes_go_on_in_steps_at_the_rate(void **state)
{
	struct sink_spy spy = { .got = { .max = 1 << 20 } };
	AUTO(sink) struct sink *s = NULL;
	struct sink *to = NULL;
	struct err err = { 0 };
	static char bytes[320000];

	(void)state;
	memset(bytes, 'a', sizeof bytes);
	assert_int_equal(sink_spy_new(&spy, &to, &err), 0);
	assert_int_equal(sink_rate_new(to, line("32000"), &s, &err), 0);
	assert_int_equal(sink_write(s, bytes, sizeof bytes, &err), 0);
	assert_int_equal(spy.writes, 320);
	assert_int_equal(spy.got.len, sizeof bytes);
	assert_in_range(atomic_load(&machine()->slept_ms), 9800, 10000);
	sink_free(TAKE(s));
	buf_done(&spy.got);
}

static void
without_a_limit_there_is_no_sink(void **state)
{
	struct sink *to = NULL, *s = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sink_null_new(&to, &err), 0);
	assert_int_equal(sink_rate_new(to, NULL, &s, &err), 0);
	assert_ptr_equal(s, to);
	sink_free(s);
}

int
main(void)
{
	static struct sink_suite suite = { .make = make };
	struct CMUnitTest tests[SINK_SUITE_TESTS + 2] = {
		[SINK_SUITE_TESTS] =
		    cmocka_unit_test(bytes_go_on_in_steps_at_the_rate),
		[SINK_SUITE_TESTS + 1] =
		    cmocka_unit_test(without_a_limit_there_is_no_sink),
	};

	sink_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("sink_rate", tests, NULL, NULL);
}
