/*
 * relation_minio.h - the interface "object-storage" of the MinIO charm,
 * version v1: one YAML map in the key "data" (serialized-data-interface).
 */
#ifndef JUJU_RELATION_MINIO_H
#define JUJU_RELATION_MINIO_H

#include "juju/relation.h"

struct tree;

/*
 * Name the versions that we speak; by the leader, as soon as there is a
 * relation.  MinIO's charm waits with *all* its work until everybody has.
 */
MUST_CHECK int relation_minio_publish(const char *id, struct err *);

/*
 * *map, which the caller frees, gets endpoint, keys and URI style in the words
 * of the configuration (config/config.h), but no bucket: the relation names
 * none.  No proxy: it is a Service of this cluster.  NULL where gap says what
 * is missing.
 */
MUST_CHECK int relation_minio_read(const char *id, struct relation_gap *gap,
    struct tree **map, struct err *);

/* The same from the text that app has put into "data"; NULL: none. Pure. */
MUST_CHECK int relation_minio_decode(const char *id, const char *app,
    const char *data, struct relation_gap *gap, struct tree **map,
    struct err *);

#endif
