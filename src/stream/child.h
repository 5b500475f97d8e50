/*
 * child.h - a program as the source of a stream, or as a filter in one.
 *
 * Memory holds what is in the pipes; nothing is on disk.  What the program
 * says on its standard error is kept up to the limit of `errors`.
 */
#ifndef STREAM_CHILD_H
#define STREAM_CHILD_H

#include "base/proc.h"
#include "stream/sink.h"

/*
 * Run it to the end; what it prints goes to `to`, which stays the caller's and
 * is not finished: look at proc->status first.
 */
MUST_CHECK int child_run(struct proc *, struct sink *to, struct buf *errors,
    struct err *);

/* Its exit status was not 0: what that means, in the caller's words. */
typedef int child_explain(void *arg, const struct proc *,
    const struct buf *errors, struct err *);

struct child_options {
	struct proc *proc; /* borrowed, with all that it points to */
	struct buf *errors;
	child_explain *explain; /* sets err, returns -1 */
	void *arg;
};

/*
 * A sink whose bytes the program reads; what it prints goes on to next (owned
 * from here on, freed on failure; NULL: thrown away).  Finish waits for its
 * end: unless it ended with status 0, next is not finished.  Freed before
 * that: it is killed.
 */
MUST_CHECK int child_sink_new(const struct child_options *, struct sink *next,
    struct sink **, struct err *);

#endif
