#include "sleep_clock.h"

enum { NOW = 1795192080 }; /* Fri, 20 Nov 2026 16:28:00 GMT */

static int64_t
now(void *ctx)
{
	struct sleep_clock *c = ctx;

	return c->begin * 1000 + atomic_load(&c->slept_ms);
}

static int64_t
mono(void *ctx)
{
	struct sleep_clock *c = ctx;

	return 1000000 + atomic_load(&c->slept_ms);
}

static void
sleep_on(void *ctx, unsigned ms)
{
	struct sleep_clock *c = ctx;

	atomic_fetch_add(&c->slept_ms, ms + c->late);
}

void
sleep_clock_init(struct sleep_clock *c)
{
	*c = (struct sleep_clock){ .begin = NOW };
	c->clock = (struct clock){ now, mono, sleep_on, c };
}
