/*
 * httpd.h - a scripted HTTP/1.1 server on a thread of its own.
 *
 * Each request must match the next step; its answer is then sent, with the
 * step's fault.  Nothing is allocated while it runs, so that failalloc counts
 * the client alone.
 */
#ifndef LIB_HTTPD_H
#define LIB_HTTPD_H

#include <stddef.h>

enum httpd_fault {
	HTTPD_FINE,
	HTTPD_RESET,       /* no answer, connection reset */
	HTTPD_CUT,         /* half of the body, then the end */
	HTTPD_LONG,        /* more body than Content-Length says */
	HTTPD_STALL,       /* half of the body, then silence */
	HTTPD_SILENT,      /* no answer, connection kept */
	HTTPD_CHUNKED,     /* the body in two chunks */
	HTTPD_CHUNKED_CUT, /* the first of two chunks, then the end */
	HTTPD_CLOSE,       /* "Connection: close" and no Content-Length */
	HTTPD_OLD,         /* HTTP/1.0 */
	HTTPD_RAW,         /* the body is all that is sent, then the end */
	HTTPD_BESIDE, /* with those next to it that are such: they come in any
	               * order, and are answered when all of them are there,
	               * the last step first */
};

struct httpd_step {
	const char *method; /* NULL: any */
	const char *target; /* path and query begin so; NULL: any */
	int status;
	const char *headers; /* "name: value\r\n"..., or NULL */
	const char *body;    /* NULL: none; of a HEAD: its length only */
	size_t body_len;     /* 0: strlen */
	enum httpd_fault fault;
};

struct httpd;

/* steps ends with a status of 0 and is the caller's while it runs.  NULL: no
 * server. */
struct httpd *httpd_start(const struct httpd_step *steps);
const char *httpd_url(const struct httpd *); /* http://127.0.0.1:port */
/* Join the thread; call before what follows. */
void httpd_stop(struct httpd *);
/* "" where every step was met by its request, in order. */
const char *httpd_complaint(const struct httpd *);
unsigned httpd_requests(const struct httpd *);
unsigned httpd_connections(const struct httpd *);
/* Request line and headers of the n-th request, from 0, and its body. */
const char *httpd_head(const struct httpd *, unsigned n);
const char *httpd_body(const struct httpd *, unsigned n);
size_t httpd_body_len(const struct httpd *, unsigned n);
void httpd_free(struct httpd *); /* stops it, too */

static inline void
scope_httpd(struct httpd **h)
{
	httpd_free(*h);
}

#endif
