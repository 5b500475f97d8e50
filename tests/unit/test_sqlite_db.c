#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "../lib/sqlite_kit.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "component/sqlite_db.h"
#include "stream/sink.h"

struct world {
	char dir[KIT_PATH], db[KIT_PATH], copy[KIT_PATH];
	struct err err;
};

static void
begin(struct world *w, struct kit_db k)
{
	*w = (struct world){ 0 };
	kit_dir(w->dir);
	kit_make(kit_path(w->db, w->dir, "x.db"), k);
	kit_write(kit_path(w->copy, w->dir, "copy"), "", 0);
}

static void
facts_are_read(void **state)
{
	struct world w;
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	struct sqlite_db_facts f;

	(void)state;
	begin(&w, (struct kit_db){ .page_size = 1024, .wal = true });
	assert_int_equal(sqlite_db_open(w.db, SQLITE_DB_OWN, 0, &db, &w.err),
	    0);
	assert_int_equal(sqlite_db_facts(db, &f, &w.err), 0);
	assert_int_equal(f.page_size, 1024);
	assert_int_equal(f.tables, 2);
	assert_true(f.wal);
	assert_false(f.is_mlmd);
	sqlite_db_free(TAKE(db));
	kit_remove(w.dir);
}

/* Whose order nobody knows cannot be proved: all but that is looked at. */
static void
an_order_that_only_the_application_knows_is_no_damage(void **state)
{
	struct world w;
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	bool all = true;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	kit_foreign(w.db);
	assert_int_equal(sqlite_db_open(w.db, SQLITE_DB_OWN, 0, &db, &w.err),
	    0);
	assert_int_equal(sqlite_db_check(db, &w.err), 0);
	assert_int_equal(sqlite_db_check_all(db, &all, &w.err), 0);
	assert_false(all);
	sqlite_db_free(TAKE(db));
	kit_remove(w.dir);
}

static void
a_table_that_is_called_so_does_not_make_it_mlmd(void **state)
{
	struct world w;
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	struct sqlite_db_facts f;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	kit_sql(w.db, "CREATE TABLE MLMDEnv(other)");
	assert_int_equal(sqlite_db_open(w.db, SQLITE_DB_READ, 0, &db, &w.err),
	    0);
	assert_int_equal(sqlite_db_facts(db, &f, &w.err), 0);
	assert_false(f.is_mlmd);
	sqlite_db_free(TAKE(db));
	kit_remove(w.dir);
}

static void
rows_are_counted_by_name_of_the_table(void **state)
{
	struct world w;
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	AUTO(buf) struct buf b = { .max = 1000 };
	struct jsonw j;

	(void)state;
	begin(&w, (struct kit_db){ .rows = 12 });
	kit_sql(w.db, "CREATE TABLE \"a\"\"; DROP TABLE a; --\"(x); "
	              "CREATE TABLE seq(i INTEGER PRIMARY KEY AUTOINCREMENT);"
	              "CREATE VIEW v AS SELECT * FROM a");
	assert_int_equal(sqlite_db_open(w.db, SQLITE_DB_READ, 0, &db, &w.err),
	    0);
	jsonw_begin(&j, &b, 0);
	jsonw_object(&j, NULL);
	assert_int_equal(sqlite_db_rows(db, &j, &w.err), 0);
	jsonw_close(&j);
	assert_int_equal(jsonw_end(&j, &w.err), 0);
	assert_string_equal(b.data,
	    "{\"a\":12,\"a\\\"; DROP TABLE a; --\":0,\"b\":12,\"seq\":0}");
	sqlite_db_free(TAKE(db));
	kit_remove(w.dir);
}

static void
what_only_the_application_knows_does_not_matter(void **state)
{
	struct world w;
	AUTO(sqlite_db) struct sqlite_db *db = NULL;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	kit_sql(w.db,
	    "CREATE TABLE c(t TEXT, CHECK(t <> '')); CREATE INDEX i ON c(t);"
	    "INSERT INTO c VALUES('x'); PRAGMA writable_schema=ON;"
	    "UPDATE sqlite_schema SET sql = 'CREATE TABLE c(t TEXT COLLATE "
	    "ours, CHECK(our_function(t)))' WHERE name = 'c'");
	assert_int_equal(sqlite_db_open(w.db, SQLITE_DB_OWN, 0, &db, &w.err),
	    0);
	if (sqlite_db_check(db, &w.err))
		fail_msg("%s", w.err.msg);
	sqlite_db_free(TAKE(db));
	kit_remove(w.dir);
}

static void
a_lock_is_waited_for_so_long_and_no_longer(void **state)
{
	struct world w;
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	struct kit_child locker;
	int64_t start, took;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	locker = kit_start(w.db, KIT_LOCKS);
	assert_int_equal(sqlite_db_open(w.db, SQLITE_DB_READ, 300, &db, &w.err),
	    0);
	start = clock_mono_ms(clock_real());
	assert_int_equal(sqlite_db_read_begin(db, &w.err), -1);
	took = clock_mono_ms(clock_real()) - start;
	assert_true(err_is(&w.err, ERR_TRANSIENT));
	assert_true(took >= 300 && took < 1500);
	assert_int_equal(kit_stop(&locker), 0);
	assert_int_equal(sqlite_db_read_begin(db, &w.err), 0);
	assert_int_equal(sqlite_db_read_end(db, &w.err), 0);
	sqlite_db_free(TAKE(db));
	kit_remove(w.dir);
}

/* A reader that may not mend what the writer is at must come again. */
static void
hold(struct world *w, struct sqlite_db *db)
{
	for (int i = 0; sqlite_db_read_begin(db, &w->err); i++)
		if (!err_is(&w->err, ERR_CHANGED) || i == 1000)
			fail_msg("%s", w->err.msg);
}

static void
a_held_database_does_not_change(void **state)
{
	struct world w;
	AUTO(sqlite_db) struct sqlite_db *from = NULL;
	AUTO(sqlite_db) struct sqlite_db *to = NULL;
	struct kit_child writer;

	(void)state;
	begin(&w, (struct kit_db){ .wal = true });
	writer = kit_start(w.db, KIT_WRITES);
	assert_int_equal(sqlite_db_open(w.db, SQLITE_DB_READ, 60000, &from,
	                     &w.err),
	    0);
	assert_int_equal(sqlite_db_open(w.copy, SQLITE_DB_NEW, 0, &to, &w.err),
	    0);
	hold(&w, from);
	assert_int_equal(sqlite_db_copy(from, to, &w.err), 0);
	assert_int_equal(sqlite_db_read_end(from, &w.err), 0);
	sqlite_db_free(TAKE(to));
	sqlite_db_free(TAKE(from));
	assert_true(kit_stop(&writer) > 0);
	assert_int_equal(kit_sum(w.copy), KIT_SUM);
	kit_remove(w.dir);
}

/* What read_begin holds, as bytes; others write as soon as they may. */
static void
without_a_wal_its_file_can_be_sent(void **state)
{
	struct world w;
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	AUTO(sink) struct sink *to = NULL;
	struct kit_child writer;
	const void *bytes;
	size_t len;
	bool wal = true;

	(void)state;
	begin(&w, (struct kit_db){ .rows = 3000, .pad = 900 });
	writer = kit_start(w.db, KIT_WRITES);
	assert_int_equal(sink_mem_new(16 << 20, &to, &w.err), 0);
	assert_int_equal(sqlite_db_open(w.db, SQLITE_DB_READ, 60000, &db,
	                     &w.err),
	    0);
	hold(&w, db);
	assert_int_equal(sqlite_db_has_wal(db, &wal, &w.err), 0);
	assert_false(wal);
	assert_int_equal(sqlite_db_send(db, to, &w.err), 0);
	assert_int_equal(sqlite_db_read_end(db, &w.err), 0);
	sqlite_db_free(TAKE(db));
	assert_true(kit_stop(&writer) > 0);
	bytes = sink_mem_data(to, &len);
	assert_true(len > 2 << 20); /* more than one piece */
	kit_write(w.copy, bytes, len);
	assert_int_equal(kit_sum(w.copy), KIT_SUM);
	kit_remove(w.dir);
}

static void
a_file_that_is_cut_off_meanwhile_is_not_sent(void **state)
{
	struct world w;
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	AUTO(sink) struct sink *to = NULL;

	(void)state;
	begin(&w, (struct kit_db){ .rows = 1000 });
	assert_int_equal(sink_mem_new(16 << 20, &to, &w.err), 0);
	assert_int_equal(sqlite_db_open(w.db, SQLITE_DB_READ, 0, &db, &w.err),
	    0);
	assert_int_equal(sqlite_db_read_begin(db, &w.err), 0);
	assert_int_equal(truncate(w.db, 8192), 0);
	assert_int_equal(sqlite_db_send(db, to, &w.err), -1);
	assert_true(err_is(&w.err, ERR_CORRUPT));
	assert_non_null(strstr(w.err.msg, "cannot read database '"));
	sqlite_db_free(TAKE(db));
	kit_remove(w.dir);
}

static void
another_page_size_keeps_the_rows(void **state)
{
	struct world w;
	AUTO(sqlite_db) struct sqlite_db *db = NULL;

	(void)state;
	begin(&w, (struct kit_db){ .page_size = 8192, .wal = true });
	assert_int_equal(sqlite_db_open(w.db, SQLITE_DB_OWN, 0, &db, &w.err),
	    0);
	assert_int_equal(sqlite_db_leave_wal(db, &w.err), 0);
	assert_int_equal(sqlite_db_resize(db, 1024, w.copy, &w.err), 0);
	sqlite_db_free(TAKE(db));
	assert_int_equal(kit_number(w.copy, "PRAGMA page_size"), 1024);
	assert_int_equal(kit_sum(w.copy), KIT_SUM);
	kit_remove(w.dir);
}

static void
errors_have_codes(void **state)
{
	struct world w;
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	struct sqlite_db_facts f;

	(void)state;
	begin(&w, (struct kit_db){ .rows = 1000 });
	kit_write(w.copy, "this is long enough, but it is no database", 42);
	assert_int_equal(sqlite_db_open(w.copy, SQLITE_DB_READ, 0, &db, &w.err),
	    0);
	assert_int_equal(sqlite_db_facts(db, &f, &w.err), -1);
	assert_true(err_is(&w.err, ERR_CORRUPT));
	sqlite_db_free(TAKE(db));
	assert_int_equal(unlink(w.copy), 0);
	assert_int_equal(sqlite_db_open(w.copy, SQLITE_DB_READ, 0, &db, &w.err),
	    -1);
	assert_true(err_is(&w.err, ERR_NOTFOUND));
	kit_crash(w.db);
	assert_int_equal(sqlite_db_open(w.db, SQLITE_DB_READ, 0, &db, &w.err),
	    0);
	assert_int_equal(sqlite_db_read_begin(db, &w.err), -1);
	assert_true(err_is(&w.err, ERR_CHANGED));
	sqlite_db_free(TAKE(db));
	kit_remove(w.dir);
}

/* The code of an error by SQLite's and the system's number. */
static enum err_code
code_for(struct world *w, enum sqlite_db_use use, int sqlite, int sys)
{
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	struct sqlite_db_facts f;

	assert_int_equal(sqlite_db_open(w->db, use, 0, &db, &w->err), 0);
	failcall_at("sqlite3_step", 0, sqlite);
	failcall_from("sqlite3_system_errno", 0, sys);
	assert_int_equal(sqlite_db_facts(db, &f, &w->err), -1);
	(void)failcall_end();
	return w->err.code;
}

static void
what_sqlite_and_the_system_say_becomes_a_code(void **state)
{
	static const struct {
		int sqlite, sys;
		enum err_code code;
	} c[] = {
		{ SQLITE_IOERR_READ, EACCES, ERR_DENIED },
		{ SQLITE_IOERR_READ, EPERM, ERR_DENIED },
		{ SQLITE_IOERR_WRITE, EROFS, ERR_DENIED },
		{ SQLITE_IOERR_READ, ENOENT, ERR_NOTFOUND },
		{ SQLITE_IOERR_WRITE, ENOSPC, ERR_NOROOM },
		{ SQLITE_IOERR_WRITE, EDQUOT, ERR_NOROOM },
		{ SQLITE_IOERR_WRITE, EFBIG, ERR_NOROOM },
		{ SQLITE_IOERR_READ, EIO, ERR_IO },
		{ SQLITE_CANTOPEN, EACCES, ERR_DENIED },
		{ SQLITE_READONLY_ROLLBACK, EIO, ERR_CHANGED },
		{ SQLITE_READONLY_RECOVERY, EIO, ERR_CHANGED },
		{ SQLITE_IOERR_SHORT_READ, EIO, ERR_CORRUPT },
		{ SQLITE_IOERR_NOMEM, EIO, ERR_NOMEM },
		{ SQLITE_NOMEM, EIO, ERR_NOMEM },
		{ SQLITE_FULL, EIO, ERR_NOROOM },
		{ SQLITE_BUSY, EIO, ERR_TRANSIENT },
		{ SQLITE_LOCKED, EIO, ERR_TRANSIENT },
		{ SQLITE_PROTOCOL, EIO, ERR_TRANSIENT },
		{ SQLITE_CORRUPT, EIO, ERR_CORRUPT },
		{ SQLITE_NOTADB, EIO, ERR_CORRUPT },
		{ SQLITE_PERM, EIO, ERR_DENIED },
		{ SQLITE_AUTH, EIO, ERR_DENIED },
		{ SQLITE_READONLY, EIO, ERR_DENIED },
		{ SQLITE_ERROR, ENOENT, ERR_NOTFOUND },
	};
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
		assert_int_equal(code_for(&w, SQLITE_DB_OWN, c[i].sqlite,
		                     c[i].sys),
		    c[i].code);
	/* its -wal or -shm come and go with who uses it */
	assert_int_equal(code_for(&w, SQLITE_DB_READ, SQLITE_CANTOPEN, ENOENT),
	    ERR_CHANGED);
	kit_remove(w.dir);
}

static void
a_full_disk_and_the_words_of_the_system_are_told(void **state)
{
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	(void)code_for(&w, SQLITE_DB_OWN, SQLITE_FULL, 0);
	assert_non_null(strstr(w.err.msg, "x.db': the disk is full"));
	(void)code_for(&w, SQLITE_DB_OWN, SQLITE_IOERR_READ, EIO);
	assert_non_null(strstr(w.err.msg, strerror(EIO)));
	kit_remove(w.dir);
}

static void
a_lock_that_passes_is_waited_for(void **state)
{
	struct world w;
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	struct sqlite_db_facts f;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	assert_int_equal(sqlite_db_open(w.db, SQLITE_DB_OWN, 60000, &db,
	                     &w.err),
	    0);
	failcall_at("sqlite3_step", 0, SQLITE_PROTOCOL);
	failcall_at("sqlite3_step", 1, SQLITE_LOCKED);
	assert_int_equal(sqlite_db_facts(db, &f, &w.err), 0);
	assert_true(failcall_end());
	assert_int_equal(f.tables, 2);
	sqlite_db_free(TAKE(db));
	kit_remove(w.dir);
}

static void
every_allocation_may_fail(void **state)
{
	struct world w;
	long n = 0;
	int rc;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	do {
		AUTO(sqlite_db) struct sqlite_db *db = NULL;

		failalloc_at(n);
		rc = sqlite_db_open(w.db, SQLITE_DB_READ, 0, &db, &w.err) ||
		     sqlite_db_check(db, &w.err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&w.err, ERR_NOMEM));
		n += rc != 0;
	} while (rc);
	assert_true(n >= 3);
	kit_remove(w.dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_read),
		cmocka_unit_test(
		    an_order_that_only_the_application_knows_is_no_damage),
		cmocka_unit_test(
		    a_table_that_is_called_so_does_not_make_it_mlmd),
		cmocka_unit_test(rows_are_counted_by_name_of_the_table),
		cmocka_unit_test(
		    what_only_the_application_knows_does_not_matter),
		cmocka_unit_test(a_lock_is_waited_for_so_long_and_no_longer),
		cmocka_unit_test(a_held_database_does_not_change),
		cmocka_unit_test(without_a_wal_its_file_can_be_sent),
		cmocka_unit_test(a_file_that_is_cut_off_meanwhile_is_not_sent),
		cmocka_unit_test(another_page_size_keeps_the_rows),
		cmocka_unit_test(errors_have_codes),
		cmocka_unit_test(what_sqlite_and_the_system_say_becomes_a_code),
		cmocka_unit_test(
		    a_full_disk_and_the_words_of_the_system_are_told),
		cmocka_unit_test(a_lock_that_passes_is_waited_for),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sqlite_db", tests, NULL, NULL);
}
