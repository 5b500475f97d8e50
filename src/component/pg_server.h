/*
 * pg_server.h - what a PostgreSQL server says of itself and of what is in a
 * database.
 */
#ifndef COMPONENT_PG_SERVER_H
#define COMPONENT_PG_SERVER_H

#include "component/database.h"
#include "component/pg_client.h"

MUST_CHECK int pg_server_ask(const struct config_database *,
    struct database_unit *, struct err *);
MUST_CHECK int pg_server_reach(const struct config_database *,
    const struct database_unit *, const char *position, unsigned seconds,
    bool *, struct err *);
MUST_CHECK int pg_server_look(const struct config_database *,
    const struct database_unit *, const char *database, struct database_shape *,
    struct err *);
/* An empty one; encoding NULL: the server's. */
MUST_CHECK int pg_server_make(const struct config_database *,
    const struct database_unit *, const char *database, const char *encoding,
    struct err *);

/* Names of databases that begin so (letters, digits, '_'), a line each. */
MUST_CHECK int pg_server_names(const struct config_database *,
    const struct database_unit *, const char *prefix, struct buf *,
    struct err *);
MUST_CHECK int pg_server_drop(const struct config_database *,
    const struct database_unit *, const char *database, struct err *);

/* From the line that was answered; pure.  The line is changed. */
MUST_CHECK int pg_server_read_answer(char *line, struct database_unit *,
    struct err *);

MUST_CHECK int pg_server_read_shape(char *line, const struct database_unit *,
    struct database_shape *, struct err *);

/* SQL around a dump: one transaction that empties the database, and gives
 * back owners and grants in the end. */
extern const char pg_server_before[], pg_server_after[];

#endif
