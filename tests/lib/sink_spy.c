#include "sink_spy.h"

struct spy {
	struct sink sink;
	struct sink_spy *of;
};

static int
spy_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct sink_spy *spy = ((struct spy *)s)->of;

	spy->writes++;
	if (spy->fail_after > 0 && spy->got.len + n >= spy->fail_after)
		return err_set(err, spy->code, "broken");
	return buf_add(&spy->got, p, n, err);
}

static int
spy_finish(struct sink *s, struct err *err)
{
	struct sink_spy *spy = ((struct spy *)s)->of;

	spy->finishes++;
	return spy->fail_finish ? err_set(err, spy->code, "broken") : 0;
}

static void
spy_free(struct sink *s)
{
	((struct spy *)s)->of->frees++;
	free(s);
}

static const struct sink_ops spy_ops = {
	.name = "spy",
	.write = spy_write,
	.finish = spy_finish,
	.free = spy_free,
};

int
sink_spy_new(struct sink_spy *spy, struct sink **out, struct err *err)
{
	struct spy *s = calloc(1, sizeof *s);

	if (!s)
		return err_nomem(err);
	s->of = spy;
	*out = sink_init(&s->sink, &spy_ops, NULL);
	return 0;
}
