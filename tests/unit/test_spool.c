#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "repo/spool.h"

static void
what_went_in_is_read_in_any_order(void **state)
{
	AUTO(spool) struct spool *s = NULL;
	struct err err = { 0 };
	char got[6] = "";

	(void)state;
	assert_int_equal(spool_new("/tmp", &s, &err), 0);
	assert_true(spool_whole(s, 0));
	assert_int_equal(sink_write(spool_sink(s), "hello, ", 7, &err), 0);
	assert_false(spool_whole(s, 12));
	assert_int_equal(sink_write(spool_sink(s), "world", 5, &err), 0);
	assert_true(spool_whole(s, 12));
	assert_int_equal(spool_read(s, 7, got, 5, &err), 0);
	assert_string_equal(got, "world");
	assert_int_equal(spool_read(s, 0, got, 5, &err), 0);
	assert_string_equal(got, "hello");
	assert_int_equal(spool_read(s, 8, got, 5, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_int_equal(sink_finish(spool_sink(s), &err), 0);
	assert_int_equal(spool_read(s, 7, got, 5, &err), 0);
}

static void
where_there_is_no_folder_it_is_never_whole(void **state)
{
	AUTO(spool) struct spool *s = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(spool_new("/nonexistent/folder", &s, &err), 0);
	assert_int_equal(sink_write(spool_sink(s), "hello", 5, &err), 0);
	assert_false(spool_whole(s, 5));
	sink_free(spool_sink(s));
	spool_free(NULL);
}

static void
where_there_is_no_room_it_is_not_whole(void **state)
{
	AUTO(spool) struct spool *s = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(spool_new("/tmp", &s, &err), 0);
	assert_int_equal(sink_write(spool_sink(s), "hello", 5, &err), 0);
	failcall_at("write", 0, ENOSPC);
	assert_int_equal(sink_write(spool_sink(s), "hello", 5, &err), 0);
	assert_true(failcall_end());
	/* room again: too late */
	assert_int_equal(sink_write(spool_sink(s), "hello", 5, &err), 0);
	assert_false(spool_whole(s, 15));
}

static void
no_memory_is_said(void **state)
{
	struct spool *s = NULL;
	struct err err = { 0 };

	(void)state;
	failalloc_at(0);
	assert_int_equal(spool_new("/tmp", &s, &err), -1);
	failalloc_at(-1);
	assert_true(err_is(&err, ERR_NOMEM));
	assert_null(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_went_in_is_read_in_any_order),
		cmocka_unit_test(where_there_is_no_folder_it_is_never_whole),
		cmocka_unit_test(where_there_is_no_room_it_is_not_whole),
		cmocka_unit_test(no_memory_is_said),
	};

	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
