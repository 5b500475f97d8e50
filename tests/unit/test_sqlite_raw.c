#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "../lib/sqlite_kit.h"
#include "component/sqlite_raw.h"

struct world {
	char dir[KIT_PATH], db[KIT_PATH], copy[KIT_PATH], path[KIT_PATH];
	struct err err;
};

static void
begin(struct world *w)
{
	*w = (struct world){ 0 };
	kit_dir(w->dir);
	(void)kit_path(w->db, w->dir, "x.db");
	(void)kit_path(w->copy, w->dir, "copy");
}

static void
the_header_tells_what_it_is(void **state)
{
	struct world w;
	struct sqlite_raw r;

	(void)state;
	begin(&w);
	assert_int_equal(sqlite_raw_look(w.db, &r, &w.err), -1);
	assert_true(err_is(&w.err, ERR_NOTFOUND));
	kit_write(w.db, "SQLite format 3", 15);
	assert_int_equal(sqlite_raw_look(w.db, &r, &w.err), 0);
	assert_false(r.is_database);
	assert_int_equal(unlink(w.db), 0);
	kit_make(w.db, (struct kit_db){ 0 });
	assert_int_equal(sqlite_raw_look(w.db, &r, &w.err), 0);
	assert_true(r.is_database);
	assert_false(r.wal);
	assert_true(sqlite_raw_is_live(&r));
	kit_sql(w.db, "PRAGMA journal_mode=WAL");
	assert_int_equal(sqlite_raw_look(w.db, &r, &w.err), 0);
	assert_true(r.wal);
	assert_false(r.has_wal);
	assert_false(sqlite_raw_is_live(&r));
	kit_remove(w.dir);
}

static void
a_wal_in_use_is_live_and_without_its_shm_it_is_not(void **state)
{
	struct world w;
	struct sqlite_raw r;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ .wal = true });
	kit_crash(w.db);
	assert_int_equal(sqlite_raw_look(w.db, &r, &w.err), 0);
	assert_true(sqlite_raw_is_live(&r));
	assert_true(r.wal_bytes > 4096);
	assert_int_equal(unlink(kit_path(w.path, w.dir, "x.db-shm")), 0);
	assert_int_equal(sqlite_raw_look(w.db, &r, &w.err), 0);
	assert_false(sqlite_raw_is_live(&r));
	kit_remove(w.dir);
}

static void
a_copy_without_its_journal_is_torn_and_with_it_is_whole(void **state)
{
	struct world w;
	uint8_t *p;
	size_t n;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ .rows = 1000 });
	kit_crash(w.db);
	p = kit_read(w.db, &n);
	kit_write(kit_path(w.path, w.dir, "torn"), p, n);
	assert_true(kit_sum(w.path) != KIT_SUM);
	assert_int_equal(sqlite_raw_copy(w.db, w.copy, &w.err), 0);
	assert_int_equal(kit_sum(w.copy), KIT_SUM);
	assert_true(kit_same(w.db, p, n));
	free(p);
	kit_remove(w.dir);
}

static void
a_database_that_is_locked_or_used_has_changed(void **state)
{
	struct world w;
	struct kit_child other;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ 0 });
	other = kit_start(w.db, KIT_LOCKS);
	assert_int_equal(sqlite_raw_copy(w.db, w.copy, &w.err), -1);
	assert_true(err_is(&w.err, ERR_CHANGED));
	assert_non_null(strstr(w.err.msg, "is being written"));
	assert_int_equal(kit_stop(&other), 0);
	assert_int_equal(sqlite_raw_copy(w.db, w.copy, &w.err), 0);
	kit_remove(w.dir);
}

/* Each copy that is said to be good is good, whatever a writer does. */
static void
no_copy_beside_a_writer_is_wrong(void **state)
{
	struct world w;
	struct kit_child writer;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ .rows = 200 });
	writer = kit_start(w.db, KIT_WRITES);
	for (int i = 0; i < 300; i++) {
		if (sqlite_raw_copy(w.db, w.copy, &w.err)) {
			assert_true(err_is(&w.err, ERR_CHANGED));
			continue;
		}
		assert_int_equal(kit_sum(w.copy), KIT_SUM);
	}
	assert_true(kit_stop(&writer) > 0);
	/* how many were good is the scheduler's; now nobody writes */
	assert_int_equal(sqlite_raw_copy(w.db, w.copy, &w.err), 0);
	assert_int_equal(kit_sum(w.copy), KIT_SUM);
	kit_remove(w.dir);
}

static void
what_lies_beside_moves_along(void **state)
{
	struct world w;
	bool moved = true;

	(void)state;
	begin(&w);
	assert_int_equal(sqlite_raw_move_aside(w.db, w.copy, &moved, &w.err),
	    0);
	assert_false(moved);
	kit_write(kit_path(w.path, w.dir, "x.db-journal"), "1", 1);
	kit_write(kit_path(w.path, w.dir, "x.db-wal"), "2", 1);
	kit_write(kit_path(w.path, w.dir, "x.db-shm"), "3", 1);
	assert_int_equal(sqlite_raw_move_aside(w.db, w.copy, &moved, &w.err),
	    0);
	assert_true(moved);
	assert_int_equal(kit_count(w.dir), 3);
	assert_true(kit_same(kit_path(w.path, w.dir, "copy-wal"),
	    (const uint8_t *)"2", 1));
	kit_remove(w.dir);
}

static void
paths_are_resolved(void **state)
{
	struct world w;
	char *real = NULL;

	(void)state;
	begin(&w);
	/* missing: its folder */
	assert_int_equal(sqlite_raw_resolve(w.db, &real, &w.err), 0);
	assert_string_equal(real, w.db);
	free(TAKE(real));
	assert_int_equal(symlink("x.db", w.copy), 0);
	assert_int_equal(sqlite_raw_resolve(w.copy, &real, &w.err), -1);
	assert_non_null(strstr(w.err.msg, "symbolic link to nowhere"));
	kit_write(w.db, "", 0);
	assert_int_equal(sqlite_raw_resolve(w.copy, &real, &w.err), 0);
	assert_string_equal(real, w.db);
	free(TAKE(real));
	assert_int_equal(sqlite_raw_resolve(kit_path(w.path, w.dir, "no/x"),
	                     &real, &w.err),
	    -1);
	assert_true(err_is(&w.err, ERR_NOTFOUND));
	assert_int_equal(sqlite_raw_resolve("/no-such-file", &real, &w.err), 0);
	assert_string_equal(real, "/no-such-file");
	free(real);
	kit_remove(w.dir);
}

static void
what_the_system_refuses_is_named(void **state)
{
	static const struct {
		const char *call;
		unsigned n;
		const char *says;
	} c[] = {
		{ "open64", 0, "cannot open database '" },
		{ "fcntl64", 0, "cannot lock database '" },
		{ "stat64", 0, "cannot find database '" },
		{ "open64", 1, "cannot open database '" },
		{ "pread64", 0, "cannot read database '" },
		{ "stat64", 1, "x.db-journal'" },
		{ "stat64", 2, "x.db-wal'" },
		{ "open64", 2, "cannot make '" },
		{ "read", 0, "copy to '" },
		{ "write", 0, "copy to '" },
		{ "open64", 3, "cannot open '" },
	};
	struct world w;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ 0 });
	for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
		failcall_at(c[i].call, c[i].n, EIO);
		assert_int_equal(sqlite_raw_copy(w.db, w.copy, &w.err), -1);
		assert_true(failcall_end());
		assert_true(err_is(&w.err, ERR_IO));
		assert_non_null(strstr(w.err.msg, c[i].says));
	}
	kit_remove(w.dir);
}

static void
what_cannot_move_aside_is_named(void **state)
{
	struct world w;
	bool moved;

	(void)state;
	begin(&w);
	failcall_at("rename", 1, EXDEV);
	assert_int_equal(sqlite_raw_move_aside(w.db, w.copy, &moved, &w.err),
	    -1);
	assert_true(failcall_end());
	assert_non_null(strstr(w.err.msg, "cannot rename '"));
	assert_non_null(strstr(w.err.msg, "x.db-wal'"));
	kit_remove(w.dir);
}

static void
a_name_alone_is_in_the_folder_where_we_are(void **state)
{
	AUTO(free) char *dir = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sqlite_raw_folder("x.db", &dir, &err), 0);
	assert_string_equal(dir, ".");
}

static void
every_allocation_may_fail(void **state)
{
	struct world w;
	long n = 0;
	int rc;

	(void)state;
	begin(&w);
	kit_make(w.db, (struct kit_db){ 0 });
	kit_crash(w.db);
	do {
		failalloc_at(n);
		rc = sqlite_raw_copy(w.db, w.copy, &w.err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&w.err, ERR_NOMEM));
		n += rc != 0;
	} while (rc);
	assert_true(n >= 5);
	kit_remove(w.dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_tells_what_it_is),
		cmocka_unit_test(
		    a_wal_in_use_is_live_and_without_its_shm_it_is_not),
		cmocka_unit_test(
		    a_copy_without_its_journal_is_torn_and_with_it_is_whole),
		cmocka_unit_test(a_database_that_is_locked_or_used_has_changed),
		cmocka_unit_test(no_copy_beside_a_writer_is_wrong),
		cmocka_unit_test(what_lies_beside_moves_along),
		cmocka_unit_test(paths_are_resolved),
		cmocka_unit_test(what_the_system_refuses_is_named),
		cmocka_unit_test(what_cannot_move_aside_is_named),
		cmocka_unit_test(a_name_alone_is_in_the_folder_where_we_are),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sqlite_raw", tests, NULL, NULL);
}
