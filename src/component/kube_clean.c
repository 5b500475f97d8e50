#include "component/kube_clean.h"

#include <string.h>

#include "base/str.h"

static bool
is(const struct kube_resource *r, const char *group, const char *name)
{
	return strcmp(r->group, group) == 0 && strcmp(r->name, name) == 0;
}

/* --- what is left out */

static const struct skip {
	const char *group, *name, *why;
} skips[] = {
	{ "", "events", "events tell what happened" },
	{ "events.k8s.io", "events", "events tell what happened" },
	{ "", "nodes", "nodes register themselves" },
	{ "", "componentstatuses", "they are the cluster's state" },
	{ "coordination.k8s.io", "leases", "leases are held by who runs" },
	{ "discovery.k8s.io", "endpointslices", "services make them" },
	{ "", "endpoints", "services make them" },
	{ "storage.k8s.io", "csinodes", "nodes register themselves" },
	{ "storage.k8s.io", "csistoragecapacities", "drivers measure them" },
	{ "storage.k8s.io", "volumeattachments", "volumes are attached anew" },
	{ "certificates.k8s.io", "certificatesigningrequests",
	    "they were answered" },
	{ "networking.k8s.io", "ipaddresses", "services make them" },
	{ "internal.apiserver.k8s.io", "storageversions",
	    "they are the cluster's state" },
};

const char *
kube_clean_skips(const struct kube_resource *r)
{
	for (size_t i = 0; i < sizeof skips / sizeof *skips; i++)
		if (is(r, skips[i].group, skips[i].name))
			return skips[i].why;
	return NULL;
}

static bool
is_noted(const struct tree *object, const char *in, const char *name,
    const char *value)
{
	const char *text =
	    tree_text(tree_in(object, "metadata", in, NULL), name);

	return text && (!value || strcmp(text, value) == 0);
}

/* A server makes and keeps up to date what is marked so. */
static bool
is_servers(const struct kube_resource *r, const struct tree *o)
{
	if (strcmp(r->group, "rbac.authorization.k8s.io") == 0)
		return is_noted(o, "labels", "kubernetes.io/bootstrapping",
		           "rbac-defaults") &&
		       is_noted(o, "annotations",
		           "rbac.authorization.kubernetes.io/autoupdate",
		           "true");
	if (strcmp(r->group, "flowcontrol.apiserver.k8s.io") == 0)
		return is_noted(o, "annotations",
		    "apf.kubernetes.io/autoupdate-spec", "true");
	return is(r, "apiregistration.k8s.io", "apiservices") &&
	       is_noted(o, "labels",
	           "kube-aggregator.kubernetes.io/automanaged", NULL);
}

const char *
kube_clean_why_not(const struct kube_resource *r, const struct tree *o)
{
	const char *type = tree_text(o, "type");

	if (is(r, "", "pods") &&
	    is_noted(o, "annotations", "kubernetes.io/config.mirror", NULL))
		return "a node makes it of a file";
	if (is(r, "", "secrets") && type &&
	    strcmp(type, "kubernetes.io/service-account-token") == 0)
		return "a token is good for its own cluster";
	if (is(r, "", "configmaps") &&
	    is_noted(o, "annotations",
	        "control-plane.alpha.kubernetes.io/leader", NULL))
		return "leases are held by who runs";
	return is_servers(r, o) ? "the server makes it" : NULL;
}

const struct tree *
kube_clean_controller(const struct tree *o)
{
	const struct tree *list =
	    tree_in(o, "metadata", "ownerReferences", NULL);

	for (const struct tree *t = list ? list->child : NULL; t; t = t->next) {
		const char *text = tree_text(t, "controller");

		if (text && strcmp(text, "true") == 0)
			return t;
	}
	return NULL;
}

/* --- what goes out of those that are kept */

static void
remove_all(struct tree *map, const char *const *names, size_t n)
{
	for (size_t i = 0; map && i < n; i++)
		(void)tree_remove(map, names[i]);
}
#define REMOVE(map, ...)                                      \
	remove_all(map, (const char *const[]){ __VA_ARGS__ }, \
	    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void
clean_metadata(struct tree *m)
{
	struct tree *notes = tree_get(m, "annotations");

	REMOVE(m, "uid", "resourceVersion", "generation", "creationTimestamp",
	    "managedFields", "selfLink", "deletionTimestamp",
	    "deletionGracePeriodSeconds");
	REMOVE(notes, "deployment.kubernetes.io/revision",
	    "pv.kubernetes.io/bind-completed",
	    "pv.kubernetes.io/bound-by-controller",
	    "volume.kubernetes.io/selected-node",
	    "volume.kubernetes.io/storage-provisioner",
	    "volume.beta.kubernetes.io/storage-provisioner");
	if (notes && !notes->child)
		(void)tree_remove(m, "annotations");
}

/* "None" is a choice; an address is the server's. */
static void
clean_service(struct tree *spec)
{
	const char *ip = tree_text(spec, "clusterIP");
	const struct tree *ports = tree_get(spec, "ports");

	if (ip && strcmp(ip, "None") != 0)
		REMOVE(spec, "clusterIP", "clusterIPs");
	REMOVE(spec, "healthCheckNodePort");
	for (struct tree *t = ports ? ports->child : NULL; t; t = t->next)
		REMOVE(t, "nodePort");
}

/* The server makes a selector of its own for each job. */
static void
clean_job(struct tree *o, struct tree *spec)
{
	const char *manual = tree_text(spec, "manualSelector");
	struct tree *labels[] = {
		tree_in(o, "metadata", "labels", NULL),
		tree_in(spec, "template", "metadata", "labels", NULL),
	};

	if (manual && strcmp(manual, "true") == 0)
		return;
	REMOVE(spec, "selector");
	for (size_t i = 0; i < 2; i++)
		REMOVE(labels[i], "controller-uid", "job-name",
		    "batch.kubernetes.io/controller-uid",
		    "batch.kubernetes.io/job-name");
}

/* What is left names secrets that were given to it by hand. */
static void
clean_account(struct tree *o)
{
	const char *name = tree_text(tree_get(o, "metadata"), "name");
	struct tree *list = tree_get(o, "secrets"), *next;
	size_t n = name ? strlen(name) : 0;

	for (struct tree *t = list ? list->child : NULL; t; t = next) {
		const char *secret = tree_text(t, "name");

		next = t->next;
		if (secret && name && strncmp(secret, name, n) == 0 &&
		    str_starts(secret + n, "-token-"))
			tree_remove_child(list, t);
	}
	if (list && !list->child)
		(void)tree_remove(o, "secrets");
}

static void
clean_namespace(struct tree *o)
{
	struct tree *m = tree_get(o, "metadata");
	struct tree *labels = tree_get(m, "labels");

	(void)tree_remove(o, "spec"); /* nothing but finalizers */
	REMOVE(labels, "kubernetes.io/metadata.name");
	if (labels && !labels->child)
		(void)tree_remove(m, "labels");
}

static void
clean_kind(const struct kube_resource *r, struct tree *o)
{
	struct tree *spec = tree_get(o, "spec");

	if (is(r, "", "services"))
		clean_service(spec);
	else if (is(r, "", "pods"))
		REMOVE(spec, "nodeName");
	else if (is(r, "batch", "jobs"))
		clean_job(o, spec);
	else if (is(r, "", "persistentvolumeclaims"))
		REMOVE(spec, "volumeName");
	else if (is(r, "", "persistentvolumes"))
		REMOVE(tree_get(spec, "claimRef"), "uid", "resourceVersion");
	else if (is(r, "", "serviceaccounts"))
		clean_account(o);
	else if (is(r, "", "namespaces"))
		clean_namespace(o);
}

/* Move a member to the front. */
static void
put_first(struct tree *map, const char *name)
{
	struct tree *t = map->child, *before = NULL;

	while (t && strcmp(t->name, name) != 0) {
		before = t;
		t = t->next;
	}
	if (!t || !before)
		return;
	before->next = t->next;
	if (map->last == t)
		map->last = before;
	t->next = map->child;
	map->child = t;
}

int
kube_clean(const struct kube_resource *r, struct tree *o, struct err *err)
{
	AUTO(free) char *version = NULL;

	if (str_join(&version, err, r->group, *r->group ? "/" : "", r->version,
	        NULL) ||
	    tree_set_text(o, "apiVersion", version, err) ||
	    tree_set_text(o, "kind", r->kind, err))
		return -1;
	clean_metadata(tree_get(o, "metadata"));
	clean_kind(r, o);
	put_first(o, "metadata");
	put_first(o, "kind");
	put_first(o, "apiVersion");
	return 0;
}
