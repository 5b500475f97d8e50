#include "engine/pause.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/kube_kit.h"
#include "../lib/sparse.h"

#define W IN_(kubeflow, w)
#define X IN_(b, x)
#define IN_(namespace, name) \
	"/apis/apps/v1/namespaces/" #namespace "/deployments/" #name
#define RUNS                                         \
	"{\"metadata\":{\"resourceVersion\":\"7\"}," \
	"\"spec\":{\"replicas\":2}}"
#define STOPPED                                      \
	"{\"metadata\":{\"resourceVersion\":\"7\"}," \
	"\"spec\":{\"replicas\":0}}"
#define PAUSED(n)                                        \
	"{\"metadata\":{\"resourceVersion\":\"8\","      \
	"\"annotations\":{\"" KUBE_SCALE_NOTE "\":\"2\"" \
	"}},\"spec\":{\"replicas\":" #n "}}"
#define LOOK(at, text)                                          \
	{ "GET", at, 200, NULL, text, 0, 0 },                   \
	{                                                       \
		"GET", at "/scale", 200, NULL,                  \
		    "{\"status\":{\"selector\":\"a=b\"}}", 0, 0 \
	}
#define NO 404, NULL, KUBE_STATUS("NotFound", "no"), 0, 0
#define NONE                                                     \
	{ "GET", W, NO },                                        \
	{                                                        \
		"GET",                                           \
		    "/apis/apps/v1/namespaces/kubeflow/stateful" \
		    "sets/w",                                    \
		    NO                                           \
	}
#define PATCH(at)                                  \
	{                                          \
		"PATCH", at, 200, NULL, "{}", 0, 0 \
	}
#define PODS(namespace, items)                                              \
	{                                                                   \
		"GET", "/api/v1/namespaces/" #namespace "/pods", 200, NULL, \
		    "{\"items\":[" items "]}", 0, 0                         \
	}

/* Two components, of which one writer is the same. */
static const struct config_component both[] = {
	{ .name = "one", .pause = { "w" }, .npause = 1 },
	{ .name = "two", .pause = { "kubeflow/w", "b/x" }, .npause = 2 },
};
static struct plan_job jobs[] = { { &both[0], NULL }, { &both[1], NULL } };
static const struct plan of_two = { jobs, 2 };
static const struct plan of_one = { jobs, 1 };

static int
open_kit(struct kube_kit *k, const struct plan *plan, struct pause *p,
    struct err *err)
{
	const struct kube_options o = { .kubeconfig = k->config,
		.clock = &k->clock };

	return pause_open(plan, &o, &k->clock, p, err);
}

static void
start(struct kube_kit *k, const struct plan *plan,
    const struct httpd_step *steps, struct pause *p)
{
	struct err err = { 0 };

	kube_kit_start(k, steps);
	if (open_kit(k, plan, p, &err))
		fail_msg("%s", err.msg);
}

static void
each_workload_is_taken_once(void **state)
{
	const struct httpd_step steps[] = { { 0 } };
	AUTO(pause) struct pause p = { 0 };
	AUTO(kube_kit) struct kube_kit k;

	(void)state;
	start(&k, &of_two, steps, &p);
	assert_int_equal(p.count, 2);
	assert_string_equal(p.workload[0].namespace, "kubeflow");
	assert_string_equal(p.workload[0].name, "w");
	assert_string_equal(p.workload[1].namespace, "b");
	assert_string_equal(p.workload[1].name, "x");
	kube_kit_check(&k);
}

static void
without_a_name_no_cluster_is_needed(void **state)
{
	static const struct config_component c = { .name = "c" };
	struct plan_job job[] = { { &c, NULL }, { &both[0], "elsewhere" } };
	const struct plan plan = { job, 2 };
	const struct kube_options o = { .kubeconfig = "/none" };
	AUTO(pause) struct pause p = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(pause_open(&plan, &o, clock_real(), &p, &err), 0);
	assert_null(p.kube);
	assert_int_equal(pause_look(&p, false, &err), 0);
	assert_int_equal(pause_begin(&p, &err), 0);
	assert_int_equal(pause_resume(&p, &err), 0);
	assert_int_equal(pause_open(&of_one, &o, clock_real(), &p, &err), -1);
	assert_non_null(strstr(err.msg, "/none"));
}

static void
it_waits_until_no_pod_is_left(void **state)
{
	const struct httpd_step steps[] = { LOOK(W, RUNS), LOOK(X, RUNS),
		LOOK(W, RUNS), PATCH(W), LOOK(X, RUNS), PATCH(X),
		LOOK(W, PAUSED(0)), PODS(kubeflow, "{}"), LOOK(W, PAUSED(0)),
		PODS(kubeflow, ""), LOOK(X, PAUSED(0)), PODS(b, ""),
		LOOK(W, PAUSED(0)), PATCH(W), LOOK(X, PAUSED(0)), PATCH(X),
		{ 0 } };
	AUTO(pause) struct pause p = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	start(&k, &of_two, steps, &p);
	if (pause_begin(&p, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(k.slept, 1);
	if (pause_resume(&p, &err))
		fail_msg("%s", err.msg);
	assert_true(p.workload[0].resumed);
	assert_true(p.workload[1].resumed);
	kube_kit_check(&k);
}

static void
what_does_not_run_is_left_alone(void **state)
{
	const struct httpd_step steps[] = { LOOK(W, STOPPED), LOOK(W, STOPPED),
		LOOK(W, STOPPED), PODS(kubeflow, ""), LOOK(W, STOPPED), { 0 } };
	AUTO(pause) struct pause p = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	start(&k, &of_one, steps, &p);
	if (pause_begin(&p, &err) || pause_resume(&p, &err))
		fail_msg("%s", err.msg);
	assert_false(p.workload[0].resumed);
	kube_kit_check(&k);
}

static void
sleep_long(void *ctx, unsigned ms)
{
	struct kube_kit *k = ctx;

	(void)ms;
	k->ms += 101000;
	k->slept++;
}

static void
pods_that_do_not_end_are_named(void **state)
{
	const struct httpd_step steps[] = { LOOK(W, RUNS), LOOK(W, RUNS),
		PATCH(W), LOOK(W, PAUSED(0)), PODS(kubeflow, "{}"),
		LOOK(W, PAUSED(0)), PODS(kubeflow, "{}"), LOOK(W, PAUSED(0)),
		PODS(kubeflow, "{}"), LOOK(W, PAUSED(0)), PODS(kubeflow, "{}"),
		{ 0 } };
	AUTO(pause) struct pause p = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct clock slow;
	struct err err = { 0 };

	(void)state;
	start(&k, &of_one, steps, &p);
	slow = k.clock;
	slow.sleep_ms = sleep_long;
	p.clock = &slow;
	assert_int_equal(pause_begin(&p, &err), -1);
	assert_int_equal(err.code, ERR_TRANSIENT);
	assert_string_equal(err.msg,
	    "pods of 'w' in namespace 'kubeflow' still run 300 s after it was "
	    "scaled to 0");
	kube_kit_check(&k);
	assert_int_equal(k.slept, 3);
}

static void
who_scales_it_back_meanwhile_is_told_of(void **state)
{
	const struct httpd_step steps[] = { LOOK(W, RUNS), LOOK(W, RUNS),
		PATCH(W), LOOK(W, PAUSED(2)), PODS(kubeflow, "{}"), { 0 } };
	AUTO(pause) struct pause p = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	start(&k, &of_one, steps, &p);
	assert_int_equal(pause_begin(&p, &err), -1);
	assert_int_equal(err.code, ERR_CHANGED);
	assert_non_null(strstr(err.msg, "somebody scaled it back to 2"));
	kube_kit_check(&k);
}

static void
a_name_that_is_wrong_is_told_before_anything(void **state)
{
	const struct httpd_step steps[] = { NONE, NONE, LOOK(X, RUNS), { 0 } };
	AUTO(pause) struct pause p = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	start(&k, &of_two, steps, &p);
	assert_int_equal(pause_look(&p, false, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg, "'pause': there is neither"));
	err = (struct err){ 0 };
	if (pause_look(&p, true, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&k);
}

static void
a_scaling_that_is_refused_names_what(void **state)
{
	const struct httpd_step steps[] = { LOOK(W, RUNS), LOOK(W, RUNS),
		{ "PATCH", W, 403, NULL, KUBE_STATUS("Forbidden", "no"), 0, 0 },
		{ 0 } };
	AUTO(pause) struct pause p = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	start(&k, &of_one, steps, &p);
	assert_int_equal(pause_begin(&p, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	assert_non_null(strstr(err.msg,
	    "scale 'w' in namespace 'kubeflow' to 0: "));
	kube_kit_check(&k);
}

static void
one_that_fails_does_not_keep_the_others(void **state)
{
	const struct httpd_step steps[] = { LOOK(W, PAUSED(0)),
		{ "PATCH", W, 403, NULL, KUBE_STATUS("Forbidden", "no"), 0, 0 },
		LOOK(X, PAUSED(0)), PATCH(X), { 0 } };
	AUTO(pause) struct pause p = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	start(&k, &of_two, steps, &p);
	assert_int_equal(pause_resume(&p, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	assert_non_null(strstr(err.msg,
	    "'w' in namespace 'kubeflow' still stands: run 'platform-backup "
	    "resume': "));
	assert_false(p.workload[0].resumed);
	assert_true(p.workload[1].resumed);
	kube_kit_check(&k);
}

#define CONFLICT                                                           \
	{                                                                  \
		"PATCH", W, 409, NULL, KUBE_STATUS("Conflict", "no"), 0, 0 \
	}

static void
what_changes_meanwhile_is_looked_at_again(void **state)
{
	const struct httpd_step steps[] = { LOOK(W, RUNS), LOOK(W, RUNS),
		CONFLICT, LOOK(W, RUNS), CONFLICT, LOOK(W, RUNS), PATCH(W),
		LOOK(W, PAUSED(0)), PODS(kubeflow, ""), LOOK(W, PAUSED(0)),
		CONFLICT, LOOK(W, PAUSED(3)), CONFLICT, LOOK(W, PAUSED(3)),
		PATCH(W), { 0 } };
	AUTO(pause) struct pause p = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	start(&k, &of_one, steps, &p);
	if (pause_begin(&p, &err) || pause_resume(&p, &err))
		fail_msg("%s", err.msg);
	assert_true(p.workload[0].resumed);
	assert_int_equal(k.slept, 4);
	kube_kit_check(&k);
	assert_non_null(strstr(httpd_body(k.d, 22), "\"replicas\":3"));
}

/* A controller that never rests. */
static void
what_always_changes_is_told_in_the_end(void **state)
{
	struct httpd_step steps[20 * 3 + 1] = { { 0 } };
	const struct httpd_step once[] = { LOOK(W, PAUSED(0)), CONFLICT };
	AUTO(pause) struct pause p = { 0 };
	AUTO(kube_kit) struct kube_kit k;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < 20; i++)
		memcpy(&steps[3 * i], once, sizeof once);
	start(&k, &of_one, steps, &p);
	assert_int_equal(pause_resume(&p, &err), -1);
	assert_int_equal(err.code, ERR_CHANGED);
	assert_false(p.workload[0].resumed);
	assert_int_equal(k.slept, 19);
	kube_kit_check(&k);
}

static int
all_of_it(struct kube_kit *k, struct err *err)
{
	AUTO(pause) struct pause p = { 0 };

	if (open_kit(k, &of_one, &p, err) || pause_begin(&p, err))
		return -1;
	return pause_resume(&p, err);
}

static void
every_allocation_may_fail(void **state)
{
	const struct httpd_step steps[] = { LOOK(W, RUNS), LOOK(W, RUNS),
		PATCH(W), LOOK(W, PAUSED(0)), PODS(kubeflow, ""),
		LOOK(W, PAUSED(0)), PATCH(W), { 0 } };
	long fails;

	(void)state;
	for (fails = 0;; fails = sparse_next(fails)) {
		AUTO(kube_kit) struct kube_kit k;
		struct err err = { 0 };
		int rc;

		kube_kit_start(&k, steps);
		failalloc_at(fails);
		rc = all_of_it(&k, &err);
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
		cmocka_unit_test(each_workload_is_taken_once),
		cmocka_unit_test(without_a_name_no_cluster_is_needed),
		cmocka_unit_test(it_waits_until_no_pod_is_left),
		cmocka_unit_test(what_does_not_run_is_left_alone),
		cmocka_unit_test(pods_that_do_not_end_are_named),
		cmocka_unit_test(who_scales_it_back_meanwhile_is_told_of),
		cmocka_unit_test(a_name_that_is_wrong_is_told_before_anything),
		cmocka_unit_test(a_scaling_that_is_refused_names_what),
		cmocka_unit_test(one_that_fails_does_not_keep_the_others),
		cmocka_unit_test(what_changes_meanwhile_is_looked_at_again),
		cmocka_unit_test(what_always_changes_is_told_in_the_end),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
