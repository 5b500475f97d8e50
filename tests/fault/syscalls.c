/*
 * syscalls.c - loaded in front of libc (LD_PRELOAD): the n-th call that
 * changes a file below some folders goes wrong.
 *
 *   FAULT_UNDER   folders, with ':' between them
 *   FAULT_AT      which call, from 1; 0: none
 *   FAULT_DO      "kill": SIGKILL before it; "torn": a write does half of its
 *                 work first; else a number: it fails with that errno
 *   FAULT_LOG     a line for each call: number, name, path
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LINE_MAX_LEN = PATH_MAX + 64 };

static atomic_long seen;

/* The libc's own; the kinds of call differ, so their types do. */
#define REAL(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static bool
under(const char *path)
{
	const char *folders = getenv("FAULT_UNDER");

	while (folders && *folders) {
		size_t n = strcspn(folders, ":");

		if (strncmp(path, folders, n) == 0)
			return true;
		folders += n + (folders[n] == ':');
	}
	return false;
}

static void
place_of(int fd, char *path)
{
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	path[n > 0 ? n : 0] = '\0';
}

/* The path of name in the folder that fd is. */
static void
place_at(int fd, const char *name, char *path)
{
	char folder[PATH_MAX] = "";

	if (fd != AT_FDCWD && name[0] != '/')
		place_of(fd, folder);
	(void)snprintf(path, PATH_MAX, "%.2000s%s%.2000s", folder,
	    *folder ? "/" : "", name);
}

static void
note(long n, const char *call, const char *path)
{
	const char *log = getenv("FAULT_LOG");
	char line[LINE_MAX_LEN];
	int fd, len;

	if (!log)
		return;
	len = snprintf(line, sizeof line, "%ld %s %s\n", n, call, path);
	fd = REAL(open)(log, O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (fd >= 0 && len > 0)
		(void)!REAL(write)(fd, line, (size_t)len);
	if (fd >= 0)
		(void)close(fd);
}

enum outcome { GOES_ON, FAILS, TORN };

/* Count a call; what becomes of it. */
static enum outcome
strike(const char *call, const char *path)
{
	const char *at = getenv("FAULT_AT"), *what = getenv("FAULT_DO");
	int saved = errno;
	long n;

	if (!under(path))
		return GOES_ON;
	n = atomic_fetch_add(&seen, 1) + 1;
	note(n, call, path);
	errno = saved;
	if (!at || !what || atol(at) != n)
		return GOES_ON;
	if (strcmp(what, "torn") == 0 && strstr(call, "write"))
		return TORN;
	if (what[0] == 'k' || what[0] == 't')
		(void)kill(getpid(), SIGKILL);
	errno = atoi(what);
	return FAILS;
}

static enum outcome
strike_fd(const char *call, int fd)
{
	char path[PATH_MAX];

	place_of(fd, path);
	return strike(call, path);
}

static bool
strike_at(const char *call, int fd, const char *name)
{
	char path[PATH_MAX];

	place_at(fd, name, path);
	return strike(call, path) != GOES_ON;
}

/* --- calls with a file descriptor */

ssize_t
write(int fd, const void *p, size_t n)
{
	switch (strike_fd("write", fd)) {
	case FAILS:
		return -1;
	case TORN:
		(void)!REAL(write)(fd, p, n / 2);
		(void)kill(getpid(), SIGKILL);
		break;
	case GOES_ON:
		break;
	}
	return REAL(write)(fd, p, n);
}

static ssize_t
pwrite_any(int fd, const void *p, size_t n, off_t at)
{
	switch (strike_fd("pwrite", fd)) {
	case FAILS:
		return -1;
	case TORN:
		(void)!REAL(pwrite)(fd, p, n / 2, at);
		(void)kill(getpid(), SIGKILL);
		break;
	case GOES_ON:
		break;
	}
	return REAL(pwrite)(fd, p, n, at);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return pwrite_any(fd, p, n, at);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off_t at)
{
	return pwrite_any(fd, p, n, at);
}

int
fsync(int fd)
{
	return strike_fd("fsync", fd) ? -1 : REAL(fsync)(fd);
}

int
fdatasync(int fd)
{
	return strike_fd("fdatasync", fd) ? -1 : REAL(fdatasync)(fd);
}

int
ftruncate(int fd, off_t n)
{
	return strike_fd("ftruncate", fd) ? -1 : REAL(ftruncate)(fd, n);
}

int
ftruncate64(int fd, off_t n)
{
	return strike_fd("ftruncate", fd) ? -1 : REAL(ftruncate)(fd, n);
}

/* --- calls with a name */

static int
open_any(int at, const char *name, int flags, mode_t mode)
{
	bool changes = flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC);

	if (changes && strike_at("open", at, name))
		return -1;
	return REAL(openat)(at, name, flags, mode);
}

static mode_t
mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

#define OPEN(function)                                        \
	int function(const char *name, int flags, ...)        \
	{                                                     \
		va_list ap;                                   \
		mode_t mode;                                  \
                                                              \
		va_start(ap, flags);                          \
		mode = mode_of(flags, ap);                    \
		va_end(ap);                                   \
		return open_any(AT_FDCWD, name, flags, mode); \
	}
#define OPENAT(function)                                       \
	int function(int at, const char *name, int flags, ...) \
	{                                                      \
		va_list ap;                                    \
		mode_t mode;                                   \
                                                               \
		va_start(ap, flags);                           \
		mode = mode_of(flags, ap);                     \
		va_end(ap);                                    \
		return open_any(at, name, flags, mode);        \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int
mkdir(const char *name, mode_t mode)
{
	return strike_at("mkdir", AT_FDCWD, name) ? -1
	                                          : REAL(mkdir)(name, mode);
}

int
mkdirat(int at, const char *name, mode_t mode)
{
	return strike_at("mkdir", at, name) ? -1
	                                    : REAL(mkdirat)(at, name, mode);
}

int
rename(const char *from, const char *to)
{
	return strike_at("rename", AT_FDCWD, to) ? -1 : REAL(rename)(from, to);
}

int
renameat(int a, const char *from, int b, const char *to)
{
	return strike_at("rename", b, to) ? -1 : REAL(renameat)(a, from, b, to);
}

int
renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	return strike_at("rename", b, to)
	           ? -1
	           : REAL(renameat2)(a, from, b, to, flags);
}

int
linkat(int a, const char *from, int b, const char *to, int flags)
{
	return strike_at("link", b, to) ? -1
	                                : REAL(linkat)(a, from, b, to, flags);
}

int
unlink(const char *name)
{
	return strike_at("unlink", AT_FDCWD, name) ? -1 : REAL(unlink)(name);
}

int
unlinkat(int at, const char *name, int flags)
{
	return strike_at("unlink", at, name) ? -1
	                                     : REAL(unlinkat)(at, name, flags);
}
