/* sleep_clock.h - a clock that stands still but for sleeping, which takes as
 * long as it is told and `late` ms more. */
#ifndef LIB_SLEEP_CLOCK_H
#define LIB_SLEEP_CLOCK_H

#include <stdatomic.h>

#include "base/clock.h"

struct sleep_clock {
	struct clock clock; /* its ctx is the whole */
	atomic_int_fast64_t slept_ms;
	int64_t begin; /* seconds since 1970 */
	unsigned late;
};

void sleep_clock_init(struct sleep_clock *);

#endif
