#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/fake_saver.h"
#include "../lib/kube_kit.h"
#include "base/buf.h"
#include "component/component.h"

#define OK(path, body)                             \
	{                                          \
		"GET", path, 200, NULL, body, 0, 0 \
	}

static void
the_server_says_its_version(void **state)
{
	const struct httpd_step steps[] = { OK("/version ",
		                                "{\"gitVersion\":\"v1.30.2\"}"),
		OK("/version ", "{}"), OK("/version ", "nonsense"), { 0 } };
	struct kube_options cluster = { 0 };
	struct config_component cc = {
		.name = "k", .type = CONFIG_KUBERNETES, .kube = &cluster
	};
	AUTO(kube_kit) struct kube_kit k;
	AUTO(component) struct component *c = NULL;
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	cluster.kubeconfig = k.config;
	assert_int_equal(component_open(&cc, NULL, "/tmp", &c, &err), 0);
	assert_int_equal(c->ops->check(c, false, &b, &err), 0);
	assert_string_equal(b.data, "Kubernetes v1.30.2");
	buf_clear(&b);
	assert_int_equal(c->ops->check(c, true, &b, &err), 0);
	assert_string_equal(b.data, "Kubernetes of no version");
	assert_int_equal(c->ops->check(c, true, &b, &err), -1);
	kube_kit_check(&k);
}

static void
a_cluster_that_is_not_configured_is_an_error_of_usage(void **state)
{
	struct kube_options cluster = { 0 };
	struct config_component cc = {
		.name = "k", .type = CONFIG_KUBERNETES, .kube = &cluster
	};
	AUTO(component) struct component *c = NULL;
	struct fake_saver saver;
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	fake_saver_init(&saver, "/tmp");
	assert_int_equal(component_open(&cc, "/no/kubeconfig", "/tmp", &c,
	                     &err),
	    0);
	assert_int_equal(c->ops->check(c, false, &b, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(c->ops->backup(c, &saver.base, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	fake_saver_done(&saver);
}

static void
what_a_cluster_has_is_saved_and_drilled(void **state)
{
	const struct httpd_step steps[] = { OK("/api ", "{\"versions\":[]}"),
		OK("/apis ", "{\"groups\":[]}"), OK("/version ", "{}"), { 0 } };
	struct kube_options cluster = { 0 };
	struct config_component cc = {
		.name = "k", .type = CONFIG_KUBERNETES, .kube = &cluster
	};
	AUTO(kube_kit) struct kube_kit k;
	AUTO(component) struct component *c = NULL;
	AUTO(buf) struct buf proof = { .max = 100 };
	struct fake_saver saver;
	struct fake_loader loader;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	fake_saver_init(&saver, "/tmp");
	cluster.kubeconfig = k.config;
	assert_int_equal(component_open(&cc, NULL, "/tmp", &c, &err), 0);
	if (c->ops->backup(c, &saver.base, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&k);
	assert_int_equal(fake_loader_init(&loader, &saver, "/tmp", &err), 0);
	assert_int_equal(c->ops->drill(c, &loader.base, &proof, &err), 0);
	assert_string_equal(proof.data,
	    "0 objects of 0 resources as they were saved");
	fake_loader_done(&loader);
	fake_saver_done(&saver);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_server_says_its_version),
		cmocka_unit_test(
		    a_cluster_that_is_not_configured_is_an_error_of_usage),
		cmocka_unit_test(what_a_cluster_has_is_saved_and_drilled),
	};

	return cmocka_run_group_tests_name("component_kubernetes", tests, NULL,
	    NULL);
}
