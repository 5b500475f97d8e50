#include "../lib/sink_suite.h"

static uint64_t suite_total;

static int
make(const struct buf *content, struct sink *next, struct sink **out,
    struct err *err)
{
	(void)content;
	return sink_count_new(next, &suite_total, out, err);
}

static void
bytes_are_added_to_the_total(void **state)
{
	struct err err = { 0 };
	AUTO(sink) struct sink *s = NULL;
	uint64_t total = 10;

	(void)state;
	assert_int_equal(sink_null_new(&s, &err), 0);
	assert_int_equal(sink_count_new(TAKE(s), &total, &s, &err), 0);
	assert_int_equal(sink_write(s, "a", 1, &err), 0);
	assert_int_equal(sink_write(s, "bc", 2, &err), 0);
	assert_int_equal(total, 13);
}

int
main(void)
{
	static struct sink_suite suite = { .make = make };
	struct CMUnitTest tests[SINK_SUITE_TESTS + 1] = {
		[SINK_SUITE_TESTS] =
		    cmocka_unit_test(bytes_are_added_to_the_total),
	};

	sink_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("sink_count", tests, NULL, NULL);
}
