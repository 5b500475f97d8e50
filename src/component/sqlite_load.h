/*
 * sqlite_load.h - a whole database into the one that is there, in a pod: by
 * SQLite's backup API, so in one transaction and seen by who has it open; or,
 * as sqlite_restore.h does it, in the place of one that is damaged.
 */
#ifndef COMPONENT_SQLITE_LOAD_H
#define COMPONENT_SQLITE_LOAD_H

#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct buf;
struct private_dir;

struct sqlite_load {
	const char *path;  /* resolved; made where it is missing */
	const char *fresh; /* a checked database of our own, in own */
	struct private_dir *own;
	uint64_t wait_ms;
	struct buf *notes; /* gets what is to be told, in one line */
};

/* Fails with what was there intact. */
MUST_CHECK int sqlite_load_run(const struct sqlite_load *, struct err *);
/* Could it?  One line of what would be done. */
MUST_CHECK int sqlite_load_check(const char *path, struct buf *, struct err *);

#endif
