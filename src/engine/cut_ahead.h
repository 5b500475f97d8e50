/*
 * cut_ahead.h - where the listing of a large bucket may be cut: every so many
 * keys of the inventory before, read by a thread of its own.
 *
 * The thread never waits for who takes them: a request to the repository that
 * stood still would be one less for packs, of as few as two.  It keeps all keys
 * that it finds, up to a bound, behind which there are no more cuts.
 */
#ifndef ENGINE_CUT_AHEAD_H
#define ENGINE_CUT_AHEAD_H

#include "repo/manifest.h"
#include "repo/share.h"

struct cut_ahead;
struct repo;

/* Two pages of a listing hold so many, and a few that are new; RadosGW's pages
 * come short now and then, by a few keys in a hundred. */
enum { CUT_EVERY = 1950, CUT_AHEAD_MAX = 1 << 20 };

/* The component has an inventory.  begin: as save_env's. */
MUST_CHECK int cut_ahead_new(struct repo *, const struct manifest_component *,
    const struct share_at *begin, struct cut_ahead **, struct err *);
/* *key: the caller's; NULL: there are no more that can be read. */
MUST_CHECK int cut_ahead_next(struct cut_ahead *, char **key, struct err *);
/* What is being read is waited for: a few pieces of the file. */
void cut_ahead_free(struct cut_ahead *);

static inline void
scope_cut_ahead(struct cut_ahead **c)
{
	cut_ahead_free(*c);
}

#endif
