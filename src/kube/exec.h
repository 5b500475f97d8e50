/*
 * exec.h - run a program in a container of a pod: a WebSocket that carries
 * v5.channel.k8s.io, or v4 where the server does not know it.
 * https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
 *
 * As base/proc.h has it for a child: start, write, end; all on one thread.
 * Memory is flat: what the program prints is read no faster than `out` takes
 * it, and what it reads is sent no faster than it does.
 */
#ifndef KUBE_EXEC_H
#define KUBE_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"

struct exec;
struct kube;
struct sink;

struct exec_call {
	const char *namespace; /* NULL: kube_namespace */
	const char *pod, *container;
	const char *const *argv; /* ends with NULL; not a shell's words */
	bool in;                 /* it reads what exec_write gives */
	struct sink *out;        /* neither finished nor freed; NULL: dropped */
	struct buf *errors; /* the beginning of what it complains of; NULL */
	unsigned timeout_s; /* of all of it; 0: an hour */
	int status;         /* result: exit status */
};

/*
 * Start it.  The call, all that it points to, and the kube must outlive it.  A
 * refusal is told as by kube_do.  Where the connection is cut before a word
 * came back it is started again: it must not matter.
 */
MUST_CHECK int exec_start(struct kube *, struct exec_call *, struct exec **,
    struct err *);
/*
 * All n bytes; meanwhile what it prints goes to `out`, whose error is passed
 * on.  v4 cannot say where the input ends, so the program must know.
 * ERR_CHANGED: it has ended; exec_end tells how.  Else as exec_end.
 */
MUST_CHECK int exec_write(struct exec *, const void *, size_t n, struct err *);
/* Until n bytes were printed to `out`, or it has ended; the input stays open.
 * Errors as exec_end. */
MUST_CHECK int exec_wait(struct exec *, uint64_t n, struct err *);
/*
 * No more input; wait for the end.  0: it ran; look at status.  ERR_TRANSIENT:
 * the connection was cut, the pod went away, or the time was over; what it
 * printed is not whole.  ERR_NOTFOUND: no such container or program.
 * ERR_REMOTE: it could not be started, or this is no such protocol.
 */
MUST_CHECK int exec_end(struct exec *, struct err *);
/* What was not ended loses its connection. */
void exec_free(struct exec *);

/* The three for a short input; n 0: none. */
MUST_CHECK int exec_run(struct kube *, struct exec_call *, const void *,
    size_t n, struct err *);

static inline void
scope_exec(struct exec **e)
{
	exec_free(*e);
}

#endif
