/*
 * pod_helper.h - the program of sqlite_helper.h, sent into a container and run
 * there.  It needs a shell there with uname, head or dd, chmod and rm; one
 * folder that may be written and from which programs may run; nothing else.
 */
#ifndef COMPONENT_POD_HELPER_H
#define COMPONENT_POD_HELPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct config_component;
struct kube;
struct pod_helper;
struct sink;

/* Find the pod, find out what it is, and send the helper that fits.
 * The component is one of SQLite in a pod.  ERR_NOTFOUND, ERR_USAGE: there is
 * no shell, no place, no helper for it. */
MUST_CHECK int pod_helper_new(const struct config_component *,
    struct pod_helper **, struct err *);
/* What was sent is removed, where that has not been done. */
void pod_helper_free(struct pod_helper *);

struct pod_helper_call {
	const char *word;    /* of sqlite_helper.h */
	uint64_t numbers[2]; /* behind PATH */
	unsigned count;      /* of numbers */
	bool dirs;           /* DIR... at the end */
	int in;              /* what it reads, and "end"; -1: nothing */
	struct sink *out;    /* what it says; not finished */
};

/* Once: it removes itself when it runs.  Its errors become ours. */
MUST_CHECK int pod_helper_run(struct pod_helper *,
    const struct pod_helper_call *, struct err *);

static inline void
scope_pod_helper(struct pod_helper **h)
{
	pod_helper_free(*h);
}

#endif
