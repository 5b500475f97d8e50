#include "component/dump_ends.h"

#include <string.h>

struct ends_sink {
	struct sink sink;
	struct dump_ends *ends;
	struct sink *to;
};

void
dump_ends_add(struct dump_ends *e, const void *p, size_t n)
{
	const char *s = p;
	size_t head = DUMP_ENDS_SIZE - e->nhead, keep;

	head = head < n ? head : n;
	(void)memcpy(e->head + e->nhead, s, head);
	e->nhead += head;
	e->bytes += n;
	if (n > DUMP_ENDS_SIZE) {
		s += n - DUMP_ENDS_SIZE;
		n = DUMP_ENDS_SIZE;
	}
	keep = DUMP_ENDS_SIZE - n < e->ntail ? DUMP_ENDS_SIZE - n : e->ntail;
	(void)memmove(e->tail, e->tail + e->ntail - keep, keep);
	(void)memcpy(e->tail + keep, s, n);
	e->ntail = keep + n;
	e->tail[e->ntail] = '\0';
}

static int
ends_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct ends_sink *e = (struct ends_sink *)s;

	dump_ends_add(e->ends, p, n);
	return sink_write(e->to, p, n, err);
}

static int
ends_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
ends_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops ends_ops = {
	.name = "dump",
	.write = ends_write,
	.finish = ends_finish,
	.free = ends_free,
};

int
dump_ends_sink(struct dump_ends *ends, struct sink *to, struct sink **ret,
    struct err *err)
{
	struct ends_sink *e = calloc(1, sizeof *e);

	if (!e)
		return err_nomem(err);
	e->ends = ends;
	e->to = to;
	*ret = sink_init(&e->sink, &ends_ops, NULL);
	return 0;
}
