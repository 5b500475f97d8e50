/*
 * kube.h - the API of a Kubernetes cluster: who we are, one call, its errors
 * in words.  https://kubernetes.io/docs/reference/using-api/api-concepts/
 *
 * A call that cannot have had an effect, or whose effect does not matter when
 * it is repeated (GET, PUT, PATCH, DELETE), is tried again after 429
 * (Retry-After), 5xx and cut connections; a POST only after 429, 503 and where
 * the server says that no more than a webhook failed.  401: the token is read
 * again, once.  Safe in threads.
 */
#ifndef KUBE_KUBE_H
#define KUBE_KUBE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"

struct clock;
struct kube;
struct rate;
struct sink;

/* All strings are copied.  { 0 }: the service account of this pod where there
 * is one, else the file that $KUBECONFIG names, else ~/.kube/config. */
struct kube_options {
	const char *kubeconfig; /* NULL: as above */
	const char *context;    /* NULL: the file's current-context */
	const char *account;    /* folder of the service account; NULL: usual */
	struct rate *receive, *send; /* borrowed; NULL: no limit */
	const struct clock *clock;   /* borrowed; NULL: the machine's */
};

/*
 * Reads the account; does not call the server yet.  ERR_NOTFOUND: there is
 * neither a service account nor a file.  ERR_USAGE: the file is wrong, or wants
 * what is not supported.
 */
MUST_CHECK int kube_new(const struct kube_options *, struct kube **,
    struct err *);
void kube_free(struct kube *);
/* The namespace of the service account or of the context; "default". */
const char *kube_namespace(const struct kube *);

/* What is asked, and what to say when it is refused. */
struct kube_call {
	const char *verb;          /* of RBAC: list, get, create, patch */
	const char *resource;      /* "secrets", "profiles.kubeflow.org" */
	const char *namespace;     /* NULL: of the cluster */
	const char *method, *path; /* "/api/v1/namespaces/a/pods?limit=100" */
	const char *type;          /* of the body; NULL: none */
	const char *accept;        /* NULL: application/json */
	const void *body;
	size_t body_len;
	/* A POST that may come twice, as the second is refused: an object with
	 * a name.  It goes over a connection that is kept. */
	bool again;
};

/*
 * The body of a 2xx answer goes to `to` (neither finished nor freed; NULL:
 * dropped).  Once bytes of it went there nothing is tried again: ERR_TRANSIENT.
 * Errors carry the server's Status.message:
 * ERR_NOTFOUND 404; ERR_EXISTS 409 AlreadyExists; ERR_CHANGED 409 Conflict, 410
 * Gone; ERR_DENIED 401, 403: verb, resource and namespace that are missing, and
 * the one "juju trust" that gives them; ERR_USAGE 400, 422 (invalid object);
 * ERR_TRANSIENT after the last try; ERR_REMOTE all else.
 */
MUST_CHECK int kube_do(struct kube *, const struct kube_call *, struct sink *to,
    struct err *);
/* The same; the answer instead of what b holds, up to its limit. */
MUST_CHECK int kube_ask(struct kube *, const struct kube_call *, struct buf *,
    struct err *);

static inline void
scope_kube(struct kube **k)
{
	kube_free(*k);
}

#endif
