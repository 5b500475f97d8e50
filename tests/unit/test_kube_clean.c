#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "base/yaml.h"
#include "base/yamlw.h"
#include "component/kube_clean.h"

static struct tree *
parse(const char *yaml)
{
	struct tree *t = NULL;
	struct err err = { 0 };

	if (yaml_parse(yaml, strlen(yaml), "test", &t, &err))
		fail_msg("%s", err.msg);
	return t;
}

static char v1[] = "v1", kind[] = "Kind";

/* "group/name" to a resource; text is kept by the caller. */
static struct kube_resource
resource_of(char *text)
{
	char *slash = strchr(text, '/');

	*slash = '\0';
	return (struct kube_resource){
		.group = text, .name = slash + 1, .version = v1, .kind = kind
	};
}

static void
assert_clean(const char *resource, const char *object, const char *want)
{
	char name[100];
	struct kube_resource r;
	AUTO(tree) struct tree *t = parse(object);
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	strcpy(name, resource);
	r = resource_of(name);
	assert_null(kube_clean_skips(&r));
	assert_null(kube_clean_why_not(&r, t));
	assert_int_equal(kube_clean(&r, t, &err), 0);
	assert_int_equal(yamlw_write(t, &b, &err), 0);
	assert_string_equal(b.data, want);
}

static void
what_identifies_an_object_in_its_cluster_goes(void **state)
{
	(void)state;
	assert_clean("kubeflow.org/notebooks",
	    "{spec: {a: 1}, metadata: {name: x, uid: u, resourceVersion: '1', "
	    "generation: 2, creationTimestamp: t, managedFields: [], selfLink: "
	    "s, deletionTimestamp: t, deletionGracePeriodSeconds: 3, "
	    "annotations: {deployment.kubernetes.io/revision: '1'}, labels: "
	    "{uid: mine}}, kind: Other, status: {phase: Running}}",
	    "apiVersion: kubeflow.org/v1\nkind: Kind\nmetadata:\n  name: x\n  "
	    "labels:\n    uid: mine\nspec:\n  a: 1\nstatus:\n  phase: "
	    "Running\n");
}

static void
addresses_go_but_headless_is_a_choice(void **state)
{
	(void)state;
	assert_clean("/services",
	    "{metadata: {name: x}, spec: {clusterIP: 10.0.0.1, clusterIPs: "
	    "[10.0.0.1], healthCheckNodePort: 1, ports: [{port: 80, nodePort: "
	    "3}]}}",
	    "apiVersion: v1\nkind: Kind\nmetadata:\n  name: x\nspec:\n  "
	    "ports:\n  - port: 80\n");
	assert_clean("/services",
	    "{metadata: {name: x}, spec: {clusterIP: None}}",
	    "apiVersion: v1\nkind: Kind\nmetadata:\n  name: x\nspec:\n  "
	    "clusterIP: None\n");
}

static void
what_a_controller_chose_goes(void **state)
{
	(void)state;
	assert_clean("/pods", "{metadata: {name: x}, spec: {nodeName: n}}",
	    "apiVersion: v1\nkind: Kind\nmetadata:\n  name: x\nspec: {}\n");
	assert_clean("/persistentvolumeclaims",
	    "{metadata: {name: x, annotations: "
	    "{pv.kubernetes.io/bind-completed: 'yes', a: b}}, spec: "
	    "{volumeName: v}}",
	    "apiVersion: v1\nkind: Kind\nmetadata:\n  name: x\n  "
	    "annotations:\n    a: b\nspec: {}\n");
	assert_clean("/persistentvolumes",
	    "{metadata: {name: x}, spec: {claimRef: {name: c, uid: u, "
	    "resourceVersion: '1'}}}",
	    "apiVersion: v1\nkind: Kind\nmetadata:\n  name: x\nspec:\n  "
	    "claimRef:\n    name: c\n");
	assert_clean("/namespaces",
	    "{metadata: {name: x, labels: {kubernetes.io/metadata.name: x}}, "
	    "spec: {finalizers: [kubernetes]}}",
	    "apiVersion: v1\nkind: Kind\nmetadata:\n  name: x\n");
	assert_clean("/serviceaccounts",
	    "{metadata: {name: x}, secrets: [{name: x-token-1}, {name: y}]}",
	    "apiVersion: v1\nkind: Kind\nmetadata:\n  name: x\nsecrets:\n- "
	    "name: \"y\"\n");
	assert_clean("/serviceaccounts",
	    "{metadata: {name: x}, secrets: [{name: x-token-1}]}",
	    "apiVersion: v1\nkind: Kind\nmetadata:\n  name: x\n");
}

static void
a_job_gets_another_selector_unless_it_has_its_own(void **state)
{
	(void)state;
	assert_clean("batch/jobs",
	    "{metadata: {name: x, labels: {job-name: x}}, spec: {selector: "
	    "{}, template: {metadata: {labels: {controller-uid: u, a: b}}}}}",
	    "apiVersion: batch/v1\nkind: Kind\nmetadata:\n  name: x\n  "
	    "labels: {}\nspec:\n  template:\n    metadata:\n      labels:\n    "
	    "    a: b\n");
	assert_clean("batch/jobs",
	    "{metadata: {name: x}, spec: {selector: {}, manualSelector: true}}",
	    "apiVersion: batch/v1\nkind: Kind\nmetadata:\n  name: x\nspec:\n  "
	    "selector: {}\n  manualSelector: true\n");
}

static void
what_others_make_is_left_out_with_a_reason(void **state)
{
	static const struct {
		const char *resource, *object;
	} out[] = {
		{ "/pods",
		    "{metadata: {annotations: {kubernetes.io/config.mirror: "
		    "x}}}" },
		{ "/secrets", "{type: kubernetes.io/service-account-token}" },
		{ "/configmaps",
		    "{metadata: {annotations: "
		    "{control-plane.alpha.kubernetes.io/leader: x}}}" },
		{ "rbac.authorization.k8s.io/clusterroles",
		    "{metadata: {labels: {kubernetes.io/bootstrapping: "
		    "rbac-defaults}, annotations: "
		    "{rbac.authorization.kubernetes.io/autoupdate: 'true'}}}" },
		{ "flowcontrol.apiserver.k8s.io/flowschemas",
		    "{metadata: {annotations: "
		    "{apf.kubernetes.io/autoupdate-spec: 'true'}}}" },
		{ "apiregistration.k8s.io/apiservices",
		    "{metadata: {labels: "
		    "{kube-aggregator.kubernetes.io/automanaged: onstart}}}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
		AUTO(tree) struct tree *t = parse(out[i].object);
		AUTO(tree) struct tree *other = parse("{type: Opaque}");
		char name[100];
		struct kube_resource r;

		strcpy(name, out[i].resource);
		r = resource_of(name);
		assert_non_null(kube_clean_why_not(&r, t));
		assert_null(kube_clean_why_not(&r, other));
	}
}

static void
whole_resources_are_left_out(void **state)
{
	char events[] = "events.k8s.io/events", pods[] = "/pods";
	struct kube_resource e = resource_of(events), p = resource_of(pods);

	(void)state;
	assert_non_null(kube_clean_skips(&e));
	assert_null(kube_clean_skips(&p));
}

static void
the_controller_among_the_owners_is_found(void **state)
{
	AUTO(tree)
	struct tree *t = parse(
	    "{metadata: {ownerReferences: [{name: a}, {name: b, controller: "
	    "true}]}}");
	AUTO(tree)
	struct tree *none =
	    parse("{metadata: {ownerReferences: [{name: a, controller: "
	          "false}]}}");

	(void)state;
	assert_string_equal(tree_text(kube_clean_controller(t), "name"), "b");
	assert_null(kube_clean_controller(none));
}

static void
every_allocation_may_fail(void **state)
{
	char pods[] = "/pods";
	const struct kube_resource r = resource_of(pods);
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(tree) struct tree *t = parse("{metadata: {name: x}}");
		struct err err = { 0 };

		failalloc_at(fails);
		rc = kube_clean(&r, t, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
	}
	assert_true(fails >= 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_identifies_an_object_in_its_cluster_goes),
		cmocka_unit_test(addresses_go_but_headless_is_a_choice),
		cmocka_unit_test(what_a_controller_chose_goes),
		cmocka_unit_test(
		    a_job_gets_another_selector_unless_it_has_its_own),
		cmocka_unit_test(what_others_make_is_left_out_with_a_reason),
		cmocka_unit_test(whole_resources_are_left_out),
		cmocka_unit_test(the_controller_among_the_owners_is_found),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("kube_clean", tests, NULL, NULL);
}
