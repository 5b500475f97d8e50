/* kube_missing.h - what restored objects need and nobody has. */
#ifndef COMPONENT_KUBE_MISSING_H
#define COMPONENT_KUBE_MISSING_H

#include "component/kube_apply.h"

/*
 * Of all that is there now: note what its pods need (kube_needs.h) and is
 * neither in the set nor in the cluster, each once and with the first object
 * that needs it; in one line where the set brings no object of that resource,
 * as without secrets.  The cluster is asked for so many at most, and not for
 * what the set brings.
 */
MUST_CHECK int kube_missing(const struct kube_apply *, struct loader *,
    struct err *);

#endif
