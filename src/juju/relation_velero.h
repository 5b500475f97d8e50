/*
 * relation_velero.h - interface velero_backup_config: another charm says which
 * objects of the cluster belong to it, as it does to Charmed Velero.
 * https://charmhub.io/integrations/velero_backup_config
 */
#ifndef JUJU_RELATION_VELERO_H
#define JUJU_RELATION_VELERO_H

#include "juju/relation.h"

struct tree;

/*
 * *map: a component of type kubernetes, as in a configuration file, called
 * "<app>-<relation of the other side>"; NULL: nothing is asked for, as where
 * there is no user yet.  ttl and schedule are left to this charm's options.
 */
MUST_CHECK int relation_velero_read(const char *id, struct tree **map,
    struct err *);
/* The same of a bag; pure. */
MUST_CHECK int relation_velero_decode(const char *id, const struct json *bag,
    struct tree **map, struct err *);

#endif
