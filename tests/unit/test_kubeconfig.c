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
#include "kube/kubeconfig.h"

#define HEAD                                                             \
	"current-context: main\n"                                        \
	"contexts:\n"                                                    \
	"- {name: main, context: {cluster: c, user: u, namespace: n}}\n" \
	"- {name: other, context: {cluster: d}}\n"                       \
	"- {name: bare, context: {user: u}}\n"                           \
	"- {name: lost, context: {cluster: c, user: nobody}}\n"
#define CLUSTERS                                               \
	"clusters:\n"                                          \
	"- {name: d, cluster: {server: 'https://d/'}}\n"       \
	"- {name: c, cluster: {server: 'https://c:6443/k/',\n" \
	"    proxy-url: 'http://p:3128',\n"                    \
	"    certificate-authority-data: Q0E=}}\n"
#define USER(fields) "users: [{name: u, user: {" fields "}}]\n"
#define FULL                                                     \
	HEAD CLUSTERS USER("token: hush-hush,\n"                 \
	                   "    client-certificate: cert.pem,\n" \
	                   "    client-key-data: S0VZ")

static int
load(struct kube_kit *k, const char *text, const char *context,
    struct account_facts *f, struct err *err)
{
	kube_kit_file(k, "config", text);
	return kubeconfig_read(k->config, context, f, err);
}

static void
what_a_context_names_is_read(void **state)
{
	AUTO(account_facts) struct account_facts f = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_begin(&k);
	kube_kit_file(&k, "cert.pem", "CERT");
	if (load(&k, FULL, NULL, &f, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(f.server, "https://c:6443/k");
	assert_string_equal(f.namespace, "n");
	assert_string_equal(f.proxy, "http://p:3128");
	assert_string_equal(f.ca_pem, "CA");
	assert_string_equal(f.cert_pem, "CERT");
	assert_string_equal(f.key_pem, "KEY");
	assert_string_equal(f.token, "hush-hush");
	assert_null(f.token_file);
	assert_null(f.plugin);
}

static void
another_context_may_be_asked_for(void **state)
{
	AUTO(account_facts) struct account_facts f = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_begin(&k);
	if (load(&k, FULL, "other", &f, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(f.server, "https://d");
	assert_null(f.namespace);
	assert_null(f.token);
	assert_null(f.ca_pem);
}

static void
files_are_relative_to_the_configuration(void **state)
{
	AUTO(account_facts) struct account_facts f = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };
	char path[128];

	(void)state;
	kube_kit_begin(&k);
	if (load(&k, HEAD CLUSTERS USER("tokenFile: token"), NULL, &f, &err))
		fail_msg("%s", err.msg);
	(void)snprintf(path, sizeof path, "%s/token", k.folder);
	assert_string_equal(f.token_file, path);
	assert_int_equal(kubeconfig_read("/nonexistent-config", NULL, &f, &err),
	    -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_int_equal(kubeconfig_read("nonexistent", NULL, &f, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
}

static void
what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *context, *says;
	} t[] = {
		{ "{}", NULL, "no current-context" },
		{ HEAD CLUSTERS, "none", "there is no context 'none'" },
		{ HEAD CLUSTERS, "bare", "context 'bare' has no cluster" },
		{ HEAD, NULL, "there is no cluster 'c'" },
		{ HEAD CLUSTERS, "lost", "there is no user 'nobody'" },
		{ HEAD "clusters: [{name: c, cluster: {}}]\n" USER(""), NULL,
		    "the cluster has no server" },
		{ HEAD
		    "clusters: [{name: c, cluster: {server: //}}]\n" USER(""),
		    NULL, "the cluster has no server" },
		{ HEAD CLUSTERS USER("client-key-data: S0VZ"), NULL,
		    "belong together" },
		{ HEAD CLUSTERS USER("client-key-data: '#'"), NULL,
		    "'client-key-data' is not base64" },
		{ HEAD CLUSTERS USER("client-key: nowhere.pem"), NULL,
		    "'client-key' of '" },
		{ HEAD CLUSTERS USER("username: x"), NULL,
		    "'username' is not supported: give a token" },
		{ HEAD CLUSTERS USER("auth-provider: {name: gcp}"), NULL,
		    "'auth-provider' is not supported" },
		{ HEAD "clusters: [{name: c, cluster: {server: 'https://c',\n"
		       "  insecure-skip-tls-verify: true}}]\n" USER(""),
		    NULL,
		    ":8: 'insecure-skip-tls-verify' is not supported: give "
		    "the server's certificate-authority-data" },
		{ "a: [", NULL, "config:" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO(account_facts) struct account_facts f = { 0 };
		AUTO(kube_kit) struct kube_kit k;
		struct err err = { 0 };

		kube_kit_begin(&k);
		assert_int_equal(load(&k, t[i].text, t[i].context, &f, &err),
		    -1);
		if (!strstr(err.msg, t[i].says))
			fail_msg("'%s' is not in '%s'", t[i].says, err.msg);
	}
}

static void
what_is_off_is_no_harm(void **state)
{
	AUTO(account_facts) struct account_facts f = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_begin(&k);
	if (load(&k,
	        HEAD "clusters: [{name: c, cluster: {server: 'https://c',\n"
	             "  insecure-skip-tls-verify: false}}]\n" USER("as: ''"),
	        NULL, &f, &err))
		fail_msg("%s", err.msg);
}

static void
every_allocation_may_fail(void **state)
{
	AUTO(kube_kit) struct kube_kit k;
	long n = 0;
	int rc;

	(void)state;
	kube_kit_begin(&k);
	kube_kit_file(&k, "cert.pem", "CERT");
	kube_kit_file(&k, "config", FULL);
	for (;; n++) {
		AUTO(account_facts) struct account_facts f = { 0 };
		struct err err = { 0 };

		failalloc_at(n);
		rc = kubeconfig_read(k.config, NULL, &f, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		if (!err_is(&err, ERR_NOMEM))
			fail_msg("%ld: %s", n, err.msg);
	}
	assert_true(n > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_context_names_is_read),
		cmocka_unit_test(another_context_may_be_asked_for),
		cmocka_unit_test(files_are_relative_to_the_configuration),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(what_is_off_is_no_harm),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
