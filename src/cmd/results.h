/*
 * results.h - what an action gives back.  Juju takes each value as one
 * argument of a program, 128 KiB at most: what is longer is cut down where
 * that can be said, never by accident.
 */
#ifndef CMD_RESULTS_H
#define CMD_RESULTS_H

#include "base/buf.h"
#include "cmd/listing.h"

/* White space at the end is left out.  Too long: a note says so instead. */
MUST_CHECK int results_set(const char *key, const char *text, struct err *);

/*
 * "backups", the table, and "json".  limit: so many sets at most, the newest;
 * 0: all.  What does not fit is left out, the oldest first, and "note" tells
 * how many.
 */
MUST_CHECK int results_set_list(const struct listing *, size_t limit,
    struct err *);

#endif
