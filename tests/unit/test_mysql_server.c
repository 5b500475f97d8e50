#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "component/mysql_server.h"
#include "component/pg_server.h"

static void
a_replica_is_known_by_its_status(void **state)
{
	static const struct {
		const char *text;
		enum database_role role;
		bool healthy;
		int64_t lag;
	} cases[] = {
		{ "", DATABASE_PRIMARY, true, -1 },
		{ "*** 1. row ***\n  Seconds_Behind_Source: 7\n",
		    DATABASE_REPLICA, true, 7 },
		{ "  Slave_SQL_Running: No\n  Seconds_Behind_Master: NULL\n",
		    DATABASE_REPLICA, false, -1 },
		{ " Replica_IO_Running: Connecting\n Seconds_Behind_Source: 3",
		    DATABASE_REPLICA, false, 3 },
		{ "  Not_Seconds_Behind_Master: 3\n", DATABASE_PRIMARY, true,
		    -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct database_unit u = { .role = DATABASE_PRIMARY,
			.healthy = true,
			.lag_s = DATABASE_LAG_UNKNOWN };
		char text[200];

		(void)snprintf(text, sizeof text, "%s", cases[i].text);
		mysql_server_read_status(text, &u);
		assert_int_equal(u.role, cases[i].role);
		assert_int_equal(u.healthy, cases[i].healthy);
		assert_int_equal(u.lag_s, cases[i].lag);
	}
}

static void
only_positions_go_into_statements(void **state)
{
	(void)state;
	assert_true(mysql_server_is_gtid("0-1-17,1-2-3"));
	assert_true(mysql_server_is_gtid(
	    "0b438d61-e51b-11f1-97b4-02fc00000001:1-5:tag_a:7"));
	assert_false(mysql_server_is_gtid(""));
	assert_false(mysql_server_is_gtid("0-1-1'); drop table x; --"));
}

static void
names_are_quoted(void **state)
{
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(mysql_server_quote(&b, "a`b", &err), 0);
	assert_string_equal(b.data, "`a``b`");
}

static void
a_standby_is_known_by_its_answer(void **state)
{
	struct database_unit u = { .lag_s = DATABASE_LAG_UNKNOWN };
	char standby[] = "t\t15.18\t10.0.0.1:5432/17\t0/344CCA0\t12\n";
	char primary[] = "f\t16.1\t10.0.0.2:5432/18\t0/344CCA0\t12\n";
	char neither[] = "x";
	struct err err = { 0 };

	(void)state;
	failalloc_at(0);
	assert_int_equal(pg_server_read_answer((char[]){ "t\tv\ts\t0/1\t\n" },
	                     &u, &err),
	    -1);
	failalloc_at(-1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_int_equal(pg_server_read_answer(standby, &u, &err), 0);
	assert_int_equal(u.role, DATABASE_REPLICA);
	assert_int_equal(u.lag_s, 12);
	assert_string_equal(u.position, "0/344CCA0");
	assert_string_equal(u.server, "10.0.0.1:5432/17");
	u.lag_s = DATABASE_LAG_UNKNOWN;
	assert_int_equal(pg_server_read_answer(primary, &u, &err), 0);
	assert_int_equal(u.role, DATABASE_PRIMARY);
	assert_int_equal(u.lag_s, DATABASE_LAG_UNKNOWN);
	assert_int_equal(pg_server_read_answer(neither, &u, &err), -1);
	assert_int_equal(err.code, ERR_REMOTE);
	database_unit_done(&u);
}

/* --- a server as its client shows it */

static const char find[] =
    "case $* in *--version*) echo 'mysql  Ver 8'; exit;; esac\n";

static const char mysql[] =
    "case $(tail -n 1 \"${0%/*}/calls\") in\n"
    "*hostname*) printf '8.0.44\\thost\\t1\\t7\\t0\\n' ;;\n"
    "*server_uuid,*) printf 'uuid-7\\t0\\t0\\taaaa-1:1-5\\n' ;;\n"
    "*group_members*) printf 'SECONDARY\\tONLINE\\n' ;;\n"
    "*'REPLICA STATUS'*) echo '  Seconds_Behind_Source: 4' ;;\n"
    "*EXECUTED_GTID_SET*) echo 0 ;;\n"
    "*SCHEMATA*) printf 'D\\tutf8mb4\\tutf8mb4_bin\\n"
    "T\\tm\\tBASE TABLE\\tMEMORY\\tNO\\t1\\t1\\n"
    "T\\tt\\tBASE TABLE\\tInnoDB\\tYES\\t3\\t100\\n"
    "T\\tv\\tVIEW\\nR\\tf\\tFUNCTION\\thidden\\nG\\tg\\n' ;;\n"
    "esac\n";

struct world {
	struct mysql_tools tools;
	struct config_database cfg;
	struct database_unit u;
	struct database_shape shape;
	struct buf drops;
	bool reached;
	struct err err;
};

/* What stands before the answers above. */
static void
answer(const char *first)
{
	char body[2048];

	(void)snprintf(body, sizeof body, "%s%s%s", find, first, mysql);
	faketool_add("mysql", body);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	w->cfg = (struct config_database){
		.primary = "h:1", .database = "ml", .username = "u"
	};
	w->drops.max = w->shape.rows.max = w->shape.odd.max = 4096;
	assert_int_equal(database_unit_parse("h:1", 3306, &w->u, &w->err), 0);
	faketool_setup();
	faketool_add("mariadb", "exit 1"); /* not even its version */
	answer("");
	assert_int_equal(mysql_client_find(&w->tools, &w->err), 0);
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
	buf_done(&w->drops);
	free(w);
	return 0;
}

static int
ask(struct world *w)
{
	return mysql_server_ask(&w->tools, &w->cfg, &w->u, &w->err);
}

static int
reach(struct world *w)
{
	return mysql_server_reach(&w->tools, &w->cfg, &w->u, "a-1:1", 5,
	    &w->reached, &w->err);
}

static int
look(struct world *w)
{
	database_shape_done(&w->shape);
	buf_done(&w->drops);
	return mysql_server_look(&w->tools, &w->cfg, &w->u, "ml", &w->shape,
	    &w->drops, &w->err);
}

static int (*const acts[])(struct world *) = { ask, reach, look };

enum { ACTS = sizeof acts / sizeof *acts };

static void
a_member_of_a_group_has_its_role_from_there(void **state)
{
	static const struct {
		const char *answer;
		enum database_role role;
		bool healthy;
	} cases[] = {
		{ "", DATABASE_REPLICA, true },
		{ "PRIMARY\\tONLINE", DATABASE_PRIMARY, true },
		{ "SECONDARY\\tRECOVERING", DATABASE_REPLICA, false },
		{ "\\tOFFLINE", DATABASE_PRIMARY, false },
		{ "\\t", DATABASE_PRIMARY, true }, /* it is in none */
	};
	struct world *w = *state;
	char body[256];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		(void)snprintf(body, sizeof body,
		    "case $(tail -n 1 \"${0%%/*}/calls\") in\n"
		    "*group_members*) printf '%s\\n'; exit ;;\n"
		    "*STATUS*) exit ;; esac\n",
		    cases[i].answer);
		answer(*cases[i].answer ? body : "");
		assert_int_equal(ask(w), 0);
		assert_int_equal(w->u.role, cases[i].role);
		assert_int_equal(w->u.healthy, cases[i].healthy);
		assert_string_equal(w->u.server, "uuid-7");
		assert_string_equal(w->u.position, "aaaa-1:1-5");
	}
}

static void
who_may_not_look_at_groups_or_status_goes_on(void **state)
{
	struct world *w = *state;

	answer("case $(tail -n 1 \"${0%/*}/calls\") in *group_m*|*STATUS*) "
	       "echo 'ERROR 1142 (42000): denied' >&2; exit 1;; "
	       "*server_uuid,*) printf 'uuid-7\\tON\\t1\\t\\n'; exit;; esac\n");
	assert_int_equal(ask(w), 0);
	assert_int_equal(w->u.role, DATABASE_REPLICA); /* super_read_only */
	assert_false(w->u.healthy);
	assert_string_equal(w->u.trouble, "it is in offline mode");
	assert_null(w->u.position);
}

static void
a_server_that_answers_nothing_is_refused(void **state)
{
	struct world *w = *state;

	answer("case $(tail -n 1 \"${0%/*}/calls\") in *server_uuid,*) exit;; "
	       "esac\n");
	assert_int_equal(ask(w), -1);
	assert_string_equal(w->err.msg, "the server answers nothing");
	answer("exit 0\n");
	assert_int_equal(ask(w), -1);
	assert_string_equal(w->err.msg, "the server answers nothing");
	assert_int_equal(look(w), 0);
	assert_false(w->shape.exists);
}

static void
what_is_in_a_database_is_told_and_dropped(void **state)
{
	struct world *w = *state;

	assert_int_equal(look(w), 0);
	assert_true(w->shape.exists);
	assert_int_equal(w->shape.tables, 2);
	assert_int_equal(w->shape.bytes, 101);
	assert_int_equal(w->shape.programs, 2);
	assert_string_equal(w->shape.rows.data, "\"m\":1,\"t\":3");
	assert_string_equal(w->shape.odd.data, "'m' (MEMORY)");
	assert_non_null(strstr(w->shape.hidden, "the body of FUNCTION 'f'"));
	assert_string_equal(w->drops.data,
	    "DROP TABLE IF EXISTS `m`;\nDROP TABLE IF EXISTS `t`;\n"
	    "DROP VIEW IF EXISTS `v`;\nDROP FUNCTION IF EXISTS `f`;\n");
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
		assert_true(n > 4);
	}
}

/* Each text of a statement has a limit. */
static void
a_name_that_is_too_long_is_refused(void **state)
{
	char name[200];
	struct err err = { 0 };

	(void)state;
	memset(name, '`', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	for (size_t max = 0; max < 2 * sizeof name; max++) {
		AUTO(buf) struct buf b = { .max = max };

		assert_int_equal(mysql_server_quote(&b, name, &err), -1);
		assert_true(err_is(&err, ERR_CORRUPT));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_is_known_by_its_status),
		cmocka_unit_test(only_positions_go_into_statements),
		cmocka_unit_test(names_are_quoted),
		cmocka_unit_test(a_standby_is_known_by_its_answer),
		cmocka_unit_test(a_name_that_is_too_long_is_refused),
		TEST(a_member_of_a_group_has_its_role_from_there),
		TEST(who_may_not_look_at_groups_or_status_goes_on),
		TEST(a_server_that_answers_nothing_is_refused),
		TEST(what_is_in_a_database_is_told_and_dropped),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
