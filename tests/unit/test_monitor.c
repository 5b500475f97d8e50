#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/monitor.h"

struct shared {
	struct monitor m;
	int n;
	bool go;
};

static void *
add_thousand(void *arg)
{
	struct shared *s = arg;

	for (int i = 0; i < 1000; i++) {
		monitor_enter(&s->m);
		s->n++;
		monitor_leave(&s->m);
	}
	return NULL;
}

static void
one_at_a_time_is_inside(void **state)
{
	struct shared s = { 0 };
	struct thread t[4] = { 0 };
	struct err err = { 0 };

	(void)state;
	monitor_init(&s.m);
	for (int i = 0; i < 4; i++)
		assert_int_equal(thread_start(&t[i], add_thousand, &s, &err),
		    0);
	for (int i = 0; i < 4; i++)
		thread_join(&t[i]);
	monitor_done(&s.m);
	assert_int_equal(s.n, 4000);
}

static void *
wait_for_go(void *arg)
{
	struct shared *s = arg;

	monitor_enter(&s->m);
	while (!s->go)
		monitor_wait(&s->m);
	s->n++;
	monitor_leave(&s->m);
	return NULL;
}

static void
a_wake_wakes_all(void **state)
{
	struct shared s = { 0 };
	struct thread t[3] = { 0 };
	struct err err = { 0 };

	(void)state;
	monitor_init(&s.m);
	for (int i = 0; i < 3; i++)
		assert_int_equal(thread_start(&t[i], wait_for_go, &s, &err), 0);
	monitor_enter(&s.m);
	s.go = true;
	monitor_wake(&s.m);
	monitor_leave(&s.m);
	for (int i = 0; i < 3; i++)
		thread_join(&t[i]);
	monitor_done(&s.m);
	assert_int_equal(s.n, 3);
}

static void
waiting_ends_when_the_time_is_over(void **state)
{
	struct shared s = { 0 };
	int64_t before = clock_mono_ms(clock_real());

	(void)state;
	monitor_init(&s.m);
	monitor_enter(&s.m);
	while (monitor_wait_ms(&s.m, 20))
		;
	assert_false(monitor_wait_ms(&s.m, 0));
	monitor_leave(&s.m);
	monitor_done(&s.m);
	assert_in_range(clock_mono_ms(clock_real()) - before, 19, 5000);
}

static void *
wait_a_minute(void *arg)
{
	struct shared *s = arg;
	bool in_time = true;

	monitor_enter(&s->m);
	while (!s->go && in_time)
		in_time = monitor_wait_ms(&s->m, 60999);
	s->n = in_time ? 1 : 2;
	monitor_leave(&s->m);
	return NULL;
}

static void
a_wake_ends_a_wait_with_a_limit(void **state)
{
	struct shared s = { 0 };
	struct thread t = { 0 };
	struct err err = { 0 };

	(void)state;
	monitor_init(&s.m);
	assert_int_equal(thread_start(&t, wait_a_minute, &s, &err), 0);
	monitor_enter(&s.m);
	s.go = true;
	monitor_wake(&s.m);
	monitor_leave(&s.m);
	thread_join(&t);
	monitor_done(&s.m);
	assert_int_equal(s.n, 1);
}

struct queue {
	struct monitor m;
	struct monitor_queue q;
	int tokens, waiting, taken;
};

static void *
take_a_token(void *arg)
{
	struct queue *s = arg;

	monitor_enter(&s->m);
	s->waiting++;
	monitor_wake(&s->m);
	while (s->tokens == 0)
		monitor_queue_wait(&s->m, &s->q);
	s->tokens--;
	s->taken++;
	monitor_wake(&s->m);
	monitor_leave(&s->m);
	return NULL;
}

static void
until(struct queue *s, const int *n, int wanted)
{
	while (*n < wanted)
		monitor_wait(&s->m);
}

static void
who_waits_in_a_queue_is_called_one_by_one_or_all(void **state)
{
	struct queue s = { .tokens = 0 };
	struct thread t[4] = { { 0 } };
	struct err err = { 0 };

	(void)state;
	monitor_init(&s.m);
	monitor_queue_init(&s.q);
	for (int i = 0; i < 4; i++)
		assert_int_equal(thread_start(&t[i], take_a_token, &s, &err),
		    0);
	monitor_enter(&s.m);
	until(&s, &s.waiting, 4);
	s.tokens = 1;
	monitor_queue_call(&s.q);
	until(&s, &s.taken, 1);
	assert_int_equal(s.taken, 1);
	s.tokens = 3;
	monitor_queue_call_all(&s.q);
	until(&s, &s.taken, 4);
	monitor_leave(&s.m);
	for (int i = 0; i < 4; i++)
		thread_join(&t[i]);
	monitor_queue_done(&s.q);
	monitor_done(&s.m);
	assert_int_equal(s.tokens, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_at_a_time_is_inside),
		cmocka_unit_test(a_wake_wakes_all),
		cmocka_unit_test(waiting_ends_when_the_time_is_over),
		cmocka_unit_test(a_wake_ends_a_wait_with_a_limit),
		cmocka_unit_test(
		    who_waits_in_a_queue_is_called_one_by_one_or_all),
	};

	return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
