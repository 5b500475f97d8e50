#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/str.h"

enum { FILE_CHUNK = 64 << 10 };

static ssize_t
read_some(int fd, void *p, size_t n)
{
	ssize_t got;

	do
		got = read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* A buffer that is full may still hold the whole file: ask for one more. */
static int
read_all(int fd, struct buf *b, struct err *err)
{
	for (;;) {
		size_t room = b->max > b->len ? b->max - b->len : 0;
		ssize_t got;
		char one;

		room = room < FILE_CHUNK ? room : FILE_CHUNK;
		if (buf_reserve(b, room, err))
			return -1;
		got = room ? read_some(fd, b->data + b->len, room)
		           : read_some(fd, &one, 1);
		if (got < 0)
			return err_sys(err, "cannot read");
		if (got == 0)
			return 0;
		if (room == 0)
			return buf_add(b, &one, 1, err);
		b->len += (size_t)got;
		b->data[b->len] = '\0';
	}
}

int
file_read(const char *path, struct buf *b, struct err *err)
{
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	if (read_all(fd, b, err))
		return err_wrap(err, "file '%s'", path);
	return 0;
}

int
file_write_all(int fd, const void *bytes, size_t n, struct err *err)
{
	const char *p = bytes;

	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys(err, "cannot write");
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int
file_read_at(int fd, uint64_t off, void *to, size_t n, struct err *err)
{
	char *p = to;

	while (n > 0) {
		ssize_t got = pread(fd, p, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "cannot read");
		if (got == 0)
			return err_set(err, ERR_CORRUPT,
			    "it ends %zu bytes too early", n);
		p += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int
file_room(const char *path, uint64_t *bytes, struct err *err)
{
	struct statvfs v;

	if (statvfs(path, &v))
		return err_sys(err, "cannot tell the free space of '%s'", path);
	/* what a file system without a limit may say, such as one of FUSE */
	if (v.f_frsize > 0 && v.f_bavail > UINT64_MAX / v.f_frsize)
		*bytes = UINT64_MAX;
	else
		*bytes = (uint64_t)v.f_bavail * v.f_frsize;
	return 0;
}

/* For file systems without O_TMPFILE, such as NFS. */
static int
make_and_unlink(const char *dir, struct err *err)
{
	AUTO(free) char *path = NULL;
	int fd;

	if (str_printf(&path, err, "%s/.scratch-XXXXXX", dir))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot make a file in '%s'", dir);
	(void)unlink(path);
	return fd;
}

int
file_scratch(const char *dir, int *ret, struct err *err)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		fd = make_and_unlink(dir, err);
	else if (fd < 0)
		return err_sys(err, "cannot make a file in '%s'", dir);
	if (fd < 0)
		return -1;
	*ret = fd;
	return 0;
}

int
file_sync_parent(const char *path, struct err *err)
{
	AUTO(free) char *dir = NULL;
	AUTO(close) int fd = -1;
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash - path) : 0;

	if (str_printf(&dir, err, "%.*s", n, path))
		return -1;
	fd = open(n       ? dir
	          : slash ? "/"
	                  : ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot open the folder of '%s'", path);
	/* Some file systems cannot, and do not need it either. */
	if (fsync(fd) && errno != EINVAL)
		return err_sys(err, "cannot sync the folder of '%s'", path);
	return 0;
}
