/* x25519.h - Diffie-Hellman on Curve25519 (RFC 7748) by OpenSSL. */
#ifndef CRYPTO_X25519_H
#define CRYPTO_X25519_H

#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

enum { X25519_SIZE = 32 };

MUST_CHECK int x25519_public(const uint8_t secret[X25519_SIZE],
    uint8_t out[X25519_SIZE], struct err *);
/* ERR_CORRUPT: the other's share is a point that would make the secret known
 * to everybody (all zero). */
MUST_CHECK int x25519_shared(const uint8_t secret[X25519_SIZE],
    const uint8_t other[X25519_SIZE], uint8_t out[X25519_SIZE], struct err *);

#endif
