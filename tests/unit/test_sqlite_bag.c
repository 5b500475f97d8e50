#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "component/sqlite_bag.h"

static void
texts_come_out_sorted_by_bytes_and_once(void **state)
{
	static const char *const in[] = { "b", "a/b", "a", "\xc3\xa9", "B", "a",
		"a-b", "" };
	static const char *const out[] = { "", "B", "a", "a-b", "a/b", "b",
		"\xc3\xa9" };
	AUTO(sqlite_bag) struct sqlite_bag *b = NULL;
	struct err err = { 0 };
	const char *text = NULL;

	(void)state;
	assert_int_equal(sqlite_bag_new("/tmp", &b, &err), 0);
	for (size_t i = 0; i < sizeof in / sizeof *in; i++)
		assert_int_equal(sqlite_bag_add(b, in[i], &err), 0);
	for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
		assert_int_equal(sqlite_bag_next(b, &text, &err), 0);
		assert_string_equal(text, out[i]);
	}
	assert_int_equal(sqlite_bag_next(b, &text, &err), 0);
	assert_null(text);
}

static void
a_folder_that_cannot_be_made_is_named(void **state)
{
	struct sqlite_bag *b = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sqlite_bag_new("/proc/nowhere", &b, &err), -1);
	assert_non_null(strstr(err.msg, "/proc/nowhere"));
}

static int
scenario(struct err *err)
{
	AUTO(sqlite_bag) struct sqlite_bag *b = NULL;
	const char *text;

	if (sqlite_bag_new("/tmp", &b, err) || sqlite_bag_add(b, "x", err))
		return -1;
	return sqlite_bag_next(b, &text, err);
}

/* SQLite does without some of its allocations; ours are all needed. */
static void
every_allocation_may_fail(void **state)
{
	long fails = 0, in_a_row = 0;

	(void)state;
	for (long i = 0; in_a_row < 50; i++) {
		struct err err = { 0 };
		int rc;

		failalloc_at(i);
		rc = scenario(&err);
		failalloc_at(-1);
		in_a_row = rc ? 0 : in_a_row + 1;
		fails += rc != 0;
		if (rc)
			assert_true(err_is(&err, ERR_NOMEM) ||
			            err_is(&err, ERR_IO));
	}
	assert_true(fails > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_come_out_sorted_by_bytes_and_once),
		cmocka_unit_test(a_folder_that_cannot_be_made_is_named),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sqlite_bag", tests, NULL, NULL);
}
