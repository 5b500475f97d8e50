/*
 * pg_client.h - PostgreSQL's client programs: how they connect, and what their
 * errors mean.
 */
#ifndef COMPONENT_PG_CLIENT_H
#define COMPONENT_PG_CLIENT_H

#include "base/proc.h"
#include "component/client.h"
#include "component/database_unit.h"

/* One run of one of them: what its process is made of. */
struct pg_run {
	struct client_env env;
	struct buf passwords, target, errors;
	char *text[3]; /* assignments */
	const char *argv[24];
	struct proc_file files[2];
	struct proc proc;
};

/* args: behind the program's name, ends with NULL; "-d" and the target are
 * appended where a database is given. */
MUST_CHECK int pg_client_run_init(struct pg_run *,
    const struct config_database *, const struct database_unit *,
    const char *program, const char *const *args, const char *database,
    struct err *);
void pg_client_run_done(struct pg_run *);

/* dbname='...' */
MUST_CHECK int pg_client_name(const char *database, struct buf *, struct err *);
/* The same and what notices a server that is gone. */
MUST_CHECK int pg_client_target(const char *database, struct buf *,
    struct err *);
/* A password file for any server (libpq, "The Password File"). */
MUST_CHECK int pg_client_passwords(const char *password, struct buf *,
    struct err *);

/* Run SQL; a row a line, fields cut by tabs. */
MUST_CHECK int pg_client_query(const struct config_database *,
    const struct database_unit *, const char *database, const char *sql,
    struct buf *rows, struct err *);

/* What the program's error means and what can be done; returns -1. */
int pg_client_explain(const struct proc *, const struct buf *errors,
    struct err *);

static inline void
scope_pg_run(struct pg_run *r)
{
	pg_client_run_done(r);
}

#endif
