#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/kube_kit.h"
#include "kube/status.h"

static const struct kube_call get = {
	.verb = "get", .resource = "secrets", .method = "GET", .path = "/"
};

static bool
say(const struct kube_call *c, int http, const char *body, struct err *err)
{
	AUTO(buf) struct buf b = { .max = 4096 };
	bool safe = false;

	*err = (struct err){ 0 };
	assert_int_equal(buf_puts(&b, body, err), 0);
	assert_int_equal(status_err(c, http, &b, &safe, err), -1);
	return safe;
}

static void
each_refusal_has_its_code(void **state)
{
	static const struct {
		int http;
		const char *body;
		enum err_code code;
	} t[] = {
		{ 400, KUBE_STATUS("BadRequest", "m"), ERR_USAGE },
		{ 401, KUBE_STATUS("Unauthorized", "m"), ERR_DENIED },
		{ 403, KUBE_STATUS("Forbidden", "m"), ERR_DENIED },
		{ 404, KUBE_STATUS("NotFound", "m"), ERR_NOTFOUND },
		{ 405, KUBE_STATUS("MethodNotAllowed", "m"), ERR_REMOTE },
		{ 409, KUBE_STATUS("AlreadyExists", "m"), ERR_EXISTS },
		{ 409, KUBE_STATUS("Conflict", "m"), ERR_CHANGED },
		{ 410, KUBE_STATUS("Expired", "m"), ERR_CHANGED },
		{ 422, KUBE_STATUS("Invalid", "m"), ERR_USAGE },
		{ 429, KUBE_STATUS("TooManyRequests", "m"), ERR_TRANSIENT },
		{ 500, "", ERR_TRANSIENT },
		{ 501, "<html>", ERR_REMOTE },
		{ 302, "{}", ERR_REMOTE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct err err;

		assert_true(say(&get, t[i].http, t[i].body, &err));
		if (!err_is(&err, t[i].code))
			fail_msg("%d: %d %s", t[i].http, err.code, err.msg);
	}
}

static void
the_server_s_words_are_kept(void **state)
{
	struct err err;

	(void)state;
	(void)say(&get, 422, KUBE_STATUS("Invalid", "spec.a: Required"), &err);
	assert_string_equal(err.msg, "spec.a: Required (422 Invalid)");
	(void)say(&get, 502, "<html>", &err);
	assert_string_equal(err.msg, "no reason is given (502 no Status)");
	(void)say(&get, 403, "", &err);
	assert_string_equal(err.msg, "403 Forbidden");
	(void)say(&get, 403, KUBE_STATUS("Forbidden", "exceeded quota"), &err);
	assert_string_equal(err.msg, "exceeded quota");
	(void)say(&get, 401, "", &err);
	assert_string_equal(err.msg,
	    "the cluster does not know these credentials: 401 Unauthorized");
}

static void
who_is_no_application_is_not_told_to_trust_one(void **state)
{
	struct err err;

	(void)state;
	(void)say(&get, 403,
	    KUBE_STATUS("Forbidden",
	        "User \\\"ann\\\" cannot get resource \\\"secrets\\\""),
	    &err);
	assert_string_equal(err.msg,
	    "not allowed: verb 'get' of resource 'secrets' in the cluster: "
	    "bind a role that allows it to this user (the server says: User "
	    "\"ann\" cannot get resource \"secrets\")");
	(void)say(&get, 403,
	    KUBE_STATUS("Forbidden",
	        "User \\\"system:serviceaccount:x\\\" cannot get"),
	    &err);
	assert_null(strstr(err.msg, "juju"));
	(void)say(&get, 403,
	    KUBE_STATUS("Forbidden",
	        "User \\\"system:serviceaccount:ns:app\\\" cannot get"),
	    &err);
	assert_non_null(strstr(err.msg, "juju trust app --scope=cluster"));
}

static void
a_post_that_may_have_been_done_is_not_safe(void **state)
{
	struct kube_call post = get;
	struct err err;

	(void)state;
	post.method = "POST";
	assert_true(say(&post, 429, "", &err));
	assert_true(say(&post, 503, "", &err));
	assert_false(say(&post, 500, "", &err));
	assert_false(say(&post, 504, KUBE_STATUS("Timeout", "m"), &err));
	assert_true(say(&post, 500,
	    KUBE_STATUS("InternalError", "failed calling webhook"), &err));
}

static void
every_allocation_may_fail(void **state)
{
	const char *body = KUBE_STATUS("NotFound", "m");
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };
	bool safe;

	(void)state;
	assert_int_equal(buf_puts(&b, body, &err), 0);
	for (long n = 0;; n++) {
		failalloc_at(n);
		assert_int_equal(status_err(&get, 404, &b, &safe, &err), -1);
		failalloc_at(-1);
		if (err_is(&err, ERR_NOTFOUND))
			return;
		assert_true(err_is(&err, ERR_NOMEM));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_refusal_has_its_code),
		cmocka_unit_test(the_server_s_words_are_kept),
		cmocka_unit_test(
		    who_is_no_application_is_not_told_to_trust_one),
		cmocka_unit_test(a_post_that_may_have_been_done_is_not_safe),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
