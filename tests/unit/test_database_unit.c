#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"

#include "base/jsonw.h"
#include "component/database_unit.h"

static struct database_unit
unit(enum database_role role, int64_t lag, const char *server)
{
	struct database_unit u = { .address = server,
		.answered = true,
		.healthy = true,
		.role = role,
		.lag_s = lag };

	(void)snprintf(u.server, sizeof u.server, "%s", server);
	(void)snprintf(u.host, sizeof u.host, "%s", server);
	return u;
}

static size_t
chosen(const struct database_unit *u, size_t n, enum config_replica policy,
    struct err *err)
{
	struct config_database cfg = { .replica = policy, .max_lag_s = 60 };
	size_t i = 99;

	*err = (struct err){ 0 };
	if (database_unit_choose(u, n, &cfg, &i, err))
		assert_int_equal(i, 99);
	return i;
}

static void
the_replica_that_is_least_behind_is_read(void **state)
{
	const struct database_unit u[] = {
		unit(DATABASE_PRIMARY, 0, "p"),
		unit(DATABASE_REPLICA, DATABASE_LAG_UNKNOWN, "a"),
		unit(DATABASE_REPLICA, 9, "b"),
		unit(DATABASE_REPLICA, 3, "c"),
		unit(DATABASE_REPLICA, 3, "d"),
		unit(DATABASE_REPLICA, DATABASE_LAG_HIDDEN, "e"),
	};
	struct err err;

	(void)state;
	assert_int_equal(chosen(u, 6, CONFIG_REPLICA_PREFERRED, &err), 3);
	assert_int_equal(chosen(u, 6, CONFIG_REPLICA_REQUIRED, &err), 3);
	assert_int_equal(chosen(u, 2, CONFIG_REPLICA_REQUIRED, &err), 1);
	assert_int_equal(chosen(u, 3, CONFIG_REPLICA_ANY, &err), 0);
}

static void
what_is_late_sick_or_silent_is_not_read(void **state)
{
	struct database_unit u[] = {
		unit(DATABASE_PRIMARY, 0, "kfp-db-primary.kubeflow.svc"),
		unit(DATABASE_REPLICA, 61, "a"),
		unit(DATABASE_REPLICA, 0, "b"),
		unit(DATABASE_REPLICA, 0, "c"),
		unit(DATABASE_REPLICA, DATABASE_LAG_HIDDEN, "d"),
	};
	struct err err;

	(void)state;
	u[2].healthy = false;
	(void)snprintf(u[2].trouble, 100, "%s", "replication is stopped");
	u[3].answered = false;
	(void)snprintf(u[3].trouble, 100, "%s", "no route");
	assert_int_equal(chosen(u, 5, CONFIG_REPLICA_PREFERRED, &err), 0);
	assert_int_equal(chosen(u, 5, CONFIG_REPLICA_REQUIRED, &err), 99);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_string_equal(err.msg,
	    "no non-primary unit: scale kfp-db to 2 units, or set 'replica: "
	    "preferred' (kfp-db-primary.kubeflow.svc: primary; a: replica, "
	    "61 s behind; b: replica, 0 s behind, not healthy: replication is "
	    "stopped; c: does not answer: no route; d: replica, behind, and "
	    "may not say by how much)");
	u[0].answered = false;
	assert_int_equal(chosen(u, 5, CONFIG_REPLICA_PREFERRED, &err), 99);
	assert_non_null(strstr(err.msg, "no unit can be read (kfp-db"));
}

static void
the_primary_is_one_server(void **state)
{
	struct database_unit u[] = {
		unit(DATABASE_REPLICA, 0, "a"),
		unit(DATABASE_PRIMARY, 0, "b"),
		unit(DATABASE_PRIMARY, 0, "b"),
		unit(DATABASE_PRIMARY, 0, "c"),
	};
	struct err err = { 0 };
	size_t i = 99;

	(void)state;
	assert_int_equal(database_unit_primary(u, 1, &i, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_int_equal(database_unit_primary(u, 3, &i, &err), 0);
	assert_int_equal(i, 1);
	assert_int_equal(database_unit_primary(u, 4, &i, &err), -1);
	assert_int_equal(err.code, ERR_CHANGED);
}

static void
an_address_has_a_host_and_a_port(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} good[] = {
		{ "db", "db", 3306 },
		{ "db:1", "db", 1 },
		{ "db.svc.cluster.local.:3307", "db.svc.cluster.local", 3307 },
		{ "[::1]:5", "::1", 5 },
		{ "[fe80::2]", "fe80::2", 3306 },
	};
	static const char *const bad[] = { "", ":1", "db:", "db:0", "db:65536",
		"a b:1", "-h:1", "/run/sock", "a\"b", "[]:1", "db:1:2" };
	struct database_unit u;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(database_unit_parse(good[i].text, 3306, &u,
		                     &err),
		    0);
		assert_string_equal(u.host, good[i].host);
		assert_int_equal(u.port, good[i].port);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(database_unit_parse(bad[i], 1, &u, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
	}
}

static void
the_answers_are_facts(void **state)
{
	struct database_unit u = unit(DATABASE_REPLICA, 4, "a");
	AUTO(buf) struct buf b = { .max = 1000 };
	struct jsonw w;
	struct err err = { 0 };

	(void)state;
	jsonw_begin(&w, &b, 0);
	jsonw_object(&w, NULL);
	database_unit_json(&u, 1, &w);
	jsonw_close(&w);
	assert_int_equal(jsonw_end(&w, &err), 0);
	assert_string_equal(b.data,
	    "{\"candidates\":[{\"address\":\"a\",\"role\":\"replica\","
	    "\"healthy\":true,\"server\":\"a\",\"lag-seconds\":4,"
	    "\"answer\":\"replica, 4 s behind\"}]}");
}

static void
no_memory_is_said(void **state)
{
	const struct database_unit u = unit(DATABASE_REPLICA, 99, "a");
	struct err err = { 0 };
	size_t i;

	(void)state;
	failalloc_at(0);
	assert_int_equal(database_unit_primary(&u, 1, &i, &err), -1);
	failalloc_at(-1);
	assert_int_equal(err.code, ERR_NOMEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_replica_that_is_least_behind_is_read),
		cmocka_unit_test(what_is_late_sick_or_silent_is_not_read),
		cmocka_unit_test(the_primary_is_one_server),
		cmocka_unit_test(an_address_has_a_host_and_a_port),
		cmocka_unit_test(the_answers_are_facts),
		cmocka_unit_test(no_memory_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
