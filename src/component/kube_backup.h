/* kube_backup.h - the chosen objects of a cluster into one tar. */
#ifndef COMPONENT_KUBE_BACKUP_H
#define COMPONENT_KUBE_BACKUP_H

#include "component/component.h"
#include "kube/kube.h"

struct kube_backup {
	struct kube *kube;
	const struct config_kubernetes *cfg;
	const struct clock *clock;
};

/*
 * What cannot be read is named, and the component is degraded; the rest is
 * saved.  -1: nothing could be read, or the tar not be written.
 */
MUST_CHECK int kube_backup(const struct kube_backup *, struct saver *,
    struct err *);

#endif
