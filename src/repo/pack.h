/*
 * pack.h - small objects together: a pax tar in independent zstd frames with
 * the zstd seek table at its end (stream/frames.h).  Members are named by the
 * SHA-256 of their content.
 */
#ifndef REPO_PACK_H
#define REPO_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/sha256.h"
#include "repo/set.h"

enum {
	PACK_FRAME = 256 << 10, /* decompressed bytes in a frame */
	PACK_SIZE = 32 << 20, /* stored bytes after which the next is begun, */
	PACK_TAR = 512 << 20, /* or of the tar: its table stays small */
	PACK_OBJECT_MAX = 1 << 20 /* larger objects are files of their own */
};

/* Writes pack after pack.  Not thread-safe: one writer a thread. */
struct pack_writer;

/* number: of the last pack that was begun, from 0; shared by the writers of one
 * component. */
MUST_CHECK int pack_writer_new(struct set *, struct manifest_component *,
    _Atomic unsigned *number, struct pack_writer **, struct err *);
/* *offset: in the tar; path: the pack that it is in. */
MUST_CHECK int pack_add(struct pack_writer *, const void *, size_t,
    const uint8_t sha256[SHA256_SIZE], char path[LAYOUT_KEY_SIZE],
    uint64_t *offset, struct err *);
/* A pack is open: it takes memory. */
bool pack_writer_open(const struct pack_writer *);
/* Seal the pack that is open. */
MUST_CHECK int pack_writer_end(struct pack_writer *, struct err *);
void pack_writer_free(struct pack_writer *);

/* Reads parts of packs.  Thread-safe; knows the tables of the packs that were
 * used last, and keeps the last few packs in files without names. */
struct pack_reader;

/* What pack_read holds beside out: stored frames, decrypted ones, and one that
 * is unpacked. */
enum { PACK_RUN = 512 << 10, PACK_READ_COST = 2 * PACK_RUN + PACK_FRAME };

/* Where these files go, and how many bytes of them at once. */
struct pack_scratch {
	const char *folder; /* borrowed; NULL: none are kept */
	uint64_t bytes;
};

MUST_CHECK int pack_reader_new(struct repo *, const struct pack_scratch *,
    struct pack_reader **, struct err *);
/*
 * Make it ready to be read from: its first use reads the whole of it and
 * compares its SHA-256, so that nothing of a damaged pack is ever handed out.
 * ERR_CORRUPT names it.
 */
MUST_CHECK int pack_load(struct pack_reader *, const struct manifest_file *,
    struct err *);
/* len bytes of the tar at off, into out; loads the pack. */
MUST_CHECK int pack_read(struct pack_reader *, const struct manifest_file *,
    uint64_t off, void *out, size_t len, struct err *);
void pack_reader_free(struct pack_reader *);

/* How long the tar in a pack is, by its seek table alone: nothing else of the
 * file is read, or known to be right. */
MUST_CHECK int pack_length(struct repo *, const struct manifest_file *,
    uint64_t *, struct err *);

static inline void
scope_pack_writer(struct pack_writer **p)
{
	pack_writer_free(*p);
}

static inline void
scope_pack_reader(struct pack_reader **p)
{
	pack_reader_free(*p);
}

#endif
