/*
 * limits.h - how the memory that is allowed is shared out: pure arithmetic.
 *
 * The limit is what the process may have resident at most, so everything that
 * is there before the first object counts: the program and its libraries, the
 * connections, what is being written.  What remains is the budget of a pool.
 */
#ifndef ENGINE_LIMITS_H
#define ENGINE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct limits {
	unsigned transfers; /* fewer than asked for where memory is small */
	size_t part;        /* of an upload */
	uint64_t budget;    /* of a pool: bytes of objects under way, threads */
	uint64_t each;      /* a thread of it, with its connections */
	uint64_t pack;      /* a pack that is being written */
	/* A large object: the part that is being filled, and the one that is
	 * sent meanwhile.  Under a limit of bandwidth also what is received of
	 * it while neither is free: one line must not stand still for the
	 * other. */
	uint64_t large;
	uint64_t lanes; /* a listing that is read in several ranges at once */
	size_t ahead;   /* the latter; 0: nothing */
};

/* While objects are saved; the first pack and the inventory are accounted for
 * already. */
void limits_save(const struct config_limits *, struct limits *);
/* While they are loaded, or files are read. */
void limits_load(const struct config_limits *, struct limits *);

#endif
