#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include <stdatomic.h>
#include <string.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "base/clock.h"
#include "base/monitor.h"
#include "base/pool.h"

/* What the jobs of one test share. */
struct shared {
	atomic_int ran, running, most;
	atomic_int cost, cost_most; /* of those running */
	int fails_at;               /* the n-th job that runs; 0: none */
};

struct job {
	struct shared *s;
	int cost;
	unsigned ms;
};

static void
raise_to(atomic_int *most, int value)
{
	int seen = atomic_load(most);

	while (value > seen &&
	       !atomic_compare_exchange_weak(most, &seen, value))
		;
}

static int
work(void *arg, struct err *err)
{
	struct job *j = arg;
	struct shared *s = j->s;
	int n = atomic_fetch_add(&s->ran, 1) + 1;

	raise_to(&s->most, atomic_fetch_add(&s->running, 1) + 1);
	raise_to(&s->cost_most, atomic_fetch_add(&s->cost, j->cost) + j->cost);
	clock_sleep_ms(clock_real(), j->ms);
	atomic_fetch_sub(&s->cost, j->cost);
	atomic_fetch_sub(&s->running, 1);
	return n == s->fails_at ? err_set(err, ERR_TRANSIENT, "503 at %d", n)
	                        : 0;
}

static void
start(unsigned workers, uint64_t budget, uint64_t each, struct pool **ret)
{
	const struct pool_size size = { workers, budget, each, 0 };
	struct err err = { 0 };

	assert_int_equal(pool_new(&size, ret, &err), 0);
}

static void
every_job_is_run(void **state)
{
	struct shared s = { 0 };
	struct job job = { .s = &s };
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	start(4, 100, 0, &p);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(pool_run(p, work, &job, 1, &err), 0);
	assert_int_equal(pool_wait(p, &err), 0);
	assert_int_equal(atomic_load(&s.ran), 1000);
	/* and can be used again */
	assert_int_equal(pool_run(p, work, &job, 1, &err), 0);
	assert_int_equal(pool_wait(p, &err), 0);
	assert_int_equal(atomic_load(&s.ran), 1001);
}

static void
no_more_run_at_once_than_there_are_workers(void **state)
{
	struct shared s = { 0 };
	struct job job = { .s = &s, .ms = 2 };
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	start(3, 1000, 0, &p);
	for (int i = 0; i < 30; i++)
		assert_int_equal(pool_run(p, work, &job, 1, &err), 0);
	assert_int_equal(pool_wait(p, &err), 0);
	assert_int_equal(atomic_load(&s.most), 3);
}

static void
bytes_stay_within_the_budget(void **state)
{
	struct shared s = { 0 };
	struct job job = { .s = &s, .cost = 40, .ms = 1 };
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	start(8, 100, 0, &p);
	for (int i = 0; i < 50; i++)
		assert_int_equal(pool_run(p, work, &job, 40, &err), 0);
	assert_int_equal(pool_wait(p, &err), 0);
	assert_int_equal(atomic_load(&s.ran), 50);
	assert_int_equal(atomic_load(&s.cost_most), 80);
}

static void
a_job_above_the_budget_runs_alone(void **state)
{
	struct shared s = { 0 };
	struct job small = { .s = &s, .cost = 10, .ms = 1 };
	struct job large = { .s = &s, .cost = 1000, .ms = 1 };
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	start(4, 100, 0, &p);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pool_run(p, work, &small, 10, &err), 0);
		assert_int_equal(pool_run(p, work, &large, 1000, &err), 0);
	}
	assert_int_equal(pool_wait(p, &err), 0);
	assert_int_equal(atomic_load(&s.ran), 40);
	assert_int_equal(atomic_load(&s.cost_most), 1000);
}

static void
the_largest_cost_does_not_wrap_around(void **state)
{
	struct shared s = { 0 };
	struct job job = { .s = &s, .ms = 1 };
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	start(4, 100, 0, &p);
	for (int i = 0; i < 5; i++)
		assert_int_equal(pool_run(p, work, &job, UINT64_MAX, &err), 0);
	assert_int_equal(pool_wait(p, &err), 0);
	assert_int_equal(atomic_load(&s.most), 1);
}

static void
the_first_error_stops_the_queue(void **state)
{
	struct shared s = { .fails_at = 3 };
	struct job job = { .s = &s };
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;
	int accepted = 0;

	(void)state;
	start(2, 100, 0, &p);
	while (pool_run(p, work, &job, 1, &err) == 0)
		accepted++;
	assert_int_equal(err.code, ERR_TRANSIENT);
	assert_string_equal(err.msg, "503 at 3");
	err = (struct err){ 0 };
	assert_int_equal(pool_wait(p, &err), -1);
	assert_string_equal(err.msg, "503 at 3");
	/* what was accepted was run */
	assert_int_equal(atomic_load(&s.ran), accepted);
	assert_int_equal(pool_run(p, work, &job, 1, &err), -1);
}

static void
free_runs_what_is_queued(void **state)
{
	struct shared s = { 0 };
	struct job job = { .s = &s, .ms = 1 };
	struct err err = { 0 };
	struct pool *p = NULL;

	(void)state;
	start(2, 100, 0, &p);
	for (int i = 0; i < 6; i++)
		assert_int_equal(pool_run(p, work, &job, 1, &err), 0);
	pool_free(p);
	assert_int_equal(atomic_load(&s.ran), 6);
	pool_free(NULL);
}

/* Who ran when, by name; the first one holds the only worker. */
struct turn {
	struct turns *all;
	char name;
};

struct turns {
	struct monitor m;
	bool go;
	char order[8];
	size_t n;
};

static int
take_turn(void *arg, struct err *err)
{
	struct turn *t = arg;

	(void)err;
	monitor_enter(&t->all->m);
	while (!t->all->go)
		monitor_wait(&t->all->m);
	t->all->order[t->all->n++] = t->name;
	monitor_leave(&t->all->m);
	return 0;
}

static void
what_is_to_be_first_begins_before_those_that_wait(void **state)
{
	struct turns all = { 0 };
	struct turn turn[] = { { &all, 'a' }, { &all, 'b' }, { &all, 'c' } };
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	monitor_init(&all.m);
	start(1, 100, 0, &p);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pool_run(p, take_turn, &turn[i], 1, &err), 0);
	assert_int_equal(pool_run_first(p, take_turn, &turn[2], 1, &err), 0);
	monitor_enter(&all.m);
	all.go = true;
	monitor_wake(&all.m);
	monitor_leave(&all.m);
	assert_int_equal(pool_wait(p, &err), 0);
	assert_int_equal(all.n, 3);
	/* a may have begun by then */
	assert_true(strcmp(all.order, "acb") == 0 ||
	            strcmp(all.order, "cab") == 0);
	monitor_done(&all.m);
}

static void
memory_beside_the_jobs_counts_too(void **state)
{
	struct shared s = { 0 };
	struct job job = { .s = &s, .cost = 60, .ms = 1 };
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	start(4, 100, 0, &p);
	assert_true(pool_try(p, 70));
	assert_false(pool_try(p, 31));
	assert_true(pool_try(p, 30));
	pool_give(p, 30);
	/* what must be is there, whatever the budget says */
	pool_take(p, 1000);
	assert_false(pool_try(p, 0));
	for (int i = 0; i < 5; i++)
		assert_int_equal(pool_run(p, work, &job, 60, &err), 0);
	assert_int_equal(pool_wait(p, &err), 0);
	/* each alone, for there was no room */
	assert_int_equal(atomic_load(&s.most), 1);
	pool_give(p, 1070);
	assert_true(pool_try(p, 100));
	pool_give(p, 100);
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	for (long n = 0; n < 2; n++) {
		struct pool *p = NULL;
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = pool_new(&(struct pool_size){ 2, 100, 0, 0 }, &p, &err);
		failalloc_at(-1);
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, ERR_NOMEM);
		assert_null(p);
	}
}

static void
a_pool_without_a_thread_is_none(void **state)
{
	struct pool *p = NULL;
	struct err err = { 0 };

	(void)state;
	failcall_at("pthread_create", 0, EAGAIN);
	assert_int_equal(pool_new(&(struct pool_size){ 2, 100, 0, 0 }, &p,
	                     &err),
	    -1);
	assert_true(failcall_end());
	assert_int_equal(err.sys, EAGAIN);
	assert_null(p);
}

/* One that is there does the work of those that are not. */
static void
a_thread_that_cannot_be_had_is_done_without(void **state)
{
	struct shared s = { 0 };
	struct job job = { .s = &s, .ms = 1 };
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	failcall_at("pthread_create", 1, EAGAIN);
	start(8, 100, 0, &p);
	for (int i = 0; i < 20; i++)
		assert_int_equal(pool_run(p, work, &job, 1, &err), 0);
	assert_int_equal(pool_wait(p, &err), 0);
	assert_true(failcall_end());
	assert_int_equal(atomic_load(&s.ran), 20);
	assert_int_equal(atomic_load(&s.most), 1);
}

/* Of 100 bytes: no second one, or as many as have a job. */
static void
a_thread_is_started_where_there_is_room_for_it(void **state)
{
	struct shared s = { 0 };
	struct job job = { .s = &s, .ms = 5 };
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	start(8, 100, 10, &p);
	assert_true(pool_try(p, 90));
	assert_false(pool_try(p, 1));
	pool_give(p, 15);
	for (int i = 0; i < 5; i++)
		assert_int_equal(pool_run(p, work, &job, 10, &err), 0);
	assert_int_equal(pool_wait(p, &err), 0);
	assert_int_equal(atomic_load(&s.most), 1);
	pool_give(p, 75);
	for (int i = 0; i < 40; i++)
		assert_int_equal(pool_run(p, work, &job, 10, &err), 0);
	assert_int_equal(pool_wait(p, &err), 0);
	assert_in_range(atomic_load(&s.most), 2, 5);
	/* they stay: more than one */
	assert_false(pool_try(p, 81));
}

/* Of 100 bytes: two threads of 10, the largest job has 50, so 30 may be held.
 */
static void
what_is_held_leaves_room_for_the_largest_job(void **state)
{
	const struct pool_size size = { 2, 100, 10, 50 };
	struct shared s = { 0 };
	struct job job = { .s = &s };
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	assert_int_equal(pool_new(&size, &p, &err), 0);
	assert_false(pool_hold(p, 31));
	assert_true(pool_hold(p, 20));
	assert_false(pool_hold(p, 11));
	/* what ends with a job may take all that there is */
	assert_true(pool_try(p, 70));
	assert_false(pool_hold(p, 1));
	pool_give(p, 70);
	for (int i = 0; i < 20; i++)
		assert_int_equal(pool_run(p, work, &job, 1, &err), 0);
	assert_int_equal(pool_wait(p, &err), 0);
	assert_true(pool_hold(p, 10));
	assert_false(pool_hold(p, 1));
	pool_drop(p, 30);
	assert_true(pool_hold(p, 30));
	pool_drop(p, 30);
}

/* A job that is queued gets a thread when there is memory for one. */
static void
memory_that_is_given_back_may_be_a_thread(void **state)
{
	const struct pool_size size = { 2, 100, 10, 0 };
	struct turns all = { 0 };
	struct turn turn[] = { { &all, 'a' }, { &all, 'b' } };
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	monitor_init(&all.m);
	assert_int_equal(pool_new(&size, &p, &err), 0);
	assert_true(pool_try(p, 85));
	for (int i = 0; i < 2; i++)
		assert_int_equal(pool_run(p, take_turn, &turn[i], 1, &err), 0);
	pool_give(p, 85);
	/* two threads, and one job at least */
	assert_false(pool_try(p, 80));
	monitor_enter(&all.m);
	all.go = true;
	monitor_wake(&all.m);
	monitor_leave(&all.m);
	assert_int_equal(pool_wait(p, &err), 0);
	monitor_done(&all.m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_job_is_run),
		cmocka_unit_test(no_more_run_at_once_than_there_are_workers),
		cmocka_unit_test(bytes_stay_within_the_budget),
		cmocka_unit_test(a_job_above_the_budget_runs_alone),
		cmocka_unit_test(the_largest_cost_does_not_wrap_around),
		cmocka_unit_test(the_first_error_stops_the_queue),
		cmocka_unit_test(free_runs_what_is_queued),
		cmocka_unit_test(
		    what_is_to_be_first_begins_before_those_that_wait),
		cmocka_unit_test(memory_beside_the_jobs_counts_too),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(a_pool_without_a_thread_is_none),
		cmocka_unit_test(a_thread_that_cannot_be_had_is_done_without),
		cmocka_unit_test(
		    a_thread_is_started_where_there_is_room_for_it),
		cmocka_unit_test(what_is_held_leaves_room_for_the_largest_job),
		cmocka_unit_test(memory_that_is_given_back_may_be_a_thread),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
