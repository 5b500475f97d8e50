/*
 * reporter.h - progress for who waits for an action: a line at the start of
 * each component, one now and then, one at its end; and the unit's status.
 */
#ifndef CMD_REPORTER_H
#define CMD_REPORTER_H

#include <stdint.h>

#include "base/clock.h"
#include "engine/progress.h"

struct reporter {
	const char *doing; /* "creating backup" */
	const struct clock *clock;
	int64_t told_ms; /* when the last line was */
	char component[64];
	struct progress progress; /* for the engine */
};

void reporter_init(struct reporter *, const char *doing, const struct clock *);

#endif
