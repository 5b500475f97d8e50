/* sqlite_copy.h - a copy of a database that others use, of one moment. */
#ifndef COMPONENT_SQLITE_COPY_H
#define COMPONENT_SQLITE_COPY_H

#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct sqlite_raw;

struct sqlite_copy {
	char *from, *to; /* owned; to is made anew, mode 0600 */
	uint64_t wait_ms;
	int64_t locked_ms; /* result: how long nobody could write from */
};

/* The source is never changed.  ERR_TRANSIENT: locked for too long.
 * ERR_CORRUPT: no database. */
MUST_CHECK int sqlite_copy_run(struct sqlite_copy *, struct err *);
void sqlite_copy_done(struct sqlite_copy *);

/* ERR_CORRUPT says what it is instead of a database. */
MUST_CHECK int sqlite_copy_want(const struct sqlite_raw *, const char *path,
    struct err *);

static inline void
scope_sqlite_copy(struct sqlite_copy *c)
{
	sqlite_copy_done(c);
}

#endif
