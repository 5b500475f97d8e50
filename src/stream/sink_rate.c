#include "base/rate.h"
#include "stream/sink.h"

struct sink_rate {
	struct sink sink;
	struct rate *rate;
};

/* In steps, so that what is behind gets an even flow. */
static int
rate_write(struct sink *s, const void *bytes, size_t n, struct err *err)
{
	struct rate *r = ((struct sink_rate *)s)->rate;
	const char *p = bytes;

	while (n > 0) {
		uint64_t step = rate_step(r);
		size_t k = n < step ? n : (size_t)step;

		(void)rate_take(r, k);
		if (sink_write(s->next, p, k, err))
			return -1;
		p += k;
		n -= k;
	}
	return 0;
}

static int
rate_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
rate_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops rate_ops = {
	.name = "rate",
	.write = rate_write,
	.finish = rate_finish,
	.free = rate_free,
};

int
sink_rate_new(struct sink *next, struct rate *rate, struct sink **out,
    struct err *err)
{
	struct sink_rate *r = NULL;

	if (!rate) {
		*out = next;
		return 0;
	}
	r = calloc(1, sizeof *r);
	if (!r) {
		sink_free(next);
		return err_nomem(err);
	}
	r->rate = rate;
	*out = sink_init(&r->sink, &rate_ops, next);
	return 0;
}
