#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/thread.h"
#include "key_server.h"

enum { CONNECTIONS = 16, HEAD_MAX = 16 << 10, XML_MAX = 256 << 10, KEY = 256 };

struct connection {
	struct key_server *s;
	struct thread thread;
	int fd;
	size_t len;
	char in[HEAD_MAX], xml[XML_MAX];
};

struct key_server {
	const struct key_server_options *o;
	struct thread thread;
	int listener;
	char url[64];
	atomic_uint lists, ranges;
	struct connection c[CONNECTIONS];
	size_t n;
};

/* A parameter, decoded; "": there is none. */
static void
parameter(const char *head, const char *name, char out[KEY])
{
	const char *p = strstr(head, name);
	size_t n = 0;

	p = p ? p + strlen(name) : "";
	while (*p && *p != '&' && *p != ' ' && n + 1 < KEY) {
		char hex[3] = { 0 };

		if (*p != '%') {
			out[n++] = *p++;
			continue;
		}
		memcpy(hex, p + 1, 2);
		out[n++] = (char)strtoul(hex, NULL, 16);
		p += 3;
	}
	out[n] = '\0';
}

static void
send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return;
		p += k;
		n -= (size_t)k;
	}
}

static void
answer(const struct connection *c, const char *status, size_t n)
{
	char head[128];
	int k = snprintf(head, sizeof head,
	    "HTTP/1.1 %s\r\nContent-Type: application/xml\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    status, n);

	send_all(c->fd, head, (size_t)k);
	send_all(c->fd, c->xml, n);
}

/* The page behind `after`; its token is its last key. */
static size_t
write_page(struct connection *c, const char *prefix, const char *after)
{
	const struct key_server_options *o = c->s->o;
	char *p = c->xml;
	size_t i = 0, n = 0;

	p += sprintf(p, "<ListBucketResult>");
	for (; i < o->count && n < o->page && i < o->fail_at; i++) {
		if (strcmp(o->key[i], after) <= 0 ||
		    strncmp(o->key[i], prefix, strlen(prefix)) != 0)
			continue;
		p += sprintf(p,
		    "<Contents><Key>%s</Key><Size>1</Size></Contents>",
		    o->key[i]);
		n++;
	}
	if (i < o->count && n > 0)
		p += sprintf(p,
		    "<IsTruncated>true</IsTruncated><NextContinuationToken>%s"
		    "</NextContinuationToken>",
		    o->key[i - 1]);
	else if (i < o->count)
		return 0;
	p += sprintf(p, "</ListBucketResult>");
	return (size_t)(p - c->xml);
}

static void
list(struct connection *c)
{
	struct timespec t = { .tv_nsec = (long)c->s->o->us * 1000 };
	char prefix[KEY], after[KEY], token[KEY];
	size_t n;

	parameter(c->in, "&prefix=", prefix);
	parameter(c->in, "&start-after=", after);
	parameter(c->in, "&continuation-token=", token);
	c->s->lists++;
	if (*after)
		c->s->ranges++;
	if (c->s->o->us)
		(void)nanosleep(&t, NULL);
	n = write_page(c, prefix, *token ? token : after);
	if (n > 0) {
		answer(c, "200 OK", n);
		return;
	}
	n = (size_t)sprintf(c->xml,
	    "<Error><Code>AccessDenied</Code><Message>Words</Message></Error>");
	answer(c, "403 Forbidden", n);
}

static void *
serve(void *arg)
{
	struct connection *c = arg;

	for (;;) {
		ssize_t k =
		    recv(c->fd, c->in + c->len, HEAD_MAX - 1 - c->len, 0);

		if (k <= 0)
			return NULL;
		c->len += (size_t)k;
		c->in[c->len] = '\0';
		if (strstr(c->in, "\r\n\r\n")) {
			c->len = 0;
			list(c);
		}
	}
}

static void *
take_all(void *arg)
{
	struct key_server *s = arg;
	struct err err = { 0 };
	int one = 1;

	while (s->n < CONNECTIONS) {
		struct connection *c = &s->c[s->n];

		c->s = s;
		c->fd = accept(s->listener, NULL, NULL);
		if (c->fd < 0)
			break;
		(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof one);
		if (thread_start(&c->thread, serve, c, &err))
			abort();
		s->n++;
	}
	return NULL;
}

struct key_server *
key_server_start(const struct key_server_options *o)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct key_server *s = calloc(1, sizeof *s);
	socklen_t len = sizeof a;
	struct err err = { 0 };

	assert_non_null(s);
	s->o = o;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->listener >= 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(s->listener, CONNECTIONS), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &len),
	    0);
	(void)snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d",
	    ntohs(a.sin_port));
	assert_int_equal(thread_start(&s->thread, take_all, s, &err), 0);
	return s;
}

const char *
key_server_url(const struct key_server *s)
{
	return s->url;
}

unsigned
key_server_lists(const struct key_server *s)
{
	return atomic_load(&s->lists);
}

unsigned
key_server_ranges(const struct key_server *s)
{
	return atomic_load(&s->ranges);
}

void
key_server_stop(struct key_server *s)
{
	(void)shutdown(s->listener, SHUT_RDWR);
	thread_join(&s->thread);
	for (size_t i = 0; i < s->n; i++) {
		(void)shutdown(s->c[i].fd, SHUT_RDWR);
		thread_join(&s->c[i].thread);
		(void)close(s->c[i].fd);
	}
	(void)close(s->listener);
	free(s);
}
