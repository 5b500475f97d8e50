/*
 * http.h - one blocking HTTP exchange at a time on each thread; libcurl.
 *
 * Connections are kept and used again, whichever thread made them.  Nothing
 * here retries (retry.h) and nothing here knows S3.  The environment's proxies
 * are not looked at: options only.  The program must ignore SIGPIPE.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rate.h"
#include "stream/sink.h"

struct http;

/* All strings are copied.  { 0 } is valid. */
struct http_options {
	const char *ca_pem; /* trust these certificates only; NULL: system's */
	const char *cert_pem, *key_pem; /* who we are; NULL: nobody */
	const char *proxy;              /* for both schemes; NULL or "": none */
	const char *no_proxy;           /* as proxy.h says; NULL or "": none */
	unsigned connect_timeout_s;     /* 0: 10 */
	unsigned idle_timeout_s;        /* no byte for so long: ended; 0: 60 */
	/* Connections at once, kept ones included; who asks for more waits.
	 * Fewer while the server refuses or takes no more (base/throttle.h).
	 * 1 counts as 2: a body that comes must not block a request that its
	 * reader waits for.  0: any number. */
	unsigned connections;
	/* Borrowed; NULL: no limit.  Headers count as well. */
	struct rate *receive, *send;
};

struct http_header {
	const char *name, *value;
};

struct http_request {
	const char *method, *url; /* sent as they are: ".." stays ".." */
	const struct http_header *headers; /* ends with a NULL name */
	const void *body; /* kept by the caller, sent as it is; of any method */
	size_t body_len;
	/* On a connection of its own.  Where a kept one dies before an answer,
	 * libcurl sends the request once more by itself and does not say so:
	 * not for what may be done only once. */
	bool fresh;
};

/* { 0 } first, may be used again; http_response_done after.  A sink that gets
 * the body may look into it: status and headers are there by then. */
struct http_response {
	int status;         /* 0: none came */
	struct buf headers; /* see http_response_header */
	struct buf body;    /* of an answer that is not 2xx, up to 64 KiB */
	int64_t date;       /* the server's Date; 0: none */
};

MUST_CHECK int http_new(const struct http_options *, struct http **,
    struct err *);
void http_free(struct http *);

/*
 * Send and receive.  The body of a 2xx answer goes to `to` (which is neither
 * finished nor freed; NULL: dropped) as it comes.
 * 0: an answer came, whatever its status.
 * ERR_TRANSIENT: none came, or it was cut (time-out, reset, short body).
 * ERR_DENIED: the certificate is not trusted.  ERR_REMOTE: host unknown (once
 * any answer came, that is ERR_TRANSIENT), no such scheme, or no HTTP server.
 * ERR_USAGE: a header that cannot be sent, or PEM that is none.  An error of
 * `to` is passed on as it is.
 */
MUST_CHECK int http_do(struct http *, const struct http_request *,
    struct http_response *, struct sink *to, struct err *);

/* Value of a response header, borrowed until the response is done or used
 * again; NULL.  Give the name in lower case. */
const char *http_response_header(const struct http_response *,
    const char *name);
/* Walk all of them: "name: value", the name in lower case.  NULL gives the
 * first, and is the end. */
const char *http_response_next(const struct http_response *, const char *);
void http_response_done(struct http_response *);

static inline void
scope_http(struct http **h)
{
	http_free(*h);
}

static inline void
scope_http_response(struct http_response *r)
{
	http_response_done(r);
}

#endif
