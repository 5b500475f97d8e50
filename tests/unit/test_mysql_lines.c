#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"

#include "component/mysql_lines.h"

/* The text through the sink, `step` bytes at a time. */
static void
through(enum mysql_lines kind, const char *text, size_t step, const char *want)
{
	AUTO(sink) struct sink *s = NULL;
	struct sink *mem = NULL;
	struct err err = { 0 };
	size_t n = strlen(text), len = 0;
	const char *got;

	assert_int_equal(sink_mem_new(1 << 20, &mem, &err), 0);
	assert_int_equal(mysql_lines_sink(kind, mem, &s, &err), 0);
	for (size_t i = 0; i < n; i += step)
		assert_int_equal(sink_write(s, text + i,
		                     n - i < step ? n - i : step, &err),
		    0);
	assert_int_equal(sink_finish(s, &err), 0);
	got = sink_mem_data(mem, &len);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(got, want, len);
}

static const char dump[] =
    "-- comment DEFINER=`a`@`b`\n"
    "INSERT INTO `t` VALUES ('CREATE DEFINER=`a`@`b` ');\n"
    "/*!50013 DEFINER=`ro``ot`@`local@host` SQL SECURITY DEFINER */\n"
    "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`%`*/ /*!50003 TRIGGER x */;;\n"
    "CREATE DEFINER=`a`@`%` PROCEDURE `p`()\n"
    "CREATE DEFINER=role PROCEDURE `p`()\n"
    "/*!50106 CREATE*/ /*!50117 DEFINER=`a`@`%`*/ /*!50106 EVENT `e` ON "
    "SCHEDULE EVERY 1 DAY DISABLE ON SLAVE DO select ' DISABLE ON SLAVE ' */\n"
    "CREATE DEFINER=`cut";

static void
definers_are_left_out(void **state)
{
	static const char want[] =
	    "-- comment DEFINER=`a`@`b`\n"
	    "INSERT INTO `t` VALUES ('CREATE DEFINER=`a`@`b` ');\n"
	    "/*!50013  SQL SECURITY DEFINER */\n"
	    "/*!50003 CREATE*/ /*!50017 */ /*!50003 TRIGGER x */;;\n"
	    "CREATE  PROCEDURE `p`()\n"
	    "CREATE DEFINER=role PROCEDURE `p`()\n"
	    "/*!50106 CREATE*/ /*!50117 */ /*!50106 EVENT `e` ON "
	    "SCHEDULE EVERY 1 DAY DISABLE ON SLAVE DO select ' DISABLE ON "
	    "SLAVE ' */\n"
	    "CREATE DEFINER=`cut";

	(void)state;
	for (size_t step = 1; step < 40; step += 3)
		through(MYSQL_LINES_NO_DEFINER, dump, step, want);
	through(MYSQL_LINES_NO_DEFINER, dump, sizeof dump, want);
}

static void
events_of_a_replica_run_again(void **state)
{
	static const char in[] =
	    "/*!50106 CREATE*/ /*!50117 DEFINER=`a`@`%`*/ /*!50106 EVENT `e` "
	    "ON SCHEDULE EVERY 1 DAY DISABLE ON REPLICA DO select 1 */ ;;\n"
	    "/*!50106 CREATE*/ /*!50117 DEFINER=`a`@`%`*/ /*!50106 EVENT `f` "
	    "ON SCHEDULE EVERY 1 DAY DISABLE DO select ' DISABLE ON SLAVE '\n"
	    "CREATE DEFINER=`a`@`b` PROCEDURE `p`() -- DISABLE ON SLAVE \n";
	static const char want[] =
	    "/*!50106 CREATE*/ /*!50117 DEFINER=`a`@`%`*/ /*!50106 EVENT `e` "
	    "ON SCHEDULE EVERY 1 DAY ENABLE DO select 1 */ ;;\n"
	    "/*!50106 CREATE*/ /*!50117 DEFINER=`a`@`%`*/ /*!50106 EVENT `f` "
	    "ON SCHEDULE EVERY 1 DAY DISABLE DO select ' DISABLE ON SLAVE '\n"
	    "CREATE DEFINER=`a`@`b` PROCEDURE `p`() -- DISABLE ON SLAVE \n";

	(void)state;
	through(MYSQL_LINES_EVENTS_ON, in, 1, want);
	through(MYSQL_LINES_EVENTS_ON, in, 1000, want);
}

static void
a_line_without_an_end_passes(void **state)
{
	static char text[10001];

	(void)state;
	(void)memset(text, 'x', 10000);
	(void)memcpy(text, "CREATE DEFINER=`", 16);
	through(MYSQL_LINES_NO_DEFINER, text, 7, text);
	through(MYSQL_LINES_NO_DEFINER, "", 1, "");
	through(MYSQL_LINES_NO_DEFINER, "\n\n", 1, "\n\n");
}

static void
no_memory_frees_the_next_sink(void **state)
{
	struct sink *s = NULL, *next = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sink_null_new(&next, &err), 0);
	failalloc_at(0);
	assert_int_equal(mysql_lines_sink(MYSQL_LINES_NO_DEFINER, next, &s,
	                     &err),
	    -1);
	failalloc_at(-1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_null(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(definers_are_left_out),
		cmocka_unit_test(events_of_a_replica_run_again),
		cmocka_unit_test(a_line_without_an_end_passes),
		cmocka_unit_test(no_memory_frees_the_next_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
