#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/yaml.h"
#include "component/kube_select.h"

static struct tree *
parse(const char *yaml)
{
	struct tree *t = NULL;
	struct err err = { 0 };

	if (yaml_parse(yaml, strlen(yaml), "test", &t, &err))
		fail_msg("%s", err.msg);
	return t;
}

static char core[] = "", apps[] = "apps", knative[] = "serving.knative.dev",
            services[] = "services", service[] = "service", svc[] = "svc",
            Service[] = "Service", deployments[] = "deployments",
            Deployment[] = "Deployment", namespaces[] = "namespaces";
static char *shorts[] = { svc };
static struct kube_resource served[] = {
	{ .group = core,
	    .name = services,
	    .singular = service,
	    .kind = Service,
	    .shorts = shorts,
	    .nshorts = 1 },
	{ .group = knative,
	    .name = services,
	    .singular = service,
	    .kind = Service },
	{ .group = apps,
	    .name = deployments,
	    .singular = core,
	    .kind = Deployment },
	{ .group = core,
	    .name = namespaces,
	    .singular = core,
	    .kind = namespaces },
};
static const struct kube_discovery discovery = { .resource = served,
	.count = 4 };

static void
nothing_given_means_everything(void **state)
{
	const struct kube_select s = { 0 };

	(void)state;
	assert_true(kube_select_every_namespace(&s));
	assert_true(kube_select_namespace(&s, "a"));
	assert_int_equal(kube_select_count_namespaces(&s), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_true(kube_select_resource(&s, &discovery, &served[i]));
		assert_true(kube_select_of_cluster(&s, &served[i]));
	}
}

static void
namespaces_are_named_or_patterns(void **state)
{
	AUTO(tree) struct tree *in = parse("[team-*, kubeflow]");
	AUTO(tree) struct tree *out = parse("[team-x]");
	AUTO(tree) struct tree *all = parse("['*']");
	AUTO(tree) struct tree *two = parse("[a, b]");
	struct kube_select s = { .include_namespaces = in,
		.exclude_namespaces = out };

	(void)state;
	assert_true(kube_select_namespace(&s, "team-a"));
	assert_true(kube_select_namespace(&s, "kubeflow"));
	assert_false(kube_select_namespace(&s, "team-x"));
	assert_false(kube_select_namespace(&s, "kubeflow-2"));
	assert_false(kube_select_every_namespace(&s));
	assert_int_equal(kube_select_count_namespaces(&s), 0);
	s = (struct kube_select){ .include_namespaces = in };
	assert_false(kube_select_every_namespace(&s));
	s.include_namespaces = all;
	assert_true(kube_select_every_namespace(&s));
	s.include_namespaces = two;
	assert_int_equal(kube_select_count_namespaces(&s), 2);
}

static void
assert_chosen(const char *list, const char *which)
{
	AUTO(tree) struct tree *t = parse(list);
	const struct kube_select in = { .include_resources = t };
	const struct kube_select out = { .exclude_resources = t };

	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(kube_select_resource(&in, &discovery,
		                     &served[i]),
		    which[i] == '1');
		assert_int_equal(kube_select_resource(&out, &discovery,
		                     &served[i]),
		    which[i] == '0');
	}
}

static void
resources_have_the_names_that_kubectl_takes(void **state)
{
	(void)state;
	assert_chosen("[services]", "1000");
	assert_chosen("[Service]", "1000");
	assert_chosen("[svc]", "1000");
	assert_chosen("[services.serving.knative.dev]", "0100");
	assert_chosen("[service.serving.knative.dev]", "0100");
	assert_chosen("[deployments]", "0010");
	assert_chosen("[deployments.apps, services]", "1010");
	assert_chosen("[pods, deployments.knative.dev]", "0000");
	assert_chosen("['*']", "1111");
	assert_chosen("['*.apps']", "0010");
}

static void
what_is_not_served_is_known_by_its_own_name(void **state)
{
	AUTO(tree) struct tree *t = parse("[deployment, services]");
	const struct kube_select s = { .include_resources = t };

	(void)state;
	assert_true(kube_select_resource(&s, NULL, &served[1]));
	assert_true(kube_select_resource(&s, NULL, &served[2]));
	assert_false(kube_select_resource(&s, NULL, &served[3]));
}

static void
resources_of_the_cluster_come_with_all_namespaces(void **state)
{
	AUTO(tree) struct tree *in = parse("[a]");
	struct kube_select s = { .include_namespaces = in };

	(void)state;
	assert_false(kube_select_of_cluster(&s, &served[2]));
	assert_true(kube_select_of_cluster(&s, &served[3]));
	s.cluster = CONFIG_CLUSTER_ON;
	assert_true(kube_select_of_cluster(&s, &served[2]));
	s = (struct kube_select){ .cluster = CONFIG_CLUSTER_OFF };
	assert_false(kube_select_of_cluster(&s, &served[2]));
}

static void
names_that_nothing_has_are_told(void **state)
{
	AUTO(tree) struct tree *t = parse("[pods, services, x.y]");
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(kube_select_unknown(t, &discovery, &b, &err), 0);
	assert_string_equal(b.data, "pods, x.y");
	assert_int_equal(kube_select_unknown(NULL, &discovery, &b, &err), 0);
	b.max = 12;
	assert_int_equal(kube_select_unknown(t, &discovery, &b, &err), -1);
}

static void
labels_are_a_map_or_a_text(void **state)
{
	AUTO(tree) struct tree *map = parse("{a/b: c, d: e}");
	AUTO(tree) struct tree *text = parse("a in (b, c)");
	AUTO(buf) struct buf b = { .max = 20 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(kube_select_labels(NULL, &b, &err), 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(kube_select_labels(map, &b, &err), 0);
	assert_string_equal(b.data, "a/b=c,d=e");
	buf_clear(&b);
	assert_int_equal(kube_select_labels(text, &b, &err), 0);
	assert_string_equal(b.data, "a in (b, c)");
	assert_int_equal(kube_select_labels(map, &b, &err), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_means_everything),
		cmocka_unit_test(namespaces_are_named_or_patterns),
		cmocka_unit_test(resources_have_the_names_that_kubectl_takes),
		cmocka_unit_test(what_is_not_served_is_known_by_its_own_name),
		cmocka_unit_test(
		    resources_of_the_cluster_come_with_all_namespaces),
		cmocka_unit_test(names_that_nothing_has_are_told),
		cmocka_unit_test(labels_are_a_map_or_a_text),
	};

	return cmocka_run_group_tests_name("kube_select", tests, NULL, NULL);
}
