/*
 * delay - a network of some length in front of a server on this machine.
 *
 *     delay MILLISECONDS PORT    prints its URL; runs until it is ended
 *
 * A TCP connection is passed on to 127.0.0.1:PORT.  What either side sends
 * arrives that much later, in order and as fast as it was sent; so a request
 * and its answer take twice as long.  The handshake of TCP takes no time.
 * One thread, one queue for each direction; nothing is read while a queue
 * is full.
 */
#include "listen.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 64 << 10, QUEUE_MAX = 4 << 20, EVENTS = 64 };

struct chunk {
	struct chunk *next;
	int64_t due; /* nanoseconds */
	size_t n, sent;
	char data[];
};

/* One direction: read from one end, written to the other end later. */
struct way {
	struct chunk *first, *last;
	size_t queued;
	bool over;    /* the one end has said all */
	bool shut;    /* and the other knows */
	bool blocked; /* the other end takes no more at the moment */
};

struct pair;

struct end {
	struct pair *pair;
	int fd, which;
	uint32_t watched;
};

struct pair {
	struct pair *next, *prev;
	struct end end[2];
	struct way way[2]; /* way[i]: from end[i] to the other */
	bool broken;
};

struct proxy {
	int epoll, listener;
	uint16_t port;
	int64_t delay;
	struct pair all; /* a ring */
};

static int64_t
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- one pair of connections */

static void
watch(struct proxy *p, struct end *e)
{
	struct pair *both = e->pair;
	const struct way *in = &both->way[e->which];
	const struct way *out = &both->way[!e->which];
	struct epoll_event event = { .data.ptr = e };

	if (!in->over && in->queued < QUEUE_MAX)
		event.events |= EPOLLIN;
	if (out->blocked)
		event.events |= EPOLLOUT;
	if (event.events != e->watched)
		(void)epoll_ctl(p->epoll, EPOLL_CTL_MOD, e->fd, &event);
	e->watched = event.events;
}

static void
receive(struct proxy *p, struct pair *pair, int which)
{
	struct way *w = &pair->way[which];

	while (!w->over && w->queued < QUEUE_MAX) {
		struct chunk *c = malloc(sizeof *c + CHUNK);
		ssize_t n =
		    c ? recv(pair->end[which].fd, c->data, CHUNK, 0) : -1;

		if (n <= 0) {
			free(c);
			w->over = n == 0;
			return;
		}
		c->next = NULL;
		c->due = now() + p->delay;
		c->n = (size_t)n;
		c->sent = 0;
		if (w->last)
			w->last->next = c;
		else
			w->first = c;
		w->last = c;
		w->queued += c->n;
	}
}

static void
drop_first(struct way *w)
{
	struct chunk *c = w->first;

	w->first = c->next;
	if (!w->first)
		w->last = NULL;
	w->queued -= c->n;
	free(c);
}

/* What is due goes out, then the end of it all. */
static void
deliver(struct pair *pair, int which)
{
	struct way *w = &pair->way[which];
	int fd = pair->end[!which].fd;

	w->blocked = false;
	while (w->first && w->first->due <= now()) {
		struct chunk *c = w->first;
		ssize_t n =
		    send(fd, c->data + c->sent, c->n - c->sent, MSG_NOSIGNAL);

		if (n < 0) {
			w->blocked = true;
			return;
		}
		c->sent += (size_t)n;
		if (c->sent == c->n)
			drop_first(w);
	}
	if (w->over && !w->first && !w->shut) {
		(void)shutdown(fd, SHUT_WR);
		w->shut = true;
	}
}

static void
end_pair(struct pair *pair)
{
	pair->next->prev = pair->prev;
	pair->prev->next = pair->next;
	for (int i = 0; i < 2; i++) {
		while (pair->way[i].first)
			drop_first(&pair->way[i]);
		(void)close(pair->end[i].fd);
	}
	free(pair);
}

/* --- new ones */

static int
connect_to(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static void
add_end(struct proxy *p, struct pair *pair, int which, int fd)
{
	struct end *e = &pair->end[which];
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = e };
	int one = 1;

	*e = (struct end){
		.pair = pair, .fd = fd, .which = which, .watched = EPOLLIN
	};
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	(void)epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void
accept_one(struct proxy *p)
{
	int near = accept(p->listener, NULL, NULL);
	int far = near < 0 ? -1 : connect_to(p->port);
	struct pair *pair = far < 0 ? NULL : calloc(1, sizeof *pair);

	if (!pair) {
		if (near >= 0)
			(void)close(near);
		if (far >= 0)
			(void)close(far);
		return;
	}
	pair->next = p->all.next;
	pair->prev = &p->all;
	p->all.next->prev = pair;
	p->all.next = pair;
	add_end(p, pair, 0, near);
	add_end(p, pair, 1, far);
}

/* --- all of them */

/* All that is due; when the next is, or -1. */
static int64_t
deliver_all(struct proxy *p)
{
	int64_t next = -1;
	struct pair *pair = p->all.next;

	while (pair != &p->all) {
		struct pair *after = pair->next;

		for (int i = 0; i < 2; i++) {
			struct way *w = &pair->way[i];

			if (!w->blocked)
				deliver(pair, i);
			if (w->first && !w->blocked &&
			    (next < 0 || w->first->due < next))
				next = w->first->due;
		}
		if (pair->broken || (pair->way[0].shut && pair->way[1].shut))
			end_pair(pair);
		else
			for (int i = 0; i < 2; i++)
				watch(p, &pair->end[i]);
		pair = after;
	}
	return next;
}

static void
handle(struct proxy *p, const struct epoll_event *event)
{
	struct end *e = event->data.ptr;

	if (!e) {
		accept_one(p);
		return;
	}
	if (event->events & EPOLLIN)
		receive(p, e->pair, e->which);
	if (event->events & EPOLLOUT)
		deliver(e->pair, !e->which);
	if (event->events & (EPOLLERR | EPOLLHUP))
		e->pair->broken = !(event->events & EPOLLIN);
}

static void
serve(struct proxy *p)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int64_t next = deliver_all(p), wait = next - now();
		struct timespec t = { .tv_sec = wait / 1000000000,
			.tv_nsec = wait % 1000000000 };
		int n;

		if (wait < 0)
			t = (struct timespec){ 0 };
		n = epoll_pwait2(p->epoll, events, EVENTS, next < 0 ? NULL : &t,
		    NULL);
		for (int i = 0; i < n; i++)
			handle(p, &events[i]);
	}
}

int
main(int argc, char *argv[])
{
	struct proxy p = { .delay = -1 };
	struct epoll_event event = { .events = EPOLLIN };

	if (argc == 3) {
		p.delay = strtoll(argv[1], NULL, 10) * 1000000;
		p.port = (uint16_t)strtoul(argv[2], NULL, 10);
	}
	if (p.delay < 0) {
		(void)fputs("usage: delay MILLISECONDS PORT\n", stderr);
		return 2;
	}
	p.all.next = p.all.prev = &p.all;
	p.epoll = epoll_create1(0);
	p.listener = listen_somewhere();
	if (p.epoll >= 0 && p.listener >= 0 &&
	    epoll_ctl(p.epoll, EPOLL_CTL_ADD, p.listener, &event) == 0)
		serve(&p);
	perror("delay");
	return 1;
}
