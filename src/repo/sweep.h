/*
 * sweep.h - take away what is marked, and what dead runs left.
 *
 * From manifests alone: the manifest of a marked set goes first, then those of
 * its files that no remaining manifest names.  What is still needed stays,
 * with the mark, until a later sweep.  Nothing outside sets/ and notes/ is
 * touched.  May be killed at any point: the next sweep goes on.
 */
#ifndef REPO_SWEEP_H
#define REPO_SWEEP_H

#include "repo/repo.h"

struct sweep_options {
	int64_t grace_s;  /* marks must be so old, dead runs so silent */
	const char *only; /* this folder, and what is left of removed sets;
	                   * NULL: whatever is due */
};

struct sweep_result {
	size_t sets; /* whose manifest is gone now */
	size_t runs; /* dead ones, of which nothing is left */
	uint64_t files, bytes;
	uint64_t needed;        /* files that later sets need */
	uint64_t retained;      /* files that the store does not let go yet */
	char why_retained[400]; /* the last of them, in words */
	size_t waiting; /* marked sets that wait for a run in progress */
	char run[LAYOUT_ID_SIZE]; /* for which; or "" */
	size_t held;              /* held while the sweep was on its way */
};

/*
 * ERR_CORRUPT, ERR_USAGE: a manifest that remains cannot be read, nothing was
 * removed.  ERR_DENIED: the right to remove is missing.  *ret tells in any case
 * what was done.
 */
MUST_CHECK int sweep_run(struct repo *, const struct sweep_options *,
    struct sweep_result *ret, struct err *);

#endif
