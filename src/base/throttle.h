/*
 * throttle.h - how many requests at once a server is given.
 *
 * A few in the beginning; twice as many, and again, while that brings more;
 * then a quarter more now and then, kept where it pays, and doubled again where
 * it pays well.  A refusal (too many requests, a time-out) takes a quarter
 * away, and the number that was refused is not tried again for a while, longer
 * each time.
 *
 * A function of what is told to it: no clock, no lock, no memory of its own.
 */
#ifndef BASE_THROTTLE_H
#define BASE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

enum { THROTTLE_FIRST = 4, THROTTLE_LEAST = 2 };

/* A request that has ended. */
struct throttle_sample {
	int64_t began_ms, now_ms; /* monotonic */
	uint64_t bytes;           /* that it moved */
	unsigned busy;            /* requests at once, itself included */
	bool waiting;             /* others had to wait for their turn */
	bool refused;
};

struct throttle {
	unsigned most, limit;
	/* since the limit is what it is, or was looked at: */
	int64_t since_ms;
	unsigned requests;
	uint64_t work;
	bool crowded; /* more would have been sent */

	bool doubling, doubted; /* the latter: it did not pay, seen once */
	double rate;            /* work a ms at the limit before */
	unsigned settled;       /* looks since the last try; */
	unsigned fallback; /* where to return if it does not pay; 0: no try */
	/* what was refused, and until when it is not tried again */
	unsigned ceiling; /* 0: nothing */
	int64_t cut_ms, hold_ms;
};

/* most: 0: any number. */
void throttle_init(struct throttle *, unsigned most);
/* So many at once, THROTTLE_LEAST at least. */
unsigned throttle_limit(const struct throttle *);
void throttle_note(struct throttle *, const struct throttle_sample *);

#endif
