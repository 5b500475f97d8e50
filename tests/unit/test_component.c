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
a_type_that_is_none_is_refused(void **state)
{
	const struct config_component odd = { .name = "odd",
		.type = (enum config_type)99 };
	struct err err = { 0 };
	struct component *c = NULL;

	(void)state;
	assert_int_equal(component_open(&odd, NULL, "/tmp", &c, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_string_equal(err.msg, "component 'odd' has no type");
}

static const struct kube_options cluster = { 0 };

static void
databases_have_no_objects(void **state)
{
	static const enum config_type types[] = { CONFIG_SQLITE, CONFIG_MYSQL,
		CONFIG_POSTGRESQL, CONFIG_KUBERNETES };

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		const struct config_component db = {
			.name = "db", .type = types[i], .kube = &cluster
		};
		AUTO(component) struct component *c = NULL;
		struct err err = { 0 };
		bool has = true;

		assert_int_equal(component_open(&db, NULL, "/tmp", &c, &err),
		    0);
		assert_int_equal(c->ops->has(c, "key", &has, &err), 0);
		assert_false(has);
	}
}

static void
every_allocation_may_fail(void **state)
{
	static const enum config_type types[] = { CONFIG_SQLITE, CONFIG_MYSQL,
		CONFIG_POSTGRESQL, CONFIG_KUBERNETES };

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		const struct config_component db = { .name = "db",
			.type = types[i] };
		struct component *c = NULL;
		struct err err = { 0 };
		int rc;

		failalloc_at(0);
		rc = component_open(&db, NULL, "/tmp", &c, &err);
		failalloc_at(-1);
		assert_int_equal(rc, -1);
		assert_true(err_is(&err, ERR_NOMEM));
		assert_null(c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_type_decides),
		cmocka_unit_test(nothing_may_be_freed),
		cmocka_unit_test(a_type_that_is_none_is_refused),
		cmocka_unit_test(databases_have_no_objects),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("component", tests, NULL, NULL);
}
