/* limits.h - how the memory that is allowed is shared out. */
#ifndef ENGINE_LIMITS_H
#define ENGINE_LIMITS_H

#include <stdint.h>

#include "config/config.h"

/* Bytes of objects that may be under way: what the memory limit leaves beside
 * the program, its connections, and the parts of two packs. */
static inline uint64_t
limits_budget(const struct config *c)
{
	return c->limits.memory - ((uint64_t)36 << 20);
}

#endif
