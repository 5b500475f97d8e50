#include "../lib/store_suite.h"

#include "../lib/failalloc.h"
#include "base/buf.h"

static int
fresh(void *arg, struct store **ret, struct err *err)
{
	(void)arg;
	return store_mem_new(ret, err);
}

static int
ignore(void *arg, const char *key, const struct store_stat *stat,
    struct err *err)
{
	(void)arg;
	(void)key;
	(void)stat;
	(void)err;
	return 0;
}

static int
scenario(struct err *err)
{
	AUTO(store) struct store *st = NULL;
	AUTO(buf) struct buf b = { .max = 100 };

	if (store_mem_new(&st, err) || st->ops->open(st, err) ||
	    store_put_bytes(st, "a/b", "x", 1, err) ||
	    store_get_bytes(st, "a/b", &b, err) ||
	    st->ops->list(st, "", false, ignore, NULL, err))
		return -1;
	return st->ops->remove(st, "a/b", err);
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(failalloc_each(scenario) >= 8);
}

int
main(void)
{
	static struct store_suite suite = {
		.fresh = fresh, .big = 3 << 20, .many = 2500
	};
	struct CMUnitTest tests[STORE_SUITE_TESTS + 1] = {
		[STORE_SUITE_TESTS] =
		    cmocka_unit_test(every_allocation_may_fail),
	};

	store_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("store_mem", tests, NULL, NULL);
}
