/*
 * kube_clean.h - what of an object is worth keeping: not what a server or a
 * controller gives it anew.
 */
#ifndef COMPONENT_KUBE_CLEAN_H
#define COMPONENT_KUBE_CLEAN_H

#include "base/tree.h"
#include "kube/kube_discovery.h"

/* Why no object of it is kept; NULL: they are. */
const char *kube_clean_skips(const struct kube_resource *);
/* Why this one is not; NULL: it is. */
const char *kube_clean_why_not(const struct kube_resource *,
    const struct tree *object);
/*
 * What identifies the object in its cluster, what says where it was bound to
 * and what the server chose goes; "status" stays, for who reads the file and
 * because a restore looks at it.  apiVersion, kind and metadata come first.
 */
MUST_CHECK int kube_clean(const struct kube_resource *, struct tree *object,
    struct err *);
/* Those that are owned by a controller: whoever made them makes them again.
 * NULL: none. */
const struct tree *kube_clean_controller(const struct tree *object);

#endif
