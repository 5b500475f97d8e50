/*
 * bucket_lanes.h - the keys of a bucket in order, several ranges of them listed
 * at once where the server is what is waited for.
 */
#ifndef COMPONENT_BUCKET_LANES_H
#define COMPONENT_BUCKET_LANES_H

#include "component/bucket_ahead.h"

struct bucket_lanes;

/* The objects of the saver's range; cut by its next_cut.  What is given stays
 * the caller's, until it is freed. */
MUST_CHECK int bucket_lanes_new(const struct bucket_source *, struct saver *,
    struct bucket_lanes **, struct err *);
/* As bucket_ahead_next. */
MUST_CHECK int bucket_lanes_next(struct bucket_lanes *, struct object *o,
    bool *more, struct err *);
void bucket_lanes_free(struct bucket_lanes *);

static inline void
scope_bucket_lanes(struct bucket_lanes **l)
{
	bucket_lanes_free(*l);
}

#endif
