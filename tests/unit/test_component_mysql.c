#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/fake_saver.h"
#include "../lib/faketool.h"
#include "base/proc.h"
#include "base/str.h"
#include "component/component.h"

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

static int
sh(const char *script)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct proc p = { .argv = argv };
	struct err err = { 0 };

	return proc_run(&p, NULL, NULL, &err) ? -1 : p.status;
}

struct world {
	struct config_component cfg;
	struct component *c;
	struct fake_saver saver;
	struct err err;
	char scratch[64];
};

static void
begin(struct world *w, enum config_replica policy)
{
	*w = (struct world){ .cfg = { .name = "db",
		                 .type = CONFIG_MYSQL,
		                 .database = { .primary = "h:1",
		                     .replicas = { "h:2" },
		                     .database = "ml",
		                     .username = "u",
		                     .password = "hush",
		                     .replica = policy,
		                     .safety_dump = true,
		                     .max_lag_s = 60 } } };
	(void)snprintf(w->scratch, sizeof w->scratch, "/tmp/pb-mysql-XXXXXX");
	assert_non_null(mkdtemp(w->scratch));
	faketool_setup();
	faketool_add("mariadb", client);
	faketool_add("mariadb-dump", dumper);
	assert_int_equal(component_open(&w->cfg, NULL, w->scratch, &w->c,
	                     &w->err),
	    0);
	fake_saver_init(&w->saver, w->scratch);
}

static void
end(struct world *w)
{
	component_free(w->c);
	fake_saver_done(&w->saver);
	faketool_teardown();
	assert_int_equal(rmdir(w->scratch), 0);
}

static int
backup(struct world *w)
{
	return w->c->ops->backup(w->c, &w->saver.base, &w->err);
}

static void
a_dump_of_the_replica_is_saved_with_facts(void **state)
{
	struct world w;
	char *calls;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	assert_int_equal(backup(&w), 0);
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
	end(&w);
}

static void
a_dump_that_is_cut_is_refused(void **state)
{
	struct world w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	faketool_add("mariadb-dump",
	    "case $* in *--version*) echo MariaDB; exit;; esac; echo INSERT");
	assert_int_equal(backup(&w), -1);
	assert_int_equal(w.err.code, ERR_CORRUPT);
	assert_string_equal(w.err.msg, "database 'ml' on 'h:2': the dump has "
	                               "no end mark: it is not whole");
	assert_false(w.saver.finished);
	end(&w);
}

static void
a_dump_that_fails_says_why(void **state)
{
	struct world w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	faketool_add("mariadb-dump",
	    "case $* in *--version*) echo MariaDB; exit;; esac\n"
	    "echo '-- Dump completed'; echo 'Error 2013: Lost' >&2; exit 3");
	assert_int_equal(backup(&w), -1);
	assert_int_equal(w.err.code, ERR_TRANSIENT);
	assert_non_null(strstr(w.err.msg, "the server went away"));
	assert_false(w.saver.finished);
	end(&w);
}

static void
what_the_store_says_is_not_the_tools_fault(void **state)
{
	struct world w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	w.saver.fail_at = 10;
	assert_int_equal(backup(&w), -1);
	assert_null(strstr(w.err.msg, "program"));
	end(&w);
}

static void
a_restore_empties_and_fills_the_primary(void **state)
{
	struct world w;
	struct fake_loader l;
	char *calls;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	w.cfg.database.safety_dump = false;
	assert_int_equal(backup(&w), 0);
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
	end(&w);
}

static void
a_newer_or_another_database_is_refused(void **state)
{
	static const char *const versions[] = { "11.4.2-MariaDB", "8.0.44" };
	struct world w;

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
	end(&w);
}

/* The file of the safety dump, which is removed. */
static void
remove_safety(const char *scratch)
{
	char pattern[128];
	glob_t g;

	(void)snprintf(pattern, sizeof pattern, "%s/*", scratch);
	if (glob(pattern, 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			assert_int_equal(unlink(g.gl_pathv[i]), 0);
		globfree(&g);
	}
}

static void
the_way_back_is_a_command_whatever_the_names(void **state)
{
	struct world w;
	struct fake_loader l;
	char *command, *calls;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	component_free(w.c);
	w.cfg.name = "it's $(id) x";
	w.cfg.database.username = "o'brien $x";
	w.cfg.database.database = "-m`l's \"$y\"";
	assert_int_equal(component_open(&w.cfg, NULL, w.scratch, &w.c, &w.err),
	    0);
	assert_int_equal(backup(&w), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	assert_int_equal(w.c->ops->restore(w.c, &l.base, &w.err), 0);
	command = strstr(l.notes.data, "zstd -dc ");
	assert_non_null(command);
	command[strcspn(command, "\n")] = '\0';
	free(faketool_calls());
	assert_int_equal(sh(command), 0);
	calls = faketool_calls();
	assert_string_equal(calls,
	    "mariadb [-P] [1] [-p] [-h] [h] [-u] [o'brien $x] "
	    "[--database=-m`l's \"$y\"]\n"
	    "-- MariaDB dump\nINSERT INTO t;\n-- Dump completed\n");
	free(calls);
	remove_safety(w.scratch);
	fake_loader_done(&l);
	end(&w);
}

static void
what_cannot_be_looked_up_is_a_note(void **state)
{
	struct world w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	faketool_add("mariadb",
	    "case $(tail -n 1 \"${0%/*}/calls\") in *information_schema.COL*) "
	    "echo 'ERROR 1142 (42000): denied' >&2; exit 1;; esac\n"
	    ". \"${0%/*}/server\"");
	faketool_add("server", client);
	assert_int_equal(backup(&w), 0);
	assert_true(w.saver.finished);
	assert_non_null(strstr(w.saver.notes.data,
	    "not all that its rows refer to is looked up"));
	assert_null(strstr(w.saver.facts.data, "\"references\""));
	end(&w);
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
	struct world w;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	faketool_add("mariadb", kfp_client);
	faketool_add("server", client);
	assert_int_equal(backup(&w), 0);
	assert_string_equal(w.saver.references.data,
	    "minio://mlpipeline/pipelines/1\n");
	assert_non_null(strstr(w.saver.facts.data, "\"references\":1"));
	end(&w);
}

/* Every 17th: each run starts as many programs. */
static void
allocations_of_a_backup_may_fail(void **state)
{
	struct world w;
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
	end(&w);
}

static void
allocations_of_a_restore_may_fail(void **state)
{
	struct world w;
	struct fake_loader l;
	bool done = false;

	(void)state;
	begin(&w, CONFIG_REPLICA_PREFERRED);
	w.cfg.database.replicas[0] = NULL;
	assert_int_equal(backup(&w), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	for (long n = 0; !done; n += 17) {
		struct err err = { 0 };

		buf_clear(&l.notes);
		failalloc_at(n);
		done = w.c->ops->restore(w.c, &l.base, &err) == 0;
		failalloc_at(-1);
		assert_true(done || err_is(&err, ERR_NOMEM));
		remove_safety(w.scratch);
	}
	fake_loader_done(&l);
	end(&w);
}

static void
every_allocation_of_a_check_may_fail(void **state)
{
	struct world w;

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
	end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_of_the_replica_is_saved_with_facts),
		cmocka_unit_test(a_dump_that_is_cut_is_refused),
		cmocka_unit_test(a_dump_that_fails_says_why),
		cmocka_unit_test(what_the_store_says_is_not_the_tools_fault),
		cmocka_unit_test(a_restore_empties_and_fills_the_primary),
		cmocka_unit_test(a_newer_or_another_database_is_refused),
		cmocka_unit_test(the_way_back_is_a_command_whatever_the_names),
		cmocka_unit_test(what_cannot_be_looked_up_is_a_note),
		cmocka_unit_test(references_of_kfp_are_given_and_counted),
		cmocka_unit_test(every_allocation_of_a_check_may_fail),
		cmocka_unit_test(allocations_of_a_backup_may_fail),
		cmocka_unit_test(allocations_of_a_restore_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
