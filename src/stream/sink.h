/*
 * sink.h - bytes go in, something happens to them, bytes go on.
 *
 * One direction only.  Backup:  component -> hash -> zstd -> store.
 * Restore: store -> hash -> unzstd -> component.
 *
 * The contract every sink keeps:
 *   write   consumes all n bytes or fails; never partial.
 *   finish  called at most once; flushes, then finishes the next sink.
 *           Only a finish that returns 0 makes anything visible.
 *   free    always called.  Without a successful finish it is an abort:
 *           whatever was being made is thrown away.
 *
 * A sink on the stack that is only lent to who writes to it (store's get,
 * kube_do, exec) is neither finished nor freed: it has write alone.
 */
#ifndef STREAM_SINK_H
#define STREAM_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"
#include "crypto/sha256.h"

struct age_keys;
struct rate;
struct sink;

struct sink_ops {
	const char *name;
	int (*write)(struct sink *, const void *, size_t, struct err *);
	int (*finish)(struct sink *, struct err *);
	void (*free)(struct sink *);
};

/* First member of every sink.  Owns next: freeing the head frees the chain. */
struct sink {
	const struct sink_ops *ops;
	struct sink *next;
	uint64_t bytes;
	bool finished;
};

MUST_CHECK int sink_write(struct sink *, const void *, size_t, struct err *);
MUST_CHECK int sink_finish(struct sink *, struct err *);
void sink_free(struct sink *);

/* For sink implementations: fill in the first member; returns it. */
struct sink *sink_init(struct sink *, const struct sink_ops *,
    struct sink *next);

/* Collect into memory, up to max bytes.  Borrow the bytes with sink_mem_data;
 * they live as long as the sink. */
MUST_CHECK int sink_mem_new(size_t max, struct sink **, struct err *);
/* So many bytes are likely to come: room for them at once. */
MUST_CHECK int sink_mem_expect(struct sink *, size_t n, struct err *);
const char *sink_mem_data(const struct sink *, size_t *len);

/* Pass bytes on to next (owned from here on, freed on failure) and count
 * them. */
MUST_CHECK int sink_count_new(struct sink *next, uint64_t *total,
    struct sink **, struct err *);

/* Pass bytes on and hash them; *digest is set by finish, before next's. */
MUST_CHECK int sink_hash_new(struct sink *next, uint8_t digest[SHA256_SIZE],
    struct sink **, struct err *);

/*
 * Pass bytes on and compare: unless their number is size and their SHA-256 is
 * digest, finish fails with ERR_CORRUPT and next is not finished.  what: named
 * in the message; copied.
 */
MUST_CHECK int sink_expect_new(struct sink *next, const char *what,
    uint64_t size, const uint8_t digest[SHA256_SIZE], struct sink **,
    struct err *);

/* RFC 8878, one frame with its checksum. */
MUST_CHECK int sink_zstd_new(struct sink *next, int level, struct sink **,
    struct err *);
/* Any number of frames, skippable ones left out.  ERR_CORRUPT where cut. */
MUST_CHECK int sink_unzstd_new(struct sink *next, struct sink **, struct err *);

/* An age file (crypto/age_header.h) for the recipients; keys: only now. */
MUST_CHECK int sink_age_new(struct sink *next, const struct age_keys *,
    struct sink **, struct err *);
/*
 * The content of an age file; keys stay the caller's.  Nothing goes on that
 * was not authenticated; ERR_CORRUPT where cut, changed or followed by
 * anything.  ERR_USAGE, ERR_DENIED: as age_header_read.
 */
MUST_CHECK int sink_unage_new(struct sink *next, const struct age_keys *,
    struct sink **, struct err *);

/*
 * Another thread passes bytes on; up to cap of them wait in between.  What next
 * says of a write is said by a later write, or by finish; next's finish is
 * called by the caller's thread.
 */
MUST_CHECK int sink_queue_new(struct sink *next, size_t cap, struct sink **,
    struct err *);

/* Write to a file descriptor, which stays the caller's. */
MUST_CHECK int sink_fd_new(int fd, struct sink **, struct err *);

/* Pass bytes on to a sink that stays the caller's, and nothing but bytes:
 * finish and free end here. */
MUST_CHECK int sink_outlet_new(struct sink *to, struct sink **, struct err *);

/* Pass bytes on to next (owned from here on, freed on failure) no faster than
 * the rate (base/rate.h), which is borrowed; NULL: *ret is next itself. */
MUST_CHECK int sink_rate_new(struct sink *next, struct rate *, struct sink **,
    struct err *);

/* Throw away. */
MUST_CHECK int sink_null_new(struct sink **, struct err *);

static inline void
scope_sink(struct sink **s)
{
	sink_free(*s);
}

#endif
