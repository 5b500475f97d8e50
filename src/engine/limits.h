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

#include "base/pool.h"
#include "config/config.h"

struct limits {
	unsigned transfers; /* fewer than asked for where memory is small */
	size_t part;        /* of an upload */
	uint64_t budget;    /* of a pool: bytes of objects under way, threads */
	uint64_t each;      /* a thread of it, with its connections */
	uint64_t pack;      /* a pack that is being written */
	/* A large object; under a limit of bandwidth with what is received of
	 * it while a part is sent: one line must not stand still for the
	 * other. */
	uint64_t large;
	uint64_t beside; /* one more part of it, on its way */
	uint64_t lanes;  /* a listing that is read in several ranges at once */
	size_t ahead;    /* the latter; 0: nothing */
};

/* While objects are saved; the first pack and the inventory are accounted for
 * already. */
void limits_save(const struct config_limits *, struct limits *);
/* While they are loaded, or files are read. */
void limits_load(const struct config_limits *, struct limits *);
/* What jobs are done in. */
struct pool_size limits_pool(const struct limits *);

#endif
