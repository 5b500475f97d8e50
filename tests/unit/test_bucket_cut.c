/*
 * test_bucket_cut.c - where keys of all shapes are cut, by a server that lists
 * what a test has put into an array.
 */
#include "component/bucket_cut.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/sparse.h"
#include "base/str.h"
#include "base/thread.h"

enum { KEYS = 12000, PAGE = 1000, KEY_SIZE = 48, WORKERS = 8 };

struct sea {
	char (*key)[KEY_SIZE]; /* sorted */
	size_t count;
	int listener;
	struct thread thread;
	char url[64];
	struct s3 *s3;
	atomic_uint lists;
	_Atomic size_t empty_after; /* so many lists; 0: never */
	char xml[PAGE * 160 + 1024];
};

/* --- the server: it allocates nothing */

static void
parameter(const char *target, const char *name, char out[256])
{
	const char *p = strstr(target, name);
	size_t n = 0;

	out[0] = '\0';
	if (!p)
		return;
	for (p += strlen(name); *p && *p != '&' && *p != ' ' && n < 255; p++) {
		unsigned c = (unsigned char)*p;

		if (*p == '%') {
			(void)sscanf(p + 1, "%2x", &c);
			p += 2;
		}
		out[n++] = (char)c;
	}
	out[n] = '\0';
}

static size_t
page(struct sea *s, const char *target)
{
	char prefix[256], after[256];
	size_t n = 0, i = 0, at, limit = atomic_load(&s->empty_after);
	char *x = s->xml;

	parameter(target, "&prefix=", prefix);
	parameter(target, "&start-after=", after);
	if (limit > 0 && atomic_load(&s->lists) > limit)
		i = s->count;
	for (size_t to = s->count; i < to;) { /* the first behind `after` */
		size_t mid = (i + to) / 2;

		if (strcmp(s->key[mid], after) > 0)
			to = mid;
		else
			i = mid + 1;
	}
	while (i < s->count && strncmp(s->key[i], prefix, strlen(prefix)) < 0)
		i++;
	at = (size_t)sprintf(x, "<ListBucketResult>");
	for (; i < s->count && n < PAGE && str_starts(s->key[i], prefix);
	     i++, n++)
		at += (size_t)sprintf(x + at,
		    "<Contents><Key>%s</Key><Size>1</Size></Contents>",
		    s->key[i]);
	if (i < s->count && str_starts(s->key[i], prefix))
		at += (size_t)sprintf(x + at,
		    "<IsTruncated>true</IsTruncated><NextContinuationToken>t"
		    "</NextContinuationToken>");
	return at + (size_t)sprintf(x + at, "</ListBucketResult>");
}

static void
answer(struct sea *s, int fd, const char *request)
{
	char head[128];
	size_t n, k;

	atomic_fetch_add(&s->lists, 1);
	n = page(s, request);
	k = (size_t)sprintf(head,
	    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
	    "Content-Type: application/xml\r\n\r\n",
	    n);
	(void)send(fd, head, k, MSG_NOSIGNAL);
	(void)send(fd, s->xml, n, MSG_NOSIGNAL);
}

static void *
serve(void *arg)
{
	struct sea *s = arg;
	int fd;

	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		char in[8192];
		ssize_t n;
		int one = 1;

		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof one);
		/* a request is one segment on loopback */
		while ((n = recv(fd, in, sizeof in - 1, 0)) > 0) {
			in[n] = '\0';
			answer(s, fd, in);
		}
		(void)close(fd);
	}
	return NULL;
}

static int
setup(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;
	struct sea *s = calloc(1, sizeof *s);
	struct err err = { 0 };

	*state = s;
	if (!s)
		return -1;
	s->key = calloc(KEYS, sizeof *s->key);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (!s->key || bind(s->listener, (struct sockaddr *)&a, sizeof a) ||
	    listen(s->listener, 8) ||
	    getsockname(s->listener, (struct sockaddr *)&a, &len))
		return -1;
	(void)snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d",
	    ntohs(a.sin_port));
	return s3_new(&(struct s3_options){ .endpoint = s->url,
	                  .region = "r",
	                  .bucket = "bucket",
	                  .access_key = "a",
	                  .secret_key = "s" },
	           &s->s3, &err) ||
	               thread_start(&s->thread, serve, s, &err)
	           ? -1
	           : 0;
}

static int
teardown(void **state)
{
	struct sea *s = *state;

	s3_free(s->s3);
	(void)shutdown(s->listener, SHUT_RDWR);
	(void)close(s->listener);
	thread_join(&s->thread);
	free(s->key);
	free(s);
	return 0;
}

/* --- shapes of keys */

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
sort(struct sea *s)
{
	size_t n = 0;

	qsort(s->key, s->count, sizeof *s->key, by_bytes);
	for (size_t i = 0; i < s->count; i++)
		if (i == 0 || strcmp(s->key[i], s->key[n - 1]) != 0)
			memmove(s->key[n++], s->key[i], sizeof *s->key);
	s->count = n;
}

static unsigned
mix(size_t n)
{
	uint64_t x = (n + 1) * 0x9e3779b97f4a7c15u;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return (unsigned)(x >> 32);
}

static void
fill(struct sea *s, const char *shape, size_t n)
{
	s->count = n;
	for (size_t i = 0; i < n; i++) {
		char *k = s->key[i];
		unsigned r = mix(i);

		if (strcmp(shape, "numbers") == 0)
			(void)sprintf(k, "runs/%010zu/out", i);
		else if (strcmp(shape, "hashes") == 0)
			(void)sprintf(k, "%08x%08x", r, mix(i + n));
		else if (strcmp(shape, "days") == 0)
			(void)sprintf(k, "artifacts/2026/%02u/%02u/run-%05u/x",
			    1 + r % 9, 1 + r / 16 % 28, mix(i + n) % 100000);
		else if (strcmp(shape, "skewed") == 0)
			(void)sprintf(k, "%s/%06zu",
			    i % 20  ? "big"
			    : r % 2 ? "a"
			            : "zz",
			    i);
		else if (strcmp(shape, "words") == 0)
			(void)sprintf(k, "modèle-%c%c/\xc3%c/%05u",
			    "aeiou"[r % 5], "xyz"[r / 5 % 3],
			    (char)(0xa0 + r / 16 % 16), mix(i + n) % 100000);
		else
			(void)sprintf(k, "p/%0*d", 1 + (int)(i % 40), 7);
	}
	sort(s);
}

static void
cut_free(char **last)
{
	for (unsigned i = 0; i < WORKERS; i++)
		free(last[i]);
}

/* The largest range, in hundredths of an even one. */
static unsigned
largest(const struct sea *s, char **last, unsigned n)
{
	size_t at = 0, most = 0;

	for (unsigned i = 0; i < n; i++) {
		size_t from = at;

		while (at < s->count &&
		       (i + 1 == n || strcmp(s->key[at], last[i]) <= 0))
			at++;
		if (at - from > most)
			most = at - from;
		if (i > 0 && i + 1 < n)
			assert_true(strcmp(last[i - 1], last[i]) <= 0);
	}
	assert_int_equal(at, s->count);
	return (unsigned)(most * 100 * n / (s->count ? s->count : 1));
}

static void
cut_evenly(void **state, const char *shape, unsigned at_most)
{
	struct sea *s = *state;

	fill(s, shape, KEYS);
	for (unsigned n = 1; n <= WORKERS; n *= 2) {
		char *last[WORKERS] = { NULL };
		struct err err = { 0 };

		atomic_store(&s->lists, 0);
		assert_int_equal(bucket_cut(s->s3, "", n, last, &err), 0);
		if (largest(s, last, n) > at_most)
			fail_msg("%u ranges of %s: the largest has %u %%", n,
			    shape, largest(s, last, n));
		assert_true(atomic_load(&s->lists) <= 24 * n + 40);
		cut_free(last);
	}
}

static void
numbers_are_cut_evenly(void **state)
{
	cut_evenly(state, "numbers", 160);
}

static void
hashes_are_cut_evenly(void **state)
{
	cut_evenly(state, "hashes", 130);
}

static void
days_are_cut_evenly(void **state)
{
	cut_evenly(state, "days", 160);
}

static void
large_folder_among_small_ones_is_cut(void **state)
{
	cut_evenly(state, "skewed", 180);
}

static void
words_of_any_language_are_cut_evenly(void **state)
{
	cut_evenly(state, "words", 160);
}

static void
few_objects_are_cut_exactly(void **state)
{
	struct sea *s = *state;
	char *last[WORKERS] = { NULL };
	struct err err = { 0 };

	fill(s, "numbers", 400);
	assert_int_equal(bucket_cut(s->s3, "", 4, last, &err), 0);
	assert_string_equal(last[0], "runs/0000000099/out");
	assert_string_equal(last[2], "runs/0000000299/out");
	assert_int_equal(atomic_load(&s->lists), 1);
	cut_free(last);
}

static void
fewer_objects_than_ranges_leave_some_empty(void **state)
{
	struct sea *s = *state;

	for (size_t n = 0; n < 4; n++) {
		char *last[WORKERS] = { NULL };
		struct err err = { 0 };

		fill(s, "numbers", n);
		assert_int_equal(bucket_cut(s->s3, "", WORKERS, last, &err), 0);
		assert_true(largest(s, last, WORKERS) <= WORKERS * 100);
		assert_string_equal(last[0], "");
		cut_free(last);
	}
}

static void
keys_that_begin_each_other_are_cut(void **state)
{
	struct sea *s = *state;
	char *last[WORKERS] = { NULL };
	struct err err = { 0 };

	fill(s, "numbers", KEYS / 2);
	for (size_t i = 0; i < KEYS / 2; i++)
		(void)sprintf(s->key[s->count++], "runs/%010zu", i);
	sort(s);
	assert_int_equal(bucket_cut(s->s3, "runs/", 4, last, &err), 0);
	assert_true(largest(s, last, 4) <= 180);
	cut_free(last);
}

/* What is asked for is not there any more: the ranges are as they are. */
static void
bucket_may_be_emptied_meanwhile(void **state)
{
	struct sea *s = *state;

	fill(s, "numbers", KEYS);
	for (size_t n = 1; n < 12; n++) {
		char *last[WORKERS] = { NULL };
		struct err err = { 0 };

		atomic_store(&s->lists, 0);
		atomic_store(&s->empty_after, n);
		assert_int_equal(bucket_cut(s->s3, "", 4, last, &err), 0);
		(void)largest(s, last, 4);
		cut_free(last);
	}
}

static void
every_allocation_may_fail(void **state)
{
	struct sea *s = *state;
	long n = 0;
	int rc;

	fill(s, "skewed", 3000);
	do {
		char *last[WORKERS] = { NULL };
		struct err err = { 0 };

		failalloc_at(n);
		rc = bucket_cut(s->s3, "", 2, last, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		cut_free(last);
		n = sparse_next(n + n / 12); /* thousands are those of pages */
	} while (rc);
	assert_true(n > 1000);
}

#define WITH_SEA(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SEA(numbers_are_cut_evenly),
		WITH_SEA(hashes_are_cut_evenly),
		WITH_SEA(days_are_cut_evenly),
		WITH_SEA(large_folder_among_small_ones_is_cut),
		WITH_SEA(words_of_any_language_are_cut_evenly),
		WITH_SEA(few_objects_are_cut_exactly),
		WITH_SEA(fewer_objects_than_ranges_leave_some_empty),
		WITH_SEA(keys_that_begin_each_other_are_cut),
		WITH_SEA(bucket_may_be_emptied_meanwhile),
		WITH_SEA(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("bucket_cut", tests, NULL, NULL);
}
