/* sqlite_damaged.h - a file in the place of a database of which SQLite cannot
 * even read the first page: no transaction can be written into it. */
#ifndef COMPONENT_SQLITE_DAMAGED_H
#define COMPONENT_SQLITE_DAMAGED_H

#include <stdbool.h>

#include "base/err.h"
#include "base/scope.h"

struct sqlite_raw;

/* An empty file is a database.  With a journal or WAL beside it one may look
 * damaged that SQLite puts right when it opens it: *ret is false. */
MUST_CHECK int sqlite_damaged_is(const char *path, const struct sqlite_raw *,
    bool *ret, struct err *);

/*
 * Before another file gets the name path: a second name `kept` for the old one
 * where there is one (old), so that there is always one at path; its journal
 * and WAL, which must not be applied to the new one, are moved aside to
 * `kept`-*.  *moved: there were some.
 */
MUST_CHECK int sqlite_damaged_keep(const char *path, const char *kept, bool old,
    bool *moved, struct err *);

#endif
