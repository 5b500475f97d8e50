#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "base/buf.h"
#include "component/mysql_kfp.h"

static int
note(void *arg, const char *uri, struct err *err)
{
	struct buf *b = arg;

	return buf_printf(b, err, "%s\n", uri);
}

/* The rows through the sink, `step` bytes at a time; *too_long may be NULL. */
static void
through(const char *rows, size_t step, const char *want, uint64_t *too_long)
{
	AUTO(sink) struct sink *s = NULL;
	AUTO(buf) struct buf got = { .max = 1 << 20 };
	struct mysql_kfp k = { .fn = note, .arg = &got };
	struct err err = { 0 };
	size_t n = strlen(rows);

	assert_int_equal(mysql_kfp_sink(&k, &s, &err), 0);
	for (size_t i = 0; i < n; i += step)
		assert_int_equal(sink_write(s, rows + i,
		                     n - i < step ? n - i : step, &err),
		    0);
	assert_int_equal(sink_finish(s, &err), 0);
	assert_string_equal(got.data ? got.data : "", want);
	if (too_long)
		*too_long = k.too_long;
}

static void
keys_uris_and_lists_become_uris(void **state)
{
	static const char rows[] =
	    "K\tpipelines/8a0d\n"
	    "U\ts3://other/v2/artifacts\n"
	    "J\t[\"artifacts/a.tgz\", \"artifacts/b\\\\\"c\", \"\\\\u00e9\"]\n"
	    "J\tNULL\n"
	    "J\t[]\n"
	    "K\ta\\tb\\\\c\n"
	    "K\t\n"
	    "X\tanother\n"
	    "\n"
	    "alone\n"
	    "J\t[\"\\\\u12\", \"last\"]\n"
	    "J\t[\"open\n"
	    "K\tcut";
	static const char want[] = "minio://mlpipeline/pipelines/8a0d\n"
	                           "s3://other/v2/artifacts\n"
	                           "minio://mlpipeline/artifacts/a.tgz\n"
	                           "minio://mlpipeline/artifacts/b\"c\n"
	                           "minio://mlpipeline/\xc3\xa9\n"
	                           "minio://mlpipeline/a\tb\\c\n"
	                           "minio://mlpipeline/last\n";

	(void)state;
	for (size_t step = 1; step < 20; step++)
		through(rows, step, want, NULL);
	through(rows, sizeof rows, want, NULL);
}

static void
what_is_no_key_is_counted_and_passed_over(void **state)
{
	AUTO(buf) struct buf rows = { .max = 1 << 20 };
	struct err err = { 0 };
	uint64_t too_long = 0;

	(void)state;
	assert_int_equal(buf_puts(&rows, "K\t", &err), 0);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(buf_puts(&rows, "x", &err), 0);
	assert_int_equal(buf_puts(&rows, "\nJ\t[\"", &err), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_puts(&rows, "\\\\u0041", &err), 0);
	assert_int_equal(buf_puts(&rows, "\",\"b\"]\nK\tc\n", &err), 0);
	through(rows.data, 777, "minio://mlpipeline/b\nminio://mlpipeline/c\n",
	    &too_long);
	assert_int_equal(too_long, 2);
}

/* A server that has the columns of `have`. */
static void
server(const char *have)
{
	char body[1024];

	(void)snprintf(body, sizeof body,
	    "case $* in *--version*) echo MariaDB; exit;; esac\n"
	    "case $(tail -n 1 \"${0%%/*}/calls\") in\n"
	    "*information_schema*) printf '%s' ;;\n"
	    "*) printf 'K\\tpipelines/1\\n' ;;\n"
	    "esac\n",
	    have);
	faketool_add("mariadb", body);
}

static int
read_all(struct mysql_kfp *k, struct err *err)
{
	static const struct config_database cfg = { .username = "u",
		.password = "p" };
	static const struct database_unit unit = {
		.host = "h", .port = 1, .mariadb = true
	};
	struct mysql_tools tools = { .query = { "mariadb" } };
	struct mysql_kfp_source s = { &tools, &cfg, &unit, "m`l" };

	return mysql_kfp_read(&s, k, err);
}

static void
columns_that_are_there_are_asked_for(void **state)
{
	static const struct {
		const char *have, *want, *lack;
	} cases[] = {
		{ "pipeline_versions.UUID\\nrun_details."
		  "WorkflowRuntimeManifest\\n",
		    "FROM `m``l`.pipeline_versions WHERE 1 AND 1;",
		    "PipelineRoot" },
		{ "pipeline_versions.UUID\\nrun_details.WorkflowRuntimeManifest"
		  "\\npipeline_versions.Status\\npipeline_versions."
		  "PipelineSpec\\n",
		    "WHERE Status = 'READY' AND IFNULL(PipelineSpec, '') = ''",
		    "PipelineSpecURI" },
		{ "pipeline_versions.UUID\\nrun_details.WorkflowRuntimeManifest"
		  "\\nrun_details.PipelineRuntimeManifest\\nrun_details."
		  "PipelineRoot\\nartifacts.URI\\npipeline_versions."
		  "PipelineSpecURI\\n",
		    "JSON_VALID(PipelineRuntimeManifest)", "READY" },
	};

	(void)state;
	faketool_setup();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO(buf) struct buf got = { .max = 4096 };
		struct mysql_kfp k = { .fn = note, .arg = &got };
		struct err err = { 0 };
		char *calls, *second;

		server(cases[i].have);
		assert_int_equal(read_all(&k, &err), 0);
		assert_true(k.found);
		assert_int_equal(k.count, 1);
		assert_string_equal(got.data,
		    "minio://mlpipeline/pipelines/1\n");
		calls = faketool_calls();
		second = strstr(calls, "[--quick]");
		assert_non_null(second);
		assert_non_null(strstr(second, cases[i].want));
		assert_null(strstr(second, cases[i].lack));
		free(calls);
	}
	faketool_teardown();
}

static void
another_database_is_not_read(void **state)
{
	struct mysql_kfp k = { .fn = note };
	struct err err = { 0 };
	char *calls;

	(void)state;
	faketool_setup();
	server("artifacts.URI\\npipeline_versions.UUID\\n");
	assert_int_equal(read_all(&k, &err), 0);
	assert_false(k.found);
	calls = faketool_calls();
	assert_null(strstr(calls, "[--quick]"));
	free(calls);
	faketool_teardown();
}

static void
what_was_named_before_a_failure_stays_named(void **state)
{
	AUTO(buf) struct buf got = { .max = 4096 };
	struct mysql_kfp k = { .fn = note, .arg = &got };
	struct err err = { 0 };

	(void)state;
	faketool_setup();
	faketool_add("mariadb",
	    "case $* in *--quick*) printf 'K\\ta\\nK\\tb'; echo 'ERROR 1305 "
	    "(42000) at line 9: no JSON_VALID' >&2; exit 1;; esac\n"
	    "printf 'pipeline_versions.UUID\\nrun_details."
	    "WorkflowRuntimeManifest\\n'");
	assert_int_equal(read_all(&k, &err), -1);
	assert_non_null(strstr(err.msg, "no JSON_VALID"));
	assert_true(k.found);
	assert_int_equal(k.count, 1);
	assert_string_equal(got.data, "minio://mlpipeline/a\n");
	faketool_teardown();
}

static void
every_allocation_may_fail(void **state)
{
	static const char rows[] = "K\ta\nJ\t[\"b\\\\\"c\"]\n";

	(void)state;
	for (long n = 0;; n++) {
		AUTO(sink) struct sink *s = NULL;
		AUTO(buf) struct buf got = { .max = 4096 };
		struct mysql_kfp k = { .fn = note, .arg = &got };
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = mysql_kfp_sink(&k, &s, &err);
		if (rc == 0)
			rc = sink_write(s, rows, sizeof rows - 1, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_int_equal(err.code, ERR_NOMEM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_uris_and_lists_become_uris),
		cmocka_unit_test(what_is_no_key_is_counted_and_passed_over),
		cmocka_unit_test(columns_that_are_there_are_asked_for),
		cmocka_unit_test(another_database_is_not_read),
		cmocka_unit_test(what_was_named_before_a_failure_stays_named),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
