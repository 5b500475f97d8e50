#include "component/sqlite_db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "stream/sink.h"

enum { COMPLAINTS = 3, SQL_MAX = 4096, URI_MAX = 16384 };

/* https://sqlite.org/fileformat.html#the_lock_byte_page; a piece begins there,
 * and a page is smaller than one. */
enum { LOCK_BYTES = 1 << 30, PIECE = 1 << 20 };

struct sqlite_db {
	sqlite3 *conn;
	char *path;
	bool reads; /* it is open, and for reading only */
	uint64_t wait_ms;
	int64_t until; /* of the wait that is going on */
	unsigned waits;
	bool foreign; /* it has collations that only the application knows */
};

static inline void
scope_stmt(sqlite3_stmt **s)
{
	(void)sqlite3_finalize(*s);
}

/* --- errors */

static enum err_code
code_of_sys(int sys)
{
	switch (sys) {
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_DENIED;
	case ENOENT:
		return ERR_NOTFOUND;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NOROOM;
	default:
		return ERR_IO;
	}
}

static enum err_code
code_of(const struct sqlite_db *db, int rc)
{
	switch (rc) {
	case SQLITE_READONLY_ROLLBACK:
	case SQLITE_READONLY_RECOVERY:
	case SQLITE_READONLY_CANTINIT:
	case SQLITE_READONLY_CANTLOCK:
		return ERR_CHANGED;
	case SQLITE_IOERR_SHORT_READ:
		return ERR_CORRUPT;
	case SQLITE_IOERR_NOMEM:
		return ERR_NOMEM;
	}
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_FULL:
		return ERR_NOROOM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return ERR_TRANSIENT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY:
		return ERR_DENIED;
	case SQLITE_CANTOPEN:
		/* Its -wal or -shm: they come and go with who uses it. */
		if (db->reads)
			return ERR_CHANGED;
		break;
	default:
		break;
	}
	return code_of_sys(db->conn ? sqlite3_system_errno(db->conn) : 0);
}

static int
locked(const struct sqlite_db *db, struct err *err)
{
	return err_set(err, ERR_TRANSIENT,
	    "database '%s' was locked for %llu s by another process; stop "
	    "what uses it or raise busy-timeout, then try again",
	    db->path, (unsigned long long)(db->wait_ms / 1000));
}

/* With the system's own words behind "disk I/O error". */
static int
in_words(const struct sqlite_db *db, int rc, enum err_code code,
    const char *what, struct err *err)
{
	int sys = db->conn && (rc & 0xff) == SQLITE_IOERR
	              ? sqlite3_system_errno(db->conn)
	              : 0;
	const char *words = db->conn && sqlite3_extended_errcode(db->conn) == rc
	                        ? sqlite3_errmsg(db->conn)
	                        : sqlite3_errstr(rc);

	errno = sys;
	if (sys)
		(void)err_sys(err, "cannot %s database '%s': %s", what,
		    db->path, words);
	else
		(void)err_set(err, code, "cannot %s database '%s': %s", what,
		    db->path, words);
	err->code = code;
	return -1;
}

/* What SQLite said last on this connection, as rc. */
static int
fail(const struct sqlite_db *db, int rc, const char *what, struct err *err)
{
	enum err_code code = code_of(db, rc);

	if (code == ERR_NOMEM)
		return err_nomem(err);
	if (code == ERR_TRANSIENT)
		return locked(db, err);
	if (code == ERR_NOROOM)
		return err_set(err, code,
		    "cannot %s database '%s': the disk is full", what,
		    db->path);
	return in_words(db, rc, code, what, err);
}

/* --- waiting for locks */

static void
wait_start(struct sqlite_db *db)
{
	db->until = clock_mono_ms(clock_real()) + (int64_t)db->wait_ms;
	db->waits = 0;
}

/*
 * SQLite asks after each refusal.  The gaps that a busy writer leaves are
 * short: look often, at uneven moments.
 */
static int
on_busy(void *cookie, int times)
{
	struct sqlite_db *db = cookie;

	(void)times;
	if (clock_mono_ms(clock_real()) >= db->until)
		return 0;
	clock_sleep_ms(clock_real(), 1 + db->waits++ % 4);
	return 1;
}

/* Some refusals never reach on_busy, a WAL under recovery for one. */
static bool
again(struct sqlite_db *db, int rc)
{
	int low = rc & 0xff;

	/* SQLITE_PROTOCOL: a reader of a WAL lost too many races */
	return (low == SQLITE_BUSY || low == SQLITE_LOCKED ||
	           low == SQLITE_PROTOCOL) &&
	       on_busy(db, 0);
}

/* --- statements */

static int
prepare(struct sqlite_db *db, const char *sql, sqlite3_stmt **ret,
    struct err *err)
{
	int rc;

	wait_start(db);
	do
		rc = sqlite3_prepare_v2(db->conn, sql, -1, ret, NULL);
	while (again(db, rc));
	return rc ? fail(db, rc, "read", err) : 0;
}

/* *row: there is one. */
static int
step(struct sqlite_db *db, sqlite3_stmt *s, bool *row, struct err *err)
{
	int rc;

	wait_start(db);
	while (again(db, rc = sqlite3_step(s)))
		(void)sqlite3_reset(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return fail(db, rc, "read", err);
	*row = rc == SQLITE_ROW;
	return 0;
}

static int
run(struct sqlite_db *db, const char *sql, struct err *err)
{
	AUTO(stmt) sqlite3_stmt *s = NULL;
	bool row;

	if (prepare(db, sql, &s, err))
		return -1;
	return step(db, s, &row, err);
}

/* The first column of the first row; none: 0. */
static int
number(struct sqlite_db *db, const char *sql, uint64_t *ret, struct err *err)
{
	AUTO(stmt) sqlite3_stmt *s = NULL;
	bool row;

	if (prepare(db, sql, &s, err) || step(db, s, &row, err))
		return -1;
	*ret = row ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
	return 0;
}

/* --- open */

static int
uri_of(const char *path, enum sqlite_db_use use, struct buf *b, struct err *err)
{
	/* readonly_shm: SQLite would make a -shm even for a reader. */
	const char *how = use == SQLITE_DB_READ   ? "?readonly_shm=1"
	                  : use == SQLITE_DB_PEEK ? "?immutable=1"
	                                          : "";

	if (buf_puts(b, "file://", err) || str_percent(b, path, "/", err))
		return -1;
	return buf_puts(b, how, err);
}

/*
 * Two processes that checkpoint a WAL at one moment may damage it (SQLite
 * before 3.51.3), so another's WAL is never checkpointed while it is open.
 */
static int
set_up(struct sqlite_db *db, enum sqlite_db_use use, struct err *err)
{
	switch (use) {
	case SQLITE_DB_OWN:
		return 0;
	case SQLITE_DB_READ:
	case SQLITE_DB_PEEK:
		(void)sqlite3_db_config(db->conn,
		    SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		return 0;
	case SQLITE_DB_NEW:
		if (run(db, "PRAGMA journal_mode=OFF", err))
			return -1;
		return run(db, "PRAGMA synchronous=OFF", err);
	case SQLITE_DB_LIVE:
		(void)sqlite3_wal_autocheckpoint(db->conn, 0);
		return run(db, "PRAGMA synchronous=EXTRA", err);
	}
	return 0; /* for the compiler: each use is above */
}

static int
connect(struct sqlite_db *db, const char *uri, enum sqlite_db_use use,
    struct err *err)
{
	bool reads = use == SQLITE_DB_READ || use == SQLITE_DB_PEEK;
	int rc = sqlite3_open_v2(uri, &db->conn,
	    SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE |
	        (reads ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE),
	    NULL);

	if (rc)
		return fail(db, rc, "open", err);
	db->reads = reads;
	(void)sqlite3_busy_handler(db->conn, on_busy, db);
	return set_up(db, use, err);
}

int
sqlite_db_open(const char *path, enum sqlite_db_use use, uint64_t wait_ms,
    struct sqlite_db **ret, struct err *err)
{
	AUTO(buf) struct buf uri = { .max = URI_MAX };
	AUTO(sqlite_db) struct sqlite_db *db = calloc(1, sizeof *db);

	if (!db)
		return err_nomem(err);
	db->wait_ms = wait_ms;
	if (str_dup(path, &db->path, err) || uri_of(path, use, &uri, err) ||
	    connect(db, uri.data, use, err))
		return -1;
	*ret = TAKE(db);
	return 0;
}

void
sqlite_db_free(struct sqlite_db *db)
{
	if (!db)
		return;
	(void)sqlite3_close_v2(db->conn);
	free(db->path);
	free(db);
}

void
sqlite_db_interrupt(struct sqlite_db *db)
{
	sqlite3_interrupt(db->conn);
}

/* --- copy */

int
sqlite_db_read_begin(struct sqlite_db *db, struct err *err)
{
	uint64_t ignored;

	/* BEGIN alone takes no lock. */
	if (run(db, "BEGIN", err))
		return -1;
	if (number(db, "PRAGMA schema_version", &ignored, err) == 0)
		return 0;
	(void)sqlite3_exec(db->conn, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}

int
sqlite_db_read_end(struct sqlite_db *db, struct err *err)
{
	return run(db, "COMMIT", err);
}

int
sqlite_db_copy(struct sqlite_db *from, struct sqlite_db *to, struct err *err)
{
	sqlite3_backup *b =
	    sqlite3_backup_init(to->conn, "main", from->conn, "main");
	int rc, end;

	if (!b)
		return fail(to, sqlite3_extended_errcode(to->conn), "write",
		    err);
	wait_start(from);
	wait_start(to);
	do
		rc = sqlite3_backup_step(b, -1);
	while (again(to, rc));
	end = sqlite3_backup_finish(b);
	if (rc == SQLITE_DONE)
		rc = end;
	if (rc)
		return fail(to, rc, "write", err);
	return 0;
}

/* What SQLite's layer above the system says does not reach the connection. */
static int
read_failed(const struct sqlite_db *db, int rc, struct err *err)
{
	int sys = 0;

	if (rc == SQLITE_IOERR_SHORT_READ)
		return err_set(err, ERR_CORRUPT,
		    "cannot read database '%s': it ends before its last page",
		    db->path);
	(void)sqlite3_file_control(db->conn, "main", SQLITE_FCNTL_LAST_ERRNO,
	    &sys);
	errno = sys ? sys : EIO;
	(void)err_sys(err, "cannot read database '%s': %s", db->path,
	    sqlite3_errstr(rc));
	err->code = code_of_sys(sys);
	return -1;
}

/* The file of an open database, as that layer sees it. */
struct image {
	struct sqlite_db *db;
	sqlite3_file *file;
	uint64_t page, size; /* bytes of a page, and of all */
	uint64_t there;      /* of the size */
};

static int
image_of(struct sqlite_db *db, struct image *i, struct err *err)
{
	sqlite3_int64 there = 0;
	uint64_t pages;
	int rc;

	if (number(db, "PRAGMA page_size", &i->page, err) ||
	    number(db, "PRAGMA page_count", &pages, err))
		return -1;
	i->db = db;
	i->size = i->page * pages;
	rc = sqlite3_file_control(db->conn, "main", SQLITE_FCNTL_FILE_POINTER,
	    &i->file);
	if (rc == SQLITE_OK)
		rc = i->file->pMethods->xFileSize(i->file, &there);
	i->there = (uint64_t)there;
	return rc ? read_failed(db, rc, err) : 0;
}

/*
 * As SQLite reads it: a last page that is there in part has zeros behind, and
 * the page with the bytes that are locked is never read.
 */
static int
read_piece(const struct image *i, char *to, size_t n, uint64_t off,
    struct err *err)
{
	size_t skip = off == LOCK_BYTES ? (size_t)i->page : 0;
	bool part = i->there < i->size && i->size - i->there < i->page;
	int rc;

	memset(to, 0, skip);
	rc = i->file->pMethods->xRead(i->file, to + skip, (int)(n - skip),
	    (sqlite3_int64)(off + skip));
	if (rc == SQLITE_IOERR_SHORT_READ && part && off + n == i->size)
		return 0;
	return rc ? read_failed(i->db, rc, err) : 0;
}

int
sqlite_db_send(struct sqlite_db *db, struct sink *to, struct err *err)
{
	AUTO(free) char *piece = malloc(PIECE);
	struct image i = { 0 };

	if (!piece)
		return err_nomem(err);
	if (image_of(db, &i, err))
		return -1;
	for (uint64_t off = 0; off < i.size; off += PIECE) {
		size_t n =
		    i.size - off < PIECE ? (size_t)(i.size - off) : PIECE;

		if (read_piece(&i, piece, n, off, err) ||
		    sink_write(to, piece, n, err))
			return -1;
	}
	return 0;
}

int
sqlite_db_checkpoint(struct sqlite_db *db, struct err *err)
{
	int in_wal = 0, done = 0;
	int rc = sqlite3_wal_checkpoint_v2(db->conn, "main",
	    SQLITE_CHECKPOINT_TRUNCATE, &in_wal, &done);

	if (rc)
		return fail(db, rc, "write", err);
	if (in_wal != done)
		return err_set(err, ERR_IO,
		    "cannot write database '%s': %d of %d pages of its WAL "
		    "are missing",
		    db->path, in_wal - done, in_wal);
	return 0;
}

static const char *
text(sqlite3_stmt *s)
{
	const unsigned char *t = sqlite3_column_text(s, 0);

	return t ? (const char *)t : "";
}

int
sqlite_db_has_wal(struct sqlite_db *db, bool *ret, struct err *err)
{
	AUTO(stmt) sqlite3_stmt *s = NULL;
	bool row;

	if (prepare(db, "PRAGMA journal_mode", &s, err) ||
	    step(db, s, &row, err))
		return -1;
	*ret = row && strcmp(text(s), "wal") == 0;
	return 0;
}

/* --- what is in it */

/*
 * Indexes may use collations that only the application knows.  Nothing here
 * depends on the order, so any does.
 */
static int
collate_any(void *cookie, int n, const void *a, int m, const void *b)
{
	int less = n < m ? n : m;
	int order = less > 0 ? memcmp(a, b, (size_t)less) : 0;

	(void)cookie;
	return order ? order : n - m;
}

static void
on_collation(void *cookie, sqlite3 *conn, int encoding, const char *name)
{
	*(bool *)cookie = true;
	(void)sqlite3_create_collation(conn, name, encoding, NULL, collate_any);
}

static int
complaints(struct sqlite_db *db, sqlite3_stmt *s, struct buf *said,
    struct err *err)
{
	bool row;

	for (;;) {
		if (step(db, s, &row, err))
			return -1;
		if (!row)
			return 0;
		if (buf_printf(said, err, "%s%.300s", said->len ? "; " : "",
		        text(s)))
			return -1;
	}
}

/* ERR_CORRUPT has the first things that it says. */
static int
check_by(struct sqlite_db *db, const char *pragma, struct err *err)
{
	AUTO(buf) struct buf said = { .max = SQL_MAX };
	AUTO(stmt) sqlite3_stmt *s = NULL;
	char sql[64];

	/* CHECK may call functions that only the application has. */
	if (run(db, "PRAGMA ignore_check_constraints=ON", err))
		return -1;
	(void)snprintf(sql, sizeof sql, "PRAGMA %s(%d)", pragma, COMPLAINTS);
	if (prepare(db, sql, &s, err) || complaints(db, s, &said, err)) {
		if (!err_is(err, ERR_CORRUPT))
			return -1;
		return err_set(err, ERR_CORRUPT, "%s says: %s", pragma,
		    sqlite3_errmsg(db->conn));
	}
	if (said.data && strcmp(said.data, "ok") == 0)
		return 0;
	return err_set(err, ERR_CORRUPT, "%s says: %s", pragma,
	    said.data ? said.data : "nothing");
}

int
sqlite_db_check(struct sqlite_db *db, struct err *err)
{
	(void)sqlite3_collation_needed(db->conn, &db->foreign, on_collation);
	return check_by(db, "quick_check", err);
}

int
sqlite_db_check_all(struct sqlite_db *db, bool *all, struct err *err)
{
	(void)sqlite3_collation_needed(db->conn, &db->foreign, on_collation);
	*all = true;
	if (check_by(db, "integrity_check", err) == 0)
		return 0;
	/* Order within an index can only be judged by who knows the order. */
	if (!db->foreign && !strstr(err->msg, "function"))
		return -1;
	*all = false;
	return check_by(db, "quick_check", err);
}

/* A table of that name may be somebody else's: then it is not ML Metadata. */
static int
mlmd_facts(struct sqlite_db *db, struct sqlite_db_facts *f, struct err *err)
{
	uint64_t n;

	if (number(db,
	        "SELECT count(*) FROM pragma_table_info('MLMDEnv') "
	        "WHERE name = 'schema_version'",
	        &n, err))
		return -1;
	f->is_mlmd = n == 1;
	return n == 1 ? number(db, "SELECT schema_version FROM MLMDEnv",
	                    &f->mlmd_schema, err)
	              : 0;
}

int
sqlite_db_facts(struct sqlite_db *db, struct sqlite_db_facts *ret,
    struct err *err)
{
	struct sqlite_db_facts f = { 0 };
	uint64_t page_size;

	if (number(db, "PRAGMA page_size", &page_size, err) ||
	    number(db, "PRAGMA page_count", &f.pages, err) ||
	    number(db,
	        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' "
	        "AND substr(name, 1, 7) <> 'sqlite_'",
	        &f.tables, err) ||
	    sqlite_db_has_wal(db, &f.wal, err) || mlmd_facts(db, &f, err))
		return -1;
	f.page_size = (uint32_t)page_size;
	*ret = f;
	return 0;
}

static int
rows_of(struct sqlite_db *db, const char *table, struct jsonw *w,
    struct err *err)
{
	char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", table);
	uint64_t n = 0;
	int rc = sql ? number(db, sql, &n, err) : err_nomem(err);

	sqlite3_free(sql);
	if (rc == 0)
		jsonw_u64(w, table, n);
	return rc;
}

int
sqlite_db_rows(struct sqlite_db *db, struct jsonw *w, struct err *err)
{
	AUTO(stmt) sqlite3_stmt *s = NULL;
	bool row;

	(void)sqlite3_collation_needed(db->conn, NULL, on_collation);
	if (prepare(db,
	        "SELECT name FROM sqlite_schema WHERE type = 'table' "
	        "AND substr(name, 1, 7) <> 'sqlite_' "
	        "AND upper(substr(ltrim(sql), 1, 14)) <> 'CREATE VIRTUAL' "
	        "ORDER BY name",
	        &s, err))
		return -1;
	for (;;) {
		if (step(db, s, &row, err))
			return -1;
		if (!row)
			return 0;
		if (rows_of(db, text(s), w, err))
			return -1;
	}
}

int
sqlite_db_mlmd_uris(struct sqlite_db *db, sqlite_db_text_fn *fn, void *arg,
    struct err *err)
{
	AUTO(stmt) sqlite3_stmt *s = NULL;
	uint64_t n;
	bool row;

	if (number(db,
	        "SELECT count(*) FROM pragma_table_info('Artifact') "
	        "WHERE name = 'uri'",
	        &n, err))
		return -1;
	if (n == 0)
		return 0;
	if (prepare(db, "SELECT uri FROM Artifact WHERE uri <> ''", &s, err))
		return -1;
	for (;;) {
		if (step(db, s, &row, err))
			return -1;
		if (!row)
			return 0;
		if (text(s) && fn(arg, text(s), err))
			return -1;
	}
}

/* --- make it fit another */

int
sqlite_db_leave_wal(struct sqlite_db *db, struct err *err)
{
	return run(db, "PRAGMA journal_mode=DELETE", err);
}

int
sqlite_db_resize(struct sqlite_db *db, uint32_t page_size, const char *path,
    struct err *err)
{
	AUTO(stmt) sqlite3_stmt *s = NULL;
	char sql[64];
	bool row;

	(void)snprintf(sql, sizeof sql, "PRAGMA page_size=%u", page_size);
	if (run(db, sql, err) || prepare(db, "VACUUM INTO ?1", &s, err))
		return -1;
	if (sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC))
		return err_nomem(err);
	return step(db, s, &row, err);
}

const char *
sqlite_db_version(void)
{
	return sqlite3_libversion();
}
