/*
 * copies.h - what a unit that can encrypt and not decrypt keeps for itself:
 * the last inventory of each component, as it was before it was encrypted.
 *
 *     <folder>/<id of the repository>/<sha256>.<component>.jsonl.zst
 *
 * The hash is that of the stored, encrypted file: a copy belongs to just one.
 * Folders are of mode 0700, files of mode 0600, and each is there as a whole
 * or not at all.
 */
#ifndef REPO_COPIES_H
#define REPO_COPIES_H

#include <stdbool.h>
#include <stdint.h>

#include "stream/sink.h"

struct copies;

/* Makes both folders.  ERR_DENIED: they are, or may be written by, somebody
 * else's. */
MUST_CHECK int copies_open(const char *folder, const char *id, struct copies **,
    struct err *);
void copies_free(struct copies *);

/*
 * Pass bytes on to next (owned), and write them to a new copy.  If that cannot
 * be done it is said, and the bytes go on without it.  Nothing is kept before
 * copies_keep, which names it, after the sink was finished.
 */
MUST_CHECK int copies_sink_new(struct copies *, const char *component,
    struct sink *next, struct sink **, struct err *);
void copies_keep(struct sink *, const uint8_t sha256[SHA256_SIZE]);

bool copies_has(const struct copies *, const uint8_t sha256[SHA256_SIZE],
    const char *component);
/* Decompressed, to a sink of the caller's, which is finished if all was right.
 * ERR_CORRUPT: damaged. */
MUST_CHECK int copies_read(const struct copies *,
    const uint8_t sha256[SHA256_SIZE], const char *component, struct sink *to,
    struct err *);
/* Of this component, remove those that are not among these and not younger
 * than all of them: what a run writes beside this one stays. */
struct manifest_component;
void copies_retain(struct copies *, const struct manifest_component *);

static inline void
scope_copies(struct copies **c)
{
	copies_free(*c);
}

#endif
