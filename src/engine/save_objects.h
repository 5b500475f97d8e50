/*
 * save_objects.h - the objects of one component into a set.
 *
 * The listing and the inventory of the set before are walked together, both
 * in key order: what is unchanged costs a line.  What is new goes to the pool;
 * small objects into packs, large ones into files of their own; lines leave
 * in key order through a window.  Memory does not grow with their number.
 */
#ifndef ENGINE_SAVE_OBJECTS_H
#define ENGINE_SAVE_OBJECTS_H

#include <stdatomic.h>

#include "component/component.h"
#include "engine/limits.h"
#include "engine/sink_meter.h"
#include "repo/set.h"
#include "repo/share.h"

/* What saving a component has at hand; lives as long as it is saved. */
struct save_env {
	struct repo *repo;
	struct set *set;
	struct manifest_component *mc;
	const struct manifest_component *before; /* set before; NULL: full */
	/* Only a part of the keys: where it begins in that one's inventory;
	 * NULL: all of them. */
	const struct share_at *begin;
	struct progress_meter *meter;
	struct limits limits;                          /* limits_save */
	_Atomic unsigned *pack_number, *object_number; /* the last ones used */
};

struct save_objects;

MUST_CHECK int save_objects_new(const struct save_env *, struct save_objects **,
    struct err *);
/* The next one in key order; moved from. */
MUST_CHECK int save_objects_add(struct save_objects *,
    const struct object_source *, struct object *, struct err *);
/* As saver_ops.next_cut. */
MUST_CHECK int save_objects_next_cut(struct save_objects *, char **key,
    struct err *);
/*
 * Wait for all, seal packs and inventory.  Objects that could not be read are
 * named in the manifest's component, which is degraded then.
 */
MUST_CHECK int save_objects_end(struct save_objects *, struct err *);
/* The inventory of the set before cannot be used: try again without it. */
bool save_objects_before_broken(const struct save_objects *);
void save_objects_free(struct save_objects *);

static inline void
scope_save_objects(struct save_objects **s)
{
	save_objects_free(*s);
}

#endif
