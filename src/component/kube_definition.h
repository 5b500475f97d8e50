/*
 * kube_definition.h - what became of a CustomResourceDefinition.
 * https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/#CustomResourceDefinitionStatus
 */
#ifndef COMPONENT_KUBE_DEFINITION_H
#define COMPONENT_KUBE_DEFINITION_H

#include "kube/kube.h"
#include "kube/kube_discovery.h"

enum kube_definition {
	KUBE_DEFINITION_MISSING,
	KUBE_DEFINITION_WAITS,       /* the server has not decided yet */
	KUBE_DEFINITION_REFUSED,     /* NamesAccepted is False */
	KUBE_DEFINITION_ESTABLISHED, /* served in a moment, if not yet */
};

/* name: "notebooks.kubeflow.org".  *why: the server's words where it refuses,
 * otherwise NULL. */
MUST_CHECK int kube_definition_look(struct kube *, const char *name,
    enum kube_definition *ret, char **why, struct err *);
/*
 * Why nothing of that resource, "notebooks.kubeflow.org", can be sent: which
 * definition or API is missing, or does not work.  -1: no memory.
 */
MUST_CHECK int kube_definition_why(struct kube *, const struct kube_discovery *,
    const char *resource, char **ret, struct err *);

#endif
