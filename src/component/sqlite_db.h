/*
 * sqlite_db.h - one connection to a SQLite database; the only user of
 * sqlite3.h.  https://sqlite.org/backup.html, wal.html, lockingv3.html.
 *
 * Errors: ERR_TRANSIENT: locked by another process until the wait was over.
 * ERR_CHANGED: cannot be read without changing it, because a crashed process
 * left its journal or WAL behind.  ERR_CORRUPT: no database, or damaged.
 */
#ifndef COMPONENT_SQLITE_DB_H
#define COMPONENT_SQLITE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct jsonw;
struct sink;
struct sqlite_db;

enum sqlite_db_use {
	/* Others write it; nothing is changed, nor made beside it. */
	SQLITE_DB_READ,
	/* Only a look: no locks; journal and WAL are passed over. */
	SQLITE_DB_PEEK,
	/* An empty file of our own, to be filled: neither journal nor fsync. */
	SQLITE_DB_NEW,
	/* A file of our own; what its journal or WAL holds is applied. */
	SQLITE_DB_OWN,
	/* Others may have it open; what is written is durable. */
	SQLITE_DB_LIVE,
};

/* path: absolute, and there.  wait_ms: for each lock that others hold. */
MUST_CHECK int sqlite_db_open(const char *path, enum sqlite_db_use,
    uint64_t wait_ms, struct sqlite_db **, struct err *);
void sqlite_db_free(struct sqlite_db *);
/* From another thread: what it is doing at this moment fails. */
void sqlite_db_interrupt(struct sqlite_db *);

/*
 * Hold the database as it is now.  With a rollback journal nobody can write
 * until read_end, with a WAL everybody can.
 */
MUST_CHECK int sqlite_db_read_begin(struct sqlite_db *, struct err *);
MUST_CHECK int sqlite_db_read_end(struct sqlite_db *, struct err *);

/* All of from over all of to, in one step and one transaction of to. */
MUST_CHECK int sqlite_db_copy(struct sqlite_db *from, struct sqlite_db *to,
    struct err *);

/*
 * The same pages at half the cost, for a database without a WAL whose
 * read has begun: what is in its file is all of it, and stays.  SQLite reads
 * it, for whoever opens and closes a file loses the process's locks on it.
 * ERR_CORRUPT: whole pages are missing at its end.
 */
MUST_CHECK int sqlite_db_send(struct sqlite_db *, struct sink *to,
    struct err *);
MUST_CHECK int sqlite_db_has_wal(struct sqlite_db *, bool *, struct err *);
/* All that a WAL holds goes into a file of our own: none of it is left. */
MUST_CHECK int sqlite_db_checkpoint(struct sqlite_db *, struct err *);

/* PRAGMA quick_check: ERR_CORRUPT has the first things that it says. */
MUST_CHECK int sqlite_db_check(struct sqlite_db *, struct err *);
/* PRAGMA integrity_check: indexes agree with their tables as well.  *all
 * false: not asked, as only the application knows their order. */
MUST_CHECK int sqlite_db_check_all(struct sqlite_db *, bool *all, struct err *);

struct sqlite_db_facts {
	uint32_t page_size;
	uint64_t pages, tables;
	bool wal;
	bool is_mlmd; /* ML Metadata's: */
	uint64_t mlmd_schema;
};

MUST_CHECK int sqlite_db_facts(struct sqlite_db *, struct sqlite_db_facts *,
    struct err *);
/* Add "table": rows to the open object, by name; no virtual tables. */
MUST_CHECK int sqlite_db_rows(struct sqlite_db *, struct jsonw *, struct err *);

/* ML Metadata's references to artifacts: each is handed to fn once or more. */
typedef int sqlite_db_text_fn(void *arg, const char *text, struct err *);
MUST_CHECK int sqlite_db_mlmd_uris(struct sqlite_db *, sqlite_db_text_fn *,
    void *arg, struct err *);

/* Leave WAL mode: a file of our own only. */
MUST_CHECK int sqlite_db_leave_wal(struct sqlite_db *, struct err *);
/* Write it anew to the empty file at path with pages of another size. */
MUST_CHECK int sqlite_db_resize(struct sqlite_db *, uint32_t page_size,
    const char *path, struct err *);

const char *sqlite_db_version(void);

static inline void
scope_sqlite_db(struct sqlite_db **db)
{
	sqlite_db_free(*db);
}

#endif
