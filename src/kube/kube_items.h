/*
 * kube_items.h - the answer to a LIST, cut into its items while it arrives:
 * however long it is, one item is in memory.
 *
 * {"kind": …, "metadata": {"continue": …}, "items": [{…}, {…}]}, the members in
 * any order.
 */
#ifndef KUBE_KUBE_ITEMS_H
#define KUBE_KUBE_ITEMS_H

#include "base/buf.h"
#include "stream/sink.h"

/* The API server takes 3 MiB; in JSON a byte may become six. */
enum { KUBE_ITEM_MAX = 20 << 20, KUBE_ITEMS_METADATA_MAX = 64 << 10 };

struct kube_items {
	/* The text of one item; what it returns other than 0 ends it all. */
	int (*item)(void *arg, const char *json, size_t len, struct err *);
	void *arg;
	struct buf *metadata; /* the list's own goes here; its max is set */
};

/* finish fails with ERR_TRANSIENT where the list has no end; ERR_CORRUPT: it is
 * no list, or one of its items is too long. */
MUST_CHECK int kube_items_new(const struct kube_items *, struct sink **,
    struct err *);

#endif
