#include <string.h>

#include "base/thread.h"
#include "stream/pipe.h"
#include "stream/sink.h"

enum { CHUNK = 256 << 10 };

struct sink_queue {
	struct sink sink;
	struct pipe *pipe;
	struct sink *in; /* the pipe's writing end */
	struct thread thread;
	char *chunk; /* the thread's, and so is what follows */
	struct err err;
	bool failed;
};

static int
pass_on(struct sink_queue *q, struct err *err)
{
	size_t n;

	for (;;) {
		if (pipe_read(q->pipe, q->chunk, CHUNK, &n, err))
			return -1;
		if (n == 0)
			return 0;
		if (sink_write(q->sink.next, q->chunk, n, err))
			return -1;
	}
}

static void *
run(void *arg)
{
	struct sink_queue *q = arg;

	q->failed = pass_on(q, &q->err) != 0;
	if (q->failed)
		pipe_close(q->pipe);
	return NULL;
}

/* What the far side says, once it has ended. */
static int
end(struct sink_queue *q, struct err *err)
{
	thread_join(&q->thread);
	if (q->failed)
		*err = q->err;
	return q->failed ? -1 : 0;
}

static int
queue_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct sink_queue *q = (struct sink_queue *)s;
	struct err why = { 0 };

	if (sink_write(q->in, p, n, err) == 0)
		return 0;
	if (end(q, &why))
		*err = why;
	return -1;
}

static int
queue_finish(struct sink *s, struct err *err)
{
	struct sink_queue *q = (struct sink_queue *)s;
	int rc = sink_finish(q->in, err);

	return end(q, err) || rc ? -1 : 0;
}

/* Without a finish the thread is told that the rest will not come. */
static void
queue_free(struct sink *s)
{
	struct sink_queue *q = (struct sink_queue *)s;

	sink_free(q->in);
	thread_join(&q->thread);
	pipe_free(q->pipe);
	free(q->chunk);
	free(q);
}

static const struct sink_ops queue_ops = {
	.name = "queue",
	.write = queue_write,
	.finish = queue_finish,
	.free = queue_free,
};

int
sink_queue_new(struct sink *next, size_t cap, struct sink **ret,
    struct err *err)
{
	AUTO(sink) struct sink *owned = next;
	struct sink_queue *q = calloc(1, sizeof *q);

	if (!q)
		return err_nomem(err);
	owned = sink_init(&q->sink, &queue_ops, next);
	q->chunk = malloc(CHUNK);
	if (!q->chunk)
		return err_nomem(err);
	if (pipe_new(cap, &q->pipe, err) || pipe_sink(q->pipe, &q->in, err) ||
	    thread_start(&q->thread, run, q, err))
		return -1;
	*ret = TAKE(owned);
	return 0;
}
