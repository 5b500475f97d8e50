#include "stream/sink.h"

static int
null_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	(void)s;
	(void)p;
	(void)n;
	(void)err;
	return 0;
}

static int
null_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
null_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops null_ops = {
	.name = "null",
	.write = null_write,
	.finish = null_finish,
	.free = null_free,
};

int
sink_null_new(struct sink **out, struct err *err)
{
	struct sink *s = calloc(1, sizeof *s);

	if (!s)
		return err_nomem(err);
	*out = sink_init(s, &null_ops, NULL);
	return 0;
}
