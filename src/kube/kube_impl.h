/* kube_impl.h - what kube.c and exec.c share; nobody else includes it. */
#ifndef KUBE_KUBE_IMPL_H
#define KUBE_KUBE_IMPL_H

#include "http/http.h"
#include "kube/account.h"
#include "kube/kube.h"

struct kube {
	struct account *account;
	struct http *http;
	const struct clock *clock;
	struct rate *receive, *send; /* for exec; http has them as well */
};

/* What one request is sent with; wiped when done. */
struct kube_access {
	struct buf url, bearer; /* "Bearer " and the token, if any */
};

/* refused: the token of before was; it is read anew. */
MUST_CHECK int kube_access(struct kube *, const struct kube_call *,
    bool refused, struct kube_access *, struct err *);
bool kube_access_has_token(const struct kube_access *);
void kube_access_done(struct kube_access *);

static inline void
scope_kube_access(struct kube_access *a)
{
	kube_access_done(a);
}

#endif
