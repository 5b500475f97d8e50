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
#include "juju/relation_s3.h"

#define PEM_A "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----"
#define PEM_B "-----BEGIN CERTIFICATE-----\nQg==\n-----END CERTIFICATE-----"
#define JSON_A                                   \
	"-----BEGIN CERTIFICATE-----\\\\nQQ==\\" \
	"\\n-----END CERTIFICATE-----"
/* base64 of PEM_B */
#define BASE64_B                                                       \
	"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tClFnPT0KLS0tLS1FTkQgQ0VS" \
	"VElGSUNBVEUtLS0tLQ=="

static const struct relation_s3 repository = {
	.id = "s3-parameters:7",
	.option = "bucket",
};

static const struct relation_s3 source = {
	.id = "s3-source:9",
	.source = true,
	.bucket = "mlpipeline",
	.option = "object-store-bucket-name",
};

/* What one decode gave; the two texts are the bag and the secret or NULL. */
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

static struct result
decode(const struct relation_s3 *r, const char *bag, const char *secret)
{
	AUTO(json) struct json *b = json_of(bag);
	AUTO(json) struct json *s = json_of(secret);
	const struct relation_s3_data data = { "s3-integrator", b, s };
	struct result out = { 0 };

	out.rc = relation_s3_decode(r, &data, &out.gap, &out.map, &out.err);
	return out;
}

static void
v1_provider_gives_keys_in_a_secret(void **state)
{
	AUTO(result)
	struct result r = decode(&repository,
	    "{\"version\":\"1\",\"endpoint\":\" https://s3.example:9000// \","
	    "\"bucket\":\"/backups/\",\"path\":\"/ckf/prod/\","
	    "\"region\":\"eu-1\",\"s3-uri-style\":\"path\","
	    "\"storage-class\":\"COLD\",\"attributes\":\"a=b\","
	    "\"data\":\"{}\",\"delete-older-than-days\":\"30\"}",
	    "{\"access-key\":\"AK\",\"secret-key\":\"sk+/=\"}");

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.gap.state, RELATION_READY);
	assert_string_equal(tree_text(r.map, "endpoint"),
	    "https://s3.example:9000");
	assert_string_equal(tree_text(r.map, "bucket"), "backups");
	assert_string_equal(tree_text(r.map, "path"), "ckf/prod");
	assert_string_equal(tree_text(r.map, "region"), "eu-1");
	assert_string_equal(tree_text(r.map, "uri-style"), "path");
	assert_string_equal(tree_text(r.map, "storage-class"), "COLD");
	assert_string_equal(tree_text(r.map, "delete-older-than-days"), "30");
	assert_string_equal(tree_text(r.map, "access-key"), "AK");
	assert_string_equal(tree_text(r.map, "secret-key"), "sk+/=");
	assert_null(tree_get(r.map, "attributes"));
	assert_null(tree_get(r.map, "data"));
	assert_null(tree_get(r.map, "proxy"));
	assert_string_equal(r.map->origin, "relation s3-parameters:7");
}

static void
v0_provider_gives_keys_in_the_bag(void **state)
{
	AUTO(result)
	struct result r = decode(&repository,
	    "{\"access-key\":\"12345678\",\"secret-key\":\"\\\"quoted\\\"\","
	    "\"bucket\":\"b\",\"data\":\"{\\\"bucket\\\":\\\"b\\\"}\"}",
	    NULL);

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_string_equal(tree_text(r.map, "access-key"), "12345678");
	assert_string_equal(tree_text(r.map, "secret-key"), "quoted");
	assert_string_equal(tree_text(r.map, "bucket"), "b");
	assert_null(tree_get(r.map, "endpoint"));
}

static void
without_keys_it_waits(void **state)
{
	AUTO(result)
	struct result r = decode(&repository, "{\"version\":\"1\"}", NULL);

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_null(r.map);
	assert_int_equal(r.gap.state, RELATION_WAITING);
	assert_string_equal(r.gap.text,
	    "waiting for s3-integrator to give its keys to relation "
	    "s3-parameters:7");
}

static void
without_a_bucket_it_is_blocked(void **state)
{
	AUTO(result)
	struct result r =
	    decode(&repository, "{\"version\":\"1\",\"bucket\":\"\"}",
	        "{\"access-key\":\"AK\",\"secret-key\":\"SK\"}");

	(void)state;
	assert_null(r.map);
	assert_int_equal(r.gap.state, RELATION_BLOCKED);
	assert_string_equal(r.gap.text,
	    "no bucket name: set option 'bucket' of s3-integrator or 'bucket' "
	    "of this charm");
}

static void
placeholder_of_v0_is_no_bucket(void **state)
{
	static const char bag[] =
	    "{\"access-key\":\"AK\",\"secret-key\":\"SK\","
	    "\"bucket\":\"relation-7\"}";
	struct relation_s3 own = repository;
	AUTO(result) struct result none = decode(&repository, bag, NULL);

	(void)state;
	assert_null(none.map);
	assert_int_equal(none.gap.state, RELATION_BLOCKED);
	own.bucket = "/mine/";
	own.path = "p/";
	AUTO(result) struct result mine = decode(&own, bag, NULL);
	assert_string_equal(tree_text(mine.map, "bucket"), "mine");
	assert_string_equal(tree_text(mine.map, "path"), "p");
}

static void
bucket_of_v1_may_have_any_name(void **state)
{
	AUTO(result)
	struct result r =
	    decode(&repository, "{\"version\":\"1\",\"bucket\":\"relation-7\"}",
	        "{\"access-key\":\"AK\",\"secret-key\":\"SK\"}");

	(void)state;
	assert_string_equal(tree_text(r.map, "bucket"), "relation-7");
}

static void
their_bucket_and_path_win_over_ours(void **state)
{
	const struct relation_s3 own = {
		.id = "s3-parameters:7",
		.bucket = "ours",
		.path = "ours",
		.option = "bucket",
	};
	AUTO(result)
	struct result r = decode(&own,
	    "{\"version\":\"1\",\"bucket\":\"theirs\",\"path\":\"there\"}",
	    "{\"access-key\":\"AK\",\"secret-key\":\"SK\"}");

	(void)state;
	assert_string_equal(tree_text(r.map, "bucket"), "theirs");
	assert_string_equal(tree_text(r.map, "path"), "there");
}

static void
source_has_no_path_and_no_storage_class(void **state)
{
	AUTO(result)
	struct result r = decode(&source,
	    "{\"version\":\"1\",\"path\":\"p\",\"storage-class\":\"COLD\"}",
	    "{\"access-key\":\"AK\",\"secret-key\":\"SK\"}");

	(void)state;
	assert_string_equal(tree_text(r.map, "bucket"), "mlpipeline");
	assert_null(tree_get(r.map, "path"));
	assert_null(tree_get(r.map, "storage-class"));
	assert_null(tree_get(r.map, "delete-older-than-days"));
}

static void
chain_is_pem_or_base64_of_pem(void **state)
{
	static const char *const chains[] = {
		"[\\\"" JSON_A "\\\",\\\"" BASE64_B "\\\"]",
		"-----BEGIN CERTIFICATE-----\\nQQ==\\n"
		"-----END CERTIFICATE-----\\n"
		"-----BEGIN CERTIFICATE-----\\nQg==\\n"
		"-----END CERTIFICATE-----",
	};

	(void)state;
	for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
		char bag[2048];

		(void)snprintf(bag, sizeof bag,
		    "{\"version\":\"1\",\"bucket\":\"b\","
		    "\"tls-ca-chain\":\"%s\"}",
		    chains[i]);
		AUTO(result)
		struct result r = decode(&repository, bag,
		    "{\"access-key\":\"AK\",\"secret-key\":\"SK\"}");
		assert_int_equal(r.rc, 0);
		assert_string_equal(tree_text(r.map, "tls-ca-chain"),
		    PEM_A "\n" PEM_B);
	}
}

static void
chain_that_is_no_certificate_is_refused(void **state)
{
	static const char *const chains[] = { "[\\\"aGVsbG8=\\\"]", "%%%",
		"[\\\"", "[\\\"\\\"]" };

	(void)state;
	for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
		char bag[256];

		(void)snprintf(bag, sizeof bag,
		    "{\"bucket\":\"b\",\"tls-ca-chain\":\"%s\"}", chains[i]);
		AUTO(result)
		struct result r = decode(&repository, bag,
		    "{\"access-key\":\"AK\",\"secret-key\":\"SK\"}");
		assert_int_equal(r.rc, -1);
		assert_true(err_is(&r.err, ERR_USAGE));
		assert_non_null(strstr(r.err.msg,
		    "relation s3-parameters:7: 'tls-ca-chain': "));
	}
}

static void
proxy_is_chosen_by_the_scheme(void **state)
{
	static const struct {
		const char *endpoint, *proxy;
	} cases[] = {
		{ "\"endpoint\":\"http://h:9000\",", "http://plain:1" },
		{ "\"endpoint\":\"https://h:9000\",", "http://tls:2" },
		{ "\"endpoint\":\"h:9000\",", "http://plain:1" },
		{ "\"endpoint\":\"h:443\",", "http://tls:2" },
		{ "\"endpoint\":\"h\",", "http://tls:2" },
		{ "", "http://tls:2" },
	};
	struct relation_s3 with = repository;

	(void)state;
	with.http_proxy = "http://plain:1";
	with.https_proxy = "http://tls:2";
	with.no_proxy = ".svc";
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char bag[256];

		(void)snprintf(bag, sizeof bag, "{%s\"bucket\":\"b\"}",
		    cases[i].endpoint);
		AUTO(result)
		struct result r = decode(&with, bag,
		    "{\"access-key\":\"AK\",\"secret-key\":\"SK\"}");
		assert_string_equal(tree_text(r.map, "proxy"), cases[i].proxy);
		assert_string_equal(tree_text(r.map, "no-proxy"), ".svc");
	}
}

/* --- against hook tools */

static int
setup(void **state)
{
	(void)state;
	faketool_setup();
	faketool_add("relation-list", "echo '\"s3-integrator\"'");
	faketool_add("relation-set", "echo >>\"${0%/*}/calls\"");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	faketool_teardown();
	return 0;
}

#define ASKED                                                   \
	"relation-list [--format=json] [--app] [-r] [%s]"       \
	"\nrelation-get [--format=json] [-r] [%s] [--app] [-] " \
	"[s3-integrator]\n"
#define SECRETS \
	"\"requested-secrets\":\"[\\\"access-key\\\", \\\"secret-key\\\"]\""

/* bag: what the provider has written; want: bucket and path that we write. */
static void
published(const struct relation_s3 *r, const char *bag, const char *want)
{
	char body[512], calls[1024];
	AUTO(free) char *got = NULL;
	struct err err = { 0 };

	(void)snprintf(body, sizeof body, "echo '%s'", bag);
	faketool_add("relation-get", body);
	assert_int_equal(relation_s3_publish(r, &err), 0);
	got = faketool_calls();
	(void)snprintf(calls, sizeof calls,
	    ASKED "relation-set [-r] [%s] [--app] [--file] [-]\n"
	          "{" SECRETS ",\"version\":\"1\",%s}\n"
	          "relation-set [-r] [%s] [--file] [-]\n{" SECRETS "}\n",
	    r->id, r->id, r->id, want, r->id);
	assert_string_equal(got, calls);
}

static void
nothing_is_asked_of_a_provider_that_says_nothing(void **state)
{
	(void)state;
	published(&repository, "{}", "\"bucket\":\"\",\"path\":\"\"");
}

static void
v1_provider_is_not_asked_for_a_placeholder(void **state)
{
	(void)state;
	published(&repository, "{\"version\":\"1\",\"data\":\"{}\"}",
	    "\"bucket\":\"\",\"path\":\"\"");
	published(&repository, "{\"lib-version\":\"1.0\"}",
	    "\"bucket\":\"\",\"path\":\"\"");
}

static void
v0_provider_is_asked_for_a_placeholder(void **state)
{
	(void)state;
	published(&repository, "{\"data\":\"{}\"}",
	    "\"bucket\":\"relation-7\",\"path\":\"\"");
	published(&repository, "{\"version\":\"0.5\"}",
	    "\"bucket\":\"relation-7\",\"path\":\"\"");
}

static void
own_bucket_and_path_are_asked_for(void **state)
{
	struct relation_s3 own = repository;

	(void)state;
	own.bucket = "mine";
	own.path = "p";
	published(&own, "{}", "\"bucket\":\"mine\",\"path\":\"p\"");
	published(&own, "{\"data\":\"{}\"}",
	    "\"bucket\":\"mine\",\"path\":\"p\"");
}

static void
nobody_is_asked_to_make_a_source(void **state)
{
	(void)state;
	published(&source, "{\"version\":\"1\"}",
	    "\"bucket\":\"\",\"path\":\"\"");
	published(&source, "{\"data\":\"{}\"}",
	    "\"bucket\":\"mlpipeline\",\"path\":\"\"");
}

static void
secret_is_waited_for(void **state)
{
	static const char *const words[] = { "permission denied",
		"secret \\\"x\\\" not found" };

	(void)state;
	faketool_add("relation-get",
	    "echo '{\"version\":\"1\",\"bucket\":\"b\","
	    "\"secret-extra\":\"secret://u/d2k\"}'");
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		struct result r = { 0 };
		char body[128];

		(void)snprintf(body, sizeof body,
		    "echo \"ERROR %s\" >&2; exit 1", words[i]);
		faketool_add("secret-get", body);
		assert_int_equal(relation_s3_read(&repository, &r.gap, &r.map,
		                     &r.err),
		    0);
		assert_null(r.map);
		assert_int_equal(r.gap.state, RELATION_WAITING);
		assert_string_equal(r.gap.text,
		    "waiting for the secret of relation s3-parameters:7");
	}
}

static void
secret_is_read_where_it_is_granted(void **state)
{
	AUTO(result) struct result r = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	faketool_add("relation-get",
	    "echo '{\"version\":\"1\",\"bucket\":\"b\","
	    "\"secret-extra\":\"secret://u/d2k\"}'");
	faketool_add("secret-get",
	    "echo '{\"access-key\":\"AK\",\"secret-key\":\"SK\"}'");
	assert_int_equal(relation_s3_read(&repository, &r.gap, &r.map, &r.err),
	    0);
	assert_string_equal(tree_text(r.map, "secret-key"), "SK");
	calls = faketool_calls();
	assert_non_null(strstr(calls, "secret-get [--format=json] "
	                              "[secret://u/d2k] [--label] [s3.7] "
	                              "[--refresh]\n"));
}

static void
every_allocation_may_fail(void **state)
{
	AUTO(json)
	struct json *bag = json_of(
	    "{\"version\":\"1\",\"endpoint\":\"https://h\",\"bucket\":\"b\","
	    "\"tls-ca-chain\":\"[\\\"" JSON_A "\\\",\\\"" BASE64_B "\\\"]\"}");
	AUTO(json)
	struct json *secret =
	    json_of("{\"access-key\":\"AK\",\"secret-key\":\"\\\"SK\\\"\"}");
	const struct relation_s3_data data = { "s3", bag, secret };
	long n = 0;

	(void)state;
	for (;; n++) {
		AUTO(result) struct result r = { 0 };

		failalloc_at(n);
		r.rc =
		    relation_s3_decode(&source, &data, &r.gap, &r.map, &r.err);
		failalloc_at(-1);
		if (r.rc == 0)
			break;
		assert_true(err_is(&r.err, ERR_NOMEM));
	}
	assert_true(n > 20);
}

#define TOOL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void
proxy_that_is_given_keeps_its_exceptions(void **state)
{
	struct relation_s3 with = repository;
	AUTO(tree) struct tree *own = NULL, *exempt = NULL;
	struct err err = { 0 };

	(void)state;
	with.https_proxy = "http://tls:2";
	with.no_proxy = ".svc";
	assert_int_equal(tree_new(TREE_MAP, NULL, "x", 0, &own, &err), 0);
	assert_int_equal(tree_new(TREE_MAP, NULL, "x", 0, &exempt, &err), 0);
	assert_int_equal(tree_add_text(own, "proxy", "http://own:3", &err), 0);
	assert_int_equal(tree_add_text(exempt, "no-proxy", "h", &err), 0);
	assert_int_equal(relation_s3_proxy(&with, own, &err), 0);
	assert_string_equal(tree_text(own, "proxy"), "http://own:3");
	assert_null(tree_text(own, "no-proxy"));
	assert_int_equal(relation_s3_proxy(&with, exempt, &err), 0);
	assert_string_equal(tree_text(exempt, "proxy"), "http://tls:2");
	assert_string_equal(tree_text(exempt, "no-proxy"), "h");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v1_provider_gives_keys_in_a_secret),
		cmocka_unit_test(v0_provider_gives_keys_in_the_bag),
		cmocka_unit_test(without_keys_it_waits),
		cmocka_unit_test(without_a_bucket_it_is_blocked),
		cmocka_unit_test(placeholder_of_v0_is_no_bucket),
		cmocka_unit_test(bucket_of_v1_may_have_any_name),
		cmocka_unit_test(their_bucket_and_path_win_over_ours),
		cmocka_unit_test(source_has_no_path_and_no_storage_class),
		cmocka_unit_test(chain_is_pem_or_base64_of_pem),
		cmocka_unit_test(chain_that_is_no_certificate_is_refused),
		cmocka_unit_test(proxy_is_chosen_by_the_scheme),
		TOOL_TEST(nothing_is_asked_of_a_provider_that_says_nothing),
		TOOL_TEST(v1_provider_is_not_asked_for_a_placeholder),
		TOOL_TEST(v0_provider_is_asked_for_a_placeholder),
		TOOL_TEST(own_bucket_and_path_are_asked_for),
		TOOL_TEST(nobody_is_asked_to_make_a_source),
		TOOL_TEST(secret_is_waited_for),
		TOOL_TEST(secret_is_read_where_it_is_granted),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(proxy_that_is_given_keeps_its_exceptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
