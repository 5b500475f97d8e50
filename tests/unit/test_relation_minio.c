#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "base/tree.h"
#include "juju/relation_minio.h"

static const char minio[] = "access-key: minio\n"
                            "namespace: kubeflow\n"
                            "port: 9000\n"
                            "secret-key: 5XABCDEF\n"
                            "secure: false\n"
                            "service: minio\n";

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

static struct result
decode(const char *data)
{
	struct result r = { 0 };

	r.rc = relation_minio_decode("object-storage:5", "minio", data, &r.gap,
	    &r.map, &r.err);
	return r;
}

static void
minio_is_a_service_of_the_cluster(void **state)
{
	AUTO(result) struct result r = decode(minio);

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_string_equal(tree_text(r.map, "endpoint"),
	    "http://minio.kubeflow:9000");
	assert_string_equal(tree_text(r.map, "access-key"), "minio");
	assert_string_equal(tree_text(r.map, "secret-key"), "5XABCDEF");
	assert_string_equal(tree_text(r.map, "uri-style"), "path");
	assert_string_equal(r.map->origin, "relation object-storage:5");
}

static void
namespace_may_be_null(void **state)
{
	static const char *const nothing[] = { "null", "~", "''", "" };

	(void)state;
	for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
		char data[256];

		(void)snprintf(data, sizeof data,
		    "access-key: a\nnamespace: %s\nport: 443\n"
		    "secret-key: b\nsecure: true\nservice: store\n",
		    nothing[i]);
		AUTO(result) struct result r = decode(data);
		assert_int_equal(r.rc, 0);
		assert_string_equal(tree_text(r.map, "endpoint"),
		    "https://store:443");
	}
}

static void
keys_that_look_like_numbers_stay_text(void **state)
{
	AUTO(result)
	struct result r =
	    decode("access-key: '0123'\nnamespace: k\nport: 9000\n"
	           "secret-key: 'it''s 1e5'\nsecure: false\n"
	           "service: 'null'\n");

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_string_equal(tree_text(r.map, "access-key"), "0123");
	assert_string_equal(tree_text(r.map, "secret-key"), "it's 1e5");
	assert_string_equal(tree_text(r.map, "endpoint"), "http://null.k:9000");
}

static void
without_data_it_waits(void **state)
{
	AUTO(result) struct result r = decode(NULL);

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_null(r.map);
	assert_int_equal(r.gap.state, RELATION_WAITING);
	assert_string_equal(r.gap.text,
	    "waiting for minio to fill relation object-storage:5");
}

static void
wrong_data_is_named_without_its_secrets(void **state)
{
	static const struct {
		const char *data, *want;
	} cases[] = {
		{ "- TOPSECRET", "relation object-storage:5" },
		{ "access-key: a\nport: 9000\nservice: m\n",
		    "'secret-key' is missing" },
		{ "access-key: a\nsecret-key: TOPSECRET\nport: 0\nservice: m\n",
		    "'port' must be a number from 1 to 65535" },
		{ "access-key: a\nsecret-key: TOPSECRET\nport: [1]\n"
		  "service: m\n",
		    "'port' is missing" },
		{ "access-key: TOPSECRET: b", "relation object-storage:5" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		AUTO(result) struct result r = decode(cases[i].data);

		assert_int_equal(r.rc, -1);
		assert_true(err_is(&r.err, ERR_USAGE));
		assert_non_null(strstr(r.err.msg, cases[i].want));
		assert_null(strstr(r.err.msg, "TOPSECRET"));
		assert_non_null(strstr(r.err.msg, "relation object-storage:5"));
	}
}

static void
too_much_data_is_refused(void **state)
{
	char *data = malloc(70000);

	(void)state;
	assert_non_null(data);
	memset(data, 'x', 69999);
	data[69999] = '\0';
	{
		AUTO(result) struct result r = decode(data);

		assert_int_equal(r.rc, -1);
		assert_string_equal(r.err.msg,
		    "relation object-storage:5: 'data' is longer than 65536 "
		    "bytes");
	}
	free(data);
}

static void
supported_version_is_published(void **state)
{
	struct err err = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	faketool_setup();
	faketool_add("relation-set", "");
	assert_int_equal(relation_minio_publish("object-storage:5", &err), 0);
	calls = faketool_calls();
	faketool_teardown();
	assert_string_equal(calls,
	    "relation-set [-r] [object-storage:5] [--app] [--file] [-]\n"
	    "{\"_supported_versions\":\"- v1\\u000a\"}");
}

static void
bag_is_read_from_juju(void **state)
{
	AUTO(result) struct result r = { 0 };

	(void)state;
	faketool_setup();
	faketool_add("relation-list", "echo '\"minio\"'");
	faketool_add("relation-get",
	    "printf '%s' '{\"_supported_versions\":\"- v1\\n\",\"data\":"
	    "\"access-key: a\\nport: 1\\nsecret-key: b\\nservice: m\\n\"}'");
	r.rc = relation_minio_read("object-storage:5", &r.gap, &r.map, &r.err);
	faketool_teardown();
	assert_int_equal(r.rc, 0);
	assert_string_equal(tree_text(r.map, "endpoint"), "http://m:1");
}

static void
every_allocation_may_fail(void **state)
{
	long n = 0;

	(void)state;
	for (;; n++) {
		AUTO(result) struct result r = { 0 };

		failalloc_at(n);
		r = decode(minio);
		failalloc_at(-1);
		if (r.rc == 0)
			break;
		assert_true(err_is(&r.err, ERR_NOMEM));
	}
	assert_true(n > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minio_is_a_service_of_the_cluster),
		cmocka_unit_test(namespace_may_be_null),
		cmocka_unit_test(keys_that_look_like_numbers_stay_text),
		cmocka_unit_test(without_data_it_waits),
		cmocka_unit_test(wrong_data_is_named_without_its_secrets),
		cmocka_unit_test(too_much_data_is_refused),
		cmocka_unit_test(supported_version_is_published),
		cmocka_unit_test(bag_is_read_from_juju),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
