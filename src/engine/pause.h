/*
 * pause.h - what writes to that which is restored stands still meanwhile: the
 * workloads of a cluster that the components' 'pause' names.
 *
 * What a workload was is kept in the cluster (kube/kube_scale.h), so that a
 * restore that was killed is put right by the next one, or by pause_resume
 * alone.
 */
#ifndef ENGINE_PAUSE_H
#define ENGINE_PAUSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "kube/kube.h"
#include "kube/kube_scale.h"
#include "plan/plan.h"

enum { PAUSE_WAIT_S = 300 }; /* for the last pod to end */

struct pause_workload {
	char *namespace, *name;
	struct kube_scale scale;
	bool resumed; /* by pause_resume */
};

struct pause {
	struct kube *kube; /* NULL: nothing is to be paused */
	const struct clock *clock;
	struct pause_workload *workload;
	size_t count;
};

/* The workloads of all components of the plan, each once; the cluster is not
 * asked yet.  ret is filled on failure too. */
MUST_CHECK int pause_open(const struct plan *, const struct kube_options *,
    const struct clock *, struct pause *ret, struct err *);
/* May each be seen?  ERR_NOTFOUND: there is none of that name, which is no
 * error where the restore itself may make it. */
MUST_CHECK int pause_look(struct pause *, bool may_be_made, struct err *);
/*
 * Look again, scale to 0 what runs, and wait until no pod of it is left.
 * ERR_CHANGED: somebody scaled it back meanwhile.  ERR_TRANSIENT: its pods do
 * not end.
 */
MUST_CHECK int pause_begin(struct pause *, struct err *);
/* Back to what they were; one that fails does not keep the others.  The error
 * names the first of those that stand still. */
MUST_CHECK int pause_resume(struct pause *, struct err *);
void pause_done(struct pause *);

static inline void
scope_pause(struct pause *p)
{
	pause_done(p);
}

#endif
