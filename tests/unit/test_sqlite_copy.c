#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/sqlite_kit.h"
#include "component/sqlite_copy.h"

struct world {
	char dir[KIT_PATH], from[KIT_PATH], to[KIT_PATH];
	struct sqlite_copy copy;
	struct err err;
};

static void
begin(struct world *w, struct kit_db k)
{
	char folder[KIT_PATH];

	*w = (struct world){ 0 };
	kit_dir(w->dir);
	kit_make(kit_path(w->from, w->dir, "mlmd.db"), k);
	assert_int_equal(mkdir(kit_path(folder, w->dir, "own"), 0700), 0);
	(void)kit_path(w->to, folder, "copy");
	w->copy = (struct sqlite_copy){ .from = w->from, .to = w->to };
}

static bool
beside(const struct world *w, const char *suffix)
{
	char path[KIT_PATH + 16];

	(void)snprintf(path, sizeof path, "%s%s", w->to, suffix);
	return kit_there(path);
}

/* An attempt that met a crash copied its journal; then SQLite put things
 * right, and the next attempt finds a database in order. */
static void
what_an_attempt_before_left_is_no_part_of_the_copy(void **state)
{
	static const char *const suffixes[] = { "-journal", "-wal", "-shm" };
	struct world w;
	uint8_t *p;
	size_t n;

	(void)state;
	begin(&w, (struct kit_db){ .rows = 50 });
	kit_make(w.to, (struct kit_db){ .rows = 20 });
	kit_crash(w.to);
	assert_true(beside(&w, "-journal"));
	for (size_t i = 1; i < 3; i++) {
		char path[KIT_PATH + 16];

		(void)snprintf(path, sizeof path, "%s%s", w.to, suffixes[i]);
		kit_write(path, "left", 4);
	}
	if (sqlite_copy_run(&w.copy, &w.err))
		fail_msg("%s", w.err.msg);
	for (size_t i = 0; i < 3; i++)
		assert_false(beside(&w, suffixes[i]));
	p = kit_read(w.from, &n);
	assert_true(kit_same(w.to, p, n));
	free(p);
	kit_remove(w.dir);
}

/* SQLite takes what is missing of it for zeros. */
static void
a_last_page_that_is_there_in_part_is_a_page(void **state)
{
	struct world w;
	struct stat st;
	off_t whole;

	(void)state;
	begin(&w, (struct kit_db){ .rows = 50 });
	kit_sql(w.from, "CREATE TABLE f(x); INSERT INTO f VALUES("
	                "zeroblob(20000)); DROP TABLE f");
	assert_int_equal(stat(w.from, &st), 0);
	whole = st.st_size;
	assert_int_equal(truncate(w.from, whole - 1000), 0);
	if (sqlite_copy_run(&w.copy, &w.err))
		fail_msg("%s", w.err.msg);
	assert_int_equal(stat(w.to, &st), 0);
	assert_int_equal(st.st_size, whole);
	assert_int_equal(kit_sum(w.to), KIT_SUM);
	kit_remove(w.dir);
}

/* The file alone is the copy: all that was committed is in it, or it is no
 * copy. */
static void
a_wal_that_cannot_be_applied_is_told(void **state)
{
	bool hit = true;
	unsigned told = 0;

	(void)state;
	for (long n = 0; hit; n++) {
		struct world w;
		int rc;

		begin(&w, (struct kit_db){ .wal = true });
		kit_crash(w.from);
		kit_fault_at(n, KIT_EIO);
		rc = sqlite_copy_run(&w.copy, &w.err);
		kit_fault_at(-1, KIT_EIO);
		hit = kit_fault_hit();
		told += rc != 0;
		assert_true(rc == 0 || w.err.msg[0] != '\0');
		if (rc == 0) {
			assert_false(beside(&w, "-wal"));
			assert_int_equal(kit_number(w.to,
			                     "SELECT v FROM b WHERE id = 1"),
			    5);
		}
		kit_remove(w.dir);
	}
	assert_true(told > 0);
}

/* What a process leaves that dies with more in its WAL than in its file. */
static void
leave_wal(const struct world *w, size_t *largest)
{
	static const char *const suffixes[] = { "", "-wal" };
	char live[KIT_PATH], path[KIT_PATH + 16];
	sqlite3 *db = NULL;

	kit_make(kit_path(live, w->dir, "live.db"),
	    (struct kit_db){ .wal = true });
	assert_int_equal(sqlite3_open(live, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db,
	        "PRAGMA wal_autocheckpoint=0;"
	        "CREATE TABLE c(x); WITH RECURSIVE n(i) AS (SELECT "
	        "1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
	        "INSERT INTO c SELECT zeroblob(900) FROM n; "
	        "UPDATE b SET v = 5",
	        NULL, NULL, NULL),
	    SQLITE_OK);
	*largest = 0;
	for (size_t i = 0; i < 2; i++) {
		size_t n;
		uint8_t *p;

		(void)snprintf(path, sizeof path, "%s%s", live, suffixes[i]);
		p = kit_read(path, &n);
		*largest = n > *largest ? n : *largest;
		(void)snprintf(path, sizeof path, "%s%s", w->from, suffixes[i]);
		kit_write(path, p, n);
		free(p);
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
without_room_for_a_wal_there_is_no_copy(void **state)
{
	struct rlimit old, low;
	struct world w;
	size_t largest;
	int rc;

	(void)state;
	begin(&w, (struct kit_db){ .wal = true });
	leave_wal(&w, &largest);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = old;
	low.rlim_cur = largest;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	rc = sqlite_copy_run(&w.copy, &w.err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(rc, -1);
	assert_non_null(strstr(w.err.msg, "the disk is full"));
	w.err = (struct err){ 0 };
	assert_int_equal(sqlite_copy_run(&w.copy, &w.err), 0);
	assert_int_equal(kit_number(w.to, "SELECT count(*) FROM c"), 500);
	kit_remove(w.dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_an_attempt_before_left_is_no_part_of_the_copy),
		cmocka_unit_test(a_last_page_that_is_there_in_part_is_a_page),
		cmocka_unit_test(a_wal_that_cannot_be_applied_is_told),
		cmocka_unit_test(without_room_for_a_wal_there_is_no_copy),
	};

	return cmocka_run_group_tests_name("sqlite_copy", tests, NULL, NULL);
}
