/*
 * sqlite_raw.h - a database as files: the database, "-journal", "-wal" and
 * "-shm" (https://sqlite.org/fileformat.html), for what SQLite itself cannot
 * do without changing them.
 */
#ifndef COMPONENT_SQLITE_RAW_H
#define COMPONENT_SQLITE_RAW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/scope.h"

struct sqlite_raw {
	struct stat st;
	uint64_t wal_bytes, journal_bytes;
	struct timespec wal_time;
	bool has_journal, has_wal, has_shm;
	bool is_database; /* begins as one */
	bool wal;         /* its header says so */
};

/* ERR_NOTFOUND: no such file.  ERR_USAGE: no regular file. */
MUST_CHECK int sqlite_raw_look(const char *path, struct sqlite_raw *,
    struct err *);

/*
 * SQLite reads it as it lies.  False: a WAL that no process has open: the
 * first to open it makes files beside it, of its own user, which may then
 * keep the server out.
 */
bool sqlite_raw_is_live(const struct sqlite_raw *);

/*
 * Copy the database with its journal and WAL to the names to, to-journal and
 * to-wal.  ERR_CHANGED: it was written meanwhile, or is being written.
 */
MUST_CHECK int sqlite_raw_copy(const char *path, const char *to, struct err *);

/* The database and what may lie beside it; what is not there is no error. */
MUST_CHECK int sqlite_raw_remove(const char *path, struct err *);

/* "path-journal" and so on: rename those that are there to "to-journal" …
 * *moved: there was one. */
MUST_CHECK int sqlite_raw_move_aside(const char *path, const char *to,
    bool *moved, struct err *);

/* path.before-restore-20261120T162800Z; a name that nothing has. */
MUST_CHECK int sqlite_raw_name_kept(const char *path, char **ret, struct err *);

/* The folder that path lies in. */
MUST_CHECK int sqlite_raw_folder(const char *path, char **ret, struct err *);

/* Where path leads in the end; what is missing may be its last part. */
MUST_CHECK int sqlite_raw_resolve(const char *path, char **ret, struct err *);

#endif
