#include "base/rate.h"

void
rate_init(struct rate *r, uint64_t per_second, const struct clock *clock)
{
	*r = (struct rate){ .per_second = per_second, .clock = clock };
	monitor_init(&r->m);
}

void
rate_done(struct rate *r)
{
	monitor_done(&r->m);
}

void
rate_take(struct rate *r, uint64_t n)
{
	int64_t now, wait;

	if (r->per_second == 0)
		return;
	monitor_enter(&r->m);
	now = clock_mono_ms(r->clock) * 1000;
	if (r->free_us < now)
		r->free_us = now;
	wait = r->free_us - now;
	r->free_us += (int64_t)((double)n * 1e6 / (double)r->per_second);
	monitor_leave(&r->m);
	if (wait >= 1000)
		clock_sleep_ms(r->clock, (unsigned)(wait / 1000));
}
