/*
 * upgrade.h - the request that makes a WebSocket of a connection, and its
 * answer: RFC 6455, section 4.
 */
#ifndef HTTP_UPGRADE_H
#define HTTP_UPGRADE_H

#include "base/buf.h"
#include "http/http.h"

struct channel;

enum { UPGRADE_PROTOCOL_SIZE = 64 };

struct upgrade_request {
	const char *url;
	const struct http_header *headers; /* ends with a NULL name */
	const char *protocols;             /* offered: "a, b" */
	unsigned idle_ms;                  /* of silence until it is given up */
};

/* Where the answer is 101. */
struct upgrade_result {
	char protocol[UPGRADE_PROTOCOL_SIZE]; /* that the server chose */
	struct buf rest; /* bytes that came behind the answer */
};

/*
 * 0: an answer came; unless its status is 101 the server refused, and the
 * response has its body, or what came of it.  ERR_REMOTE: what came is no
 * answer to this.  Errors else as http_do.
 */
MUST_CHECK int upgrade_run(struct channel *, const struct upgrade_request *,
    struct http_response *, struct upgrade_result *, struct err *);
void upgrade_result_done(struct upgrade_result *);

static inline void
scope_upgrade_result(struct upgrade_result *u)
{
	upgrade_result_done(u);
}

#endif
