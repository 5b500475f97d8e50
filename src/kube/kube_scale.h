/*
 * kube_scale.h - stop what runs in a cluster, and start it again: Deployments
 * and StatefulSets, by their number of replicas.
 *
 * One PATCH sets the number to 0 and writes the former one into an annotation
 * of the same object; another puts it back and takes the annotation away. So
 * whoever finds the annotation knows what is to be put back, whatever became
 * of the process that wrote it.
 */
#ifndef KUBE_KUBE_SCALE_H
#define KUBE_KUBE_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct kube;

/* holds the number of replicas that are to be put back */
#define KUBE_SCALE_NOTE "platform-backup/paused-replicas"

/* { .namespace, .name } first; the rest is set by kube_scale_look. */
struct kube_scale {
	const char *namespace, *name; /* borrowed */
	const char *resource;         /* "deployments", "statefulsets" */
	uint64_t replicas;            /* that are wanted now */
	bool paused;                  /* the annotation is there, and says: */
	uint64_t before;              /* replicas */
	char *version;                /* of the object that was looked at */
	char *selector;               /* of its pods */
};

/* As it is now.  ERR_NOTFOUND: there is no workload of that name.
 * ERR_CORRUPT: its annotation holds no number. */
MUST_CHECK int kube_scale_look(struct kube *, struct kube_scale *,
    struct err *);
/* To 0, with what it is now in the annotation, or what it was where it is
 * paused already.  ERR_CHANGED: it is another than when it was looked at. */
MUST_CHECK int kube_scale_pause(struct kube *, const struct kube_scale *,
    struct err *);
/* Back to what the annotation says, unless somebody did that already; the
 * annotation goes.  ERR_CHANGED as above. */
MUST_CHECK int kube_scale_resume(struct kube *, const struct kube_scale *,
    struct err *);
/* What kube_scale_resume puts back. */
uint64_t kube_scale_wanted(const struct kube_scale *);
/* Is none of its pods left? */
MUST_CHECK int kube_scale_ended(struct kube *, const struct kube_scale *,
    bool *ret, struct err *);
void kube_scale_done(struct kube_scale *);

static inline void
scope_kube_scale(struct kube_scale *s)
{
	kube_scale_done(s);
}

#endif
