/* rate.h - so many bytes a second, shared by all threads. */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdint.h>

#include "base/clock.h"
#include "base/monitor.h"

struct rate {
	struct monitor m;
	const struct clock *clock;
	uint64_t per_second; /* 0: no limit */
	int64_t free_us;     /* when the line is free again, monotonic */
};

void rate_init(struct rate *, uint64_t per_second, const struct clock *);
void rate_done(struct rate *);
/* Wait until n more bytes may go. */
void rate_take(struct rate *, uint64_t n);

#endif
