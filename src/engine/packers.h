/* packers.h - a few pack writers that many threads share. */
#ifndef ENGINE_PACKERS_H
#define ENGINE_PACKERS_H

#include <stdatomic.h>

#include "base/monitor.h"
#include "base/pool.h"
#include "repo/pack.h"

/* One sends its part while the other fills: more only cost memory.  The second
 * is begun only where the budget has room for it. */
enum { PACKERS = 2 };

struct packer {
	struct pack_writer *writer;
	bool busy;
	bool counts; /* its memory, in the pool's budget */
	bool paid;   /* it is taken, or does not count */
};

struct packers {
	struct monitor m;
	struct pool *pool;
	uint64_t cost;
	struct packer packer[PACKERS];
};

/* Borrowed; must outlive the packers. */
struct packers_env {
	struct set *set;
	struct manifest_component *mc;
	_Atomic unsigned *number; /* of the next pack */
	struct pool *pool; /* whose budget the packs after the first count in */
	uint64_t cost;     /* of one that is open */
};

MUST_CHECK int packers_init(struct packers *, const struct packers_env *,
    struct err *);
/* As pack_add, from any thread. */
MUST_CHECK int packers_add(struct packers *, const void *, size_t,
    const uint8_t sha256[SHA256_SIZE], char path[LAYOUT_KEY_SIZE],
    uint64_t *offset, struct err *);
/* Seal what is open; no other thread adds any more. */
MUST_CHECK int packers_end(struct packers *, struct err *);
/* Also after an init that failed, and for { 0 }. */
void packers_done(struct packers *);

#endif
