#include "stream/sink.h"

struct sink_outlet {
	struct sink sink;
	struct sink *to; /* the caller's */
};

static int
outlet_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	return sink_write(((struct sink_outlet *)s)->to, p, n, err);
}

static int
outlet_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
outlet_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops outlet_ops = {
	.name = "outlet",
	.write = outlet_write,
	.finish = outlet_finish,
	.free = outlet_free,
};

int
sink_outlet_new(struct sink *to, struct sink **out, struct err *err)
{
	struct sink_outlet *o = calloc(1, sizeof *o);

	if (!o)
		return err_nomem(err);
	o->to = to;
	*out = sink_init(&o->sink, &outlet_ops, NULL);
	return 0;
}
