/*
 * relation_velero.h - interface velero_backup_config: another charm says which
 * objects of the cluster belong to it, as it does to Charmed Velero.
 * https://charmhub.io/integrations/velero_backup_config
 */
#ifndef JUJU_RELATION_VELERO_H
#define JUJU_RELATION_VELERO_H

#include "juju/relation.h"

struct tree;

/* Both NULL: nothing is asked for, as where there is no user yet. */
struct relation_velero {
	/* Of type kubernetes, as in a configuration file, called
	 * "<app>-<relation of the other side>".  ttl and schedule are left to
	 * this charm's options. */
	struct tree *component;
	/* {app, endpoint, model}, as the other side is named to Velero's
	 * action; model only where it says one.  Also of a spec that cannot be
	 * read. */
	struct tree *target;
};

/* ERR_USAGE: the spec is wrong, and component NULL. */
MUST_CHECK int relation_velero_read(const char *id, struct relation_velero *,
    struct err *);
/* The same of a bag; pure. */
MUST_CHECK int relation_velero_decode(const char *id, const struct json *bag,
    struct relation_velero *, struct err *);
void relation_velero_done(struct relation_velero *);

/*
 * Charmed Velero's "app:endpoint" in a model: the name of the component.
 * targets: a list of the above, each with `component`, its name, or `problem`,
 * why there is none.  ERR_USAGE: there is no such; the message says which are.
 */
MUST_CHECK int relation_velero_find(const struct tree *targets,
    const char *target, const char *model, const char **component,
    struct err *);

static inline void
scope_relation_velero(struct relation_velero *v)
{
	relation_velero_done(v);
}

#endif
