/* packers.h - a few pack writers that many threads share. */
#ifndef ENGINE_PACKERS_H
#define ENGINE_PACKERS_H

#include <stdatomic.h>

#include "base/monitor.h"
#include "repo/pack.h"

/* One sends its part while the other fills: more only cost memory. */
enum { PACKERS = 2 };

struct packers {
	struct monitor m;
	struct {
		struct pack_writer *writer;
		bool busy;
	} slot[PACKERS];
};

/* number: of the next pack; must outlive the packers. */
MUST_CHECK int packers_init(struct packers *, struct set *,
    struct manifest_component *, _Atomic unsigned *number, struct err *);
/* As pack_add, from any thread. */
MUST_CHECK int packers_add(struct packers *, const void *, size_t,
    const uint8_t sha256[SHA256_SIZE], char path[LAYOUT_KEY_SIZE],
    uint64_t *offset, struct err *);
/* Seal what is open; no other thread adds any more. */
MUST_CHECK int packers_end(struct packers *, struct err *);
/* Also after an init that failed, and for { 0 }. */
void packers_done(struct packers *);

#endif
