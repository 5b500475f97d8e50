/*
 * proc.h - run a child with pipes, without a shell.
 *
 * The child gets SIGKILL when we die (PR_SET_PDEATHSIG) and no file
 * descriptor but its three.  Secrets go in by stdin, never by argv.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include "base/buf.h"

struct proc {
	const char *const *argv; /* ends with NULL; argv[0] searched in PATH */
	const char *in;          /* its whole stdin; NULL: /dev/null */
	size_t in_len;
	unsigned timeout_s; /* 0: none */
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

#endif
