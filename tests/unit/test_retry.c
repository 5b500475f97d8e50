#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "../lib/failcall.h"
#include "http/retry.h"

/* Time that only sleeping moves. */
struct slept {
	unsigned ms[32], count;
};

static int64_t
still(void *ctx)
{
	(void)ctx;
	return 0;
}

static void
note_sleep(void *ctx, unsigned ms)
{
	struct slept *s = ctx;

	assert_true(s->count < 32);
	s->ms[s->count++] = ms;
}

struct script {
	unsigned calls, fails;
	enum err_code code;
	struct retry_hint hint;
	unsigned progress_until; /* calls up to this one made progress */
};

static int
attempt(void *arg, struct retry_hint *hint, struct err *err)
{
	struct script *s = arg;

	s->calls++;
	*hint = s->hint;
	hint->progressed = s->calls <= s->progress_until;
	if (s->calls <= s->fails)
		return err_set(err, s->code, "503");
	return 0;
}

static const struct retry_policy policy = {
	.attempts = 5, .first_ms = 100, .most_ms = 300
};

static int
run(struct script *s, struct slept *slept, struct err *err)
{
	struct clock c = { still, still, note_sleep, slept };

	return retry_run(&policy, &c, attempt, s, err);
}

static void
success_needs_one_attempt_and_no_sleep(void **state)
{
	struct script s = { 0 };
	struct slept slept = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(run(&s, &slept, &err), 0);
	assert_int_equal(s.calls, 1);
	assert_int_equal(slept.count, 0);
}

static void
transient_errors_are_tried_again_with_growing_delay(void **state)
{
	struct script s = { .fails = 4, .code = ERR_TRANSIENT };
	struct slept slept = { 0 };
	struct err err = { 0 };
	static const unsigned full[] = { 100, 200, 300, 300 };

	(void)state;
	assert_int_equal(run(&s, &slept, &err), 0);
	assert_true(err_is(&err, ERR_NONE)); /* nothing is left of them */
	assert_int_equal(s.calls, 5);
	assert_int_equal(slept.count, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(slept.ms[i], full[i] / 2, full[i]);
}

static void
giving_up_keeps_the_error_and_says_how_often(void **state)
{
	struct script s = { .fails = 99, .code = ERR_TRANSIENT };
	struct slept slept = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(run(&s, &slept, &err), -1);
	assert_int_equal(s.calls, 5);
	assert_true(err_is(&err, ERR_TRANSIENT));
	assert_string_equal(err.msg, "5 attempts: 503");
}

static void
other_errors_are_final(void **state)
{
	struct script s = { .fails = 99, .code = ERR_DENIED };
	struct slept slept = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(run(&s, &slept, &err), -1);
	assert_int_equal(s.calls, 1);
	assert_string_equal(err.msg, "503");
}

static void
a_server_may_ask_for_a_longer_wait_but_not_for_hours(void **state)
{
	struct script s = {
		.fails = 1, .code = ERR_TRANSIENT, .hint = { .wait_ms = 7000 }
	};
	struct slept slept = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(run(&s, &slept, &err), 0);
	assert_int_equal(slept.ms[0], 7000);
	s = (struct script){ .fails = 1,
		.code = ERR_TRANSIENT,
		.hint = { .wait_ms = 7200000 } };
	assert_int_equal(run(&s, &slept, &err), 0);
	assert_int_equal(slept.ms[1], 60000);
}

static void
progress_counts_attempts_anew(void **state)
{
	struct script s = {
		.fails = 11, .code = ERR_TRANSIENT, .progress_until = 8
	};
	struct slept slept = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(run(&s, &slept, &err), 0);
	assert_int_equal(s.calls, 12);
	/* after progress the delay is the first one again */
	assert_in_range(slept.ms[7], 50, 100);
}

static void
without_random_numbers_it_waits_in_full(void **state)
{
	struct script s = { .fails = 2, .code = ERR_TRANSIENT };
	struct slept slept = { 0 };
	struct err err = { 0 };

	(void)state;
	failcall_from("getrandom", 0, EAGAIN);
	assert_int_equal(run(&s, &slept, &err), 0);
	assert_true(failcall_end());
	assert_int_equal(slept.count, 2);
	assert_int_equal(slept.ms[0], 100);
	assert_int_equal(slept.ms[1], 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(success_needs_one_attempt_and_no_sleep),
		cmocka_unit_test(
		    transient_errors_are_tried_again_with_growing_delay),
		cmocka_unit_test(giving_up_keeps_the_error_and_says_how_often),
		cmocka_unit_test(other_errors_are_final),
		cmocka_unit_test(
		    a_server_may_ask_for_a_longer_wait_but_not_for_hours),
		cmocka_unit_test(progress_counts_attempts_anew),
		cmocka_unit_test(without_random_numbers_it_waits_in_full),
	};

	return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
