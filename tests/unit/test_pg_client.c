#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "component/pg_client.h"

static void
names_and_passwords_are_quoted(void **state)
{
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(pg_client_target("it's\\", &b, &err), 0);
	assert_string_equal(b.data, "dbname='it\\'s\\\\' keepalives_idle=30 "
	                            "keepalives_interval=10 "
	                            "keepalives_count=6");
	buf_clear(&b);
	assert_int_equal(pg_client_passwords("a:b\\c", &b, &err), 0);
	assert_string_equal(b.data, "*:*:*:*:a\\:b\\\\c\n");
}

static bool
has(const char *const *list, const char *want)
{
	for (; *list; list++)
		if (strcmp(*list, want) == 0)
			return true;
	return false;
}

static void
a_run_connects_without_a_secret_in_sight(void **state)
{
	static const char *const args[] = { "-Fc", NULL };
	const struct config_database c = {
		.username = "u", .password = "hush", .tls_ca_chain = "PEM"
	};
	const struct database_unit u = { .host = "db", .port = 5 };
	AUTO(pg_run) struct pg_run r = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(pg_client_run_init(&r, &c, &u, "pg_dump", args, "ml",
	                     &err),
	    0);
	assert_string_equal(r.argv[0], "pg_dump");
	assert_string_equal(r.argv[1], "-Fc");
	assert_string_equal(r.argv[2], "-d");
	assert_non_null(strstr(r.argv[3], "dbname='ml'"));
	assert_null(r.argv[4]);
	assert_true(has(r.env.list, "PGHOST=db"));
	assert_true(has(r.env.list, "PGPORT=5"));
	assert_true(has(r.env.list, "PGUSER=u"));
	assert_true(has(r.env.list, "PGSSLMODE=verify-full"));
	assert_true(has(r.env.list, "PGPASSFILE=/proc/self/fd/3"));
	for (size_t i = 0; r.env.list[i]; i++)
		assert_null(strstr(r.env.list[i], "hush"));
	assert_int_equal(r.proc.nfiles, 2);
	assert_string_equal(r.files[0].data, "*:*:*:*:hush\n");
}

static void
errors_say_what_to_do(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
		const char *advice;
	} cases[] = {
		{ "psql: error: FATAL:  database \"x\" does not exist\n",
		    ERR_NOTFOUND, "there is no such database" },
		{ "FATAL:  password authentication failed for user \"u\"\n",
		    ERR_DENIED, "user or password is wrong" },
		{ "pg_dump: error: ERROR:  canceling statement due to conflict "
		  "with recovery\n",
		    ERR_TRANSIENT, "hot_standby_feedback" },
		{ "pg_dump: error: server version: 16; pg_dump version: 15\n"
		  "aborting because of server version mismatch\n",
		    ERR_IO, "postgresql-client" },
		{ "something else\n", ERR_REMOTE,
		    "program 'psql' ended with status 2: something else" },
	};
	const char *const argv[] = { "psql", NULL };
	const struct proc p = { .argv = argv, .status = 2 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO(buf) struct buf b = { .max = 4096 };
		struct err err = { 0 };

		assert_int_equal(buf_puts(&b, cases[i].text, &err), 0);
		assert_int_equal(pg_client_explain(&p, &b, &err), -1);
		assert_int_equal(err.code, cases[i].code);
		assert_non_null(strstr(err.msg, cases[i].advice));
	}
}

static void
every_allocation_may_fail(void **state)
{
	static const char *const args[] = { NULL };
	const struct config_database c = { .username = "u" };
	const struct database_unit u = { .host = "db", .port = 5 };

	(void)state;
	for (long n = 0;; n++) {
		AUTO(pg_run) struct pg_run r = { 0 };
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = pg_client_run_init(&r, &c, &u, "psql", args, "d", &err);
		failalloc_at(-1);
		if (rc == 0)
			return;
		assert_int_equal(err.code, ERR_NOMEM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_passwords_are_quoted),
		cmocka_unit_test(a_run_connects_without_a_secret_in_sight),
		cmocka_unit_test(errors_say_what_to_do),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
