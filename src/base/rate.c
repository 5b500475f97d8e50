#include "base/rate.h"

#include <time.h>

enum {
	ASK_MS = 1000,          /* how often the table is looked at */
	SLICE_MS = 100,         /* of a wait, before the rate is asked again */
	MAKE_UP_NS = 100000000, /* a tenth of a second */
	SECOND_NS = 1000000000,
	STEPS = 32, /* of a second's bytes are taken at once */
	STEP_LEAST = 256,
};

void
rate_init(struct rate *r, const struct timetable *table,
    const struct clock *clock)
{
	*r = (struct rate){
		.table = *table, .clock = clock, .asked_ms = INT64_MIN / 2
	};
	tzset(); /* localtime_r need not */
	monitor_init(&r->m);
	monitor_init(&r->turn);
}

void
rate_done(struct rate *r)
{
	monitor_done(&r->m);
	monitor_done(&r->turn);
}

/* Inside the monitor. */
static void
ask(struct rate *r)
{
	int64_t now = clock_mono_ms(r->clock);
	time_t at;
	struct tm tm;

	if (now - r->asked_ms < ASK_MS)
		return;
	r->asked_ms = now;
	at = (time_t)clock_now(r->clock);
	if (localtime_r(&at, &tm))
		r->per_second = timetable_at(&r->table, &tm);
}

/* Inside the monitor: how long until the line is free. */
static int64_t
busy_ns(struct rate *r)
{
	int64_t now = clock_mono_ms(r->clock) * 1000000;

	if (r->free_ns < now - MAKE_UP_NS)
		r->free_ns = now - MAKE_UP_NS;
	return r->free_ns - now;
}

/* Inside the monitor. */
static void
book(struct rate *r, uint64_t n)
{
	/* as floating point: n seconds of nanoseconds need more than 64 bits */
	r->free_ns += (int64_t)((double)n * SECOND_NS / (double)r->per_second);
}

static uint64_t
step(const struct rate *r)
{
	uint64_t n = r->per_second / STEPS;

	if (r->per_second == 0 || n > RATE_STEP_MAX)
		return RATE_STEP_MAX;
	return n < STEP_LEAST ? STEP_LEAST : n;
}

/*
 * Book up to n bytes if the line is free; how many were booked.  Otherwise 0,
 * and how long it is worth to wait.
 */
static uint64_t
try_take(struct rate *r, uint64_t n, unsigned *wait_ms)
{
	int64_t busy;
	uint64_t k = 0;

	monitor_enter(&r->m);
	ask(r);
	busy = r->per_second ? busy_ns(r) / 1000000 : 0;
	*wait_ms = (unsigned)(busy < SLICE_MS ? busy : SLICE_MS);
	if (r->per_second == 0) {
		k = n;
	} else if (busy <= 0) {
		k = n < step(r) ? n : step(r);
		book(r, k);
	}
	monitor_leave(&r->m);
	return k;
}

bool
rate_take(struct rate *r, uint64_t n)
{
	bool waited = false;

	while (r && n > 0) {
		unsigned wait_ms;
		uint64_t k;

		monitor_enter(&r->turn);
		while ((k = try_take(r, n, &wait_ms)) == 0) {
			clock_sleep_ms(r->clock, wait_ms);
			waited = true;
		}
		monitor_leave(&r->turn);
		n -= k;
	}
	return waited;
}

void
rate_note(struct rate *r, uint64_t n)
{
	if (!r)
		return;
	monitor_enter(&r->m);
	ask(r);
	if (r->per_second) {
		(void)busy_ns(r);
		book(r, n);
	}
	monitor_leave(&r->m);
}

uint64_t
rate_now(struct rate *r)
{
	uint64_t n = 0;

	if (!r)
		return n;
	monitor_enter(&r->m);
	ask(r);
	n = r->per_second;
	monitor_leave(&r->m);
	return n;
}

uint64_t
rate_step(struct rate *r)
{
	uint64_t n = RATE_STEP_MAX;

	if (!r)
		return n;
	monitor_enter(&r->m);
	ask(r);
	n = step(r);
	monitor_leave(&r->m);
	return n;
}
