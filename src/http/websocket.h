/*
 * websocket.h - messages both ways over one connection: RFC 6455, by wslay.
 *
 * One thread at a time.  Pings are answered, and sent where it is quiet.
 */
#ifndef HTTP_WEBSOCKET_H
#define HTTP_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/scope.h"

struct http;
struct http_header;
struct http_response;
struct rate;
struct websocket;

struct websocket_options {
	const char *url;                   /* http: or https: */
	const struct http_header *headers; /* ends with a NULL name */
	const char *protocols;             /* offered: "a, b" */
	size_t message_max;                /* of one that comes */
	unsigned idle_s; /* so long without a byte: given up; 0: 60 */
	struct rate *receive, *send; /* borrowed; NULL: no limit */
};

/*
 * 0, and *ret NULL: the server refused; the response says how.  Errors as
 * http_do; ERR_REMOTE as well where it speaks no WebSocket.
 */
MUST_CHECK int websocket_open(struct http *, const struct websocket_options *,
    struct http_response *, struct websocket **ret, struct err *);
void websocket_free(struct websocket *);
/* That the server chose. */
const char *websocket_protocol(const struct websocket *);

/* Hand over one message; only when nothing is being sent. */
MUST_CHECK int websocket_send(struct websocket *, const void *, size_t,
    struct err *);
bool websocket_is_sending(const struct websocket *);
/* The other side has said that it is the end; nothing comes any more. */
bool websocket_is_closed(const struct websocket *);
/* The code and the words with which it did; "" before. */
const char *websocket_reason(const struct websocket *);

typedef int websocket_fn(void *arg, const void *, size_t, struct err *);

/*
 * Send and receive what is possible now; where that is nothing, wait for ms at
 * most.  Each message that came goes to fn, whose error is passed on.
 * ERR_TRANSIENT: cut, or silent for too long.  ERR_REMOTE: what came breaks the
 * protocol, or is too long.
 */
MUST_CHECK int websocket_run(struct websocket *, unsigned ms, websocket_fn *,
    void *arg, struct err *);

static inline void
scope_websocket(struct websocket **w)
{
	websocket_free(*w);
}

#endif
