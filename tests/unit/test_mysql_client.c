#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "component/mysql_client.h"

static const struct database_unit unit = { .host = "db", .port = 3306 };

static void
options(const struct config_database *c, enum mysql_vendor v, const char *want)
{
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	assert_int_equal(mysql_client_options(c, &unit, v, &b, &err), 0);
	assert_string_equal(b.data, want);
}

static void
the_option_file_connects(void **state)
{
	struct config_database c = { .username = "u", .password = "a\"#\\b" };

	(void)state;
	options(&c, MYSQL_MARIADB,
	    "[client]\nprotocol=tcp\nhost=\"db\"\nport=3306\nuser=\"u\"\n"
	    "password=\"a\\\"#\\\\b\"\ndefault-character-set=utf8mb4\n"
	    "loose-ssl-verify-server-cert=0\n");
	c.password = NULL;
	c.tls_ca_chain = "PEM";
	options(&c, MYSQL_ORACLE,
	    "[client]\nprotocol=tcp\nhost=\"db\"\nport=3306\nuser=\"u\"\n"
	    "default-character-set=utf8mb4\nssl-mode=VERIFY_IDENTITY\n"
	    "ssl-ca=/proc/self/fd/4\n");
	c.tls = CONFIG_TLS_OFF;
	options(&c, MYSQL_MARIADB,
	    "[client]\nprotocol=tcp\nhost=\"db\"\nport=3306\nuser=\"u\"\n"
	    "default-character-set=utf8mb4\nssl=0\n");
	c.tls = CONFIG_TLS_ON;
	c.tls_ca_chain = NULL;
	options(&c, MYSQL_ORACLE,
	    "[client]\nprotocol=tcp\nhost=\"db\"\nport=3306\nuser=\"u\"\n"
	    "default-character-set=utf8mb4\nssl-mode=REQUIRED\n");
}

static void
line(const char *const *argv, const char *want)
{
	char text[1024];
	size_t n = 0;

	for (size_t i = 0; argv[i]; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s",
		    i ? " " : "", argv[i]);
	assert_string_equal(text, want);
}

static void
command_lines_hold_no_secret(void **state)
{
	const char *argv[32];

	(void)state;
	mysql_client_dump_argv("mariadb-dump", MYSQL_MARIADB, "-ml", argv);
	line(argv,
	    "mariadb-dump --defaults-file=/proc/self/fd/3 "
	    "--single-transaction --quick --routines --triggers --events "
	    "--hex-blob --no-tablespaces --skip-add-locks "
	    "--max-allowed-packet=1G -- -ml");
	mysql_client_dump_argv("mysqldump", MYSQL_ORACLE, "ml", argv);
	line(argv,
	    "mysqldump --defaults-file=/proc/self/fd/3 "
	    "--single-transaction --quick --routines --triggers --events "
	    "--hex-blob --no-tablespaces --skip-add-locks "
	    "--max-allowed-packet=1G --set-gtid-purged=OFF "
	    "--column-statistics=0 -- ml");
	mysql_client_query_argv("mysql", argv);
	line(argv, "mysql --defaults-file=/proc/self/fd/3 --batch "
	           "--skip-column-names --no-auto-rehash --connect-timeout=10");
	mysql_client_load_argv("mysql", "--database=a b", argv);
	line(argv,
	    "mysql --defaults-file=/proc/self/fd/3 --batch --binary-mode "
	    "--no-auto-rehash --connect-timeout=10 --max-allowed-packet=1G "
	    "--database=a b");
}

static void
the_number_of_an_error_is_found(void **state)
{
	(void)state;
	assert_int_equal(mysql_client_code("ERROR 1045 (28000): no"), 1045);
	assert_int_equal(
	    mysql_client_code("mysqldump: Got error: 1049: \"Unknown\""), 1049);
	assert_int_equal(mysql_client_code("mysqldump: Error 2013: Lost"),
	    2013);
	assert_int_equal(mysql_client_code("Couldn't execute 'x': no (1227)"),
	    1227);
	assert_int_equal(mysql_client_code("ERROR 12345 or (123)"), 0);
	assert_int_equal(mysql_client_code(""), 0);
}

static enum err_code
explained(const char *text, char msg[1600])
{
	const char *const argv[] = { "mariadb", NULL };
	const struct proc p = { .argv = argv, .status = 1 };
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	assert_int_equal(buf_puts(&b, text, &err), 0);
	assert_int_equal(mysql_client_explain(&p, &b, &err), -1);
	(void)snprintf(msg, 1600, "%s", err.msg);
	return err.code;
}

static void
the_last_line_tells_where_no_other_does(void **state)
{
	char msg[1600];

	(void)state;
	(void)explained("first\nand\tlast\n", msg);
	assert_non_null(strstr(msg, "and last"));
	assert_null(strstr(msg, "first"));
	(void)explained("", msg);
	assert_non_null(strstr(msg, "it does not say why"));
}

static void
errors_say_what_to_do(void **state)
{
	char msg[1600];

	(void)state;
	assert_int_equal(explained("Warning: old\nERROR 3032 (HY000): The "
	                           "server is currently in offline mode\n",
	                     msg),
	    ERR_TRANSIENT);
	assert_non_null(strstr(msg, "the unit is in offline mode"));
	assert_null(strstr(msg, "Warning"));
	assert_int_equal(explained("INSERT 'FATAL secret (1045)'\n------\n\n"
	                           "ERROR 2006 (HY000) at line 3: gone\n",
	                     msg),
	    ERR_TRANSIENT);
	assert_null(strstr(msg, "secret"));
	assert_int_equal(explained("mariadb-dump: Error 2026: TLS/SSL error: "
	                           "unexpected eof while reading",
	                     msg),
	    ERR_TRANSIENT);
	assert_int_equal(explained("ERROR 2026 (HY000): certificate verify",
	                     msg),
	    ERR_DENIED);
	assert_int_equal(explained("ERROR 2059 (HY000): plugin", msg), ERR_IO);
	assert_int_equal(explained("x has insufficient privileges to", msg),
	    ERR_DENIED);
	assert_int_equal(explained("", msg), ERR_REMOTE);
	assert_string_equal(msg, "program 'mariadb' ended with status 1: it "
	                         "does not say why");
}

static void
rows_are_cut_and_unescaped(void **state)
{
	char text[] = "a\\tb\tc\\nd\\\\\t\ne\nf\tg\th\ti";
	char *cursor = text, *f[3];

	(void)state;
	assert_true(mysql_client_row(&cursor, f, 3));
	assert_string_equal(f[0], "a\tb");
	assert_string_equal(f[1], "c\nd\\");
	assert_string_equal(f[2], "");
	assert_true(mysql_client_row(&cursor, f, 3));
	assert_string_equal(f[0], "e");
	assert_string_equal(f[1], "");
	assert_true(mysql_client_row(&cursor, f, 3));
	assert_string_equal(f[2], "h");
	assert_false(mysql_client_row(&cursor, f, 3));
	cursor = NULL;
	assert_false(mysql_client_row(&cursor, f, 3));
	assert_int_equal(mysql_client_unescaped('0'), ' ');
}

/* As an old client of MySQL does not know how MySQL 8 wants a password. */
static void
what_one_program_cannot_the_other_may(void **state)
{
	const struct config_database c = { .username = "u" };
	struct mysql_tools t = { .query = { "mariadb", "mysql" } };
	AUTO(buf) struct buf rows = { .max = 4096 };
	struct err err = { 0 };

	(void)state;
	faketool_setup();
	faketool_add("mariadb",
	    "echo half; echo 'ERROR 2059 (HY000): plugin' >&2; exit 1");
	faketool_add("mysql", "echo 8.0.44");
	assert_int_equal(mysql_client_query(&t, &c, &unit, "x", &rows, &err),
	    0);
	assert_string_equal(rows.data, "8.0.44\n");
	t.query[1] = NULL;
	assert_int_equal(mysql_client_query(&t, &c, &unit, "x", &rows, &err),
	    -1);
	assert_int_equal(err.code, ERR_IO);
	faketool_teardown();
}

static void
the_program_that_fits_is_taken(void **state)
{
	const char *both[2] = { "mariadb", "mysql" }, *one[2] = { NULL, "m" },
	           *none[2] = { NULL, NULL };
	enum mysql_vendor v;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(mysql_client_fit(both, true, "x", &v, &err), 0);
	assert_int_equal(v, MYSQL_MARIADB);
	assert_int_equal(mysql_client_fit(both, false, "x", &v, &err), 0);
	assert_int_equal(v, MYSQL_ORACLE);
	assert_int_equal(mysql_client_fit(one, true, "x", &v, &err), 0);
	assert_int_equal(v, MYSQL_ORACLE);
	assert_int_equal(mysql_client_fit(none, true, "mysql", &v, &err), -1);
	assert_string_equal(err.msg,
	    "the client program 'mysql' is not installed: install the package "
	    "mariadb-client or mysql-client");
}

static void
every_allocation_may_fail(void **state)
{
	const struct config_database c = { .username = "u", .password = "p" };

	(void)state;
	for (long n = 0;; n++) {
		AUTO(mysql_run) struct mysql_run r = { 0 };
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = mysql_client_run_init(&r, &c, &unit, MYSQL_ORACLE, &err);
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
		cmocka_unit_test(the_option_file_connects),
		cmocka_unit_test(command_lines_hold_no_secret),
		cmocka_unit_test(the_number_of_an_error_is_found),
		cmocka_unit_test(the_last_line_tells_where_no_other_does),
		cmocka_unit_test(errors_say_what_to_do),
		cmocka_unit_test(rows_are_cut_and_unescaped),
		cmocka_unit_test(what_one_program_cannot_the_other_may),
		cmocka_unit_test(the_program_that_fits_is_taken),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
