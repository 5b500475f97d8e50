/*
 * bucket_ahead.h - the keys of a bucket, listed by a thread of its own while
 * those that came before are looked at.
 */
#ifndef COMPONENT_BUCKET_AHEAD_H
#define COMPONENT_BUCKET_AHEAD_H

#include "component/component.h"
#include "s3/s3.h"

struct bucket_ahead;

/* Of the objects with that prefix those of the range.  What is given stays the
 * caller's, until it is freed. */
MUST_CHECK int bucket_ahead_new(struct s3 *, const char *prefix,
    const struct key_range *, struct bucket_ahead **, struct err *);
/* As s3_list_next.  What o held is freed. */
MUST_CHECK int bucket_ahead_next(struct bucket_ahead *, struct object *o,
    bool *more, struct err *);
/* A request that is on its way is waited for. */
void bucket_ahead_free(struct bucket_ahead *);

static inline void
scope_bucket_ahead(struct bucket_ahead **a)
{
	bucket_ahead_free(*a);
}

#endif
