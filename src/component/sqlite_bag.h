/*
 * sqlite_bag.h - any number of texts, sorted by their bytes and each once, on
 * disk: memory stays flat.  SQLite sorts them.
 */
#ifndef COMPONENT_SQLITE_BAG_H
#define COMPONENT_SQLITE_BAG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct sqlite_bag;

/* scratch: the folder that it is kept in, under no name. */
MUST_CHECK int sqlite_bag_new(const char *scratch, struct sqlite_bag **,
    struct err *);
MUST_CHECK int sqlite_bag_add(struct sqlite_bag *, const char *text,
    struct err *);
/* The first call sorts; nothing is added any more.  *text is borrowed until
 * the next call; NULL at the end. */
MUST_CHECK int sqlite_bag_next(struct sqlite_bag *, const char **text,
    struct err *);
void sqlite_bag_free(struct sqlite_bag *);

static inline void
scope_sqlite_bag(struct sqlite_bag **b)
{
	sqlite_bag_free(*b);
}

#endif
