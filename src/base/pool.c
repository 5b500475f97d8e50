#include "base/pool.h"

#include "base/monitor.h"

struct task {
	pool_fn *fn;
	void *job;
	uint64_t cost;
};

struct pool {
	struct monitor m;          /* who waits: for room, or for the end */
	struct monitor_queue work; /* workers wait for it */
	unsigned idle;             /* of them, not called yet */
	struct task *ring;
	unsigned head, queued, max, busy;
	struct pool_size size;
	uint64_t used; /* bytes, of the budget */
	uint64_t good; /* of these what stays: threads, what is held */
	bool quit;
	struct err first; /* first job error */
	unsigned nthreads;
	struct thread thread[];
};

/* Half of the queue at a time: a call for each place would cost two switches
 * of threads a job, which is more than many a job itself. */
static void
tell_room(struct pool *p)
{
	if (p->queued <= p->max / 2)
		monitor_wake(&p->m);
}

static bool
next_task(struct pool *p, struct task *out)
{
	while (p->queued == 0 && !p->quit) {
		p->idle++;
		monitor_queue_wait(&p->m, &p->work);
	}
	if (p->queued == 0)
		return false;
	*out = p->ring[p->head];
	p->head = (p->head + 1) % p->max;
	p->queued--;
	p->busy++;
	tell_room(p);
	return true;
}

static void *
worker(void *cookie)
{
	struct pool *p = cookie;
	struct task t;

	monitor_enter(&p->m);
	while (next_task(p, &t)) {
		struct err err = { 0 };
		int rc;

		monitor_leave(&p->m);
		rc = t.fn(t.job, &err);
		monitor_enter(&p->m);
		if (rc && err_is(&p->first, ERR_NONE))
			p->first = err;
		p->busy--;
		p->used -= t.cost;
		tell_room(p);
	}
	monitor_leave(&p->m);
	return NULL;
}

static int
start_worker(struct pool *p, struct err *err)
{
	if (thread_start(&p->thread[p->nthreads], worker, p, err))
		return -1;
	p->nthreads++;
	p->used += p->size.each;
	p->good += p->size.each;
	return 0;
}

int
pool_new(const struct pool_size *size, struct pool **out, struct err *err)
{
	AUTO(pool)
	struct pool *p =
	    calloc(1, sizeof *p + size->workers * sizeof p->thread[0]);

	if (!p)
		return err_nomem(err);
	p->size = *size;
	p->max = 2 * size->workers;
	monitor_init(&p->m);
	monitor_queue_init(&p->work);
	p->ring = calloc(p->max, sizeof *p->ring);
	if (!p->ring)
		return err_nomem(err);
	if (start_worker(p, err))
		return -1;
	*out = TAKE(p);
	return 0;
}

static bool
fits(const struct pool *p, uint64_t cost)
{
	uint64_t budget = p->size.budget;

	return p->used <= budget && cost <= budget - p->used;
}

static bool
admits(const struct pool *p, uint64_t cost)
{
	if (p->queued == p->max)
		return false;
	return p->queued + p->busy == 0 || fits(p, cost);
}

/* A worker that is busy looks at the queue anyhow when it is done. */
static void
call_worker(struct pool *p)
{
	struct err ignored = { 0 };

	if (p->idle > 0) {
		p->idle--;
		monitor_queue_call(&p->work);
	} else if (p->nthreads < p->size.workers && fits(p, p->size.each) &&
	           start_worker(p, &ignored)) {
		p->size.workers = p->nthreads;
	}
}

/* Inside the monitor: into the queue, at its head or its tail. */
static void
enqueue(struct pool *p, const struct task *t, bool first)
{
	unsigned at = p->head + p->queued;

	if (first)
		at = p->head = (p->head + p->max - 1) % p->max;
	p->ring[at % p->max] = *t;
	p->queued++;
	p->used += t->cost;
	call_worker(p);
}

static int
submit(struct pool *p, const struct task *t, bool first, struct err *err)
{
	int rc = -1;

	monitor_enter(&p->m);
	while (!admits(p, t->cost) && err_is(&p->first, ERR_NONE))
		monitor_wait(&p->m);
	if (err_is(&p->first, ERR_NONE)) {
		enqueue(p, t, first);
		rc = 0;
	} else {
		*err = p->first;
	}
	monitor_leave(&p->m);
	return rc;
}

int
pool_run(struct pool *p, pool_fn *fn, void *job, uint64_t cost, struct err *err)
{
	return submit(p, &(struct task){ fn, job, cost }, false, err);
}

int
pool_run_first(struct pool *p, pool_fn *fn, void *job, uint64_t cost,
    struct err *err)
{
	return submit(p, &(struct task){ fn, job, cost }, true, err);
}

void
pool_take(struct pool *p, uint64_t cost)
{
	monitor_enter(&p->m);
	p->used += cost;
	monitor_leave(&p->m);
}

bool
pool_try(struct pool *p, uint64_t cost)
{
	bool room;

	monitor_enter(&p->m);
	room = fits(p, cost);
	if (room)
		p->used += cost;
	monitor_leave(&p->m);
	return room;
}

void
pool_give(struct pool *p, uint64_t cost)
{
	monitor_enter(&p->m);
	p->used -= cost;
	if (p->queued > 0)
		call_worker(p);
	monitor_wake(&p->m);
	monitor_leave(&p->m);
}

bool
pool_hold(struct pool *p, uint64_t cost)
{
	uint64_t threads;
	bool room;

	monitor_enter(&p->m);
	threads = (p->size.workers - p->nthreads) * p->size.each;
	room = fits(p, cost) &&
	       p->good + cost + threads + p->size.largest <= p->size.budget;
	if (room) {
		p->used += cost;
		p->good += cost;
	}
	monitor_leave(&p->m);
	return room;
}

void
pool_drop(struct pool *p, uint64_t cost)
{
	monitor_enter(&p->m);
	p->good -= cost;
	monitor_leave(&p->m);
	pool_give(p, cost);
}

int
pool_wait(struct pool *p, struct err *err)
{
	int rc = 0;

	monitor_enter(&p->m);
	while (p->queued > 0 || p->busy > 0)
		monitor_wait(&p->m);
	if (!err_is(&p->first, ERR_NONE)) {
		*err = p->first;
		rc = -1;
	}
	monitor_leave(&p->m);
	return rc;
}

void
pool_free(struct pool *p)
{
	if (!p)
		return;
	monitor_enter(&p->m);
	p->quit = true;
	p->size.workers = p->nthreads; /* what is to be joined */
	monitor_queue_call_all(&p->work);
	monitor_leave(&p->m);
	for (unsigned i = 0; i < p->nthreads; i++)
		thread_join(&p->thread[i]);
	monitor_queue_done(&p->work);
	monitor_done(&p->m);
	free(p->ring);
	free(p);
}
