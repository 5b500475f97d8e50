#include "http/retry.h"

#include <stdint.h>
#include <sys/random.h>

/* No server makes us wait longer than this by a Retry-After. */
enum { RETRY_AFTER_MOST_MS = 60000 };

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* From half of ms to all of it, so that many clients do not come back at
 * once. */
static unsigned
jitter(unsigned ms)
{
	uint32_t r = 0;

	if (ms < 2 || getrandom(&r, sizeof r, GRND_NONBLOCK) != sizeof r)
		return ms;
	return ms / 2 + r % (ms - ms / 2 + 1);
}

/* The delay behind the n-th failure in a row, n from 1. */
static unsigned
delay(const struct retry_policy *p, unsigned n)
{
	unsigned ms = p->first_ms;

	while (--n > 0 && ms < p->most_ms)
		ms = ms > p->most_ms / 2 ? p->most_ms : ms * 2;
	return jitter(least(ms, p->most_ms));
}

int
retry_run(const struct retry_policy *p, const struct clock *clock, retry_fn *fn,
    void *arg, struct err *err)
{
	for (unsigned n = 1;; n++) {
		struct retry_hint hint = { 0 };
		unsigned ms;

		if (fn(arg, &hint, err) == 0) {
			*err = (struct err){ 0 }; /* of an earlier attempt */
			return 0;
		}
		if (!err_is(err, ERR_TRANSIENT))
			return -1;
		if (hint.progressed)
			n = 1;
		if (n >= p->attempts)
			return n > 1 ? err_wrap(err, "%u attempts", n) : -1;
		ms = delay(p, n);
		if (hint.wait_ms > ms)
			ms = least(hint.wait_ms, RETRY_AFTER_MOST_MS);
		clock_sleep_ms(clock, ms);
	}
}
