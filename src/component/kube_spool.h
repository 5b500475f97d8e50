/*
 * kube_spool.h - the objects of a saved tar in a private file without a name,
 * in the order in which they are put back.
 */
#ifndef COMPONENT_KUBE_SPOOL_H
#define COMPONENT_KUBE_SPOOL_H

#include "component/component.h"
#include "component/kube_file.h"

enum kube_state {
	KUBE_WAITS,
	KUBE_MADE,
	KUBE_UPDATED,
	KUBE_UNCHANGED,
	KUBE_LEFT_OUT,
	KUBE_FAILED,
	KUBE_STATES
};

struct kube_item {
	struct kube_file file;
	uint64_t at;
	size_t size;
	unsigned rank;
	enum kube_state state; /* before this pass: what others may look at */
	enum kube_state now;   /* what the pass made of it */
	bool behind_owner;     /* it waits for one of the set */
	bool unserved;         /* it waits for its kind */
	char *moved;           /* it goes in another version than saved: why */
	unsigned tries;        /* after which it was refused */
	char *why;             /* it waits, failed, or is left out */
};

struct kube_spool {
	int fd;
	uint64_t bytes;
	struct kube_item *item;
	size_t count, room;
};

/*
 * fd -1 first; done also after a failure.  All of the tar was verified, and
 * every name in it is one of an object.  Order: definitions, namespaces and
 * profiles, accounts, secrets, config maps, volumes, claims, limits, roles, the
 * rest, workloads, and last what stands in the way of others: webhooks, APIs.
 */
MUST_CHECK int kube_spool_fill(struct kube_spool *, struct loader *,
    struct err *);
MUST_CHECK int kube_spool_read(const struct kube_spool *,
    const struct kube_item *, struct tree **, struct err *);
/* NULL: not in the set. */
struct kube_item *kube_spool_find(const struct kube_spool *,
    const char *namespace, const char *resource, const char *name);
/* Does it stand in the way of others? */
bool kube_spool_guards(const struct kube_item *);
void kube_spool_done(struct kube_spool *);

static inline void
scope_kube_spool(struct kube_spool *s)
{
	kube_spool_done(s);
}

#endif
