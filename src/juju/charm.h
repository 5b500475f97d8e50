/*
 * charm.h - everything that Juju tells this unit, as one configuration, and
 * what the charm owes the applications it is related to.
 */
#ifndef JUJU_CHARM_H
#define JUJU_CHARM_H

#include <stdbool.h>

#include "juju/env.h"
#include "juju/relation.h"

struct json;
struct tree;

/*
 * What Juju said, and says again for as long as a hook or an action runs: the
 * options, and the relations of each endpoint.  { 0 }: nothing was asked yet.
 */
enum { CHARM_ENDPOINTS = 6 };
struct charm_asked {
	struct json *options;
	struct {
		const char *endpoint; /* borrowed */
		struct json *ids;
	} relations[CHARM_ENDPOINTS];
};

void charm_asked_done(struct charm_asked *);

static inline void
scope_charm_asked(struct charm_asked *a)
{
	charm_asked_done(a);
}

struct charm {
	/* For config_decode; NULL while the repository is not known. */
	struct tree *config;
	/* For relation_velero_find: what a backup of one spec may be called. */
	struct tree *targets;
	struct relation_gap repository; /* why nothing can be done yet */
	struct relation_gap components; /* why a backup would lack something */
};

/*
 * Write what a requirer has to write, to every relation.  Does nothing unless
 * the unit is the leader; may be called in every hook.
 */
MUST_CHECK int charm_publish(const struct env *, struct charm_asked *,
    struct err *);

/*
 * Read options, relations and storage; no network but Juju's own.  ERR_USAGE:
 * an option or another charm's data is wrong; the message names it.  What is
 * merely not there yet is no error, but a gap.
 */
MUST_CHECK int charm_read(const struct env *, struct charm_asked *,
    struct charm *, struct err *);
void charm_done(struct charm *);

static inline void
scope_charm(struct charm *c)
{
	charm_done(c);
}

#endif
