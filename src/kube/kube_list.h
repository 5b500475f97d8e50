/*
 * kube_list.h - every object of one kind, page by page, one at a time.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
 *
 * The server gives them in the order of "namespace/name".  A page that is cut
 * short is asked for again, and a list that the server has forgotten (410) is
 * begun again; what came before is passed over, so that no object is handed out
 * twice and none is missing that was there all the time.
 */
#ifndef KUBE_KUBE_LIST_H
#define KUBE_KUBE_LIST_H

#include "base/clock.h"
#include "base/tree.h"
#include "kube/kube.h"

struct kube_list {
	const char *path;      /* "/api/v1/namespaces/a/pods" */
	const char *labels;    /* a label selector; NULL: all */
	const char *resource;  /* as kube_call says it */
	const char *namespace; /* NULL: of all, or of the cluster */
	const struct clock *clock;
	/* May change the object, which is the caller's; what it returns other
	 * than 0 ends the list. */
	int (*object)(void *arg, struct tree *object, struct err *);
	void *arg;
};

/* Errors as kube_do, and as object. */
MUST_CHECK int kube_list_run(struct kube *, const struct kube_list *,
    struct err *);

/* One object's text; an object of the API is within these limits. */
MUST_CHECK int kube_list_parse(const char *json, size_t len, struct tree **,
    struct err *);

#endif
