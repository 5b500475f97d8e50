#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../lib/failcall.h"
#include "base/thread.h"

static void *
set(void *arg)
{
	*(int *)arg = 7;
	return NULL;
}

static void
a_thread_runs_to_its_end(void **state)
{
	struct thread t = { 0 };
	struct err err = { 0 };
	int n = 0;

	(void)state;
	assert_int_equal(thread_start(&t, set, &n, &err), 0);
	assert_true(t.started);
	thread_join(&t);
	assert_int_equal(n, 7);
	assert_false(t.started);
}

static void
joining_what_was_never_started_does_nothing(void **state)
{
	struct thread t = { 0 };

	(void)state;
	thread_join(&t);
	assert_false(t.started);
}

static void
a_thread_can_be_started_again(void **state)
{
	struct thread t = { 0 };
	struct err err = { 0 };
	int n;

	(void)state;
	for (int i = 0; i < 3; i++) {
		n = 0;
		assert_int_equal(thread_start(&t, set, &n, &err), 0);
		thread_join(&t);
		assert_int_equal(n, 7);
	}
}

static void
a_thread_that_cannot_be_had_is_told(void **state)
{
	struct thread t = { 0 };
	struct err err = { 0 };
	int n = 0;

	(void)state;
	failcall_at("pthread_create", 0, EAGAIN);
	assert_int_equal(thread_start(&t, set, &n, &err), -1);
	assert_true(failcall_end());
	assert_int_equal(err.sys, EAGAIN);
	assert_non_null(strstr(err.msg, "cannot start a thread: "));
	assert_false(t.started);
	thread_join(&t);
	assert_int_equal(n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_runs_to_its_end),
		cmocka_unit_test(joining_what_was_never_started_does_nothing),
		cmocka_unit_test(a_thread_can_be_started_again),
		cmocka_unit_test(a_thread_that_cannot_be_had_is_told),
	};

	return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
