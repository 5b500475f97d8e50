#include "httpd.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 32, REQUESTS = 8192, LOG_SIZE = 8 << 20 };

struct record {
	const char *head, *body;
	size_t body_len;
};

struct httpd {
	pthread_t thread;
	bool running;
	int listener, wake[2];
	int conn[CONNECTIONS];
	unsigned nconn, connections;
	char url[40], complaint[512];
	const struct httpd_step *step;
	/* HTTPD_BESIDE: who waits for an answer, by its place among them */
	int held[CONNECTIONS];
	unsigned nheld;
	struct record record[REQUESTS];
	unsigned nrecord;
	size_t used;
	char log[LOG_SIZE];
};

static void
complain(struct httpd *h, const char *what, const char *detail)
{
	if (!h->complaint[0])
		(void)snprintf(h->complaint, sizeof h->complaint,
		    "request %u: %s: %.400s", h->nrecord, what, detail);
}

/* --- a request */

static size_t
content_length(const char *head)
{
	const char *p = strcasestr(head, "\r\ncontent-length:");

	return p ? (size_t)strtoul(p + 17, NULL, 10) : 0;
}

/* Append to the log what can be had; false: the connection is at its end. */
static bool
receive(struct httpd *h, int fd)
{
	ssize_t n;

	if (h->used + 1 >= LOG_SIZE)
		return false;
	n = recv(fd, h->log + h->used, LOG_SIZE - 1 - h->used, 0);
	if (n <= 0)
		return false;
	h->used += (size_t)n;
	h->log[h->used] = '\0';
	return true;
}

/* One whole request into the log; NULL: the client went away. */
static const struct record *
read_request(struct httpd *h, int fd)
{
	char *head = h->log + h->used, *end;
	struct record *r;
	size_t len;

	if (h->nrecord == REQUESTS)
		return NULL;
	*head = '\0';
	while ((end = strstr(head, "\r\n\r\n")) == NULL)
		if (!receive(h, fd))
			return NULL;
	end[2] = '\0';
	len = content_length(head);
	while ((size_t)(h->log + h->used - end) < 4 + len)
		if (!receive(h, fd))
			return NULL;
	r = &h->record[h->nrecord++];
	*r = (struct record){ head, end + 4, len };
	h->log[h->used++] = '\0';
	return r;
}

static bool
matches(const struct httpd_step *s, const char *head)
{
	const char *sp = strchr(head, ' ');

	if (!sp)
		return false;
	if (s->method && (strncmp(head, s->method, strlen(s->method)) != 0 ||
	                     head[strlen(s->method)] != ' '))
		return false;
	return !s->target || strncmp(sp + 1, s->target, strlen(s->target)) == 0;
}

/* --- an answer */

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

static bool
framed_by_length(enum httpd_fault f)
{
	return f != HTTPD_CHUNKED && f != HTTPD_CHUNKED_CUT &&
	       f != HTTPD_CLOSE && f != HTTPD_OLD;
}

static void
send_head(int fd, const struct httpd_step *s, size_t len)
{
	char head[8192], length[64] = "";
	int n;

	if (framed_by_length(s->fault) && s->status != 204)
		(void)snprintf(length, sizeof length, "Content-Length: %zu\r\n",
		    len);
	else if (s->fault == HTTPD_CHUNKED || s->fault == HTTPD_CHUNKED_CUT)
		(void)snprintf(length, sizeof length,
		    "Transfer-Encoding: chunked\r\n");
	else if (s->fault == HTTPD_CLOSE)
		(void)snprintf(length, sizeof length, "Connection: close\r\n");
	n = snprintf(head, sizeof head, "HTTP/1.%d %d Scripted\r\n%s%s\r\n",
	    s->fault == HTTPD_OLD ? 0 : 1, s->status, length,
	    s->headers ? s->headers : "");
	if (n > 0 && (size_t)n < sizeof head)
		send_all(fd, head, (size_t)n);
}

static void
send_chunk(int fd, const char *p, size_t n)
{
	char size[32];
	int k = snprintf(size, sizeof size, "%zx\r\n", n);

	send_all(fd, size, (size_t)k);
	send_all(fd, p, n);
	send_all(fd, "\r\n", 2);
}

static void
reset(int fd)
{
	struct linger now = { .l_onoff = 1 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* False: the connection is not kept. */
static bool
send_body(int fd, enum httpd_fault fault, const char *body, size_t len)
{
	switch (fault) {
	case HTTPD_FINE:
	case HTTPD_BESIDE:
		send_all(fd, body, len);
		return true;
	case HTTPD_CUT:
		send_all(fd, body, len / 2);
		return false;
	case HTTPD_STALL:
		send_all(fd, body, len / 2);
		return true;
	case HTTPD_LONG:
		send_all(fd, body, len);
		send_all(fd, "surplus", 7);
		return true;
	case HTTPD_CHUNKED:
		send_chunk(fd, body, len / 2);
		send_chunk(fd, body + len / 2, len - len / 2);
		send_all(fd, "0\r\n\r\n", 5);
		return true;
	case HTTPD_CHUNKED_CUT:
		send_chunk(fd, body, len / 2);
		return false;
	case HTTPD_CLOSE:
	case HTTPD_OLD:
		send_all(fd, body, len);
		return false;
	case HTTPD_RESET:
	case HTTPD_SILENT:
	case HTTPD_RAW:
		break;
	}
	return false;
}

static bool
answer(int fd, const struct httpd_step *s, bool head)
{
	const char *body = s->body ? s->body : "";
	size_t len = s->body_len ? s->body_len : strlen(body);

	if (s->fault == HTTPD_SILENT)
		return true;
	if (s->fault == HTTPD_RESET) {
		reset(fd);
		return false;
	}
	if (s->fault == HTTPD_RAW) {
		send_all(fd, body, len);
		return false;
	}
	send_head(fd, s, len);
	return head ? true : send_body(fd, s->fault, body, len);
}

static unsigned
count_beside(const struct httpd_step *s)
{
	unsigned n = 0;

	while (s[n].fault == HTTPD_BESIDE && n < CONNECTIONS)
		n++;
	return n;
}

/* False: none of them is meant. */
static bool
hold(struct httpd *h, int fd, const char *head)
{
	unsigned n = count_beside(h->step), i = 0;

	if (h->nheld == 0)
		memset(h->held, 0, sizeof h->held);
	while (i < n && (h->held[i] || !matches(&h->step[i], head)))
		i++;
	if (i == n)
		return false;
	h->held[i] = fd;
	if (++h->nheld < n)
		return true;
	for (i = n; i-- > 0;)
		(void)answer(h->held[i], &h->step[i], false);
	h->nheld = 0;
	h->step += n;
	return true;
}

static bool
serve(struct httpd *h, int fd)
{
	static const struct httpd_step surprise = { .status = 418 };
	const struct record *r = read_request(h, fd);
	const struct httpd_step *s = h->step;

	if (!r)
		return false;
	if (s->fault == HTTPD_BESIDE && hold(h, fd, r->head))
		return true;
	if (s->status == 0) {
		complain(h, "one more than expected", r->head);
		s = &surprise;
	} else if (!matches(s, r->head)) {
		complain(h, s->target ? s->target : "method", r->head);
		s = &surprise;
	} else {
		h->step++;
	}
	return answer(fd, s, strncmp(r->head, "HEAD ", 5) == 0);
}

/* --- the thread */

static void
admit(struct httpd *h)
{
	int fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC);
	int on = 1;

	if (fd < 0)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (h->nconn == CONNECTIONS) {
		(void)close(fd);
		return;
	}
	h->connections++;
	h->conn[h->nconn++] = fd;
}

static void
serve_ready(struct httpd *h, const struct pollfd *p)
{
	for (unsigned i = h->nconn; i-- > 0;) {
		if (!p[i].revents || serve(h, h->conn[i]))
			continue;
		(void)close(h->conn[i]);
		h->conn[i] = h->conn[--h->nconn];
	}
}

static void *
run(void *arg)
{
	struct httpd *h = arg;

	for (;;) {
		struct pollfd p[CONNECTIONS + 2];
		unsigned n = h->nconn;

		for (unsigned i = 0; i < n; i++)
			p[i] = (struct pollfd){ h->conn[i], POLLIN, 0 };
		p[n] = (struct pollfd){ h->listener, POLLIN, 0 };
		p[n + 1] = (struct pollfd){ h->wake[0], POLLIN, 0 };
		if (poll(p, n + 2, -1) < 0 || p[n + 1].revents)
			return NULL;
		serve_ready(h, p);
		if (p[n].revents)
			admit(h);
	}
}

static bool
listen_somewhere(struct httpd *h)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	h->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (h->listener < 0 ||
	    bind(h->listener, (struct sockaddr *)&a, sizeof a) ||
	    listen(h->listener, CONNECTIONS) ||
	    getsockname(h->listener, (struct sockaddr *)&a, &len))
		return false;
	(void)snprintf(h->url, sizeof h->url, "http://127.0.0.1:%u",
	    (unsigned)ntohs(a.sin_port));
	return true;
}

struct httpd *
httpd_start(const struct httpd_step *steps)
{
	struct httpd *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->step = steps;
	h->listener = h->wake[0] = h->wake[1] = -1;
	if (!listen_somewhere(h) || pipe(h->wake) ||
	    pthread_create(&h->thread, NULL, run, h)) {
		httpd_free(h);
		return NULL;
	}
	h->running = true;
	return h;
}

const char *
httpd_url(const struct httpd *h)
{
	return h->url;
}

void
httpd_stop(struct httpd *h)
{
	if (!h->running)
		return;
	h->running = false;
	(void)!write(h->wake[1], "", 1);
	(void)pthread_join(h->thread, NULL);
	if (h->step->status != 0)
		complain(h, "never came",
		    h->step->target ? h->step->target : "the last step");
}

const char *
httpd_complaint(const struct httpd *h)
{
	return h->complaint;
}

unsigned
httpd_requests(const struct httpd *h)
{
	return h->nrecord;
}

unsigned
httpd_connections(const struct httpd *h)
{
	return h->connections;
}

const char *
httpd_head(const struct httpd *h, unsigned n)
{
	return n < h->nrecord ? h->record[n].head : "";
}

const char *
httpd_body(const struct httpd *h, unsigned n)
{
	return n < h->nrecord ? h->record[n].body : "";
}

size_t
httpd_body_len(const struct httpd *h, unsigned n)
{
	return n < h->nrecord ? h->record[n].body_len : 0;
}

void
httpd_free(struct httpd *h)
{
	if (!h)
		return;
	httpd_stop(h);
	for (unsigned i = 0; i < h->nconn; i++)
		(void)close(h->conn[i]);
	for (unsigned i = 0; i < 2; i++)
		if (h->wake[i] >= 0)
			(void)close(h->wake[i]);
	if (h->listener >= 0)
		(void)close(h->listener);
	free(h);
}
