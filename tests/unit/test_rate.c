#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/sleep_clock.h"
#include "base/rate.h"
#include "base/thread.h"

enum { MIB = 1 << 20, TENTHS = 400 };

struct flow {
	struct sleep_clock c;
	struct rate r;
	uint64_t tenth[TENTHS]; /* bytes that went, by tenths of a second */
};

static void
start(struct flow *f, const char *table)
{
	struct timetable t;
	struct err err = { 0 };

	memset(f, 0, sizeof *f);
	sleep_clock_init(&f->c);
	assert_int_equal(timetable_parse(table, &t, &err), 0);
	rate_init(&f->r, &t, &f->c.clock);
}

static int64_t
slept(const struct flow *f)
{
	return atomic_load(&f->c.slept_ms);
}

/* Take n at a time for so long; how many bytes went. */
static uint64_t
run(struct flow *f, int64_t ms, uint64_t n)
{
	int64_t end = slept(f) + ms;
	uint64_t sum = 0;

	while (slept(f) < end) {
		(void)rate_take(&f->r, n);
		sum += n;
		if (slept(f) / 100 < TENTHS)
			f->tenth[slept(f) / 100] += n;
	}
	return sum;
}

/* The most in any second after the first, as tenths let it be seen. */
static uint64_t
fullest_second(const struct flow *f, int tenths)
{
	uint64_t most = 0;

	for (int i = 10; i + 10 <= tenths; i++) {
		uint64_t sum = 0;

		for (int k = i; k < i + 10; k++)
			sum += f->tenth[k];
		if (sum > most)
			most = sum;
	}
	return most;
}

static void
assert_near(uint64_t got, uint64_t want, unsigned percent)
{
	assert_in_range(got, want - want * percent / 100,
	    want + want * percent / 100);
}

static void
half_a_minute_has_its_bytes_in_every_size_of_steps(void **state)
{
	static const uint64_t steps[] = { 700, 16384, 65536, 8 * MIB };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct flow f;

		start(&f, "20M");
		assert_near(run(&f, 30000, steps[i]), 600 * MIB, 2);
		if (steps[i] < MIB)
			assert_true(fullest_second(&f, 290) < 22 * MIB);
		rate_done(&f.r);
	}
}

static void
waking_up_late_costs_nothing_and_gives_no_burst(void **state)
{
	struct flow f;

	(void)state;
	for (unsigned late = 1; late <= 80; late += 13) {
		start(&f, "20M");
		f.c.late = late;
		assert_near(run(&f, 30000, 65536), 600 * MIB, 1);
		assert_true(fullest_second(&f, 290) < 23 * MIB);
		rate_done(&f.r);
	}
}

static void
what_was_not_used_is_not_saved_up(void **state)
{
	struct flow f;
	uint64_t sum;

	(void)state;
	start(&f, "10M");
	(void)run(&f, 5000, 65536);
	clock_sleep_ms(&f.c.clock, 60000);
	sum = run(&f, 1000, 65536);
	assert_in_range(sum, 10 * MIB, 11 * MIB + 2 * 65536);
	rate_done(&f.r);
}

static void
a_slow_line_goes_in_small_steps(void **state)
{
	struct flow f;

	(void)state;
	start(&f, "4K");
	assert_int_equal(rate_step(&f.r), 256);
	assert_near(run(&f, 30000, 128), 30 * 4096, 2);
	rate_done(&f.r);
	start(&f, "1M");
	assert_int_equal(rate_step(&f.r), 32768);
	rate_done(&f.r);
	start(&f, "1G");
	assert_int_equal(rate_step(&f.r), RATE_STEP_MAX);
	assert_near(run(&f, 1000, 65536), (uint64_t)1 << 30, 11);
	rate_done(&f.r);
}

static void
what_went_already_delays_the_next(void **state)
{
	struct flow f;

	(void)state;
	start(&f, "1000");
	(void)rate_take(&f.r, 100);
	rate_note(&f.r, 2000);
	(void)rate_take(&f.r, 1);
	assert_in_range(slept(&f), 1990, 2110);
	rate_done(&f.r);
}

static void
who_waits_is_told(void **state)
{
	struct flow f;

	(void)state;
	start(&f, "1000");
	assert_int_equal(rate_now(&f.r), 1000);
	assert_int_equal(rate_now(NULL), 0);
	assert_false(rate_take(&f.r, 50));
	assert_true(rate_take(&f.r, 500));
	rate_done(&f.r);
}

static void
no_limit_never_waits(void **state)
{
	struct flow f;

	(void)state;
	start(&f, "off");
	(void)rate_take(&f.r, UINT64_MAX);
	rate_note(&f.r, UINT64_MAX);
	(void)rate_take(&f.r, UINT64_MAX);
	assert_int_equal(rate_step(&f.r), RATE_STEP_MAX);
	(void)rate_take(NULL, UINT64_MAX);
	rate_note(NULL, UINT64_MAX);
	assert_int_equal(rate_step(NULL), RATE_STEP_MAX);
	assert_int_equal(slept(&f), 0);
	rate_done(&f.r);
}

static void
the_rate_changes_while_bytes_are_under_way(void **state)
{
	struct flow f;

	(void)state;
	/* it is 16:28:00 */
	start(&f, "16:29-16:30 2M, 1M");
	assert_near(run(&f, 60000, 65536), 60 * MIB, 2);
	assert_near(run(&f, 60000, 65536), 120 * MIB, 4);
	assert_near(run(&f, 20000, 65536), 20 * MIB, 12);
	rate_done(&f.r);
}

static void
whoever_waits_at_night_goes_on_in_the_morning(void **state)
{
	struct flow f;

	(void)state;
	/* at one byte a second this would take until next year */
	start(&f, "16:29-16:30 off, 1");
	(void)rate_take(&f.r, 100 * MIB);
	assert_in_range(slept(&f), 60000, 61500);
	rate_done(&f.r);
}

static void *
taker(void *arg)
{
	struct flow *f = arg;

	for (int i = 0; i < 200; i++)
		(void)rate_take(&f->r, 16384);
	return NULL;
}

static void
threads_share_one_line(void **state)
{
	struct flow f;
	struct thread t[4] = { 0 };
	struct err err = { 0 };

	(void)state;
	start(&f, "1M");
	for (int i = 0; i < 4; i++)
		assert_int_equal(thread_start(&t[i], taker, &f, &err), 0);
	for (int i = 0; i < 4; i++)
		thread_join(&t[i]);
	/* 12.5 MiB, less what may go at once in the beginning */
	assert_in_range(slept(&f), 12300, 12600);
	rate_done(&f.r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    half_a_minute_has_its_bytes_in_every_size_of_steps),
		cmocka_unit_test(
		    waking_up_late_costs_nothing_and_gives_no_burst),
		cmocka_unit_test(what_was_not_used_is_not_saved_up),
		cmocka_unit_test(a_slow_line_goes_in_small_steps),
		cmocka_unit_test(what_went_already_delays_the_next),
		cmocka_unit_test(who_waits_is_told),
		cmocka_unit_test(no_limit_never_waits),
		cmocka_unit_test(the_rate_changes_while_bytes_are_under_way),
		cmocka_unit_test(whoever_waits_at_night_goes_on_in_the_morning),
		cmocka_unit_test(threads_share_one_line),
	};

	if (setenv("TZ", "UTC0", 1))
		return 1;
	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
