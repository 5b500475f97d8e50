/*
 * channel.h - a connection on which bytes go both ways, for what is no exchange
 * of HTTP: by libcurl, so with the http's TLS, certificates and proxies.
 */
#ifndef HTTP_CHANNEL_H
#define HTTP_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/scope.h"

struct channel;
struct http;

/* Errors as http_do.  The http must outlive it. */
MUST_CHECK int channel_open(struct http *, const char *url, struct channel **,
    struct err *);
void channel_free(struct channel *);

/* What is there, up to n bytes; *got 0: nothing now.  ERR_TRANSIENT: it was
 * cut, or ended. */
MUST_CHECK int channel_read(struct channel *, void *, size_t n, size_t *got,
    struct err *);
/* What can be sent at once, up to n bytes; *sent 0: nothing now. */
MUST_CHECK int channel_write(struct channel *, const void *, size_t n,
    size_t *sent, struct err *);
/* All n bytes, as long as there is a step forward in each ms. */
MUST_CHECK int channel_write_all(struct channel *, const void *, size_t n,
    unsigned ms, struct err *);
/* Until there is something to read, or room to write where that is wanted, for
 * ms at most.  False: neither. */
bool channel_wait(struct channel *, bool write, unsigned ms);

static inline void
scope_channel(struct channel **c)
{
	channel_free(*c);
}

#endif
