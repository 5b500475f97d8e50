#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "crypto/rand.h"

static void
bytes_are_filled_and_never_the_same(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };
	const uint8_t zero[32] = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(rand_bytes(a, sizeof a, &err), 0);
	assert_int_equal(rand_bytes(b, sizeof b, &err), 0);
	assert_memory_not_equal(a, b, sizeof a);
	assert_memory_not_equal(a, zero, sizeof a);
	assert_memory_not_equal(b, zero, sizeof b);
}

static void
only_what_was_asked_for_is_written(void **state)
{
	uint8_t a[8];
	struct err err = { 0 };

	(void)state;
	memset(a, 7, sizeof a);
	assert_int_equal(rand_bytes(a, 0, &err), 0);
	assert_int_equal(a[0], 7);
	assert_int_equal(rand_bytes(a, 4, &err), 0);
	assert_memory_equal(a + 4, "\7\7\7\7", 4);
}

static void
absurd_numbers_are_refused(void **state)
{
	uint8_t a[1];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(rand_bytes(a, (size_t)INT32_MAX + 1, &err), -1);
	assert_int_equal(err.code, ERR_IO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_filled_and_never_the_same),
		cmocka_unit_test(only_what_was_asked_for_is_written),
		cmocka_unit_test(absurd_numbers_are_refused),
	};

	return cmocka_run_group_tests_name("rand", tests, NULL, NULL);
}
