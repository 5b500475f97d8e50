#include "stream/sink.h"

struct sink_count {
	struct sink sink;
	uint64_t *total;
};

static int
count_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	*((struct sink_count *)s)->total += n;
	return sink_write(s->next, p, n, err);
}

static int
count_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
count_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops count_ops = {
	.name = "count",
	.write = count_write,
	.finish = count_finish,
	.free = count_free,
};

int
sink_count_new(struct sink *next, uint64_t *total, struct sink **out,
    struct err *err)
{
	struct sink_count *c = calloc(1, sizeof *c);

	if (!c) {
		sink_free(next);
		return err_nomem(err);
	}
	c->total = total;
	*out = sink_init(&c->sink, &count_ops, next);
	return 0;
}
