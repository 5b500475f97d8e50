/*
 * database_unit.h - the servers of one database, what each said of itself, and
 * which of them is read or written.  Pure.
 *
 * Labels, names and the order in the configuration prove nothing: roles come
 * from the servers alone.
 */
#ifndef COMPONENT_DATABASE_UNIT_H
#define COMPONENT_DATABASE_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"

struct jsonw;

enum database_role { DATABASE_UNKNOWN, DATABASE_PRIMARY, DATABASE_REPLICA };

enum {
	DATABASE_LAG_UNKNOWN = -1, /* nothing to compare with */
	DATABASE_LAG_HIDDEN = -2   /* behind, by how much it may not say */
};

struct database_unit {
	const char *address; /* as it was written */
	char host[256];
	unsigned port;
	bool answered, healthy;
	enum database_role role;
	char server[192]; /* of two addresses of one server it is the same */
	char version[96];
	bool mariadb;
	char *position; /* GTID set or LSN; NULL: it has none */
	int64_t lag_s;
	char trouble[400]; /* why it did not answer, or is not healthy */
};

/* host, host:port, [v6]:port; a dot at the end of the host is dropped. */
MUST_CHECK int database_unit_parse(const char *address, unsigned port,
    struct database_unit *, struct err *);
void database_unit_done(struct database_unit *);

/* "replica, 3 s behind", "does not answer: ..."; out holds 512. */
void database_unit_said(const struct database_unit *, char out[512]);
const char *database_unit_role(enum database_role);

/* All of them as an array of the manifest's facts. */
void database_unit_json(const struct database_unit *, size_t n,
    struct jsonw *w);

/*
 * The unit to read: the healthy replica that is least behind, max_lag_s at
 * most; the primary by the policy.  ERR_NOTFOUND says what each answered and
 * what to do.
 */
MUST_CHECK int database_unit_choose(const struct database_unit *, size_t n,
    const struct config_database *, size_t *ret, struct err *);

/* The one unit that takes writes.  ERR_NOTFOUND: none; ERR_CHANGED: two. */
MUST_CHECK int database_unit_primary(const struct database_unit *, size_t n,
    size_t *ret, struct err *);

#endif
