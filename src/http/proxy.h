/* proxy.h - which hosts are reached without the proxy. */
#ifndef HTTP_PROXY_H
#define HTTP_PROXY_H

#include <stdbool.h>

/*
 * rules: separated by commas or spaces.  "*" is every host; "example.org" and
 * ".example.org" are that domain and all below it, the first the host itself
 * as well; an address is itself; "10.0.0.0/8" and "fd00::/8" are networks.
 * host: without port; an IPv6 address may stand in brackets.
 */
bool proxy_skips(const char *rules, const char *host);

#endif
