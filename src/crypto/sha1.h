/* sha1.h - SHA-1, where a protocol wants it for no secret (RFC 6455). */
#ifndef CRYPTO_SHA1_H
#define CRYPTO_SHA1_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

enum { SHA1_SIZE = 20 };

MUST_CHECK int sha1_of(const void *, size_t, uint8_t out[SHA1_SIZE],
    struct err *);

#endif
