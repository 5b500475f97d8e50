/* store.h - a flat set of named, immutable objects; where backups live. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/sink.h"

#define STORE_ALL UINT64_MAX /* get: to the end of the object */

enum { STORE_KEY_MAX = 800, STORE_PART_MAX = 200 }; /* bytes */

struct pool;
struct store;
struct s3_options;

struct store_stat {
	uint64_t size;
	int64_t mtime; /* by the store's clock */
	bool folder;   /* list: the key ends with '/', the rest is 0 */
};

/* Called once a key, in byte order.  A non-zero return stops the listing. */
typedef int store_list_fn(void *arg, const char *key, const struct store_stat *,
    struct err *);

/*
 * A driver implements all of them.  Keys are [A-Za-z0-9._:/@+-], with no
 * empty, '.' or '..' part and no '.' in front, a part between two '/' of
 * STORE_PART_MAX and a key of STORE_KEY_MAX at most: put and get refuse others,
 * list leaves them out.  A key that is not there is ERR_NOTFOUND; removing one
 * succeeds.  All but open and free are thread-safe.
 */
struct store_ops {
	const char *type;
	/* Reachable, and made where it is missing and may be made. */
	int (*open)(struct store *, struct err *);
	/* The sink's finish publishes the object as a whole.  The key is new:
	 * nothing is ever overwritten (what happens if it is not is the
	 * driver's: correctness does not depend on it).  spare: has memory
	 * for parts that are sent while the next is filled (s3/s3.h), and
	 * outlives the sink; NULL: none. */
	int (*put)(struct store *, const char *key, struct pool *spare,
	    struct sink **, struct err *);
	/* [off, off + len), which must be there: ERR_CORRUPT.  to is borrowed
	 * and not finished. */
	int (*get)(struct store *, const char *key, uint64_t off, uint64_t len,
	    struct sink *to, struct err *);
	int (*stat)(struct store *, const char *key, struct store_stat *,
	    struct err *);
	/* prefix: "", or the beginning of a key, not always whole parts.
	 * deep false: what stands below the first '/' behind prefix appears
	 * once, as a folder. */
	int (*list)(struct store *, const char *prefix, bool deep,
	    store_list_fn *, void *arg, struct err *);
	/* ERR_RETAINED: the store keeps it for now.  ERR_DENIED: the right to
	 * remove is missing. */
	int (*remove)(struct store *, const char *key, struct err *);
	/* Throw away what puts under prefix left unfinished before then. */
	int (*sweep)(struct store *, const char *prefix, int64_t before,
	    unsigned *n, struct err *);
	/* Is there anything under prefix that sweep might throw away, were it
	 * old enough? */
	int (*unfinished)(struct store *, const char *prefix, bool *any,
	    struct err *);
	/* Bytes that still fit, UINT64_MAX where nobody can know. */
	int (*room)(struct store *, uint64_t *bytes, struct err *);
	int64_t (*now)(struct store *); /* seconds since 1970, its clock */
	/* For people: "bucket 'b' at https://…, path 'p'" or the folder. */
	const char *(*where)(const struct store *);
	void (*free)(struct store *);
};

/* First member of every driver's struct. */
struct store {
	const struct store_ops *ops;
};

/* A local folder; made by open, with its parents, if create. */
MUST_CHECK int store_dir_new(const char *path, bool create, struct store **,
    struct err *);
/* Below prefix (may be "") in a bucket; bucket made by open if create. */
MUST_CHECK int store_s3_new(const struct s3_options *, const char *prefix,
    bool create, struct store **, struct err *);
/* What goes into `to` (owned from here on, freed on failure) and comes from it
 * is no faster than the limits (base/rate.h), which are borrowed. */
struct rate;
MUST_CHECK int store_rate_new(struct store *to, struct rate *receive,
    struct rate *send, struct store **, struct err *);
/* In memory, for tests and dry runs. */
MUST_CHECK int store_mem_new(struct store **, struct err *);

/* ERR_USAGE unless the key is as above. */
MUST_CHECK int store_check_key(const char *key, struct err *);

/* A small object, whole. */
MUST_CHECK int store_put_bytes(struct store *, const char *key, const void *,
    size_t, struct err *);
struct buf;
MUST_CHECK int store_get_bytes(struct store *, const char *key, struct buf *,
    struct err *);

void store_free(struct store *);

static inline void
scope_store(struct store **s)
{
	store_free(*s);
}

#endif
