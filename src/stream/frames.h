/*
 * frames.h - a stream cut into independent zstd frames (RFC 8878) with the
 * zstd seekable format's table in a skippable frame at the end, so that a part
 * can be read without the rest and `zstd -d` reads the whole.
 *
 * Source: zstd's contrib/seekable_format/zstd_seekable_compression_format.md,
 * version 0.1.0: entries of compressed and decompressed size, no checksums
 * (each frame carries its own), all little-endian.
 */
#ifndef STREAM_FRAMES_H
#define STREAM_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "stream/sink.h"

/* Compress to next (owned); frame: decompressed bytes of each frame. */
MUST_CHECK int frames_sink_new(struct sink *next, int level, size_t frame,
    struct sink **, struct err *);

struct frames_entry {
	uint64_t in, out; /* where the frame begins: compressed, decompressed */
};

/* One entry a frame, and one more that says where the last one ends. */
struct frames_table {
	struct frames_entry *entry;
	size_t count; /* frames */
};

enum { FRAMES_FOOTER = 9, FRAMES_MAX = 1 << 20 };

/* How many bytes at the end of the file the table takes, from its last
 * FRAMES_FOOTER bytes.  ERR_CORRUPT: no table there. */
MUST_CHECK int frames_table_size(const uint8_t footer[FRAMES_FOOTER],
    uint64_t *size, struct err *);
/* Read those bytes; file_size must agree with their sum. */
MUST_CHECK int frames_table_read(const void *, size_t len, uint64_t file_size,
    struct frames_table *, struct err *);
void frames_table_done(struct frames_table *);

/* The first frame that holds decompressed byte off; count where none does. */
size_t frames_find(const struct frames_table *, uint64_t off);

/* Decompress whole frames from memory; writes exactly outlen bytes. */
MUST_CHECK int frames_unpack(const void *in, size_t inlen, void *out,
    size_t outlen, struct err *);

#endif
