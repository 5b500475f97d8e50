#include "stream/pipe.h"

#include <string.h>

#include "base/monitor.h"

struct pipe {
	struct monitor m;
	bool closed;     /* by the reader */
	bool ended;      /* by the writer's finish */
	struct err fail; /* instead of an end */
	size_t head, len, cap;
	char ring[];
};

struct pipe_sink {
	struct sink sink;
	struct pipe *pipe;
};

int
pipe_new(size_t cap, struct pipe **ret, struct err *err)
{
	struct pipe *p = NULL;

	if (cap <= SIZE_MAX - sizeof *p)
		p = calloc(1, sizeof *p + cap);
	if (!p)
		return err_nomem(err);
	p->cap = cap;
	monitor_init(&p->m);
	*ret = p;
	return 0;
}

void
pipe_free(struct pipe *p)
{
	if (!p)
		return;
	monitor_done(&p->m);
	free(p);
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Inside the monitor: as much as fits, up to the ring's edge. */
static size_t
push(struct pipe *p, const char *from, size_t n)
{
	size_t tail = (p->head + p->len) % p->cap;

	n = least(n, least(p->cap - p->len, p->cap - tail));
	memcpy(p->ring + tail, from, n);
	p->len += n;
	return n;
}

static size_t
pull(struct pipe *p, char *to, size_t n)
{
	n = least(n, least(p->len, p->cap - p->head));
	memcpy(to, p->ring + p->head, n);
	p->head = (p->head + n) % p->cap;
	p->len -= n;
	return n;
}

static int
gone(struct err *err)
{
	return err_set(err, ERR_IO, "nobody reads this any more");
}

static int
pipe_write(struct sink *s, const void *bytes, size_t n, struct err *err)
{
	struct pipe *p = ((struct pipe_sink *)s)->pipe;
	const char *from = bytes;

	monitor_enter(&p->m);
	while (n > 0 && !p->closed) {
		size_t done = push(p, from, n);

		from += done;
		n -= done;
		if (done > 0)
			monitor_wake(&p->m);
		else
			monitor_wait(&p->m);
	}
	monitor_leave(&p->m);
	return n > 0 ? gone(err) : 0;
}

/* A reader that took everything may have gone by now: no harm. */
static int
pipe_finish(struct sink *s, struct err *err)
{
	struct pipe *p = ((struct pipe_sink *)s)->pipe;
	bool lost;

	monitor_enter(&p->m);
	lost = p->closed && p->len > 0;
	p->ended = !lost;
	monitor_wake(&p->m);
	monitor_leave(&p->m);
	return lost ? gone(err) : 0;
}

/* Inside the monitor.  The first failure is the one that counts. */
static void
fail(struct pipe *p, const struct err *why)
{
	if (err_is(&p->fail, ERR_NONE))
		p->fail = *why;
	monitor_wake(&p->m);
}

static void
pipe_sink_free(struct sink *s)
{
	struct pipe *p = ((struct pipe_sink *)s)->pipe;
	struct err cut = { 0 };

	(void)err_set(&cut, ERR_CORRUPT, "cut short");
	monitor_enter(&p->m);
	if (!p->ended)
		fail(p, &cut);
	monitor_leave(&p->m);
	free(s);
}

static const struct sink_ops pipe_ops = {
	.name = "pipe",
	.write = pipe_write,
	.finish = pipe_finish,
	.free = pipe_sink_free,
};

int
pipe_sink(struct pipe *p, struct sink **ret, struct err *err)
{
	struct pipe_sink *s = calloc(1, sizeof *s);

	if (!s)
		return err_nomem(err);
	s->pipe = p;
	*ret = sink_init(&s->sink, &pipe_ops, NULL);
	return 0;
}

void
pipe_close(struct pipe *p)
{
	monitor_enter(&p->m);
	p->closed = true;
	monitor_wake(&p->m);
	monitor_leave(&p->m);
}

void
pipe_fail(struct pipe *p, const struct err *why)
{
	monitor_enter(&p->m);
	fail(p, why);
	monitor_leave(&p->m);
}

/* A failure overtakes what is still in between: nobody can use it. */
int
pipe_read(struct pipe *p, void *to, size_t n, size_t *got, struct err *err)
{
	int rc = 0;

	monitor_enter(&p->m);
	while (p->len == 0 && !p->ended && err_is(&p->fail, ERR_NONE))
		monitor_wait(&p->m);
	if (err_is(&p->fail, ERR_NONE)) {
		*got = pull(p, to, n);
		monitor_wake(&p->m);
	} else {
		*err = p->fail;
		rc = -1;
	}
	monitor_leave(&p->m);
	return rc;
}
