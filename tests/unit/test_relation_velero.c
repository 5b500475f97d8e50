#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/tree_json.h"
#include "juju/relation_velero.h"

#define BAG(spec)                                                       \
	"{\"app\":\"mlmd\",\"relation_name\":\"velero-backup-config\"," \
	"\"model\":\"kubeflow\",\"spec\":\"" spec "\"}"
#define ALL                                                                 \
	BAG("{\\\"include_namespaces\\\":[\\\"kubeflow\\\"],"               \
	    "\\\"include_resources\\\":[\\\"pvc\\\",\\\"pv\\\"],"           \
	    "\\\"exclude_namespaces\\\":null,\\\"exclude_resources\\\":[]," \
	    "\\\"label_selector\\\":{\\\"a/b\\\":\\\"mlmd\\\"},"            \
	    "\\\"ttl\\\":null,\\\"include_cluster_resources\\\":false}")

static struct json *
parse(const char *text)
{
	struct json *j = NULL;
	struct err err = { 0 };

	if (json_parse(text, strlen(text), &j, &err))
		fail_msg("%s", err.msg);
	return j;
}

static void
a_spec_becomes_a_component(void **state)
{
	AUTO(json) struct json *bag = parse(ALL);
	AUTO(tree) struct tree *map = NULL;
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(relation_velero_decode("v:1", bag, &map, &err), 0);
	assert_int_equal(tree_json_write(map, &b, &err), 0);
	assert_string_equal(b.data,
	    "{\"name\":\"mlmd-velero-backup-config\",\"type\":\"kubernetes\","
	    "\"include-namespaces\":[\"kubeflow\"],\"include-resources\":["
	    "\"pvc\",\"pv\"],\"label-selector\":{\"a/b\":\"mlmd\"},"
	    "\"include-cluster-resources\":false}");
}

static void
nothing_said_asks_for_nothing(void **state)
{
	static const char *const bags[] = { "{}", "{\"app\":\"mlmd\"}",
		BAG("") };

	(void)state;
	for (size_t i = 0; i < sizeof bags / sizeof *bags; i++) {
		AUTO(json) struct json *bag = parse(bags[i]);
		AUTO(tree) struct tree *map = NULL;
		struct err err = { 0 };

		assert_int_equal(relation_velero_decode("v:1", bag, &map, &err),
		    0);
		assert_null(map);
	}
}

static void
nulls_say_nothing_and_true_is_true(void **state)
{
	AUTO(json)
	struct json *bag =
	    parse(BAG("{\\\"label_selector\\\":null,"
	              "\\\"include_cluster_resources\\\":null}"));
	AUTO(json)
	struct json *all =
	    parse(BAG("{\\\"include_cluster_resources\\\":true}"));
	AUTO(tree) struct tree *map = NULL, *yes = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(relation_velero_decode("v:1", bag, &map, &err), 0);
	assert_null(tree_get(map, "include-cluster-resources"));
	assert_null(tree_get(map, "label-selector"));
	assert_int_equal(relation_velero_decode("v:1", all, &yes, &err), 0);
	assert_string_equal(tree_text(yes, "include-cluster-resources"),
	    "true");
}

static void
names_are_cut(void **state)
{
	AUTO(json)
	struct json *bag = parse(
	    "{\"app\":\"a234567890123456789012345678901234567890\","
	    "\"relation_name\":\"b23456789012345678901234567890\",\"spec\":"
	    "\"{}\"}");
	AUTO(tree) struct tree *map = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(relation_velero_decode("v:1", bag, &map, &err), 0);
	assert_int_equal(strlen(tree_text(map, "name")), 63);
}

static void
what_is_no_spec_is_refused(void **state)
{
	static const char *const bags[] = { BAG("nonsense"), BAG("[]"),
		BAG("{\\\"include_namespaces\\\":\\\"a\\\"}"),
		BAG("{\\\"include_namespaces\\\":[1]}"),
		BAG("{\\\"label_selector\\\":[1]}"),
		BAG("{\\\"label_selector\\\":{\\\"a\\\":1}}"),
		"{\"spec\":\"{}\"}", "{\"app\":\"a\",\"spec\":\"{}\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof bags / sizeof *bags; i++) {
		AUTO(json) struct json *bag = parse(bags[i]);
		AUTO(tree) struct tree *map = NULL;
		struct err err = { 0 };

		assert_int_equal(relation_velero_decode("v:1", bag, &map, &err),
		    -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_non_null(strstr(err.msg, "relation v:1: "));
	}
}

static void
every_allocation_may_fail(void **state)
{
	AUTO(json) struct json *bag = parse(ALL);
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(tree) struct tree *map = NULL;
		struct err err = { 0 };

		failalloc_at(fails);
		rc = relation_velero_decode("v:1", bag, &map, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
	}
	assert_true(fails >= 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spec_becomes_a_component),
		cmocka_unit_test(nothing_said_asks_for_nothing),
		cmocka_unit_test(nulls_say_nothing_and_true_is_true),
		cmocka_unit_test(names_are_cut),
		cmocka_unit_test(what_is_no_spec_is_refused),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("relation_velero", tests, NULL,
	    NULL);
}
