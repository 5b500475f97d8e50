#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "stream/sink.h"

static void
everything_is_taken_and_counted(void **state)
{
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sink_null_new(&s, &err), 0);
	assert_int_equal(sink_write(s, "hello", 5, &err), 0);
	assert_int_equal(sink_write(s, "", 0, &err), 0);
	assert_int_equal(s->bytes, 5);
	assert_int_equal(sink_finish(s, &err), 0);
	assert_true(s->finished);
}

static void
no_memory_is_told(void **state)
{
	struct sink *s = NULL;
	struct err err = { 0 };
	int rc;

	(void)state;
	failalloc_at(0);
	rc = sink_null_new(&s, &err);
	failalloc_at(-1);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_null(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_taken_and_counted),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests_name("sink_null", tests, NULL, NULL);
}
