/*
 * load_objects.h - the objects of one component out of a set.
 *
 * The inventory and the target's listing are walked together, in key order;
 * only what differs is read from the repository and written.  A pack is read
 * once, as a whole, and kept for a while in the scratch folder.  With `exact`,
 * objects that are not in the set are removed in a second walk, after all else
 * went well.
 */
#ifndef ENGINE_LOAD_OBJECTS_H
#define ENGINE_LOAD_OBJECTS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "component/component.h"
#include "engine/limits.h"
#include "engine/progress.h"
#include "repo/manifest.h"
#include "repo/repo.h"

struct load_counts {
	atomic_uint_fast64_t written, written_bytes; /* or would be: dry run */
	atomic_uint_fast64_t unchanged;
	atomic_uint_fast64_t removed; /* not in the set, exact */
	uint64_t extra;               /* not in the set, left alone */
};

struct load_env {
	struct repo *repo;
	const char *scratch; /* for packs; NULL: none are kept */
	const struct manifest_component *mc;
	struct progress_meter *meter;
	struct load_counts *counts;
	struct limits limits; /* limits_load */
	bool exact, dry_run;
};

MUST_CHECK int load_objects(const struct load_env *,
    const struct object_target *, struct err *);

#endif
