#include "component/sqlite_raw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/file.h"
#include "base/str.h"

#define MAGIC "SQLite format 3" /* with its NUL, 16 bytes */

enum {
	HEADER = 20, /* up to the read version */
	READ_VERSION = 19,
	VERSION_WAL = 2,
	CHUNK = 256 << 10,
	/* The range that readers lock: file format, "the lock-byte page". */
	SHARED_FIRST = 0x40000002,
	SHARED_SIZE = 510,
	SAME_SECOND = 60 /* restores that may share a second */
};

static const char *const suffixes[] = { "-journal", "-wal", "-shm" };

/* --- look */

static int
beside(const char *path, const char *suffix, struct stat *st, bool *there,
    struct err *err)
{
	AUTO(free) char *p = NULL;

	if (str_printf(&p, err, "%s%s", path, suffix))
		return -1;
	*there = stat(p, st) == 0;
	if (!*there && errno != ENOENT)
		return err_sys(err, "cannot look at '%s'", p);
	return 0;
}

static int
look_beside(const char *path, struct sqlite_raw *r, struct err *err)
{
	struct stat journal = { 0 }, wal = { 0 }, shm;

	if (beside(path, "-journal", &journal, &r->has_journal, err) ||
	    beside(path, "-wal", &wal, &r->has_wal, err) ||
	    beside(path, "-shm", &shm, &r->has_shm, err))
		return -1;
	r->journal_bytes = r->has_journal ? (uint64_t)journal.st_size : 0;
	r->wal_bytes = r->has_wal ? (uint64_t)wal.st_size : 0;
	r->wal_time = wal.st_mtim;
	return 0;
}

static int
look_inside(const char *path, struct sqlite_raw *r, struct err *err)
{
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[HEADER];
	ssize_t n;

	if (fd < 0)
		return err_sys(err, "cannot open database '%s'", path);
	n = pread(fd, head, sizeof head, 0);
	if (n < 0)
		return err_sys(err, "cannot read database '%s'", path);
	r->is_database = n == HEADER && memcmp(head, MAGIC, sizeof MAGIC) == 0;
	r->wal = r->is_database && head[READ_VERSION] == VERSION_WAL;
	return 0;
}

int
sqlite_raw_look(const char *path, struct sqlite_raw *ret, struct err *err)
{
	struct sqlite_raw r = { 0 };

	if (stat(path, &r.st))
		return err_sys(err, "cannot find database '%s'", path);
	if (!S_ISREG(r.st.st_mode))
		return err_set(err, ERR_USAGE, "'%s' is not a regular file",
		    path);
	if (look_inside(path, &r, err) || look_beside(path, &r, err))
		return -1;
	*ret = r;
	return 0;
}

bool
sqlite_raw_is_live(const struct sqlite_raw *r)
{
	/* A crash in a change of the journal mode leaves one without the
	 * other. */
	return r->has_wal ? r->has_shm : !r->wal;
}

/* --- copy */

/*
 * A lock that all other processes' SQLite respects: nobody writes the
 * database, rolls its journal back, or removes its WAL on closing.  Of the
 * open file description, so that another descriptor's close keeps it.
 */
static int
lock_shared(int fd, const char *path, struct err *err)
{
	struct flock l = {
		.l_type = F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = SHARED_FIRST,
		.l_len = SHARED_SIZE,
	};

	if (fcntl(fd, F_OFD_SETLK, &l) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(err, ERR_CHANGED,
		    "database '%s' is being written", path);
	return err_sys(err, "cannot lock database '%s'", path);
}

static int
pump(int from, int to, char *chunk, struct err *err)
{
	ssize_t n;

	for (;;) {
		do
			n = read(from, chunk, CHUNK);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return err_sys(err, "cannot read");
		if (n == 0)
			return 0;
		if (file_write_all(to, chunk, (size_t)n, err))
			return -1;
	}
}

static int
copy_fd(int from, const char *to, struct err *err)
{
	AUTO(free) char *chunk = malloc(CHUNK);
	AUTO(close) int fd = -1;

	if (!chunk)
		return err_nomem(err);
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, "cannot make '%s'", to);
	if (pump(from, fd, chunk, err))
		return err_wrap(err, "copy to '%s'", to);
	return 0;
}

static int
copy_beside(const char *path, const char *to, const char *suffix,
    struct err *err)
{
	AUTO(free) char *src = NULL;
	AUTO(free) char *dst = NULL;
	AUTO(close) int fd = -1;

	if (str_printf(&src, err, "%s%s", path, suffix) ||
	    str_printf(&dst, err, "%s%s", to, suffix))
		return -1;
	fd = open(src, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(err, "cannot open '%s'", src);
	return copy_fd(fd, dst, err);
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
same(const struct sqlite_raw *a, const struct sqlite_raw *b)
{
	return a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino &&
	       a->st.st_size == b->st.st_size &&
	       same_time(&a->st.st_mtim, &b->st.st_mtim) &&
	       same_time(&a->st.st_ctim, &b->st.st_ctim) &&
	       a->has_wal == b->has_wal && a->has_shm == b->has_shm &&
	       a->has_journal == b->has_journal &&
	       a->wal_bytes == b->wal_bytes &&
	       same_time(&a->wal_time, &b->wal_time) &&
	       a->journal_bytes == b->journal_bytes;
}

int
sqlite_raw_copy(const char *path, const char *to, struct err *err)
{
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct sqlite_raw before = { 0 }, after = { 0 };

	if (fd < 0)
		return err_sys(err, "cannot open database '%s'", path);
	/* an earlier attempt may have left something */
	if (sqlite_raw_remove(to, err) || lock_shared(fd, path, err) ||
	    sqlite_raw_look(path, &before, err) || copy_fd(fd, to, err) ||
	    copy_beside(path, to, "-journal", err) ||
	    copy_beside(path, to, "-wal", err) ||
	    sqlite_raw_look(path, &after, err))
		return -1;
	/* Who opens a WAL makes a -shm, and leaves it there while we lock. */
	if (!same(&before, &after))
		return err_set(err, ERR_CHANGED,
		    "database '%s' was written while it was copied", path);
	return 0;
}

/* --- names */

int
sqlite_raw_remove(const char *path, struct err *err)
{
	if (unlink(path) && errno != ENOENT)
		return err_sys(err, "cannot remove '%s'", path);
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		AUTO(free) char *beside = NULL;

		if (str_printf(&beside, err, "%s%s", path, suffixes[i]))
			return -1;
		if (unlink(beside) && errno != ENOENT)
			return err_sys(err, "cannot remove '%s'", beside);
	}
	return 0;
}

int
sqlite_raw_move_aside(const char *path, const char *to, bool *moved,
    struct err *err)
{
	bool any = false;

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		AUTO(free) char *src = NULL;
		AUTO(free) char *dst = NULL;

		if (str_printf(&src, err, "%s%s", path, suffixes[i]) ||
		    str_printf(&dst, err, "%s%s", to, suffixes[i]))
			return -1;
		if (rename(src, dst) == 0)
			any = true;
		else if (errno != ENOENT)
			return err_sys(err, "cannot rename '%s'", src);
	}
	*moved = any;
	return 0;
}

int
sqlite_raw_name_kept(const char *path, char **ret, struct err *err)
{
	int64_t now = clock_now(clock_real());
	AUTO(free) char *name = NULL;
	char when[DATE_BASIC_SIZE];
	struct stat st;

	for (int i = 0; i < SAME_SECOND; i++) {
		date_basic(now + i, when);
		free(TAKE(name));
		if (str_printf(&name, err, "%s.before-restore-%s", path, when))
			return -1;
		if (lstat(name, &st) && errno == ENOENT) {
			*ret = TAKE(name);
			return 0;
		}
	}
	return err_set(err, ERR_EXISTS, "'%s' and the like are there already",
	    name);
}

int
sqlite_raw_folder(const char *path, char **ret, struct err *err)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return str_dup(".", ret, err);
	return str_printf(ret, err, "%.*s",
	    (int)(slash > path ? slash - path : 1), path);
}

static int
resolve_parent(const char *path, char **ret, struct err *err)
{
	const char *slash = strrchr(path, '/');
	AUTO(free) char *dir = NULL;
	AUTO(free) char *real = NULL;
	struct stat st;

	if (lstat(path, &st) == 0)
		return err_set(err, ERR_NOTFOUND,
		    "'%s' is a symbolic link to nowhere", path);
	if (sqlite_raw_folder(path, &dir, err))
		return -1;
	real = realpath(dir, NULL);
	if (!real)
		return err_sys(err, "cannot find folder '%s'", dir);
	return str_printf(ret, err, "%s/%s", strcmp(real, "/") ? real : "",
	    slash ? slash + 1 : path);
}

int
sqlite_raw_resolve(const char *path, char **ret, struct err *err)
{
	char *real = realpath(path, NULL);

	if (real) {
		*ret = real;
		return 0;
	}
	if (errno != ENOENT)
		return err_sys(err, "cannot find database '%s'", path);
	return resolve_parent(path, ret, err);
}
