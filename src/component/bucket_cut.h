/*
 * bucket_cut.h - where to cut the keys of a bucket, of which nothing is known,
 * into ranges of roughly as many objects, by a few pages of LIST.
 */
#ifndef COMPONENT_BUCKET_CUT_H
#define COMPONENT_BUCKET_CUT_H

#include "base/err.h"
#include "s3/s3.h"

/* As component_ops.cut.  The keys need not be those of objects. */
MUST_CHECK int bucket_cut(struct s3 *, const char *prefix, unsigned n,
    char **last, struct err *);

#endif
