#include "engine/sink_meter.h"

struct meter {
	struct sink sink;
	struct sink *to;
	struct progress_meter *progress;
	bool *far_failed;
};

static int
meter_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct meter *m = (struct meter *)s;

	if (sink_write(m->to, p, n, err)) {
		*m->far_failed = true;
		return -1;
	}
	progress_add(m->progress, 0, n);
	return 0;
}

static int
meter_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
meter_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops meter_ops = {
	.name = "meter",
	.write = meter_write,
	.finish = meter_finish,
	.free = meter_free,
};

int
sink_meter_new(struct sink *next, struct progress_meter *progress,
    bool *far_failed, struct sink **out, struct err *err)
{
	struct meter *m = calloc(1, sizeof *m);

	if (!m)
		return err_nomem(err);
	m->to = next;
	m->progress = progress;
	m->far_failed = far_failed;
	*out = sink_init(&m->sink, &meter_ops, NULL);
	return 0;
}
