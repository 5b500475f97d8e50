#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/fake_saver.h"
#include "../lib/faketool.h"
#include "component/database_drill.h"

/*
 * A scratch server as its client would show it: the database of the drill is
 * there once something was loaded, and gone when it was dropped.
 */
static const char client[] =
    "here=${0%/*}/loaded\n"
    "case $* in *--version*) echo 'mariadb  Ver 15 MariaDB'; exit;;\n"
    "*--database=*) : >\"$here\"; exit;; esac\n"
    "case $(tail -n 1 \"${0%/*}/calls\") in\n"
    "*LEFT*SCHEMA_NAME*) printf 'pb_drill_1_0123abcd\\npb_drill_x\\n' ;;\n"
    "*VERSION*) printf '10.11.9-MariaDB\\thost\\t1\\t1\\t0\\n' ;;\n"
    "*gtid_current_pos*) printf '0-1-7\\nSlaves_running\\t0\\n' ;;\n"
    "*USER_PRIVILEGES*) printf '1\\t1\\n' ;;\n"
    "*DROP*) rm -f \"$here\" ;;\n"
    "*SCHEMATA*) [ ! -f \"$here\" ] || "
    "printf 'D\\tutf8mb4\\tutf8mb4_bin\\n"
    "T\\tt\\tBASE TABLE\\tInnoDB\\tYES\\t3\\t100\\n' ;;\n"
    "esac\n";

static const char dump[] =
    "-- MariaDB dump\nINSERT INTO t;\n-- Dump completed\n";

struct world {
	struct config_component cfg;
	struct component *c;
	struct fake_loader loader;
	struct buf proof;
	struct err err;
	char scratch[64];
};

static void
begin(struct world *w, const char *server)
{
	*w = (struct world){ .cfg = { .name = "db",
		                 .type = CONFIG_MYSQL,
		                 .database = { .primary = "nowhere:1",
		                     .database = "ml",
		                     .username = "u" },
		                 .drill = { .primary = server,
		                     .username = "d",
		                     .password = "hush" } },
		.proof = { .max = 4096 } };
	(void)snprintf(w->scratch, sizeof w->scratch, "/tmp/pb-drill-XXXXXX");
	assert_non_null(mkdtemp(w->scratch));
	faketool_setup();
	faketool_add("mariadb", client);
	faketool_add("mariadb-dump",
	    "case $* in *--version*) echo 'mariadb-dump MariaDB';; esac");
	assert_int_equal(component_open(&w->cfg, NULL, w->scratch, &w->c,
	                     &w->err),
	    0);
	assert_int_equal(fake_loader_init(&w->loader, NULL, w->scratch,
	                     &w->err),
	    0);
	assert_int_equal(json_parse("{\"tables\":1}", 12, &w->loader.facts,
	                     &w->err),
	    0);
	w->loader.base.facts = w->loader.facts;
	w->loader.bytes = dump;
	w->loader.len = sizeof dump - 1;
}

static void
end(struct world *w)
{
	component_free(w->c);
	fake_loader_done(&w->loader);
	buf_done(&w->proof);
	faketool_teardown();
	assert_int_equal(rmdir(w->scratch), 0);
}

static int
drill(struct world *w)
{
	return w->c->ops->drill(w->c, &w->loader.base, &w->proof, &w->err);
}

static void
a_whole_dump_is_told_from_a_cut_one(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NULL);
	assert_int_equal(drill(&w), 0);
	assert_string_equal(w.proof.data, "a dump of 49 B, whole, not loaded: "
	                                  "no scratch server is configured");
	w.loader.len -= 5;
	assert_int_equal(drill(&w), -1);
	assert_true(err_is(&w.err, ERR_CORRUPT));
	end(&w);
}

static void
a_drill_asks_no_server_that_is_in_use(void **state)
{
	struct world w;
	char *calls;

	(void)state;
	begin(&w, NULL);
	assert_int_equal(drill(&w), 0);
	calls = faketool_calls();
	assert_string_equal(calls, "");
	free(calls);
	end(&w);
}

static void
a_scratch_server_loads_it_and_forgets_it(void **state)
{
	struct world w;
	char *calls;

	(void)state;
	begin(&w, "scratch:3306");
	if (drill(&w))
		fail_msg("%s", w.err.msg);
	assert_string_equal(w.proof.data, "a dump of 49 B, whole, loads into "
	                                  "'scratch:3306': 1 tables");
	calls = faketool_calls();
	assert_non_null(strstr(calls, "--database=pb_drill_"));
	/* its own, and what an old one left; nothing else */
	assert_non_null(strstr(calls,
	    "DROP DATABASE IF EXISTS `pb_drill_1_0123abcd`"));
	assert_non_null(strstr(strstr(calls, "INSERT INTO t"),
	    "DROP DATABASE IF EXISTS"));
	assert_null(strstr(calls, "`pb_drill_x`"));
	assert_null(strstr(calls, "`ml`"));
	assert_null(strstr(calls, "hush"));
	free(calls);
	end(&w);
}

static void
a_database_that_lacks_tables_fails_and_is_dropped(void **state)
{
	struct world w;
	char *calls;

	(void)state;
	begin(&w, "scratch");
	json_free(w.loader.facts);
	assert_int_equal(json_parse("{\"tables\":2}", 12, &w.loader.facts,
	                     &w.err),
	    0);
	w.loader.base.facts = w.loader.facts;
	assert_int_equal(drill(&w), -1);
	assert_string_equal(w.err.msg, "on the scratch server 'scratch': it "
	                               "has 1 tables, 2 were saved");
	calls = faketool_calls();
	assert_non_null(strstr(strstr(calls, "INSERT INTO t"),
	    "DROP DATABASE IF EXISTS"));
	free(calls);
	end(&w);
}

static void
only_what_old_drills_left_is_swept(void **state)
{
	static const struct {
		const char *name;
		bool left;
	} cases[] = {
		{ "pb_drill_1795000000_0123abcd", true },
		{ "pb_drill_1795192000_0123abcd", false }, /* young */
		{ "pb_drill_1795000000_0123abc", false },
		{ "pb_drill_1795000000_0123abcde", false },
		{ "pb_drill_1795000000-0123abcd", false },
		{ "pb_drill__0123abcd", false },
		{ "pb_drill_17950000000000_0123abcd", false },
		{ "mlpipeline", false },
		{ "pb_drill_", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(database_drill_is_left(cases[i].name,
		                     1795192080),
		    cases[i].left);
}

static void
every_allocation_may_fail(void **state)
{
	struct world w;
	long n;

	(void)state;
	begin(&w, NULL);
	for (n = 0;; n++) {
		int rc;

		w.err = (struct err){ 0 };
		buf_clear(&w.proof);
		failalloc_at(n);
		rc = drill(&w);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&w.err, ERR_NOMEM));
	}
	assert_true(n > 1);
	end(&w);
}

/* The client, but for one answer. */
static void
answer(const char *pattern, const char *body)
{
	char text[512];

	(void)snprintf(text, sizeof text,
	    "case $* in *--version*) echo 'mariadb MariaDB'; exit;; esac\n"
	    "case $(tail -n 1 \"${0%%/*}/calls\") in %s) %s ;; esac\n"
	    ". \"${0%%/*}/server\"\n",
	    pattern, body);
	faketool_add("server", client);
	faketool_add("mariadb", text);
}

static void
a_server_that_does_not_fit_is_told(void **state)
{
	static const struct {
		const char *pattern, *body, *says;
	} cases[] = {
		{ "*gtid_current_pos*",
		    "printf '0-1-7\\nSlaves_running\\t1\\n'; exit",
		    "it takes no writes" },
		{ "*SCHEMATA*", "printf 'D\\tu\\tb\\n'; exit", "is there" },
		{ "*SCHEMATA*", "echo 'ERROR 9 (x): odd' >&2; exit 1", "odd" },
		{ "*USER_PRIV*", "echo 'ERROR 9 (x): odd' >&2; exit 1", "odd" },
		{ "*VERSION*", "echo 'ERROR 9 (x): odd' >&2; exit 1", "odd" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		char *calls;

		begin(&w, "scratch");
		answer(cases[i].pattern, cases[i].body);
		assert_int_equal(drill(&w), -1);
		assert_true(strncmp(w.err.msg, "on the scratch server 's",
		                24) == 0);
		if (!strstr(w.err.msg, cases[i].says))
			fail_msg("'%s'", w.err.msg);
		calls = faketool_calls();
		assert_null(strstr(calls, "INSERT INTO t"));
		free(calls);
		end(&w);
	}
}

static void
what_old_drills_left_is_no_obstacle(void **state)
{
	static const char *const cases[] = { "*LEFT*SCHEMA_NAME*",
		"*'DROP DATABASE IF EXISTS `pb_drill_1_'*" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world w;

		begin(&w, "scratch");
		answer(cases[i], "echo 'ERROR 9 (x): odd' >&2; exit 1");
		if (drill(&w))
			fail_msg("%s", w.err.msg);
		end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_dump_is_told_from_a_cut_one),
		cmocka_unit_test(a_drill_asks_no_server_that_is_in_use),
		cmocka_unit_test(a_scratch_server_loads_it_and_forgets_it),
		cmocka_unit_test(
		    a_database_that_lacks_tables_fails_and_is_dropped),
		cmocka_unit_test(only_what_old_drills_left_is_swept),
		cmocka_unit_test(a_server_that_does_not_fit_is_told),
		cmocka_unit_test(what_old_drills_left_is_no_obstacle),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("database_drill", tests, NULL, NULL);
}
