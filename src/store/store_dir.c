#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "store/store.h"

#define TMP ".tmp" /* where unfinished objects are; no key begins with '.' */

enum {
	DIR_CHUNK = 32 << 10,
	DIR_NAMES = 4 << 20, /* in one folder */
	TMP_KEY = 120,       /* bytes of the key in a temporary name */
	PUBLISH_TRIES = 10,
};

struct store_dir {
	struct store store;
	char *path;
	bool create;
	int root; /* -1: not open */
};

struct dir_sink {
	struct sink sink;
	struct store_dir *dir;
	char *key;
	char *tmp; /* below the root; NULL: there is none any more */
	int fd;
};

/* --- folders, one part at a time, so that no symbolic link is followed */

static int
open_dir_at(int at, const char *name)
{
	return openat(at, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
}

static int
sync_dir(int fd)
{
	/* EINVAL: a file system that cannot. */
	return fsync(fd) && errno != EINVAL ? -1 : 0;
}

/* Made where it is missing, for good before it is used. */
static int
make_dir_at(int at, const char *name)
{
	if (mkdirat(at, name, 0700) == 0 ? sync_dir(at) : errno != EEXIST)
		return -1;
	return open_dir_at(at, name);
}

/* The folder of key, with a position of its own for reading; -1 with errno. */
static int
open_parent(const struct store_dir *d, const char *key, bool make)
{
	int fd = open_dir_at(d->root, ".");
	const char *slash;

	for (; fd >= 0 && (slash = strchr(key, '/')); key = slash + 1) {
		char part[STORE_PART_MAX + 1];
		size_t n = (size_t)(slash - key);
		int next;

		assert(n < sizeof part); /* store_check_key saw it */
		memcpy(part, key, n);
		part[n] = '\0';
		next = open_dir_at(fd, part);
		if (next < 0 && make && errno == ENOENT)
			next = make_dir_at(fd, part);
		(void)close(fd);
		fd = next;
	}
	return fd;
}

static const char *
last_part(const char *key)
{
	const char *slash = strrchr(key, '/');

	return slash ? slash + 1 : key;
}

static int
failed(const struct store_dir *d, const char *what, const char *key,
    struct err *err)
{
	uint64_t room = 0;
	struct err ignored;
	char text[16] = "no";

	if (errno == ELOOP)
		return err_set(err, ERR_IO,
		    "cannot %s '%s': symbolic links are not followed", what,
		    key);
	(void)err_sys(err, "cannot %s '%s'", what, key);
	if (err_is(err, ERR_NOTFOUND))
		err->code = ERR_IO; /* not what callers mean by it */
	if (!err_is(err, ERR_NOROOM))
		return -1;
	if (file_room(d->path, &room, &ignored) == 0)
		str_bytes(room, text);
	return err_wrap(err, "folder '%s' has %s of free space left", d->path,
	    text);
}

static int
no_object(const char *key, struct err *err)
{
	return err_set(err, ERR_NOTFOUND, "no object '%s'", key);
}

static bool
is_missing(void)
{
	return errno == ENOENT || errno == ENOTDIR;
}

/* --- open */

static int
make_one(const char *path, struct err *err)
{
	if (mkdir(path, 0700) == 0)
		return file_sync_parent(path, err);
	return errno == EEXIST ? 0
	                       : err_sys(err, "cannot make folder '%s'", path);
}

/* mkdir -p; what is above may be a symbolic link of the administrator. */
static int
make_root(const char *path, struct err *err)
{
	AUTO(free) char *copy = NULL;

	if (str_dup(path, &copy, err))
		return -1;
	for (char *p = copy; p;) {
		p = strchr(p + 1, '/');
		if (p)
			*p = '\0';
		if (make_one(copy, err))
			return -1;
		if (p)
			*p = '/';
	}
	return 0;
}

static int
dir_open(struct store *st, struct err *err)
{
	struct store_dir *d = (struct store_dir *)st;

	if (d->root >= 0)
		return 0;
	if (d->create && make_root(d->path, err))
		return -1;
	d->root = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->root >= 0)
		return 0;
	(void)err_sys(err, "cannot open folder '%s'", d->path);
	if (err->sys == ENOTDIR)
		err->code = ERR_IO; /* no backup can make it */
	return -1;
}

/* --- put */

static int
dir_write(struct sink *sink, const void *p, size_t n, struct err *err)
{
	struct dir_sink *s = (struct dir_sink *)sink;

	if (file_write_all(s->fd, p, n, err) == 0)
		return 0;
	errno = err->sys;
	return failed(s->dir, "write", s->key, err);
}

/*
 * Without ever overwriting: by the rename that refuses, or by a hard link.
 * Where neither is known (FAT, some FUSE), look before.
 */
static int
publish_at(int root, const char *tmp, int at, const char *name)
{
	struct stat sb;

	if (renameat2(root, tmp, at, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (linkat(root, tmp, at, name, 0) == 0) {
		(void)unlinkat(root, tmp, 0);
		return 0;
	}
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
		return -1;
	if (fstatat(at, name, &sb, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(root, tmp, at, name);
}

static int
sync_or_take_back(int at, const char *name)
{
	int saved;

	if (sync_dir(at) == 0)
		return 0;
	saved = errno;
	(void)unlinkat(at, name, 0);
	errno = saved;
	return -1;
}

/* Again where a remove took the folder away as it became empty. */
static int
publish(const struct dir_sink *s)
{
	const char *name = last_part(s->key);

	for (int i = 0; i < PUBLISH_TRIES; i++) {
		AUTO(close) int at = open_parent(s->dir, s->key, true);

		if (at >= 0 && publish_at(s->dir->root, s->tmp, at, name) == 0)
			return sync_or_take_back(at, name);
		if (errno != ENOENT)
			break;
	}
	return -1;
}

static int
dir_finish(struct sink *sink, struct err *err)
{
	struct dir_sink *s = (struct dir_sink *)sink;
	int fd = s->fd;

	s->fd = -1;
	if (fsync(fd)) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return failed(s->dir, "write", s->key, err);
	}
	/* NFS tells of a full disk here. */
	if (close(fd) && errno != EINTR)
		return failed(s->dir, "write", s->key, err);
	if (publish(s))
		return failed(s->dir, "store", s->key, err);
	free(TAKE(s->tmp));
	return 0;
}

static void
dir_sink_free(struct sink *sink)
{
	struct dir_sink *s = (struct dir_sink *)sink;

	if (s->fd >= 0)
		(void)close(s->fd);
	if (s->tmp)
		(void)unlinkat(s->dir->root, s->tmp, 0);
	free(s->tmp);
	free(s->key);
	free(s);
}

static const struct sink_ops dir_sink_ops = {
	.name = "store",
	.write = dir_write,
	.finish = dir_finish,
	.free = dir_sink_free,
};

/* '/' becomes '%', which no key has. */
static void
flatten(const char *key, char out[TMP_KEY + 1])
{
	size_t n = strnlen(key, TMP_KEY);

	for (size_t i = 0; i < n; i++)
		out[i] = (char)(key[i] == '/' ? '%' : key[i]);
	out[n] = '\0';
}

/* What is being made, since when, by whom: key,time,host,pid,random. */
static int
tmp_name(const char *key, char **ret, struct err *err)
{
	char host[65] = "", date[DATE_BASIC_SIZE], hex[17], flat[TMP_KEY + 1];
	uint8_t random[8];

	if (rand_bytes(random, sizeof random, err))
		return -1;
	(void)gethostname(host, sizeof host - 1);
	host[strcspn(host, "/,")] = '\0';
	date_basic(clock_now(clock_real()), date);
	str_hex(random, sizeof random, hex);
	flatten(key, flat);
	return str_printf(ret, err, TMP "/%s,%s,%s,%ld,%s", flat, date, host,
	    (long)getpid(), hex);
}

static int
begin(struct dir_sink *s, struct err *err)
{
	AUTO(free) char *tmp = NULL;
	AUTO(close) int at = -1;

	if (tmp_name(s->key, &tmp, err))
		return -1;
	at = open_dir_at(s->dir->root, TMP);
	if (at < 0 && errno == ENOENT)
		at = make_dir_at(s->dir->root, TMP);
	if (at >= 0)
		s->fd = openat(at, last_part(tmp),
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return failed(s->dir, "make", s->key, err);
	s->tmp = TAKE(tmp);
	return 0;
}

static int
dir_put(struct store *st, const char *key, struct pool *spare,
    struct sink **ret, struct err *err)
{
	AUTO(sink) struct sink *owned = NULL;
	struct dir_sink *s;

	(void)spare;
	if (store_check_key(key, err))
		return -1;
	s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem(err);
	s->dir = (struct store_dir *)st;
	s->fd = -1;
	owned = sink_init(&s->sink, &dir_sink_ops, NULL);
	if (str_dup(key, &s->key, err) || begin(s, err))
		return -1;
	*ret = TAKE(owned);
	return 0;
}

/* --- get, stat */

/* Never waits for a pipe that somebody put there. */
static int
open_object(const struct store_dir *d, const char *key, int *ret,
    struct stat *sb, struct err *err)
{
	AUTO(close) int at = open_parent(d, key, false);
	AUTO(close) int fd = -1;

	if (at >= 0)
		fd = openat(at, last_part(key),
		    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return is_missing() ? no_object(key, err)
		                    : failed(d, "open", key, err);
	if (fstat(fd, sb))
		return failed(d, "open", key, err);
	if (!S_ISREG(sb->st_mode))
		return no_object(key, err);
	*ret = scope_take_fd(&fd);
	return 0;
}

static int
copy_out(int fd, uint64_t off, uint64_t len, struct sink *to, struct err *err)
{
	char chunk[DIR_CHUNK];

	while (len > 0) {
		size_t n = len < sizeof chunk ? (size_t)len : sizeof chunk;
		ssize_t got = pread(fd, chunk, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "cannot read");
		if (got == 0)
			return err_set(err, ERR_CORRUPT, "cut short");
		if (sink_write(to, chunk, (size_t)got, err))
			return -1;
		off += (uint64_t)got;
		len -= (uint64_t)got;
	}
	return 0;
}

static int
dir_get(struct store *st, const char *key, uint64_t off, uint64_t len,
    struct sink *to, struct err *err)
{
	AUTO(close) int fd = -1;
	struct stat sb = { 0 };
	uint64_t size;

	if (store_check_key(key, err) ||
	    open_object((struct store_dir *)st, key, &fd, &sb, err))
		return -1;
	size = (uint64_t)sb.st_size;
	if (off > size || (len != STORE_ALL && len > size - off))
		return err_set(err, ERR_CORRUPT, "'%s' has only %ju bytes", key,
		    (uintmax_t)size);
	if (copy_out(fd, off, len == STORE_ALL ? size - off : len, to, err))
		return err_wrap(err, "'%s'", key);
	return 0;
}

static int
dir_stat(struct store *st, const char *key, struct store_stat *ret,
    struct err *err)
{
	const struct store_dir *d = (struct store_dir *)st;
	AUTO(close) int at = -1;
	struct stat sb;

	if (store_check_key(key, err))
		return -1;
	at = open_parent(d, key, false);
	if (at < 0 || fstatat(at, last_part(key), &sb, AT_SYMLINK_NOFOLLOW))
		return is_missing() ? no_object(key, err)
		                    : failed(d, "look at", key, err);
	if (!S_ISREG(sb.st_mode))
		return no_object(key, err);
	*ret = (struct store_stat){ .size = (uint64_t)sb.st_size,
		.mtime = sb.st_mtime };
	return 0;
}

/* --- list */

/* One folder, read as a whole and sorted: key is from the root; a folder's
 * ends with '/', so that the order is that of the keys below. */
struct name {
	char *key;
	struct store_stat stat;
};

struct names {
	struct name *name;
	size_t count, cap;
};

static void
scope_names(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->name[i].key);
	free(n->name);
}

static int
by_key(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->key,
	    ((const struct name *)b)->key);
}

/* Where the next one goes; NULL with an error. */
static struct name *
names_next(struct names *n, struct err *err)
{
	size_t cap = n->cap ? 2 * n->cap : 32;
	struct name *grown;

	if (n->count < n->cap)
		return &n->name[n->count];
	if (n->count >= DIR_NAMES) { /* more than a test can make */
		(void)err_set(err, ERR_IO, "more than %d files in a folder",
		    DIR_NAMES);
		return NULL;
	}
	grown = realloc(n->name, cap * sizeof *grown);
	if (!grown) {
		(void)err_nomem(err);
		return NULL;
	}
	n->name = grown;
	n->cap = cap;
	return &grown[n->count];
}

/* What cannot be an object is not ours: links, pipes, odd names. */
static int
names_add(struct names *n, int at, const char *key, const char *prefix,
    struct err *err)
{
	struct name *to;
	struct err ignored;
	struct stat sb;
	bool dir;

	if (store_check_key(key, &ignored))
		return 0;
	if (fstatat(at, last_part(key), &sb, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : err_sys(err, "'%s'", key);
	dir = S_ISDIR(sb.st_mode);
	if (!dir && !S_ISREG(sb.st_mode))
		return 0;
	to = names_next(n, err);
	if (!to || str_printf(&to->key, err, "%s%s", key, dir ? "/" : ""))
		return -1;
	to->stat = (struct store_stat){ .folder = dir };
	if (!dir) {
		to->stat.size = (uint64_t)sb.st_size;
		to->stat.mtime = sb.st_mtime;
	}
	if (str_starts(to->key, prefix))
		n->count++;
	else
		free(to->key);
	return 0;
}

static void
scope_stream(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

/* folder: "" or ends with '/'.  One that is not there is empty. */
static int
names_read(const struct store_dir *d, const char *folder, const char *prefix,
    struct names *n, struct err *err)
{
	AUTO(stream) DIR *stream = NULL;
	int fd = open_parent(d, folder, false);
	const struct dirent *e;

	if (fd < 0)
		return is_missing() ? 0 : failed(d, "list", folder, err);
	stream = fdopendir(fd);
	if (!stream) {
		(void)close(fd);
		return failed(d, "list", folder, err);
	}
	while (errno = 0, (e = readdir(stream))) {
		AUTO(free) char *key = NULL;

		if (str_printf(&key, err, "%s%s", folder, e->d_name) ||
		    names_add(n, fd, key, prefix, err))
			return -1;
	}
	if (errno)
		return failed(d, "list", folder, err);
	if (n->count > 0)
		qsort(n->name, n->count, sizeof n->name[0], by_key);
	return 0;
}

struct walk {
	const struct store_dir *dir;
	const char *prefix;
	bool deep;
	store_list_fn *fn;
	void *arg;
};

static int walk(const struct walk *, const char *folder, struct err *);

static int
found(void *arg, const char *key, const struct store_stat *stat,
    struct err *err)
{
	(void)arg;
	(void)key;
	(void)stat;
	(void)err;
	return 1;
}

/* Folders that hold nothing, at no depth, do not exist for others. */
static int
visit(const struct walk *w, const struct name *n, struct err *err)
{
	const struct walk any = { w->dir, "", true, found, NULL };
	int rc;

	if (!n->stat.folder)
		return w->fn(w->arg, n->key, &n->stat, err);
	if (w->deep)
		return walk(w, n->key, err);
	rc = walk(&any, n->key, err);
	return rc > 0 ? w->fn(w->arg, n->key, &n->stat, err) : rc;
}

/* As deep as a key has parts; no file is open while fn runs. */
static int
walk(const struct walk *w, const char *folder, struct err *err)
{
	AUTO(names) struct names n = { 0 };
	int rc = names_read(w->dir, folder, w->prefix, &n, err);

	for (size_t i = 0; rc == 0 && i < n.count; i++)
		rc = visit(w, &n.name[i], err);
	return rc;
}

static int
dir_list(struct store *st, const char *prefix, bool deep, store_list_fn *fn,
    void *arg, struct err *err)
{
	const struct walk w = { (struct store_dir *)st, prefix, deep, fn, arg };
	AUTO(free) char *folder = NULL;
	AUTO(free) char *any = NULL;

	/* No prefix may lead out of the root. */
	if (str_printf(&any, err, "%sx", prefix) || store_check_key(any, err) ||
	    str_printf(&folder, err, "%.*s", (int)(last_part(prefix) - prefix),
	        prefix))
		return -1;
	return walk(&w, folder, err);
}

/* --- remove, sweep */

/* The folders above, from the inside out, until one is not empty. */
static void
remove_empty(const struct store_dir *d, char *key)
{
	char *slash;

	while ((slash = strrchr(key, '/'))) {
		AUTO(close) int at = -1;

		*slash = '\0';
		at = open_parent(d, key, false);
		if (at < 0 || unlinkat(at, last_part(key), AT_REMOVEDIR))
			return;
	}
}

/* For good when it returns: the manifest goes before what it names. */
static int
dir_remove(struct store *st, const char *key, struct err *err)
{
	const struct store_dir *d = (struct store_dir *)st;
	AUTO(free) char *copy = NULL;
	AUTO(close) int at = -1;

	if (store_check_key(key, err) || str_dup(key, &copy, err))
		return -1;
	at = open_parent(d, key, false);
	if (at < 0 || unlinkat(at, last_part(key), 0))
		return is_missing() ? 0 : failed(d, "remove", key, err);
	/* only a disk that fails just now */
	if (sync_dir(at))
		return failed(d, "remove", key, err);
	remove_empty(d, copy);
	return 0;
}

/* Of a long key only the beginning is in the name: that has to do. */
static bool
is_below(const char *tmp, const char *prefix)
{
	char flat[TMP_KEY + 1];
	size_t n = strcspn(tmp, ",");

	flatten(prefix, flat);
	return tmp[n] == ',' && strncmp(tmp, flat, strlen(flat)) == 0;
}

static int
sweep_one(int at, const char *name, int64_t before, unsigned *n,
    struct err *err)
{
	struct stat sb;

	if (fstatat(at, name, &sb, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : err_sys(err, "'%s'", name);
	if (!S_ISREG(sb.st_mode) || sb.st_mtime >= before)
		return 0;
	if (unlinkat(at, name, 0))
		return errno == ENOENT
		           ? 0
		           : err_sys(err, "cannot remove '%s'", name);
	(*n)++;
	return 0;
}

/* NULL: there is none. */
static int
open_tmp(const struct store_dir *d, DIR **ret, struct err *err)
{
	int fd = open_dir_at(d->root, TMP);

	*ret = fd >= 0 ? fdopendir(fd) : NULL;
	if (!*ret && fd >= 0)
		(void)close(fd);
	return *ret || is_missing() ? 0 : failed(d, "list", TMP, err);
}

static int
dir_sweep(struct store *st, const char *prefix, int64_t before, unsigned *ret,
    struct err *err)
{
	const struct store_dir *d = (struct store_dir *)st;
	AUTO(stream) DIR *stream = NULL;
	const struct dirent *e;
	unsigned n = 0;

	if (open_tmp(d, &stream, err))
		return -1;
	while (stream && (errno = 0, e = readdir(stream)))
		if (is_below(e->d_name, prefix) &&
		    sweep_one(dirfd(stream), e->d_name, before, &n, err))
			return -1;
	if (stream && errno)
		return failed(d, "list", TMP, err);
	*ret = n;
	return 0;
}

static int
dir_unfinished(struct store *st, const char *prefix, bool *any, struct err *err)
{
	const struct store_dir *d = (struct store_dir *)st;
	AUTO(stream) DIR *stream = NULL;
	const struct dirent *e;
	bool found = false;

	if (open_tmp(d, &stream, err))
		return -1;
	while (stream && !found && (errno = 0, e = readdir(stream)))
		found = is_below(e->d_name, prefix);
	if (stream && errno && !found)
		return failed(d, "list", TMP, err);
	*any = found;
	return 0;
}

/* --- the rest */

static int
dir_room(struct store *st, uint64_t *bytes, struct err *err)
{
	return file_room(((struct store_dir *)st)->path, bytes, err);
}

static int64_t
dir_now(struct store *st)
{
	(void)st;
	return clock_now(clock_real());
}

static const char *
dir_where(const struct store *st)
{
	return ((const struct store_dir *)st)->path;
}

static void
dir_free(struct store *st)
{
	struct store_dir *d = (struct store_dir *)st;

	if (d->root >= 0)
		(void)close(d->root);
	free(d->path);
	free(d);
}

static const struct store_ops dir_ops = {
	.type = "dir",
	.open = dir_open,
	.put = dir_put,
	.get = dir_get,
	.stat = dir_stat,
	.list = dir_list,
	.remove = dir_remove,
	.sweep = dir_sweep,
	.unfinished = dir_unfinished,
	.room = dir_room,
	.now = dir_now,
	.where = dir_where,
	.free = dir_free,
};

int
store_dir_new(const char *path, bool create, struct store **ret,
    struct err *err)
{
	struct store_dir *d;

	if (!*path)
		return err_set(err, ERR_USAGE, "no folder is given");
	d = calloc(1, sizeof *d);
	if (!d)
		return err_nomem(err);
	d->store.ops = &dir_ops;
	d->create = create;
	d->root = -1;
	if (str_dup(path, &d->path, err)) {
		free(d);
		return -1;
	}
	*ret = &d->store;
	return 0;
}
