#include "kube/kube_scale.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/kube_kit.h"

#define IN "/apis/apps/v1/namespaces/a/"
#define OBJECT IN "deployments/w"
#define RUNS                                         \
	"{\"metadata\":{\"resourceVersion\":\"7\"}," \
	"\"spec\":{\"replicas\":3}}"
#define PAUSED(n, note)                                    \
	"{\"metadata\":{\"resourceVersion\":\"8\","        \
	"\"annotations\":{\"" KUBE_SCALE_NOTE "\":\"" note \
	"\"}},\"spec\":{\"replicas\":" n "}}"
#define NUMBERED                                 \
	"{\"metadata\":{\"resourceVersion\":7}," \
	"\"spec\":{\"replicas\":1}}"
#define SELECTOR "{\"status\":{\"selector\":\"app=w,x in (1)\"}}"
#define NONE KUBE_STATUS("NotFound", "\\\"w\\\" not found")

#define LOOK(text)                                                \
	{ "GET", OBJECT, 200, NULL, text, 0, 0 },                 \
	{                                                         \
		"GET", OBJECT "/scale", 200, NULL, SELECTOR, 0, 0 \
	}

static const struct kube_scale w = { .namespace = "a", .name = "w" };

static void
it_is_seen_as_it_is(void **state)
{
	const struct httpd_step steps[] = { LOOK(RUNS), { 0 } };
	AUTO(kube_scale) struct kube_scale s = w;
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	if (kube_scale_look(k.k, &s, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&k);
	assert_string_equal(s.resource, "deployments");
	assert_int_equal(s.replicas, 3);
	assert_false(s.paused);
	assert_string_equal(s.version, "7");
	assert_string_equal(s.selector, "app=w,x in (1)");
	assert_int_equal(kube_scale_wanted(&s), 3);
}

static void
a_stateful_set_is_found_as_well(void **state)
{
	const struct httpd_step steps[] = { { "GET", OBJECT, 404, NULL, NONE, 0,
		                                0 },
		{ "GET", IN "statefulsets/w", 200, NULL, PAUSED("0", "2"), 0,
		    0 },
		{ "GET", IN "statefulsets/w/scale", 200, NULL, SELECTOR, 0, 0 },
		{ 0 } };
	AUTO(kube_scale) struct kube_scale s = w;
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	if (kube_scale_look(k.k, &s, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&k);
	assert_string_equal(s.resource, "statefulsets");
	assert_true(s.paused);
	assert_int_equal(s.before, 2);
	assert_int_equal(kube_scale_wanted(&s), 2);
}

static void
neither_of_both_is_named(void **state)
{
	const struct httpd_step steps[] = { { "GET", OBJECT, 404, NULL, NONE, 0,
		                                0 },
		{ "GET", IN "statefulsets/w", 404, NULL, NONE, 0, 0 }, { 0 } };
	AUTO(kube_scale) struct kube_scale s = w;
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	assert_int_equal(kube_scale_look(k.k, &s, &err), -1);
	kube_kit_check(&k);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_string_equal(err.msg,
	    "there is neither a Deployment nor a StatefulSet 'w' in namespace "
	    "'a'");
}

static void
a_note_that_is_no_number_is_refused(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", OBJECT, 200, NULL, PAUSED("0", "two"), 0, 0 }, { 0 }
	};
	AUTO(kube_scale) struct kube_scale s = w;
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	assert_int_equal(kube_scale_look(k.k, &s, &err), -1);
	kube_kit_check(&k);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "is no number: 'two'"));
}

static void
an_answer_that_lacks_something_is_refused(void **state)
{
	static const char *const odd[] = { "", "[]", "{\"metadata\":{}}",
		"{\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{}}",
		NUMBERED };

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		const struct httpd_step steps[] = {
			{ "GET", OBJECT, 200, NULL, odd[i], 0, 0 }, { 0 }
		};
		AUTO(kube_scale) struct kube_scale s = w;
		AUTO(kube_kit) struct kube_kit k;
		struct err err = { 0 };

		kube_kit_start(&k, steps);
		assert_int_equal(kube_scale_look(k.k, &s, &err), -1);
		kube_kit_check(&k);
		assert_int_equal(err.code, ERR_CORRUPT);
	}
}

static void
what_it_was_is_kept_in_one_change(void **state)
{
	const struct httpd_step steps[] = { LOOK(RUNS),
		{ "PATCH", OBJECT, 200, NULL, "{}", 0, 0 },
		LOOK(PAUSED("0", "3")),
		{ "PATCH", OBJECT, 200, NULL, "{}", 0, 0 }, { 0 } };
	AUTO(kube_scale) struct kube_scale s = w;
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	if (kube_scale_look(k.k, &s, &err) || kube_scale_pause(k.k, &s, &err) ||
	    kube_scale_look(k.k, &s, &err) || kube_scale_resume(k.k, &s, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&k);
	assert_non_null(strstr(httpd_head(k.d, 2),
	    "Content-Type: application/merge-patch+json\r\n"));
	assert_string_equal(httpd_body(k.d, 2),
	    "{\"metadata\":{\"resourceVersion\":\"7\",\"annotations\":"
	    "{\"" KUBE_SCALE_NOTE "\":\"3\"}},\"spec\":{\"replicas\":0}}");
	assert_string_equal(httpd_body(k.d, 5),
	    "{\"metadata\":{\"resourceVersion\":\"8\",\"annotations\":"
	    "{\"" KUBE_SCALE_NOTE "\":null}},\"spec\":{\"replicas\":3}}");
}

static void
a_number_that_was_set_since_is_the_newer(void **state)
{
	const struct httpd_step steps[] = { LOOK(PAUSED("5", "3")),
		{ "PATCH", OBJECT, 200, NULL, "{}", 0, 0 }, { 0 } };
	AUTO(kube_scale) struct kube_scale s = w;
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	if (kube_scale_look(k.k, &s, &err) || kube_scale_resume(k.k, &s, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&k);
	assert_non_null(strstr(httpd_body(k.d, 2), "\"replicas\":5"));
}

static void
another_change_meanwhile_is_told(void **state)
{
	const struct httpd_step steps[] = { LOOK(RUNS),
		{ "PATCH", OBJECT, 409, NULL,
		    KUBE_STATUS("Conflict", "modified"), 0, 0 },
		{ 0 } };
	AUTO(kube_scale) struct kube_scale s = w;
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	assert_int_equal(kube_scale_look(k.k, &s, &err), 0);
	assert_int_equal(kube_scale_pause(k.k, &s, &err), -1);
	kube_kit_check(&k);
	assert_int_equal(err.code, ERR_CHANGED);
}

static void
pods_are_looked_for_by_the_selector(void **state)
{
	const struct httpd_step steps[] = { LOOK(RUNS),
		{ "GET",
		    "/api/v1/namespaces/a/pods?limit=1&labelSelector="
		    "app%3Dw%2Cx%20in%20%281%29",
		    200, NULL, "{\"items\":[{}]}", 0, 0 },
		{ "GET", "/api/v1/namespaces/a/pods?limit=1", 200, NULL,
		    "{\"items\":[]}", 0, 0 },
		{ 0 } };
	AUTO(kube_scale) struct kube_scale s = w;
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };
	bool ended = true;

	(void)state;
	kube_kit_start(&k, steps);
	assert_int_equal(kube_scale_look(k.k, &s, &err), 0);
	assert_int_equal(kube_scale_ended(k.k, &s, &ended, &err), 0);
	assert_false(ended);
	assert_int_equal(kube_scale_ended(k.k, &s, &ended, &err), 0);
	assert_true(ended);
	kube_kit_check(&k);
}

static int
all_of_it(struct kube *k, struct err *err)
{
	AUTO(kube_scale) struct kube_scale s = w;
	bool ended;

	if (kube_scale_look(k, &s, err) || kube_scale_pause(k, &s, err) ||
	    kube_scale_ended(k, &s, &ended, err))
		return -1;
	return kube_scale_resume(k, &s, err);
}

static void
every_allocation_may_fail(void **state)
{
	const struct httpd_step steps[] = { LOOK(RUNS),
		{ "PATCH", OBJECT, 200, NULL, "{}", 0, 0 },
		{ "GET", "/api/v1/namespaces/a/pods", 200, NULL,
		    "{\"items\":[]}", 0, 0 },
		{ "PATCH", OBJECT, 200, NULL, "{}", 0, 0 }, { 0 } };
	long fails;

	(void)state;
	for (fails = 0;; fails++) {
		AUTO(kube_kit) struct kube_kit k;
		struct err err = { 0 };
		int rc;

		kube_kit_start(&k, steps);
		failalloc_at(fails);
		rc = all_of_it(k.k, &err);
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
		cmocka_unit_test(it_is_seen_as_it_is),
		cmocka_unit_test(a_stateful_set_is_found_as_well),
		cmocka_unit_test(neither_of_both_is_named),
		cmocka_unit_test(a_note_that_is_no_number_is_refused),
		cmocka_unit_test(an_answer_that_lacks_something_is_refused),
		cmocka_unit_test(what_it_was_is_kept_in_one_change),
		cmocka_unit_test(a_number_that_was_set_since_is_the_newer),
		cmocka_unit_test(another_change_meanwhile_is_told),
		cmocka_unit_test(pods_are_looked_for_by_the_selector),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
