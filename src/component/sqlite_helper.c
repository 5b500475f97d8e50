#include "component/sqlite_helper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "component/private_dir.h"
#include "component/sqlite_copy.h"
#include "component/sqlite_load.h"
#include "component/sqlite_raw.h"

enum {
	CHUNK = 128 << 10,
	WAIT_MOST_MS = 86400000,
	ROOM_SLACK = 1 << 20,
	ANSWER_MAX = 4096,
	LEFT_S = 3600
};

static int
answer(const struct sqlite_helper *h, const char *text, struct err *err)
{
	return file_write_all(h->out, text, strlen(text), err);
}

static int
wait_of(const char *text, uint64_t *ms, struct err *err)
{
	return str_to_u64(text, 0, WAIT_MOST_MS, ms, err);
}

/* --- where copies may lie */

/* The first with room for need bytes; a full or a read-only one is passed. */
static int
choose_dir(char *const *dir, uint64_t need, const char **ret, struct err *err)
{
	struct err ignored;
	char text[16];

	for (; *dir; dir++) {
		uint64_t room;

		if (access(*dir, W_OK | X_OK) ||
		    file_room(*dir, &room, &ignored) || room < need)
			continue;
		*ret = *dir;
		return 0;
	}
	str_bytes(need, text);
	return err_set(err, ERR_NOROOM,
	    "no folder there may be written and has room for %s", text);
}

/* --- probe */

/* A helper that was sent and never began: an hour is more than that takes. */
static bool
is_left(int dir, const char *name, int64_t now)
{
	struct stat st;

	return str_starts(name, SQLITE_HELPER_FILE) &&
	       strlen(name) == strlen(SQLITE_HELPER_FILE) +
	                           2 * (size_t)SQLITE_HELPER_NONCE &&
	       fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	       st.st_mtim.tv_sec < now - LEFT_S;
}

/* Best effort, as private_dir.c does it for folders. */
static void
sweep(const char *folder)
{
	int64_t now = clock_now(clock_real());
	DIR *d = opendir(folder);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (is_left(dirfd(d), e->d_name, now))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	(void)closedir(d);
}

static int
run_probe(const struct sqlite_helper *h, const char *self, const char *length,
    struct err *err)
{
	AUTO(free) char *folder = NULL;
	struct stat st;
	uint64_t n;

	if (str_to_u64(length, 1, INT64_MAX, &n, err) ||
	    sqlite_raw_folder(self, &folder, err))
		return -1;
	if (stat(self, &st))
		return err_sys(err, "cannot find '%s'", self);
	if ((uint64_t)st.st_size != n)
		return err_set(err, ERR_TRANSIENT,
		    "the helper did not come whole");
	sweep(folder);
	return answer(h, SQLITE_HELPER_HELLO, err);
}

/* --- check */

static int
need_of(const char *path, uint64_t *need, struct err *err)
{
	struct sqlite_raw r;

	if (sqlite_raw_look(path, &r, err) || sqlite_copy_want(&r, path, err))
		return -1;
	/* what a WAL holds is there twice while it is applied */
	*need = (uint64_t)r.st.st_size + 2 * r.wal_bytes + r.journal_bytes +
	        ROOM_SLACK;
	return access(path, R_OK) ? err_sys(err, "cannot read '%s'", path) : 0;
}

static int
run_check(const struct sqlite_helper *h, const char *path, char *const *dirs,
    struct err *err)
{
	AUTO(buf) struct buf b = { .max = ANSWER_MAX };
	const char *dir = "";
	char text[16];
	uint64_t need;

	if (need_of(path, &need, err) || choose_dir(dirs, need, &dir, err))
		return -1;
	str_bytes(need - ROOM_SLACK, text);
	if (buf_printf(&b, err, "ok %s, copied in '%s'\n", text, dir))
		return -1;
	return answer(h, b.data, err);
}

static int
run_accept(const struct sqlite_helper *h, const char *path, struct err *err)
{
	AUTO(buf) struct buf b = { .max = ANSWER_MAX };

	if (buf_puts(&b, "ok ", err) || sqlite_load_check(path, &b, err) ||
	    buf_puts(&b, "\n", err))
		return -1;
	return answer(h, b.data, err);
}

/* --- backup */

static int
copy_bytes(int from, int to, uint64_t n, struct err *err)
{
	AUTO(free) char *chunk = malloc(CHUNK);

	if (!chunk)
		return err_nomem(err);
	while (n > 0) {
		ssize_t k = read(from, chunk, n < CHUNK ? (size_t)n : CHUNK);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(err, "cannot read");
		if (k == 0)
			return err_set(err, ERR_TRANSIENT,
			    "%" PRIu64 " bytes are missing at its end", n);
		if (file_write_all(to, chunk, (size_t)k, err))
			return -1;
		n -= (uint64_t)k;
	}
	return 0;
}

/* An open file without a name: what comes after leaves nothing behind. */
static int
make_copy(const char *dir, struct sqlite_copy *c, int *fd, struct err *err)
{
	AUTO(private_dir) struct private_dir *own = NULL;

	if (private_dir_new(dir, &own, err) ||
	    private_dir_path(own, "copy", &c->to, err) ||
	    sqlite_copy_run(c, err))
		return -1;
	*fd = open(c->to, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? err_sys(err, "cannot open '%s'", c->to) : 0;
}

static int
send_copy(const struct sqlite_helper *h, const struct sqlite_copy *c, int fd,
    struct err *err)
{
	AUTO(buf) struct buf b = { .max = ANSWER_MAX };
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(err, "cannot look at the copy");
	if (buf_printf(&b, err, "ok %jd %" PRId64 "\n", (intmax_t)st.st_size,
	        c->locked_ms) ||
	    answer(h, b.data, err) ||
	    copy_bytes(fd, h->out, (uint64_t)st.st_size, err))
		return -1;
	return answer(h, SQLITE_HELPER_END, err);
}

static int
run_backup(const struct sqlite_helper *h, char *const *w, struct err *err)
{
	AUTO(sqlite_copy) struct sqlite_copy c = { 0 };
	AUTO(close) int fd = -1;
	const char *dir = "";
	uint64_t need;

	if (wait_of(w[1], &c.wait_ms, err) ||
	    sqlite_raw_resolve(w[0], &c.from, err) ||
	    need_of(c.from, &need, err) || choose_dir(w + 2, need, &dir, err) ||
	    make_copy(dir, &c, &fd, err))
		return -1;
	return send_copy(h, &c, fd, err);
}

/* --- restore */

static int
want_end(int fd, struct err *err)
{
	char text[sizeof SQLITE_HELPER_END] = "";

	for (size_t n = 0; n < sizeof text - 1;) {
		ssize_t k = read(fd, text + n, sizeof text - 1 - n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	return strcmp(text, SQLITE_HELPER_END) == 0
	           ? 0
	           : err_set(err, ERR_TRANSIENT,
	                 "the end of the database did not come");
}

/* Nothing is changed before the last byte is here. */
static int
receive(const struct sqlite_helper *h, const char *fresh, uint64_t n,
    struct err *err)
{
	AUTO(close) int fd = open(fresh, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", fresh);
	if (copy_bytes(h->in, fd, n, err))
		return -1;
	return want_end(h->in, err);
}

/* From the file fresh of own into the one at path. */
static int
load_it(const struct sqlite_helper *h, const struct sqlite_load *l, uint64_t n,
    struct err *err)
{
	struct sqlite_load load = *l;
	AUTO(buf) struct buf b = { .max = ANSWER_MAX };
	AUTO(free) char *fresh = NULL;

	/* once it is loaded nothing may fail any more */
	if (buf_reserve(&b, ANSWER_MAX - 1, err) ||
	    private_dir_file(load.own, "fresh", &fresh, err) ||
	    receive(h, fresh, n, err) || buf_puts(&b, "ok ", err))
		return -1;
	load.fresh = fresh;
	load.notes = &b;
	if (sqlite_load_run(&load, err) || buf_puts(&b, "\n", err))
		return -1;
	return answer(h, b.data, err);
}

static int
run_restore(const struct sqlite_helper *h, char *const *w, struct err *err)
{
	AUTO(private_dir) struct private_dir *own = NULL;
	AUTO(free) char *path = NULL;
	struct sqlite_load load = { 0 };
	const char *dir = "";
	uint64_t n;

	if (wait_of(w[1], &load.wait_ms, err) ||
	    str_to_u64(w[2], 1, INT64_MAX / 4, &n, err) ||
	    sqlite_raw_resolve(w[0], &path, err) ||
	    choose_dir(w + 3, n + ROOM_SLACK, &dir, err) ||
	    private_dir_new(dir, &own, err))
		return -1;
	load.path = path;
	load.own = own;
	return load_it(h, &load, n, err);
}

/* --- which of them */

int
sqlite_helper_run(const struct sqlite_helper *h, struct err *err)
{
	const char *what = h->argc > 0 ? h->argv[0] : "";
	char *const *w = h->argv + 1;
	int n = h->argc - 1;

	if (strcmp(what, "probe") == 0 && n == 2)
		return run_probe(h, w[0], w[1], err);
	if (strcmp(what, "check") == 0 && n > 1)
		return run_check(h, w[0], w + 1, err);
	if (strcmp(what, "accept") == 0 && n == 1)
		return run_accept(h, w[0], err);
	if (strcmp(what, "backup") == 0 && n > 2)
		return run_backup(h, w, err);
	if (strcmp(what, "restore") == 0 && n > 3)
		return run_restore(h, w, err);
	return err_set(err, ERR_USAGE, "this is for platform-backup alone");
}
