#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/kube_kit.h"
#include "base/yaml.h"
#include "kube/account.h"
#include "kube/credential.h"

#define V1 "apiVersion: client.authentication.k8s.io/v1\n"

static int
make(const char *yaml, const char *folder, struct credential_plugin **p,
    struct err *err)
{
	AUTO(tree) struct tree *t = NULL;
	char server[] = "https://c", ca[] = "CA";
	const struct account_facts f = { .server = server, .ca_pem = ca };
	struct err why = { 0 };

	if (yaml_parse(yaml, strlen(yaml), "config", &t, &why)) {
		*err = why;
		return -1;
	}
	return credential_plugin_new(t, folder, &f, p, err);
}

static int
run(const char *yaml, const char *script, struct credential *c, struct err *err)
{
	AUTO(credential_plugin) struct credential_plugin *p = NULL;
	AUTO(kube_kit) struct kube_kit k;

	kube_kit_begin(&k);
	kube_kit_file(&k, "plugin", script);
	if (make(yaml, k.folder, &p, err))
		return -1;
	return credential_plugin_run(p, c, err);
}

static void
it_runs_without_a_shell_and_gives_a_token(void **state)
{
	AUTO(credential) struct credential c = { 0 };
	struct err err = { 0 };

	(void)state;
	if (run(V1 "command: ./plugin\nargs: [a b, '$HOME']\n"
	           "env: [{name: WHO, value: me}]\n",
	        "#!/bin/sh\n"
	        "[ \"$1|$2|$WHO\" = 'a b|$HOME|me' ] || exit 3\n"
	        "echo '{\"status\": {\"token\": \"t\", "
	        "\"expirationTimestamp\": \"2026-11-20T16:28:00Z\"}}'\n",
	        &c, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(c.token, "t");
	assert_int_equal(c.expires, KUBE_KIT_NOW);
	assert_null(c.cert_pem);
}

static void
it_may_give_a_certificate(void **state)
{
	AUTO(credential) struct credential c = { 0 };
	struct err err = { 0 };

	(void)state;
	if (run("apiVersion: client.authentication.k8s.io/v1beta1\n"
	        "command: ./plugin\n",
	        "#!/bin/sh\n"
	        "echo '{\"status\": {\"clientCertificateData\": \"C\", "
	        "\"clientKeyData\": \"K\", \"expirationTimestamp\": \"x\"}}'\n",
	        &c, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(c.cert_pem, "C");
	assert_string_equal(c.key_pem, "K");
	assert_int_equal(c.expires, 0);
}

/* Its token is what it was told. */
static void
it_is_told_for_whom_it_works(void **state)
{
	AUTO(credential) struct credential c = { 0 };
	struct err err = { 0 };

	(void)state;
	(void)setenv("KUBERNETES_EXEC_INFO", "stale", 1);
	if (run(V1 "command: ./plugin\nprovideClusterInfo: true\n",
	        "#!/bin/sh\n"
	        "t=$(printf %s \"$KUBERNETES_EXEC_INFO\" | tr '\"' \"'\")\n"
	        "echo \"{\\\"status\\\": {\\\"token\\\": \\\"$t\\\"}}\"\n",
	        &c, &err))
		fail_msg("%s", err.msg);
	(void)unsetenv("KUBERNETES_EXEC_INFO");
	assert_string_equal(c.token,
	    "{'apiVersion':'client.authentication.k8s.io/v1','kind':"
	    "'ExecCredential','spec':{'interactive':false,'cluster':{'server':"
	    "'https://c','certificate-authority-data':'Q0E='}}}");
}

static void
what_goes_wrong_is_said(void **state)
{
	static const struct {
		const char *yaml, *script, *says;
	} t[] = {
		{ V1 "command: ./plugin\n", "#!/bin/sh\necho no >&2; exit 7\n",
		    "/plugin' gave no credentials (exit status 7): no" },
		{ V1 "command: ./plugin\n", "#!/bin/sh\nexit 7\n",
		    "it said nothing" },
		{ V1 "command: ./plugin\n", "#!/bin/sh\necho secret\n",
		    "printed no ExecCredential" },
		{ V1 "command: ./plugin\n", "#!/bin/sh\necho '{}'\n",
		    "neither a token nor a certificate" },
		{ V1 "command: no-such-program\n", "", "no-such-program" },
		{ V1, "", "exec: no command" },
		{ "command: x\n", "", "apiVersion must be" },
		{ V1 "command: x\ninteractiveMode: Always\n", "",
		    "wants to ask someone" },
		{ V1 "command: x\nargs: [[]]\n", "", "args must be" },
		{ V1 "command: x\nenv: [{name: A}]\n", "", "env must be" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO(credential) struct credential c = { 0 };
		struct err err = { 0 };

		assert_int_equal(run(t[i].yaml, t[i].script, &c, &err), -1);
		if (!strstr(err.msg, t[i].says))
			fail_msg("'%s' is not in '%s'", t[i].says, err.msg);
		assert_null(strstr(err.msg, "secret"));
	}
}

static void
every_allocation_may_fail(void **state)
{
	AUTO(kube_kit) struct kube_kit k;
	long n = 0;
	int rc;

	(void)state;
	kube_kit_begin(&k);
	kube_kit_file(&k, "plugin",
	    "#!/bin/sh\necho '{\"status\": {\"token\": \"t\"}}'\n");
	for (;; n++) {
		AUTO(credential_plugin) struct credential_plugin *p = NULL;
		AUTO(credential) struct credential c = { 0 };
		struct err err = { 0 };

		failalloc_at(n);
		rc = make(V1 "command: ./plugin\nargs: [a]\n"
		             "env: [{name: A, value: b}]\n",
		    k.folder, &p, &err);
		if (rc == 0)
			rc = credential_plugin_run(p, &c, &err);
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
		cmocka_unit_test(it_runs_without_a_shell_and_gives_a_token),
		cmocka_unit_test(it_may_give_a_certificate),
		cmocka_unit_test(it_is_told_for_whom_it_works),
		cmocka_unit_test(what_goes_wrong_is_said),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
