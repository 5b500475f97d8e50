/*
 * bucket_ahead.h - the keys of a bucket, listed by a thread of its own while
 * those that came before are looked at.
 */
#ifndef COMPONENT_BUCKET_AHEAD_H
#define COMPONENT_BUCKET_AHEAD_H

#include "base/clock.h"
#include "component/component.h"
#include "s3/s3.h"

struct bucket_ahead;

/* The objects of that prefix; all borrowed. */
struct bucket_source {
	struct s3 *s3;
	const char *prefix;
	const struct clock *clock;
};

enum { BUCKET_SOON_MS = 5 };

/* Those of the range.  What is given stays the caller's, until it is freed. */
MUST_CHECK int bucket_ahead_new(const struct bucket_source *,
    const struct key_range *, struct bucket_ahead **, struct err *);
/* As s3_list_next.  What o held is freed. */
MUST_CHECK int bucket_ahead_next(struct bucket_ahead *, struct object *o,
    bool *more, struct err *);
/* It ends with that key, the caller's as those of the range.  It must not be
 * before the one that came last. */
void bucket_ahead_end(struct bucket_ahead *, const char *last);
/* Does its first page take more than BUCKET_SOON_MS?  Waits so long at most. */
bool bucket_ahead_slow(struct bucket_ahead *);
/* A request that is on its way is waited for. */
void bucket_ahead_free(struct bucket_ahead *);

static inline void
scope_bucket_ahead(struct bucket_ahead **a)
{
	bucket_ahead_free(*a);
}

#endif
