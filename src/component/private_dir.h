/*
 * private_dir.h - a folder of our own, mode 0700, for files that nobody else
 * may read, removed with all that is in it.
 *
 * SQLite needs names: it opens journal and WAL beside the database, and it
 * refuses /proc/self/fd/N, so a file without a name does not do.  A process
 * that was killed leaves its folder behind, readable by nobody else; the next
 * one that makes a folder in the same place removes it.  Who is alive is told
 * by a flock(2) on the folder: process ids mean nothing across containers that
 * share a volume.
 */
#ifndef COMPONENT_PRIVATE_DIR_H
#define COMPONENT_PRIVATE_DIR_H

#include "base/err.h"
#include "base/scope.h"

struct private_dir;

/* parent is made where it is missing. */
MUST_CHECK int private_dir_new(const char *parent, struct private_dir **,
    struct err *);
void private_dir_free(struct private_dir *);

/* The path of a file in it; the caller frees it. */
MUST_CHECK int private_dir_path(const struct private_dir *, const char *name,
    char **, struct err *);
/* The same, and the file is there, new, empty, mode 0600. */
MUST_CHECK int private_dir_file(const struct private_dir *, const char *name,
    char **, struct err *);

static inline void
scope_private_dir(struct private_dir **d)
{
	private_dir_free(*d);
}

#endif
