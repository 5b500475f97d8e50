#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "component/component.h"
#include "component/private_dir.h"
#include "component/sqlite_copy.h"
#include "component/sqlite_db.h"
#include "component/sqlite_load.h"
#include "component/sqlite_pod.h"
#include "component/sqlite_proof.h"
#include "component/sqlite_raw.h"
#include "component/sqlite_restore.h"
#include "component/sqlite_rows.h"

enum {
	CHUNK = 256 << 10,
	PEEK_WAIT_MS = 300,
	ROOM_SLACK = 1 << 20,
	NOTE_MAX = 4096
};

struct sqlite {
	struct component base;
	const struct config_component *component;
	const struct config_sqlite *cfg; /* of it */
	const char *path, *scratch;
	bool in_pod;
};

static struct sqlite *
sqlite_of(struct component *c)
{
	return (struct sqlite *)c;
}

/* --- check */

static int
want_room(const char *dir, uint64_t need, struct err *err)
{
	char needs[16], has[16];
	uint64_t room;

	if (file_room(dir, &room, err))
		return -1;
	if (need <= room)
		return 0;
	str_bytes(need, needs);
	str_bytes(room, has);
	return err_set(err, ERR_NOROOM,
	    "no room in '%s' for a copy: needs %s, has %s", dir, needs, has);
}

/*
 * The last word is the backup's; here a database that is locked, or that has
 * to be recovered first, is only told about.
 */
static int
describe(const char *path, const struct sqlite_raw *r, struct buf *detail,
    struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	struct sqlite_db_facts f;
	struct err why = { 0 }; /* a caller may look at err, and not at -1 */
	enum sqlite_db_use use =
	    sqlite_raw_is_live(r) ? SQLITE_DB_READ : SQLITE_DB_PEEK;

	if (sqlite_db_open(path, use, PEEK_WAIT_MS, &db, &why) ||
	    sqlite_db_facts(db, &f, &why)) {
		if (err_is(&why, ERR_TRANSIENT))
			return buf_puts(detail, ", locked at the moment", err);
		if (err_is(&why, ERR_CHANGED))
			return buf_puts(detail, ", left by a crash", err);
		*err = why;
		return -1;
	}
	if (buf_printf(detail, err, ", %" PRIu64 " table%s", f.tables,
	        f.tables == 1 ? "" : "s"))
		return -1;
	return f.is_mlmd ? buf_printf(detail, err, ", MLMD schema %" PRIu64,
	                       f.mlmd_schema)
	                 : 0;
}

static int
check_source(const struct sqlite *s, const char *path, struct buf *detail,
    struct err *err)
{
	struct sqlite_raw r;
	char size[16];
	uint64_t bytes;

	if (sqlite_raw_look(path, &r, err) || sqlite_copy_want(&r, path, err))
		return -1;
	bytes = (uint64_t)r.st.st_size + r.wal_bytes;
	/* what a WAL holds is there twice while it is applied */
	if (want_room(s->scratch,
	        bytes + r.wal_bytes + r.journal_bytes + ROOM_SLACK, err))
		return -1;
	str_bytes(bytes, size);
	if (buf_puts(detail, size, err))
		return -1;
	return describe(path, &r, detail, err);
}

static int
check_target(const char *path, struct buf *detail, struct err *err)
{
	AUTO(free) char *dir = NULL;
	struct sqlite_raw r;

	if (sqlite_load_check(path, detail, err))
		return -1;
	if (sqlite_raw_look(path, &r, err))
		return err_is(err, ERR_NOTFOUND) ? 0 : -1;
	if (sqlite_raw_folder(path, &dir, err))
		return -1;
	/* The copy that is kept, the new one, and the journal. */
	return want_room(dir, 3 * (uint64_t)r.st.st_size + ROOM_SLACK, err);
}

static int
sqlite_check(struct component *c, bool restore, struct buf *detail,
    struct err *err)
{
	struct sqlite *s = sqlite_of(c);
	AUTO(free) char *path = NULL;

	if (s->in_pod)
		return sqlite_pod_check(s->component, restore, detail, err);
	if (sqlite_raw_resolve(s->path, &path, err))
		return -1;
	if (restore)
		return check_target(path, detail, err);
	return check_source(s, path, detail, err);
}

/* --- backup */

static int
send_chunks(int fd, char *chunk, struct sink *to, struct sqlite_proof *proof,
    struct err *err)
{
	ssize_t n;

	while (!sqlite_proof_failed(proof)) {
		do
			n = read(fd, chunk, CHUNK);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return err_sys(err, "cannot read the copy");
		if (n == 0)
			return 0;
		if (sink_write(to, chunk, (size_t)n, err))
			return -1;
	}
	return 0; /* the proof says why */
}

/* The file is ended when it is proved, and not before. */
static int
send_proved(const struct sqlite_copy *copy, struct saver *saver,
    struct sqlite_proof *proof, const char **facts, struct err *err)
{
	AUTO(sink) struct sink *to = NULL;
	AUTO(free) char *chunk = malloc(CHUNK);
	AUTO(close) int fd = -1;

	if (!chunk)
		return err_nomem(err);
	fd = open(copy->to, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot open '%s'", copy->to);
	if (saver->ops->stream(saver, "sqlite", &to, err) ||
	    send_chunks(fd, chunk, to, proof, err) ||
	    sqlite_proof_end(proof, facts, err))
		return -1;
	return sink_finish(to, err);
}

static int
expect(const char *path, struct saver *saver, struct err *err)
{
	struct sqlite_raw r;

	if (sqlite_raw_look(path, &r, err))
		return -1;
	saver->ops->expect(saver, 1, (uint64_t)r.st.st_size);
	return 0;
}

static int
refer(void *arg, const char *uri, struct err *err)
{
	struct saver *saver = arg;

	return saver->ops->reference(saver, uri, err);
}

/* ML Metadata says where its artifacts lie. */
static int
name_references(const char *path, struct saver *saver, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	struct sqlite_db_facts f;

	if (sqlite_db_open(path, SQLITE_DB_PEEK, 0, &db, err) ||
	    sqlite_db_facts(db, &f, err))
		return -1;
	return f.is_mlmd ? sqlite_db_mlmd_uris(db, refer, saver, err) : 0;
}

static int
take_copy(const struct sqlite *s, struct sqlite_copy *copy, struct saver *saver,
    struct err *err)
{
	if (s->in_pod) {
		if (str_dup(s->path, &copy->from, err) ||
		    sqlite_pod_copy(s->component, copy->to, &copy->locked_ms,
		        err))
			return -1;
		return expect(copy->to, saver, err);
	}
	if (sqlite_raw_resolve(s->path, &copy->from, err) ||
	    expect(copy->from, saver, err))
		return -1;
	return sqlite_copy_run(copy, err);
}

static int
sqlite_backup(struct component *c, struct saver *saver, struct err *err)
{
	struct sqlite *s = sqlite_of(c);
	AUTO(sqlite_copy)
	struct sqlite_copy copy = { .wait_ms = s->cfg->busy_timeout_s * 1000 };
	AUTO(private_dir) struct private_dir *dir = NULL;
	AUTO(sqlite_proof) struct sqlite_proof *proof = NULL;
	const char *facts = NULL;

	if (private_dir_new(saver->scratch, &dir, err) ||
	    private_dir_path(dir, "copy", &copy.to, err) ||
	    take_copy(s, &copy, saver, err) ||
	    sqlite_proof_begin(&copy, &proof, err))
		return -1;
	log_debug("database '%s': writers waited %lld ms", copy.from,
	    (long long)copy.locked_ms);
	if (send_proved(&copy, saver, proof, &facts, err) ||
	    name_references(copy.to, saver, err))
		return -1;
	return saver->ops->facts(saver, facts, err);
}

/* --- restore */

static int
receive(const char *path, struct loader *loader, struct err *err)
{
	AUTO(sink) struct sink *to = NULL;
	AUTO(close) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	if (sink_fd_new(fd, &to, err))
		return -1;
	return loader->ops->stream(loader, "sqlite", to, err);
}

static int
want_saved_room(const struct sqlite *s, const struct json *facts,
    struct err *err)
{
	uint64_t pages = json_opt_u64(facts, "pages");
	uint64_t page = json_opt_u64(facts, "page-size");

	if (page && pages > UINT64_MAX / 2 / page)
		return err_set(err, ERR_CORRUPT, "facts: %" PRIu64 " pages",
		    pages);
	return want_room(s->scratch, pages * page + ROOM_SLACK, err);
}

/* What goes into a pod has been proved here. */
static int
examine_saved(const char *path, const struct loader *loader, struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *db = NULL;

	if (sqlite_db_open(path, SQLITE_DB_OWN, 0, &db, err) ||
	    sqlite_db_check(db, err) ||
	    sqlite_rows_same(db, loader->facts, NULL, err))
		return err_wrap(err, "the saved database");
	return 0;
}

static int
tell_of_pod(const struct sqlite *s, struct loader *loader, struct err *err)
{
	AUTO(buf) struct buf note = { .max = NOTE_MAX };

	if (sqlite_pod_check(s->component, true, &note, err))
		return -1;
	loader->ops->note(loader, "'%s' in its pod: %s", s->path,
	    note.data ? note.data : "");
	return 0;
}

static int
put_into_pod(const struct sqlite *s, struct loader *loader, struct err *err)
{
	AUTO(private_dir) struct private_dir *dir = NULL;
	AUTO(buf) struct buf note = { .max = NOTE_MAX };
	AUTO(free) char *path = NULL;

	if (private_dir_new(s->scratch, &dir, err) ||
	    want_saved_room(s, loader->facts, err) ||
	    private_dir_file(dir, "saved", &path, err) ||
	    receive(path, loader, err) || examine_saved(path, loader, err) ||
	    sqlite_pod_load(s->component, path, &note, err))
		return -1;
	loader->ops->note(loader, "in the pod: %s", note.data ? note.data : "");
	return 0;
}

static int
sqlite_put_back(struct component *c, struct loader *loader, struct err *err)
{
	struct sqlite *s = sqlite_of(c);
	AUTO(free) char *path = NULL;

	if (s->in_pod)
		return loader->dry_run ? tell_of_pod(s, loader, err)
		                       : put_into_pod(s, loader, err);
	if (sqlite_raw_resolve(s->path, &path, err))
		return -1;
	return sqlite_restore(s->cfg, path, loader, err);
}

/* --- drill */

static int
refer_loaded(void *arg, const char *uri, struct err *err)
{
	struct loader *loader = arg;

	return loader->ops->reference(loader, uri, err);
}

static int
prove(const char *path, struct loader *loader, struct buf *proof,
    struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	struct sqlite_db_facts f;
	uint64_t rows = 0;
	bool all;

	if (sqlite_db_open(path, SQLITE_DB_OWN, 0, &db, err) ||
	    sqlite_db_check_all(db, &all, err) ||
	    sqlite_rows_same(db, loader->facts, &rows, err) ||
	    sqlite_db_facts(db, &f, err) ||
	    (f.is_mlmd && sqlite_db_mlmd_uris(db, refer_loaded, loader, err)))
		return -1;
	return buf_printf(proof, err,
	    "%s says ok, %" PRIu64 " tables with %" PRIu64
	    " rows as they were saved",
	    all ? "integrity_check" : "quick_check", f.tables, rows);
}

static int
sqlite_drill(struct component *c, struct loader *loader, struct buf *proof,
    struct err *err)
{
	struct sqlite *s = sqlite_of(c);
	AUTO(private_dir) struct private_dir *dir = NULL;
	AUTO(free) char *path = NULL;

	if (private_dir_new(s->scratch, &dir, err) ||
	    want_saved_room(s, loader->facts, err) ||
	    private_dir_file(dir, "drill", &path, err) ||
	    receive(path, loader, err))
		return -1;
	if (prove(path, loader, proof, err))
		return err_wrap(err, "the saved database");
	return 0;
}

static void
sqlite_free(struct component *c)
{
	free(c);
}

static const struct component_ops sqlite_ops = {
	.type = "sqlite",
	.check = sqlite_check,
	.backup = sqlite_backup,
	.restore = sqlite_put_back,
	.drill = sqlite_drill,
	.has = component_has_none,
	.free = sqlite_free,
};

int
component_sqlite_new(const struct config_component *cfg, const char *to,
    const char *scratch, struct component **ret, struct err *err)
{
	struct sqlite *s = calloc(1, sizeof *s);

	if (!s)
		return err_nomem(err);
	s->base.ops = &sqlite_ops;
	s->base.name = cfg->name;
	s->component = cfg;
	s->cfg = &cfg->sqlite;
	s->path = to ? to : cfg->sqlite.path;
	s->scratch = scratch;
	/* elsewhere is a file here */
	s->in_pod = cfg->sqlite.pod.wanted && !to;
	*ret = (struct component *)s;
	return 0;
}
