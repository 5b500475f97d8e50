#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/kube_kit.h"
#include "component/pod_place.h"
#include "config/config.h"

#define PODS "/api/v1/namespaces/kubeflow/pods"
#define MOUNT(at) "{\"name\":\"v\",\"mountPath\":\"" at "\"}"
#define CONTAINER(name, mounts) \
	"{\"name\":\"" name "\",\"volumeMounts\":[" mounts "]}"
#define POD(phase, containers)                                                      \
	"{\"metadata\":{\"name\":\"mlmd-0\"},\"spec\":{\"containers\":[" containers \
	"]},\"status\":{\"phase\":\"" phase "\"}}"
#define CHARM CONTAINER("charm", MOUNT("/var/lib/juju/storage/mlmd-data/0"))
#define MLMD                                             \
	CONTAINER("mlmd-grpc-server", "{\"name\":\"w\"," \
	                              "\"mountPath\":\"/\"}," MOUNT("/data/"))

static const struct config_pod mlmd = { .application = "mlmd" };

static int
find(struct kube_kit *k, const struct httpd_step *steps,
    const struct config_pod *cfg, struct pod_place *p, struct err *err)
{
	kube_kit_start(k, steps);
	*err = (struct err){ 0 };
	return pod_place_find(k->k, cfg, "/data/mlmd.db", p, err);
}

static void
a_sidecar_has_two_places(void **state)
{
	const struct httpd_step steps[] = { { "GET", PODS "/mlmd-0", 200, NULL,
		                                POD("Running", CHARM "," MLMD),
		                                0, 0 },
		{ 0 } };
	AUTO(kube_kit) struct kube_kit k;
	AUTO(pod_place) struct pod_place p = { 0 };
	struct err err;

	(void)state;
	if (find(&k, steps, &mlmd, &p, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&k);
	assert_string_equal(p.namespace, "kubeflow");
	assert_string_equal(p.pod, "mlmd-0");
	assert_string_equal(p.container, "mlmd-grpc-server");
	assert_string_equal(p.other, "charm");
	assert_string_equal(p.other_path,
	    "/var/lib/juju/storage/mlmd-data/0/mlmd.db");
}

static void
a_deployment_s_pod_is_found_by_its_label(void **state)
{
	const struct httpd_step steps[] = { { "GET", PODS "/mlmd-0", 404, NULL,
		                                KUBE_STATUS("NotFound", "m"), 0,
		                                0 },
		{ "GET",
		    PODS "?limit=100&labelSelector="
		         "app.kubernetes.io%2Fname%3Dmlmd",
		    200, NULL,
		    "{\"items\":[{\"metadata\":{\"name\":\"x\"}},{\"metadata\":"
		    "{\"name\":\"y\"},\"status\":{\"phase\":\"Running\"}}]}",
		    0, 0 },
		{ "GET", PODS "/y", 200, NULL,
		    POD("Running", CONTAINER("main", "")), 0, 0 },
		{ 0 } };
	AUTO(kube_kit) struct kube_kit k;
	AUTO(pod_place) struct pod_place p = { 0 };
	struct err err;

	(void)state;
	if (find(&k, steps, &mlmd, &p, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&k);
	assert_string_equal(p.pod, "y");
	assert_string_equal(p.container, "main");
	assert_null(p.other);
}

static void
what_is_not_there_is_named(void **state)
{
	static const struct {
		struct config_pod cfg;
		struct httpd_step steps[3];
		enum err_code code;
		const char *words;
	} t[] = {
		{ { .pod = "p" },
		    { { "GET", PODS "/p", 404, NULL,
		        KUBE_STATUS("NotFound", "pods \\\"p\\\" not found"), 0,
		        0 } },
		    ERR_NOTFOUND, "pods \"p\" not found" },
		{ { .pod = "p" },
		    { { "GET", PODS "/p", 200, NULL, POD("Pending", MLMD), 0,
		        0 } },
		    ERR_TRANSIENT, "pod 'p' does not run" },
		{ { .pod = "p", .container = "x" },
		    { { "GET", PODS "/p", 200, NULL, POD("Running", MLMD), 0,
		        0 } },
		    ERR_NOTFOUND, "pod 'p' has no container 'x'" },
		{ { .pod = "p" },
		    { { "GET", PODS "/p", 200, NULL, POD("Running", CHARM), 0,
		        0 } },
		    ERR_NOTFOUND, "no container but the charm's" },
		{ { .application = "a" },
		    { { "GET", PODS "/a-0", 404, NULL,
		          KUBE_STATUS("NotFound", "m"), 0, 0 },
		        { "GET", PODS "?", 200, NULL, "{\"items\":[]}", 0,
		            0 } },
		    ERR_NOTFOUND, "no pod of application 'a' runs" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO(kube_kit) struct kube_kit k;
		AUTO(pod_place) struct pod_place p = { 0 };
		struct err err;

		assert_int_equal(find(&k, t[i].steps, &t[i].cfg, &p, &err), -1);
		kube_kit_check(&k);
		if (!err_is(&err, t[i].code) || !strstr(err.msg, t[i].words))
			fail_msg("%zu: %d %s", i, err.code, err.msg);
	}
}

#define WORKLOAD(kind) "/apis/apps/v1/namespaces/kubeflow/" kind "/mlmd"
#define SCALED                                                              \
	"{\"metadata\":{\"resourceVersion\":\"1\"},\"spec\":{\"replicas\":" \
	"0}}"

static bool
is_absent(struct kube_kit *k, const struct httpd_step *steps)
{
	const struct kube_options o = { .kubeconfig = k->config,
		.clock = &k->clock };
	struct err err = { 0 };
	bool absent;

	kube_kit_start(k, steps);
	if (pod_place_is_absent(&o, &mlmd, &absent, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(k);
	return absent;
}

static void
an_application_that_was_never_deployed_is_absent(void **state)
{
	const struct httpd_step none[] = {
		{ "GET", WORKLOAD("deployments"), 404, NULL,
		    KUBE_STATUS("NotFound", "no"), 0, 0 },
		{ "GET", WORKLOAD("statefulsets"), 404, NULL,
		    KUBE_STATUS("NotFound", "no"), 0, 0 },
		{ 0 }
	};
	const struct kube_options gone = { .kubeconfig = "/no/kubeconfig" };
	struct err err = { 0 };
	bool absent = true;

	(void)state;
	{
		AUTO(kube_kit) struct kube_kit k = { 0 };

		assert_true(is_absent(&k, none));
	}
	assert_int_equal(pod_place_is_absent(&gone, &mlmd, &absent, &err), 0);
	assert_false(absent); /* a mistake, to be told */
}

static void
one_that_does_not_run_or_may_not_be_seen_is_there(void **state)
{
	const struct httpd_step stopped[] = { { "GET", WORKLOAD("deployments"),
		                                  200, NULL, SCALED, 0, 0 },
		{ "GET", WORKLOAD("deployments") "/scale", 200, NULL,
		    "{\"status\":{\"selector\":\"a=b\"}}", 0, 0 },
		{ 0 } };
	const struct httpd_step denied[] = {
		{ "GET", WORKLOAD("deployments"), 403, NULL,
		    KUBE_STATUS("Forbidden", "no"), 0, 0 },
		{ 0 }
	};

	(void)state;
	{
		AUTO(kube_kit) struct kube_kit k = { 0 };

		assert_false(is_absent(&k, stopped));
	}
	{
		AUTO(kube_kit) struct kube_kit k = { 0 };

		assert_false(is_absent(&k, denied));
	}
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	for (long n = 0;; n++) {
		const struct httpd_step steps[] = {
			{ "GET", PODS "/mlmd-0", 200, NULL,
			    POD("Running", CHARM "," MLMD), 0, 0 },
			{ 0 }
		};
		AUTO(kube_kit) struct kube_kit k;
		AUTO(pod_place) struct pod_place p = { 0 };
		struct err err = { 0 };
		int rc;

		kube_kit_start(&k, steps);
		failalloc_at(n);
		rc = pod_place_find(k.k, &mlmd, "/data/mlmd.db", &p, &err);
		failalloc_at(-1);
		if (rc == 0)
			return;
		assert_int_equal(err.code, ERR_NOMEM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sidecar_has_two_places),
		cmocka_unit_test(a_deployment_s_pod_is_found_by_its_label),
		cmocka_unit_test(what_is_not_there_is_named),
		cmocka_unit_test(
		    an_application_that_was_never_deployed_is_absent),
		cmocka_unit_test(
		    one_that_does_not_run_or_may_not_be_seen_is_there),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("pod_place", tests, NULL, NULL);
}
