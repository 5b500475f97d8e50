#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <curl/curl.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "../lib/httpd.h"
#include "base/thread.h"
#include "http/http.h"

/* One GET of path, the body into `to`. */
static int
get_to(struct http *h, const struct httpd *d, const char *path,
    struct http_response *r, struct sink *to, struct err *err)
{
	char url[200];
	struct http_request q = { .method = "GET", .url = url };

	(void)snprintf(url, sizeof url, "%s%s", httpd_url(d), path);
	return http_do(h, &q, r, to, err);
}

/* The same with a client of its own; the body is compared. */
static int
get(const struct httpd_step *steps, const char *want, struct err *err)
{
	struct http_options o = { .idle_timeout_s = 1 };
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	AUTO(http) struct http *h = NULL;
	AUTO(http_response) struct http_response r = { 0 };
	AUTO(sink) struct sink *to = NULL;
	size_t len;
	int rc;

	assert_non_null(d);
	assert_int_equal(http_new(&o, &h, err), 0);
	assert_int_equal(sink_mem_new(1 << 20, &to, err), 0);
	rc = get_to(h, d, "/x", &r, to, err);
	if (rc == 0 && want)
		assert_string_equal(sink_mem_data(to, &len), want);
	httpd_stop(d);
	assert_string_equal(httpd_complaint(d), "");
	return rc;
}

static void
body_and_headers_arrive(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/x", 200,
		    "ETag:  \"e\" \r\nX-Amz-Meta-B: \r\n"
		    "Date: Fri, 20 Nov 2026 16:28:00 GMT\r\n",
		    "hello", 0, 0 },
		{ 0 }
	};
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	AUTO(http) struct http *h = NULL;
	AUTO(http_response) struct http_response r = { 0 };
	AUTO(sink) struct sink *to = NULL;
	struct err err = { 0 };
	const char *line;
	size_t len;

	(void)state;
	assert_int_equal(http_new(&(struct http_options){ 0 }, &h, &err), 0);
	assert_int_equal(sink_mem_new(100, &to, &err), 0);
	assert_int_equal(get_to(h, d, "/x", &r, to, &err), 0);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.date, 1795192080);
	assert_string_equal(http_response_header(&r, "etag"), "\"e\"");
	assert_string_equal(http_response_header(&r, "x-amz-meta-b"), "");
	assert_null(http_response_header(&r, "eta"));
	line = http_response_next(&r, NULL);
	assert_string_equal(line, "content-length: 5");
	assert_string_equal(http_response_next(&r, line), "etag: \"e\"");
	assert_string_equal(sink_mem_data(to, &len), "hello");
	assert_int_equal(len, 5);
}

static void
an_answer_that_is_not_2xx_goes_into_the_response(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/x", 404, NULL, "<Error/>", 0, 0 }, { 0 }
	};
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	AUTO(http) struct http *h = NULL;
	AUTO(http_response) struct http_response r = { 0 };
	AUTO(sink) struct sink *to = NULL;
	struct err err = { 0 };
	size_t len;

	(void)state;
	assert_int_equal(http_new(&(struct http_options){ 0 }, &h, &err), 0);
	assert_int_equal(sink_mem_new(100, &to, &err), 0);
	assert_int_equal(get_to(h, d, "/x", &r, to, &err), 0);
	assert_int_equal(r.status, 404);
	assert_string_equal(r.body.data, "<Error/>");
	assert_null(sink_mem_data(to, &len));
}

static void
a_huge_error_page_is_cut_and_no_error(void **state)
{
	static char page[200000];
	const struct httpd_step steps[] = {
		{ "GET", "/x", 500, NULL, page, sizeof page, 0 }, { 0 }
	};
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	AUTO(http) struct http *h = NULL;
	AUTO(http_response) struct http_response r = { 0 };
	struct err err = { 0 };

	(void)state;
	memset(page, 'x', sizeof page);
	assert_int_equal(http_new(&(struct http_options){ 0 }, &h, &err), 0);
	assert_int_equal(get_to(h, d, "/x", &r, NULL, &err), 0);
	assert_int_equal(r.body.len, 65536);
}

static void
paths_headers_and_bodies_are_sent_as_they_are(void **state)
{
	const struct httpd_step steps[] = { { "PUT", "/b/a/.././/%2E%25?x=%2F ",
		                                200, NULL, NULL, 0, 0 },
		{ "PUT", "/b/empty", 200, NULL, NULL, 0, 0 },
		{ "DELETE", "/b/gone", 204, NULL, NULL, 0, 0 },
		{ "HEAD", "/b/head", 200, NULL, "12345", 0, 0 }, { 0 } };
	const struct http_header headers[] = { { "x-amz-meta-a", "1  2" },
		{ "x-amz-meta-none", "" }, { "content-type", "text/plain" },
		{ 0 } };
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	AUTO(http) struct http *h = NULL;
	AUTO(http_response) struct http_response r = { 0 };
	struct err err = { 0 };
	char url[200];
	struct http_request q = { "PUT", url, headers, "a\0b", 3, false };

	(void)state;
	assert_int_equal(http_new(&(struct http_options){ 0 }, &h, &err), 0);
	(void)snprintf(url, sizeof url, "%s/b/a/.././/%%2E%%25?x=%%2F",
	    httpd_url(d));
	assert_int_equal(http_do(h, &q, &r, NULL, &err), 0);
	(void)snprintf(url, sizeof url, "%s/b/empty", httpd_url(d));
	q = (struct http_request){ .method = "PUT", .url = url };
	assert_int_equal(http_do(h, &q, &r, NULL, &err), 0);
	(void)snprintf(url, sizeof url, "%s/b/gone", httpd_url(d));
	q.method = "DELETE";
	assert_int_equal(http_do(h, &q, &r, NULL, &err), 0);
	(void)snprintf(url, sizeof url, "%s/b/head", httpd_url(d));
	q.method = "HEAD";
	assert_int_equal(http_do(h, &q, &r, NULL, &err), 0);
	assert_string_equal(http_response_header(&r, "content-length"), "5");
	httpd_stop(d);
	assert_string_equal(httpd_complaint(d), "");
	assert_non_null(strstr(httpd_head(d, 0), "x-amz-meta-a: 1  2\r\n"));
	assert_non_null(strstr(httpd_head(d, 0), "x-amz-meta-none:\r\n"));
	assert_non_null(strstr(httpd_head(d, 0), "Content-Length: 3\r\n"));
	assert_null(strcasestr(httpd_head(d, 0), "expect"));
	assert_memory_equal(httpd_body(d, 0), "a\0b", 3);
	assert_non_null(strstr(httpd_head(d, 1), "Content-Length: 0\r\n"));
	assert_null(strcasestr(httpd_head(d, 1), "content-type"));
	/* all four on one kept connection */
	assert_int_equal(httpd_connections(d), 1);
}

static void
a_request_that_wants_it_has_a_connection_of_its_own(void **state)
{
	const struct httpd_step steps[] = { { "POST", "/", 200, NULL, "a", 0,
		                                0 },
		{ "POST", "/", 200, NULL, "b", 0, 0 },
		{ "POST", "/", 200, NULL, "c", 0, HTTPD_RESET }, { 0 } };
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	struct http_request q = { .method = "POST", .url = httpd_url(d) };
	AUTO(http) struct http *h = NULL;
	AUTO(http_response) struct http_response r = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(http_new(&(struct http_options){ 0 }, &h, &err), 0);
	assert_int_equal(http_do(h, &q, &r, NULL, &err), 0);
	assert_int_equal(http_do(h, &q, &r, NULL, &err), 0);
	q.fresh = true;
	assert_int_equal(http_do(h, &q, &r, NULL, &err), -1);
	httpd_stop(d);
	assert_string_equal(httpd_complaint(d), "");
	assert_int_equal(httpd_connections(d), 2);
	assert_int_equal(httpd_requests(d), 3);
}

static void
a_line_break_in_a_header_is_refused(void **state)
{
	const struct http_header headers[] = {
		{ "x-amz-meta-a", "1\r\nx-evil: 1" }, { 0 }
	};
	struct http_request q = { .method = "GET",
		.url = "http://127.0.0.1:1/",
		.headers = headers };
	AUTO(http) struct http *h = NULL;
	AUTO(http_response) struct http_response r = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(http_new(&(struct http_options){ 0 }, &h, &err), 0);
	assert_int_equal(http_do(h, &q, &r, NULL, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
}

static void
every_framing_of_a_whole_body_is_read(void **state)
{
	const enum httpd_fault whole[] = { HTTPD_FINE, HTTPD_CHUNKED,
		HTTPD_CLOSE, HTTPD_OLD, HTTPD_LONG };

	(void)state;
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
		const struct httpd_step steps[] = {
			{ "GET", "/x", 200, NULL, "hello", 0, whole[i] }, { 0 }
		};
		struct err err = { 0 };

		assert_int_equal(get(steps, "hello", &err), 0);
	}
}

static void
a_cut_stalled_or_missing_answer_is_transient(void **state)
{
	const enum httpd_fault broken[] = { HTTPD_CUT, HTTPD_CHUNKED_CUT,
		HTTPD_STALL, HTTPD_RESET };

	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		const struct httpd_step steps[] = {
			{ "GET", "/x", 200, NULL, "hello", 0, broken[i] }, { 0 }
		};
		struct err err = { 0 };

		assert_int_equal(get(steps, NULL, &err), -1);
		assert_true(err_is(&err, ERR_TRANSIENT));
	}
}

static void
what_is_not_http_is_no_server_for_us(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/x", 200, NULL, "SSH-2.0-x\r\n", 0, HTTPD_RAW }, { 0 }
	};
	struct err err = { 0 };

	(void)state;
	assert_int_equal(get(steps, NULL, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
}

static void
headers_of_100_continue_are_forgotten(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/x", 200, NULL,
		    "HTTP/1.1 100 Continue\r\nx-early: 1\r\n\r\n"
		    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		    0, HTTPD_RAW },
		{ 0 }
	};
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	AUTO(http) struct http *h = NULL;
	AUTO(http_response) struct http_response r = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(http_new(&(struct http_options){ 0 }, &h, &err), 0);
	assert_int_equal(get_to(h, d, "/x", &r, NULL, &err), 0);
	assert_int_equal(r.status, 200);
	assert_null(http_response_header(&r, "x-early"));
	assert_string_equal(http_response_header(&r, "content-length"), "2");
}

static void
redirects_are_not_followed(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/x", 301, "Location: /y\r\n", NULL, 0, 0 }, { 0 }
	};
	struct err err = { 0 };

	(void)state;
	assert_int_equal(get(steps, NULL, &err), 0);
}

static void
an_error_of_the_sink_is_passed_on(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/x", 200, NULL, "hello", 0, 0 }, { 0 }
	};
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	AUTO(http) struct http *h = NULL;
	AUTO(http_response) struct http_response r = { 0 };
	AUTO(sink) struct sink *to = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(http_new(&(struct http_options){ 0 }, &h, &err), 0);
	assert_int_equal(sink_mem_new(2, &to, &err), 0);
	assert_int_equal(get_to(h, d, "/x", &r, to, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
}

static int
fetch(const struct http_options *o, const char *url, struct err *err)
{
	struct http_request q = { .method = "GET", .url = url };
	AUTO(http) struct http *h = NULL;
	AUTO(http_response) struct http_response r = { 0 };

	assert_int_equal(http_new(o, &h, err), 0);
	return http_do(h, &q, &r, NULL, err);
}

static void
no_host_no_port_no_scheme_no_ca_are_told_apart(void **state)
{
	struct http_options o = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(fetch(&o, "http://no.such.host.invalid/", &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	assert_non_null(strstr(err.msg, "no.such.host.invalid"));
	assert_int_equal(fetch(&o, "http://127.0.0.1:1/", &err), -1);
	assert_true(err_is(&err, ERR_TRANSIENT));
	assert_non_null(strstr(err.msg, "127.0.0.1"));
	assert_int_equal(fetch(&o, "ftp://127.0.0.1/", &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	o.ca_pem = "not a certificate";
	assert_int_equal(fetch(&o, "https://127.0.0.1:1/", &err), -1);
	assert_true(err_is(&err, ERR_TRANSIENT) || err_is(&err, ERR_USAGE));
}

static void
a_host_that_was_known_is_transient(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/x", 200, NULL, "hello", 0, 0 }, { 0 }
	};
	struct http_request q = { .method = "GET",
		.url = "http://no.such.host.invalid/" };
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	AUTO(http) struct http *h = NULL;
	AUTO(http_response) struct http_response r = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(http_new(&(struct http_options){ 0 }, &h, &err), 0);
	assert_int_equal(get_to(h, d, "/x", &r, NULL, &err), 0);
	assert_int_equal(http_do(h, &q, &r, NULL, &err), -1);
	assert_true(err_is(&err, ERR_TRANSIENT));
	assert_int_equal(r.status, 0);
}

static void
a_ca_that_is_no_certificate_is_named(void **state)
{
	const struct httpd_step steps[] = {
		{ NULL, NULL, 200, NULL, NULL, 0, HTTPD_RESET }, { 0 }
	};
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	struct http_options o = { .ca_pem = "not a certificate" };
	struct err err = { 0 };
	char url[64];

	(void)state;
	(void)snprintf(url, sizeof url, "https%s/", httpd_url(d) + 4);
	assert_int_equal(fetch(&o, url, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_non_null(strstr(err.msg, "PEM"));
}

static void
the_proxy_is_used_unless_the_host_is_exempt(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "http://s3.example.invalid/k", 200, NULL, NULL, 0, 0 },
		{ "GET", "/k", 200, NULL, NULL, 0, 0 }, { 0 }
	};
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	struct http_options o = { .no_proxy = "127.0.0.0/8" };
	struct err err = { 0 };
	char url[64];

	(void)state;
	o.proxy = httpd_url(d);
	assert_int_equal(fetch(&o, "http://s3.example.invalid/k", &err), 0);
	(void)snprintf(url, sizeof url, "%s/k", httpd_url(d));
	assert_int_equal(fetch(&o, url, &err), 0);
	httpd_stop(d);
	assert_string_equal(httpd_complaint(d), "");
}

static void
the_proxy_of_the_environment_is_ignored(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/x", 200, NULL, "hello", 0, 0 }, { 0 }
	};
	struct err err = { 0 };

	(void)state;
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(get(steps, "hello", &err), 0);
	assert_int_equal(unsetenv("http_proxy"), 0);
}

static void *
ten_requests(void *arg)
{
	void **a = arg;

	for (int i = 0; i < 10; i++) {
		AUTO(http_response) struct http_response r = { 0 };
		struct err err = { 0 };

		if (get_to(a[0], a[1], "/x", &r, NULL, &err))
			return arg;
	}
	return NULL;
}

static void
threads_share_a_client_and_its_connections(void **state)
{
	struct httpd_step steps[41] = { 0 };
	AUTO(http) struct http *h = NULL;
	AUTO(httpd) struct httpd *d = NULL;
	struct thread t[4] = { 0 };
	struct err err = { 0 };
	void *arg[2];

	(void)state;
	for (int i = 0; i < 40; i++)
		steps[i] =
		    (struct httpd_step){ .status = 200, .body = "hello" };
	d = httpd_start(steps);
	assert_int_equal(http_new(&(struct http_options){ 0 }, &h, &err), 0);
	arg[0] = h;
	arg[1] = d;
	for (int i = 0; i < 4; i++)
		assert_int_equal(thread_start(&t[i], ten_requests, arg, &err),
		    0);
	for (int i = 0; i < 4; i++)
		thread_join(&t[i]);
	httpd_stop(d);
	assert_string_equal(httpd_complaint(d), "");
	assert_int_equal(httpd_requests(d), 40);
	assert_in_range(httpd_connections(d), 1, 4);
}

static int
scenario(const struct httpd *d, struct err *err)
{
	const struct http_header headers[] = { { "x-amz-meta-a", "1" }, { 0 } };
	struct http_request q = {
		.method = "GET", .url = httpd_url(d), .headers = headers
	};
	AUTO(http) struct http *h = NULL;
	AUTO(http_response) struct http_response r = { 0 };
	AUTO(sink) struct sink *to = NULL;

	if (http_new(&(struct http_options){ .no_proxy = "127.0.0.1" }, &h,
	        err) ||
	    sink_mem_new(100, &to, err))
		return -1;
	return http_do(h, &q, &r, to, err);
}

static void
every_allocation_may_fail(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/", 200, NULL, "hello", 0, 0 }, { 0 }
	};
	long fails = 0;
	int rc;

	(void)state;
	for (;; fails++) {
		AUTO(httpd) struct httpd *d = httpd_start(steps);
		struct err err = { 0 };

		failalloc_at(fails);
		rc = scenario(d, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(fails >= 4);
}

static void
what_libcurl_cannot_do_is_told(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", "/", 200, NULL, "hello", 0, 0 }, { 0 }
	};
	static const char *const calls[] = { "curl_global_init",
		"curl_easy_init" };

	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		unsigned n = 0;

		for (;; n++) {
			AUTO(httpd) struct httpd *d = httpd_start(steps);
			struct err err = { 0 };

			failcall_at(calls[i], n, CURLE_OUT_OF_MEMORY);
			if (scenario(d, &err) == 0)
				break;
			assert_true(failcall_end());
			assert_int_equal(err.code, ERR_NOMEM);
		}
		assert_false(failcall_end());
		assert_true(n > 0);
	}
}

static void
failures_of_libcurl_have_their_kind(void **state)
{
	static const struct {
		CURLcode curl;
		enum err_code code;
		const char *says;
	} cases[] = {
		{ CURLE_OUT_OF_MEMORY, ERR_NOMEM, "out of memory" },
		{ CURLE_URL_MALFORMAT, ERR_REMOTE, "not a usable URL: " },
		{ CURLE_PEER_FAILED_VERIFICATION, ERR_DENIED,
		    "the server's certificate is not trusted: " },
	};
	const struct httpd_step none[] = { { 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO(httpd) struct httpd *d = httpd_start(none);
		struct err err = { 0 };

		failcall_at("curl_easy_perform", 0, (int)cases[i].curl);
		assert_int_equal(scenario(d, &err), -1);
		assert_true(failcall_end());
		assert_int_equal(err.code, cases[i].code);
		assert_non_null(strstr(err.msg, cases[i].says));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_and_headers_arrive),
		cmocka_unit_test(
		    an_answer_that_is_not_2xx_goes_into_the_response),
		cmocka_unit_test(a_huge_error_page_is_cut_and_no_error),
		cmocka_unit_test(paths_headers_and_bodies_are_sent_as_they_are),
		cmocka_unit_test(
		    a_request_that_wants_it_has_a_connection_of_its_own),
		cmocka_unit_test(a_line_break_in_a_header_is_refused),
		cmocka_unit_test(every_framing_of_a_whole_body_is_read),
		cmocka_unit_test(a_cut_stalled_or_missing_answer_is_transient),
		cmocka_unit_test(what_is_not_http_is_no_server_for_us),
		cmocka_unit_test(headers_of_100_continue_are_forgotten),
		cmocka_unit_test(redirects_are_not_followed),
		cmocka_unit_test(an_error_of_the_sink_is_passed_on),
		cmocka_unit_test(
		    no_host_no_port_no_scheme_no_ca_are_told_apart),
		cmocka_unit_test(a_host_that_was_known_is_transient),
		cmocka_unit_test(a_ca_that_is_no_certificate_is_named),
		cmocka_unit_test(the_proxy_is_used_unless_the_host_is_exempt),
		cmocka_unit_test(the_proxy_of_the_environment_is_ignored),
		cmocka_unit_test(threads_share_a_client_and_its_connections),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(what_libcurl_cannot_do_is_told),
		cmocka_unit_test(failures_of_libcurl_have_their_kind),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
