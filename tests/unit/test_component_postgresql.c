#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/database_kit.h"
#include "../lib/failalloc.h"
#include "../lib/faketool.h"

/* psql before a server of version 15; port 2 is a replica. */
static const char psql[] =
    "case $* in *--version*) echo 'psql (PostgreSQL) 15.1'; exit;; esac\n"
    "case $(tail -n 1 \"${0%/*}/calls\") in\n"
    "*pg_is_in_recovery*) [ $PGPORT = 1 ] && r=f || r=t\n"
    "  printf '%s\\t15.8\\th:%s/1.5\\t0/5A\\t2\\n' $r $PGPORT ;;\n"
    "*pg_sleep*) echo t ;;\n"
    "*pg_database_size*)\n"
    "  printf 'UTF8\\tC\\t1\\t8192\\t\\t{\"public.t\" : 3}\\n' ;;\n"
    "esac\n";

static const char dump[] =
    "case $* in *--version*) echo 'pg_dump (PostgreSQL) 15.2'; exit;; esac\n"
    "printf 'PGDMP...rows\\0\\0\\0\\0\\0'\n";

static const char restore[] =
    "case $* in *--version*) echo 'pg_restore 15.2'; exit;; esac\n"
    "printf 'BEGIN;\\nCOPY t;\\nCOMMIT;\\n\\n'\n";

static void
begin(struct database_kit *w)
{
	static const struct database_kit_tool tools[] = { { "psql", psql },
		{ "pg_dump", dump }, { "pg_restore", restore }, { 0 } };

	database_kit_begin(w, CONFIG_POSTGRESQL, tools);
}

static void
a_dump_of_the_standby_is_saved_with_facts(void **state)
{
	struct database_kit w;
	char *calls;

	(void)state;
	begin(&w);
	assert_int_equal(database_kit_backup(&w), 0);
	assert_string_equal(w.saver.kind, "pgdump");
	assert_true(w.saver.finished);
	assert_int_equal(w.saver.bytes.len, 17);
	assert_memory_equal(w.saver.bytes.data, "PGDMP...rows\0\0\0\0", 17);
	assert_non_null(strstr(w.saver.facts.data, "\"unit\":\"h:2\""));
	assert_non_null(strstr(w.saver.facts.data,
	    "\"rows-estimated\":{\"public.t\" : 3}"));
	assert_non_null(strstr(w.saver.facts.data,
	    "\"position-after\":\"0/5A\""));
	calls = faketool_calls();
	assert_null(strstr(calls, "hush"));
	assert_non_null(strstr(calls, "pg_dump [-Fc] [-Z0] [-w] [-d] "
	                              "[dbname='ml' keepalives"));
	free(calls);
	database_kit_end(&w);
}

static void
what_is_no_dump_or_half_of_one_is_refused(void **state)
{
	static const struct {
		const char *body;
		enum err_code code;
		const char *says;
	} cases[] = {
		{ "printf 'no such thing'", ERR_CORRUPT,
		    "it is no dump of pg_dump" },
		{ "printf 'PGDMP...rows'", ERR_CORRUPT, "it is not whole" },
		{ "printf 'PGDMP...rows\\0\\0\\0\\0\\0'; echo 'pg_dump: error: "
		  "terminating connection' >&2; exit 1",
		    ERR_TRANSIENT, "the server went away" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct database_kit w;
		char body[512];

		begin(&w);
		(void)snprintf(body, sizeof body,
		    "case $* in *--version*) echo 'pg_dump 15.2'; exit;; esac\n"
		    "%s",
		    cases[i].body);
		faketool_add("pg_dump", body);
		assert_int_equal(database_kit_backup(&w), -1);
		assert_int_equal(w.err.code, cases[i].code);
		assert_non_null(strstr(w.err.msg, cases[i].says));
		assert_false(w.saver.finished);
		database_kit_end(&w);
	}
}

static void
programs_that_are_missing_or_old_are_named(void **state)
{
	struct database_kit w;
	AUTO(buf) struct buf detail = { .max = 4096 };

	(void)state;
	begin(&w);
	faketool_add("pg_dump", "echo 'pg_dump (PostgreSQL) 14.9'");
	assert_int_equal(w.c->ops->check(w.c, false, &detail, &w.err), -1);
	assert_int_equal(w.err.code, ERR_IO);
	assert_string_equal(w.err.msg,
	    "pg_dump (PostgreSQL) 14.9 is too old for a server of version 15: "
	    "install the package postgresql-client-15");
	faketool_add("pg_restore", "exit 127");
	assert_int_equal(w.c->ops->check(w.c, false, &detail, &w.err), -1);
	assert_int_equal(w.err.code, ERR_IO);
	assert_string_equal(w.err.msg,
	    "the client program 'pg_restore' is not installed: install the "
	    "package postgresql-client-15");
	database_kit_end(&w);
}

static void
a_restore_is_one_transaction_on_the_primary(void **state)
{
	struct database_kit w;
	struct fake_loader l;
	char *calls, *at;

	(void)state;
	begin(&w);
	assert_int_equal(database_kit_backup(&w), 0);
	free(faketool_calls());
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	assert_int_equal(w.c->ops->restore(w.c, &l.base, &w.err), 0);
	assert_non_null(strstr(l.notes.data,
	    "database 'ml' on 'h:1' was replaced"));
	calls = faketool_calls();
	at = strstr(calls, "COPY t;");
	assert_non_null(at);
	/* that of pg_restore is cut, ours comes behind the owners */
	assert_null(strstr(at, "\nCOMMIT;\n\n"));
	at = strstr(at, "platform_backup.kept");
	assert_non_null(at);
	assert_non_null(strstr(at, "\nCOMMIT;\n"));
	free(calls);
	fake_loader_done(&l);
	database_kit_end(&w);
}

static void
what_is_damaged_is_never_committed(void **state)
{
	struct database_kit w;
	struct fake_loader l;
	char *calls;

	(void)state;
	begin(&w);
	assert_int_equal(database_kit_backup(&w), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	free(faketool_calls());
	l.cut_at = 9;
	assert_int_equal(w.c->ops->restore(w.c, &l.base, &w.err), -1);
	assert_int_equal(w.err.code, ERR_CORRUPT);
	assert_non_null(strstr(w.err.msg, "nothing was changed"));
	faketool_add("pg_restore",
	    "case $* in *--version*) echo 'pg_restore 15.2'; exit;; esac\n"
	    "printf 'BEGIN;\\nCOPY t;\\n'");
	l.cut_at = 0;
	assert_int_equal(w.c->ops->restore(w.c, &l.base, &w.err), -1);
	assert_int_equal(w.err.code, ERR_CORRUPT);
	calls = faketool_calls();
	assert_null(strstr(calls, "\nCOMMIT;\n"));
	free(calls);
	fake_loader_done(&l);
	database_kit_end(&w);
}

static void
a_newer_dump_is_refused(void **state)
{
	struct database_kit w;
	struct fake_loader l;

	(void)state;
	begin(&w);
	assert_int_equal(buf_puts(&w.saver.facts,
	                     "{\"server-version\":\"16.3\"}", &w.err),
	    0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	assert_int_equal(w.c->ops->restore(w.c, &l.base, &w.err), -1);
	assert_int_equal(w.err.code, ERR_USAGE);
	assert_non_null(strstr(w.err.msg, "16.3"));
	fake_loader_done(&l);
	database_kit_end(&w);
}

static void
the_way_back_is_a_command_whatever_the_names(void **state)
{
	struct database_kit w;
	char *calls;

	(void)state;
	begin(&w);
	w.cfg.database.safety_dump = true;
	w.cfg.name = "it's $(id) x";
	w.cfg.database.username = "o'brien $x";
	w.cfg.database.database = "m=l's \\ \"$y\"";
	database_kit_open(&w);
	calls = database_kit_way_back(&w);
	assert_non_null(strstr(calls,
	    "[-p] [1] [-h] [h] [-U] [o'brien $x] [-d] "
	    "[dbname='m=l\\'s \\\\ \"$y\"']\nPGDMP"));
	free(calls);
	database_kit_end(&w);
}

/* --- drill */

static int
drill(struct database_kit *w, struct fake_loader *l, struct buf *proof)
{
	buf_done(proof);
	w->err = (struct err){ 0 };
	return w->c->ops->drill(w->c, &l->base, proof, &w->err);
}

static void
a_dump_is_read_by_its_own_tool_where_there_is_one(void **state)
{
	AUTO(buf) struct buf proof = { .max = 4096 };
	struct database_kit w;
	struct fake_loader l;
	char *calls;

	(void)state;
	begin(&w);
	assert_int_equal(database_kit_backup(&w), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	free(faketool_calls());
	assert_int_equal(drill(&w, &l, &proof), 0);
	assert_string_equal(proof.data, "a dump of 17 B, whole, not loaded: no "
	                                "scratch server is configured");
	calls = faketool_calls();
	assert_non_null(strstr(calls, "pg_restore [--no-owner] [--no-acl] [-f] "
	                              "[-]\nPGDMP"));
	assert_null(strstr(calls, "psql"));
	free(calls);
	faketool_add("pg_restore",
	    "case $* in *--version*) echo 'pg_restore 15.2'; exit;; esac\n"
	    "echo 'pg_restore: error: out of order' >&2; exit 1");
	assert_int_equal(drill(&w, &l, &proof), -1);
	assert_non_null(strstr(w.err.msg, "out of order"));
	faketool_add("pg_restore", "exit 127"); /* it is not there */
	assert_int_equal(drill(&w, &l, &proof), 0);
	assert_non_null(strstr(proof.data, "a dump of 17 B, whole"));
	l.len -= 2;
	assert_int_equal(drill(&w, &l, &proof), -1);
	assert_non_null(strstr(w.err.msg, "it is not whole"));
	fake_loader_done(&l);
	database_kit_end(&w);
}

/* The database of a drill is there once it was made, until it is dropped. */
static const char scratch_server[] =
    "made=${0%/*}/made\n"
    "sql=$(tail -n 1 \"${0%/*}/calls\")\n"
    "case $sql in\n"
    "*left*datname*) printf 'pb_drill_1_0123abcd\\npostgres\\n'; exit;;\n"
    "*CREATE*) : >\"$made\"; exit;;\n"
    "*DROP*) rm -f \"$made\"; exit;; esac\n"
    "[ -f \"$made\" ] || case \"$* $sql\" in *pb_drill_*) "
    "echo 'FATAL:  database \"x\" does not exist' >&2; exit 2;; esac\n"
    ". \"${0%/*}/server\"\n";

static void
a_scratch_server_loads_it_and_forgets_it(void **state)
{
	AUTO(buf) struct buf proof = { .max = 4096 };
	struct database_kit w;
	struct fake_loader l;
	char *calls;

	(void)state;
	begin(&w);
	assert_int_equal(database_kit_backup(&w), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	w.cfg.drill = (struct config_database){ .primary = "h:1",
		.database = "postgres",
		.username = "d",
		.password = "hush" };
	faketool_add("server", psql);
	faketool_add("psql", scratch_server);
	free(faketool_calls());
	if (drill(&w, &l, &proof))
		fail_msg("%s", w.err.msg);
	assert_string_equal(proof.data,
	    "a dump of 17 B, whole, loads into 'h:1': 1 tables");
	calls = faketool_calls();
	assert_non_null(strstr(calls, "CREATE DATABASE \"pb_drill_"));
	assert_non_null(strstr(calls,
	    "DROP DATABASE IF EXISTS \"pb_drill_1_0123abcd\""));
	assert_non_null(strstr(strstr(calls, "COPY t;"),
	    "DROP DATABASE IF EXISTS \"pb_drill_"));
	assert_null(strstr(calls, "\"postgres\""));
	assert_null(strstr(calls, "hush"));
	free(calls);
	fake_loader_done(&l);
	database_kit_end(&w);
}

/* Every 5th: each run starts as many programs. */
static void
allocations_may_fail(void **state)
{
	struct database_kit w;
	struct fake_loader l;

	(void)state;
	begin(&w);
	w.cfg.database.replicas[0] = NULL;
	assert_int_equal(database_kit_backup(&w), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	for (int what = 0; what < 2; what++) {
		bool done = false;

		for (long n = what; !done; n += 5) {
			struct fake_saver s;
			struct err err = { 0 };

			fake_saver_init(&s, w.scratch);
			failalloc_at(n);
			done =
			    (what ? w.c->ops->restore(w.c, &l.base, &err)
			          : w.c->ops->backup(w.c, &s.base, &err)) == 0;
			failalloc_at(-1);
			fake_saver_done(&s);
			assert_true(done || err_is(&err, ERR_NOMEM));
		}
	}
	fake_loader_done(&l);
	database_kit_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_of_the_standby_is_saved_with_facts),
		cmocka_unit_test(what_is_no_dump_or_half_of_one_is_refused),
		cmocka_unit_test(programs_that_are_missing_or_old_are_named),
		cmocka_unit_test(a_restore_is_one_transaction_on_the_primary),
		cmocka_unit_test(what_is_damaged_is_never_committed),
		cmocka_unit_test(a_newer_dump_is_refused),
		cmocka_unit_test(the_way_back_is_a_command_whatever_the_names),
		cmocka_unit_test(
		    a_dump_is_read_by_its_own_tool_where_there_is_one),
		cmocka_unit_test(a_scratch_server_loads_it_and_forgets_it),
		cmocka_unit_test(allocations_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
