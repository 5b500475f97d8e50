#include "base/clock.h"

#include <errno.h>
#include <time.h>

static int64_t
read_ms(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t
real_now(void *ctx)
{
	(void)ctx;
	return read_ms(CLOCK_REALTIME);
}

static int64_t
real_mono(void *ctx)
{
	(void)ctx;
	return read_ms(CLOCK_MONOTONIC);
}

static void
real_sleep(void *ctx, unsigned ms)
{
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)ctx;
	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

const struct clock *
clock_real(void)
{
	static const struct clock machine = {
		.now_ms = real_now,
		.mono_ms = real_mono,
		.sleep_ms = real_sleep,
	};

	return &machine;
}

int64_t
clock_now(const struct clock *c)
{
	return c->now_ms(c->ctx) / 1000;
}

int64_t
clock_now_ms(const struct clock *c)
{
	return c->now_ms(c->ctx);
}

int64_t
clock_mono_ms(const struct clock *c)
{
	return c->mono_ms(c->ctx);
}

void
clock_sleep_ms(const struct clock *c, unsigned ms)
{
	c->sleep_ms(c->ctx, ms);
}
