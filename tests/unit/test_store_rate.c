#include "../lib/store_suite.h"

#include <string.h>

#include "../lib/failalloc.h"
#include "../lib/sleep_clock.h"
#include "base/buf.h"
#include "base/rate.h"

struct lines {
	struct sleep_clock c;
	struct rate receive, send;
};

static int
fresh(void *arg, struct store **ret, struct err *err)
{
	struct lines *l = arg;
	const struct timetable t = { .rest = 1 << 20 };
	struct store *mem = NULL;

	sleep_clock_init(&l->c);
	rate_init(&l->receive, &t, &l->c.clock);
	rate_init(&l->send, &t, &l->c.clock);
	if (store_mem_new(&mem, err))
		return -1;
	return store_rate_new(mem, &l->receive, &l->send, ret, err);
}

static void
clean(void *arg)
{
	struct lines *l = arg;

	rate_done(&l->receive);
	rate_done(&l->send);
}

static void
each_direction_has_its_limit(void **state)
{
	static char bytes[10 << 20];
	static struct lines l;
	AUTO(store) struct store *st = NULL;
	AUTO(buf) struct buf back = { .max = sizeof bytes };
	uint64_t room = 0;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(fresh(&l, &st, &err), 0);
	assert_int_equal(st->ops->open(st, &err), 0);
	assert_int_equal(store_put_bytes(st, "a", bytes, sizeof bytes, &err),
	    0);
	assert_in_range(atomic_load(&l.c.slept_ms), 9800, 10000);
	assert_int_equal(store_get_bytes(st, "a", &back, &err), 0);
	assert_int_equal(back.len, sizeof bytes);
	assert_in_range(atomic_load(&l.c.slept_ms), 19600, 20000);
	assert_int_equal(st->ops->room(st, &room, &err), 0);
	assert_true(room > 0);
	assert_non_null(st->ops->where(st));
	clean(&l);
}

static void
no_memory_is_said_and_the_other_store_freed(void **state)
{
	static struct lines l;
	struct store *st = NULL;
	struct err err = { 0 };
	long n = 0;

	(void)state;
	for (int rc = -1; rc; n++) {
		err = (struct err){ 0 };
		failalloc_at(n);
		rc = fresh(&l, &st, &err);
		failalloc_at(-1);
		clean(&l);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
	}
	assert_true(n >= 3);
	store_free(st);
}

int
main(void)
{
	static struct lines l;
	static struct store_suite suite = { .fresh = fresh,
		.clean = clean,
		.arg = &l,
		.big = 1 << 20,
		.many = 50 };
	struct CMUnitTest tests[STORE_SUITE_TESTS + 2] = {
		[STORE_SUITE_TESTS] =
		    cmocka_unit_test(each_direction_has_its_limit),
		[STORE_SUITE_TESTS + 1] = cmocka_unit_test(
		    no_memory_is_said_and_the_other_store_freed),
	};

	store_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("store_rate", tests, NULL, NULL);
}
