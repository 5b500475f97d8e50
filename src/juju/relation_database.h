/*
 * relation_database.h - the interfaces "mysql_client" and "postgresql_client"
 * of Canonical's database charms (library data_interfaces, flat layout).
 *
 * We are the requirer.  A provider that sees database makes it, which does
 * nothing where it is there, and an account that may read and write it.  What
 * we name in requested-secrets comes in Juju secrets, all else in its bag.
 */
#ifndef JUJU_RELATION_DATABASE_H
#define JUJU_RELATION_DATABASE_H

#include "juju/relation.h"

struct json;
struct tree;

struct relation_database {
	const char *id;       /* mysql:3 */
	const char *type;     /* of the component: mysql, postgresql */
	const char *app;      /* the other side */
	const char *database; /* relation_database_name */
};

/*
 * The database of the application: from the map app: database, or the name
 * that it is known to have.  NULL: neither.
 */
const char *relation_database_name(const struct tree *names, const char *app);

/* By the leader, in any hook, as often as one likes. */
MUST_CHECK int relation_database_publish(const struct relation_database *,
    struct err *);

/*
 * *map, which the caller frees, gets the fields of a component in the words of
 * the configuration (config/config.h), but no name; NULL where gap says what is
 * missing.
 */
MUST_CHECK int relation_database_read(const struct relation_database *,
    struct relation_gap *gap, struct tree **map, struct err *);

/* The same from what was read: bags, and secrets or NULL.  Pure. */
struct relation_database_data {
	const struct json *bag, *user, *tls;
	struct json *const *unit;
	size_t nunits;
};
MUST_CHECK int relation_database_decode(const struct relation_database *,
    const struct relation_database_data *, struct relation_gap *gap,
    struct tree **map, struct err *);

#endif
