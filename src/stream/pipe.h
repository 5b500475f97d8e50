/*
 * pipe.h - a sink on one thread, a reader on another: turns "pushed" bytes
 * into "pulled" ones, with a bounded amount in between.
 */
#ifndef STREAM_PIPE_H
#define STREAM_PIPE_H

#include <stddef.h>

#include "stream/sink.h"

struct pipe;

/* cap: bytes that may wait in between. */
MUST_CHECK int pipe_new(size_t cap, struct pipe **, struct err *);
/* After both the sink and the reading have ended. */
void pipe_free(struct pipe *);

/* The writing end; the pipe must outlive it.  Freed without finish: the
 * reader gets the error of pipe_fail, or "cut short". */
MUST_CHECK int pipe_sink(struct pipe *, struct sink **, struct err *);

/* The reader will not read any more: further writes fail. */
void pipe_close(struct pipe *);
/* What the reader gets instead of an end. */
void pipe_fail(struct pipe *, const struct err *);

/* Up to n bytes; *got 0: the end, after a finish. */
MUST_CHECK int pipe_read(struct pipe *, void *, size_t n, size_t *got,
    struct err *);

static inline void
scope_pipe(struct pipe **p)
{
	pipe_free(*p);
}

#endif
