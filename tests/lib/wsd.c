#include "wsd.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_SIZE = 16 << 10, MESSAGE_SIZE = 64 << 10, WAIT_MS = 10000 };

struct wsd {
	pthread_t thread;
	bool running;
	int listener, wake[2], fd, left;
	char url[40], complaint[256], head[HEAD_SIZE];
	const struct wsd_script *script;
	unsigned connections;
	size_t sent;
	unsigned char message[MESSAGE_SIZE];
};

/* Until fd has something; false: it is time to stop. */
static bool
ready(const struct wsd *w, int fd, int ms)
{
	struct pollfd p[2] = { { fd, POLLIN, 0 }, { w->wake[0], POLLIN, 0 } };

	return poll(p, 2, ms) > 0 && !p[1].revents;
}

/* --- bytes */

static bool
put(struct wsd *w, const void *p, size_t n)
{
	const char *at = p;
	size_t cut = w->script->cut;
	bool whole = true;

	if (cut && w->sent + n >= cut) {
		n = cut - w->sent;
		whole = false;
	}
	while (n > 0) {
		ssize_t k = send(w->fd, at, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		at += k;
		n -= (size_t)k;
		w->sent += (size_t)k;
	}
	return whole;
}

static bool
get(const struct wsd *w, void *p, size_t n)
{
	char *at = p;

	while (n > 0) {
		ssize_t k;

		if (!ready(w, w->fd, WAIT_MS))
			return false;
		k = recv(w->fd, at, n, 0);
		if (k <= 0)
			return false;
		at += k;
		n -= (size_t)k;
	}
	return true;
}

/* --- the upgrade */

static bool
read_head(struct wsd *w)
{
	size_t n = 0;

	w->head[0] = '\0';
	while (!strstr(w->head, "\r\n\r\n")) {
		if (n + 1 == sizeof w->head || !get(w, w->head + n, 1))
			return false;
		w->head[++n] = '\0';
	}
	return true;
}

static void
accept_of(const struct wsd *w, char out[32])
{
	const char *key = strstr(w->head, "Sec-WebSocket-Key: ");
	unsigned char digest[20];
	char text[128];

	key = key ? key + strlen("Sec-WebSocket-Key: ") : "";
	(void)snprintf(text, sizeof text,
	    "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	(void)EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL);
	(void)EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
}

static bool
asks_for(struct wsd *w, const char *target)
{
	const char *at = target ? strstr(w->head, target) : w->head;

	if (at && at <= strchr(w->head, '\r'))
		return true;
	(void)snprintf(w->complaint, sizeof w->complaint,
	    "no request for %.80s: %.120s", target, w->head);
	return false;
}

static bool
upgrade(struct wsd *w)
{
	const char *protocol = w->script->protocol;
	char is[32], text[512];

	accept_of(w, is);
	(void)snprintf(text, sizeof text,
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
	    w->script->accept ? w->script->accept : is,
	    protocol ? "Sec-WebSocket-Protocol: " : "",
	    protocol ? protocol : "", protocol ? "\r\n" : "");
	return put(w, text, strlen(text));
}

static bool
answer(struct wsd *w, const char *body)
{
	char head[80];

	(void)snprintf(head, sizeof head,
	    "HTTP/1.1 200 OK\r\nConnection: close\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    strlen(body));
	return put(w, head, strlen(head)) && put(w, body, strlen(body));
}

/* --- frames: RFC 6455, 5.2 */

static bool
put_frame(struct wsd *w, unsigned first, const char *p, size_t n)
{
	unsigned char head[4] = { (unsigned char)first };
	size_t len = 2;

	if (n < 126) {
		head[1] = (unsigned char)n;
	} else {
		head[1] = 126;
		head[2] = (unsigned char)(n >> 8);
		head[3] = (unsigned char)n;
		len = 4;
	}
	return put(w, head, len) && put(w, p, n);
}

static bool
put_parts(struct wsd *w, const char *p, size_t n)
{
	return put_frame(w, 0x02, p, n / 2) && put_frame(w, 0x89, "hi", 2) &&
	       put_frame(w, 0x80, p + n / 2, n - n / 2);
}

static bool
put_close(struct wsd *w, const char *p, size_t n)
{
	char text[128] = { 3, (char)0xe8 };

	memcpy(text + 2, p, n);
	return put_frame(w, 0x88, text, n + 2);
}

/* Its opcode and its bytes, unmasked; -1: none came. */
static int
get_frame(struct wsd *w, size_t *n)
{
	unsigned char head[2], more[2], mask[4];

	if (!get(w, head, 2) || !(head[1] & 0x80))
		return -1;
	*n = head[1] & 0x7f;
	if (*n == 127 || (*n == 126 && !get(w, more, 2)))
		return -1;
	if (*n == 126)
		*n = (size_t)more[0] << 8 | more[1];
	if (!get(w, mask, 4) || *n > sizeof w->message ||
	    !get(w, w->message, *n))
		return -1;
	for (size_t i = 0; i < *n; i++)
		w->message[i] ^= mask[i % 4];
	return head[0] & 0x0f;
}

static bool
want(struct wsd *w, const char *p, size_t n)
{
	size_t got = 0;
	int opcode;

	do
		opcode = get_frame(w, &got);
	while (opcode == 9 || opcode == 10); /* ping, pong */
	if (opcode == 2 && got == n && memcmp(w->message, p, n) == 0)
		return true;
	if (opcode >= 0 && opcode != 8)
		(void)snprintf(w->complaint, sizeof w->complaint,
		    "%zu bytes came instead of %zu", got, n);
	return false;
}

/* --- the thread */

/* To the end of the server; a second one ends the first. */
static void
leave(struct wsd *w)
{
	if (w->left >= 0)
		(void)close(w->left);
	w->left = w->fd;
	w->fd = -1;
}

static bool
step(struct wsd *w, const struct wsd_step *s)
{
	switch (s->op) {
	case WSD_TEXT:
		return put_frame(w, 0x82, s->bytes, s->n);
	case WSD_PARTS:
		return put_parts(w, s->bytes, s->n);
	case WSD_RAW:
		return put(w, s->bytes, s->n);
	case WSD_WANT:
		return want(w, s->bytes, s->n);
	case WSD_CLOSE:
		return put_close(w, s->bytes, s->n);
	case WSD_LEAVE:
		leave(w);
		return false;
	case WSD_HOLD:
		(void)ready(w, w->wake[0], -1);
		return false;
	case WSD_END:
		break;
	}
	return false;
}

/* What the client still says is read first, so that the end is no reset. */
static void
hang_up(struct wsd *w)
{
	char rest[256];

	(void)shutdown(w->fd, SHUT_WR);
	while (ready(w, w->fd, WAIT_MS) &&
	       recv(w->fd, rest, sizeof rest, 0) > 0)
		;
	(void)close(w->fd);
}

static void
talk(struct wsd *w)
{
	const struct wsd_step *s = w->script->step;

	if (!read_head(w) || !asks_for(w, w->script->target))
		return;
	if (w->script->answer)
		(void)answer(w, w->script->answer);
	else if (upgrade(w))
		while (step(w, s))
			s++;
}

static void
serve(struct wsd *w)
{
	int on = 1;

	(void)setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	w->connections++;
	w->sent = 0;
	talk(w);
	if (w->fd >= 0)
		hang_up(w);
	if (w->script->next)
		w->script = w->script->next;
}

static void *
run(void *arg)
{
	struct wsd *w = arg;

	while (ready(w, w->listener, -1)) {
		w->fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);
		if (w->fd >= 0)
			serve(w);
	}
	return NULL;
}

static bool
listen_somewhere(struct wsd *w)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->listener < 0 ||
	    bind(w->listener, (struct sockaddr *)&a, sizeof a) ||
	    listen(w->listener, 16) ||
	    getsockname(w->listener, (struct sockaddr *)&a, &len))
		return false;
	(void)snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u",
	    (unsigned)ntohs(a.sin_port));
	return true;
}

struct wsd *
wsd_start(const struct wsd_script *script)
{
	struct wsd *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->script = script;
	w->listener = w->left = w->wake[0] = w->wake[1] = -1;
	if (!listen_somewhere(w) || pipe(w->wake) ||
	    pthread_create(&w->thread, NULL, run, w)) {
		wsd_free(w);
		return NULL;
	}
	w->running = true;
	return w;
}

const char *
wsd_url(const struct wsd *w)
{
	return w->url;
}

void
wsd_stop(struct wsd *w)
{
	if (!w->running)
		return;
	w->running = false;
	(void)!write(w->wake[1], "", 1);
	(void)pthread_join(w->thread, NULL);
}

const char *
wsd_complaint(const struct wsd *w)
{
	return w->complaint;
}

const char *
wsd_head(const struct wsd *w)
{
	return w->head;
}

unsigned
wsd_connections(const struct wsd *w)
{
	return w->connections;
}

size_t
wsd_sent(const struct wsd *w)
{
	return w->sent;
}

void
wsd_free(struct wsd *w)
{
	if (!w)
		return;
	wsd_stop(w);
	if (w->listener >= 0)
		(void)close(w->listener);
	if (w->left >= 0)
		(void)close(w->left);
	for (unsigned i = 0; i < 2; i++)
		if (w->wake[i] >= 0)
			(void)close(w->wake[i]);
	free(w);
}
