#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/sqlite_kit.h"
#include "component/sqlite_helper.h"

enum { WORDS = 8 };

struct bench {
	char dir[KIT_PATH], db[KIT_PATH], in[KIT_PATH], out[KIT_PATH];
	char tmp[KIT_PATH], missing[KIT_PATH];
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	*state = b;
	if (!b)
		return -1;
	kit_dir(b->dir);
	kit_dir(b->tmp);
	kit_make(kit_path(b->db, b->dir, "db"), (struct kit_db){ .rows = 50 });
	(void)kit_path(b->in, b->tmp, "in");
	(void)kit_path(b->out, b->tmp, "out");
	(void)kit_path(b->missing, b->tmp, "missing");
	kit_write(b->in, "", 0);
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	kit_remove(b->dir);
	kit_remove(b->tmp);
	free(b);
	return 0;
}

/* Its words up to a NULL; reads b->in, writes b->out. */
static int
run(struct bench *b, struct err *err, ...)
{
	char *argv[WORDS + 1] = { 0 };
	struct sqlite_helper h = { .argv = argv };
	va_list ap;
	int rc;

	va_start(ap, err);
	while (h.argc < WORDS && (argv[h.argc] = va_arg(ap, char *)))
		h.argc++;
	va_end(ap);
	*err = (struct err){ 0 };
	h.in = open(b->in, O_RDONLY | O_CLOEXEC);
	h.out = open(b->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	rc = sqlite_helper_run(&h, err);
	(void)close(h.in);
	(void)close(h.out);
	return rc;
}

static void
said(struct bench *b, const char *want)
{
	size_t n;
	AUTO(free) uint8_t *text = kit_read(b->out, &n);

	if (n < strlen(want) || memcmp(text, want, strlen(want)) != 0)
		fail_msg("'%.*s'", (int)n, (const char *)text);
}

/* The copy out of what a backup says, and "end", as a restore wants them. */
static void
turn_round(struct bench *b, char length[24])
{
	size_t n, head;
	AUTO(free) uint8_t *text = kit_read(b->out, &n);

	assert_int_equal(sscanf((const char *)text, "ok %23[0-9] ", length), 1);
	head = (size_t)((uint8_t *)memchr(text, '\n', n) + 1 - text);
	assert_int_equal(strtoul(length, NULL, 10) + 4, n - head);
	assert_memory_equal(text + n - 4, "end\n", 4);
	kit_write(b->in, text + head, n - head);
}

static void
it_says_that_it_runs(void **state)
{
	struct bench *b = *state;
	char self[KIT_PATH];
	struct err err;

	kit_write(kit_path(self, b->tmp, "self"), "helper", 6);
	assert_int_equal(run(b, &err, "probe", self, "6", NULL), 0);
	said(b, SQLITE_HELPER_HELLO);
	assert_int_equal(run(b, &err, "probe", self, "7", NULL), -1);
	assert_int_equal(err.code, ERR_TRANSIENT);
	assert_int_equal(run(b, &err, "probe", b->missing, "6", NULL), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

/* What an earlier one left, and only that. */
static void
it_removes_what_is_left_of_others(void **state)
{
	static const struct {
		const char *name;
		time_t age;
		bool goes;
	} t[] = {
		{ ".platform-backup-0123456789abcdef", 7200, true },
		{ ".platform-backup-0123456789abcdee", 1800, false },
		{ ".platform-backup-0123456789abcd", 7200, false },
		{ "platform-backup-0123456789abcdef", 7200, false },
	};
	struct bench *b = *state;
	struct err err;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct timespec when[2] = { 0 };
		char path[KIT_PATH];

		kit_write(kit_path(path, b->tmp, t[i].name), "helper", 6);
		when[0].tv_sec = when[1].tv_sec = time(NULL) - t[i].age;
		assert_int_equal(utimensat(AT_FDCWD, path, when, 0), 0);
	}
	assert_int_equal(run(b, &err, "probe", b->in, "0", NULL), -1);
	assert_int_equal(err.code, ERR_USAGE);
	kit_write(b->in, "x", 1);
	assert_int_equal(run(b, &err, "probe", b->in, "1", NULL), 0);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char path[KIT_PATH];

		assert_int_equal(access(kit_path(path, b->tmp, t[i].name),
		                     F_OK) != 0,
		    t[i].goes);
	}
}

static void
a_copy_goes_out_and_comes_back(void **state)
{
	struct bench *b = *state;
	char length[24] = "", kept[KIT_PATH];
	struct err err;

	assert_int_equal(run(b, &err, "backup", b->db, "0", b->missing, b->tmp,
	                     NULL),
	    0);
	assert_int_equal(kit_count(b->tmp), 2); /* in, out */
	assert_int_equal(kit_count(b->dir), 1);
	turn_round(b, length);
	kit_sql(b->db, "delete from a");
	if (run(b, &err, "restore", b->db, "0", length, b->tmp, NULL))
		fail_msg("%s", err.msg);
	said(b, "ok '");
	assert_int_equal(kit_sum(b->db), KIT_SUM);
	assert_true(kit_find(b->dir, "db.before-restore-", kept));
	assert_int_equal(kit_count(b->dir), 2);
	assert_int_equal(kit_count(b->tmp), 2);
}

static void
what_is_missing_or_empty_is_made(void **state)
{
	struct bench *b = *state;
	char length[24] = "", to[KIT_PATH];
	struct err err;

	assert_int_equal(run(b, &err, "backup", b->db, "0", b->tmp, NULL), 0);
	turn_round(b, length);
	(void)kit_path(to, b->dir, "new");
	if (run(b, &err, "restore", to, "0", length, b->tmp, NULL))
		fail_msg("%s", err.msg);
	assert_int_equal(kit_sum(to), KIT_SUM);
	kit_write(to, "", 0);
	assert_int_equal(run(b, &err, "restore", to, "0", length, b->tmp, NULL),
	    0);
	said(b, "ok it was empty\n");
	assert_int_equal(kit_sum(to), KIT_SUM);
	assert_int_equal(kit_count(b->dir), 2);
}

/* A WAL's pages keep their size. */
static void
another_page_size_is_adapted(void **state)
{
	struct bench *b = *state;
	char length[24] = "", to[KIT_PATH];
	struct kit_child holder;
	struct err err;

	assert_int_equal(run(b, &err, "backup", b->db, "0", b->tmp, NULL), 0);
	turn_round(b, length);
	kit_make(kit_path(to, b->dir, "wal"),
	    (struct kit_db){ .rows = 3, .wal = true, .page_size = 1024 });
	holder = kit_start(to, KIT_WATCHES);
	if (run(b, &err, "restore", to, "1000", length, b->tmp, NULL))
		fail_msg("%s", err.msg);
	assert_int_equal(kit_ask(&holder), KIT_SUM);
	assert_int_equal(kit_stop(&holder), 0);
	assert_int_equal(kit_number(to, "pragma page_size"), 1024);
	assert_int_equal(kit_number(to, "select count(*) from a"),
	    kit_number(b->db, "select count(*) from a"));
}

static void
what_does_not_come_whole_changes_nothing(void **state)
{
	struct bench *b = *state;
	char length[24] = "";
	size_t n, before;
	struct err err;

	assert_int_equal(run(b, &err, "backup", b->db, "0", b->tmp, NULL), 0);
	turn_round(b, length);
	{
		AUTO(free) uint8_t *was = kit_read(b->db, &before);
		AUTO(free) uint8_t *text = kit_read(b->in, &n);

		for (size_t cut = 0; cut < n; cut += n / 10) {
			kit_write(b->in, text, cut);
			assert_int_equal(run(b, &err, "restore", b->db, "0",
			                     length, b->tmp, NULL),
			    -1);
			assert_int_equal(err.code, ERR_TRANSIENT);
			assert_true(kit_same(b->db, was, before));
		}
		kit_write(b->in, text, n - 1);
		assert_int_equal(run(b, &err, "restore", b->db, "0", length,
		                     b->tmp, NULL),
		    -1);
		assert_true(kit_same(b->db, was, before));
	}
	assert_int_equal(kit_count(b->dir), 1);
}

static void
who_locks_it_is_waited_for(void **state)
{
	struct bench *b = *state;
	struct kit_child holder = kit_start(b->db, KIT_LOCKS);
	char length[24] = "";
	struct err err;

	assert_int_equal(run(b, &err, "backup", b->db, "10", b->tmp, NULL), -1);
	assert_int_equal(err.code, ERR_TRANSIENT);
	(void)kit_stop(&holder);
	assert_int_equal(run(b, &err, "backup", b->db, "10", b->tmp, NULL), 0);
	turn_round(b, length);
	holder = kit_start(b->db, KIT_READS);
	assert_int_equal(run(b, &err, "restore", b->db, "10", length, b->tmp,
	                     NULL),
	    -1);
	assert_int_equal(err.code, ERR_TRANSIENT);
	(void)kit_stop(&holder);
	assert_int_equal(kit_count(b->dir), 1);
}

static void
it_is_checked_before(void **state)
{
	struct bench *b = *state;
	struct err err;

	assert_int_equal(run(b, &err, "check", b->db, b->tmp, NULL), 0);
	said(b, "ok ");
	assert_int_equal(run(b, &err, "accept", b->db, NULL), 0);
	said(b, "ok replaces ");
	assert_int_equal(run(b, &err, "check", b->missing, b->tmp, NULL), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_int_equal(run(b, &err, "accept", b->missing, NULL), 0);
	said(b, "ok makes a new file\n");
	assert_int_equal(run(b, &err, "check", b->db, b->missing, NULL), -1);
	assert_int_equal(err.code, ERR_NOROOM);
	kit_write(b->db, "no database at all, but long enough", 36);
	assert_int_equal(run(b, &err, "check", b->db, b->tmp, NULL), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
}

static void
other_words_are_refused(void **state)
{
	struct bench *b = *state;
	struct err err;

	assert_int_equal(run(b, &err, NULL), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(run(b, &err, "backup", b->db, NULL), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(run(b, &err, "backup", b->db, "soon", b->tmp, NULL),
	    -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(run(b, &err, "restore", b->db, "0", "0", b->tmp, NULL),
	    -1);
	assert_int_equal(err.code, ERR_USAGE);
}

/* Eight wrong bytes in the header, behind what says that it is a database. */
static void
damage(const char *path)
{
	size_t n;
	AUTO(free) uint8_t *all = kit_read(path, &n);

	memset(all + 16, 0xa5, 8);
	kit_write(path, all, n);
}

/* A backup of b->db as a restore reads it. */
static void
save(struct bench *b, char length[24])
{
	struct err err;

	assert_int_equal(run(b, &err, "backup", b->db, "0", b->tmp, NULL), 0);
	turn_round(b, length);
}

static void
what_is_damaged_is_kept_and_replaced(void **state)
{
	static const char text[] = "no database at all, but long enough";
	struct bench *b = *state;
	char length[24] = "", kept[KIT_PATH], wal[KIT_PATH + 8];
	struct stat st;
	struct err err;

	save(b, length);
	kit_write(b->db, text, sizeof text);
	assert_int_equal(chmod(b->db, 0640), 0);
	(void)snprintf(wal, sizeof wal, "%s-wal", b->db);
	kit_write(wal, "of the old", 10);
	assert_int_equal(run(b, &err, "accept", b->db, NULL), 0);
	said(b, "ok puts a file in the place of a damaged one of 36 B\n");
	if (run(b, &err, "restore", b->db, "0", length, b->tmp, NULL))
		fail_msg("%s", err.msg);
	assert_int_equal(kit_sum(b->db), KIT_SUM);
	assert_int_equal(stat(b->db, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_not_equal(access(wal, F_OK), 0);
	assert_int_equal(kit_count(b->dir), 3);
	assert_true(kit_find(b->dir, "db.before-restore-", kept));
	assert_int_equal(kit_count(b->tmp), 2);
}

/* Where a journal might put it right SQLite tries that first, and drops it. */
static void
a_header_that_is_damaged_is_kept_and_replaced(void **state)
{
	struct bench *b = *state;
	char length[24] = "", kept[KIT_PATH], journal[KIT_PATH + 8];
	struct err err;
	size_t n;

	save(b, length);
	(void)snprintf(journal, sizeof journal, "%s-journal", b->db);
	for (unsigned i = 0; i < 2; i++) {
		damage(b->db);
		if (i == 1)
			kit_write(journal, "no journal", 10);
		AUTO(free) uint8_t *was = kit_read(b->db, &n);

		if (run(b, &err, "restore", b->db, "0", length, b->tmp, NULL))
			fail_msg("%s", err.msg);
		said(b, "ok '");
		assert_int_equal(kit_sum(b->db), KIT_SUM);
		assert_true(kit_find(b->dir, "db.before-restore-", kept));
		assert_true(kit_same(kept, was, n));
		assert_int_equal(unlink(kept), 0);
		assert_int_equal(kit_count(b->dir), 1);
	}
}

static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	char length[24] = "";
	struct err err;
	int rc;

	for (long n = 0;; n++) {
		failalloc_at(n);
		rc = run(b, &err, "backup", b->db, "0", b->tmp, NULL);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_int_equal(err.code, ERR_NOMEM);
		assert_int_equal(kit_count(b->tmp), 2);
	}
	turn_round(b, length);
	for (long n = 0;; n++) {
		failalloc_at(n);
		rc = run(b, &err, "restore", b->db, "0", length, b->tmp, NULL);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_int_equal(err.code, ERR_NOMEM);
		assert_int_equal(kit_count(b->dir), 1);
	}
	assert_int_equal(kit_sum(b->db), KIT_SUM);
	for (long n = 0;; n++) {
		kit_remove(b->dir);
		kit_dir(b->dir);
		kit_write(kit_path(b->db, b->dir, "db"), "nonsense", 8);
		failalloc_at(n);
		rc = run(b, &err, "restore", b->db, "0", length, b->tmp, NULL);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_int_equal(err.code, ERR_NOMEM);
		/* the last may fail when all is done */
		assert_in_range(kit_count(b->dir), 1, 2);
	}
	assert_int_equal(kit_sum(b->db), KIT_SUM);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_says_that_it_runs),
		TEST(it_removes_what_is_left_of_others),
		TEST(a_copy_goes_out_and_comes_back),
		TEST(what_is_missing_or_empty_is_made),
		TEST(another_page_size_is_adapted),
		TEST(what_does_not_come_whole_changes_nothing),
		TEST(who_locks_it_is_waited_for),
		TEST(it_is_checked_before),
		TEST(other_words_are_refused),
		TEST(what_is_damaged_is_kept_and_replaced),
		TEST(a_header_that_is_damaged_is_kept_and_replaced),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sqlite_helper", tests, NULL, NULL);
}
