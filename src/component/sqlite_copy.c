#include "component/sqlite_copy.h"

#include <fcntl.h>

#include "base/clock.h"
#include "component/sqlite_db.h"
#include "component/sqlite_raw.h"
#include "stream/sink.h"

enum { RETRY_MS = 20 };

void
sqlite_copy_done(struct sqlite_copy *c)
{
	free(c->from);
	free(c->to);
}

int
sqlite_copy_want(const struct sqlite_raw *r, const char *path, struct err *err)
{
	if (r->st.st_size == 0)
		return err_set(err, ERR_CORRUPT,
		    "database '%s' is empty (0 bytes): nothing ever wrote to "
		    "it",
		    path);
	if (!r->is_database)
		return err_set(err, ERR_CORRUPT,
		    "'%s' is not a SQLite database", path);
	return 0;
}

/* Inside the read of a database with a rollback journal. */
static int
send_to(struct sqlite_db *from, int fd, struct err *err)
{
	AUTO(sink) struct sink *to = NULL;

	if (sink_fd_new(fd, &to, err) || sqlite_db_send(from, to, err))
		return -1;
	return sink_finish(to, err);
}

/* To a place where nothing is: a journal that an earlier attempt left would be
 * played back into it. */
static int
copy_held(const struct sqlite_copy *c, struct sqlite_db *from, bool wal,
    struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *to = NULL;
	AUTO(close) int fd = -1;

	if (sqlite_raw_remove(c->to, err))
		return -1;
	fd = open(c->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, "cannot make '%s'", c->to);
	if (!wal)
		return send_to(from, fd, err)
		           ? err_wrap(err, "copy to '%s'", c->to)
		           : 0;
	if (sqlite_db_open(c->to, SQLITE_DB_NEW, 0, &to, err))
		return -1;
	return sqlite_db_copy(from, to, err);
}

static int
copy_live(struct sqlite_copy *c, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *from = NULL;
	int64_t start;
	bool wal;

	if (sqlite_db_open(c->from, SQLITE_DB_READ, c->wait_ms, &from, err) ||
	    sqlite_db_read_begin(from, err))
		return -1;
	start = clock_mono_ms(clock_real());
	if (sqlite_db_has_wal(from, &wal, err) ||
	    copy_held(c, from, wal, err) || sqlite_db_read_end(from, err))
		return -1;
	c->locked_ms = wal ? 0 : clock_mono_ms(clock_real()) - start;
	return 0;
}

/* Opening the copy applies its journal or WAL. */
static int
copy_left(struct sqlite_copy *c, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *db = NULL;

	c->locked_ms = 0;
	if (sqlite_raw_copy(c->from, c->to, err) ||
	    sqlite_db_open(c->to, SQLITE_DB_OWN, 0, &db, err) ||
	    sqlite_db_read_begin(db, err) || sqlite_db_read_end(db, err))
		return -1;
	/* closing would do it as well, and not say where it failed */
	return sqlite_db_checkpoint(db, err);
}

/*
 * SQLite itself reads what is in use or was left in order; what a crash left
 * is copied as it lies.  Either may change into the other while we look.
 */
static int
copy_once(struct sqlite_copy *c, struct err *err)
{
	struct sqlite_raw r;

	if (sqlite_raw_look(c->from, &r, err) ||
	    sqlite_copy_want(&r, c->from, err))
		return -1;
	if (!sqlite_raw_is_live(&r))
		return copy_left(c, err);
	if (copy_live(c, err) == 0)
		return 0;
	return err_is(err, ERR_CHANGED) ? copy_left(c, err) : -1;
}

int
sqlite_copy_run(struct sqlite_copy *c, struct err *err)
{
	int64_t until = clock_mono_ms(clock_real()) + (int64_t)c->wait_ms;

	while (copy_once(c, err)) {
		if (!err_is(err, ERR_CHANGED) ||
		    clock_mono_ms(clock_real()) >= until)
			return -1;
		clock_sleep_ms(clock_real(), RETRY_MS);
	}
	return 0;
}
