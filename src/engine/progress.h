/*
 * progress.h - how far a component is, for people who wait.
 *
 * The engine counts (from any thread) and a thread of the meter tells the
 * receiver twice a second, and once more at the end.
 */
#ifndef ENGINE_PROGRESS_H
#define ENGINE_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/monitor.h"

struct progress_state {
	const char *component;
	uint64_t objects, bytes;         /* done */
	uint64_t all_objects, all_bytes; /* expected; 0: unknown */
	double seconds;
	bool last; /* the component has ended, well or not */
};

/* Who wants to know; tell is called from one thread at a time. */
struct progress {
	void (*tell)(void *ctx, const struct progress_state *);
	void *ctx;
};

struct progress_meter {
	const struct progress *to; /* NULL: nobody */
	const char *component;
	int64_t began_ms;
	atomic_uint_fast64_t objects, bytes, all_objects, all_bytes;
	struct monitor m;
	struct thread ticker;
	bool stop;
};

MUST_CHECK int progress_start(struct progress_meter *, const struct progress *,
    const char *component, struct err *);
void progress_add(struct progress_meter *, uint64_t objects, uint64_t bytes);
void progress_expect(struct progress_meter *, uint64_t objects, uint64_t bytes);
/* Tells the end; returns how long it took in seconds. */
double progress_stop(struct progress_meter *);

#endif
