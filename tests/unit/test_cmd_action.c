#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "cmd/cmd_action.h"

static int
setup(void **state)
{
	(void)state;
	faketool_setup();
	faketool_add("action-get", "echo '{}'");
	faketool_add("action-fail", "");
	faketool_add("config-get",
	    "echo '{\"components\":\"[{name: a, type: sqlite, path: /nowhere}]"
	    "\"}'");
	faketool_add("relation-ids",
	    "case $1 in s3-parameters) echo '[\"s3-parameters:1\"]';; "
	    "*) echo '[]';; esac");
	faketool_add("relation-list", "echo '\"s3\"'");
	faketool_add("relation-get",
	    "printf '%s' '{\"access-key\":\"AK\",\"secret-key\":\"SK\","
	    "\"bucket\":\"backups\",\"endpoint\":\"http://127.0.0.1:9\"}'");
	faketool_add("storage-list", "echo '[]'");
	faketool_add("status-set", "");
	faketool_add("state-get", "echo null");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	faketool_teardown();
	return 0;
}

/* Run it; it fails with these words, and the unit's status follows. */
static void
fails_with(const char *name, const char *words)
{
	const struct env env = {
		.kind = ENV_ACTION, .name = name, .unit = "pb/0", .model = "m"
	};
	struct err err = { 0 };
	char want[512];
	AUTO(free) char *calls = NULL;

	assert_int_equal(cmd_action(&env, &err), 0);
	calls = faketool_calls();
	(void)snprintf(want, sizeof want, "action-fail [--] [%s", words);
	if (!strstr(calls, want))
		print_message("%s\n", calls);
	assert_non_null(strstr(calls, want));
	assert_null(strstr(calls, "action-set"));
}

static void
unrelated_unit_fails_with_what_to_do(void **state)
{
	(void)state;
	faketool_add("relation-ids", "echo '[]'");
	fails_with("create-backup",
	    "no place for backups: juju integrate pb s3-integrator]");
}

static void
unit_without_components_fails_with_what_to_do(void **state)
{
	(void)state;
	faketool_add("config-get", "echo '{}'");
	fails_with("create-backup", "nothing to save: juju integrate pb minio");
}

static void
unknown_action_fails(void **state)
{
	(void)state;
	fails_with("delete-everything", "unknown action 'delete-everything']");
}

static void
missing_id_fails(void **state)
{
	(void)state;
	fails_with("show-backup", "'backup-id' is empty]");
	faketool_add("action-get", "echo '{\"backup-id\":\"\"}'");
	fails_with("restore", "'backup-id' is empty]");
	faketool_add("action-get",
	    "echo '{\"backup-id\":\"a\",\"backup-uid\":\"b\"}'");
	fails_with("restore", "give either 'backup-id' or 'backup-uid']");
}

static void
what_is_meant_must_be_said(void **state)
{
	(void)state;
	fails_with("drill", "'backup-id' is empty]");
	fails_with("verify-backup", "give either 'backup-id' or 'all']");
	faketool_add("action-get", "echo '{\"backup-id\":\"x\",\"all\":true}'");
	fails_with("verify-backup", "give either 'backup-id' or 'all']");
}

static void
too_many_names_fail(void **state)
{
	char body[2048] = "echo '{\"component\":\"";
	size_t n = strlen(body);

	(void)state;
	memset(body + n, ',', 1001);
	memcpy(body + n + 1001, "\"}'", 4);
	faketool_add("action-get", body);
	fails_with("create-backup",
	    "'component' names more than 1000 components]");
}

static void
wrong_name_is_said_before_anything_is_sent(void **state)
{
	(void)state;
	faketool_add("action-get", "echo '{\"target\":\"b:v\"}'");
	fails_with("check",
	    "No backup spec found for target 'b:v' in model 'm': no "
	    "application is related to velero-backups]");
	faketool_add("action-get", "echo '{\"model\":\"m\"}'");
	fails_with("check", "'model' is given without 'target']");
	faketool_add("action-get", "echo '{\"target\":\"b\"}'");
	fails_with("check", "Invalid target format. Use 'app:endpoint']");
	faketool_add("action-get",
	    "echo '{\"target\":\"b:v\",\"component\":\"a\"}'");
	fails_with("check", "give either 'component' or 'target']");
	faketool_add("action-get", "echo '{\"component\":\" a , b\"}'");
	fails_with("check", "no component 'b' in the configuration]");
}

static void
nothing_that_stands_still_is_resumed(void **state)
{
	const struct env env = { .kind = ENV_ACTION, .name = "resume" };
	struct err err = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	faketool_add("action-set", "");
	if (cmd_action(&env, &err))
		fail_msg("%s", err.msg);
	calls = faketool_calls();
	assert_non_null(strstr(calls, "resume-status=finished"));
	assert_non_null(strstr(calls, "no component names a 'pause'"));
	assert_null(strstr(calls, "action-fail"));
	faketool_add("action-get", "echo '{\"component\":\"b\"}'");
	fails_with("resume", "no component 'b' in the configuration]");
}

static void
juju_that_does_not_answer_is_told(void **state)
{
	const struct env env = { .kind = ENV_ACTION, .name = "check" };
	struct err err = { 0 };

	(void)state;
	faketool_add("config-get", "echo 'ERROR lost' >&2; exit 1");
	fails_with("check", "config-get: lost]");
	faketool_add("action-fail", "echo 'ERROR lost' >&2; exit 1");
	assert_int_equal(cmd_action(&env, &err), -1);
	assert_string_equal(err.msg, "action-fail: lost");
}

static void
every_allocation_may_fail(void **state)
{
	const struct env env = { .kind = ENV_ACTION, .name = "none" };
	long n = 0;

	(void)state;
	faketool_add("action-get", "echo '{\"component\":\"a,b\"}'");
	for (;; n++) {
		struct err err = { 0 };
		AUTO(free) char *calls = NULL;
		int rc;

		failalloc_at(n);
		rc = cmd_action(&env, &err);
		failalloc_at(-1);
		calls = faketool_calls();
		if (rc) /* not even the failure could be told */
			assert_true(err_is(&err, ERR_NOMEM));
		else if (strstr(calls, "[unknown action 'none'"))
			break;
		else
			assert_non_null(strstr(calls, "out of memory]"));
	}
	assert_true(n > 10);
}

#define TOOL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TOOL_TEST(unrelated_unit_fails_with_what_to_do),
		TOOL_TEST(unit_without_components_fails_with_what_to_do),
		TOOL_TEST(unknown_action_fails),
		TOOL_TEST(missing_id_fails),
		TOOL_TEST(what_is_meant_must_be_said),
		TOOL_TEST(too_many_names_fail),
		TOOL_TEST(wrong_name_is_said_before_anything_is_sent),
		TOOL_TEST(nothing_that_stands_still_is_resumed),
		TOOL_TEST(juju_that_does_not_answer_is_told),
		TOOL_TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
