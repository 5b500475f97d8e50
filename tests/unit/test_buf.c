#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../lib/failalloc.h"
#include "base/buf.h"

static void
bytes_are_appended_and_terminated(void **state)
{
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(buf_add(&b, "a\0b", 3, &err), 0);
	assert_int_equal(buf_puts(&b, "cd", &err), 0);
	assert_int_equal(buf_printf(&b, &err, "%d-%s", 7, "x"), 0);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "a\0bcd7-x", 9);
}

static void
the_limit_holds_from_the_first_byte(void **state)
{
	AUTO(buf) struct buf b = { .max = 3 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(buf_puts(&b, "abc", &err), 0);
	assert_int_equal(buf_puts(&b, "", &err), 0);
	assert_int_equal(buf_puts(&b, "d", &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg, "longer than the limit of 3 bytes");
	assert_int_equal(buf_printf(&b, &err, "d"), -1);
	assert_int_equal(buf_reserve(&b, 1, &err), -1);
	assert_string_equal(b.data, "abc");
	assert_int_equal(b.len, 3);
}

static void
no_limit_is_given_by_zero(void **state)
{
	AUTO(buf) struct buf b = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(buf_puts(&b, "x", &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
}

static void
absurd_sizes_are_refused(void **state)
{
	AUTO(buf) struct buf b = { .max = SIZE_MAX };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(buf_puts(&b, "x", &err), 0);
	assert_int_equal(buf_reserve(&b, SIZE_MAX, &err), -1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_string_equal(b.data, "x");
}

static void
what_is_reserved_cannot_fail(void **state)
{
	AUTO(buf) struct buf b = { .max = 10000 };
	struct err err = { 0 };
	char bytes[5000] = { 0 };
	int rc;

	(void)state;
	assert_int_equal(buf_reserve(&b, sizeof bytes, &err), 0);
	assert_string_equal(b.data, "");
	failalloc_at(0);
	rc = buf_add(&b, bytes, sizeof bytes, &err);
	failalloc_at(-1);
	assert_int_equal(rc, 0);
}

static void
clearing_keeps_the_memory(void **state)
{
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };
	const char *before;

	(void)state;
	buf_clear(&b);
	assert_int_equal(buf_puts(&b, "hello", &err), 0);
	before = b.data;
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	assert_ptr_equal(b.data, before);
}

static void
done_and_wiped_ones_can_be_used_again(void **state)
{
	struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	buf_done(&b);
	buf_wipe(&b);
	assert_int_equal(buf_puts(&b, "hello", &err), 0);
	buf_wipe(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.max, 100);
	assert_int_equal(buf_puts(&b, "again", &err), 0);
	buf_done(&b);
	assert_null(b.data);
}

static void
a_failed_allocation_changes_nothing(void **state)
{
	AUTO(buf) struct buf b = { .max = 1000 };
	struct err err = { 0 };
	char bytes[500] = { 0 };
	int rc;

	(void)state;
	assert_int_equal(buf_puts(&b, "kept", &err), 0);
	failalloc_at(0);
	rc = buf_add(&b, bytes, sizeof bytes, &err);
	failalloc_at(-1);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_string_equal(b.data, "kept");
}

/* A character that the locale does not have. */
static void
what_cannot_be_formatted_is_told(void **state)
{
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(buf_puts(&b, "x", &err), 0);
	assert_int_equal(buf_printf(&b, &err, "%ls", L"\u20ac"), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_string_equal(b.data, "x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_appended_and_terminated),
		cmocka_unit_test(the_limit_holds_from_the_first_byte),
		cmocka_unit_test(no_limit_is_given_by_zero),
		cmocka_unit_test(absurd_sizes_are_refused),
		cmocka_unit_test(what_is_reserved_cannot_fail),
		cmocka_unit_test(clearing_keeps_the_memory),
		cmocka_unit_test(done_and_wiped_ones_can_be_used_again),
		cmocka_unit_test(a_failed_allocation_changes_nothing),
		cmocka_unit_test(what_cannot_be_formatted_is_told),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
