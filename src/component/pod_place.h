/* pod_place.h - which container of which pod has a file, and which other one
 * of that pod sees the same volume. */
#ifndef COMPONENT_POD_PLACE_H
#define COMPONENT_POD_PLACE_H

#include "base/err.h"
#include "base/scope.h"

struct config_pod;
struct kube;
struct kube_options;

struct pod_place {
	char *namespace, *pod;
	char *container, *path;
	char *other, *other_path; /* NULL: there is none */
};

/* path: in the container that the configuration names.  ERR_NOTFOUND names
 * what is not there; ERR_TRANSIENT: the pod does not run. */
MUST_CHECK int pod_place_find(struct kube *, const struct config_pod *,
    const char *path, struct pod_place *, struct err *);
/* There is no cluster, or no Deployment or StatefulSet of the application's
 * name in it: one that is scaled to 0, or does not start, is there. */
MUST_CHECK int pod_place_is_absent(const struct kube_options *,
    const struct config_pod *, bool *ret, struct err *);
void pod_place_done(struct pod_place *);

static inline void
scope_pod_place(struct pod_place *p)
{
	pod_place_done(p);
}

#endif
