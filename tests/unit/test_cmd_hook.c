#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "cmd/cmd_hook.h"

static int
setup(void **state)
{
	(void)state;
	faketool_setup();
	faketool_add("is-leader", "echo false");
	faketool_add("config-get", "echo '{}'");
	faketool_add("relation-ids", "echo '[]'");
	faketool_add("storage-list", "echo '[]'");
	faketool_add("status-set", "");
	faketool_add("state-set", "echo >>\"${0%/*}/calls\"");
	faketool_add("application-version-set", "");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	faketool_teardown();
	return 0;
}

static struct env
hook(const char *name, const char *relation)
{
	return (struct env){ .kind = ENV_HOOK,
		.name = name,
		.relation = relation,
		.unit = "pb/0",
		.model = "m" };
}

static void
every_known_hook_sets_the_status(void **state)
{
	static const struct {
		const char *name, *relation;
	} hooks[] = {
		{ "install", NULL },
		{ "start", NULL },
		{ "config-changed", NULL },
		{ "leader-elected", NULL },
		{ "upgrade-charm", NULL },
		{ "update-status", NULL },
		{ "secret-changed", NULL },
		{ "scratch-storage-attached", NULL },
		{ "s3-parameters-relation-changed", "s3-parameters" },
		{ "s3-source-relation-joined", "s3-source" },
		{ "object-storage-relation-created", "object-storage" },
		{ "mysql-relation-created", "mysql" },
		{ "postgresql-relation-broken", "postgresql" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof hooks / sizeof hooks[0]; i++) {
		struct env env = hook(hooks[i].name, hooks[i].relation);
		struct err err = { 0 };
		AUTO(free) char *calls = NULL;

		assert_int_equal(cmd_hook(&env, &err), 0);
		calls = faketool_calls();
		assert_non_null(strstr(calls, "is-leader"));
		assert_non_null(strstr(calls, "[blocked] [--] [no place for "
		                              "backups"));
		assert_int_equal(strstr(calls, "application-version-set") != 0,
		    i == 0 || i == 4);
	}
}

static void
other_hooks_do_nothing(void **state)
{
	static const char *const names[] = { "stop", "remove",
		"collect-metrics", "secret-expired", "other-relation-changed" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct env env = hook(names[i], i == 4 ? "other" : NULL);
		struct err err = { 0 };
		AUTO(free) char *calls = NULL;

		assert_int_equal(cmd_hook(&env, &err), 0);
		calls = faketool_calls();
		assert_string_equal(calls, "");
	}
}

static void
what_juju_refuses_passes(void **state)
{
	static const char *const tools[] = { "application-version-set",
		"is-leader", "config-get", "relation-ids", "status-set" };
	const struct env env = hook("install", NULL);

	(void)state;
	for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
		struct err err = { 0 };

		faketool_add(tools[i], "echo 'ERROR no' >&2; exit 1");
		assert_int_equal(cmd_hook(&env, &err), 0);
	}
}

static void
without_juju_it_fails(void **state)
{
	const struct env env = hook("install", NULL);
	struct err err = { 0 };

	(void)state;
	faketool_teardown();
	faketool_setup();
	assert_int_equal(cmd_hook(&env, &err), -1);
	assert_non_null(strstr(err.msg, "only Juju can run this"));
}

static void
broken_repository_is_forgotten(void **state)
{
	struct env env = hook("s3-parameters-relation-broken", "s3-parameters");
	struct err err = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	env.relation_id = "s3-parameters:1";
	assert_int_equal(cmd_hook(&env, &err), 0);
	calls = faketool_calls();
	assert_non_null(strstr(calls, "{\"last-backup\":\"\"}"));
	assert_non_null(strstr(calls, "{\"last-failure\":\"\"}"));
}

static void
every_allocation_may_fail(void **state)
{
	const struct env env = hook("start", NULL);
	long n = 0;

	(void)state;
	for (;; n++) {
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = cmd_hook(&env, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(n > 10);
}

#define TOOL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TOOL_TEST(every_known_hook_sets_the_status),
		TOOL_TEST(other_hooks_do_nothing),
		TOOL_TEST(what_juju_refuses_passes),
		TOOL_TEST(without_juju_it_fails),
		TOOL_TEST(broken_repository_is_forgotten),
		TOOL_TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
