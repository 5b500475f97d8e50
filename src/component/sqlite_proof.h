/*
 * sqlite_proof.h - is a copy of a database whole, and what is in it?  A thread
 * of its own finds out, while the copy is already on its way: only what passes
 * may be called a backup, so whoever sends it ends the file afterwards.
 */
#ifndef COMPONENT_SQLITE_PROOF_H
#define COMPONENT_SQLITE_PROOF_H

#include <stdbool.h>

#include "base/err.h"
#include "base/scope.h"

struct sqlite_copy;
struct sqlite_proof;

/* The copy, its file included, stays as it is until sqlite_proof_free. */
MUST_CHECK int sqlite_proof_begin(const struct sqlite_copy *,
    struct sqlite_proof **, struct err *);
/* True: it is known to be damaged; sending more of it is in vain. */
bool sqlite_proof_failed(struct sqlite_proof *);
/* Wait for it: *facts, for the manifest, are the proof's.  ERR_CORRUPT says
 * what is wrong. */
MUST_CHECK int sqlite_proof_end(struct sqlite_proof *, const char **facts,
    struct err *);
/* One that has not ended is broken off. */
void sqlite_proof_free(struct sqlite_proof *);

static inline void
scope_sqlite_proof(struct sqlite_proof **p)
{
	sqlite_proof_free(*p);
}

#endif
