/*
 * kube_select.h - which objects of a cluster are meant: by namespace and by
 * resource, with the names and the meaning that Velero gives them
 * (https://velero.io/docs/main/resource-filtering/).
 */
#ifndef COMPONENT_KUBE_SELECT_H
#define COMPONENT_KUBE_SELECT_H

#include "base/buf.h"
#include "config/config.h"
#include "kube/kube_discovery.h"

/* Lists of texts, which may hold '*'; NULL or empty: all included, none
 * excluded. */
struct kube_select {
	const struct tree *include_namespaces, *exclude_namespaces;
	const struct tree *include_resources, *exclude_resources;
	enum config_cluster cluster;
};

bool kube_select_namespace(const struct kube_select *, const char *);
bool kube_select_every_namespace(const struct kube_select *);
/* How many namespaces are named one by one; 0: they are not. */
size_t kube_select_count_namespaces(const struct kube_select *);

/*
 * A name is "profiles.kubeflow.org", "pods", or what kubectl takes: singular,
 * kind, short name; without its group it is the first that is served.  Excluded
 * goes before included.  d NULL: nothing is known of what is served.
 */
bool kube_select_resource(const struct kube_select *,
    const struct kube_discovery *, const struct kube_resource *);
/* Are all objects of a resource without namespaces meant, or only those that
 * belong to others?  A namespace counts as what is in it. */
bool kube_select_of_cluster(const struct kube_select *,
    const struct kube_resource *);
/* The names in the list that nothing served has, with ", " in between. */
MUST_CHECK int kube_select_unknown(const struct tree *list,
    const struct kube_discovery *, struct buf *, struct err *);

/* {a: b, c: d} as "a=b,c=d"; a text as it is; nothing for NULL. */
MUST_CHECK int kube_select_labels(const struct tree *, struct buf *,
    struct err *);

#endif
