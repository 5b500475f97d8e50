#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "component/component.h"

static const struct config_component mlmd = {
	.name = "mlmd",
	.type = CONFIG_SQLITE,
	.sqlite = { .path = "/data/mlmd.db", .busy_timeout_s = 60 },
};

static void
the_type_decides(void **state)
{
	struct err err = { 0 };
	AUTO(component) struct component *c = NULL;

	(void)state;
	assert_int_equal(component_open(&mlmd, NULL, "/tmp", &c, &err), 0);
	assert_string_equal(c->ops->type, "sqlite");
	assert_string_equal(c->name, "mlmd");
}

static void
nothing_may_be_freed(void **state)
{
	(void)state;
	component_free(NULL);
}

static void
no_memory_is_said(void **state)
{
	struct err err = { 0 };
	struct component *c = NULL;
	int rc;

	(void)state;
	failalloc_at(0);
	rc = component_open(&mlmd, NULL, "/tmp", &c, &err);
	failalloc_at(-1);
	assert_int_equal(rc, -1);
	assert_true(err_is(&err, ERR_NOMEM));
	assert_null(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_type_decides),
		cmocka_unit_test(nothing_may_be_freed),
		cmocka_unit_test(no_memory_is_said),
	};

	return cmocka_run_group_tests_name("component", tests, NULL, NULL);
}
