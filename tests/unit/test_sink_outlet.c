#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/sink_spy.h"
#include "stream/sink.h"

static void
only_bytes_go_through(void **state)
{
	struct sink_spy spy = { .got = { .max = 100 } };
	struct sink *to = NULL, *s = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sink_spy_new(&spy, &to, &err), 0);
	assert_int_equal(sink_outlet_new(to, &s, &err), 0);
	assert_int_equal(sink_write(s, "abc", 3, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	sink_free(s);
	assert_int_equal(spy.finishes, 0);
	assert_int_equal(spy.frees, 0);
	assert_int_equal(sink_write(to, "def", 3, &err), 0);
	assert_string_equal(spy.got.data, "abcdef");
	sink_free(to);
	buf_done(&spy.got);
}

static void
an_error_behind_it_comes_back(void **state)
{
	struct sink_spy spy = {
		.got = { .max = 100 }, .fail_after = 2, .code = ERR_NOROOM
	};
	struct sink *to = NULL, *s = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sink_spy_new(&spy, &to, &err), 0);
	assert_int_equal(sink_outlet_new(to, &s, &err), 0);
	assert_int_equal(sink_write(s, "abc", 3, &err), -1);
	assert_int_equal(err.code, ERR_NOROOM);
	sink_free(s);
	sink_free(to);
	buf_done(&spy.got);
}

static void
no_memory_leaves_the_other_alone(void **state)
{
	struct sink_spy spy = { 0 };
	struct sink *to = NULL, *s = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sink_spy_new(&spy, &to, &err), 0);
	failalloc_at(0);
	assert_int_equal(sink_outlet_new(to, &s, &err), -1);
	failalloc_at(-1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_int_equal(spy.frees, 0);
	sink_free(to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_bytes_go_through),
		cmocka_unit_test(an_error_behind_it_comes_back),
		cmocka_unit_test(no_memory_leaves_the_other_alone),
	};

	return cmocka_run_group_tests_name("sink_outlet", tests, NULL, NULL);
}
