#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/httpd.h"
#include "../lib/sleep_clock.h"
#include "base/thread.h"
#include "http/http.h"

enum { BODY = 200000 };

/* A client whose two directions have limits by a clock of the test's own. */
struct paced {
	struct sleep_clock c;
	struct rate receive, send;
	struct http *h;
	struct httpd *d;
};

static void
start(struct paced *p, const struct httpd_step *steps, uint64_t receive,
    uint64_t send)
{
	const struct timetable in = { .rest = receive }, out = { .rest = send };
	const struct http_options o = { .receive = &p->receive,
		.send = &p->send };
	struct err err = { 0 };

	sleep_clock_init(&p->c);
	rate_init(&p->receive, &in, &p->c.clock);
	rate_init(&p->send, &out, &p->c.clock);
	assert_int_equal(http_new(&o, &p->h, &err), 0);
	p->d = httpd_start(steps);
	assert_non_null(p->d);
}

static void
stop(struct paced *p)
{
	httpd_stop(p->d);
	assert_string_equal(httpd_complaint(p->d), "");
	httpd_free(p->d);
	http_free(p->h);
	rate_done(&p->receive);
	rate_done(&p->send);
}

static int64_t
slept(const struct paced *p)
{
	return atomic_load(&p->c.slept_ms);
}

static const char *
body(void)
{
	static char text[BODY + 1];

	for (size_t i = 0; text[0] == '\0' && i < BODY; i++)
		text[BODY - 1 - i] = (char)('a' + i % 26);
	return text;
}

static int
put(struct paced *p, size_t n, struct err *err)
{
	const struct http_request q = { .method = "PUT",
		.url = httpd_url(p->d),
		.body = body(),
		.body_len = n };
	AUTO(http_response) struct http_response r = { 0 };

	return http_do(p->h, &q, &r, NULL, err);
}

static void
bodies_are_sent_at_the_limit_and_as_they_are(void **state)
{
	const struct httpd_step steps[] = { { "PUT", "/", 200, NULL, "", 0, 0 },
		{ "PUT", "/", 200, NULL, "", 0, 0 },
		{ "PUT", "/", 200, NULL, "", 0, 0 }, { 0 } };
	struct paced p;
	struct err err = { 0 };

	(void)state;
	start(&p, steps, 0, 50000);
	assert_int_equal(put(&p, BODY, &err), 0);
	assert_in_range(slept(&p), 3700, 4100);
	/* small ones in one packet with their headers, which count too */
	assert_int_equal(put(&p, 1000, &err), 0);
	assert_int_equal(put(&p, 0, &err), 0);
	httpd_stop(p.d);
	assert_int_equal(httpd_body_len(p.d, 0), BODY);
	assert_memory_equal(httpd_body(p.d, 0), body(), BODY);
	assert_non_null(strstr(httpd_head(p.d, 0), "Content-Length: 200000"));
	assert_null(strcasestr(httpd_head(p.d, 0), "expect"));
	assert_int_equal(httpd_body_len(p.d, 1), 1000);
	stop(&p);
}

static void
a_body_is_sent_again_from_its_beginning(void **state)
{
	/* a kept connection that dies: libcurl tries once more */
	const struct httpd_step steps[] = { { "PUT", "/", 200, NULL, "", 0, 0 },
		{ "PUT", "/", 200, NULL, "", 0, HTTPD_RESET },
		{ "PUT", "/", 200, NULL, "", 0, 0 }, { 0 } };
	struct paced p;
	struct err err = { 0 };

	(void)state;
	start(&p, steps, 0, 1 << 20);
	assert_int_equal(put(&p, 10, &err), 0);
	assert_int_equal(put(&p, BODY, &err), 0);
	httpd_stop(p.d);
	assert_int_equal(httpd_body_len(p.d, 2), BODY);
	assert_memory_equal(httpd_body(p.d, 2), body(), BODY);
	stop(&p);
}

static void
answers_are_taken_at_the_limit(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/", 200, NULL, body(), BODY, 0 }, { 0 }
	};
	AUTO(sink) struct sink *to = NULL;
	AUTO(http_response) struct http_response r = { 0 };
	struct http_request q = { .method = "GET" };
	struct paced p;
	struct err err = { 0 };
	size_t len;

	(void)state;
	start(&p, steps, 50000, 0);
	q.url = httpd_url(p.d);
	assert_int_equal(sink_mem_new(BODY, &to, &err), 0);
	assert_int_equal(http_do(p.h, &q, &r, to, &err), 0);
	assert_in_range(slept(&p), 3700, 4100);
	assert_memory_equal(sink_mem_data(to, &len), body(), BODY);
	assert_int_equal(len, BODY);
	stop(&p);
}

static void
headers_count_as_well(void **state)
{
	struct httpd_step steps[21] = { 0 };
	struct paced p;
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++)
		steps[i] =
		    (struct httpd_step){ "PUT", "/", 200, NULL, "", 0, 0 };
	start(&p, steps, 0, 1000);
	for (int i = 0; i < 20; i++)
		assert_int_equal(put(&p, 0, &err), 0);
	/* each request has more than 100 bytes */
	assert_in_range(slept(&p), 1400, 9000);
	stop(&p);
}

/* --- connections */

static void *
ten_requests(void *arg)
{
	void **a = arg;
	struct http_request q = { .method = "GET", .url = httpd_url(a[1]) };

	for (int i = 0; i < 10; i++) {
		AUTO(http_response) struct http_response r = { 0 };
		struct err err = { 0 };

		q.fresh = i == 5;
		if (http_do(a[0], &q, &r, NULL, &err))
			return arg;
	}
	return NULL;
}

/* How many connections 6 threads with 60 requests make; 6 are fresh ones. */
static unsigned
connections_made(const struct httpd_step *steps, unsigned allowed)
{
	const struct http_options o = { .connections = allowed };
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	AUTO(http) struct http *h = NULL;
	struct thread t[6] = { 0 };
	struct err err = { 0 };
	void *arg[2];

	assert_int_equal(http_new(&o, &h, &err), 0);
	arg[0] = h;
	arg[1] = d;
	for (int i = 0; i < 6; i++)
		assert_int_equal(thread_start(&t[i], ten_requests, arg, &err),
		    0);
	for (int i = 0; i < 6; i++)
		thread_join(&t[i]);
	httpd_stop(d);
	assert_string_equal(httpd_complaint(d), "");
	assert_int_equal(httpd_requests(d), 60);
	return httpd_connections(d);
}

static void
connections_are_no_more_than_allowed(void **state)
{
	struct httpd_step steps[61] = { 0 };

	(void)state;
	for (int i = 0; i < 60; i++)
		steps[i] =
		    (struct httpd_step){ .status = 200, .body = "hello" };
	/* one is taken for two: a body may wait for another request */
	for (unsigned allowed = 1; allowed <= 3; allowed++)
		assert_in_range(connections_made(steps, allowed), 7,
		    6 + (allowed < 2 ? 2 : allowed));
}

static void
refusals_leave_fewer_connections(void **state)
{
	struct httpd_step steps[61] = { 0 };

	(void)state;
	for (int i = 0; i < 60; i++)
		steps[i] = (struct httpd_step){ .status = i % 2 ? 503 : 429 };
	assert_in_range(connections_made(steps, 6), 7, 6 + 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_sent_at_the_limit_and_as_they_are),
		cmocka_unit_test(a_body_is_sent_again_from_its_beginning),
		cmocka_unit_test(answers_are_taken_at_the_limit),
		cmocka_unit_test(headers_count_as_well),
		cmocka_unit_test(connections_are_no_more_than_allowed),
		cmocka_unit_test(refusals_leave_fewer_connections),
	};

	return cmocka_run_group_tests_name("http_limits", tests, NULL, NULL);
}
