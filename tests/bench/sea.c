/*
 * sea - an S3 source of any number of objects, none of which exists.
 *
 *     sea COUNT [CHANGED [MS [RATE]]]    prints its URL; runs until it is ended
 *
 * Bucket "sea": COUNT objects of 1 to 4096 bytes, whose keys, sizes, ETags and
 * contents are computed from their number.  Every CHANGED-th has another ETag.
 * It answers ListObjectsV2, GET and HEAD of an object, and believes every
 * signature.  GET /count: how many of each it answered since the last time.
 * A LIST takes MS milliseconds, and of objects a connection gives
 * RATE bytes a second; 0: as fast as it can.  One thread a connection.  For
 * make bench alone: what is measured is a client whose work grows with the
 * number of objects.
 */
#include "listen.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 1000, SIZE_MAX_ = 4096, REQUEST_MAX = 64 << 10, KEY_SIZE = 1100 };

#define TIME_XML "2026-01-01T00:00:00.000Z"
#define TIME_HTTP "Thu, 01 Jan 2026 00:00:00 GMT"
#define KEY "runs/%010" PRIu64 "/out"

static uint64_t count, changed, list_ms, rate; /* set before the threads */
static _Atomic unsigned long lists, gets, heads;

/* --- the objects */

static uint64_t
mix(uint64_t n)
{
	n ^= n >> 31;
	n *= 0x7fb5d329728ea185u;
	n ^= n >> 27;
	n *= 0x81dadef4bc2dd44du;
	return n ^ n >> 33;
}

static unsigned
size_of(uint64_t n)
{
	return 1 + (unsigned)(mix(n) % SIZE_MAX_);
}

static void
etag_of(uint64_t n, char out[33])
{
	uint64_t generation = changed && n % changed == 0;

	(void)snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, mix(n),
	    mix(n + generation));
}

/* --- answers */

static bool
send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

static bool
answer(int fd, const char *status, const char *headers, const char *body,
    size_t n)
{
	char head[1024];
	int k = snprintf(head, sizeof head,
	    "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, n, headers);

	return send_all(fd, head, (size_t)k) &&
	       (!body || send_all(fd, body, n));
}

/* --- LIST */

/* A parameter of the query, decoded; "" where there is none. */
static void
parameter(const char *target, const char *name, char out[KEY_SIZE])
{
	const char *p = strstr(target, name);
	size_t n = 0;

	for (p = p ? p + strlen(name) : ""; *p && *p != '&'; p++) {
		unsigned c = (unsigned char)*p;

		if (c == '%' && sscanf(p + 1, "%2x", &c) == 1)
			p += 2;
		if (n + 1 < KEY_SIZE)
			out[n++] = (char)c;
	}
	out[n] = '\0';
}

/* Of how many objects the key is before `text`, or is it (itself), or begins
 * with it (all). */
static uint64_t
before(const char *text, bool itself, bool all)
{
	uint64_t from = 0, to = count;
	size_t n = strlen(text);
	char key[64];

	while (from < to) {
		uint64_t mid = from + (to - from) / 2;
		int c;

		(void)snprintf(key, sizeof key, KEY, mid);
		c = all ? strncmp(key, text, n) : strcmp(key, text);
		if (c < 0 || (c == 0 && (itself || all)))
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* What is asked for: from the first that it may hold to the last. */
static void
range_of(const char *target, uint64_t *from, uint64_t *end)
{
	const char *token = strstr(target, "continuation-token=");
	char prefix[KEY_SIZE], after[KEY_SIZE];

	parameter(target, "&prefix=", prefix);
	parameter(target, "&start-after=", after);
	*end = *prefix ? before(prefix, false, true) : count;
	*from = before(prefix, false, false);
	if (*after && before(after, true, false) > *from)
		*from = before(after, true, false);
	if (token)
		*from = strtoull(token + 19, NULL, 10);
	if (*from > *end)
		*from = *end;
}

static void
pause_ms(uint64_t ms)
{
	const struct timespec t = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	if (ms)
		(void)nanosleep(&t, NULL);
}

/* The page behind the last key that the client has; the token is a number. */
static bool
list(int fd, const char *target)
{
	uint64_t from, end, to;
	char *xml = malloc((size_t)PAGE * 320 + 1024);
	size_t n;
	bool ok;

	if (!xml)
		return false;
	pause_ms(list_ms);
	range_of(target, &from, &end);
	to = end - from > PAGE ? from + PAGE : end;
	n = (size_t)sprintf(xml,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
	    "<ListBucketResult><Name>sea</Name><KeyCount>%" PRIu64
	    "</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>%s</IsTruncated>",
	    to - from, to < end ? "true" : "false");
	for (uint64_t i = from; i < to; i++) {
		char etag[33];

		etag_of(i, etag);
		n += (size_t)sprintf(xml + n,
		    "<Contents><Key>" KEY "</Key><LastModified>" TIME_XML
		    "</LastModified><ETag>&quot;%s&quot;</ETag><Size>%u</Size>"
		    "<StorageClass>STANDARD</StorageClass></Contents>",
		    i, etag, size_of(i));
	}
	if (to < end)
		n += (size_t)sprintf(xml + n,
		    "<NextContinuationToken>%" PRIu64
		    "</NextContinuationToken>",
		    to);
	n += (size_t)sprintf(xml + n, "</ListBucketResult>");
	ok = answer(fd, "200 OK", "Content-Type: application/xml\r\n", xml, n);
	free(xml);
	return ok;
}

static bool
object(int fd, const char *path, bool with_body)
{
	const char *p = strstr(path, "/runs/");
	uint64_t n = p ? strtoull(p + 6, NULL, 10) : count;
	char headers[256], etag[33], body[SIZE_MAX_];

	if (n >= count)
		return answer(fd, "404 Not Found", "", with_body ? "" : NULL,
		    0);
	etag_of(n, etag);
	(void)snprintf(headers, sizeof headers,
	    "ETag: \"%s\"\r\nLast-Modified: " TIME_HTTP
	    "\r\nContent-Type: application/octet-stream\r\n",
	    etag);
	for (size_t i = 0; i < sizeof body; i += 16)
		(void)snprintf(body + i, 16, "%015" PRIu64, n + i);
	if (rate && with_body)
		pause_ms(size_of(n) * UINT64_C(1000) / rate);
	return answer(fd, "200 OK", headers, with_body ? body : NULL,
	    size_of(n));
}

static bool
tell(int fd)
{
	char text[128];
	int n = snprintf(text, sizeof text,
	    "{\"list\":%lu,\"get\":%lu,\"head\":%lu}\n",
	    atomic_exchange(&lists, 0), atomic_exchange(&gets, 0),
	    atomic_exchange(&heads, 0));

	return answer(fd, "200 OK", "", text, (size_t)n);
}

/* head: request line and headers.  False: the connection is over. */
static bool
serve_one(int fd, char *head)
{
	char method[8], target[REQUEST_MAX / 8];

	if (sscanf(head, "%7s %8191s", method, target) != 2)
		return false;
	if (strcmp(target, "/count") == 0)
		return tell(fd);
	if (strstr(target, "list-type=2")) {
		lists++;
		return list(fd, target);
	}
	if (strcmp(target, "/sea") == 0 || strcmp(target, "/sea/") == 0)
		return answer(fd, "200 OK", "",
		    strcmp(method, "HEAD") == 0 ? NULL : "", 0);
	if (strchr(target, '?'))
		return answer(fd, "501 Not Implemented", "", "", 0);
	(void)(strcmp(method, "GET") == 0 ? gets++ : heads++);
	return object(fd, target, strcmp(method, "GET") == 0);
}

static void *
serve(void *arg)
{
	int fd = (int)(intptr_t)arg, one = 1;
	char *in = malloc(REQUEST_MAX);
	size_t n = 0;
	bool open = in != NULL;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	while (open) {
		ssize_t k = recv(fd, in + n, REQUEST_MAX - 1 - n, 0);
		char *end;

		if (k <= 0)
			break;
		n += (size_t)k;
		in[n] = '\0';
		while (open && (end = strstr(in, "\r\n\r\n")) != NULL) {
			*end = '\0';
			open = serve_one(fd, in);
			n -= (size_t)(end + 4 - in);
			memmove(in, end + 4, n + 1);
		}
		open = open && n < REQUEST_MAX - 1;
	}
	free(in);
	(void)close(fd);
	return NULL;
}

int
main(int argc, char *argv[])
{
	int listener;

	if (argc < 2) {
		(void)fputs("usage: sea COUNT [CHANGED [MS [RATE]]]\n", stderr);
		return 2;
	}
	count = strtoull(argv[1], NULL, 10);
	changed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	list_ms = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	rate = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	listener = listen_somewhere();
	while (listener >= 0) {
		int fd = accept(listener, NULL, NULL);
		pthread_t t;

		if (fd < 0)
			continue;
		if (pthread_create(&t, NULL, serve, (void *)(intptr_t)fd))
			(void)close(fd);
		else
			(void)pthread_detach(t);
	}
	perror("sea");
	return 1;
}
