/*
 * ca_store.h - the certificates that are trusted, read once and shared by all
 * connections: the system's are 1.5 MiB, and each connection would otherwise
 * have a copy.  Written for libcurl's CURLOPT_SSL_CTX_FUNCTION.
 */
#ifndef CRYPTO_CA_STORE_H
#define CRYPTO_CA_STORE_H

#include "base/err.h"
#include "base/scope.h"

struct ca_store;

struct ca_store_from {
	const char *pem;           /* these and no others; NULL: */
	const char *file, *folder; /* the system's; either may be NULL */
};

/* ERR_USAGE: pem holds no certificate.  A file or folder that cannot be read
 * is nothing to trust. */
MUST_CHECK int ca_store_new(const struct ca_store_from *, struct ca_store **,
    struct err *);
void ca_store_free(struct ca_store *);

/* ssl_ctx: OpenSSL's SSL_CTX, which trusts the store's from now on. */
void ca_store_use(const struct ca_store *, void *ssl_ctx);

static inline void
scope_ca_store(struct ca_store **s)
{
	ca_store_free(*s);
}

#endif
