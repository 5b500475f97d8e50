#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/wsd.h"
#include "base/buf.h"
#include "http/http.h"
#include "http/websocket.h"

#define STEP(op, text)                      \
	{                                   \
		op, text, sizeof(text) - 1, \
	}

struct world {
	struct wsd *d;
	struct http *h;
	struct websocket *w;
	struct http_response r;
	struct buf got; /* each message with a '|' behind it */
};

static int
keep(void *arg, const void *p, size_t n, struct err *err)
{
	struct world *x = arg;

	return buf_add(&x->got, p, n, err) || buf_puts(&x->got, "|", err);
}

static int
open_to(struct world *x, struct err *err)
{
	const struct http_header headers[] = { { "X-Test", "1" }, { 0 } };
	struct websocket_options o = { .headers = headers,
		.protocols = "v2, v1",
		.message_max = 1000,
		.idle_s = 1 };

	o.url = wsd_url(x->d);
	if (http_new(&(struct http_options){ 0 }, &x->h, err))
		return -1;
	return websocket_open(x->h, &o, &x->r, &x->w, err);
}

static void
begin(struct world *x, const struct wsd_script *s)
{
	*x = (struct world){ .got = { .max = 10000 } };
	x->d = wsd_start(s);
	assert_non_null(x->d);
}

static int
open_it(struct world *x, const struct wsd_script *s, struct err *err)
{
	begin(x, s);
	return open_to(x, err);
}

static void
scope_world(struct world *x)
{
	websocket_free(x->w);
	http_response_done(&x->r);
	http_free(x->h);
	buf_done(&x->got);
	wsd_free(x->d);
}

/* Until the other side says that it is the end, or it fails. */
static int
run_to_the_end(struct world *x, struct err *err)
{
	while (!websocket_is_closed(x->w))
		if (websocket_run(x->w, 50, keep, x, err))
			return -1;
	return 0;
}

static const struct wsd_step talk[] = { STEP(WSD_TEXT, "one"),
	STEP(WSD_PARTS, "two-halves"), STEP(WSD_WANT, "answer"),
	STEP(WSD_TEXT, ""), STEP(WSD_CLOSE, "bye"), { 0 } };

static int
hold_talk(struct world *x, struct err *err)
{
	if (open_to(x, err) || websocket_send(x->w, "answer", 6, err))
		return -1;
	return run_to_the_end(x, err);
}

static void
messages_go_both_ways(void **state)
{
	const struct wsd_script s = { .protocol = "v1", .step = talk };
	AUTO(world) struct world x;
	struct err err = { 0 };

	(void)state;
	begin(&x, &s);
	if (hold_talk(&x, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(websocket_protocol(x.w), "v1");
	assert_string_equal(x.got.data, "one|two-halves||");
	assert_string_equal(websocket_reason(x.w), "1000: bye");
	assert_int_equal(x.r.status, 101);
	wsd_stop(x.d);
	assert_string_equal(wsd_complaint(x.d), "");
	assert_non_null(strstr(wsd_head(x.d), "\r\nX-Test: 1\r\n"));
	assert_non_null(strstr(wsd_head(x.d), "Protocol: v2, v1\r\n"));
}

static void
a_message_of_many_pieces_of_the_network_is_one(void **state)
{
	static char text[901];
	const struct wsd_step steps[] = { { WSD_TEXT, text, 900 },
		{ WSD_WANT, text, 900 }, STEP(WSD_CLOSE, ""), { 0 } };
	const struct wsd_script s = { .protocol = "v2", .step = steps };
	AUTO(world) struct world x;
	struct err err = { 0 };

	(void)state;
	memset(text, 'x', 900);
	if (open_it(&x, &s, &err) || websocket_send(x.w, text, 900, &err) ||
	    run_to_the_end(&x, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(x.got.len, 901);
	assert_string_equal(websocket_reason(x.w), "1000");
}

/* --- what goes wrong */

static void
a_connection_that_is_cut_at_any_byte_is_an_error(void **state)
{
	struct wsd_script s = { .protocol = "v1", .step = talk };
	size_t whole;
	struct err err = { 0 };

	(void)state;
	{
		AUTO(world) struct world x;

		begin(&x, &s);
		assert_int_equal(hold_talk(&x, &err), 0);
		wsd_stop(x.d);
		whole = wsd_sent(x.d);
	}
	for (s.cut = 1; s.cut < whole; s.cut += 3) {
		AUTO(world) struct world x;

		err = (struct err){ 0 };
		begin(&x, &s);
		assert_int_equal(hold_talk(&x, &err), -1);
		if (!err_is(&err, ERR_TRANSIENT))
			fail_msg("cut at %zu: %d %s", s.cut, err.code, err.msg);
	}
}

static void
what_is_no_websocket_is_refused(void **state)
{
	static const struct wsd_script t[] = {
		{ .protocol = "v1",
		    .accept = "not the right one",
		    .step = talk },
		{ .protocol = "v9", .step = talk },
		{ .step = talk },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO(world) struct world x;
		struct err err = { 0 };

		assert_int_equal(open_it(&x, &t[i], &err), -1);
		assert_int_equal(err.code, ERR_REMOTE);
	}
}

static void
what_breaks_the_protocol_is_refused(void **state)
{
	static char text[1200];
	const struct wsd_step t[][2] = {
		{ STEP(WSD_RAW, "\xf2\x01x"), STEP(WSD_HOLD, "") },
		{ STEP(WSD_RAW, "\x83\x01x"), STEP(WSD_HOLD, "") },
		{ STEP(WSD_RAW, "\x80\x01x"), STEP(WSD_HOLD, "") },
		{ { WSD_TEXT, text, sizeof text }, STEP(WSD_HOLD, "") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const struct wsd_script s = { .protocol = "v1", .step = t[i] };
		AUTO(world) struct world x;
		struct err err = { 0 };

		assert_int_equal(open_it(&x, &s, &err), 0);
		assert_int_equal(run_to_the_end(&x, &err), -1);
		if (!err_is(&err, ERR_REMOTE))
			fail_msg("%zu: %d %s", i, err.code, err.msg);
	}
}

static void
silence_is_given_up_after_a_ping(void **state)
{
	const struct wsd_step steps[] = { STEP(WSD_HOLD, "") };
	const struct wsd_script s = { .protocol = "v1", .step = steps };
	AUTO(world) struct world x;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(open_it(&x, &s, &err), 0);
	assert_int_equal(run_to_the_end(&x, &err), -1);
	assert_int_equal(err.code, ERR_TRANSIENT);
	assert_non_null(strstr(err.msg, "silent for 1 s"));
}

static int
refuse(void *arg, const void *p, size_t n, struct err *err)
{
	(void)arg;
	(void)p;
	(void)n;
	return err_set(err, ERR_NOROOM, "enough");
}

static void
an_error_of_who_takes_the_messages_is_passed_on(void **state)
{
	const struct wsd_script s = { .protocol = "v1", .step = talk };
	AUTO(world) struct world x;
	struct err err = { 0 };
	int rc;

	(void)state;
	assert_int_equal(open_it(&x, &s, &err), 0);
	do
		rc = websocket_run(x.w, 50, refuse, NULL, &err);
	while (rc == 0);
	assert_int_equal(err.code, ERR_NOROOM);
	assert_string_equal(err.msg, "enough");
}

static void
every_allocation_may_fail(void **state)
{
	const struct wsd_script s = { .protocol = "v1", .step = talk };

	(void)state;
	for (long n = 0;; n++) {
		AUTO(world) struct world x;
		struct err err = { 0 };
		int rc;

		begin(&x, &s);
		failalloc_at(n);
		rc = hold_talk(&x, &err);
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
		cmocka_unit_test(messages_go_both_ways),
		cmocka_unit_test(
		    a_message_of_many_pieces_of_the_network_is_one),
		cmocka_unit_test(
		    a_connection_that_is_cut_at_any_byte_is_an_error),
		cmocka_unit_test(what_is_no_websocket_is_refused),
		cmocka_unit_test(what_breaks_the_protocol_is_refused),
		cmocka_unit_test(silence_is_given_up_after_a_ping),
		cmocka_unit_test(
		    an_error_of_who_takes_the_messages_is_passed_on),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("websocket", tests, NULL, NULL);
}
