/*
 * age_range.h - parts of an age file without the rest: which stored bytes hold
 * a range of its content, and the content out of them.
 */
#ifndef STREAM_AGE_RANGE_H
#define STREAM_AGE_RANGE_H

#include "crypto/age_header.h"

/* { 0 }: of no file.  Holds the payload's key. */
struct age_range {
	uint8_t key[AGE_CHUNK_KEY];
	uint64_t header; /* where the payload begins */
	uint64_t chunks;
	uint64_t size; /* of the content */
};

/*
 * head: the first n bytes of the file, which has file_size: all of it, or
 * AGE_HEADER_MAX.  ERR_CORRUPT, and as age_header_read.
 */
MUST_CHECK int age_range_begin(struct age_range *, const struct age_keys *,
    const void *head, size_t n, uint64_t file_size, struct err *);
void age_range_done(struct age_range *);

/* Where the stored bytes of [off, off + len) are.  ERR_CORRUPT: the content is
 * not that long. */
MUST_CHECK int age_range_stored(const struct age_range *, uint64_t off,
    uint64_t len, uint64_t *from, uint64_t *n, struct err *);
/* The content, out of these n bytes.  Thread-safe. */
MUST_CHECK int age_range_open(const struct age_range *, uint64_t off,
    size_t len, const void *stored, void *out, struct err *);

static inline void
scope_age_range(struct age_range *r)
{
	age_range_done(r);
}

#endif
