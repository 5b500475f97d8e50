#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/sqlite_kit.h"
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

/* More than SQLite keeps in memory. */
static int
large(const char *dir, struct err *err)
{
	AUTO(sqlite_bag) struct sqlite_bag *b = NULL;
	const char *text;
	char line[1000];

	if (sqlite_bag_new(dir, &b, err))
		return -1;
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(line, sizeof line, "%0998d", i);
		if (sqlite_bag_add(b, line, err))
			return -1;
	}
	return sqlite_bag_next(b, &text, err);
}

static void
a_file_that_cannot_be_written_is_told(void **state)
{
	char dir[KIT_PATH], words[2 * KIT_PATH];
	long n = 0;

	(void)state;
	kit_dir(dir);
	(void)snprintf(words, sizeof words, "cannot sort in '%s/", dir);
	for (;; n += 100) { /* hundreds of writes that are alike */
		struct err err = { 0 };
		int rc;

		kit_fault_at(n, KIT_EIO);
		rc = large(dir, &err);
		if (!kit_fault_hit())
			break;
		if (rc == 0)
			continue; /* SQLite could do without */
		assert_true(err_is(&err, ERR_IO));
		assert_memory_equal(err.msg, words, strlen(words));
	}
	kit_fault_at(-1, KIT_EIO);
	assert_true(n > 0);
	kit_remove(dir);
}

static void
each_allocation_of_sqlite_may_fail(void **state)
{
	long fails = 0, n = 0;
	bool reached = true;

	(void)state;
	for (; reached; n++) {
		struct err err = { 0 };
		int rc;

		(void)kit_nomem_at(n);
		rc = scenario(&err);
		reached = kit_nomem_at(-1) > n;
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
	}
	assert_true(fails > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_come_out_sorted_by_bytes_and_once),
		cmocka_unit_test(a_folder_that_cannot_be_made_is_named),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(each_allocation_of_sqlite_may_fail),
		cmocka_unit_test(a_file_that_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests_name("sqlite_bag", tests, NULL, NULL);
}
