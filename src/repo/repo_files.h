/* repo_files.h - are files that manifests name still there? */
#ifndef REPO_REPO_FILES_H
#define REPO_REPO_FILES_H

#include "repo/repo.h"

/*
 * All of them are present, and as long as the manifest says: one listing for
 * each set's folder that they lie in.  The files are sorted, as those of a
 * manifest that was read.  ERR_NOTFOUND, ERR_CORRUPT: the message names the
 * file.
 */
MUST_CHECK int repo_files_there(struct repo *, const struct manifest_files *,
    struct err *);

/* Is told of each that is not, and why; i: its place.  Non-zero: no more. */
typedef int repo_files_fn(void *arg, size_t i, const struct err *why,
    struct err *);
/* The same, but all are looked for, whatever is missing. */
MUST_CHECK int repo_files_look(struct repo *, const struct manifest_files *,
    repo_files_fn *, void *arg, struct err *);

#endif
