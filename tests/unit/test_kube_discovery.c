#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../lib/failalloc.h"
#include "../lib/kube_kit.h"
#include "../lib/sparse.h"
#include "kube/kube_discovery.h"

#define OK(path, body)                                 \
	{                                              \
		"GET", path " ", 200, NULL, body, 0, 0 \
	}
#define CORE OK("/api", "{\"versions\":[\"v1\"]}")
#define PODS                                                                  \
	OK("/api/v1",                                                         \
	    "{\"resources\":[{\"name\":\"pods\",\"singularName\":\"pod\","    \
	    "\"namespaced\":true,\"kind\":\"Pod\",\"verbs\":[\"create\","     \
	    "\"get\",\"list\",\"patch\",\"watch\"],\"shortNames\":[\"po\"]}," \
	    "{\"name\":\"pods/log\",\"namespaced\":true,\"kind\":\"Pod\","    \
	    "\"verbs\":[\"get\"]},{\"name\":\"nodes\",\"singularName\":"      \
	    "\"\",\"namespaced\":false,\"kind\":\"Node\",\"verbs\":["         \
	    "\"list\"]}]}")
#define GROUPS                                                                \
	OK("/apis",                                                           \
	    "{\"groups\":[{\"name\":\"metrics.k8s.io\",\"versions\":[{"       \
	    "\"version\":\"v1\"}],\"preferredVersion\":{\"version\":\"v1\"}}" \
	    ",{\"name\":\"kubeflow.org\",\"versions\":[{\"version\":"         \
	    "\"v1beta1\"},{\"version\":\"v1\"}],\"preferredVersion\":{"       \
	    "\"version\":\"v1\"}}]}")
#define DOWN                                                  \
	{                                                     \
		"GET", "/apis/metrics.k8s.io/v1 ", 404, NULL, \
		    KUBE_STATUS("NotFound", "not here"), 0, 0 \
	}
#define PROFILES                                                           \
	OK("/apis/kubeflow.org/v1",                                        \
	    "{\"resources\":[{\"name\":\"profiles\",\"kind\":\"Profile\"," \
	    "\"namespaced\":false,\"verbs\":[\"list\"]}]}")
#define NOTEBOOKS                                                             \
	OK("/apis/kubeflow.org/v1beta1",                                      \
	    "{\"resources\":[{\"name\":\"profiles\",\"kind\":\"Profile\","    \
	    "\"namespaced\":false,\"verbs\":[]},{\"name\":\"notebooks\","     \
	    "\"kind\":\"Notebook\",\"namespaced\":true,\"verbs\":[\"list\"]}" \
	    "]}")
#define SERVER OK("/version", "{\"gitVersion\":\"v1.30.2\"}")

static const struct httpd_step all[] = { CORE, PODS, GROUPS, DOWN, PROFILES,
	NOTEBOOKS, SERVER, { 0 } };

static void
every_resource_is_found_in_its_preferred_version(void **state)
{
	AUTO(kube_discovery) struct kube_discovery d = { 0 };
	const struct kube_resource *r;
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, all);
	if (kube_discovery_read(k.k, &d, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&k);
	assert_int_equal(d.count, 4);
	assert_string_equal(d.server, "v1.30.2");
	r = kube_discovery_find(&d, "", "pods");
	assert_string_equal(r->kind, "Pod");
	assert_string_equal(r->singular, "pod");
	assert_string_equal(r->shorts[0], "po");
	assert_true(r->namespaced);
	assert_int_equal(r->verbs,
	    KUBE_LIST | KUBE_GET | KUBE_CREATE | KUBE_PATCH);
	r = kube_discovery_find(&d, "kubeflow.org", "profiles");
	assert_string_equal(r->version, "v1");
	assert_false(r->namespaced);
	assert_true(kube_discovery_serves(r, "v1"));
	assert_true(kube_discovery_serves(r, "v1beta1"));
	assert_false(kube_discovery_serves(r, "v2"));
	r = kube_discovery_kind(&d, "kubeflow.org", "Notebook");
	assert_string_equal(r->version, "v1beta1");
	assert_string_equal(r->singular, "");
	assert_null(kube_discovery_find(&d, "", "profiles"));
	assert_null(kube_discovery_kind(&d, "", "Notebook"));
}

static void
a_group_that_does_not_answer_is_named(void **state)
{
	AUTO(kube_discovery) struct kube_discovery d = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, all);
	assert_int_equal(kube_discovery_read(k.k, &d, &err), 0);
	assert_int_equal(d.ngaps, 1);
	assert_string_equal(d.gap[0].group, "metrics.k8s.io");
	assert_non_null(strstr(d.gap[0].why, "not here"));
}

static void
a_server_that_does_not_say_its_version_will_do(void **state)
{
	const struct httpd_step steps[] = { CORE, PODS,
		OK("/apis", "{\"groups\":[]}"),
		{ "GET", "/version ", 403, NULL, KUBE_STATUS("Forbidden", "no"),
		    0, 0 },
		{ 0 } };
	AUTO(kube_discovery) struct kube_discovery d = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	assert_int_equal(kube_discovery_read(k.k, &d, &err), 0);
	assert_string_equal(d.server, "");
	kube_kit_check(&k);
}

static void
what_is_no_discovery_is_refused(void **state)
{
	static const char *const body[] = { "", "{}", "{\"versions\":{}}",
		"nonsense" };

	(void)state;
	for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
		const struct httpd_step steps[] = {
			{ "GET", "/api ", 200, NULL, body[i], 0, 0 }, { 0 }
		};
		AUTO(kube_discovery) struct kube_discovery d = { 0 };
		AUTO(kube_kit) struct kube_kit k;
		struct err err = { 0 };

		kube_kit_start(&k, steps);
		assert_int_equal(kube_discovery_read(k.k, &d, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
	}
}

static void
paths_and_names_are_the_apis(void **state)
{
	char core[] = "", v1[] = "v1", p[] = "pods", c[] = "clusterroles";
	char rbac[] = "rbac.authorization.k8s.io";
	const struct kube_resource pods = {
		.group = core, .version = v1, .name = p
	};
	const struct kube_resource roles = {
		.group = rbac, .version = v1, .name = c
	};
	AUTO(buf) struct buf b = { .max = 4096 };
	AUTO(free) char *name = NULL, *other = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(kube_discovery_path(&pods, NULL, NULL, &b, &err), 0);
	assert_int_equal(buf_puts(&b, " ", &err), 0);
	assert_int_equal(kube_discovery_path(&pods, "a", "x", &b, &err), 0);
	assert_int_equal(buf_puts(&b, " ", &err), 0);
	assert_int_equal(kube_discovery_path(&roles, NULL, "system:x", &b,
	                     &err),
	    0);
	assert_string_equal(b.data,
	    "/api/v1/pods /api/v1/namespaces/a/pods/x "
	    "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Ax");
	assert_int_equal(kube_discovery_name(&pods, &name, &err), 0);
	assert_string_equal(name, "pods");
	assert_int_equal(kube_discovery_name(&roles, &other, &err), 0);
	assert_string_equal(other, "clusterroles.rbac.authorization.k8s.io");
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(kube_discovery) struct kube_discovery d = { 0 };
		AUTO(kube_kit) struct kube_kit k;
		struct err err = { 0 };

		kube_kit_start(&k, all);
		failalloc_at(fails);
		rc = kube_discovery_read(k.k, &d, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		if (rc)
			fails = sparse_next(fails);
	}
	assert_true(fails >= 40);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_resource_is_found_in_its_preferred_version),
		cmocka_unit_test(a_group_that_does_not_answer_is_named),
		cmocka_unit_test(
		    a_server_that_does_not_say_its_version_will_do),
		cmocka_unit_test(what_is_no_discovery_is_refused),
		cmocka_unit_test(paths_and_names_are_the_apis),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("kube_discovery", tests, NULL, NULL);
}
