#include "base/buf.h"
#include "stream/sink.h"

struct sink_mem {
	struct sink sink;
	struct buf buf;
};

static int
mem_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	return buf_add(&((struct sink_mem *)s)->buf, p, n, err);
}

static int
mem_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
mem_free(struct sink *s)
{
	buf_done(&((struct sink_mem *)s)->buf);
	free(s);
}

static const struct sink_ops mem_ops = {
	.name = "mem",
	.write = mem_write,
	.finish = mem_finish,
	.free = mem_free,
};

int
sink_mem_new(size_t max, struct sink **out, struct err *err)
{
	struct sink_mem *m = calloc(1, sizeof *m);

	if (!m)
		return err_nomem(err);
	m->buf.max = max;
	*out = sink_init(&m->sink, &mem_ops, NULL);
	return 0;
}

int
sink_mem_expect(struct sink *s, size_t n, struct err *err)
{
	return buf_reserve(&((struct sink_mem *)s)->buf, n, err);
}

const char *
sink_mem_data(const struct sink *s, size_t *len)
{
	const struct sink_mem *m = (const struct sink_mem *)s;

	*len = m->buf.len;
	return m->buf.data;
}
