#include "component/private_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/str.h"

#define PREFIX ".platform-backup-"

enum { TRIES = 10 };

struct private_dir {
	char *path;
	int fd; /* holds the lock */
};

static inline void
scope_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Best effort: what cannot be removed is met again by the next sweep. */
static void
empty(int fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(dir) DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;

	if (!d) {
		if (again >= 0)
			(void)close(again);
		return;
	}
	while ((e = readdir(d)))
		if (!is_dots(e->d_name))
			(void)unlinkat(fd, e->d_name, 0);
}

static bool
is_ours(int parent, const char *name)
{
	struct stat st;

	return str_starts(name, PREFIX) &&
	       fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* Whoever made it is alive as long as it holds the lock. */
static void
remove_if_dead(int parent, const char *name)
{
	AUTO(close)
	int fd = openat(parent, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return;
	empty(fd);
	(void)unlinkat(parent, name, AT_REMOVEDIR);
}

static void
sweep(const char *parent)
{
	AUTO(dir) DIR *d = opendir(parent);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (is_ours(dirfd(d), e->d_name))
			remove_if_dead(dirfd(d), e->d_name);
}

/* True: it is there, and marked as in use.  A sweep may come in between. */
static bool
claim(struct private_dir *d)
{
	struct stat st;

	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0)
		return false;
	/* Without locks nobody can sweep either. */
	(void)flock(d->fd, LOCK_EX);
	if (fstat(d->fd, &st) == 0 && st.st_nlink > 0)
		return true;
	(void)close(d->fd);
	d->fd = -1;
	return false;
}

static int
make(struct private_dir *d, const char *parent, struct err *err)
{
	for (int i = 0; i < TRIES; i++) {
		free(TAKE(d->path));
		if (str_printf(&d->path, err, "%s/" PREFIX "XXXXXX", parent))
			return -1;
		if (!mkdtemp(d->path)) {
			free(TAKE(d->path));
			return err_sys(err, "cannot make a folder in '%s'",
			    parent);
		}
		if (claim(d))
			return 0;
	}
	return err_set(err, ERR_IO, "cannot keep a folder in '%s'", parent);
}

int
private_dir_new(const char *parent, struct private_dir **ret, struct err *err)
{
	AUTO(private_dir) struct private_dir *d = calloc(1, sizeof *d);

	if (!d)
		return err_nomem(err);
	d->fd = -1;
	if (mkdir(parent, 0700) && errno != EEXIST)
		return err_sys(err, "cannot make folder '%s'", parent);
	sweep(parent);
	if (make(d, parent, err))
		return -1;
	*ret = TAKE(d);
	return 0;
}

void
private_dir_free(struct private_dir *d)
{
	if (!d)
		return;
	if (d->fd >= 0) {
		empty(d->fd);
		(void)rmdir(d->path);
		(void)close(d->fd);
	}
	free(d->path);
	free(d);
}

int
private_dir_path(const struct private_dir *d, const char *name, char **ret,
    struct err *err)
{
	return str_printf(ret, err, "%s/%s", d->path, name);
}

int
private_dir_file(const struct private_dir *d, const char *name, char **ret,
    struct err *err)
{
	AUTO(free) char *path = NULL;
	AUTO(close) int fd = -1;

	if (private_dir_path(d, name, &path, err))
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, "cannot make '%s'", path);
	*ret = TAKE(path);
	return 0;
}
