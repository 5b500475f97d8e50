/*
 * pool.h - run blocking jobs on a few threads, admitted by bytes and count.
 *
 * A thread is started when a job would wait for one and there is memory for it,
 * so that what few large jobs need is not kept for many small ones.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct pool;

/*
 * A job owns everything it touches, its own memory included.  Runs on some
 * worker; returns 0 or -1.
 */
typedef int pool_fn(void *job, struct err *);

struct pool_size {
	unsigned workers; /* threads at most */
	/* Bytes that the jobs which are queued or running may cost, with the
	 * threads and with what is held. */
	uint64_t budget;
	uint64_t each;    /* what a thread takes, for good */
	uint64_t largest; /* the most that a job keeps while it runs */
};

/*
 * The first thread is started at once, whatever it takes; where another cannot
 * be started, those that are there do its work.
 */
MUST_CHECK int pool_new(const struct pool_size *, struct pool **, struct err *);

/*
 * Queue one job that costs so many bytes, waiting while the budget is used up
 * or 2 jobs a worker are queued: this is the back-pressure.  A job that costs
 * more than the budget runs when it is alone.  After any job has failed,
 * returns -1 with that first error and the job stays the caller's; a job that
 * was accepted is always run.
 */
MUST_CHECK int pool_run(struct pool *, pool_fn *, void *job, uint64_t cost,
    struct err *);

/* The same, and it begins before those that are queued: others will wait for
 * what it does. */
MUST_CHECK int pool_run_first(struct pool *, pool_fn *, void *job,
    uint64_t cost, struct err *);

/*
 * Memory beside the jobs, out of the same budget.  pool_take is for what a job
 * needs anyhow: it does not wait, and who comes next waits longer.  pool_try
 * is for what is welcome: false where there is no room.  pool_give: it is
 * there again; a job that needs less towards its end gives back the rest, and
 * takes it again before it ends.
 */
void pool_take(struct pool *, uint64_t cost);
bool pool_try(struct pool *, uint64_t cost);
void pool_give(struct pool *, uint64_t cost);

/*
 * As pool_try, for what stays when a job ends: false also where the largest
 * job would not fit any more beside it and all threads.
 */
bool pool_hold(struct pool *, uint64_t cost);
void pool_drop(struct pool *, uint64_t cost);

/* Wait for every queued job.  Returns -1 with the first job error, if any. */
MUST_CHECK int pool_wait(struct pool *, struct err *);

/* Run what is queued, wait, release.  pool_free(NULL) is a no-op. */
void pool_free(struct pool *);

static inline void
scope_pool(struct pool **p)
{
	pool_free(*p);
}

#endif
