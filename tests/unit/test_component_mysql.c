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
#include "base/str.h"

/* A server of MariaDB as its client would show it; port 2 is a replica. */
static const char client[] =
    "case $* in *--version*) echo 'mariadb  Ver 15 MariaDB'; exit;; esac\n"
    "one=$(grep -c 'port=1$' /proc/self/fd/3)\n"
    "case $(tail -n 1 \"${0%/*}/calls\") in\n"
    "*VERSION*) printf '10.11.9-MariaDB\\thost\\t%s\\t1\\t%s\\n' $one "
    "$((1 - one)) ;;\n"
    "*gtid_current_pos*) printf '0-1-7\\nSlaves_running\\t%s\\n' "
    "$((1 - one)) ;;\n"
    "*MASTER_GTID_WAIT*) echo 0 ;;\n"
    "*SCHEMATA*) printf 'D\\tutf8mb4\\tutf8mb4_bin\\n"
    "T\\tt\\tBASE TABLE\\tInnoDB\\tYES\\t3\\t100\\n' ;;\n"
    "*USER_PRIVILEGES*) printf '0\\t1\\n' ;;\n"
    "esac\n";

static const char dumper[] =
    "case $* in *--version*) echo 'mariadb-dump Ver MariaDB'; exit;; esac\n"
    "printf -- '-- MariaDB dump\\nINSERT INTO t;\\n-- Dump completed\\n'\n";

#define QUIET_DUMPER(before) \
	"case $* in *--version*) echo MariaDB; exit;; esac\n" before "; exit 2"

static void
begin(struct database_kit *w, enum config_replica policy)
{
	static const struct database_kit_tool tools[] = { { "mariadb", client },
		{ "mariadb-dump", dumper }, { 0 } };

	database_kit_begin(w, CONFIG_MYSQL, tools);
	w->cfg.database.replica = policy;
	w->cfg.database.safety_dump = true;
	database_kit_open(w);
}

static void
a_dump_of_the_replica_is_saved_with_facts(void **state)
{
	struct database_kit w;
	char *calls;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	assert_int_equal(database_kit_backup(&w), 0);
	assert_string_equal(w.saver.kind, "sql");
	assert_true(w.saver.finished);
	assert_non_null(strstr(w.saver.bytes.data, "INSERT INTO t"));
	assert_non_null(strstr(w.saver.facts.data, "\"unit\":\"h:2\""));
	assert_non_null(strstr(w.saver.facts.data, "\"role\":\"replica\""));
	assert_non_null(strstr(w.saver.facts.data,
	    "\"position-before\":\"0-1-7\""));
	assert_non_null(strstr(w.saver.facts.data,
	    "\"rows-estimated\":{\"t\":3}"));
	assert_int_equal(w.saver.degraded.len, 0);
	calls = faketool_calls();
	assert_null(strstr(calls, "hush"));
	free(calls);
	database_kit_end(&w);
}

static void
a_dump_that_is_cut_is_refused(void **state)
{
	struct database_kit w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	faketool_add("mariadb-dump",
	    "case $* in *--version*) echo MariaDB; exit;; esac; echo INSERT");
	assert_int_equal(database_kit_backup(&w), -1);
	assert_int_equal(w.err.code, ERR_CORRUPT);
	assert_string_equal(w.err.msg, "database 'ml' on 'h:2': the dump has "
	                               "no end mark: it is not whole");
	assert_false(w.saver.finished);
	database_kit_end(&w);
}

static void
a_dump_that_fails_says_why(void **state)
{
	struct database_kit w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	faketool_add("mariadb-dump",
	    "case $* in *--version*) echo MariaDB; exit;; esac\n"
	    "echo '-- Dump completed'; echo 'Error 2013: Lost' >&2; exit 3");
	assert_int_equal(database_kit_backup(&w), -1);
	assert_int_equal(w.err.code, ERR_TRANSIENT);
	assert_non_null(strstr(w.err.msg, "the server went away"));
	assert_false(w.saver.finished);
	database_kit_end(&w);
}

static void
a_dump_that_says_nothing_has_the_server_asked(void **state)
{
	struct database_kit w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	faketool_add("mariadb-dump",
	    QUIET_DUMPER("echo 'echo \"ERROR 2002 (HY000): no\" >&2; exit 1' "
	                 ">\"${0%/*}/mariadb\""));
	assert_int_equal(database_kit_backup(&w), -1);
	assert_int_equal(w.err.code, ERR_TRANSIENT);
	assert_non_null(strstr(w.err.msg, "the server went away: program "));
	assert_non_null(strstr(w.err.msg, "(ERROR 2002 (HY000): no)"));
	database_kit_end(&w);

	begin(&w, CONFIG_REPLICA_PREFERRED);
	faketool_add("mariadb-dump", QUIET_DUMPER(":"));
	assert_int_equal(database_kit_backup(&w), -1);
	assert_int_equal(w.err.code, ERR_REMOTE);
	assert_non_null(strstr(w.err.msg,
	    "ended with status 2: it does not say why"));
	database_kit_end(&w);
}

static void
what_the_store_says_is_not_the_tools_fault(void **state)
{
	struct database_kit w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	w.saver.fail_at = 10;
	assert_int_equal(database_kit_backup(&w), -1);
	assert_null(strstr(w.err.msg, "program"));
	database_kit_end(&w);
}

static void
a_restore_empties_and_fills_the_primary(void **state)
{
	struct database_kit w;
	struct fake_loader l;
	char *calls;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	w.cfg.database.safety_dump = false;
	assert_int_equal(database_kit_backup(&w), 0);
	free(faketool_calls());
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	assert_int_equal(w.c->ops->restore(w.c, &l.base, &w.err), 0);
	calls = faketool_calls();
	assert_non_null(strstr(calls, "[--database=ml]\n"
	                              "SET FOREIGN_KEY_CHECKS=0;\n"
	                              "DROP TABLE IF EXISTS `t`;\n"
	                              "-- MariaDB dump\nINSERT INTO t;\n"));
	assert_non_null(strstr(l.notes.data,
	    "database 'ml' on 'h:1' was replaced"));
	free(calls);
	l.base.dry_run = true;
	assert_int_equal(w.c->ops->restore(w.c, &l.base, &w.err), 0);
	calls = faketool_calls();
	assert_null(strstr(calls, "DROP TABLE"));
	free(calls);
	l.base.dry_run = false;
	l.cut_at = 5;
	assert_int_equal(w.c->ops->restore(w.c, &l.base, &w.err), -1);
	assert_int_equal(w.err.code, ERR_CORRUPT);
	calls = faketool_calls();
	assert_null(strstr(calls, "DROP TABLE"));
	free(calls);
	fake_loader_done(&l);
	database_kit_end(&w);
}

static void
a_newer_or_another_database_is_refused(void **state)
{
	static const char *const versions[] = { "11.4.2-MariaDB", "8.0.44" };
	struct database_kit w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	for (size_t i = 0; i < 2; i++) {
		struct fake_loader l;

		buf_clear(&w.saver.facts);
		assert_int_equal(buf_printf(&w.saver.facts, &w.err,
		                     "{\"server-version\":\"%s\"}",
		                     versions[i]),
		    0);
		assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch,
		                     &w.err),
		    0);
		assert_int_equal(w.c->ops->restore(w.c, &l.base, &w.err), -1);
		assert_int_equal(w.err.code, ERR_USAGE);
		assert_non_null(strstr(w.err.msg, versions[i]));
		fake_loader_done(&l);
	}
	database_kit_end(&w);
}

static void
the_way_back_is_a_command_whatever_the_names(void **state)
{
	struct database_kit w;
	char *calls;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	w.cfg.name = "it's $(id) x";
	w.cfg.database.username = "o'brien $x";
	w.cfg.database.database = "-m`l's \"$y\"";
	database_kit_open(&w);
	calls = database_kit_way_back(&w);
	assert_string_equal(calls,
	    "mariadb [-P] [1] [-p] [-h] [h] [-u] [o'brien $x] "
	    "[--database=-m`l's \"$y\"]\n"
	    "-- MariaDB dump\nINSERT INTO t;\n-- Dump completed\n");
	free(calls);
	database_kit_end(&w);
}

static void
what_cannot_be_looked_up_is_a_note(void **state)
{
	struct database_kit w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	faketool_add("mariadb",
	    "case $(tail -n 1 \"${0%/*}/calls\") in *information_schema.COL*) "
	    "echo 'ERROR 1142 (42000): denied' >&2; exit 1;; esac\n"
	    ". \"${0%/*}/server\"");
	faketool_add("server", client);
	assert_int_equal(database_kit_backup(&w), 0);
	assert_true(w.saver.finished);
	assert_non_null(strstr(w.saver.notes.data,
	    "not all that its rows refer to is looked up"));
	assert_null(strstr(w.saver.facts.data, "\"references\""));
	database_kit_end(&w);
}

static const char kfp_client[] =
    "case $* in *--quick*) printf 'K\\tpipelines/1\\n'; exit;; esac\n"
    "case $(tail -n 1 \"${0%/*}/calls\") in *information_schema.COL*) "
    "printf 'pipeline_versions.UUID\\nrun_details."
    "WorkflowRuntimeManifest\\n'; exit;; esac\n"
    ". \"${0%/*}/server\"";

static void
references_of_kfp_are_given_and_counted(void **state)
{
	struct database_kit w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	faketool_add("mariadb", kfp_client);
	faketool_add("server", client);
	assert_int_equal(database_kit_backup(&w), 0);
	assert_string_equal(w.saver.references.data,
	    "minio://mlpipeline/pipelines/1\n");
	assert_non_null(strstr(w.saver.facts.data, "\"references\":1"));
	database_kit_end(&w);
}

static void
references_too_long_for_a_key_are_a_note(void **state)
{
	struct database_kit w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	faketool_add("mariadb",
	    "case $* in *--quick*) printf 'K\\t%020000d\\n' 1; exit;; esac\n"
	    "case $(tail -n 1 \"${0%/*}/calls\") in *information_schema.COL*) "
	    "printf 'pipeline_versions.UUID\\nrun_details."
	    "WorkflowRuntimeManifest\\n'; exit;; esac\n"
	    ". \"${0%/*}/server\"");
	faketool_add("server", client);
	assert_int_equal(database_kit_backup(&w), 0);
	assert_non_null(strstr(w.saver.notes.data,
	    "1 references are too long to be keys"));
	assert_int_equal(w.saver.references.len, 0);
	database_kit_end(&w);
}

static void
a_server_that_tells_no_rights_is_not_emptied(void **state)
{
	struct database_kit w;
	struct fake_loader l;
	char *calls;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	assert_int_equal(database_kit_backup(&w), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	free(faketool_calls());
	faketool_add("mariadb",
	    "case $(tail -n 1 \"${0%/*}/calls\") in *USER_PRIVILEGES*) "
	    "exit;; esac\n"
	    ". \"${0%/*}/server\"");
	faketool_add("server", client);
	assert_int_equal(w.c->ops->restore(w.c, &l.base, &w.err), -1);
	assert_non_null(strstr(w.err.msg, "the server answers nothing"));
	calls = faketool_calls();
	assert_null(strstr(calls, "DROP TABLE"));
	free(calls);
	fake_loader_done(&l);
	database_kit_end(&w);
}

/* Every 17th: each run starts as many programs. */
static void
allocations_of_a_backup_may_fail(void **state)
{
	struct database_kit w;
	bool done = false;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	w.cfg.database.replicas[0] = NULL;
	faketool_add("mariadb", kfp_client);
	faketool_add("server", client);
	for (long n = 0; !done; n += 17) {
		struct err err = { 0 };

		fake_saver_done(&w.saver);
		fake_saver_init(&w.saver, w.scratch);
		failalloc_at(n);
		done = w.c->ops->backup(w.c, &w.saver.base, &err) == 0;
		failalloc_at(-1);
		assert_true(done || err_is(&err, ERR_NOMEM));
		assert_true(done || !w.saver.finished ||
		            w.saver.facts.len == 0);
	}
	database_kit_end(&w);
}

static void
allocations_of_a_restore_may_fail(void **state)
{
	struct database_kit w;
	struct fake_loader l;
	bool done = false;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	w.cfg.database.replicas[0] = NULL;
	assert_int_equal(database_kit_backup(&w), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	for (long n = 0; !done; n += 17) {
		struct err err = { 0 };

		buf_clear(&l.notes);
		failalloc_at(n);
		done = w.c->ops->restore(w.c, &l.base, &err) == 0;
		failalloc_at(-1);
		assert_true(done || err_is(&err, ERR_NOMEM));
		database_kit_tidy(&w);
	}
	fake_loader_done(&l);
	database_kit_end(&w);
}

static void
every_allocation_of_a_check_may_fail(void **state)
{
	struct database_kit w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	w.cfg.database.replicas[0] = NULL;
	for (long n = 0;; n++) {
		AUTO(buf) struct buf detail = { .max = 4096 };
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = w.c->ops->check(w.c, false, &detail, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_int_equal(err.code, ERR_NOMEM);
	}
	database_kit_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_of_the_replica_is_saved_with_facts),
		cmocka_unit_test(a_dump_that_is_cut_is_refused),
		cmocka_unit_test(a_dump_that_fails_says_why),
		cmocka_unit_test(a_dump_that_says_nothing_has_the_server_asked),
		cmocka_unit_test(what_the_store_says_is_not_the_tools_fault),
		cmocka_unit_test(a_restore_empties_and_fills_the_primary),
		cmocka_unit_test(a_newer_or_another_database_is_refused),
		cmocka_unit_test(the_way_back_is_a_command_whatever_the_names),
		cmocka_unit_test(what_cannot_be_looked_up_is_a_note),
		cmocka_unit_test(references_of_kfp_are_given_and_counted),
		cmocka_unit_test(references_too_long_for_a_key_are_a_note),
		cmocka_unit_test(a_server_that_tells_no_rights_is_not_emptied),
		cmocka_unit_test(every_allocation_of_a_check_may_fail),
		cmocka_unit_test(allocations_of_a_backup_may_fail),
		cmocka_unit_test(allocations_of_a_restore_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
