/*
 * workers.h - one set, saved by several workers, each a process of its own, on
 * whatever machine: each saves its ranges of the keys of the buckets and says
 * in a file what it has saved.  Worker 0 opens the set, saves what is no
 * bucket, and plans.  engine/join.h writes the manifest.
 */
#ifndef ENGINE_WORKERS_H
#define ENGINE_WORKERS_H

#include "engine/backup.h"
#include "repo/share.h"

enum { WORKERS_WAIT_S = 900 };

struct workers_options {
	const struct backup_options *backup; /* its plan: of worker 0 */
	const char *run;                     /* what they all call it */
	unsigned worker, workers;            /* number worker, from 0 */
	uint64_t wait_s; /* for what others have to do, at most */
};

struct workers_result {
	char id[LAYOUT_ID_SIZE];
	/* NULL: the set has its manifest already, and there is nothing to
	 * do. */
	struct share *share;
	bool was_there; /* an earlier try had made it */
};

/*
 * 0: this worker's share is there.  ERR_NOTFOUND: no plan came in time.
 * ERR_USAGE: the plan is for another number of workers, or keys.
 */
MUST_CHECK int workers_save(const struct workers_options *,
    struct workers_result *, struct err *);
void workers_result_done(struct workers_result *);

/* Eight hex digits that tell tries apart. */
enum { WORKERS_RANDOM_SIZE = 9 };
MUST_CHECK int workers_random(char hex[WORKERS_RANDOM_SIZE], struct err *);

/* Someone who waits: longer and longer, until the time is over. */
struct workers_wait {
	const struct clock *clock;
	int64_t until_ms;
	unsigned ms;
};
void workers_wait_begin(struct workers_wait *, const struct clock *,
    uint64_t seconds);
/* False: the time is over, at once. */
bool workers_wait(struct workers_wait *);

/* The plan of that folder; ERR_USAGE where it is not for these workers. */
MUST_CHECK int workers_plan(const struct workers_options *, const char *folder,
    struct share_plan **, struct err *);
/* The set's components that are configured here, in its order; plan_done. */
MUST_CHECK int workers_jobs(const struct config *, const char *const *names,
    size_t n, struct plan *, struct err *);

static inline void
scope_workers_result(struct workers_result *r)
{
	workers_result_done(r);
}

#endif
