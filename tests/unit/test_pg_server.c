#include "component/pg_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"

/* A standby whose answers depend on what is asked. */
static const char psql[] = "case $(tail -n 1 \"${0%/*}/calls\") in\n"
                           "*pg_is_in_recovery*) "
                           "printf 't\\t15.8\\th:1/1.5\\t0/5A\\t2\\n' ;;\n"
                           "*pg_sleep*) echo t ;;\n"
                           "*pg_database_size*) printf "
                           "'UTF8\\tC\\t1\\t8192\\tu\\t{\"t\":3}\\n' ;;\n"
                           "*datname*) printf 'pb_a\\npb_b\\n' ;;\n"
                           "esac\n";

static const char no_database[] =
    "[ \"$*\" != \"${*%ml*}\" ] || exit 0\n"
    "echo 'psql: error: FATAL:  database \"ml\" does not exist' >&2; exit 2";

struct world {
	struct config_database cfg;
	struct database_unit u;
	struct database_shape shape;
	struct buf names;
	bool reached;
	struct err err;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	w->cfg = (struct config_database){
		.primary = "h:1", .database = "ml", .username = "u"
	};
	w->names.max = w->shape.rows.max = w->shape.odd.max = 4096;
	assert_int_equal(database_unit_parse("h:1", 5432, &w->u, &w->err), 0);
	faketool_setup();
	faketool_add("psql", psql);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	faketool_teardown();
	database_unit_done(&w->u);
	database_shape_done(&w->shape);
	buf_done(&w->names);
	free(w);
	return 0;
}

static int
ask(struct world *w)
{
	return pg_server_ask(&w->cfg, &w->u, &w->err);
}

static int
reach(struct world *w)
{
	return pg_server_reach(&w->cfg, &w->u, "0/5A", 5, &w->reached, &w->err);
}

static int
look(struct world *w)
{
	w->u.role = DATABASE_REPLICA;
	database_shape_done(&w->shape);
	return pg_server_look(&w->cfg, &w->u, "ml", &w->shape, &w->err);
}

static int
make(struct world *w)
{
	return pg_server_make(&w->cfg, &w->u, "m\"l", "UTF8", &w->err);
}

static int
names(struct world *w)
{
	buf_done(&w->names);
	return pg_server_names(&w->cfg, &w->u, "pb_", &w->names, &w->err);
}

static int
drop(struct world *w)
{
	return pg_server_drop(&w->cfg, &w->u, "pb\"", &w->err);
}

static int (*const acts[])(struct world *) = { ask, reach, look, make, names,
	drop };

enum { ACTS = sizeof acts / sizeof *acts };

static void
a_server_is_asked_and_changed(void **state)
{
	struct world *w = *state;
	char *calls;

	assert_int_equal(ask(w), 0);
	assert_true(w->u.answered && w->u.healthy);
	assert_string_equal(w->u.position, "0/5A");
	assert_int_equal(reach(w), 0);
	assert_true(w->reached);
	assert_int_equal(look(w), 0);
	assert_true(w->shape.exists);
	assert_int_equal(w->shape.bytes, 8192);
	assert_string_equal(w->shape.rows.data, "\"t\":3");
	assert_non_null(strstr(w->shape.odd.data, "unlogged tables"));
	assert_int_equal(names(w), 0);
	assert_string_equal(w->names.data, "pb_a\npb_b\n");
	free(faketool_calls());
	assert_int_equal(make(w), 0);
	assert_int_equal(drop(w), 0);
	calls = faketool_calls();
	assert_non_null(strstr(calls, "CREATE DATABASE \"m\"\"l\" TEMPLATE "
	                              "template0 ENCODING 'UTF8'"));
	assert_non_null(strstr(calls, "DROP DATABASE IF EXISTS \"pb\"\"\""));
	free(calls);
}

static void
a_position_that_is_none_is_not_sent(void **state)
{
	struct world *w = *state;

	assert_int_equal(pg_server_reach(&w->cfg, &w->u, "0/5A' OR", 5,
	                     &w->reached, &w->err),
	    -1);
	assert_true(err_is(&w->err, ERR_REMOTE));
}

static void
a_database_that_is_not_there_is_told(void **state)
{
	struct world *w = *state;
	char *calls;

	faketool_add("psql", no_database);
	w->shape.exists = true;
	assert_int_equal(look(w), 0);
	assert_false(w->shape.exists);
	free(faketool_calls());
	assert_int_equal(names(w), 0); /* is asked in another database */
	calls = faketool_calls();
	assert_non_null(strstr(calls, "dbname='ml'"));
	assert_non_null(strstr(calls, "dbname='postgres'"));
	free(calls);
}

static void
answers_that_are_none_are_refused(void **state)
{
	struct world *w = *state;

	faketool_add("psql", "");
	assert_int_equal(ask(w), -1);
	assert_string_equal(w->err.msg, "the server answers nothing");
	assert_int_equal(look(w), -1);
	assert_true(err_is(&w->err, ERR_REMOTE));
	faketool_add("psql", "echo x");
	assert_int_equal(ask(w), -1);
	assert_string_equal(w->err.msg, "the server answers 'x'");
}

static void
what_the_server_says_comes_through(void **state)
{
	struct world *w = *state;

	faketool_add("psql", "echo 'psql: error: odd' >&2; exit 2");
	for (size_t i = 0; i < ACTS; i++) {
		assert_int_equal(acts[i](w), -1);
		assert_true(err_is(&w->err, ERR_REMOTE));
		assert_non_null(strstr(w->err.msg, "odd"));
	}
	assert_int_equal(make(w), -1);
	assert_non_null(strstr(w->err.msg, "cannot make database 'm\"l': make "
	                                   "it for user 'u', or choose one"));
}

static void
a_name_that_is_too_long_is_refused(void **state)
{
	struct world *w = *state;
	char name[5000];

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(pg_server_drop(&w->cfg, &w->u, name, &w->err), -1);
	assert_true(err_is(&w->err, ERR_CORRUPT));
}

static void
every_allocation_may_fail(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ACTS; i++) {
		long n = -1, all;

		do {
			int rc;

			w->err = (struct err){ 0 };
			failalloc_at(++n);
			rc = acts[i](w);
			all = failalloc_count();
			failalloc_at(-1);
			assert_true(rc == 0 || err_is(&w->err, ERR_NOMEM));
		} while (all > n);
		assert_true(n > 5);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_is_asked_and_changed),
		TEST(a_position_that_is_none_is_not_sent),
		TEST(a_database_that_is_not_there_is_told),
		TEST(answers_that_are_none_are_refused),
		TEST(what_the_server_says_comes_through),
		TEST(a_name_that_is_too_long_is_refused),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("pg_server", tests, NULL, NULL);
}
