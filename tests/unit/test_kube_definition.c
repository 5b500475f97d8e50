#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/kube_kit.h"
#include "component/kube_definition.h"

#define NAME "notebooks.kubeflow.org"
#define PATH "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" NAME " "
#define ANSWER(status, body)                          \
	{                                             \
		"GET", PATH, status, NULL, body, 0, 0 \
	}
#define CONDITIONS(list) ANSWER(200, "{\"status\":{\"conditions\":[" list "]}}")
#define CONDITION(type, status)                             \
	"{\"type\":\"" type "\",\"status\":\"" status "\"," \
	"\"message\":\"taken by others\"}"
#define NONE ANSWER(404, KUBE_STATUS("NotFound", "it is not there"))
#define DENIED ANSWER(403, KUBE_STATUS("Forbidden", "not you"))

static enum kube_definition
look(struct httpd_step step, const char *words)
{
	const struct httpd_step steps[] = { step, { 0 } };
	enum kube_definition ret = KUBE_DEFINITION_MISSING;
	AUTO(kube_kit) struct kube_kit k;
	AUTO(free) char *why = NULL;
	struct err err = { 0 };

	kube_kit_start(&k, steps);
	if (kube_definition_look(k.k, NAME, &ret, &why, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&k);
	if (words)
		assert_string_equal(why, words);
	else
		assert_null(why);
	return ret;
}

static void
its_conditions_tell_what_became_of_it(void **state)
{
	const struct httpd_step fine = CONDITIONS(CONDITION("NamesAccepted",
	    "True") "," CONDITION("Established", "True"));
	const struct httpd_step taken = CONDITIONS(CONDITION("Established",
	    "False") "," CONDITION("NamesAccepted", "False"));
	const struct httpd_step dumb =
	    CONDITIONS("{},{\"type\":\"NamesAccepted\",\"status\":\"False\"}");
	const struct httpd_step early =
	    CONDITIONS(CONDITION("NamesAccepted", "True"));
	const struct httpd_step bare = ANSWER(200, "{}"), none = NONE;

	(void)state;
	assert_int_equal(look(fine, NULL), KUBE_DEFINITION_ESTABLISHED);
	assert_int_equal(look(taken, "taken by others"),
	    KUBE_DEFINITION_REFUSED);
	assert_int_equal(look(dumb, "its names are not accepted"),
	    KUBE_DEFINITION_REFUSED);
	assert_int_equal(look(early, NULL), KUBE_DEFINITION_WAITS);
	assert_int_equal(look(bare, NULL), KUBE_DEFINITION_WAITS);
	assert_int_equal(look(none, NULL), KUBE_DEFINITION_MISSING);
}

static void
what_cannot_be_looked_at_is_an_error(void **state)
{
	const struct httpd_step steps[] = { DENIED, { 0 } };
	enum kube_definition ret;
	AUTO(kube_kit) struct kube_kit k;
	AUTO(free) char *why = NULL;
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	assert_int_equal(kube_definition_look(k.k, NAME, &ret, &why, &err), -1);
	assert_true(err_is(&err, ERR_DENIED));
}

/* step.status 0: the server is not asked. */
static void
assert_why(const char *resource, struct httpd_step step, const char *words)
{
	static char group[] = "metrics.k8s.io", down[] = "it is down";
	struct kube_gap gap = { group, down };
	const struct kube_discovery d = { .gap = &gap, .ngaps = 1 };
	const struct httpd_step steps[] = { step, { 0 } };
	AUTO(kube_kit) struct kube_kit k;
	AUTO(free) char *why = NULL;
	struct err err = { 0 };

	kube_kit_start(&k, steps);
	if (kube_definition_why(k.k, &d, resource, &why, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&k);
	assert_string_equal(why, words);
}

static void
what_is_missing_is_named(void **state)
{
	const struct httpd_step taken =
	    CONDITIONS(CONDITION("NamesAccepted", "False"));
	const struct httpd_step early = ANSWER(200, "{}"), denied = DENIED;
	const struct httpd_step fine =
	    CONDITIONS(CONDITION("Established", "True"));
	const struct httpd_step none = NONE, unasked = { 0 };
	struct httpd_step old = NONE, core = NONE;

	(void)state;
	old.target = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
	             "ingresses.extensions ";
	core.target = "/apis/apiextensions.k8s.io/v1/"
	              "customresourcedefinitions/things ";
	assert_why(NAME, none,
	    "the definition '" NAME "' is missing; restore it, or install "
	    "what brings it");
	assert_why(NAME, taken,
	    "the definition '" NAME "' is not accepted: taken by others");
	assert_why(NAME, early, "the definition '" NAME "' is not established");
	assert_why(NAME, fine,
	    "the definition '" NAME "' does not serve this kind");
	assert_why(NAME, denied,
	    "whether there is a definition '" NAME "' cannot be seen: not you");
	assert_why("ingresses.extensions", old,
	    "the API 'extensions' of this cluster has no "
	    "'ingresses.extensions'");
	assert_why("things", core,
	    "the API 'v1' of this cluster has no 'things'");
	assert_why("pods.metrics.k8s.io", unasked,
	    "the API 'metrics.k8s.io' does not answer: it is down");
}

static void
every_allocation_may_fail(void **state)
{
	const struct httpd_step steps[] = {
		CONDITIONS(CONDITION("NamesAccepted", "False")), { 0 }
	};
	const struct kube_discovery d = { 0 };
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(kube_kit) struct kube_kit k;
		AUTO(free) char *why = NULL;
		struct err err = { 0 };

		kube_kit_start(&k, steps);
		failalloc_at(fails);
		rc = kube_definition_why(k.k, &d, NAME, &why, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
	}
	assert_true(fails >= 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_conditions_tell_what_became_of_it),
		cmocka_unit_test(what_cannot_be_looked_at_is_an_error),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("kube_definition", tests, NULL,
	    NULL);
}
