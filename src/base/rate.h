/*
 * rate.h - so many bytes a second, shared by all threads; how many may change
 * with the time of day.
 *
 * Whoever moves bytes takes them here first (or, where they come unasked, right
 * after), and goes on when those before have had their time.  A moment that was
 * missed may be made up for, a tenth of a second's worth at most, so that the
 * average is the limit although no thread wakes up in time.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/monitor.h"
#include "base/timetable.h"

enum { RATE_STEP_MAX = 64 << 10 };

struct rate {
	struct monitor turn; /* one waits, the others wait for their turn */
	struct monitor m;    /* guards what follows */
	const struct clock *clock;
	struct timetable table; /* bytes a second */
	uint64_t per_second;    /* now; 0: no limit */
	int64_t asked_ms;       /* when the table was asked, monotonic */
	int64_t free_ns;        /* when the line is free again, monotonic */
};

/* The table is copied; times of day are the machine's local ones. */
void rate_init(struct rate *, const struct timetable *, const struct clock *);
void rate_done(struct rate *);
/* Wait until n more bytes may go; true: there was a wait.  NULL: there is no
 * limit. */
bool rate_take(struct rate *, uint64_t n);
/* n bytes have gone already; those who come next wait for them. */
void rate_note(struct rate *, uint64_t n);
/* Bytes a second now; 0: no limit. */
uint64_t rate_now(struct rate *);
/* How many bytes to take at once, so that all who wait come by often: up to
 * RATE_STEP_MAX. */
uint64_t rate_step(struct rate *);

#endif
