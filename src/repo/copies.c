#include "repo/copies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "repo/manifest.h"

enum {
	NAME_SIZE = SHA256_HEX + 80, /* a component has 63 bytes at most */
	READ_SIZE = 64 << 10,
	STALE_S = 86400 /* what a killed run left */
};

#define ENDING ".jsonl.zst"
#define UNFINISHED ".new"

struct copies {
	char *path;
	int fd;
};

/* --- the folders */

/* Ours alone: what lies in it is not encrypted. */
static int
check_private(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(err, "folder '%s'", path);
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return err_set(err, ERR_DENIED,
		    "folder '%s' is somebody else's, or open to others; it must "
		    "be ours, of mode 0700",
		    path);
	return 0;
}

static int
open_folder(const char *path, int *ret, struct err *err)
{
	AUTO(close) int fd = -1;

	if (mkdir(path, 0700) && errno != EEXIST)
		return err_sys(err, "cannot make folder '%s'", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot open folder '%s'", path);
	if (check_private(fd, path, err))
		return -1;
	*ret = scope_take_fd(&fd);
	return 0;
}

static inline void
scope_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static DIR *
list(const struct copies *c)
{
	int fd = openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		(void)close(fd);
	return d;
}

int
copies_open(const char *folder, const char *id, struct copies **ret,
    struct err *err)
{
	AUTO(copies) struct copies *c = calloc(1, sizeof *c);
	AUTO(close) int outer = -1;

	if (!c)
		return err_nomem(err);
	c->fd = -1;
	if (open_folder(folder, &outer, err) ||
	    str_printf(&c->path, err, "%s/%s", folder, id) ||
	    open_folder(c->path, &c->fd, err))
		return -1;
	*ret = TAKE(c);
	return 0;
}

void
copies_free(struct copies *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		(void)close(c->fd);
	free(c->path);
	free(c);
}

static void
name_of(const uint8_t sha256[SHA256_SIZE], const char *component,
    char name[NAME_SIZE])
{
	char hex[SHA256_HEX];

	str_hex(sha256, SHA256_SIZE, hex);
	(void)snprintf(name, NAME_SIZE, "%s.%.63s" ENDING, hex, component);
}

/* --- writing */

struct sink_copy {
	struct sink sink;
	const struct copies *copies;
	char *component;
	char name[NAME_SIZE]; /* while it is not finished; empty: no copy */
	int fd;
};

/* The backup is worth more than the copy: the next one is a full one. */
static void
give_up(struct sink_copy *s, const struct err *why)
{
	log_warning("component '%s': no copy of its inventory is kept in '%s', "
	            "the next backup will read everything: %s",
	    s->component, s->copies->path, why->msg);
	(void)unlinkat(s->copies->fd, s->name, 0);
	scope_close(&s->fd);
	s->fd = -1;
	s->name[0] = '\0';
}

static int
copy_write(struct sink *sink, const void *p, size_t n, struct err *err)
{
	struct sink_copy *s = (struct sink_copy *)sink;
	struct err why = { 0 };

	if (s->fd >= 0 && file_write_all(s->fd, p, n, &why))
		give_up(s, &why);
	return sink_write(sink->next, p, n, err);
}

static int
copy_finish(struct sink *sink, struct err *err)
{
	struct sink_copy *s = (struct sink_copy *)sink;
	struct err why = { 0 };

	(void)err;
	if (s->fd >= 0 && fsync(s->fd)) {
		(void)err_sys(&why, "cannot sync it");
		give_up(s, &why);
	}
	return 0;
}

static void
copy_free(struct sink *sink)
{
	struct sink_copy *s = (struct sink_copy *)sink;

	if (s->name[0])
		(void)unlinkat(s->copies->fd, s->name, 0);
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->component);
	free(s);
}

static const struct sink_ops copy_ops = {
	.name = "copy",
	.write = copy_write,
	.finish = copy_finish,
	.free = copy_free,
};

static int
begin(struct sink_copy *s, struct err *err)
{
	uint8_t random[8];
	char hex[2 * sizeof random + 1];

	if (rand_bytes(random, sizeof random, err))
		return -1;
	str_hex(random, sizeof random, hex);
	(void)snprintf(s->name, sizeof s->name, "%s" UNFINISHED, hex);
	s->fd = openat(s->copies->fd, s->name,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return err_sys(err, "cannot make a file");
	return 0;
}

int
copies_sink_new(struct copies *c, const char *component, struct sink *next,
    struct sink **out, struct err *err)
{
	AUTO(sink) struct sink *owned = next;
	struct sink_copy *s = calloc(1, sizeof *s);
	struct err why = { 0 };

	if (!s)
		return err_nomem(err);
	s->copies = c;
	s->fd = -1;
	owned = sink_init(&s->sink, &copy_ops, next);
	if (str_dup(component, &s->component, err))
		return -1;
	if (begin(s, &why))
		give_up(s, &why);
	*out = TAKE(owned);
	return 0;
}

void
copies_keep(struct sink *sink, const uint8_t sha256[SHA256_SIZE])
{
	struct sink_copy *s = (struct sink_copy *)sink;
	char name[NAME_SIZE];
	struct err why = { 0 };

	if (s->fd < 0)
		return;
	name_of(sha256, s->component, name);
	if (renameat(s->copies->fd, s->name, s->copies->fd, name)) {
		(void)err_sys(&why, "cannot rename it");
		give_up(s, &why);
		return;
	}
	s->name[0] = '\0';
	(void)fsync(s->copies->fd);
}

/* --- reading */

bool
copies_has(const struct copies *c, const uint8_t sha256[SHA256_SIZE],
    const char *component)
{
	char name[NAME_SIZE];

	name_of(sha256, component, name);
	return faccessat(c->fd, name, R_OK, 0) == 0;
}

static int
pump(int fd, struct sink *to, struct err *err)
{
	AUTO(free) char *p = malloc(READ_SIZE);
	ssize_t n;

	if (!p)
		return err_nomem(err);
	while ((n = read(fd, p, READ_SIZE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot read it");
		if (sink_write(to, p, (size_t)n, err))
			return -1;
	}
	return sink_finish(to, err);
}

static int
read_copy(const struct copies *c, const char *name, struct sink *to,
    struct err *err)
{
	AUTO(sink) struct sink *head = NULL;
	AUTO(close)
	int fd = openat(c->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot open it");
	if (sink_outlet_new(to, &head, err) ||
	    sink_unzstd_new(TAKE(head), &head, err))
		return -1;
	return pump(fd, head, err);
}

int
copies_read(const struct copies *c, const uint8_t sha256[SHA256_SIZE],
    const char *component, struct sink *to, struct err *err)
{
	char name[NAME_SIZE];

	name_of(sha256, component, name);
	if (read_copy(c, name, to, err) || sink_finish(to, err))
		return err_wrap(err, "copy '%s/%s'", c->path, name);
	return 0;
}

/* --- which stay */

struct kept {
	const struct manifest_component *component;
	time_t newest; /* of those that stay; 0: there are none */
};

static bool
stays(const struct manifest_component *c, const char *name)
{
	char keep[NAME_SIZE];

	for (const struct manifest_file *f = manifest_inventory_of(c); f;
	     f = manifest_inventory_next(c, f)) {
		name_of(f->sha256, c->name, keep);
		if (strcmp(name, keep) == 0)
			return true;
	}
	return false;
}

/* A copy that belongs to another set, or what a run had begun that was killed
 * a day before.  Younger ones are those of a run that goes on beside this. */
static bool
is_old(const char *name, const struct stat *st, const struct kept *k)
{
	const size_t hash = SHA256_HEX - 1;
	char any[NAME_SIZE];

	if (str_ends(name, UNFINISHED))
		return st->st_mtime < k->newest - STALE_S;
	name_of((const uint8_t[SHA256_SIZE]){ 0 }, k->component->name, any);
	return strlen(name) == strlen(any) &&
	       strcmp(name + hash, any + hash) == 0 &&
	       st->st_mtime <= k->newest && !stays(k->component, name);
}

static time_t
newest_of(const struct copies *c, const struct manifest_component *mc)
{
	char keep[NAME_SIZE];
	time_t newest = 0;
	struct stat st;

	for (const struct manifest_file *f = manifest_inventory_of(mc); f;
	     f = manifest_inventory_next(mc, f)) {
		name_of(f->sha256, mc->name, keep);
		if (fstatat(c->fd, keep, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_mtime > newest)
			newest = st.st_mtime;
	}
	return newest;
}

void
copies_retain(struct copies *c, const struct manifest_component *mc)
{
	const struct kept kept = { mc, newest_of(c, mc) };
	AUTO(dir) DIR *d = kept.newest ? list(c) : NULL;
	struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d)))
		if (fstatat(c->fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    is_old(e->d_name, &st, &kept))
			(void)unlinkat(c->fd, e->d_name, 0);
}
