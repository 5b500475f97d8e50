/*
 * mysql_client.h - the client programs of MariaDB and of MySQL: which are
 * here, their option file, their command lines, their errors.
 */
#ifndef COMPONENT_MYSQL_CLIENT_H
#define COMPONENT_MYSQL_CLIENT_H

#include <stdbool.h>

#include "base/proc.h"
#include "component/client.h"
#include "component/database_unit.h"

/* Whose program it is.  Both have the old names: only --version tells. */
enum mysql_vendor { MYSQL_MARIADB, MYSQL_ORACLE };

struct mysql_tools { /* by vendor; NULL: not installed */
	const char *query[2], *dump[2];
	char version[2][96]; /* of dump */
	bool found;
};

MUST_CHECK int mysql_client_find(struct mysql_tools *, struct err *);

/* The one that fits the server, else the other.  ERR_IO: neither. */
MUST_CHECK int mysql_client_fit(const char *const program[2], bool mariadb,
    const char *package, enum mysql_vendor *, struct err *);

/* One run of one of them: what its process is made of. */
struct mysql_run {
	struct client_env env;
	struct buf options, errors;
	const char *argv[32];
	struct proc_file files[2];
	struct proc proc;
};

MUST_CHECK int mysql_client_run_init(struct mysql_run *,
    const struct config_database *, const struct database_unit *,
    enum mysql_vendor, struct err *);
void mysql_client_run_done(struct mysql_run *);

/* The option file: everything that must not be seen, and how to connect. */
MUST_CHECK int mysql_client_options(const struct config_database *,
    const struct database_unit *, enum mysql_vendor, struct buf *,
    struct err *);

/* Command lines; argv holds 32. */
void mysql_client_query_argv(const char *program, const char **argv);
/* The same for any number of rows: none is kept. */
void mysql_client_stream_argv(const char *program, const char **argv);
void mysql_client_dump_argv(const char *program, enum mysql_vendor,
    const char *database, const char **argv);
/* database_option: "--database=..." */
void mysql_client_load_argv(const char *program, const char *database_option,
    const char **argv);

/* Run SQL; rows as the batch mode writes them.  Tries both vendors' programs
 * where the first does not know how to authenticate. */
MUST_CHECK int mysql_client_query(const struct mysql_tools *,
    const struct config_database *, const struct database_unit *,
    const char *sql, struct buf *rows, struct err *);

/* The next row, cut into its fields, which are unescaped in place; false at
 * the end.  Fields that are missing are "". */
bool mysql_client_row(char **cursor, char *field[], size_t n);
/* What stands for the character behind a backslash. */
char mysql_client_unescaped(char c);

/* What the program's error means and what can be done; returns -1. */
int mysql_client_explain(const struct proc *, const struct buf *errors,
    struct err *);
/* The number of the error in its words; 0: none. */
unsigned mysql_client_code(const char *text);

static inline void
scope_mysql_run(struct mysql_run *r)
{
	mysql_client_run_done(r);
}

#endif
