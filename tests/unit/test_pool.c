#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pool.h"

static atomic_int ran;

static int
count(void *job, struct err *err)
{
	(void)job;
	(void)err;
	atomic_fetch_add(&ran, 1);
	return 0;
}

static int
breaks(void *job, struct err *err)
{
	(void)job;
	return err_set(err, ERR_TRANSIENT, "503");
}

static void
runs_every_job(void **state)
{
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	assert_int_equal(pool_new(4, 100, &p, &err), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(pool_run(p, count, NULL, 1, &err), 0);
	assert_int_equal(pool_wait(p, &err), 0);
	assert_int_equal(atomic_load(&ran), 1000);
}

static void
first_error_stops_the_queue(void **state)
{
	struct err err = { 0 };
	AUTO(pool) struct pool *p = NULL;

	(void)state;
	assert_int_equal(pool_new(2, 100, &p, &err), 0);
	assert_int_equal(pool_run(p, breaks, NULL, 1, &err), 0);
	assert_int_equal(pool_wait(p, &err), -1);
	assert_true(err_is(&err, ERR_TRANSIENT));
	assert_int_equal(pool_run(p, count, NULL, 1, &err), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_every_job),
		cmocka_unit_test(first_error_stops_the_queue),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
