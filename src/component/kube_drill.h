/* kube_drill.h - prove that a saved tar of objects can be restored, without a
 * cluster. */
#ifndef COMPONENT_KUBE_DRILL_H
#define COMPONENT_KUBE_DRILL_H

#include "component/component.h"

/* Every file is the object that its name says, and there are as many of each
 * resource as were saved. */
MUST_CHECK int kube_drill(struct loader *, struct buf *proof, struct err *);

#endif
