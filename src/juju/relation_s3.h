/*
 * relation_s3.h - the interface "s3" of Canonical's s3-integrator, both of its
 * protocols: the keys in the bag (charm track 1, "v0"), or in a Juju secret
 * (track 2, "v1").
 *
 * We are the requirer.  A v1 provider answers when it sees version, and makes
 * the bucket that we name; a v0 provider answers when it sees bucket, and
 * makes none.
 */
#ifndef JUJU_RELATION_S3_H
#define JUJU_RELATION_S3_H

#include <stdbool.h>

#include "juju/relation.h"

struct json;
struct tree;

struct relation_s3 {
	const char *id;         /* s3-parameters:7 */
	bool source;            /* a bucket to be saved; else where to */
	const char *bucket;     /* used where the relation names none; NULL */
	const char *path;       /* the same; not of a source */
	const char *option;     /* of ours that gives bucket, for messages */
	const char *http_proxy; /* NULL where not set */
	const char *https_proxy;
	const char *no_proxy;
};

/*
 * What a requirer has to write; by the leader, in any hook, as often as one
 * likes.  bucket=relation-<number> stands for "no bucket of our own" and is
 * written to a v0 provider alone: a v1 provider would make it.
 */
MUST_CHECK int relation_s3_publish(const struct relation_s3 *, struct err *);

/*
 * *map, which the caller frees, gets the fields of an S3 bucket in the words
 * of the configuration (config/config.h); NULL where gap says what is missing.
 */
MUST_CHECK int relation_s3_read(const struct relation_s3 *,
    struct relation_gap *gap, struct tree **map, struct err *);

/* The same from what was read: app's bag, and the secret or NULL.  Pure. */
struct relation_s3_data {
	const char *app;
	const struct json *bag, *secret;
};
MUST_CHECK int relation_s3_decode(const struct relation_s3 *,
    const struct relation_s3_data *, struct relation_gap *gap,
    struct tree **map, struct err *);

/* Add the proxy that fits the endpoint of the map, if it has none. */
MUST_CHECK int relation_s3_proxy(const struct relation_s3 *, struct tree *map,
    struct err *);

#endif
