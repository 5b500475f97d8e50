#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "cmd/results.h"

static int
setup(void **state)
{
	(void)state;
	faketool_setup();
	faketool_add("action-set", "");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	faketool_teardown();
	return 0;
}

/* So many sets that never finished; the caller frees the lines. */
static struct listing
sets(size_t n)
{
	struct listing l = { calloc(n + 1, sizeof *l.line), n, 0 };

	assert_non_null(l.line);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(l.line[i].id, sizeof l.line[i].id,
		    "2026-01-01T%02zu:%02zu:%02zuZ", i / 3600 % 24, i / 60 % 60,
		    i % 60);
		l.line[i].status = "failed";
	}
	return l;
}

static void
value_ends_with_its_text(void **state)
{
	struct err err = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	assert_int_equal(results_set("result", "{\n}\n \n", &err), 0);
	calls = faketool_calls();
	assert_string_equal(calls, "action-set [result={\n}]\n");
}

static void
value_that_is_too_long_becomes_a_note(void **state)
{
	struct err err = { 0 };
	AUTO(free) char *text = malloc(131072);
	AUTO(free) char *calls = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 131071);
	text[131071] = '\0';
	assert_int_equal(results_set("result", text, &err), 0);
	calls = faketool_calls();
	assert_string_equal(calls,
	    "action-set [note='result' is left out: 131071 bytes are more than "
	    "Juju takes]\n");
}

static void
empty_list_is_its_head(void **state)
{
	struct err err = { 0 };
	const struct listing none = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	assert_int_equal(results_set_list(&none, 0, &err), 0);
	calls = faketool_calls();
	assert_string_equal(calls,
	    "action-set [backups="
	    "backup-id             | backup-type  | backup-status\n"
	    "----------------------------------------------------]\n"
	    "action-set [json=[]]\n");
}

static void
limit_keeps_the_newest(void **state)
{
	struct err err = { 0 };
	struct listing l = sets(3);
	AUTO(free) char *calls = NULL;

	(void)state;
	assert_int_equal(results_set_list(&l, 1, &err), 0);
	free(l.line);
	calls = faketool_calls();
	assert_null(strstr(calls, "2026-01-01T00:00:01Z"));
	assert_non_null(strstr(calls, "\n2026-01-01T00:00:02Z  | -"));
	assert_non_null(strstr(calls,
	    "action-set [note=2 older sets are left out of 'backups'; "
	    "2 older sets are left out of 'json']\n"));
}

static void
limit_above_all_keeps_all(void **state)
{
	struct err err = { 0 };
	struct listing l = sets(2);
	AUTO(free) char *calls = NULL;

	(void)state;
	assert_int_equal(results_set_list(&l, 7, &err), 0);
	free(l.line);
	calls = faketool_calls();
	assert_non_null(strstr(calls, "2026-01-01T00:00:00Z"));
	assert_null(strstr(calls, "note="));
}

/* Juju's own limit is the kernel's: one byte more and exec fails. */
static void
as_many_as_fit_are_kept(void **state)
{
	struct err err = { 0 };
	struct listing l = sets(6000);
	AUTO(free) char *calls = NULL;
	char *table, *note;

	(void)state;
	assert_int_equal(results_set_list(&l, 0, &err), 0);
	free(l.line);
	calls = faketool_calls();
	assert_int_equal(strncmp(calls, "action-set [backups=", 20), 0);
	table = strstr(calls, "]\naction-set [json=");
	assert_non_null(table);
	assert_in_range(table - calls, 130900, 131071 + 20);
	assert_non_null(strstr(calls, "2026-01-01T01:39:59Z"));
	note = strstr(calls, "action-set [note=");
	assert_non_null(note);
	assert_non_null(strstr(note, " older sets are left out of 'backups'"));
	assert_non_null(strstr(note, " older sets are left out of 'json'"));
}

static void
every_allocation_may_fail(void **state)
{
	struct listing l = sets(2);
	long n = 0;

	(void)state;
	for (;; n++) {
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = results_set_list(&l, 1, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	free(l.line);
	assert_true(n > 5);
}

#define TOOL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TOOL_TEST(value_ends_with_its_text),
		TOOL_TEST(value_that_is_too_long_becomes_a_note),
		TOOL_TEST(empty_list_is_its_head),
		TOOL_TEST(limit_keeps_the_newest),
		TOOL_TEST(limit_above_all_keeps_all),
		TOOL_TEST(as_many_as_fit_are_kept),
		TOOL_TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
