/* kube_tally.h - how many of each name. */
#ifndef COMPONENT_KUBE_TALLY_H
#define COMPONENT_KUBE_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct json;
struct jsonw;

struct kube_tally {
	struct kube_tally_item {
		char *name;
		uint64_t count;
	} * item; /* in order of names */
	size_t count, room;
	uint64_t total;
};

MUST_CHECK int kube_tally_add(struct kube_tally *, const char *name, uint64_t n,
    struct err *);
uint64_t kube_tally_of(const struct kube_tally *, const char *name);
/* An object: {"pods": 3}. */
void kube_tally_write(const struct kube_tally *, const char *name,
    struct jsonw *);
void kube_tally_done(struct kube_tally *);

static inline void
scope_kube_tally(struct kube_tally *t)
{
	kube_tally_done(t);
}

#endif
