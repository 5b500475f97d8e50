#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "stream/sink.h"

static void
chain_passes_bytes_through(void **state)
{
	struct err err = { 0 };
	AUTO(sink) struct sink *head = NULL;
	struct sink *mem;
	uint64_t n = 0;
	size_t len;

	(void)state;
	assert_int_equal(sink_mem_new(1024, &mem, &err), 0);
	assert_int_equal(sink_count_new(mem, &n, &head, &err), 0);
	assert_int_equal(sink_write(head, "hello ", 6, &err), 0);
	assert_int_equal(sink_write(head, "world", 5, &err), 0);
	assert_int_equal(sink_finish(head, &err), 0);
	assert_string_equal(sink_mem_data(mem, &len), "hello world");
	assert_int_equal(len, 11);
	assert_int_equal(n, 11);
}

static void
limit_is_reported_with_context(void **state)
{
	struct err err = { 0 };
	AUTO(sink) struct sink *head = NULL;

	(void)state;
	assert_int_equal(sink_mem_new(4, &head, &err), 0);
	assert_int_equal(sink_write(head, "too long", 8, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_string_equal(err.msg, "mem: longer than the limit of 4 bytes");
}

static int
scenario(struct err *err)
{
	AUTO(sink) struct sink *head = NULL;
	struct sink *mem = NULL;
	uint64_t n = 0;

	if (sink_mem_new(1 << 20, &mem, err))
		return -1;
	if (sink_count_new(mem, &n, &head, err))
		return -1;
	for (int i = 0; i < 100; i++)
		if (sink_write(head, "0123456789", 10, err))
			return -1;
	return sink_finish(head, err);
}

static void
every_allocation_may_fail(void **state)
{
	long i = 0, fails = 0;

	(void)state;
	for (;; i++) {
		struct err err = { 0 };

		failalloc_at(i);
		if (scenario(&err) == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
		fails++;
	}
	failalloc_at(-1);
	assert_true(fails >= 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_passes_bytes_through),
		cmocka_unit_test(limit_is_reported_with_context),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
