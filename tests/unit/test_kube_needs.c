#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/yaml.h"
#include "component/kube_needs.h"

static int
list(void *arg, const char *resource, const char *name, struct err *err)
{
	return buf_join(arg, err, resource, " ", name, "\n", NULL);
}

static void
assert_needs(const char *yaml, const char *want)
{
	AUTO(buf) struct buf b = { .max = 4096 };
	AUTO(tree) struct tree *t = NULL;
	struct err err = { 0 };

	if (yaml_parse(yaml, strlen(yaml), "test", &t, &err) ||
	    kube_needs(t, list, &b, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(b.data ? b.data : "", want);
}

static void
a_pod_names_what_it_mounts_reads_and_runs_as(void **state)
{
	(void)state;
	assert_needs("spec:\n"
	             "  serviceAccountName: runner\n"
	             "  imagePullSecrets: [{name: registry}]\n"
	             "  volumes:\n"
	             "  - {name: a, secret: {secretName: s1}}\n"
	             "  - {name: b, configMap: {name: c1}}\n"
	             "  - {name: c, persistentVolumeClaim: {claimName: p1}}\n"
	             "  - name: d\n"
	             "    projected: {sources: [{secret: {name: s2}},\n"
	             "      {configMap: {name: c2}}]}\n"
	             "  - {name: e, emptyDir: {}}\n"
	             "  containers:\n"
	             "  - env:\n"
	             "    - {name: A, value: b}\n"
	             "    - {name: B, valueFrom: {secretKeyRef: {name: s3,\n"
	             "       key: k}}}\n"
	             "    - {name: C, valueFrom: {configMapKeyRef: {name: c3,\n"
	             "       key: k}}}\n"
	             "    envFrom: [{secretRef: {name: s4}},\n"
	             "      {configMapRef: {name: c4}}]\n",
	    "serviceaccounts runner\nsecrets registry\nsecrets s1\n"
	    "configmaps c1\npersistentvolumeclaims p1\nsecrets s2\n"
	    "configmaps c2\nsecrets s3\nconfigmaps c3\nsecrets s4\n"
	    "configmaps c4\n");
}

static void
a_kind_that_embeds_a_pod_need_not_be_known(void **state)
{
	(void)state;
	assert_needs("kind: CronJob\n"
	             "spec: {jobTemplate: {spec: {template: {spec: {\n"
	             "  volumes: [{secret: {secretName: s}}]}}}}}\n",
	    "secrets s\n");
	assert_needs(
	    "kind: PyTorchJob\n"
	    "spec: {pytorchReplicaSpecs: {Worker: {template: {spec: {\n"
	    "  containers: [{envFrom: [{configMapRef: {name: c}}]}]\n"
	    "  }}}}}\n",
	    "configmaps c\n");
	assert_needs("kind: InferenceService\n"
	             "spec: {predictor: {serviceAccountName: models}}\n",
	    "serviceaccounts models\n");
}

static void
what_may_be_missing_is_not_needed(void **state)
{
	(void)state;
	assert_needs("volumes: [{secret: {secretName: s, optional: true}},\n"
	             "  {configMap: {name: c, optional: true}},\n"
	             "  {configMap: {name: d, optional: false}}]\n"
	             "env: [{valueFrom: {secretKeyRef: {name: s, optional: "
	             "true}}}]\n",
	    "configmaps d\n");
}

static void
what_clusters_make_by_themselves_is_not_needed(void **state)
{
	(void)state;
	assert_needs("serviceAccountName: default\n"
	             "volumes: [{configMap: {name: kube-root-ca.crt}},\n"
	             "  {secret: {secretName: default-token-x7k2p}},\n"
	             "  {secret: {secretName: my-token-longer}}]\n",
	    "secrets my-token-longer\n");
}

static void
what_is_no_name_is_none(void **state)
{
	(void)state;
	assert_needs("serviceAccountName: '{{inputs.account}}'\n"
	             "imagePullSecrets: [{name: $(SECRET)}, {name: ''}, {}]\n"
	             "volumes: {secret: {secretName: s}}\n"
	             "env: text\n",
	    "");
	/* a schema of the same */
	assert_needs("properties: {serviceAccountName: {type: string},\n"
	             "  volumes: {items: {properties: {secret: {}}}}}\n",
	    "");
}

static void
an_error_of_the_visit_ends_it(void **state)
{
	static const char text[] = "serviceAccountName: a\nspec: "
	                           "{imagePullSecrets: [{name: b}]}\n";
	AUTO(tree) struct tree *t = NULL;
	struct err err = { 0 };
	long n = 0;
	int rc;

	(void)state;
	assert_int_equal(yaml_parse(text, strlen(text), "test", &t, &err), 0);
	do {
		AUTO(buf) struct buf b = { .max = 17 + (size_t)n };

		err = (struct err){ 0 };
		rc = kube_needs(t, list, &b, &err);
		assert_true(rc == 0 || err.code != ERR_NONE);
	} while (rc && n++ < 100);
	assert_true(n > 0 && rc == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_names_what_it_mounts_reads_and_runs_as),
		cmocka_unit_test(a_kind_that_embeds_a_pod_need_not_be_known),
		cmocka_unit_test(what_may_be_missing_is_not_needed),
		cmocka_unit_test(
		    what_clusters_make_by_themselves_is_not_needed),
		cmocka_unit_test(what_is_no_name_is_none),
		cmocka_unit_test(an_error_of_the_visit_ends_it),
	};

	return cmocka_run_group_tests_name("kube_needs", tests, NULL, NULL);
}
