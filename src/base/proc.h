/*
 * proc.h - run a child with pipes, without a shell.
 *
 * The child gets SIGKILL when we die (PR_SET_PDEATHSIG) and no file
 * descriptor but its three and what it is given.  Secrets go in by stdin or by
 * a file of that kind, never by argv.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Text that the child finds in memory, readable by its user alone: the first
 * is /proc/self/fd/3, the next 4, and so on.  Each open reads from the start.
 */
struct proc_file {
	const char *data;
	size_t len;
};

enum { PROC_FILES_MAX = 4 };

struct proc {
	const char *const *argv; /* ends with NULL; argv[0] searched in PATH */
	const char *const *env;  /* all of it, ends with NULL; NULL: as ours */
	const struct proc_file *files;
	size_t nfiles;
	const char *in; /* its whole stdin; NULL: /dev/null */
	size_t in_len;
	unsigned timeout_s; /* 0: none */
	bool errors_end;    /* of errors keep the end, not the beginning */
	unsigned quiet_s;   /* so long without a byte in or out; 0: for ever */
	int status;         /* result: exit status, or 128 + signal */
};

/*
 * Run to the end.  out and errors receive what it printed (either may be
 * NULL: thrown away).  More than fits into out is ERR_CORRUPT; of errors the
 * beginning is kept.  0: it ran, look at status.  ERR_NOTFOUND: no such
 * program.  ERR_TRANSIENT: the timeout, after which it and its children are
 * killed.  What it leaves running in its process group is killed as well.
 */
MUST_CHECK int proc_run(struct proc *, struct buf *out, struct buf *errors,
    struct err *);

/* Where output goes while the child runs.  take fails: so does the run. */
struct proc_out {
	int (*take)(void *arg, const void *, size_t, struct err *);
	void *arg;
};

struct proc_child;

/*
 * The same, for streams of any length: start it, write to it, end it.  proc,
 * its strings, out and errors must outlive it.  out NULL: thrown away.
 * proc->in is not looked at: stdin is open until proc_end.
 */
MUST_CHECK int proc_start(struct proc *, const struct proc_out *out,
    struct buf *errors, struct proc_child **, struct err *);
/* All n bytes.  ERR_CHANGED: it does not read any more; proc_end tells why. */
MUST_CHECK int proc_write(struct proc_child *, const void *, size_t n,
    struct err *);
/* End of its input; wait for its end.  0: it ran, look at status. */
MUST_CHECK int proc_end(struct proc_child *, struct err *);
/* One that was not ended is killed. */
void proc_free(struct proc_child *);

static inline void
scope_proc_child(struct proc_child **c)
{
	proc_free(*c);
}

#endif
