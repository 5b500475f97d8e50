#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"

#include "component/dump_ends.h"

static void
both_ends_are_kept(void **state)
{
	char text[3000];

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)('a' + i % 26);
	for (size_t step = 1; step < 1200; step += 17) {
		struct dump_ends e = { 0 };

		for (size_t i = 0; i < sizeof text; i += step)
			dump_ends_add(&e, text + i,
			    sizeof text - i < step ? sizeof text - i : step);
		assert_int_equal(e.bytes, sizeof text);
		assert_int_equal(e.nhead, DUMP_ENDS_SIZE);
		assert_int_equal(e.ntail, DUMP_ENDS_SIZE);
		assert_memory_equal(e.head, text, DUMP_ENDS_SIZE);
		assert_memory_equal(e.tail, text + sizeof text - DUMP_ENDS_SIZE,
		    DUMP_ENDS_SIZE);
	}
}

static void
a_short_dump_is_both_ends(void **state)
{
	struct dump_ends e = { 0 };

	(void)state;
	dump_ends_add(&e, "ab", 2);
	dump_ends_add(&e, "", 0);
	dump_ends_add(&e, "c", 1);
	assert_int_equal(e.nhead, 3);
	assert_string_equal(e.head, "abc");
	assert_string_equal(e.tail, "abc");
}

static void
the_sink_passes_on_and_does_not_finish(void **state)
{
	AUTO(sink) struct sink *to = NULL;
	AUTO(sink) struct sink *s = NULL;
	struct dump_ends e = { 0 };
	struct err err = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(sink_mem_new(100, &to, &err), 0);
	failalloc_at(0);
	assert_int_equal(dump_ends_sink(&e, to, &s, &err), -1);
	failalloc_at(-1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_int_equal(dump_ends_sink(&e, to, &s, &err), 0);
	assert_int_equal(sink_write(s, "hello", 5, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	assert_false(to->finished);
	assert_memory_equal(sink_mem_data(to, &n), "hello", 5);
	assert_string_equal(e.tail, "hello");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_are_kept),
		cmocka_unit_test(a_short_dump_is_both_ends),
		cmocka_unit_test(the_sink_passes_on_and_does_not_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
