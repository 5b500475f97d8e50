#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "../lib/fake_saver.h"
#include "../lib/sparse.h"
#include "../lib/sqlite_kit.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "component/component.h"
#include "component/private_dir.h"

/* A database in a folder of its own, a component for it, a saver. */
struct world {
	char dir[KIT_PATH], data[KIT_PATH], scratch[KIT_PATH], db[KIT_PATH],
	    path[KIT_PATH];
	struct config_component cfg;
	struct component *c;
	struct fake_saver saver;
	struct err err;
};

static void
begin(struct world *w)
{
	*w = (struct world){ 0 };
	kit_dir(w->dir);
	assert_int_equal(mkdir(kit_path(w->data, w->dir, "data"), 0755), 0);
	assert_int_equal(mkdir(kit_path(w->scratch, w->dir, "tmp"), 0700), 0);
	(void)kit_path(w->db, w->data, "mlmd.db");
	w->cfg = (struct config_component){
		.name = "mlmd",
		.type = CONFIG_SQLITE,
		.sqlite = { .path = w->db, .busy_timeout_s = 20 },
	};
	assert_int_equal(component_sqlite_new(&w->cfg, NULL, w->scratch, &w->c,
	                     &w->err),
	    0);
	fake_saver_init(&w->saver, w->scratch);
}

/* Whatever happened, nothing of ours is left. */
static void
end(struct world *w)
{
	assert_int_equal(kit_count(w->scratch), 0);
	w->c->ops->free(w->c);
	fake_saver_done(&w->saver);
	kit_remove(w->dir);
}

static int
backup(struct world *w)
{
	return w->c->ops->backup(w->c, &w->saver.base, &w->err);
}

/* The saved stream as a file. */
static const char *
saved(struct world *w)
{
	kit_write(kit_path(w->path, w->dir, "saved"), w->saver.bytes.data,
	    w->saver.bytes.len);
	return w->path;
}

static int
check(struct world *w, char detail[128])
{
	AUTO(buf) struct buf b = { .max = 127 };
	int rc = w->c->ops->check(w->c, false, &b, &w->err);

	detail[0] = '\0';
	if (rc == 0)
		(void)snprintf(detail, 128, "%s", b.data);
	return rc;
}

static uint64_t
fact(struct world *w, const char *name, const char *in)
{
	AUTO(json) struct json *j = NULL;
	struct err err = { 0 };

	assert_int_equal(json_parse(w->saver.facts.data, w->saver.facts.len, &j,
	                     &err),
	    0);
	return json_opt_u64(in ? json_opt(j, in) : j, name);
}

/* --- check */

static void
check_tells_size_and_tables(void **state)
{
	struct world w;
	char detail[128];

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ 0 });
	assert_int_equal(check(&w, detail), 0);
	assert_string_equal(detail, "28.0 KiB, 2 tables");
	kit_sql(w.db, "CREATE TABLE MLMDEnv(schema_version INT); "
	              "INSERT INTO MLMDEnv VALUES(10)");
	assert_int_equal(check(&w, detail), 0);
	assert_string_equal(detail, "32.0 KiB, 3 tables, MLMD schema 10");
	end(&w);
}

static void
check_names_what_is_wrong(void **state)
{
	struct world w;
	char detail[128];

	(void)state;
	begin(&w);
	assert_int_equal(check(&w, detail), -1);
	assert_true(err_is(&w.err, ERR_NOTFOUND));
	kit_write(w.db, "", 0);
	assert_int_equal(check(&w, detail), -1);
	assert_true(err_is(&w.err, ERR_CORRUPT));
	assert_non_null(strstr(w.err.msg, "is empty (0 bytes)"));
	kit_write(w.db, "hello, this is not a database", 29);
	assert_int_equal(check(&w, detail), -1);
	assert_non_null(strstr(w.err.msg, "is not a SQLite database"));
	assert_int_equal(unlink(w.db), 0);
	assert_int_equal(mkdir(w.db, 0700), 0);
	assert_int_equal(check(&w, detail), -1);
	assert_non_null(strstr(w.err.msg, "is not a regular file"));
	end(&w);
}

static void
check_says_that_it_is_locked(void **state)
{
	struct world w;
	struct kit_child locker;
	char detail[128];

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ 0 });
	locker = kit_start(w.db, KIT_LOCKS);
	assert_int_equal(check(&w, detail), 0);
	assert_string_equal(detail, "28.0 KiB, locked at the moment");
	assert_int_equal(kit_stop(&locker), 0);
	end(&w);
}

/* --- backup */

static void
a_backup_has_stream_and_facts(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ .rows = 300 });
	kit_sql(w.db, "CREATE TABLE MLMDEnv(schema_version INT); "
	              "INSERT INTO MLMDEnv VALUES(10); "
	              "CREATE TABLE Artifact(id INT, uri TEXT); "
	              "INSERT INTO Artifact VALUES(1, 's3://b/x'), "
	              "(2, NULL), (3, ''), (4, 'gs://c/y')");
	assert_int_equal(backup(&w), 0);
	assert_string_equal(w.saver.references.data, "s3://b/x\ngs://c/y\n");
	assert_true(w.saver.finished);
	assert_string_equal(w.saver.kind, "sqlite");
	assert_int_equal(w.saver.expect_objects, 1);
	assert_int_equal(w.saver.expect_bytes, w.saver.bytes.len);
	assert_int_equal(fact(&w, "page-size", NULL), 4096);
	assert_int_equal(fact(&w, "pages", NULL), w.saver.bytes.len / 4096);
	assert_int_equal(fact(&w, "a", "tables"), 300);
	assert_int_equal(fact(&w, "b", "tables"), 300);
	assert_int_equal(fact(&w, "mlmd-schema-version", NULL), 10);
	assert_int_equal(kit_sum(saved(&w)), KIT_SUM);
	end(&w);
}

static void
every_page_size_is_saved(void **state)
{
	(void)state;
	for (int size = 512; size <= 65536; size *= 2) {
		struct world w;

		begin(&w);
		kit_make(w.db, (struct kit_db){ .page_size = size });
		assert_int_equal(backup(&w), 0);
		assert_int_equal(fact(&w, "page-size", NULL), size);
		assert_int_equal(kit_sum(saved(&w)), KIT_SUM);
		end(&w);
	}
}

static void
hammered(bool wal)
{
	struct world w;
	struct kit_child writer;
	int64_t start;

	begin(&w);
	kit_make(w.db, (struct kit_db){ .wal = wal, .rows = 2000, .pad = 200 });
	writer = kit_start(w.db, KIT_WRITES);
	for (int i = 0; i < 5; i++) {
		start = clock_mono_ms(clock_real());
		if (backup(&w))
			fail_msg("%s", w.err.msg);
		assert_true(clock_mono_ms(clock_real()) - start < 10000);
		assert_int_equal(kit_sum(saved(&w)), KIT_SUM);
		assert_int_equal(unlink(w.path), 0);
		if (wal)
			assert_int_equal(fact(&w, "writers-locked-ms", NULL),
			    0);
	}
	assert_true(kit_stop(&writer) > 5);
	assert_int_equal(kit_sum(w.db), KIT_SUM);
	end(&w);
}

static void
a_busy_writer_is_saved_whole_with_a_journal(void **state)
{
	(void)state;
	hammered(false);
}

static void
a_busy_writer_is_saved_whole_with_a_wal(void **state)
{
	(void)state;
	hammered(true);
}

static void
a_lock_that_stays_is_an_error(void **state)
{
	struct world w;
	struct kit_child locker;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ 0 });
	w.cfg.sqlite.busy_timeout_s = 0;
	locker = kit_start(w.db, KIT_LOCKS);
	assert_int_equal(backup(&w), -1);
	assert_true(err_is(&w.err, ERR_TRANSIENT));
	assert_non_null(strstr(w.err.msg, "was locked for 0 s"));
	assert_false(w.saver.finished);
	assert_int_equal(kit_stop(&locker), 0);
	end(&w);
}

/* Bytes, and the names beside it, are as they were. */
static void
unchanged_by_backup(bool wal, bool crash)
{
	struct world w;
	char wal_path[KIT_PATH], shm_path[KIT_PATH], journal[KIT_PATH];
	uint8_t *db, *side = NULL, *shm = NULL;
	size_t db_len, side_len = 0, shm_len = 0;
	int names;

	begin(&w);
	kit_make(w.db, (struct kit_db){ .wal = wal, .rows = 500 });
	(void)kit_path(wal_path, w.data, "mlmd.db-wal");
	(void)kit_path(shm_path, w.data, "mlmd.db-shm");
	(void)kit_path(journal, w.data, "mlmd.db-journal");
	if (crash) {
		kit_crash(w.db);
		assert_true(kit_there(wal ? wal_path : journal));
		side = kit_read(wal ? wal_path : journal, &side_len);
		assert_true(side_len > 0);
		if (wal)
			shm = kit_read(shm_path, &shm_len);
	}
	db = kit_read(w.db, &db_len);
	names = kit_count(w.data);
	if (backup(&w))
		fail_msg("%s", w.err.msg);
	assert_int_equal(kit_sum(saved(&w)), KIT_SUM);
	/* The committed transaction is in it, the torn one is not. */
	assert_int_equal(kit_number(w.path, "SELECT v FROM b WHERE id = 1"),
	    crash ? 5 : 0);
	assert_int_equal(kit_count(w.data), names);
	assert_true(kit_same(w.db, db, db_len));
	if (side)
		assert_true(kit_same(wal ? wal_path : journal, side, side_len));
	if (shm)
		assert_true(kit_same(shm_path, shm, shm_len));
	free(db);
	free(side);
	free(shm);
	end(&w);
}

static void
a_quiet_database_is_not_changed(void **state)
{
	(void)state;
	unchanged_by_backup(false, false);
}

static void
a_quiet_database_with_wal_is_not_changed(void **state)
{
	(void)state;
	unchanged_by_backup(true, false);
}

static void
a_hot_journal_is_applied_to_the_copy_only(void **state)
{
	(void)state;
	unchanged_by_backup(false, true);
}

static void
a_wal_that_a_crash_left_is_applied_to_the_copy_only(void **state)
{
	(void)state;
	unchanged_by_backup(true, true);
}

static void
a_wal_without_shm_is_applied_to_the_copy_only(void **state)
{
	struct world w;
	char wal[KIT_PATH], shm[KIT_PATH];
	uint8_t *before;
	size_t len;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ .wal = true });
	kit_crash(w.db);
	assert_int_equal(unlink(kit_path(shm, w.data, "mlmd.db-shm")), 0);
	before = kit_read(kit_path(wal, w.data, "mlmd.db-wal"), &len);
	assert_int_equal(backup(&w), 0);
	assert_int_equal(kit_number(saved(&w), "SELECT v FROM b WHERE id = 1"),
	    5);
	assert_true(kit_same(wal, before, len));
	assert_false(kit_there(shm));
	free(before);
	end(&w);
}

static void
a_damaged_page_is_never_stored_as_good(void **state)
{
	struct world w;
	uint8_t *p;
	size_t n;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ .rows = 2000 });
	p = kit_read(w.db, &n);
	memset(p + 5 * 4096, 0xa5, 4096);
	kit_write(w.db, p, n);
	free(p);
	assert_int_equal(backup(&w), -1);
	assert_true(err_is(&w.err, ERR_CORRUPT));
	assert_non_null(strstr(w.err.msg, "quick_check says: "));
	assert_false(w.saver.finished);
	assert_int_equal(w.saver.facts.len, 0);
	end(&w);
}

static void
a_saver_that_fails_gets_no_finish(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ 0 });
	w.saver.fail_at = 5000;
	assert_int_equal(backup(&w), -1);
	assert_true(err_is(&w.err, ERR_NOROOM));
	assert_false(w.saver.finished);
	end(&w);
}

static void
odd_paths_and_tables_are_saved(void **state)
{
	struct world w;
	char odd[KIT_PATH];

	(void)state;
	begin(&w);
	w.cfg.sqlite.path = kit_path(odd, w.data, "a b%20?c#d'\"e.db");
	w.c->ops->free(w.c);
	assert_int_equal(component_sqlite_new(&w.cfg, NULL, w.scratch, &w.c,
	                     &w.err),
	    0);
	kit_make(odd, (struct kit_db){ 0 });
	kit_sql(odd, "CREATE TABLE \"we\"\"ird 'n\"(x); "
	             "INSERT INTO \"we\"\"ird 'n\" VALUES(1),(2);"
	             "CREATE VIRTUAL TABLE f USING fts5(t);"
	             "CREATE VIEW v AS SELECT * FROM nowhere;");
	if (backup(&w))
		fail_msg("%s", w.err.msg);
	assert_int_equal(fact(&w, "we\"ird 'n", "tables"), 2);
	assert_int_equal(kit_sum(saved(&w)), KIT_SUM);
	end(&w);
}

static void
a_symbolic_link_is_followed(void **state)
{
	struct world w;
	char real[KIT_PATH];

	(void)state;
	begin(&w);
	kit_make(kit_path(real, w.dir, "real.db"),
	    (struct kit_db){ .wal = true });
	kit_crash(real);
	assert_int_equal(symlink(real, w.db), 0);
	assert_int_equal(backup(&w), 0);
	assert_int_equal(kit_number(saved(&w), "SELECT v FROM b WHERE id = 1"),
	    5);
	end(&w);
}

/* --- memory */

/* As the next one does that makes a folder there. */
static void
sweep(struct world *w)
{
	AUTO(private_dir) struct private_dir *d = NULL;

	assert_int_equal(private_dir_new(w->scratch, &d, &w->err), 0);
}

/* A backup fails, or what it saved is whole. */
static void
each_call_may_fail(void **state)
{
	static const char *const call[] = { "open64", "read", "stat64",
		"pread64", "mkdtemp", "fcntl64" };

	(void)state;
	for (size_t i = 0; i < sizeof call / sizeof call[0]; i++) {
		bool struck = true;

		for (unsigned n = 0; struck; n++) {
			struct world w;
			int rc;

			begin(&w);
			kit_make(w.db, (struct kit_db){ .wal = i % 2 });
			failcall_at(call[i], n, EIO);
			rc = backup(&w);
			struck = failcall_end();
			assert_true(rc == 0 || w.err.msg[0] != '\0');
			assert_true(rc == 0 || !w.saver.finished);
			if (rc == 0)
				assert_int_equal(kit_sum(saved(&w)), KIT_SUM);
			sweep(&w);
			end(&w);
		}
	}
}

static void
every_allocation_may_fail(void **state)
{
	struct world w;
	long fails = 0;
	int rc;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ .rows = 1000 });
	kit_crash(w.db);
	do {
		fake_saver_done(&w.saver);
		fake_saver_init(&w.saver, w.scratch);
		failalloc_at(fails);
		rc = backup(&w);
		failalloc_at(-1);
		if (rc)
			assert_true(err_is(&w.err, ERR_NOMEM));
		assert_true(w.saver.finished == (rc == 0) || rc != 0);
		assert_int_equal(kit_count(w.scratch), 0);
		if (rc)
			fails = sparse_next(fails);
	} while (rc);
	assert_true(fails > 10);
	end(&w);
}

static void
sqlite_may_run_out_of_memory(void **state)
{
	struct world w;
	bool reached = true;
	int fails = 0;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ 0 });
	for (long n = 0; reached; n += n < 50 ? 1 : 23) {
		int rc;

		fake_saver_done(&w.saver);
		fake_saver_init(&w.saver, w.scratch);
		(void)kit_nomem_at(n);
		rc = backup(&w);
		reached = kit_nomem_at(-1) > n;
		fails += rc != 0;
		if (rc)
			/* quick_check reports it as a line of its own. */
			assert_true(err_is(&w.err, ERR_NOMEM) ||
			            strstr(w.err.msg, "error code=7"));
		else
			assert_int_equal(kit_sum(saved(&w)), KIT_SUM);
		assert_int_equal(kit_count(w.scratch), 0);
	}
	assert_true(fails > 30);
	end(&w);
}

/* --- rooms and rights */

static void
check_wants_room_for_the_copy(void **state)
{
	struct world w;
	char detail[128];

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ 0 });
	assert_int_equal(truncate(w.db, (off_t)1 << 42), 0);
	assert_int_equal(check(&w, detail), -1);
	assert_true(err_is(&w.err, ERR_NOROOM));
	assert_non_null(strstr(w.err.msg, "for a copy: needs 4.0 TiB, has "));
	assert_non_null(strstr(w.err.msg, w.scratch));
	end(&w);
}

enum { NOBODY = 65534 };

/* Run as somebody who may read, not write: 0 as it should be. */
static void
as_another_user(bool wal, bool crash, enum kit_role role)
{
	struct world w;
	struct kit_child other;
	int names, rc;

	if (geteuid() != 0)
		skip();
	begin(&w);
	kit_make(w.db, (struct kit_db){ .wal = wal });
	assert_int_equal(chmod(w.dir, 0755), 0);
	assert_int_equal(chown(w.scratch, NOBODY, NOBODY), 0);
	if (crash)
		kit_crash(w.db);
	else
		other = kit_start(w.db, role);
	names = kit_count(w.data);
	assert_int_equal(seteuid(NOBODY), 0);
	rc = backup(&w);
	assert_int_equal(seteuid(0), 0);
	if (rc)
		fail_msg("%s", w.err.msg);
	assert_int_equal(kit_sum(saved(&w)), KIT_SUM);
	if (!crash) {
		assert_int_equal(kit_count(w.data) >= names - 1, true);
		assert_true(kit_stop(&other) >= 0);
	} else {
		assert_int_equal(kit_count(w.data), names);
	}
	end(&w);
}

static void
who_may_only_read_can_save(void **state)
{
	(void)state;
	as_another_user(false, false, KIT_WRITES);
	as_another_user(false, false, KIT_READS);
	as_another_user(false, true, KIT_READS);
}

static void
who_may_only_read_can_save_a_wal(void **state)
{
	(void)state;
	as_another_user(true, false, KIT_WRITES);
	as_another_user(true, false, KIT_LOCKS);
	as_another_user(true, true, KIT_READS);
}

static void
no_permission_is_said(void **state)
{
	struct world w;
	char detail[128];
	int rc;

	(void)state;
	if (geteuid() != 0)
		skip();
	begin(&w);
	kit_make(w.db, (struct kit_db){ 0 });
	assert_int_equal(chmod(w.dir, 0755), 0);
	assert_int_equal(chmod(w.db, 0600), 0);
	assert_int_equal(seteuid(NOBODY), 0);
	rc = check(&w, detail);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(rc, -1);
	assert_true(err_is(&w.err, ERR_DENIED));
	assert_non_null(strstr(w.err.msg, "Permission denied"));
	end(&w);
}

/* --- drills: the source is not there any more */

static int
drill(struct world *w, struct fake_loader *l, struct buf *proof)
{
	return w->c->ops->drill(w->c, &l->base, proof, &w->err);
}

static void
a_drill_needs_no_source(void **state)
{
	AUTO(buf) struct buf proof = { .max = 4096 };
	struct fake_loader l;
	struct world w;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ .rows = 50 });
	assert_int_equal(backup(&w), 0);
	assert_int_equal(unlink(w.db), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	if (drill(&w, &l, &proof))
		fail_msg("%s", w.err.msg);
	assert_string_equal(proof.data,
	    "integrity_check says ok, 2 tables with 100 rows as they were "
	    "saved");
	assert_false(kit_there(w.db));
	fake_loader_done(&l);
	end(&w);
}

/* An index that lacks a row: quick_check does not see it. */
static void
a_drill_sees_what_a_quick_check_does_not(void **state)
{
	AUTO(buf) struct buf proof = { .max = 4096 };
	struct fake_loader l;
	struct world w;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ .rows = 5 });
	kit_sql(w.db, "CREATE TABLE t(x); CREATE INDEX i ON t(x);"
	              "INSERT INTO t VALUES (1), (2)");
	kit_sql(w.db, "PRAGMA writable_schema=ON;"
	              "UPDATE sqlite_schema SET sql='CREATE INDEX i ON "
	              "t(x) WHERE x > 1' WHERE name='i'");
	assert_int_equal(backup(&w), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	assert_int_equal(drill(&w, &l, &proof), -1);
	assert_true(err_is(&w.err, ERR_CORRUPT));
	assert_non_null(strstr(w.err.msg, "integrity_check says"));
	fake_loader_done(&l);
	end(&w);
}

static void
a_drill_counts_rows(void **state)
{
	AUTO(buf) struct buf proof = { .max = 4096 };
	struct fake_loader l;
	struct world w;
	size_t len;
	uint8_t *other;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ .rows = 5 });
	assert_int_equal(backup(&w), 0);
	kit_sql(w.db, "DELETE FROM a WHERE rowid = 1");
	other = kit_read(w.db, &len);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	l.bytes = other;
	l.len = len;
	assert_int_equal(drill(&w, &l, &proof), -1);
	assert_string_equal(w.err.msg, "the saved database: table 'a' has 4 "
	                               "rows, 5 were saved");
	fake_loader_done(&l);
	free(other);
	end(&w);
}

static void
a_stream_that_breaks_off_fails_the_drill(void **state)
{
	AUTO(buf) struct buf proof = { .max = 4096 };
	struct fake_loader l;
	struct world w;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ .rows = 5 });
	assert_int_equal(backup(&w), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	l.cut_at = 5000;
	assert_int_equal(drill(&w, &l, &proof), -1);
	assert_int_equal(proof.len, 0);
	fake_loader_done(&l);
	end(&w);
}

static void
every_allocation_of_a_drill_may_fail(void **state)
{
	struct fake_loader l;
	struct world w;
	long n;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ .rows = 5 });
	assert_int_equal(backup(&w), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, w.scratch, &w.err), 0);
	for (n = 0;; n++) {
		AUTO(buf) struct buf proof = { .max = 4096 };
		int rc;

		w.err = (struct err){ 0 };
		failalloc_at(n);
		rc = drill(&w, &l, &proof);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&w.err, ERR_NOMEM));
		assert_int_equal(kit_count(w.scratch), 0);
	}
	assert_true(n > 5);
	fake_loader_done(&l);
	end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_tells_size_and_tables),
		cmocka_unit_test(check_names_what_is_wrong),
		cmocka_unit_test(check_says_that_it_is_locked),
		cmocka_unit_test(a_backup_has_stream_and_facts),
		cmocka_unit_test(every_page_size_is_saved),
		cmocka_unit_test(a_busy_writer_is_saved_whole_with_a_journal),
		cmocka_unit_test(a_busy_writer_is_saved_whole_with_a_wal),
		cmocka_unit_test(a_lock_that_stays_is_an_error),
		cmocka_unit_test(a_quiet_database_is_not_changed),
		cmocka_unit_test(a_quiet_database_with_wal_is_not_changed),
		cmocka_unit_test(a_hot_journal_is_applied_to_the_copy_only),
		cmocka_unit_test(
		    a_wal_that_a_crash_left_is_applied_to_the_copy_only),
		cmocka_unit_test(a_wal_without_shm_is_applied_to_the_copy_only),
		cmocka_unit_test(a_damaged_page_is_never_stored_as_good),
		cmocka_unit_test(a_saver_that_fails_gets_no_finish),
		cmocka_unit_test(odd_paths_and_tables_are_saved),
		cmocka_unit_test(a_symbolic_link_is_followed),
		cmocka_unit_test(each_call_may_fail),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(sqlite_may_run_out_of_memory),
		cmocka_unit_test(check_wants_room_for_the_copy),
		cmocka_unit_test(who_may_only_read_can_save),
		cmocka_unit_test(who_may_only_read_can_save_a_wal),
		cmocka_unit_test(no_permission_is_said),
		cmocka_unit_test(a_drill_needs_no_source),
		cmocka_unit_test(a_drill_sees_what_a_quick_check_does_not),
		cmocka_unit_test(a_drill_counts_rows),
		cmocka_unit_test(a_stream_that_breaks_off_fails_the_drill),
		cmocka_unit_test(every_allocation_of_a_drill_may_fail),
	};

	return cmocka_run_group_tests_name("component_sqlite", tests, NULL,
	    NULL);
}
