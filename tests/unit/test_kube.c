#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/kube_kit.h"
#include "stream/sink.h"

#define PODS "/api/v1/namespaces/a/pods"
#define FORBIDDEN                                                         \
	KUBE_STATUS("Forbidden",                                          \
	    "pods is forbidden: User "                                    \
	    "\\\"system:serviceaccount:kubeflow:platform-backup\\\" "     \
	    "cannot list resource \\\"pods\\\" in API group \\\"\\\" in " \
	    "the namespace \\\"a\\\"")

static const struct kube_call list = { .verb = "list",
	.resource = "pods",
	.namespace = "a",
	.method = "GET",
	.path = PODS "?limit=2" };
static const struct kube_call create = { .verb = "create",
	.resource = "pods",
	.namespace = "a",
	.method = "POST",
	.path = PODS,
	.type = "application/json",
	.body = "{}",
	.body_len = 2 };

static void
a_call_says_who_it_is_and_gives_the_answer(void **state)
{
	const struct httpd_step steps[] = { { "GET", PODS "?limit=2", 200, NULL,
		                                "{\"items\":[]}", 0, 0 },
		{ 0 } };
	AUTO(buf) struct buf b = { .max = 100 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	if (kube_ask(k.k, &list, &b, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(b.data, "{\"items\":[]}");
	kube_kit_check(&k);
	assert_non_null(strstr(httpd_head(k.d, 0),
	    "Authorization: Bearer hush-hush\r\n"));
	assert_non_null(strstr(httpd_head(k.d, 0),
	    "Accept: application/json\r\n"));
	assert_string_equal(kube_namespace(k.k), "kubeflow");
}

static void
what_is_sent_has_its_type(void **state)
{
	const struct httpd_step steps[] = { { "PATCH", PODS "/x", 200, NULL,
		                                "{}", 0, 0 },
		{ "DELETE", PODS "/x", 200, NULL, "{}", 0, 0 }, { 0 } };
	struct kube_call c = create;
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	c.method = "PATCH";
	c.path = PODS "/x";
	c.type = "application/apply-patch+yaml";
	c.accept = "application/yaml";
	assert_int_equal(kube_do(k.k, &c, NULL, &err), 0);
	c.method = "DELETE";
	c.type = "application/json";
	assert_int_equal(kube_do(k.k, &c, NULL, &err), 0);
	kube_kit_check(&k);
	assert_non_null(strstr(httpd_head(k.d, 0),
	    "Content-Type: application/apply-patch+yaml\r\n"));
	assert_non_null(strstr(httpd_head(k.d, 0),
	    "Accept: application/yaml\r\n"));
	assert_int_equal(httpd_body_len(k.d, 0), 2);
	assert_int_equal(httpd_body_len(k.d, 1), 2);
}

static void
what_is_transient_is_tried_again(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", PODS, 429, "Retry-After: 30\r\n", NULL, 0, 0 },
		{ "GET", PODS, 503, NULL, "no JSON", 0, 0 },
		{ "GET", PODS, 500, "Retry-After: soon\r\n",
		    KUBE_STATUS("InternalError", "etcd"), 0, 0 },
		{ "GET", PODS, 200, NULL, "12345678", 0, HTTPD_RESET },
		{ "GET", PODS, 200, NULL, "12345678", 0, HTTPD_CUT },
		{ "GET", PODS, 200, NULL, "87654321", 0, 0 }, { 0 }
	};
	AUTO(buf) struct buf b = { .max = 100 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	if (kube_ask(k.k, &list, &b, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(b.data, "87654321");
	kube_kit_check(&k);
	/* the reset of a kept connection is repeated by libcurl itself */
	assert_int_equal(k.slept, 4);
	assert_in_range(k.ms, 30000, 36000);
}

static void
in_the_end_it_is_given_up(void **state)
{
	struct httpd_step steps[9] = { { 0 } };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 8; i++)
		steps[i] = (struct httpd_step){ "GET", PODS, 503, NULL,
			KUBE_STATUS("ServiceUnavailable", "starting"), 0, 0 };
	kube_kit_start(&k, steps);
	assert_int_equal(kube_do(k.k, &list, NULL, &err), -1);
	assert_true(err_is(&err, ERR_TRANSIENT));
	assert_string_equal(err.msg,
	    "cannot list pods in namespace 'a': 8 attempts: starting (503 "
	    "ServiceUnavailable)");
	kube_kit_check(&k);
}

static void
what_may_have_been_done_is_not_done_twice(void **state)
{
	static const struct httpd_step once[][2] = {
		{ { "POST", PODS, 201, NULL, "{}", 0, HTTPD_RESET }, { 0 } },
		{ { "POST", PODS, 504, NULL, KUBE_STATUS("Timeout", "slow"), 0,
		      0 },
		    { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		AUTO(kube_kit) struct kube_kit k;
		struct err err = { 0 };

		kube_kit_start(&k, once[i]);
		assert_int_equal(kube_do(k.k, &create, NULL, &err), -1);
		assert_true(err_is(&err, ERR_TRANSIENT));
		kube_kit_check(&k);
		assert_int_equal(k.slept, 0);
	}
}

static void
what_cannot_have_been_done_is_tried_again(void **state)
{
	const struct httpd_step steps[] = { { "POST", PODS, 500, NULL,
		                                KUBE_STATUS("InternalError",
		                                    "Internal error occurred: "
		                                    "failed calling webhook"),
		                                0, 0 },
		{ "POST", PODS, 503, NULL, NULL, 0, 0 },
		{ "POST", PODS, 429, NULL, NULL, 0, 0 },
		{ "POST", PODS, 201, NULL, "{}", 0, 0 }, { 0 } };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	if (kube_do(k.k, &create, NULL, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&k);
}

static void
half_of_an_answer_is_passed_on_once_only(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", PODS, 200, NULL, "12345678", 0, HTTPD_CUT }, { 0 }
	};
	AUTO(kube_kit) struct kube_kit k;
	AUTO(sink) struct sink *to = NULL;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	assert_int_equal(sink_mem_new(100, &to, &err), 0);
	assert_int_equal(kube_do(k.k, &list, to, &err), -1);
	assert_true(err_is(&err, ERR_TRANSIENT));
	kube_kit_check(&k);
}

static void
a_token_that_is_refused_is_read_again_once(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", PODS, 401, NULL,
		    KUBE_STATUS("Unauthorized", "Unauthorized"), 0, 0 },
		{ "GET", PODS, 200, NULL, "{}", 0, 0 },
		{ "GET", PODS, 401, NULL, NULL, 0, 0 },
		{ "GET", PODS, 401, NULL,
		    KUBE_STATUS("Unauthorized", "Unauthorized"), 0, 0 },
		{ 0 }
	};
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	kube_kit_file(&k, "token", "rotated");
	if (kube_do(k.k, &list, NULL, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(kube_do(k.k, &list, NULL, &err), -1);
	assert_true(err_is(&err, ERR_DENIED));
	assert_string_equal(err.msg,
	    "the cluster does not know these credentials: Unauthorized");
	kube_kit_check(&k);
	assert_non_null(strstr(httpd_head(k.d, 0), "Bearer hush-hush\r\n"));
	assert_non_null(strstr(httpd_head(k.d, 1), "Bearer rotated\r\n"));
}

static void
a_missing_role_is_named_with_what_gives_it(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", PODS, 403, NULL, FORBIDDEN, 0, 0 }, { 0 }
	};
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	assert_int_equal(kube_do(k.k, &list, NULL, &err), -1);
	assert_true(err_is(&err, ERR_DENIED));
	assert_non_null(strstr(err.msg,
	    "not allowed: verb 'list' of resource 'pods' in namespace 'a': "
	    "allow it with: juju trust platform-backup --scope=cluster (the "
	    "server says: pods is forbidden"));
}

static void
a_server_that_is_not_there_is_given_up(void **state)
{
	const struct httpd_step steps[] = { { 0 } };
	AUTO(buf) struct buf b = { .max = 100 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	httpd_stop(k.d);
	httpd_free(TAKE(k.d));
	assert_int_equal(kube_ask(k.k, &list, &b, &err), -1);
	assert_true(err_is(&err, ERR_TRANSIENT));
	assert_non_null(strstr(err.msg,
	    "cannot list pods in namespace 'a': 8 attempts: "));
	assert_null(strstr(err.msg, "hush"));
}

static void
more_than_fits_is_refused(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", PODS, 200, NULL, "123456789", 0, 0 }, { 0 }
	};
	AUTO(buf) struct buf b = { .max = 8 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	assert_int_equal(kube_ask(k.k, &list, &b, &err), -1);
	assert_false(err_is(&err, ERR_TRANSIENT));
}

static void
every_allocation_may_fail(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", PODS, 200, NULL, "{}", 0, 0 }, { 0 }
	};
	long fails = 0;
	int rc;

	(void)state;
	for (;; fails++) {
		AUTO(buf) struct buf b = { .max = 100 };
		AUTO(kube_kit) struct kube_kit k;
		struct kube_options o = { 0 };
		struct err err = { 0 };

		kube_kit_start(&k, steps);
		kube_free(TAKE(k.k));
		o.kubeconfig = k.config;
		o.clock = &k.clock;
		failalloc_at(fails);
		rc = kube_new(&o, &k.k, &err);
		if (rc == 0)
			rc = kube_ask(k.k, &list, &b, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		if (!err_is(&err, ERR_NOMEM))
			fail_msg("%ld: %s", fails, err.msg);
	}
	assert_true(fails >= 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_says_who_it_is_and_gives_the_answer),
		cmocka_unit_test(what_is_sent_has_its_type),
		cmocka_unit_test(what_is_transient_is_tried_again),
		cmocka_unit_test(in_the_end_it_is_given_up),
		cmocka_unit_test(what_may_have_been_done_is_not_done_twice),
		cmocka_unit_test(what_cannot_have_been_done_is_tried_again),
		cmocka_unit_test(half_of_an_answer_is_passed_on_once_only),
		cmocka_unit_test(a_token_that_is_refused_is_read_again_once),
		cmocka_unit_test(a_missing_role_is_named_with_what_gives_it),
		cmocka_unit_test(a_server_that_is_not_there_is_given_up),
		cmocka_unit_test(more_than_fits_is_refused),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
