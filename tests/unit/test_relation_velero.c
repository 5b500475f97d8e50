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
	AUTO(relation_velero) struct relation_velero v = { 0 };
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(relation_velero_decode("v:1", bag, &v, &err), 0);
	assert_int_equal(tree_json_write(v.component, &b, &err), 0);
	assert_string_equal(b.data,
	    "{\"name\":\"mlmd-velero-backup-config\",\"type\":\"kubernetes\","
	    "\"include-namespaces\":[\"kubeflow\"],\"include-resources\":["
	    "\"pvc\",\"pv\"],\"label-selector\":{\"a/b\":\"mlmd\"},"
	    "\"include-cluster-resources\":false}");
	buf_clear(&b);
	assert_int_equal(tree_json_write(v.target, &b, &err), 0);
	assert_string_equal(b.data,
	    "{\"app\":\"mlmd\",\"endpoint\":\"velero-backup-config\","
	    "\"model\":\"kubeflow\"}");
}

static void
nothing_said_asks_for_nothing(void **state)
{
	static const char *const bags[] = { "{}", "{\"app\":\"mlmd\"}",
		BAG("") };

	(void)state;
	for (size_t i = 0; i < sizeof bags / sizeof *bags; i++) {
		AUTO(json) struct json *bag = parse(bags[i]);
		AUTO(relation_velero) struct relation_velero v = { 0 };
		struct err err = { 0 };

		assert_int_equal(relation_velero_decode("v:1", bag, &v, &err),
		    0);
		assert_null(v.component);
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
	AUTO(relation_velero) struct relation_velero v = { 0 };
	AUTO(relation_velero) struct relation_velero yes = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(relation_velero_decode("v:1", bag, &v, &err), 0);
	assert_null(tree_get(v.component, "include-cluster-resources"));
	assert_null(tree_get(v.component, "label-selector"));
	assert_int_equal(relation_velero_decode("v:1", all, &yes, &err), 0);
	assert_string_equal(tree_text(yes.component,
	                        "include-cluster-resources"),
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
	AUTO(relation_velero) struct relation_velero v = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(relation_velero_decode("v:1", bag, &v, &err), 0);
	assert_int_equal(strlen(tree_text(v.component, "name")), 63);
}

static void
what_is_no_spec_is_refused(void **state)
{
	static const char *const bags[] = { BAG("nonsense"), BAG("[]"),
		BAG("{\\\"include_namespaces\\\":\\\"a\\\"}"),
		BAG("{\\\"include_namespaces\\\":[1]}"),
		BAG("{\\\"label_selector\\\":[1]}"),
		BAG("{\\\"label_selector\\\":{\\\"a\\\":1}}"),
		"{\"spec\":\"{}\"}", "{\"app\":\"a\",\"spec\":\"{}\"}",
		"{\"app\":\"\",\"relation_name\":\"b\",\"spec\":\"{}\"}" };

	const size_t n = sizeof bags / sizeof *bags;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		AUTO(json) struct json *bag = parse(bags[i]);
		AUTO(relation_velero) struct relation_velero v = { 0 };
		struct err err = { 0 };

		assert_int_equal(relation_velero_decode("v:1", bag, &v, &err),
		    -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_non_null(strstr(err.msg, "relation v:1: "));
		assert_null(v.component);
		/* who sent it is known, but for those that do not say */
		assert_int_equal(v.target != NULL, i + 3 < n);
	}
}

/* APP ENDPOINT MODEL COMPONENT, up to a NULL; a component "!x" is a problem. */
static struct tree *
targets(const char *const (*row)[4])
{
	struct tree *list = NULL;
	struct err err = { 0 };

	assert_int_equal(tree_new(TREE_LIST, NULL, "x", 0, &list, &err), 0);
	for (; (*row)[0]; row++) {
		bool bad = (*row)[3][0] == '!';
		struct tree *t = NULL;

		assert_int_equal(tree_new(TREE_MAP, NULL, "x", 0, &t, &err), 0);
		assert_int_equal(tree_add_text(t, "app", (*row)[0], &err), 0);
		assert_int_equal(tree_add_text(t, "endpoint", (*row)[1], &err),
		    0);
		assert_int_equal(tree_add_text(t, "model", (*row)[2], &err), 0);
		assert_int_equal(tree_add_text(t, bad ? "problem" : "component",
		                     (*row)[3] + bad, &err),
		    0);
		assert_int_equal(tree_add(list, NULL, t, &err), 0);
	}
	return list;
}

static const char *const all_rows[][4] = {
	{ "mlmd", "v", "kubeflow", "mlmd-v" },
	{ "mlmd", "v", "other", "mlmd-v-2" },
	{ "mlmd", "w", "kubeflow", "mlmd-w" },
	{ "bad", "v", "kubeflow", "!relation v:4: no JSON" },
	{ "old", "v", "", "old-v" },
	{ NULL },
};

static void
a_target_is_one_component_of_one_model(void **state)
{
	static const char *const want[][3] = {
		{ "mlmd:v", "kubeflow", "mlmd-v" },
		{ "mlmd:v", "other", "mlmd-v-2" },
		{ "mlmd:w", "kubeflow", "mlmd-w" },
		{ "old:v", "", "old-v" },
	};
	AUTO(tree) struct tree *list = targets(all_rows);

	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		const char *name = NULL;
		struct err err = { 0 };

		assert_int_equal(relation_velero_find(list, want[i][0],
		                     want[i][1], &name, &err),
		    0);
		assert_string_equal(name, want[i][2]);
	}
}

static void
not_found(const char *target, const char *model, const char *words)
{
	AUTO(tree) struct tree *list = targets(all_rows);
	const char *name = NULL;
	struct err err = { 0 };

	assert_int_equal(relation_velero_find(list, target, model, &name, &err),
	    -1);
	assert_int_equal(err.code, ERR_USAGE);
	if (!strstr(err.msg, words))
		fail_msg("'%s' is not in: %s", words, err.msg);
	assert_null(name);
}

static void
what_is_no_target_is_named_with_what_there_is(void **state)
{
	(void)state;
	not_found("mlmd:w", "other",
	    "No backup spec found for target 'mlmd:w' in model 'other': there "
	    "is mlmd:v in model kubeflow, mlmd:v in model other, mlmd:w in "
	    "model kubeflow, bad:v");
	not_found("ml:md", "kubeflow", "target 'ml:md'");
	not_found("mlmd:", "kubeflow", "Use 'app:endpoint'");
	not_found(":v", "kubeflow", "Use 'app:endpoint'");
	not_found("mlmd", "kubeflow", "Use 'app:endpoint'");
	not_found("bad:v", "kubeflow", "relation v:4: no JSON");
}

static void
without_targets_the_relation_is_named(void **state)
{
	AUTO(tree) struct tree *none = targets(all_rows + 5);
	const char *name = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(relation_velero_find(none, "a:b", "m", &name, &err),
	    -1);
	assert_non_null(strstr(err.msg, "related to velero-backups"));
}

/* What other charms write does not make a message longer than it may be. */
static void
many_targets_are_cut(void **state)
{
	const char *rows[40][4] = { { NULL } };
	AUTO(tree) struct tree *list = NULL;
	const char *name = NULL;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < 39; i++) {
		rows[i][0] = "application";
		rows[i][1] = rows[i][2] = rows[i][3] = "velero-backup-config";
	}
	list = targets((const char *const(*)[4])rows);
	assert_int_equal(relation_velero_find(list, "a:b", "m", &name, &err),
	    -1);
	assert_in_range(strlen(err.msg), 400, 500);
}

static void
every_allocation_may_fail(void **state)
{
	AUTO(json) struct json *bag = parse(ALL);
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(relation_velero) struct relation_velero v = { 0 };
		struct err err = { 0 };

		failalloc_at(fails);
		rc = relation_velero_decode("v:1", bag, &v, &err);
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
		cmocka_unit_test(a_target_is_one_component_of_one_model),
		cmocka_unit_test(what_is_no_target_is_named_with_what_there_is),
		cmocka_unit_test(without_targets_the_relation_is_named),
		cmocka_unit_test(many_targets_are_cut),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("relation_velero", tests, NULL,
	    NULL);
}
