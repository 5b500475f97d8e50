/*
 * age_header.h - the head of an age file: the file's key, wrapped for each
 * recipient, and the nonce that its payload begins with.
 *
 *     age-encryption.org/v1
 *     -> X25519 <ephemeral share>
 *     <wrapped file key>
 *     --- <MAC>
 *     <16 bytes>
 *
 * Source: https://c2sp.org/age.  Texts are base64 without padding.
 */
#ifndef CRYPTO_AGE_HEADER_H
#define CRYPTO_AGE_HEADER_H

#include "base/buf.h"
#include "crypto/age_chunk.h"
#include "crypto/age_keys.h"

enum {
	AGE_HEADER_MAX = 16 << 10, /* bytes, the nonce among them */
	AGE_HEADER_STANZAS = 64
};

/* For a new file: appended.  key: of its payload; the caller wipes it. */
MUST_CHECK int age_header_write(const struct age_keys *, struct buf *,
    uint8_t key[AGE_CHUNK_KEY], struct err *);

/* How long it is, from its first n bytes; 0: more are needed.  ERR_CORRUPT:
 * no age file, or longer than AGE_HEADER_MAX. */
MUST_CHECK int age_header_size(const void *, size_t n, size_t *size,
    struct err *);
/*
 * All of it, and nothing behind it.  ERR_CORRUPT: damaged.  ERR_USAGE: there
 * is no identity.  ERR_DENIED: it is encrypted to none of the identities.
 */
MUST_CHECK int age_header_read(const struct age_keys *, const void *,
    size_t size, uint8_t key[AGE_CHUNK_KEY], struct err *);

#endif
