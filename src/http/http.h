/*
 * http.h - one blocking HTTP exchange at a time on each thread; libcurl.
 *
 * Connections are kept and used again, whichever thread made them.  Nothing
 * here retries (retry.h) and nothing here knows S3.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "stream/sink.h"

struct http;

/* All strings are copied.  { 0 } is valid. */
struct http_options {
	const char *ca_pem; /* trust these certificates only; NULL: system's */
	const char *proxy;  /* for both schemes; NULL or "": none */
	const char *no_proxy; /* hosts, .suffixes, CIDRs, comma-separated */
	unsigned connect_timeout_s; /* 0: 10 */
	unsigned idle_timeout_s;    /* no byte for so long: ended; 0: 60 */
};

struct http_header {
	const char *name, *value;
};

struct http_request {
	const char *method, *url;
	const struct http_header *headers; /* ends with a NULL name */
	const void *body; /* kept by the caller, sent as it is */
	size_t body_len;
};

/* { 0 } first; http_response_done after. */
struct http_response {
	int status;
	struct buf headers; /* "name: value" lines, names in lower case */
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
 * ERR_DENIED: the certificate is not trusted.  ERR_REMOTE: host unknown, or
 * no such scheme.  An error of `to` is passed on as it is.
 */
MUST_CHECK int http_do(struct http *, const struct http_request *,
    struct http_response *, struct sink *to, struct err *);

/* Value of a response header, borrowed until the response is done; NULL.
 * Give the name in lower case. */
const char *http_response_header(const struct http_response *,
    const char *name);
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
