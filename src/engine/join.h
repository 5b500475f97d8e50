/* join.h - the manifest of a set that several workers saved. */
#ifndef ENGINE_JOIN_H
#define ENGINE_JOIN_H

#include "engine/workers.h"

/*
 * As backup_run, of the shares of all workers.  ERR_NOTFOUND: there is no plan,
 * or shares are missing after the wait: the message names the workers; nothing
 * was written, and a later join may succeed.  A set that has had its manifest
 * for a short time is given as if it had been written now.
 */
MUST_CHECK int join_run(const struct workers_options *, struct manifest **,
    struct err *);

#endif
