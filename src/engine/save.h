/* save.h - one component into a set: the saver that a component sees. */
#ifndef ENGINE_SAVE_H
#define ENGINE_SAVE_H

#include "engine/run.h"
#include "repo/share.h"

/* All of a component is { .workers = 1 }. */
struct save_part {
	struct key_range range;
	/* Where it begins in the inventory that is built on; NULL: at its
	 * beginning. */
	const struct share_at *begin;
	unsigned workers; /* who share the component */
};

/*
 * The i-th of the plan.  What went wrong is in *ret, the set's: its status is
 * "failed" then.  -1 only when the set as a whole cannot go on.
 */
MUST_CHECK int save_component(struct run *, size_t i, const struct save_part *,
    struct manifest_component **ret, struct err *);

#endif
