#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/kube_kit.h"
#include "../lib/wsd.h"
#include "kube/exec.h"
#include "stream/sink.h"

#define STEP(op, text)                      \
	{                                   \
		op, text, sizeof(text) - 1, \
	}
#define SUCCESS "\3{\"metadata\":{},\"status\":\"Success\"}"
#define EXIT_3                                                           \
	"\3{\"status\":\"Failure\",\"reason\":\"NonZeroExitCode\","      \
	"\"details\":{\"causes\":[{\"reason\":\"ExitCode\",\"message\":" \
	"\"3\"}]}}"

static const char *const argv[] = { "echo", "a b&c", NULL };

struct world {
	struct wsd *d;
	struct kube_kit k;
	struct sink *out;
	struct buf errors;
	struct exec_call c;
};

static void
begin(struct world *x, const struct wsd_script *s)
{
	struct err err = { 0 };

	*x = (struct world){ .errors = { .max = 8 } };
	x->d = wsd_start(s);
	assert_non_null(x->d);
	kube_kit_begin(&x->k);
	kube_kit_open(&x->k, wsd_url(x->d));
	assert_int_equal(sink_mem_new(1000, &x->out, &err), 0);
	x->c = (struct exec_call){ .pod = "mlmd-0",
		.container = "main",
		.argv = argv,
		.out = x->out,
		.errors = &x->errors,
		.status = -1 };
}

static void
scope_world(struct world *x)
{
	kube_kit_stop(&x->k);
	sink_free(x->out);
	buf_done(&x->errors);
	wsd_free(x->d);
}

static const char *
printed(const struct world *x)
{
	size_t n;

	return sink_mem_data(x->out, &n);
}

static const struct wsd_step v5[] = { STEP(WSD_TEXT, "\1first, "),
	STEP(WSD_WANT, "\0in"), STEP(WSD_WANT, "\xff\0"),
	STEP(WSD_TEXT, "\2too many words"), STEP(WSD_PARTS, "\1then"),
	STEP(WSD_TEXT, "\2!"), STEP(WSD_TEXT, EXIT_3), STEP(WSD_CLOSE, ""),
	{ 0 } };

static void
v5_carries_all_three_and_how_it_ended(void **state)
{
	const struct wsd_script s = { .protocol = "v5.channel.k8s.io",
		.step = v5 };
	AUTO(world) struct world x;
	struct err err = { 0 };

	(void)state;
	begin(&x, &s);
	x.c.in = true;
	if (exec_run(x.k.k, &x.c, "in", 2, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(x.c.status, 3);
	assert_string_equal(printed(&x), "first, then");
	assert_string_equal(x.errors.data, "too many");
	wsd_stop(x.d);
	assert_string_equal(wsd_complaint(x.d), "");
	assert_non_null(strstr(wsd_head(x.d),
	    "GET /api/v1/namespaces/kubeflow/pods/mlmd-0/exec?stdout=true&"
	    "stderr=true&stdin=true&container=main&command=echo&command="
	    "a%20b%26c HTTP/1.1\r\n"));
	assert_non_null(strstr(wsd_head(x.d),
	    "\r\nAuthorization: Bearer hush-hush\r\n"));
}

/* It opens each channel with an empty message, and knows no end of input. */
static void
v4_does_the_same_without_an_end_of_the_input(void **state)
{
	static const struct wsd_step steps[] = { STEP(WSD_TEXT, "\1"),
		STEP(WSD_TEXT, "\2"), STEP(WSD_TEXT, "\3"),
		STEP(WSD_WANT, "\0in"), STEP(WSD_TEXT, "\1out"),
		STEP(WSD_TEXT, SUCCESS), STEP(WSD_CLOSE, ""), { 0 } };
	const struct wsd_script s = { .protocol = "v4.channel.k8s.io",
		.step = steps };
	AUTO(world) struct world x;
	struct err err = { 0 };

	(void)state;
	begin(&x, &s);
	x.c.in = true;
	if (exec_run(x.k.k, &x.c, "in", 2, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(x.c.status, 0);
	assert_string_equal(printed(&x), "out");
	wsd_stop(x.d);
	assert_string_equal(wsd_complaint(x.d), "");
}

static void
who_writes_to_what_has_ended_is_told(void **state)
{
	static const struct wsd_step steps[] = { STEP(WSD_TEXT, EXIT_3),
		STEP(WSD_CLOSE, ""), { 0 } };
	const struct wsd_script s = { .protocol = "v5.channel.k8s.io",
		.step = steps };
	AUTO(world) struct world x;
	AUTO(exec) struct exec *e = NULL;
	struct err err = { 0 };
	int rc;

	(void)state;
	begin(&x, &s);
	x.c.in = true;
	assert_int_equal(exec_start(x.k.k, &x.c, &e, &err), 0);
	do
		rc = exec_write(e, "more", 4, &err);
	while (rc == 0);
	assert_int_equal(err.code, ERR_CHANGED);
	assert_int_equal(exec_end(e, &err), 0);
	assert_int_equal(x.c.status, 3);
}

/* --- cut */

static void
a_cut_at_any_byte_is_never_taken_for_the_end(void **state)
{
	struct wsd_script s = { .protocol = "v5.channel.k8s.io", .step = v5 };
	struct err err = { 0 };
	size_t status_ends;

	(void)state;
	{
		AUTO(world) struct world x;

		begin(&x, &s);
		x.c.in = true;
		assert_int_equal(exec_run(x.k.k, &x.c, "in", 2, &err), 0);
		wsd_stop(x.d);
		status_ends = wsd_sent(x.d) - 4; /* a close of two bytes */
	}
	for (s.cut = 1; s.cut < status_ends; s.cut += 7) {
		AUTO(world) struct world x;

		begin(&x, &s);
		x.c.in = true;
		err = (struct err){ 0 };
		assert_int_equal(exec_run(x.k.k, &x.c, "in", 2, &err), -1);
		if (!err_is(&err, ERR_TRANSIENT))
			fail_msg("cut at %zu: %d %s", s.cut, err.code, err.msg);
		assert_int_equal(x.c.status, -1);
	}
}

static void
what_the_server_must_not_say_is_refused(void **state)
{
	static const struct {
		struct wsd_step step[3];
		enum err_code code;
		const char *words;
	} t[] = {
		{ { STEP(WSD_TEXT, "\7hi"), STEP(WSD_HOLD, "") }, ERR_REMOTE,
		    "channel 7" },
		{ { STEP(WSD_CLOSE, "going away"), { 0 } }, ERR_TRANSIENT,
		    "before the program did: 1000: going away" },
		{ { STEP(WSD_TEXT, "\3no JSON"), STEP(WSD_HOLD, "") },
		    ERR_REMOTE, "does not say how" },
		{ { STEP(WSD_TEXT, ""), STEP(WSD_TEXT, "\3{}"),
		      STEP(WSD_HOLD, "") },
		    ERR_REMOTE, "could not be run there" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const struct wsd_script s = { .protocol = "v5.channel.k8s.io",
			.step = t[i].step };
		AUTO(world) struct world x;
		struct err err = { 0 };

		begin(&x, &s);
		assert_int_equal(exec_run(x.k.k, &x.c, NULL, 0, &err), -1);
		assert_int_equal(err.code, t[i].code);
		if (!strstr(err.msg, t[i].words))
			fail_msg("%s", err.msg);
	}
}

static void
an_error_of_who_takes_the_output_is_passed_on(void **state)
{
	static char much[2000];
	const struct wsd_step steps[] = { { WSD_TEXT, much, sizeof much },
		STEP(WSD_HOLD, "") };
	const struct wsd_script s = { .protocol = "v5.channel.k8s.io",
		.step = steps };
	AUTO(world) struct world x;
	struct err err = { 0 };

	(void)state;
	memset(much, 1, sizeof much);
	begin(&x, &s);
	assert_int_equal(exec_run(x.k.k, &x.c, NULL, 0, &err), -1);
	assert_int_not_equal(err.code, ERR_TRANSIENT);
}

static void
what_takes_too_long_is_given_up(void **state)
{
	static const struct wsd_step steps[] = { STEP(WSD_HOLD, "") };
	const struct wsd_script s = { .protocol = "v5.channel.k8s.io",
		.step = steps };
	AUTO(world) struct world x;
	struct err err = { 0 };

	(void)state;
	begin(&x, &s);
	x.c.timeout_s = 1;
	assert_int_equal(exec_run(x.k.k, &x.c, NULL, 0, &err), -1);
	assert_int_equal(err.code, ERR_TRANSIENT);
	assert_non_null(strstr(err.msg, "pod 'mlmd-0' took too long"));
}

/* --- refused */

#define EXEC "/api/v1/namespaces/kubeflow/pods/p/exec?"

static int
refused(struct kube_kit *k, const struct httpd_step *steps, struct err *err)
{
	struct exec_call c = { .pod = "p", .container = "c", .argv = argv };

	kube_kit_start(k, steps);
	*err = (struct err){ 0 };
	return exec_run(k->k, &c, NULL, 0, err);
}

static void
a_refusal_is_told_as_that_of_any_call(void **state)
{
	static const struct {
		struct httpd_step step;
		enum err_code code;
		const char *words;
	} t[] = {
		{ { "GET", EXEC, 404, NULL,
		      KUBE_STATUS("NotFound", "pods \\\"p\\\" not found"), 0,
		      0 },
		    ERR_NOTFOUND, "in pod 'p': pods \"p\" not found" },
		{ { "GET", EXEC, 400, NULL, KUBE_STATUS("BadRequest", "m"), 0,
		      HTTPD_CHUNKED },
		    ERR_USAGE, "in pod 'p': m" },
		{ { "GET", EXEC, 400, NULL, KUBE_STATUS("BadRequest", "m"), 0,
		      HTTPD_CLOSE },
		    ERR_USAGE, "in pod 'p': m" },
		{ { "GET", EXEC, 403, NULL,
		      KUBE_STATUS("Forbidden",
		          "User \\\"u\\\" cannot create resource"),
		      0, 0 },
		    ERR_DENIED, "verb 'create' of resource 'pods/exec'" },
		{ { "GET", EXEC, 403, NULL,
		      KUBE_STATUS("Forbidden",
		          "User \\\"u\\\" cannot get resource"),
		      0, 0 },
		    ERR_DENIED, "verb 'get' of resource 'pods/exec'" },
		{ { "GET", EXEC, 404, NULL, "short", 0, HTTPD_CUT },
		    ERR_NOTFOUND, "no reason is given" },
		{ { "GET", EXEC, 404, NULL, "short", 0, HTTPD_CHUNKED_CUT },
		    ERR_NOTFOUND, "no reason is given" },
		{ { "GET", EXEC, 200, NULL, "", 0, 0 }, ERR_REMOTE, "200" },
		{ { "GET", EXEC, 1, NULL, "SSH-2.0\r\n\r\n", 0, HTTPD_RAW },
		    ERR_REMOTE, "no HTTP server" },
		{ { "GET", EXEC, 1, NULL, "HTTP/1.1 20\r\n\r\n", 0, HTTPD_RAW },
		    ERR_REMOTE, "no HTTP server" },
		{ { "GET", EXEC, 1, NULL, "HTTP/1.1\0 200\r\n\r\n", 18,
		      HTTPD_RAW },
		    ERR_REMOTE, "no HTTP server" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const struct httpd_step steps[] = { t[i].step, { 0 } };
		AUTO(kube_kit) struct kube_kit k;
		struct err err;

		assert_int_equal(refused(&k, steps, &err), -1);
		if (!err_is(&err, t[i].code) || !strstr(err.msg, t[i].words))
			fail_msg("%zu: %d %s", i, err.code, err.msg);
		kube_kit_check(&k);
	}
}

static void
what_is_transient_and_an_old_token_are_tried_again(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", EXEC, 401, NULL, KUBE_STATUS("Unauthorized", "m"), 0,
		    0 },
		{ "GET", EXEC, 503, NULL, KUBE_STATUS("x", "m"), 0, 0 },
		{ "GET", EXEC, 404, NULL, KUBE_STATUS("NotFound", "m"), 0, 0 },
		{ 0 },
	};
	AUTO(kube_kit) struct kube_kit k;
	struct err err;

	(void)state;
	assert_int_equal(refused(&k, steps, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	kube_kit_check(&k);
}

static void
every_allocation_may_fail(void **state)
{
	const struct wsd_script s = { .protocol = "v5.channel.k8s.io",
		.step = v5 };

	(void)state;
	for (long n = 0;; n++) {
		AUTO(world) struct world x;
		struct err err = { 0 };
		int rc;

		begin(&x, &s);
		x.c.in = true;
		failalloc_at(n);
		rc = exec_run(x.k.k, &x.c, "in", 2, &err);
		failalloc_at(-1);
		if (rc == 0)
			return;
		if (!err_is(&err, ERR_NOMEM))
			fail_msg("%ld: %d %s", n, err.code, err.msg);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v5_carries_all_three_and_how_it_ended),
		cmocka_unit_test(v4_does_the_same_without_an_end_of_the_input),
		cmocka_unit_test(who_writes_to_what_has_ended_is_told),
		cmocka_unit_test(a_cut_at_any_byte_is_never_taken_for_the_end),
		cmocka_unit_test(what_the_server_must_not_say_is_refused),
		cmocka_unit_test(an_error_of_who_takes_the_output_is_passed_on),
		cmocka_unit_test(what_takes_too_long_is_given_up),
		cmocka_unit_test(a_refusal_is_told_as_that_of_any_call),
		cmocka_unit_test(
		    what_is_transient_and_an_old_token_are_tried_again),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("exec", tests, NULL, NULL);
}
