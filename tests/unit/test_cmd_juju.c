#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/faketool.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/cmd_juju.h"

static int
setup(void **state)
{
	(void)state;
	faketool_setup();
	faketool_add("juju-log", "");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	faketool_teardown();
	return 0;
}

static void
hook_that_is_not_known_succeeds(void **state)
{
	const struct env env = { .kind = ENV_HOOK, .name = "future-hook" };

	(void)state;
	assert_int_equal(cmd_juju(&env), CMD_DONE);
}

static void
messages_go_to_jujus_log(void **state)
{
	const struct env env = { .kind = ENV_HOOK, .name = "start" };
	AUTO(free) char *calls = NULL;

	(void)state;
	faketool_add("is-leader", "echo 'ERROR lost' >&2; exit 1");
	faketool_add("config-get", "echo 'ERROR lost' >&2; exit 1");
	assert_int_equal(cmd_juju(&env), CMD_DONE);
	calls = faketool_calls();
	assert_non_null(strstr(calls,
	    "juju-log [--log-level] [WARNING] [--] [the related charms cannot "
	    "be told, trying again in the next hook: is-leader: lost]\n"));
}

static void
programs_of_the_charm_are_found_last(void **state)
{
	const struct env env = {
		.kind = ENV_HOOK, .name = "future-hook", .charm_dir = "/charm"
	};
	AUTO(free) char *before = NULL, *want = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(str_dup(getenv("PATH"), &before, &err), 0);
	assert_int_equal(str_printf(&want, &err, "%s:/charm/tools", before), 0);
	assert_int_equal(cmd_juju(&env), CMD_DONE);
	assert_string_equal(getenv("PATH"), want);
	assert_int_equal(setenv("PATH", before, 1), 0);
}

static void
missing_tools_are_an_error(void **state)
{
	const struct env env = { .kind = ENV_HOOK, .name = "start" };
	AUTO(free) char *calls = NULL;

	(void)state;
	assert_int_equal(cmd_juju(&env), CMD_FAILED);
	calls = faketool_calls();
	assert_non_null(strstr(calls, "juju-log [--log-level] [ERROR] [--] "
	                              "[the related charms cannot be told: "));
}

static void
action_is_told_apart(void **state)
{
	const struct env env = { .kind = ENV_ACTION, .name = "check" };
	AUTO(free) char *calls = NULL;

	(void)state;
	faketool_add("action-get", "echo 'ERROR lost' >&2; exit 1");
	faketool_add("action-fail", "");
	assert_int_equal(cmd_juju(&env), CMD_DONE);
	calls = faketool_calls();
	assert_non_null(strstr(calls, "action-fail [--] [action-get: lost]"));
}

#define TOOL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TOOL_TEST(hook_that_is_not_known_succeeds),
		TOOL_TEST(messages_go_to_jujus_log),
		TOOL_TEST(programs_of_the_charm_are_found_last),
		TOOL_TEST(missing_tools_are_an_error),
		TOOL_TEST(action_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
