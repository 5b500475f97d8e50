/*
 * database.h - what the SQL servers have in common: which unit is read, how a
 * dump is proved and told about, what surrounds a restore.
 */
#ifndef COMPONENT_DATABASE_H
#define COMPONENT_DATABASE_H

#include "component/component.h"
#include "component/database_unit.h"

struct database;
struct dump_ends;

/* What is in one database of a server. */
struct database_shape {
	bool exists;
	uint64_t tables, bytes;
	uint64_t programs; /* triggers and functions */
	struct buf rows;   /* members of a JSON object: table, estimate */
	struct buf odd;    /* tables that no snapshot covers, in words */
	char hidden[200];  /* what the user may not read, and what to do */
	char charset[64], collation[64];
};

struct database_ops {
	const char *kind; /* of the stream: "sql" */
	unsigned port;
	/* Fill in what the server says of itself. */
	int (*ask)(struct database *, struct database_unit *, struct err *);
	/* Wait until a replica has all that `position` has. */
	int (*reach)(struct database *, struct database_unit *,
	    const char *position, unsigned seconds, bool *, struct err *);
	/* The client programs are there and fit the server; their version. */
	int (*tools)(struct database *, const struct database_unit *,
	    struct buf *version, struct err *);
	int (*look)(struct database *, const struct database_unit *,
	    struct database_shape *, struct err *);
	/* A dump, proved to be whole; `to` is not finished. */
	int (*dump)(struct database *, const struct database_unit *,
	    const struct database_shape *, struct sink *to, struct err *);
	/* Give the saver what rows refer to; NULL: no rows are known.  count:
	 * also set on failure; UINT64_MAX: nothing is known of this one. */
	int (*refer)(struct database *, const struct database_unit *,
	    struct saver *, uint64_t *count, struct err *);
	/* May what the facts tell of go into the unit? */
	int (*fits)(struct database *, const struct database_unit *,
	    const struct json *facts, struct err *);
	/* Replace what is in the database. */
	int (*load)(struct database *, const struct database_unit *,
	    const struct database_shape *, struct loader *, struct err *);
	/* The command that puts a dump in a file back. */
	int (*by_hand)(const struct database *, const struct database_unit *,
	    const char *file, struct buf *, struct err *);
	/* Is what has these ends a whole dump of so many tables? */
	int (*prove)(const struct dump_ends *, uint64_t tables, struct err *);
	/* Read a saved dump from end to end, by the database's own tool where
	 * that can be done without a server. */
	int (*scan)(struct database *, struct loader *, struct dump_ends *,
	    struct err *);
	/* Names of databases that begin so, a line each. */
	int (*names)(struct database *, const struct database_unit *,
	    const char *prefix, struct buf *, struct err *);
	int (*drop)(struct database *, const struct database_unit *,
	    const char *name, struct err *);
	void (*done)(struct database *);
	bool atomic; /* a load that fails has changed nothing */
};

struct database { /* first member of each kind */
	struct component base;
	const struct database_ops *ops;
	const struct config_component *whole;
	const struct config_database *cfg; /* of it */
	const char *database;              /* where a restore goes */
	const char *scratch;
	struct database_unit unit[1 + CONFIG_REPLICAS_MAX];
	size_t nunits;
};

/* The component's own operations, for both kinds. */
int database_check(struct component *, bool restore, struct buf *,
    struct err *);
int database_backup(struct component *, struct saver *, struct err *);
int database_restore(struct component *, struct loader *, struct err *);
void database_free(struct component *);

/* What is common to both constructors. */
void database_init(struct database *, const struct config_component *,
    const char *to, const char *scratch);

void database_shape_done(struct database_shape *);

static inline void
scope_database_shape(struct database_shape *s)
{
	database_shape_done(s);
}

#endif
