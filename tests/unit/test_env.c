#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "juju/env.h"

static void
hook_is_read_with_its_relation(void **state)
{
	static const char *const environment[] = {
		"PATH=/bin",
		"JUJU_DISPATCH_PATH=hooks/s3-parameters-relation-changed",
		"JUJU_RELATION=s3-parameters",
		"JUJU_RELATION_ID=s3-parameters:7",
		"JUJU_REMOTE_APP=s3-integrator",
		"JUJU_REMOTE_UNIT=",
		"JUJU_UNIT_NAME=platform-backup/0",
		"JUJU_MODEL_NAME=kubeflow",
		"JUJU_MODEL_UUID=0b5c",
		"JUJU_VERSION=3.6.8",
		"JUJU_CHARM_HTTP_PROXY=http://proxy:3128",
		"JUJU_CHARM_HTTPS_PROXY=http://proxy:3129",
		"JUJU_CHARM_NO_PROXY=.svc,10.0.0.0/8",
		NULL,
	};
	struct env e;

	(void)state;
	env_read(&e, environment);
	assert_int_equal(e.kind, ENV_HOOK);
	assert_string_equal(e.name, "s3-parameters-relation-changed");
	assert_string_equal(e.relation, "s3-parameters");
	assert_string_equal(e.relation_id, "s3-parameters:7");
	assert_string_equal(e.unit, "platform-backup/0");
	assert_string_equal(e.model, "kubeflow");
	assert_string_equal(e.http_proxy, "http://proxy:3128");
	assert_string_equal(e.https_proxy, "http://proxy:3129");
	assert_string_equal(e.no_proxy, ".svc,10.0.0.0/8");
}

static void
action_is_known_by_its_folder(void **state)
{
	static const char *const environment[] = {
		"JUJU_HOOK_NAME=",
		"JUJU_DISPATCH_PATH=actions/create-backup",
		"JUJU_CHARM_HTTP_PROXY=",
		NULL,
	};
	struct env e;

	(void)state;
	env_read(&e, environment);
	assert_int_equal(e.kind, ENV_ACTION);
	assert_string_equal(e.name, "create-backup");
	assert_null(e.http_proxy);
}

static void
without_juju_there_is_nothing_to_do(void **state)
{
	static const char *const environment[] = {
		"JUJU_DISPATCH_PATHS=hooks/install",
		"PATH=/bin",
		NULL,
	};
	static const char *const elsewhere[] = {
		"JUJU_DISPATCH_PATH=/usr/bin/x",
		NULL,
	};
	struct env e;

	(void)state;
	env_read(&e, environment);
	assert_int_equal(e.kind, ENV_NONE);
	assert_null(e.name);
	env_read(&e, elsewhere);
	assert_int_equal(e.kind, ENV_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hook_is_read_with_its_relation),
		cmocka_unit_test(action_is_known_by_its_folder),
		cmocka_unit_test(without_juju_there_is_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
