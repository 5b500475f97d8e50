/*
 * kube_needs.h - what the pods of an object need of others in its namespace.
 *
 * Known by the shape of the fields that a pod's spec has, at any depth and of
 * any kind, so that kinds which embed one (Notebook, PodDefault,
 * InferenceService, PyTorchJob, Workflow) need not be known:
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
 */
#ifndef COMPONENT_KUBE_NEEDS_H
#define COMPONENT_KUBE_NEEDS_H

#include "base/err.h"
#include "base/tree.h"

/*
 * Visit secrets, configmaps, persistentvolumeclaims and serviceaccounts that
 * are not marked optional.  Not what every namespace gets by itself ("default",
 * "kube-root-ca.crt", tokens of accounts), nor names with something to be
 * filled in.
 */
typedef int kube_need(void *arg, const char *resource, const char *name,
    struct err *);
MUST_CHECK int kube_needs(const struct tree *object, kube_need *, void *arg,
    struct err *);

#endif
