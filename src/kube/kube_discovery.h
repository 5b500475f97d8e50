/*
 * kube_discovery.h - what the cluster serves: every resource once, in the
 * version that its group prefers, or in the next one that has it.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#discovery-api
 */
#ifndef KUBE_KUBE_DISCOVERY_H
#define KUBE_KUBE_DISCOVERY_H

#include <stdbool.h>

#include "base/buf.h"
#include "kube/kube.h"

enum kube_verb {
	KUBE_LIST = 1 << 0,
	KUBE_GET = 1 << 1,
	KUBE_CREATE = 1 << 2,
	KUBE_PATCH = 1 << 3,
};

struct kube_resource {
	char *group;     /* "" for the core's */
	char *version;   /* "v1" */
	char **versions; /* all that serve it, this one too */
	size_t nversions;
	char *name;     /* "profiles", as in paths */
	char *singular; /* "profile"; "" where the server does not say */
	char *kind;     /* "Profile" */
	char **shorts;  /* "po" of pods */
	size_t nshorts;
	bool namespaced;
	unsigned verbs; /* enum kube_verb */
};

/* A group that does not answer, as where the server behind it is down. */
struct kube_gap {
	char *group;
	char *why;
};

struct kube_discovery {
	struct kube_resource *resource; /* subresources are none */
	size_t count;
	struct kube_gap *gap;
	size_t ngaps;
	char *server; /* its version, as "v1.30.2"; "" where it does not say */
};

/* { 0 } first; done also after a failure. */
MUST_CHECK int kube_discovery_read(struct kube *, struct kube_discovery *,
    struct err *);
void kube_discovery_done(struct kube_discovery *);

/* "profiles.kubeflow.org", "pods". */
MUST_CHECK int kube_discovery_name(const struct kube_resource *, char **,
    struct err *);
/* NULL: not served. */
const struct kube_resource *kube_discovery_find(const struct kube_discovery *,
    const char *group, const char *name);
const struct kube_resource *kube_discovery_kind(const struct kube_discovery *,
    const char *group, const char *kind);
bool kube_discovery_serves(const struct kube_resource *, const char *version);
/* Append "/apis/kubeflow.org/v1/namespaces/a/…"; namespace NULL: of all, or of
 * the cluster; object NULL: all objects. */
MUST_CHECK int kube_discovery_path(const struct kube_resource *,
    const char *namespace, const char *object, struct buf *, struct err *);

static inline void
scope_kube_discovery(struct kube_discovery *d)
{
	kube_discovery_done(d);
}

#endif
