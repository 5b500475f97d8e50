#include "component/sqlite_bag.h"

#include <sqlite3.h>
#include <string.h>

#include "component/private_dir.h"

struct sqlite_bag {
	struct private_dir *dir;
	char *path;
	sqlite3 *conn;
	sqlite3_stmt *add, *next;
};

static int
failed(const struct sqlite_bag *b, struct err *err)
{
	int rc = sqlite3_errcode(b->conn);

	if (rc == SQLITE_NOMEM)
		return err_nomem(err);
	return err_set(err, rc == SQLITE_FULL ? ERR_NOROOM : ERR_IO,
	    "cannot sort in '%s': %s", b->path ? b->path : "memory",
	    sqlite3_errmsg(b->conn));
}

static int
run(const struct sqlite_bag *b, const char *sql, struct err *err)
{
	return sqlite3_exec(b->conn, sql, NULL, NULL, NULL) == SQLITE_OK
	           ? 0
	           : failed(b, err);
}

static int
setup(struct sqlite_bag *b, struct err *err)
{
	if (sqlite3_open_v2(b->path, &b->conn,
	        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return failed(b, err);
	if (run(b, "PRAGMA journal_mode=OFF", err) ||
	    run(b, "PRAGMA synchronous=OFF", err) ||
	    run(b, "PRAGMA cache_size=-2000", err) ||
	    run(b, "PRAGMA temp_store=FILE", err) ||
	    run(b,
	        "CREATE TABLE bag (text BLOB PRIMARY KEY) WITHOUT ROWID; BEGIN",
	        err))
		return -1;
	return sqlite3_prepare_v2(b->conn,
	           "INSERT OR IGNORE INTO bag VALUES (?1)", -1, &b->add,
	           NULL) == SQLITE_OK
	           ? 0
	           : failed(b, err);
}

int
sqlite_bag_new(const char *scratch, struct sqlite_bag **ret, struct err *err)
{
	AUTO(sqlite_bag) struct sqlite_bag *b = calloc(1, sizeof *b);

	if (!b)
		return err_nomem(err);
	if (private_dir_new(scratch, &b->dir, err) ||
	    private_dir_file(b->dir, "bag", &b->path, err) || setup(b, err))
		return -1;
	*ret = TAKE(b);
	return 0;
}

int
sqlite_bag_add(struct sqlite_bag *b, const char *text, struct err *err)
{
	int rc;

	(void)sqlite3_reset(b->add);
	/* only out of memory, or of more than SQLite takes: 10^9 bytes */
	if (sqlite3_bind_blob64(b->add, 1, text, strlen(text), SQLITE_STATIC) !=
	    SQLITE_OK)
		return failed(b, err);
	rc = sqlite3_step(b->add);
	return rc == SQLITE_DONE ? 0 : failed(b, err);
}

int
sqlite_bag_next(struct sqlite_bag *b, const char **text, struct err *err)
{
	/* SQLite ends a text with a NUL, and compares the blob's bytes. */
	static const char sql[] =
	    "SELECT CAST(text AS TEXT) FROM bag ORDER BY text";
	int rc;

	if (!b->next &&
	    sqlite3_prepare_v2(b->conn, sql, -1, &b->next, NULL) != SQLITE_OK)
		return failed(b, err);
	rc = sqlite3_step(b->next);
	*text = NULL;
	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW)
		return failed(b, err);
	*text = (const char *)sqlite3_column_text(b->next, 0);
	return *text ? 0 : err_nomem(err);
}

void
sqlite_bag_free(struct sqlite_bag *b)
{
	if (!b)
		return;
	(void)sqlite3_finalize(b->add);
	(void)sqlite3_finalize(b->next);
	(void)sqlite3_close(b->conn);
	private_dir_free(b->dir);
	free(b->path);
	free(b);
}
