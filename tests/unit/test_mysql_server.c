#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_is_known_by_its_status),
		cmocka_unit_test(only_positions_go_into_statements),
		cmocka_unit_test(names_are_quoted),
		cmocka_unit_test(a_standby_is_known_by_its_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
