/* http_impl.h - what http.c and channel.c share; nobody else includes it. */
#ifndef HTTP_HTTP_IMPL_H
#define HTTP_HTTP_IMPL_H

#include <curl/curl.h>

#include "http/http.h"

struct handle;

/* A connection with nothing said on it yet, by the options of the http, which
 * must outlive it.  Errors as http_do. */
MUST_CHECK int http_connect(struct http *, const char *url, struct handle **,
    struct err *);
CURL *http_connect_curl(const struct handle *);
void http_connect_end(struct handle *);

#endif
