/* kube_restore.h - put saved objects into a cluster. */
#ifndef COMPONENT_KUBE_RESTORE_H
#define COMPONENT_KUBE_RESTORE_H

#include "component/component.h"
#include "component/kube_select.h"
#include "kube/kube.h"

/* What of a set is put back, and how.  { 0 }: all; what is there stays. */
struct kube_restore_choice {
	struct kube_select select;
	const struct tree *labels;     /* a list of maps: one of them is met */
	const struct tree *namespaces; /* a map, old: new */
	bool update;                   /* objects that are there already */
};

struct kube_restore {
	struct kube *kube;
	const struct kube_restore_choice *choice;
	const struct clock *clock;
};

/*
 * Every object is tried, again and again while others appear that it needs;
 * notes say how many were made, updated, unchanged, left out and failed, and
 * name them.  -1: something failed, the rest is there all the same.
 */
MUST_CHECK int kube_restore(const struct kube_restore *, struct loader *,
    struct err *);

#endif
