#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/sqlite_kit.h"
#include "base/json.h"
#include "component/sqlite_db.h"
#include "component/sqlite_rows.h"

struct bench {
	char dir[KIT_PATH], path[KIT_PATH];
	struct sqlite_db *db;
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct err err = { 0 };

	*state = b;
	if (!b)
		return -1;
	kit_dir(b->dir);
	kit_make(kit_path(b->path, b->dir, "db"), (struct kit_db){ .rows = 3 });
	return sqlite_db_open(b->path, SQLITE_DB_OWN, 0, &b->db, &err);
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	sqlite_db_free(b->db);
	kit_remove(b->dir);
	free(b);
	return 0;
}

static int
compare(struct bench *b, const char *facts, uint64_t *total, struct err *err)
{
	AUTO(json) struct json *j = NULL;

	if (json_parse(facts, strlen(facts), &j, err))
		return -1;
	return sqlite_rows_same(b->db, j, total, err);
}

static void
same_rows_are_counted(void **state)
{
	struct err err = { 0 };
	uint64_t total = 0;

	assert_int_equal(compare(*state, "{\"tables\":{\"a\":3,\"b\":3}}",
	                     &total, &err),
	    0);
	assert_int_equal(total, 6);
}

static void
what_differs_is_named(void **state)
{
	static const struct {
		const char *facts, *message;
	} cases[] = {
		{ "{\"tables\":{\"a\":3,\"b\":4}}",
		    "table 'b' has 3 rows, 4 were saved" },
		{ "{\"tables\":{\"a\":3}}", "it has 2 tables, 1 were saved" },
		{ "{\"tables\":{\"a\":3,\"c\":3}}", "c" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = { 0 };

		assert_int_equal(compare(*state, cases[i].facts, NULL, &err),
		    -1);
		assert_true(err_is(&err, ERR_CORRUPT));
		assert_non_null(strstr(err.msg, cases[i].message));
	}
}

static void
without_facts_nothing_is_compared(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	uint64_t total = 7;

	assert_int_equal(compare(b, "{}", &total, &err), 0);
	assert_int_equal(sqlite_rows_same(b->db, NULL, &total, &err), 0);
	assert_int_equal(total, 7);
}

static void
every_allocation_may_fail(void **state)
{
	long n;

	for (n = 0;; n++) {
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = compare(*state, "{\"tables\":{\"a\":3,\"b\":3}}", NULL,
		    &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(n > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(same_rows_are_counted),
		TEST(what_differs_is_named),
		TEST(without_facts_nothing_is_compared),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sqlite_rows", tests, NULL, NULL);
}
