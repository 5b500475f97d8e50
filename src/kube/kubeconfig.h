/*
 * kubeconfig.h - kubectl's file of clusters, users and contexts, read as
 * https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ says.
 */
#ifndef KUBE_KUBECONFIG_H
#define KUBE_KUBECONFIG_H

#include "base/err.h"
#include "base/scope.h"

struct account_facts;

/*
 * context NULL: its current-context.  Keys that are not known are passed over,
 * as kubectl does; ERR_USAGE names file and line of what is wrong or not
 * supported: insecure-skip-tls-verify, passwords, auth-provider.
 */
MUST_CHECK int kubeconfig_read(const char *path, const char *context,
    struct account_facts *, struct err *);

#endif
