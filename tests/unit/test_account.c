#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/kube_kit.h"
#include "kube/account.h"

struct world {
	struct kube_kit k;
	struct account *a;
	struct account_options o;
};

static void
scope_world(struct world *w)
{
	account_free(w->a);
	kube_kit_stop(&w->k);
	(void)unsetenv("KUBERNETES_SERVICE_HOST");
	(void)unsetenv("KUBERNETES_SERVICE_PORT");
	(void)unsetenv("KUBERNETES_SERVICE_PORT_HTTPS");
	(void)unsetenv("KUBECONFIG");
}

/* A pod with a service account. */
static void
begin(struct world *w)
{
	*w = (struct world){ 0 };
	kube_kit_begin(&w->k);
	kube_kit_file(&w->k, "token", "first\n");
	kube_kit_file(&w->k, "ca.crt", "CA\n");
	kube_kit_file(&w->k, "namespace", "kubeflow");
	(void)setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	(void)setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	w->o.folder = w->k.folder;
	w->o.clock = &w->k.clock;
}

static void
make(struct world *w)
{
	struct err err = { 0 };

	if (account_new(&w->o, &w->a, &err))
		fail_msg("%s", err.msg);
}

static void
token_is(struct world *w, bool refused, const char *want)
{
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	if (account_token(w->a, refused, &b, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(b.data ? b.data : "", want);
}

static void
a_pod_has_its_service_account(void **state)
{
	AUTO(world) struct world w;
	const struct account_facts *f;

	(void)state;
	begin(&w);
	make(&w);
	f = account_facts(w.a);
	assert_string_equal(f->server, "https://10.0.0.1:443");
	assert_string_equal(f->namespace, "kubeflow");
	assert_string_equal(f->ca_pem, "CA");
	token_is(&w, false, "first");
}

static void
its_server_may_be_an_ipv6_address(void **state)
{
	AUTO(world) struct world w;

	(void)state;
	begin(&w);
	(void)setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	(void)setenv("KUBERNETES_SERVICE_PORT_HTTPS", "6443", 1);
	make(&w);
	assert_string_equal(account_facts(w.a)->server,
	    "https://[fd00::1]:6443");
}

static void
a_token_is_read_again_after_a_minute_or_a_refusal(void **state)
{
	AUTO(world) struct world w;

	(void)state;
	begin(&w);
	make(&w);
	kube_kit_file(&w.k, "token", "second");
	w.k.ms += 59999;
	token_is(&w, false, "first");
	w.k.ms += 1;
	token_is(&w, false, "second");
	kube_kit_file(&w.k, "token", "third");
	token_is(&w, false, "second");
	token_is(&w, true, "third");
}

static void
a_token_that_is_gone_is_an_error(void **state)
{
	AUTO(buf) struct buf b = { .max = 100 };
	AUTO(world) struct world w;
	struct err err = { 0 };
	char path[128];

	(void)state;
	begin(&w);
	make(&w);
	(void)snprintf(path, sizeof path, "%s/token", w.k.folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(account_token(w.a, true, &b, &err), -1);
	assert_non_null(strstr(err.msg, "the token of the cluster: "));
}

static void
outside_of_a_pod_there_is_the_file_of_kubectl(void **state)
{
	AUTO(world) struct world w;

	(void)state;
	begin(&w);
	(void)unsetenv("KUBERNETES_SERVICE_HOST");
	kube_kit_file(&w.k, "config",
	    "current-context: m\n"
	    "contexts: [{name: m, context: {cluster: c, user: u}}]\n"
	    "clusters: [{name: c, cluster: {server: 'https://c'}}]\n"
	    "users: [{name: u, user: {token: t}}]\n");
	(void)setenv("KUBECONFIG", w.k.config, 1);
	make(&w);
	assert_string_equal(account_facts(w.a)->namespace, "default");
	assert_string_equal(account_facts(w.a)->server, "https://c");
	token_is(&w, false, "t");
}

static void
nothing_at_all_is_said_so(void **state)
{
	AUTO(world) struct world w;
	struct err err = { 0 };
	char path[128];

	(void)state;
	begin(&w);
	(void)snprintf(path, sizeof path, "%s/token", w.k.folder);
	assert_int_equal(unlink(path), 0);
	(void)setenv("KUBECONFIG", w.k.config, 1);
	assert_int_equal(account_new(&w.o, &w.a, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_non_null(strstr(err.msg, "no cluster is known: "));
	(void)setenv("KUBECONFIG", "/a:/b", 1);
	assert_int_equal(account_new(&w.o, &w.a, &err), -1);
	assert_string_equal(err.msg,
	    "KUBECONFIG names several files; name one");
	(void)unsetenv("KUBECONFIG");
	(void)setenv("HOME", w.k.folder, 1);
	assert_int_equal(account_new(&w.o, &w.a, &err), -1);
	assert_non_null(strstr(err.msg, "/.kube/config'"));
}

static void
a_token_does_not_go_out_in_the_clear(void **state)
{
	static const char *const refused[] = { "http://10.0.0.1:80",
		"http://127.0.0.1.example.org:80", "http://localhost.example" };
	AUTO(world) struct world w;
	char text[256];

	(void)state;
	begin(&w);
	w.o.kubeconfig = w.k.config;
	w.o.context = "m";
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct err err = { 0 };

		(void)snprintf(text, sizeof text,
		    "contexts: [{name: m, context: {cluster: c}}]\n"
		    "clusters: [{name: c, cluster: {server: '%s'}}]\n",
		    refused[i]);
		kube_kit_file(&w.k, "config", text);
		assert_int_equal(account_new(&w.o, &w.a, &err), -1);
		assert_true(err_is(&err, ERR_USAGE));
		assert_non_null(strstr(err.msg, "must begin with https://"));
	}
	kube_kit_file(&w.k, "config",
	    "contexts: [{name: m, context: {cluster: c}}]\n"
	    "clusters: [{name: c, cluster: {server: 'http://[::1]:80'}}]\n");
	make(&w);
	token_is(&w, true, "");
}

#define PLUGIN_CONFIG                                             \
	"current-context: m\n"                                    \
	"contexts: [{name: m, context: {cluster: c, user: u}}]\n" \
	"clusters: [{name: c, cluster: {server: 'https://c'}}]\n" \
	"users: [{name: u, user: {exec: {command: ./plugin,\n"    \
	"  apiVersion: client.authentication.k8s.io/v1}}}]\n"

/* The token that it gives is the content of a file. */
static void
a_plugin_is_asked_again_when_its_token_ends(void **state)
{
	AUTO(world) struct world w;

	(void)state;
	begin(&w);
	kube_kit_file(&w.k, "config", PLUGIN_CONFIG);
	kube_kit_file(&w.k, "plugin",
	    "#!/bin/sh\n"
	    "read -r t <\"${0%/*}/token\"\n"
	    "echo \"{\\\"status\\\":{\\\"token\\\":\\\"$t\\\","
	    "\\\"expirationTimestamp\\\":\\\"2026-11-20T16:29:00Z\\\"}}\"\n");
	w.o.kubeconfig = w.k.config;
	make(&w);
	kube_kit_file(&w.k, "token", "second\n");
	token_is(&w, false, "first");
	w.k.ms += 30000;
	token_is(&w, false, "second");
}

static void
every_allocation_may_fail(void **state)
{
	long n = 0;
	int rc;

	(void)state;
	for (;; n++) {
		AUTO(buf) struct buf b = { .max = 100 };
		AUTO(world) struct world w;
		struct err err = { 0 };

		begin(&w);
		failalloc_at(n);
		rc = account_new(&w.o, &w.a, &err);
		if (rc == 0)
			rc = account_token(w.a, true, &b, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		if (!err_is(&err, ERR_NOMEM))
			fail_msg("%ld: %s", n, err.msg);
	}
	assert_true(n > 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_has_its_service_account),
		cmocka_unit_test(its_server_may_be_an_ipv6_address),
		cmocka_unit_test(
		    a_token_is_read_again_after_a_minute_or_a_refusal),
		cmocka_unit_test(a_token_that_is_gone_is_an_error),
		cmocka_unit_test(outside_of_a_pod_there_is_the_file_of_kubectl),
		cmocka_unit_test(nothing_at_all_is_said_so),
		cmocka_unit_test(a_token_does_not_go_out_in_the_clear),
		cmocka_unit_test(a_plugin_is_asked_again_when_its_token_ends),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
