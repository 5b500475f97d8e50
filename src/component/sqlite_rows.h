/* sqlite_rows.h - has a database the tables and rows that were saved? */
#ifndef COMPONENT_SQLITE_ROWS_H
#define COMPONENT_SQLITE_ROWS_H

#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct json;
struct sqlite_db;

/* facts: of the manifest; without "tables" there is nothing to compare.
 * total: of all rows, as it was where nothing was compared; may be NULL.
 * ERR_CORRUPT names the first table that differs. */
MUST_CHECK int sqlite_rows_same(struct sqlite_db *, const struct json *facts,
    uint64_t *total, struct err *);

#endif
