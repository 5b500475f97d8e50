#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "base/json.h"
#include "base/tree.h"
#include "base/yaml.h"
#include "juju/relation_database.h"

#define PEM "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----"
#define PEM_JSON                         \
	"-----BEGIN CERTIFICATE-----\\n" \
	"QQ==\\n-----END CERTIFICATE-----"
/* base64 of PEM */
#define PEM_BASE64                                                     \
	"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tClFRPT0KLS0tLS1FTkQgQ0VS" \
	"VElGSUNBVEUtLS0tLQ=="
#define ENDPOINTS                                                    \
	"\"endpoints\":\"kfp-db-primary.kubeflow.svc.cluster.local." \
	":3306\",\"read-only-endpoints\":"                           \
	"\"kfp-db-replicas.kubeflow.svc.cluster.local.:3306\""
#define ACCOUNT "{\"username\":\"relation-3\",\"password\":\"PW\"}"

static const struct relation_database kfp = {
	.id = "mysql:3",
	.type = "mysql",
	.app = "kfp-db",
	.database = "mlpipeline",
};

struct result {
	struct tree *map;
	struct relation_gap gap;
	struct err err;
	int rc;
};

static inline void
scope_result(struct result *r)
{
	tree_free(r->map);
}

static struct json *
json_of(const char *text)
{
	struct err err = { 0 };
	struct json *j = NULL;

	if (text)
		assert_int_equal(json_parse(text, strlen(text), &j, &err), 0);
	return j;
}

/* Bag and secrets as JSON; NULL: no such secret. */
static struct result
decode(const char *bag, const char *user, const char *tls)
{
	AUTO(json) struct json *b = json_of(bag);
	AUTO(json) struct json *u = json_of(user);
	AUTO(json) struct json *t = json_of(tls);
	const struct relation_database_data data = { b, u, t, NULL, 0 };
	struct result out = { 0 };

	out.rc =
	    relation_database_decode(&kfp, &data, &out.gap, &out.map, &out.err);
	return out;
}

static struct result
decode_units(const char *bag, const char *one, const char *two)
{
	AUTO(json) struct json *b = json_of(bag);
	AUTO(json) struct json *first = json_of(one);
	AUTO(json) struct json *second = json_of(two);
	AUTO(json) struct json *account = json_of(ACCOUNT);
	struct json *units[2] = { first, second };
	const struct relation_database_data data = { b, account, NULL, units,
		2 };
	struct result out = { 0 };

	out.rc =
	    relation_database_decode(&kfp, &data, &out.gap, &out.map, &out.err);
	return out;
}

/* The list's texts with a blank behind each; out holds 1024. */
static const char *
replicas(const struct tree *map, char *out)
{
	const struct tree *list = tree_get(map, "replicas");
	size_t n = 0;

	out[0] = '\0';
	for (const struct tree *t = list ? list->child : NULL; t; t = t->next)
		n += (size_t)snprintf(out + n, 1024 - n, "%s ", t->text);
	return out;
}

static void
known_applications_have_a_database(void **state)
{
	static const char text[] = "{kfp-db: other, mine: '', my-db: things}";
	struct err err = { 0 };
	AUTO(tree) struct tree *names = NULL;

	(void)state;
	assert_string_equal(relation_database_name(NULL, "kfp-db"),
	    "mlpipeline");
	assert_string_equal(relation_database_name(NULL, "katib-db"), "katib");
	assert_null(relation_database_name(NULL, "my-db"));
	assert_int_equal(yaml_parse(text, sizeof text - 1, "o", &names, &err),
	    0);
	assert_string_equal(relation_database_name(names, "kfp-db"), "other");
	assert_string_equal(relation_database_name(names, "katib-db"), "katib");
	assert_string_equal(relation_database_name(names, "my-db"), "things");
	assert_null(relation_database_name(names, "mine"));
}

static void
account_comes_in_a_secret(void **state)
{
	char list[1024];
	AUTO(result)
	struct result r = decode("{\"database\":\"mlpipeline\"," ENDPOINTS
	                         ",\"version\":\"8.0.44\",\"data\":\"{}\","
	                         "\"username\":\"no\",\"password\":\"no\","
	                         "\"status\":\"[]\"}",
	    ACCOUNT, NULL);

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.gap.state, RELATION_READY);
	assert_string_equal(r.map->origin, "relation mysql:3");
	assert_string_equal(tree_text(r.map, "type"), "mysql");
	assert_string_equal(tree_text(r.map, "database"), "mlpipeline");
	assert_string_equal(tree_text(r.map, "username"), "relation-3");
	assert_string_equal(tree_text(r.map, "password"), "PW");
	assert_string_equal(tree_text(r.map, "primary"),
	    "kfp-db-primary.kubeflow.svc.cluster.local:3306");
	assert_string_equal(replicas(r.map, list),
	    "kfp-db-replicas.kubeflow.svc.cluster.local:3306 ");
	assert_null(tree_get(r.map, "name"));
	assert_null(tree_get(r.map, "tls"));
	assert_null(tree_get(r.map, "tls-ca-chain"));
	assert_null(tree_get(r.map, "version"));
}

static void
account_in_the_bag_is_taken_where_there_is_no_secret(void **state)
{
	AUTO(result)
	struct result r = decode("{\"endpoints\":\"h:3306\",\"username\":\"u\","
	                         "\"password\":\"\\\"quoted\\\"\"}",
	    NULL, NULL);

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_string_equal(tree_text(r.map, "username"), "u");
	assert_string_equal(tree_text(r.map, "password"), "quoted");
	assert_null(tree_get(r.map, "replicas"));
}

static void
addresses_lose_their_last_dot(void **state)
{
	static const struct {
		const char *endpoints, *primary, *rest;
	} cases[] = {
		{ "a.b.:3306", "a.b:3306", "" },
		{ "a.b.", "a.b", "" },
		{ "a.b", "a.b", "" },
		{ " a:1 , b.:2,, c.:3,", "a:1", "b:2 c:3 " },
		{ "10.0.0.7:5432", "10.0.0.7:5432", "" },
		{ "[fd00::7]:5432,[::1]", "[fd00::7]:5432", "[::1] " },
		{ "a.:1,a:1,b:1,a.:1,b.:1", "a:1", "b:1 " },
		{ ",a:1", "a:1", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char bag[256], list[1024];

		(void)snprintf(bag, sizeof bag, "{\"endpoints\":\"%s\"}",
		    cases[i].endpoints);
		AUTO(result) struct result r = decode(bag, ACCOUNT, NULL);
		assert_int_equal(r.rc, 0);
		assert_string_equal(tree_text(r.map, "primary"),
		    cases[i].primary);
		assert_string_equal(replicas(r.map, list), cases[i].rest);
	}
}

static void
replicas_are_as_many_as_the_configuration_takes(void **state)
{
	char bag[1024] = "{\"endpoints\":\"p\",\"read-only-endpoints\":\"",
	     list[1024];

	(void)state;
	for (int i = 0; i < 40; i++)
		(void)snprintf(bag + strlen(bag), sizeof bag - strlen(bag),
		    "r%d,", i);
	(void)snprintf(bag + strlen(bag), sizeof bag - strlen(bag), "\"}");
	AUTO(result) struct result r = decode(bag, ACCOUNT, NULL);
	assert_int_equal(r.rc, 0);
	assert_string_equal(replicas(r.map, list),
	    "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 r13 r14 r15 ");
}

static void
addresses_of_units_come_last(void **state)
{
	char list[1024];
	AUTO(result)
	struct result r = decode_units("{\"endpoints\":\"p.:1\","
	                               "\"read-only-endpoints\":\"r.:1\"}",
	    "{\"endpoints\":\"u0.:1\",\"ingress-address\":\"10.1.2.3\"}",
	    "{\"read-only-endpoints\":\"r:1,u1:1\"}");

	(void)state;
	assert_string_equal(tree_text(r.map, "primary"), "p:1");
	assert_string_equal(replicas(r.map, list), "r:1 u0:1 u1:1 ");
}

static void
tls_is_what_the_provider_says(void **state)
{
	static const struct {
		const char *bag, *secret, *tls, *chain;
	} cases[] = {
		{ "", "{\"tls\":\"True\",\"tls-ca\":\"" PEM_JSON "\"}", "true",
		    PEM },
		{ "", "{\"tls\":\"true\",\"tls-ca\":\"" PEM_BASE64 "\"}",
		    "true", PEM },
		{ "", "{\"tls\":\"True\"}", "true", NULL },
		{ "", "{\"tls-ca\":\"" PEM_JSON "\"}", "true", PEM },
		{ "", "{\"tls\":\"False\",\"tls-ca\":\"" PEM_JSON "\"}", NULL,
		    NULL },
		{ "", "{}", NULL, NULL },
		{ ",\"tls\":\"True\",\"tls-ca\":\"" PEM_JSON "\"", NULL, "true",
		    PEM },
		{ ",\"tls\":\"true\"", NULL, "true", NULL },
		{ ",\"tls\":\"True\"", "{\"tls\":\"False\"}", NULL, NULL },
		{ "", NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *tls, *chain;
		char bag[512];

		(void)snprintf(bag, sizeof bag, "{\"endpoints\":\"h\"%s}",
		    cases[i].bag);
		AUTO(result)
		struct result r = decode(bag, ACCOUNT, cases[i].secret);
		assert_int_equal(r.rc, 0);
		tls = tree_text(r.map, "tls");
		chain = tree_text(r.map, "tls-ca-chain");
		assert_string_equal(tls ? tls : "", cases[i].tls ? "true" : "");
		assert_string_equal(chain ? chain : "",
		    cases[i].chain ? cases[i].chain : "");
	}
}

static void
certificate_that_is_none_is_refused(void **state)
{
	AUTO(result)
	struct result r =
	    decode("{\"endpoints\":\"h\"}", ACCOUNT, "{\"tls-ca\":\"%%%\"}");

	(void)state;
	assert_int_equal(r.rc, -1);
	assert_true(err_is(&r.err, ERR_USAGE));
	assert_non_null(strstr(r.err.msg, "relation mysql:3: 'tls-ca': "));
	assert_null(r.map);
}

static void
what_is_missing_is_waited_for(void **state)
{
	static const struct {
		const char *bag, *user, *want;
	} cases[] = {
		{ "{}", NULL,
		    "waiting for kfp-db to give an account to relation "
		    "mysql:3" },
		{ "{" ENDPOINTS "}", NULL,
		    "waiting for kfp-db to give an account to relation "
		    "mysql:3" },
		{ "{" ENDPOINTS "}", "{\"username\":\"u\"}",
		    "waiting for kfp-db to give an account to relation "
		    "mysql:3" },
		{ "{\"endpoints\":\" , \",\"read-only-endpoints\":\"h\"}",
		    ACCOUNT,
		    "waiting for kfp-db to give its address to relation "
		    "mysql:3" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		AUTO(result)
		struct result r = decode(cases[i].bag, cases[i].user, NULL);

		assert_int_equal(r.rc, 0);
		assert_null(r.map);
		assert_int_equal(r.gap.state, RELATION_WAITING);
		assert_string_equal(r.gap.text, cases[i].want);
	}
}

static void
gap_of_another_relation_hides_nothing(void **state)
{
	AUTO(json) struct json *bag = json_of("{" ENDPOINTS "}");
	AUTO(json) struct json *account = json_of(ACCOUNT);
	const struct relation_database_data data = { bag, account, NULL, NULL,
		0 };
	AUTO(result) struct result r = { 0 };

	(void)state;
	relation_gap_set(&r.gap, RELATION_WAITING, "another");
	assert_int_equal(relation_database_decode(&kfp, &data, &r.gap, &r.map,
	                     &r.err),
	    0);
	assert_non_null(r.map);
	assert_string_equal(r.gap.text, "another");
}

static void
without_a_database_name_it_is_blocked(void **state)
{
	const struct relation_database nameless = {
		.id = "mysql:3",
		.type = "mysql",
		.app = "my-db",
	};
	AUTO(json) struct json *bag = json_of("{}");
	const struct relation_database_data data = { .bag = bag };
	AUTO(result) struct result r = { 0 };

	(void)state;
	assert_int_equal(relation_database_decode(&nameless, &data, &r.gap,
	                     &r.map, &r.err),
	    0);
	assert_null(r.map);
	assert_int_equal(r.gap.state, RELATION_BLOCKED);
	assert_string_equal(r.gap.text,
	    "no database name for my-db: set option 'databases', such as "
	    "'my-db: mlpipeline'");
}

static void
account_for_another_database_is_refused(void **state)
{
	AUTO(result)
	struct result r =
	    decode("{\"database\":\"old\"," ENDPOINTS "}", ACCOUNT, NULL);

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_null(r.map);
	assert_int_equal(r.gap.state, RELATION_BLOCKED);
	assert_string_equal(r.gap.text,
	    "relation mysql:3 is for database 'old', not 'mlpipeline': set "
	    "option 'databases', or remove the relation and make it anew");
}

static void
subordinate_is_waited_for(void **state)
{
	static const char bag[] =
	    "{\"subordinated\":\"true\",\"endpoints\":\"h\"}";
	AUTO(result)
	struct result none = decode_units(bag, "{}", "{\"state\":\"joining\"}");
	AUTO(result)
	struct result one =
	    decode_units(bag, "{\"state\":\"x\"}", "{\"state\":\"ready\"}");
	AUTO(result)
	struct result other =
	    decode_units("{\"subordinated\":\"false\",\"endpoints\":\"h\"}",
	        "{}", "{}");

	(void)state;
	assert_int_equal(none.rc, 0);
	assert_null(none.map);
	assert_int_equal(none.gap.state, RELATION_WAITING);
	assert_string_equal(none.gap.text,
	    "waiting for a unit of kfp-db to be ready in relation mysql:3");
	assert_non_null(one.map);
	assert_non_null(other.map);
}

/* --- against hook tools */

static int
setup(void **state)
{
	(void)state;
	faketool_setup();
	faketool_add("relation-list", "echo '[\"kfp-db/0\",\"kfp-db/1\"]'");
	faketool_add("relation-set", "echo >>\"${0%/*}/calls\"");
	faketool_add("relation-get",
	    "case $* in *--app*) echo '{" ENDPOINTS
	    ",\"secret-user\":\"secret://u/d2k\","
	    "\"secret-tls\":\"secret://u/t2k\"}';;\n"
	    "*kfp-db/0*) echo '{\"endpoints\":\"u0.:3306\"}';;\n"
	    "*) echo 'ERROR permission denied' >&2; exit 1;; esac");
	faketool_add("secret-get", "case $2 in *d2k) echo '" ACCOUNT "';;\n"
	                           "*) echo '{\"tls\":\"True\"}';; esac");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	faketool_teardown();
	return 0;
}

#define SECRETS                                                         \
	"\"requested-secrets\":\"[\\\"username\\\", \\\"password\\\", " \
	"\\\"tls\\\", \\\"tls-ca\\\", \\\"uris\\\", "                   \
	"\\\"read-only-uris\\\"]\""

static void
database_and_secrets_are_asked_for_at_once(void **state)
{
	struct err err = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	assert_int_equal(relation_database_publish(&kfp, &err), 0);
	calls = faketool_calls();
	assert_string_equal(calls,
	    "relation-set [-r] [mysql:3] [--app] [--file] [-]\n"
	    "{" SECRETS ",\"database\":\"mlpipeline\"}\n"
	    "relation-set [-r] [mysql:3] [--file] [-]\n{" SECRETS "}\n");
}

static void
database_is_not_asked_for_without_its_name(void **state)
{
	struct relation_database nameless = kfp;
	struct err err = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	nameless.database = NULL;
	assert_int_equal(relation_database_publish(&nameless, &err), 0);
	calls = faketool_calls();
	assert_string_equal(calls,
	    "relation-set [-r] [mysql:3] [--app] [--file] [-]\n"
	    "{" SECRETS "}\n"
	    "relation-set [-r] [mysql:3] [--file] [-]\n{" SECRETS "}\n");
}

static void
everything_is_read_from_juju(void **state)
{
	AUTO(result) struct result r = { 0 };
	AUTO(free) char *calls = NULL;
	char list[1024];

	(void)state;
	assert_int_equal(relation_database_read(&kfp, &r.gap, &r.map, &r.err),
	    0);
	assert_int_equal(r.gap.state, RELATION_READY);
	assert_string_equal(tree_text(r.map, "password"), "PW");
	assert_string_equal(tree_text(r.map, "tls"), "true");
	assert_string_equal(replicas(r.map, list),
	    "kfp-db-replicas.kubeflow.svc.cluster.local:3306 u0:3306 ");
	calls = faketool_calls();
	assert_non_null(strstr(calls,
	    "secret-get [--format=json] [secret://u/d2k] [--label] "
	    "[mysql.secret-user.3] [--refresh]\n"));
	assert_non_null(strstr(calls,
	    "secret-get [--format=json] [secret://u/t2k] [--label] "
	    "[mysql.secret-tls.3] [--refresh]\n"));
}

static void
secret_is_waited_for(void **state)
{
	static const char *const bodies[] = {
		"echo 'ERROR permission denied' >&2; exit 1",
		"echo 'ERROR secret \"x\" not found' >&2; exit 1",
		"case $2 in *d2k) echo '" ACCOUNT "';; *) echo 'ERROR "
		"\"pb/0\" is not allowed to read this secret' >&2; exit 1;; "
		"esac",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		AUTO(result) struct result r = { 0 };

		faketool_add("secret-get", bodies[i]);
		assert_int_equal(relation_database_read(&kfp, &r.gap, &r.map,
		                     &r.err),
		    0);
		assert_null(r.map);
		assert_int_equal(r.gap.state, RELATION_WAITING);
		assert_string_equal(r.gap.text,
		    "waiting for the secret of relation mysql:3");
	}
}

static void
failing_tool_is_an_error(void **state)
{
	AUTO(result) struct result r = { 0 };

	(void)state;
	faketool_add("secret-get", "echo 'ERROR lost it' >&2; exit 1");
	assert_int_equal(relation_database_read(&kfp, &r.gap, &r.map, &r.err),
	    -1);
	assert_true(err_is(&r.err, ERR_REMOTE));
	assert_string_equal(r.err.msg, "secret-get: lost it");
}

static void
every_allocation_may_fail(void **state)
{
	AUTO(json) struct json *bag = json_of("{" ENDPOINTS "}");
	AUTO(json) struct json *account = json_of(ACCOUNT);
	AUTO(json)
	struct json *tls =
	    json_of("{\"tls\":\"True\",\"tls-ca\":\"" PEM_BASE64 "\"}");
	AUTO(json) struct json *unit = json_of("{\"endpoints\":\"u0\"}");
	struct json *const units[] = { unit };
	const struct relation_database_data data = { bag, account, tls, units,
		1 };
	long n = 0;

	(void)state;
	for (;; n++) {
		AUTO(result) struct result r = { 0 };

		failalloc_at(n);
		r.rc = relation_database_decode(&kfp, &data, &r.gap, &r.map,
		    &r.err);
		failalloc_at(-1);
		if (r.rc == 0)
			break;
		assert_true(err_is(&r.err, ERR_NOMEM));
		assert_null(r.map);
	}
	assert_true(n > 30);
}

static void
every_allocation_of_asking_may_fail(void **state)
{
	long n = 0;

	(void)state;
	faketool_add("relation-list", "echo '[\"kfp-db/0\"]'");
	faketool_add("relation-get",
	    "echo '{\"endpoints\":\"h\",\"secret-user\":\"secret:d2k\"}'");
	for (;; n++) {
		AUTO(result) struct result r = { 0 };

		failalloc_at(n);
		r.rc = relation_database_read(&kfp, &r.gap, &r.map, &r.err);
		failalloc_at(-1);
		if (r.rc == 0)
			break;
		assert_true(err_is(&r.err, ERR_NOMEM));
	}
	assert_true(n > 30);
}

#define TOOL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_applications_have_a_database),
		cmocka_unit_test(account_comes_in_a_secret),
		cmocka_unit_test(
		    account_in_the_bag_is_taken_where_there_is_no_secret),
		cmocka_unit_test(addresses_lose_their_last_dot),
		cmocka_unit_test(
		    replicas_are_as_many_as_the_configuration_takes),
		cmocka_unit_test(addresses_of_units_come_last),
		cmocka_unit_test(tls_is_what_the_provider_says),
		cmocka_unit_test(certificate_that_is_none_is_refused),
		cmocka_unit_test(what_is_missing_is_waited_for),
		cmocka_unit_test(gap_of_another_relation_hides_nothing),
		cmocka_unit_test(without_a_database_name_it_is_blocked),
		cmocka_unit_test(account_for_another_database_is_refused),
		cmocka_unit_test(subordinate_is_waited_for),
		TOOL_TEST(database_and_secrets_are_asked_for_at_once),
		TOOL_TEST(database_is_not_asked_for_without_its_name),
		TOOL_TEST(everything_is_read_from_juju),
		TOOL_TEST(secret_is_waited_for),
		TOOL_TEST(failing_tool_is_an_error),
		cmocka_unit_test(every_allocation_may_fail),
		TOOL_TEST(every_allocation_of_asking_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
