/*
 * mysql_server.h - what a MySQL or MariaDB server says of itself and of what
 * is in a database, with no more rights than those on that database.
 */
#ifndef COMPONENT_MYSQL_SERVER_H
#define COMPONENT_MYSQL_SERVER_H

#include "component/database.h"
#include "component/mysql_client.h"

MUST_CHECK int mysql_server_ask(const struct mysql_tools *,
    const struct config_database *, struct database_unit *, struct err *);

/* Both servers can wait for a position by themselves. */
MUST_CHECK int mysql_server_reach(const struct mysql_tools *,
    const struct config_database *, const struct database_unit *,
    const char *position, unsigned seconds, bool *, struct err *);

/* drops: statements that empty the database. */
MUST_CHECK int mysql_server_look(const struct mysql_tools *,
    const struct config_database *, const struct database_unit *,
    const char *database, struct database_shape *, struct buf *drops,
    struct err *);

/* `name`, with what is inside doubled. */
MUST_CHECK int mysql_server_quote(struct buf *, const char *name, struct err *);

/* For each of them, from what was answered; pure.  text is changed. */
MUST_CHECK int mysql_server_read_look(char *text, struct database_shape *,
    struct buf *drops, struct err *);
void mysql_server_read_status(char *text, struct database_unit *);
/* Nothing but what a GTID set is made of. */
bool mysql_server_is_gtid(const char *);

#endif
