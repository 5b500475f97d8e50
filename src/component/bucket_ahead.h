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

/* How often, and how long, pages were waited for.  What is over within
 * BUCKET_SOON_MS does not count. */
enum { BUCKET_SOON_MS = 5 };
struct bucket_waits {
	unsigned count;
	int64_t ms;
};

/* Those of the range.  What is given stays the caller's, until it is freed. */
MUST_CHECK int bucket_ahead_new(const struct bucket_source *,
    const struct key_range *, struct bucket_ahead **, struct err *);
/* As s3_list_next.  What o held is freed. */
MUST_CHECK int bucket_ahead_next(struct bucket_ahead *, struct object *o,
    bool *more, struct err *);
/* It ends with that key, the caller's as those of the range.  It must not be
 * before the one that came last. */
void bucket_ahead_end(struct bucket_ahead *, const char *last);
/* By next, in this one. */
struct bucket_waits bucket_ahead_waits(const struct bucket_ahead *);
/* A request that is on its way is waited for. */
void bucket_ahead_free(struct bucket_ahead *);

static inline void
scope_bucket_ahead(struct bucket_ahead **a)
{
	bucket_ahead_free(*a);
}

#endif
