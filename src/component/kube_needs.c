#include "component/kube_needs.h"

#include <string.h>

enum { NAME_MAX_LEN = 253, TOKEN_END = 5 /* letters */ };

struct walk {
	kube_need *visit;
	void *arg;
};

/* From an element of the list called so, by way of maps, to a name. */
static const struct reference {
	const char *list, *by, *then, *name, *resource;
} references[] = {
	{ "imagePullSecrets", NULL, NULL, "name", "secrets" },
	{ "volumes", "secret", NULL, "secretName", "secrets" },
	{ "volumes", "configMap", NULL, "name", "configmaps" },
	{ "volumes", "persistentVolumeClaim", NULL, "claimName",
	    "persistentvolumeclaims" },
	{ "sources", "secret", NULL, "name", "secrets" },
	{ "sources", "configMap", NULL, "name", "configmaps" },
	{ "env", "valueFrom", "secretKeyRef", "name", "secrets" },
	{ "env", "valueFrom", "configMapKeyRef", "name", "configmaps" },
	{ "envFrom", "secretRef", NULL, "name", "secrets" },
	{ "envFrom", "configMapRef", NULL, "name", "configmaps" },
};

/* Controllers of a cluster, of Istio and of OpenShift make these in each
 * namespace. */
static const struct {
	const char *resource, *name;
} made[] = {
	{ "serviceaccounts", "default" },
	{ "configmaps", "kube-root-ca.crt" },
	{ "configmaps", "istio-ca-root-cert" },
	{ "configmaps", "openshift-service-ca.crt" },
};

/* "default-token-x7k2p" was made for an account, until Kubernetes 1.24. */
static bool
is_token(const char *name)
{
	size_t n = strlen(name), end = strlen("-token-") + TOKEN_END;

	return n > end &&
	       strncmp(name + n - end, "-token-", strlen("-token-")) == 0;
}

static bool
is_made(const char *resource, const char *name)
{
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		if (strcmp(made[i].resource, resource) == 0 &&
		    strcmp(made[i].name, name) == 0)
			return true;
	return strcmp(resource, "secrets") == 0 && is_token(name);
}

static bool
is_name(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= NAME_MAX_LEN &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n;
}

static int
need(const struct walk *w, const char *resource, const char *name,
    struct err *err)
{
	if (!name || !is_name(name) || is_made(resource, name))
		return 0;
	return w->visit(w->arg, resource, name, err);
}

static int
need_each(const struct walk *w, const struct reference *r,
    const struct tree *list, struct err *err)
{
	for (const struct tree *t = list->child; t; t = t->next) {
		const struct tree *at =
		    r->by ? tree_in(t, r->by, r->then, NULL) : t;
		const char *optional = tree_text(at, "optional");

		if (optional && strcmp(optional, "true") == 0)
			continue;
		if (need(w, r->resource, tree_text(at, r->name), err))
			return -1;
	}
	return 0;
}

static int
walk_list(const struct walk *w, const struct tree *list, struct err *err)
{
	size_t n = sizeof references / sizeof *references;

	for (size_t i = 0; list->name && i < n; i++)
		if (strcmp(references[i].list, list->name) == 0 &&
		    need_each(w, &references[i], list, err))
			return -1;
	return 0;
}

/* As deep as yaml.h lets a file be. */
static int
walk(const struct walk *w, const struct tree *t, struct err *err)
{
	if (t->kind == TREE_LIST && walk_list(w, t, err))
		return -1;
	if (t->kind == TREE_MAP &&
	    need(w, "serviceaccounts", tree_text(t, "serviceAccountName"), err))
		return -1;
	for (const struct tree *c = t->child; c; c = c->next)
		if (walk(w, c, err))
			return -1;
	return 0;
}

int
kube_needs(const struct tree *object, kube_need *visit, void *arg,
    struct err *err)
{
	const struct walk w = { visit, arg };

	return walk(&w, object, err);
}
