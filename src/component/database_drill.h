/*
 * database_drill.h - prove a dump: that it is whole, and, where a scratch
 * server is configured, that it loads there, into a database that is made for
 * the drill and dropped after it.
 */
#ifndef COMPONENT_DATABASE_DRILL_H
#define COMPONENT_DATABASE_DRILL_H

#include "component/database.h"
#include "component/dump_ends.h"

/* What databases of drills are called: this, seconds since 1970, '_', eight
 * hex digits. */
#define DATABASE_DRILL_PREFIX "pb_drill_"

/* The component's own operation, for both kinds. */
int database_drill(struct component *, struct loader *, struct buf *proof,
    struct err *);

/* For database_ops.scan: the dump goes to `to`, which is finished if all of it
 * was right; its ends are kept. */
MUST_CHECK int database_drill_read(struct loader *, const char *kind,
    struct dump_ends *, struct sink *to, struct err *);

/* False: no drill's, or not older than a day: another may be running. */
bool database_drill_is_left(const char *name, int64_t now);

#endif
