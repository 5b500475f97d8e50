#include "component/sqlite_load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "component/private_dir.h"
#include "component/sqlite_damaged.h"
#include "component/sqlite_db.h"
#include "component/sqlite_raw.h"

enum { ROOM_SLACK = 1 << 20 };

struct job {
	const struct sqlite_load *l;
	struct sqlite_raw old;
	bool made;    /* it was missing */
	bool damaged; /* nothing can be written into it */
	char *dir, *kept, *fresh;
};

static void
scope_job(struct job *j)
{
	free(j->dir);
	free(j->kept);
	free(j->fresh);
}

/* --- what is there */

static int
make_empty(struct job *j, struct err *err)
{
	struct stat st;
	AUTO(close)
	int fd =
	    open(j->l->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);

	if (fd < 0 || stat(j->dir, &st))
		return err_sys(err, "cannot make '%s'", j->l->path);
	j->made = true;
	/* only root may give it away; anybody else is its owner */
	if (fchown(fd, st.st_uid, st.st_gid))
		errno = 0;
	return sqlite_raw_look(j->l->path, &j->old, err);
}

static int
look(struct job *j, struct err *err)
{
	if (sqlite_raw_folder(j->l->path, &j->dir, err))
		return -1;
	if (sqlite_raw_look(j->l->path, &j->old, err))
		return err_is(err, ERR_NOTFOUND) ? make_empty(j, err) : -1;
	return sqlite_damaged_is(j->l->path, &j->old, &j->damaged, err);
}

/* --- the copy of what was there */

static bool
has_room(const struct job *j)
{
	uint64_t need = 3 * (uint64_t)j->old.st.st_size + j->old.wal_bytes;
	struct err ignored;
	uint64_t room;

	return file_room(j->dir, &room, &ignored) == 0 &&
	       room >= need + ROOM_SLACK && access(j->dir, W_OK) == 0;
}

/* Readable by whoever reads the database, where we may say so. */
static int
seal(const struct job *j, const char *file, struct err *err)
{
	const struct stat *st = &j->old.st;
	mode_t mode = st->st_mode & 0777;
	AUTO(close) int fd = open(file, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", file);
	if (fchown(fd, st->st_uid, st->st_gid))
		mode &= S_IRUSR | S_IWUSR;
	if (fchmod(fd, mode) || fsync(fd))
		return err_sys(err, "cannot write '%s'", file);
	return 0;
}

static int
fill_kept(const struct job *j, struct sqlite_db *live, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *to = NULL;
	AUTO(close)
	int fd = open(j->kept, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, "cannot make '%s'", j->kept);
	if (sqlite_db_open(j->kept, SQLITE_DB_NEW, 0, &to, err) ||
	    sqlite_db_read_begin(live, err) || sqlite_db_copy(live, to, err))
		return -1;
	return sqlite_db_read_end(live, err);
}

static int
keep_copy(struct job *j, struct sqlite_db *live, struct err *err)
{
	if (j->old.st.st_size == 0)
		return buf_puts(j->l->notes, "it was empty", err);
	if (!has_room(j))
		return buf_printf(j->l->notes, err,
		    "there was no room to keep '%s' as it was before",
		    j->l->path);
	if (sqlite_raw_name_kept(j->l->path, &j->kept, err))
		return -1;
	if (fill_kept(j, live, err) || seal(j, j->kept, err)) {
		(void)unlink(j->kept);
		return -1;
	}
	return buf_printf(j->l->notes, err,
	    "'%s' as it was before is kept as '%s'", j->l->path, j->kept);
}

/* --- over it */

/* As in sqlite_restore.c: the header is copied with the rest. */
static int
adapt(struct job *j, const struct sqlite_db_facts *live, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	struct sqlite_db_facts f;

	if (sqlite_db_open(j->l->fresh, SQLITE_DB_OWN, 0, &db, err) ||
	    sqlite_db_leave_wal(db, err) || sqlite_db_facts(db, &f, err))
		return -1;
	if (!live->wal || f.page_size == live->page_size)
		return str_dup(j->l->fresh, &j->fresh, err);
	if (private_dir_file(j->l->own, "sized", &j->fresh, err))
		return -1;
	return sqlite_db_resize(db, live->page_size, j->fresh, err);
}

static int
overwrite(struct job *j, struct sqlite_db *live, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *fresh = NULL;
	struct sqlite_db_facts f;

	if (sqlite_db_facts(live, &f, err) || adapt(j, &f, err) ||
	    sqlite_db_open(j->fresh, SQLITE_DB_OWN, 0, &fresh, err) ||
	    sqlite_db_read_begin(fresh, err))
		return -1;
	return sqlite_db_copy(fresh, live, err);
}

/* After a lock or a full disk the old data is where it was. */
static int
give_up(struct job *j, struct err *err)
{
	if (!j->kept)
		return -1;
	if (err_is(err, ERR_TRANSIENT) || err_is(err, ERR_NOROOM) ||
	    err_is(err, ERR_NOMEM) || err_is(err, ERR_DENIED)) {
		(void)unlink(j->kept);
		return -1;
	}
	return err_wrap(err, "what was there is kept as '%s'", j->kept);
}

static int
load(struct job *j, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *live = NULL;

	if (sqlite_db_open(j->l->path, SQLITE_DB_LIVE, j->l->wait_ms, &live,
	        err) ||
	    keep_copy(j, live, err)) {
		/* found before anything was written */
		j->damaged = err_is(err, ERR_CORRUPT);
		return -1;
	}
	if (overwrite(j, live, err) == 0)
		return 0;
	return give_up(j, err);
}

/* --- in the place of what is damaged */

/* A copy in its folder, which the set's file need not lie in. */
static int
make_beside(struct job *j, const struct private_dir *own, char **ret,
    struct err *err)
{
	return private_dir_path(own, "fresh", ret, err) ||
	               sqlite_raw_copy(j->l->fresh, *ret, err) ||
	               seal(j, *ret, err)
	           ? -1
	           : 0;
}

static int
put_in_place(struct job *j, const char *file, struct err *err)
{
	bool moved;

	if (sqlite_damaged_keep(j->l->path, j->kept, true, &moved, err))
		return -1;
	if (rename(file, j->l->path))
		return err_sys(err, "cannot rename to '%s'", j->l->path);
	if (file_sync_parent(j->l->path, err))
		return -1;
	return buf_printf(j->l->notes, err,
	    "'%s' was damaged and is kept as '%s'%s; a program that has it "
	    "open must be restarted",
	    j->l->path, j->kept, moved ? " with its journal" : "");
}

static int
replace(struct job *j, struct err *err)
{
	AUTO(private_dir) struct private_dir *own = NULL;
	AUTO(free) char *file = NULL;

	if (private_dir_new(j->dir, &own, err) ||
	    make_beside(j, own, &file, err))
		return -1;
	free(TAKE(j->kept));
	if (sqlite_raw_name_kept(j->l->path, &j->kept, err))
		return -1;
	return put_in_place(j, file, err);
}

static int
load_or_replace(struct job *j, struct err *err)
{
	if (!j->damaged && load(j, err) == 0)
		return 0;
	return j->damaged ? replace(j, err) : -1;
}

int
sqlite_load_run(const struct sqlite_load *l, struct err *err)
{
	AUTO(job) struct job j = { .l = l };

	if (look(&j, err) == 0 && load_or_replace(&j, err) == 0)
		return 0;
	if (j.made)
		(void)unlink(l->path);
	return -1;
}

int
sqlite_load_check(const char *path, struct buf *b, struct err *err)
{
	AUTO(free) char *dir = NULL;
	struct sqlite_raw r;
	bool damaged;
	char size[16];

	if (sqlite_raw_folder(path, &dir, err))
		return -1;
	if (access(dir, W_OK | X_OK))
		return err_sys(err, "cannot write to folder '%s'", dir);
	if (sqlite_raw_look(path, &r, err))
		return err_is(err, ERR_NOTFOUND)
		           ? buf_puts(b, "makes a new file", err)
		           : -1;
	if (access(path, W_OK))
		return err_sys(err, "cannot write to '%s'", path);
	if (sqlite_damaged_is(path, &r, &damaged, err))
		return -1;
	str_bytes((uint64_t)r.st.st_size, size);
	return buf_printf(b, err,
	    damaged ? "puts a file in the place of a "
	              "damaged one of %s"
	            : "replaces %s",
	    size);
}
