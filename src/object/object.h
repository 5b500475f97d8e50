/*
 * object.h - one object of a bucket: its key, the facts that tell whether it
 * changed, and the headers, metadata and tags that belong to it.  s3/ reads
 * and writes these, components hand them on, repo/ keeps them.
 */
#ifndef OBJECT_OBJECT_H
#define OBJECT_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

/* The standard headers that belong to an object. */
enum object_header {
	OBJECT_CONTENT_TYPE,
	OBJECT_CONTENT_ENCODING,
	OBJECT_CONTENT_DISPOSITION,
	OBJECT_CONTENT_LANGUAGE,
	OBJECT_CACHE_CONTROL,
	OBJECT_EXPIRES,
	OBJECT_HEADERS
};

struct object_pair {
	char *name, *value;
};

struct object_pairs {
	struct object_pair *pair;
	size_t count;
};

/* { 0 } is an empty one; object_done frees all of it. */
struct object {
	char *key; /* bytes, not always UTF-8; never holds a NUL */
	uint64_t size;
	char *etag;     /* without the quotes */
	char *modified; /* last-modified as LIST gives it */
	char *version;  /* version id; NULL where the source has none */
	char *header[OBJECT_HEADERS]; /* NULL: not set */
	struct object_pairs
	    meta; /* x-amz-meta-, names in lower case, without it */
	struct object_pairs tags;
};

/* Keys behind `after`, and not behind `last`; NULL: no bound. */
struct key_range {
	const char *after, *last;
};

void object_done(struct object *);
/* Key and facts; not headers, metadata and tags.  What to held is freed. */
MUST_CHECK int object_copy_listed(struct object *to, const struct object *from,
    struct err *);
/* Headers, metadata and tags, in place of those of to, whose key and facts
 * stay. */
MUST_CHECK int object_copy_headers(struct object *to, const struct object *from,
    struct err *);
/* What to held is freed; everything moves; from becomes empty. */
void object_move(struct object *to, struct object *from);

/* "content-type" …: the name on the wire, in the inventory and in JSON. */
const char *object_header_name(enum object_header);

/* Copied; order is kept. */
MUST_CHECK int object_pairs_add(struct object_pairs *, const char *name,
    const char *value, struct err *);

/* Same size, ETag and last-modified (and version, where both have one).  What
 * has no ETag or no last-modified is never known to be unchanged. */
bool object_unchanged(const struct object *, const struct object *);
/* Same headers, metadata and tags, whatever their order. */
bool object_same_headers(const struct object *, const struct object *);

static inline void
scope_object(struct object *o)
{
	object_done(o);
}

#endif
