/* kube_apply.h - one saved object into a cluster. */
#ifndef COMPONENT_KUBE_APPLY_H
#define COMPONENT_KUBE_APPLY_H

#include "component/kube_restore.h"
#include "component/kube_spool.h"
#include "kube/kube_discovery.h"

struct kube_apply {
	struct kube *kube;
	const struct kube_restore_choice *choice;
	const struct kube_spool *spool;
	const struct kube_discovery *served; /* as it is now */
	bool dry_run;
};

/*
 * Sets what is now of the item; KUBE_WAITS where another try may help.  -1:
 * nothing can go on (no memory, the spool cannot be read).  Safe in threads, as
 * long as nobody changes an item's state meanwhile.
 */
MUST_CHECK int kube_apply(const struct kube_apply *, struct kube_item *,
    struct err *);

#endif
