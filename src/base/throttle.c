#include "base/throttle.h"

#include <limits.h>

enum {
	LOOK_MS = 100,           /* no sooner, */
	LOOK_REQUESTS = 2,       /* and after so many for each at once */
	REQUEST_WORK = 32 << 10, /* a request costs as much as such bytes */
	TRY_AFTER = 4,           /* looks */
	HOLD_MS = 10000,
	HOLD_MOST_MS = 300000,
};

/* What a step must bring to be kept.  The lower, the more often noise is taken
 * for it: the limit then creeps up to the most, which harms nobody. */
static const double doubling_pays = 1.15, try_pays = 1.02;

void
throttle_init(struct throttle *t, unsigned most)
{
	*t = (struct throttle){ .most = most,
		.limit = most ? THROTTLE_FIRST : UINT_MAX,
		.doubling = true };
	if (most && most < THROTTLE_LEAST)
		t->most = THROTTLE_LEAST;
	if (most && t->limit > t->most)
		t->limit = t->most;
}

unsigned
throttle_limit(const struct throttle *t)
{
	return t->limit;
}

static void
look_anew(struct throttle *t, int64_t now_ms)
{
	t->since_ms = now_ms;
	t->requests = 0;
	t->work = 0;
	t->crowded = false;
}

/* The most that may be tried now. */
static unsigned
allowed(struct throttle *t, int64_t now_ms)
{
	if (t->ceiling && now_ms - t->cut_ms >= t->hold_ms)
		t->ceiling = 0;
	return t->ceiling && t->ceiling - 1 < t->most ? t->ceiling - 1
	                                              : t->most;
}

static void
set_limit(struct throttle *t, unsigned limit, int64_t now_ms)
{
	unsigned most = allowed(t, now_ms);

	t->limit = limit < most ? limit : most;
	if (t->limit < THROTTLE_LEAST)
		t->limit = THROTTLE_LEAST;
}

static void
cut(struct throttle *t, const struct throttle_sample *s)
{
	unsigned refused = s->busy < t->limit ? s->busy : t->limit;

	/* sent beside the one that was refused before: the same crowd */
	if (t->hold_ms && s->began_ms < t->cut_ms)
		return;
	t->hold_ms = t->hold_ms == 0 ? HOLD_MS : 2 * t->hold_ms;
	if (t->hold_ms > HOLD_MOST_MS)
		t->hold_ms = HOLD_MOST_MS;
	t->cut_ms = s->now_ms;
	t->ceiling = refused > THROTTLE_LEAST ? refused : THROTTLE_LEAST + 1;
	t->doubling = false;
	t->fallback = 0;
	t->settled = 0;
	set_limit(t, refused - refused / 4 - (refused < 4), s->now_ms);
	look_anew(t, s->now_ms);
}

/* After a refusal one by one, up to what was refused. */
static void
regrow(struct throttle *t, double rate, int64_t now_ms)
{
	t->rate = rate;
	set_limit(t, t->limit + 1, now_ms);
}

static void
double_it(struct throttle *t, double rate, int64_t now_ms)
{
	t->doubling = t->limit < t->most;
	t->doubted = false;
	t->rate = rate;
	set_limit(t, 2 * t->limit, now_ms);
}

/* A few requests say little: it has failed when it brought nothing twice. */
static void
doubled(struct throttle *t, double rate, int64_t now_ms)
{
	if (rate >= t->rate * doubling_pays) {
		double_it(t, rate, now_ms);
	} else if (!t->doubted) {
		t->doubted = true;
	} else {
		t->doubling = false;
		t->rate = rate;
		t->settled = TRY_AFTER - 1; /* what it began with may mislead */
	}
}

static void
settled(struct throttle *t, double rate, int64_t now_ms)
{
	if (t->fallback) {
		/* never again after a refusal */
		if (t->hold_ms == 0 && rate >= t->rate * doubling_pays)
			double_it(t, rate, now_ms);
		else if (rate < t->rate * try_pays)
			t->limit = t->fallback;
		else
			t->rate = rate;
		t->fallback = 0;
		t->settled = 0;
	} else if (++t->settled == TRY_AFTER) {
		t->fallback = t->limit;
		t->rate = rate;
		set_limit(t, t->limit + 1 + t->limit / 4, now_ms);
	}
}

static void
look(struct throttle *t, int64_t now_ms)
{
	double rate = (double)t->work / (double)(now_ms - t->since_ms);

	/* who had no need of more says nothing about more */
	if (t->crowded) {
		if (t->ceiling)
			regrow(t, rate, now_ms);
		else if (t->doubling)
			doubled(t, rate, now_ms);
		else
			settled(t, rate, now_ms);
	}
	look_anew(t, now_ms);
}

void
throttle_note(struct throttle *t, const struct throttle_sample *s)
{
	if (t->most == 0)
		return;
	if (s->refused) {
		cut(t, s);
		return;
	}
	if (t->requests == 0 && t->since_ms == 0)
		t->since_ms = s->began_ms;
	t->requests++;
	t->work += s->bytes + REQUEST_WORK;
	t->crowded |= s->waiting;
	if (s->now_ms - t->since_ms >= LOOK_MS &&
	    t->requests / LOOK_REQUESTS >= t->limit)
		look(t, s->now_ms);
}
