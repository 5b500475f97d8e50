#include "http/upgrade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/httpd.h"
#include "http/channel.h"

#define CHUNKED "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"

static int
ask_at(const char *base, struct http_response *r, struct err *err)
{
	AUTO(http) struct http *h = NULL;
	AUTO(channel) struct channel *c = NULL;
	AUTO(upgrade_result) struct upgrade_result u = { 0 };
	char url[100];
	const struct upgrade_request q = { url, NULL, "v1", 5000 };

	(void)snprintf(url, sizeof url, "%s/exec", base);
	if (http_new(&(struct http_options){ 0 }, &h, err) ||
	    channel_open(h, url, &c, err))
		return -1;
	return upgrade_run(c, &q, r, &u, err);
}

/* Ask once, with allocation n failing; the server answers with exactly these
 * bytes, and ends. */
static int
ask_without(long n, const char *answer, struct http_response *r,
    struct err *err)
{
	const struct httpd_step steps[] = {
		{ "GET", "/exec", 200, NULL, answer, 0, HTTPD_RAW }, { 0 }
	};
	struct httpd *d = httpd_start(steps);
	int rc;

	assert_non_null(d);
	failalloc_at(n);
	rc = ask_at(httpd_url(d), r, err);
	failalloc_at(-1);
	httpd_stop(d);
	httpd_free(d);
	return rc;
}

static int
ask(const char *answer, struct http_response *r, struct err *err)
{
	return ask_without(-1, answer, r, err);
}

static void
a_refusal_comes_with_its_reason(void **state)
{
	static const struct {
		const char *answer, *body;
		int status;
	} t[] = {
		{ "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", "no", 403 },
		{ "HTTP/1.0 404 No\r\n\r\nto the end", "to the end", 404 },
		{ "HTTP/1.1 429 No\r\nContent-Length: 9\r\n\r\ncut", "cut",
		    429 },
		{ "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "", 500 },
		{ CHUNKED "3\r\nno,\r\nB; x=y\r\n you may no\r\n"
		          "1\r\nt\r\n0\r\n\r\n",
		    "no, you may not", 403 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO(http_response) struct http_response r = { 0 };
		struct err err = { 0 };

		if (ask(t[i].answer, &r, &err))
			fail_msg("%zu: %s", i, err.msg);
		assert_int_equal(r.status, t[i].status);
		assert_string_equal(r.body.data ? r.body.data : "", t[i].body);
	}
}

/* What was whole of it is kept, and nothing behind its end is read. */
static void
chunks_may_be_cut_at_each_byte(void **state)
{
	static const char whole[] = CHUNKED "5\r\nhello\r\n3\r\nyou\r\n";

	(void)state;
	for (size_t n = strlen(CHUNKED); n < sizeof whole; n++) {
		AUTO(http_response) struct http_response r = { 0 };
		struct err err = { 0 };
		char cut[sizeof whole];

		(void)snprintf(cut, sizeof cut, "%.*s", (int)n, whole);
		if (ask(cut, &r, &err))
			fail_msg("%zu: %s", n, err.msg);
		assert_int_equal(r.status, 403);
		if (n >= strlen(CHUNKED "5\r\nhello\r\n3\r\nyou"))
			assert_string_equal(r.body.data, "helloyou");
		else if (n >= strlen(CHUNKED "5\r\nhello"))
			assert_string_equal(r.body.data, "hello");
		else /* as it came */
			assert_int_equal(r.body.len, n - strlen(CHUNKED));
	}
}

static void
what_is_no_http_is_told(void **state)
{
	static const char *const t[] = { "SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"HTTP/1.1\r\n\r\n", "HTTP/1.1 99 x\r\n\r\n",
		"HTTP/1.1 4030 x\r\n\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO(http_response) struct http_response r = { 0 };
		struct err err = { 0 };

		assert_int_equal(ask(t[i], &r, &err), -1);
		assert_int_equal(err.code, ERR_REMOTE);
		assert_string_equal(err.msg, "no HTTP server is there");
	}
}

static void
a_head_without_an_end_is_told(void **state)
{
	AUTO(http_response) struct http_response r = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(ask("HTTP/1.1 403 No\r\nA: b\r\n", &r, &err), -1);
	assert_int_equal(err.code, ERR_TRANSIENT);
}

static void
every_allocation_may_fail(void **state)
{
	long n = 0;
	int rc;

	(void)state;
	do {
		AUTO(http_response) struct http_response r = { 0 };
		struct err err = { 0 };

		rc = ask_without(n, CHUNKED "2\r\nno\r\n0\r\n\r\n", &r, &err);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		n += rc != 0;
	} while (rc);
	assert_true(n >= 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_comes_with_its_reason),
		cmocka_unit_test(chunks_may_be_cut_at_each_byte),
		cmocka_unit_test(what_is_no_http_is_told),
		cmocka_unit_test(a_head_without_an_end_is_told),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
