/*
 * fake_bucket.h - a bucket in memory, to be saved from and restored to, that
 * can misbehave.  Sorted by key; at most FAKE_BUCKET_MAX objects.
 */
#ifndef LIB_FAKE_BUCKET_H
#define LIB_FAKE_BUCKET_H

#include "base/monitor.h"
#include "component/component.h"

enum { FAKE_BUCKET_MAX = 512 };

struct fake_bucket_object {
	struct object o;
	char *data;
	/* What the next fetch does instead of giving the bytes. */
	enum {
		FAKE_GIVES,
		FAKE_GONE,
		FAKE_CHANGES, /* once */
		FAKE_NEVER_RESTS,
		FAKE_DENIED,
		FAKE_CUT
	} mood;
};

struct fake_bucket {
	struct monitor m;
	struct fake_bucket_object item[FAKE_BUCKET_MAX];
	size_t count, next;
	unsigned fetched, put, removed;
};

void fake_bucket_init(struct fake_bucket *);
void fake_bucket_done(struct fake_bucket *);
/* Put or replace; bytes are made from seed; a new ETag and time each call. */
struct fake_bucket_object *fake_bucket_set(struct fake_bucket *,
    const char *key, size_t size, unsigned seed);
struct fake_bucket_object *fake_bucket_find(struct fake_bucket *,
    const char *key);
void fake_bucket_drop(struct fake_bucket *, const char *key);
struct object_source fake_bucket_source(struct fake_bucket *);
struct object_target fake_bucket_target(struct fake_bucket *);
/* Same keys, bytes, headers, metadata and tags. */
void fake_bucket_assert_same(struct fake_bucket *, struct fake_bucket *);

#endif
