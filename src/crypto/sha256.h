/* sha256.h - SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104) by OpenSSL. */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

enum { SHA256_SIZE = 32, SHA256_HEX = 65 };

struct sha256;

MUST_CHECK int sha256_new(struct sha256 **, struct err *);
MUST_CHECK int sha256_add(struct sha256 *, const void *, size_t, struct err *);
/* May be used again afterwards, from the beginning. */
MUST_CHECK int sha256_end(struct sha256 *, uint8_t out[SHA256_SIZE],
    struct err *);
void sha256_free(struct sha256 *);

MUST_CHECK int sha256_of(const void *, size_t, uint8_t out[SHA256_SIZE],
    struct err *);
/* By a context that is between two messages, and is so again then. */
MUST_CHECK int sha256_hmac_by(struct sha256 *, const void *key, size_t keylen,
    const void *, size_t, uint8_t out[SHA256_SIZE], struct err *);

MUST_CHECK int sha256_hmac(const void *key, size_t keylen, const void *, size_t,
    uint8_t out[SHA256_SIZE], struct err *);

static inline void
scope_sha256(struct sha256 **h)
{
	sha256_free(*h);
}

#endif
