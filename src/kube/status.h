/*
 * status.h - the API server's refusals in words: kind Status.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
 */
#ifndef KUBE_STATUS_H
#define KUBE_STATUS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct kube_call;

/* http: the HTTP status; body: what came with it, perhaps a Status.  Errors as
 * kube_do.  *safe: it cannot have had an effect, or none that matters when the
 * call is repeated. */
int status_err(const struct kube_call *, int http, const struct buf *body,
    bool *safe, struct err *);

#endif
