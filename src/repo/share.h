/*
 * share.h - a set that several workers write: the plan, which says who saves
 * which keys, and the shares, which say what each of them saved.
 *
 * Both are a line of JSON and behind it the text of a manifest, of the set as
 * far as it is or of the worker's part.  Pure: struct in, text out, and back.
 */
#ifndef REPO_SHARE_H
#define REPO_SHARE_H

#include "base/buf.h"
#include "object/object.h"
#include "repo/manifest.h"

enum { SHARE_WORKERS_MAX = 1000, SHARE_LINE_MAX = 16 << 20 };

/* The end of a range, and where the one behind it begins in the inventory that
 * is built on: so many segments, and lines of the next, have smaller keys. */
struct share_at {
	char *key; /* the last one of the range */
	uint64_t segment, line;
};

/* One bucket, cut into as many ranges as there are workers. */
struct share_cut {
	char *component;
	char *before;        /* folder of the set built on; NULL: none */
	struct share_at *at; /* one less than workers, none less than another */
	size_t nat;
};

struct share_plan {
	char *run;
	unsigned workers;
	struct share_cut *cut;
	size_t ncuts;
	bool references; /* there is a file of them */
	uint64_t external;
	struct manifest *manifest; /* with what is no bucket */
};

struct share_range {
	char *component;
	char *after, *last; /* NULL: no bound */
};

struct share {
	char *run;
	unsigned worker, workers;
	struct share_range *range; /* one for each component of the manifest */
	size_t nranges;
	struct manifest *manifest; /* the worker's part of each bucket */
};

/* m: instead of the plan's own. */
MUST_CHECK int share_plan_encode(const struct share_plan *,
    const struct manifest *m, struct buf *, struct err *);
/* ERR_CORRUPT: damaged.  ERR_USAGE: of a newer format. */
MUST_CHECK int share_plan_decode(const char *, size_t, struct share_plan **,
    struct err *);
void share_plan_free(struct share_plan *);
/* The keys of a worker; borrowed from the cut. */
struct key_range share_plan_range(const struct share_cut *, unsigned worker);

MUST_CHECK int share_encode(const struct share *, const struct manifest *m,
    struct buf *, struct err *);
MUST_CHECK int share_decode(const char *, size_t, struct share **,
    struct err *);
void share_free(struct share *);

/*
 * Is the i-th of them that of worker i, for each worker of the plan, and does
 * each range begin where the one before it ends, without a gap from the first
 * key to the last?  ERR_CORRUPT says what is wrong.
 */
MUST_CHECK int share_tile(const struct share_plan *, struct share *const *,
    struct err *);

static inline void
scope_share_plan(struct share_plan **p)
{
	share_plan_free(*p);
}

static inline void
scope_share(struct share **s)
{
	share_free(*s);
}

#endif
