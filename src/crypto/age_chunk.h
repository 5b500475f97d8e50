/*
 * age_chunk.h - the payload of an age file: chunks of 64 KiB, each sealed by
 * ChaCha20-Poly1305 (RFC 8439) under a nonce of its number and of whether it
 * is the last, so that none can be moved, repeated, cut off or put behind.
 *
 * Source: https://c2sp.org/age, "Payload".
 */
#ifndef CRYPTO_AGE_CHUNK_H
#define CRYPTO_AGE_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

enum {
	AGE_CHUNK = 64 << 10, /* plain */
	AGE_CHUNK_TAG = 16,
	AGE_CHUNK_SEALED = AGE_CHUNK + AGE_CHUNK_TAG,
	AGE_CHUNK_KEY = 32
};

/* One key, for one direction; not thread-safe. */
struct age_chunk;

MUST_CHECK int age_chunk_new(const uint8_t key[AGE_CHUNK_KEY], bool seal,
    struct age_chunk **, struct err *);
/* n bytes, AGE_CHUNK at most, to n + AGE_CHUNK_TAG. */
MUST_CHECK int age_chunk_seal(struct age_chunk *, uint64_t number, bool last,
    const void *, size_t n, void *out, struct err *);
/* n sealed bytes, to n - AGE_CHUNK_TAG.  ERR_CORRUPT: not what was sealed;
 * nothing is left in out. */
MUST_CHECK int age_chunk_open(struct age_chunk *, uint64_t number, bool last,
    const void *, size_t n, void *out, struct err *);
void age_chunk_free(struct age_chunk *);

static inline void
scope_age_chunk(struct age_chunk **c)
{
	age_chunk_free(*c);
}

#endif
