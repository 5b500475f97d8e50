/* clock.h - time, handed in so that a test can decide it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
	int64_t (*now_ms)(void *ctx);  /* since 1970, UTC; may jump */
	int64_t (*mono_ms)(void *ctx); /* never goes back */
	void (*sleep_ms)(void *ctx, unsigned ms);
	void *ctx;
};

/* The machine's. */
const struct clock *clock_real(void);

int64_t clock_now(const struct clock *); /* seconds since 1970 */
int64_t clock_now_ms(const struct clock *);
int64_t clock_mono_ms(const struct clock *);
void clock_sleep_ms(const struct clock *, unsigned ms);

#endif
