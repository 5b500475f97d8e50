/* sqlite_restore.h - put a saved database back where it was. */
#ifndef COMPONENT_SQLITE_RESTORE_H
#define COMPONENT_SQLITE_RESTORE_H

#include "base/err.h"
#include "base/scope.h"

struct config_sqlite;
struct loader;

/*
 * Into the file at path (resolved), so that whoever has it open goes on and
 * sees what was restored.  Fails with what was there intact.
 */
MUST_CHECK int sqlite_restore(const struct config_sqlite *, const char *path,
    struct loader *, struct err *);

#endif
