#include "component/sqlite_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "component/component.h"
#include "component/private_dir.h"
#include "component/sqlite_damaged.h"
#include "component/sqlite_db.h"
#include "component/sqlite_raw.h"
#include "component/sqlite_rows.h"

enum {
	NAMES_MAX = 16 << 10, /* what getpwnam_r may need */
	PERMISSIONS = 0777,
	NEW_FILE = 0666,
	ROOM_SLACK = 1 << 20
};

enum state {
	MISSING,
	EMPTY,  /* 0 bytes: a database with nothing in it */
	USABLE, /* SQLite can write it */
	DAMAGED
};

struct restore {
	const struct config_sqlite *cfg;
	const char *path;
	struct loader *loader;
	uint64_t wait_ms;
	char *dir; /* that path lies in */
	enum state state;
	struct sqlite_raw old; /* zero where missing */
	struct private_dir *own;
	char *fresh; /* the set's database, in own */
	char *kept;  /* name of what was there before */
};

static void
scope_restore(struct restore *r)
{
	private_dir_free(r->own);
	free(r->dir);
	free(r->fresh);
	free(r->kept);
}

/* --- what is there */

static int
probe(struct restore *r, struct err *err)
{
	bool damaged;

	if (sqlite_damaged_is(r->path, &r->old, &damaged, err))
		return -1;
	r->state = damaged ? DAMAGED : r->old.st.st_size == 0 ? EMPTY : USABLE;
	return 0;
}

static int
look(struct restore *r, struct err *err)
{
	if (sqlite_raw_folder(r->path, &r->dir, err))
		return -1;
	if (sqlite_raw_look(r->path, &r->old, err)) {
		r->state = MISSING;
		return err_is(err, ERR_NOTFOUND) ? 0 : -1;
	}
	return probe(r, err);
}

static int
want_room(const struct restore *r, struct err *err)
{
	uint64_t fresh = json_opt_u64(r->loader->facts, "pages");
	uint64_t page = json_opt_u64(r->loader->facts, "page-size");
	uint64_t old = (uint64_t)r->old.st.st_size + r->old.wal_bytes;
	uint64_t need, room;
	char needs[16], has[16];

	if (page && fresh > UINT64_MAX / 8 / page)
		return err_set(err, ERR_CORRUPT, "facts: %" PRIu64 " pages",
		    fresh);
	fresh *= page;
	need = fresh + ROOM_SLACK;
	/* The copy that is kept, the journal, and what it grows by. */
	if (r->state == USABLE)
		need += 2 * old + fresh;
	if (file_room(r->dir, &room, err))
		return -1;
	if (need <= room)
		return 0;
	str_bytes(need, needs);
	str_bytes(room, has);
	return err_set(err, ERR_NOROOM,
	    "no room in '%s' to restore: needs %s, has %s", r->dir, needs, has);
}

/* --- what comes back */

static int
receive(struct restore *r, struct err *err)
{
	AUTO(sink) struct sink *to = NULL;
	AUTO(close) int fd = -1;

	if (private_dir_file(r->own, "fresh", &r->fresh, err))
		return -1;
	fd = open(r->fresh, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot open '%s'", r->fresh);
	if (sink_fd_new(fd, &to, err) ||
	    r->loader->ops->stream(r->loader, "sqlite", to, err))
		return -1;
	return fsync(fd) ? err_sys(err, "cannot write '%s'", r->fresh) : 0;
}

static int
verify(const struct restore *r, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *db = NULL;

	if (sqlite_db_open(r->fresh, SQLITE_DB_OWN, 0, &db, err) ||
	    sqlite_db_check(db, err))
		return -1;
	return sqlite_rows_same(db, r->loader->facts, NULL, err);
}

static int
get_fresh(struct restore *r, struct err *err)
{
	if (private_dir_new(r->dir, &r->own, err) || receive(r, err))
		return -1;
	if (verify(r, err))
		return err_wrap(err, "the saved database");
	return 0;
}

/* --- owner and mode */

struct owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

static int
find_user(const char *name, uid_t *uid, struct err *err)
{
	struct passwd pw, *found = NULL;
	AUTO(free) char *mem = NULL;
	struct err ignored = { 0 };
	uint64_t id;

	if (str_to_u64(name, 0, UINT32_MAX - 1, &id, &ignored) == 0) {
		*uid = (uid_t)id;
		return 0;
	}
	mem = malloc(NAMES_MAX);
	if (!mem)
		return err_nomem(err);
	if (getpwnam_r(name, &pw, mem, NAMES_MAX, &found) || !found)
		return err_set(err, ERR_USAGE, "there is no user '%s'", name);
	*uid = found->pw_uid;
	return 0;
}

static int
find_group(const char *name, gid_t *gid, struct err *err)
{
	struct group gr, *found = NULL;
	AUTO(free) char *mem = NULL;
	struct err ignored = { 0 };
	uint64_t id;

	if (str_to_u64(name, 0, UINT32_MAX - 1, &id, &ignored) == 0) {
		*gid = (gid_t)id;
		return 0;
	}
	mem = malloc(NAMES_MAX);
	if (!mem)
		return err_nomem(err);
	if (getgrnam_r(name, &gr, mem, NAMES_MAX, &found) || !found)
		return err_set(err, ERR_USAGE, "there is no group '%s'", name);
	*gid = found->gr_gid;
	return 0;
}

/* As what it replaces; a new file as configured, or as its folder. */
static int
owner_of(const struct restore *r, struct owner *o, struct err *err)
{
	const struct config_sqlite *cfg = r->cfg;
	struct stat st = r->old.st;

	if (r->state == MISSING && stat(r->dir, &st))
		return err_sys(err, "cannot find folder '%s'", r->dir);
	o->uid = st.st_uid;
	o->gid = st.st_gid;
	o->mode = st.st_mode & (r->state == MISSING ? NEW_FILE : PERMISSIONS);
	if (r->state != MISSING)
		return 0;
	if (cfg->mode)
		o->mode = (mode_t)cfg->mode & PERMISSIONS;
	if (cfg->owner && find_user(cfg->owner, &o->uid, err))
		return -1;
	return cfg->group ? find_group(cfg->group, &o->gid, err) : 0;
}

/*
 * Only root may give files away.  Another's mode on a file of our own could
 * show it to a group that never had it: then it stays private.
 */
static int
set_owner(const struct restore *r, int fd, const struct owner *o,
    struct err *err)
{
	bool asked = r->state == MISSING && (r->cfg->owner || r->cfg->group);
	mode_t mode = o->mode;

	if (fchown(fd, o->uid, o->gid)) {
		if (errno != EPERM || asked)
			return err_sys(err, "cannot change the owner of '%s'",
			    r->path);
		if (fchown(fd, (uid_t)-1, o->gid))
			mode &= S_IRUSR | S_IWUSR;
	}
	if (fchmod(fd, mode))
		return err_sys(err, "cannot change the mode of '%s'", r->path);
	return 0;
}

static int
seal(const struct restore *r, const char *file, struct err *err)
{
	AUTO(close) int fd = open(file, O_RDWR | O_CLOEXEC);
	struct owner o = { 0 };

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", file);
	if (owner_of(r, &o, err) || set_owner(r, fd, &o, err))
		return -1;
	return fsync(fd) ? err_sys(err, "cannot write '%s'", file) : 0;
}

/* --- put a file in place: missing or damaged */

static int
keep_damaged(struct restore *r, struct err *err)
{
	bool moved;

	if (sqlite_damaged_keep(r->path, r->kept, r->state == DAMAGED, &moved,
	        err))
		return -1;
	if (moved)
		r->loader->ops->note(r->loader,
		    "a journal or WAL lay beside '%s', which does not belong "
		    "to the restored data: kept as '%s-*'",
		    r->path, r->kept);
	return 0;
}

static int
put_in_place(struct restore *r, struct err *err)
{
	if (seal(r, r->fresh, err) || keep_damaged(r, err))
		return -1;
	if (rename(r->fresh, r->path))
		return err_sys(err, "cannot rename to '%s'", r->path);
	if (file_sync_parent(r->path, err))
		return -1;
	if (r->state == DAMAGED)
		r->loader->ops->note(r->loader,
		    "'%s' was damaged and is kept as '%s'; a server that has "
		    "it open must be restarted",
		    r->path, r->kept);
	else
		r->loader->ops->note(r->loader, "'%s' was missing: made anew",
		    r->path);
	return 0;
}

/* --- write into the live file */

/* Under the name kept only when it is complete. */
static int
keep_copy(struct restore *r, struct sqlite_db *live, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *to = NULL;
	AUTO(free) char *copy = NULL;

	if (private_dir_file(r->own, "before", &copy, err) ||
	    sqlite_db_open(copy, SQLITE_DB_NEW, 0, &to, err) ||
	    sqlite_db_read_begin(live, err) || sqlite_db_copy(live, to, err) ||
	    sqlite_db_read_end(live, err))
		return -1;
	sqlite_db_free(TAKE(to));
	if (seal(r, copy, err))
		return -1;
	if (rename(copy, r->kept))
		return err_sys(err, "cannot rename to '%s'", r->kept);
	if (file_sync_parent(r->kept, err)) {
		(void)unlink(r->kept);
		return -1;
	}
	return 0;
}

/*
 * The backup API hands over the header with the rest, so the journal mode
 * must be the target's before, and in WAL mode the page size too.
 */
static int
adapt(struct restore *r, const struct sqlite_db_facts *live, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	AUTO(free) char *sized = NULL;
	struct sqlite_db_facts f;

	if (sqlite_db_open(r->fresh, SQLITE_DB_OWN, 0, &db, err) ||
	    sqlite_db_leave_wal(db, err) || sqlite_db_facts(db, &f, err))
		return -1;
	if (!live->wal || f.page_size == live->page_size)
		return 0;
	if (private_dir_file(r->own, "sized", &sized, err) ||
	    sqlite_db_resize(db, live->page_size, sized, err))
		return -1;
	free(TAKE(r->fresh));
	r->fresh = TAKE(sized);
	r->loader->ops->note(r->loader,
	    "'%s' keeps its page size of %" PRIu32
	    ", the saved one had %" PRIu32,
	    r->path, live->page_size, f.page_size);
	return 0;
}

static int
overwrite(struct restore *r, struct sqlite_db *live, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *fresh = NULL;
	struct sqlite_db_facts f;

	if (sqlite_db_facts(live, &f, err) || adapt(r, &f, err) ||
	    sqlite_db_open(r->fresh, SQLITE_DB_OWN, 0, &fresh, err) ||
	    sqlite_db_read_begin(fresh, err))
		return -1;
	return sqlite_db_copy(fresh, live, err);
}

/* After a lock or a full disk the old data is where it was. */
static int
drop_kept(struct restore *r, struct err *err)
{
	if (r->state == USABLE &&
	    (err_is(err, ERR_TRANSIENT) || err_is(err, ERR_NOROOM) ||
	        err_is(err, ERR_NOMEM) || err_is(err, ERR_DENIED)))
		(void)unlink(r->kept);
	else if (r->state == USABLE)
		(void)err_wrap(err, "what was there is kept as '%s'", r->kept);
	return -1;
}

static void
note_kept(struct restore *r)
{
	if (r->state == USABLE)
		r->loader->ops->note(r->loader,
		    "'%s' as it was before is kept as '%s'; to put it back: "
		    "sqlite3 '%s' \".restore '%s'\"",
		    r->path, r->kept, r->path, r->kept);
}

static int
write_live(struct restore *r, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *live = NULL;

	if (sqlite_db_open(r->path, SQLITE_DB_LIVE, r->wait_ms, &live, err) ||
	    (r->state == USABLE && keep_copy(r, live, err))) {
		if (err_is(err, ERR_CORRUPT))
			r->state = DAMAGED;
		return -1;
	}
	if (overwrite(r, live, err))
		return drop_kept(r, err);
	note_kept(r);
	return 0;
}

static int
write_it(struct restore *r, struct err *err)
{
	if (r->state == EMPTY || r->state == USABLE) {
		if (write_live(r, err) == 0)
			return 0;
		/* Found to be damaged before anything was written. */
		if (r->state != DAMAGED)
			return -1;
	}
	return put_in_place(r, err);
}

/* --- all of it */

static void
tell(const struct restore *r)
{
	struct loader *l = r->loader;

	switch (r->state) {
	case MISSING:
		l->ops->note(l, "would make '%s'", r->path);
		return;
	case EMPTY:
		l->ops->note(l, "would fill '%s', which is empty", r->path);
		return;
	case USABLE:
		l->ops->note(l, "would keep '%s' as '%s' and overwrite it",
		    r->path, r->kept);
		return;
	case DAMAGED:
		l->ops->note(l,
		    "'%s' is damaged: would keep it as '%s' and put another "
		    "file in its place",
		    r->path, r->kept);
		return;
	}
}

int
sqlite_restore(const struct config_sqlite *cfg, const char *path,
    struct loader *loader, struct err *err)
{
	AUTO(restore)
	struct restore r = {
		.cfg = cfg,
		.path = path,
		.loader = loader,
		.wait_ms = cfg->busy_timeout_s * 1000,
	};

	if (look(&r, err) || sqlite_raw_name_kept(path, &r.kept, err) ||
	    want_room(&r, err))
		return -1;
	if (loader->dry_run) {
		tell(&r);
		return 0;
	}
	if (get_fresh(&r, err))
		return -1;
	return write_it(&r, err);
}
