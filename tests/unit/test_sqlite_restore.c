#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "../lib/fake_saver.h"
#include "../lib/sqlite_kit.h"
#include "base/date.h"
#include "base/str.h"
#include "component/component.h"

#define MARK "SELECT count(*) FROM a"

/*
 * A database that was saved (its table a has `saved` rows), and what is in its
 * place now.
 */
struct world {
	char dir[KIT_PATH], data[KIT_PATH], scratch[KIT_PATH], db[KIT_PATH],
	    path[KIT_PATH];
	struct config_component cfg;
	struct component *c;
	struct fake_saver saver;
	struct fake_loader loader;
	struct err err;
};

enum { SAVED = 777, OLD = 300 };

static void
begin(struct world *w, struct kit_db k)
{
	*w = (struct world){ 0 };
	kit_dir(w->dir);
	assert_int_equal(mkdir(kit_path(w->data, w->dir, "data"), 0755), 0);
	assert_int_equal(mkdir(kit_path(w->scratch, w->dir, "tmp"), 0700), 0);
	(void)kit_path(w->db, w->data, "mlmd.db");
	w->cfg = (struct config_component){
		.name = "mlmd",
		.type = CONFIG_SQLITE,
		.sqlite = { .path = w->db, .busy_timeout_s = 10 },
	};
	fake_saver_init(&w->saver, w->scratch);
	k.rows = SAVED;
	kit_make(w->db, k);
	assert_int_equal(component_sqlite_new(&w->cfg, NULL, w->scratch, &w->c,
	                     &w->err),
	    0);
	assert_int_equal(w->c->ops->backup(w->c, &w->saver.base, &w->err), 0);
	assert_int_equal(fake_loader_init(&w->loader, &w->saver, w->scratch,
	                     &w->err),
	    0);
	assert_int_equal(unlink(w->db), 0);
}

/* Whatever happened, no file of ours is left but what it says it keeps. */
static void
end(struct world *w)
{
	char own[KIT_PATH];

	assert_int_equal(kit_count(w->scratch), 0);
	assert_false(kit_find(w->data, ".platform-backup-", own));
	w->c->ops->free(w->c);
	fake_saver_done(&w->saver);
	fake_loader_done(&w->loader);
	kit_remove(w->dir);
}

static int
restore(struct world *w)
{
	return w->c->ops->restore(w->c, &w->loader.base, &w->err);
}

static void
must_restore(struct world *w)
{
	if (restore(w))
		fail_msg("%s", w->err.msg);
}

static bool
noted(struct world *w, const char *what)
{
	return w->loader.notes.data && strstr(w->loader.notes.data, what);
}

static void
is_saved_one(struct world *w)
{
	assert_int_equal(kit_sum(w->db), KIT_SUM);
	assert_int_equal(kit_number(w->db, MARK), SAVED);
}

static void
is_old_one(struct world *w)
{
	assert_int_equal(kit_sum(w->db), KIT_SUM);
	assert_int_equal(kit_number(w->db, MARK), OLD);
}

/* The copy that is kept; false: none. */
static bool
kept(struct world *w)
{
	return kit_find(w->data, "mlmd.db.before-restore-", w->path);
}

/* --- into the live file */

static void
into_live(struct kit_db was, struct kit_db now)
{
	struct world w;
	struct kit_child watcher;
	struct stat before, after;

	begin(&w, was);
	now.rows = OLD;
	kit_make(w.db, now);
	kit_sql(w.db, "UPDATE a SET v = v + 1");
	assert_int_equal(chmod(w.db, 0640), 0);
	assert_int_equal(stat(w.db, &before), 0);
	watcher = kit_start(w.db, KIT_WATCHES);
	assert_int_equal(kit_ask(&watcher), KIT_SUM + OLD);
	must_restore(&w);
	assert_int_equal(kit_ask(&watcher), KIT_SUM);
	is_saved_one(&w);
	/* The process that had it open goes on writing it. */
	kit_sql(w.db, "UPDATE b SET v = v + 5 WHERE id = 1");
	assert_int_equal(kit_ask(&watcher), KIT_SUM + 5);
	assert_int_equal(kit_stop(&watcher), 0);
	assert_int_equal(stat(w.db, &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(kit_number(w.db, "SELECT journal_mode = 'wal' FROM "
	                                  "pragma_journal_mode"),
	    now.wal);
	assert_true(kept(&w));
	assert_true(noted(&w, w.path));
	assert_int_equal(stat(w.path, &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(kit_sum(w.path), KIT_SUM + OLD);
	end(&w);
}

static void
who_has_it_open_sees_the_restored_data(void **state)
{
	(void)state;
	into_live((struct kit_db){ 0 }, (struct kit_db){ 0 });
}

static void
a_target_with_a_wal_stays_usable(void **state)
{
	(void)state;
	into_live((struct kit_db){ 0 }, (struct kit_db){ .wal = true });
	into_live((struct kit_db){ .wal = true },
	    (struct kit_db){ .wal = true });
}

static void
a_saved_wal_does_not_change_the_targets_mode(void **state)
{
	(void)state;
	into_live((struct kit_db){ .wal = true }, (struct kit_db){ 0 });
}

static void
page_sizes_may_differ(void **state)
{
	(void)state;
	into_live((struct kit_db){ .page_size = 512 },
	    (struct kit_db){ .page_size = 65536 });
	into_live((struct kit_db){ .page_size = 16384 },
	    (struct kit_db){ .page_size = 1024 });
	into_live((struct kit_db){ .page_size = 8192 },
	    (struct kit_db){ .page_size = 1024, .wal = true });
	into_live((struct kit_db){ .page_size = 1024, .wal = true },
	    (struct kit_db){ .page_size = 4096, .wal = true });
}

static void
writers_may_go_on(bool wal)
{
	struct world w;
	struct kit_child writer;

	begin(&w, (struct kit_db){ .wal = wal });
	kit_make(w.db, (struct kit_db){ .wal = wal, .rows = OLD });
	writer = kit_start(w.db, KIT_WRITES);
	must_restore(&w);
	assert_true(kit_stop(&writer) > 0);
	is_saved_one(&w);
	assert_true(kept(&w));
	assert_int_equal(kit_sum(w.path), KIT_SUM);
	end(&w);
}

static void
a_writer_may_go_on_with_a_journal(void **state)
{
	(void)state;
	writers_may_go_on(false);
}

static void
a_writer_may_go_on_with_a_wal(void **state)
{
	(void)state;
	writers_may_go_on(true);
}

static void
a_lock_that_stays_leaves_the_old_data(enum kit_role role)
{
	struct world w;
	struct kit_child locker;

	begin(&w, (struct kit_db){ 0 });
	kit_make(w.db, (struct kit_db){ .rows = OLD });
	w.cfg.sqlite.busy_timeout_s = 0;
	locker = kit_start(w.db, role);
	assert_int_equal(restore(&w), -1);
	assert_true(err_is(&w.err, ERR_TRANSIENT));
	assert_non_null(strstr(w.err.msg, "by another process"));
	assert_int_equal(kit_stop(&locker), 0);
	is_old_one(&w);
	assert_int_equal(kit_count(w.data), 1);
	end(&w);
}

static void
a_writer_that_never_ends_leaves_the_old_data(void **state)
{
	(void)state;
	a_lock_that_stays_leaves_the_old_data(KIT_LOCKS);
}

static void
a_reader_that_never_ends_leaves_the_old_data(void **state)
{
	(void)state;
	a_lock_that_stays_leaves_the_old_data(KIT_READS);
}

static void
what_a_crash_left_in_the_target_is_no_obstacle(void **state)
{
	(void)state;
	for (int wal = 0; wal < 2; wal++) {
		struct world w;

		begin(&w, (struct kit_db){ 0 });
		kit_make(w.db, (struct kit_db){ .wal = wal, .rows = OLD });
		kit_crash(w.db);
		must_restore(&w);
		is_saved_one(&w);
		assert_true(kept(&w));
		assert_int_equal(kit_number(w.path,
		                     "SELECT v FROM b WHERE id = 1"),
		    5);
		end(&w);
	}
}

static void
an_empty_target_is_filled(void **state)
{
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	kit_write(w.db, "", 0);
	must_restore(&w);
	is_saved_one(&w);
	assert_int_equal(kit_count(w.data), 1);
	end(&w);
}

/* --- killed in the middle */

/* True: it was killed within the restore, at SQLite's n-th write. */
static bool
run_and_kill(struct world *w, long n)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		kit_fault_at(n, KIT_KILL);
		_exit(restore(w) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || status == 0);
	return WIFSIGNALED(status);
}

/* The database is one or the other, and so is the copy that is kept. */
static void
is_one_or_other(struct world *w)
{
	long long n = kit_number(w->db, MARK);

	assert_int_equal(kit_sum(w->db), KIT_SUM);
	assert_true(n == OLD || n == SAVED);
	if (!kept(w)) {
		assert_int_equal(n, OLD);
		return;
	}
	assert_int_equal(kit_sum(w->path), KIT_SUM);
	assert_int_equal(kit_number(w->path, MARK), OLD);
}

static void
remove_databases(struct world *w)
{
	char name[KIT_PATH];

	while (kit_find(w->data, "mlmd.db", name))
		assert_int_equal(unlink(name), 0);
}

static void
killed_at_every_step(bool wal)
{
	struct world w;
	int torn = 0;
	bool killed = true;

	begin(&w, (struct kit_db){ 0 });
	for (long n = 0; killed; n += 5) {
		char hot[KIT_PATH];
		struct stat st;

		kit_make(w.db, (struct kit_db){ .wal = wal, .rows = OLD });
		killed = run_and_kill(&w, n);
		(void)kit_path(hot, w.data,
		    wal ? "mlmd.db-wal" : "mlmd.db-journal");
		torn += killed && stat(hot, &st) == 0 && st.st_size > 0;
		if (!killed)
			is_saved_one(&w);
		is_one_or_other(&w);
		remove_databases(&w);
	}
	assert_true(torn > 3);
	/* The next one removes what the killed ones left. */
	must_restore(&w);
	is_saved_one(&w);
	end(&w);
}

static void
fails_at_every_step(bool wal)
{
	struct world w;
	int failures = 0;
	bool hit = true;

	begin(&w, (struct kit_db){ 0 });
	for (long n = 0; hit; n += 5) {
		int rc;

		kit_make(w.db, (struct kit_db){ .wal = wal, .rows = OLD });
		kit_fault_at(n, KIT_EIO);
		rc = restore(&w);
		kit_fault_at(-1, KIT_EIO);
		hit = kit_fault_hit();
		failures += rc != 0;
		is_one_or_other(&w);
		if (rc == 0)
			is_saved_one(&w);
		remove_databases(&w);
	}
	assert_true(failures > 3);
	end(&w);
}

static void
a_kill_leaves_the_old_or_the_new(void **state)
{
	(void)state;
	killed_at_every_step(false);
}

static void
a_kill_leaves_the_old_or_the_new_with_a_wal(void **state)
{
	(void)state;
	killed_at_every_step(true);
}

static void
a_disk_that_fails_leaves_the_old_or_the_new(void **state)
{
	(void)state;
	fails_at_every_step(false);
	fails_at_every_step(true);
}

/* --- missing, damaged */

static void
a_missing_target_is_made_as_configured(void **state)
{
	struct world w;
	struct stat st;

	(void)state;
	begin(&w, (struct kit_db){ .wal = true });
	w.cfg.sqlite.mode = 0640;
	if (geteuid() == 0) {
		w.cfg.sqlite.owner = "daemon";
		w.cfg.sqlite.group = "12345";
	}
	must_restore(&w);
	assert_int_equal(stat(w.db, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	if (geteuid() == 0) {
		assert_int_equal(st.st_uid, 1);
		assert_int_equal(st.st_gid, 12345);
	}
	assert_true(noted(&w, "was missing"));
	is_saved_one(&w);
	assert_int_equal(
	    kit_number(w.db,
	        "SELECT journal_mode = 'wal' FROM pragma_journal_mode"),
	    1);
	end(&w);
}

static void
a_missing_target_is_made_as_its_folder(void **state)
{
	struct world w;
	struct stat st;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	assert_int_equal(chmod(w.data, 0750), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(w.data, 4711, 4712), 0);
	must_restore(&w);
	assert_int_equal(stat(w.db, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	if (geteuid() == 0) {
		assert_int_equal(st.st_uid, 4711);
		assert_int_equal(st.st_gid, 4712);
	}
	end(&w);
}

static void
an_unknown_owner_is_an_error(void **state)
{
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	w.cfg.sqlite.owner = "nobody-has-this-name";
	assert_int_equal(restore(&w), -1);
	assert_string_equal(w.err.msg,
	    "there is no user 'nobody-has-this-name'");
	w.cfg.sqlite.owner = NULL;
	w.cfg.sqlite.group = "no-group-has-this-name";
	assert_int_equal(restore(&w), -1);
	assert_string_equal(w.err.msg,
	    "there is no group 'no-group-has-this-name'");
	assert_int_equal(kit_count(w.data), 0);
	end(&w);
}

static void
an_owner_is_a_name_or_a_number(void **state)
{
	struct world w;
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	begin(&w, (struct kit_db){ 0 });
	w.cfg.sqlite.owner = "4711";
	w.cfg.sqlite.group = "daemon";
	must_restore(&w);
	assert_int_equal(stat(w.db, &st), 0);
	assert_int_equal(st.st_uid, 4711);
	assert_int_equal(st.st_gid, 1);
	end(&w);
}

/* As one meets it who is not root. */
static void
an_owner_that_cannot_be_given_is_an_error(void **state)
{
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	w.cfg.sqlite.owner = "4711";
	failcall_at("fchown", 0, EPERM);
	assert_int_equal(restore(&w), -1);
	assert_true(failcall_end());
	assert_non_null(strstr(w.err.msg, "cannot change the owner of '"));
	assert_int_equal(kit_count(w.data), 0);
	end(&w);
}

static void
mode_after(unsigned failures, mode_t mode)
{
	struct world w;
	struct stat st;

	begin(&w, (struct kit_db){ 0 });
	kit_write(w.db, "no database at all", 18);
	assert_int_equal(chmod(w.db, 0664), 0);
	for (unsigned i = 0; i < failures; i++)
		failcall_at("fchown", i, EPERM);
	must_restore(&w);
	assert_true(failcall_end());
	assert_int_equal(stat(w.db, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	is_saved_one(&w);
	end(&w);
}

static void
another_group_does_not_get_the_mode_that_was_for_the_old_one(void **state)
{
	(void)state;
	mode_after(0, 0664);
	mode_after(1, 0664);
	mode_after(2, 0600);
}

static void
a_journal_without_its_database_is_not_applied(void **state)
{
	struct world w;
	char side[KIT_PATH], aside[KIT_PATH];

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	kit_make(w.db, (struct kit_db){ .rows = OLD });
	kit_crash(w.db);
	assert_true(kit_there(kit_path(side, w.data, "mlmd.db-journal")));
	assert_int_equal(unlink(w.db), 0);
	must_restore(&w);
	is_saved_one(&w);
	assert_false(kit_there(side));
	assert_true(kit_find(w.data, "mlmd.db.before-restore-", aside));
	assert_true(str_ends(aside, "-journal"));
	end(&w);
}

static void
damaged(const char *bytes, size_t n)
{
	struct world w;
	struct stat st;

	begin(&w, (struct kit_db){ 0 });
	kit_write(w.db, bytes, n);
	assert_int_equal(chmod(w.db, 0604), 0);
	must_restore(&w);
	is_saved_one(&w);
	assert_true(kept(&w));
	assert_true(kit_same(w.path, (const uint8_t *)bytes, n));
	assert_true(noted(&w, "must be restarted"));
	assert_true(noted(&w, w.path));
	assert_int_equal(stat(w.db, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	end(&w);
}

static void
garbage_is_kept_and_replaced(void **state)
{
	char junk[9000];

	(void)state;
	memset(junk, 0x5a, sizeof junk);
	damaged(junk, sizeof junk);
	damaged(junk, 7);
	memcpy(junk, "SQLite format 3", 16);
	damaged(junk, sizeof junk);
}

/* What may be a transaction that was cut off, until SQLite looks at it. */
static void
garbage_with_a_journal_is_kept_and_replaced(void **state)
{
	struct world w;
	char junk[9000], journal[KIT_PATH];

	(void)state;
	memset(junk, 0x5a, sizeof junk);
	memcpy(junk, "SQLite format 3", 16);
	begin(&w, (struct kit_db){ 0 });
	kit_write(w.db, junk, sizeof junk);
	kit_write(kit_path(journal, w.data, "mlmd.db-journal"), "no journal",
	    10);
	must_restore(&w);
	is_saved_one(&w);
	assert_false(kit_there(journal));
	assert_true(noted(&w, "must be restarted"));
	end(&w);
}

static void
a_truncated_target_is_kept_and_replaced(void **state)
{
	struct world w;
	uint8_t *p;
	size_t n;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	kit_make(w.db, (struct kit_db){ .rows = 2000 });
	p = kit_read(w.db, &n);
	end(&w);
	damaged((const char *)p, n / 2);
	damaged((const char *)p, 4096);
	free(p);
}

/* --- what comes back is wrong */

static void
a_stream_that_breaks_off_changes_nothing(void **state)
{
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	kit_make(w.db, (struct kit_db){ .rows = OLD });
	w.loader.cut_at = 20000;
	assert_int_equal(restore(&w), -1);
	assert_true(err_is(&w.err, ERR_CORRUPT));
	is_old_one(&w);
	assert_int_equal(kit_count(w.data), 1);
	end(&w);
}

static void
other_row_counts_than_saved_change_nothing(void **state)
{
	static const char facts[] = "{\"tables\":{\"a\":777,\"b\":778}}";
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	kit_make(w.db, (struct kit_db){ .rows = OLD });
	json_free(w.loader.facts);
	assert_int_equal(json_parse(facts, sizeof facts - 1, &w.loader.facts,
	                     &w.err),
	    0);
	w.loader.base.facts = w.loader.facts;
	assert_int_equal(restore(&w), -1);
	assert_string_equal(w.err.msg,
	    "the saved database: table 'b' has 777 rows, 778 were saved");
	is_old_one(&w);
	assert_int_equal(kit_count(w.data), 1);
	end(&w);
}

static void
a_damaged_saved_database_changes_nothing(void **state)
{
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	kit_make(w.db, (struct kit_db){ .rows = OLD });
	memset(w.saver.bytes.data + 8192, 0xa5, 4096);
	assert_int_equal(restore(&w), -1);
	assert_true(err_is(&w.err, ERR_CORRUPT));
	assert_non_null(strstr(w.err.msg, "quick_check says"));
	is_old_one(&w);
	assert_int_equal(kit_count(w.data), 1);
	end(&w);
}

/* --- calls of the system that fail */

static void
make_usable(struct world *w)
{
	kit_make(w->db, (struct kit_db){ .rows = OLD });
}

#define GARBAGE "no database at all"

static void
make_damaged(struct world *w)
{
	kit_write(w->db, GARBAGE, sizeof GARBAGE);
}

static void
make_missing(struct world *w)
{
	assert_false(kit_there(w->db));
}

/* What there was is there, or what was saved, and then the other is kept. */
static void
is_whole(struct world *w, void (*make)(struct world *))
{
	const uint8_t *garbage = (const uint8_t *)GARBAGE;

	if (make == make_usable) {
		is_one_or_other(w);
	} else if (make == make_missing) {
		if (kit_there(w->db))
			is_saved_one(w);
	} else if (!kit_same(w->db, garbage, sizeof GARBAGE)) {
		is_saved_one(w);
		assert_true(kept(w));
		assert_true(kit_same(w->path, garbage, sizeof GARBAGE));
	}
}

/* How often the restore failed for it. */
static unsigned
fails_at_each(const char *call, void (*make)(struct world *))
{
	struct world w;
	unsigned failures = 0;
	bool struck = true;

	begin(&w, (struct kit_db){ 0 });
	for (unsigned n = 0; struck; n++) {
		int rc;

		make(&w);
		failcall_at(call, n, EIO);
		rc = restore(&w);
		struck = failcall_end();
		failures += rc != 0;
		is_whole(&w, make);
		if (rc == 0)
			is_saved_one(&w);
		remove_databases(&w);
	}
	end(&w);
	return failures;
}

static void
each_call_may_fail(void **state)
{
	static const struct {
		const char *name;
		bool other_way; /* the restore goes on without it */
	} call[] = {
		{ "open64", false },
		{ "stat64", false },
		{ "statvfs64", false },
		{ "fsync", false },
		{ "fchown", false },
		{ "fchmod", false },
		{ "rename", false },
		{ "mkdtemp", false },
		{ "link", true },
		{ "opendir", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof call / sizeof call[0]; i++) {
		unsigned n = fails_at_each(call[i].name, make_usable) +
		             fails_at_each(call[i].name, make_missing) +
		             fails_at_each(call[i].name, make_damaged);

		assert_true(call[i].other_way ? n == 0 : n > 0);
	}
}

static void
what_cannot_be_kept_is_not_replaced(void **state)
{
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	make_damaged(&w);
	failcall_from("link", 0, EPERM);
	failcall_from("rename", 0, EIO);
	assert_int_equal(restore(&w), -1);
	assert_true(failcall_end());
	assert_non_null(strstr(w.err.msg, "cannot keep '"));
	assert_int_equal(kit_count(w.data), 1);
	is_whole(&w, make_damaged);
	end(&w);
}

static void
a_name_that_is_taken_is_not_used(void **state)
{
	struct world w;
	char name[KIT_PATH], when[DATE_BASIC_SIZE];
	int64_t now = (int64_t)time(NULL);

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	make_usable(&w);
	/* all that it tries, and as many if this is slow */
	for (int i = 0; i < 120; i++) {
		date_basic(now + i, when);
		(void)snprintf(name, sizeof name, "%.300s.before-restore-%s",
		    w.db, when);
		kit_write(name, "", 0);
	}
	assert_int_equal(restore(&w), -1);
	assert_true(err_is(&w.err, ERR_EXISTS));
	assert_non_null(strstr(w.err.msg, "are there already"));
	assert_int_equal(kit_count(w.data), 121);
	is_old_one(&w);
	end(&w);
}

/* --- other places, dry run */

static void
a_dry_run_changes_nothing(void **state)
{
	struct world w;
	uint8_t *p;
	size_t n;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	w.loader.base.dry_run = true;
	must_restore(&w);
	assert_true(noted(&w, "would make '"));
	assert_int_equal(kit_count(w.data), 0);
	kit_make(w.db, (struct kit_db){ .rows = OLD });
	p = kit_read(w.db, &n);
	must_restore(&w);
	assert_true(noted(&w, "would keep '"));
	assert_true(kit_same(w.db, p, n));
	free(p);
	kit_write(w.db, "no database at all, but some text", 33);
	must_restore(&w);
	assert_true(noted(&w, "is damaged: would keep"));
	kit_write(w.db, "", 0);
	must_restore(&w);
	assert_true(noted(&w, "which is empty"));
	assert_int_equal(kit_count(w.data), 1);
	end(&w);
}

static void
it_may_go_to_another_file(void **state)
{
	struct world w;
	char other[KIT_PATH];

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	kit_make(w.db, (struct kit_db){ .rows = OLD });
	w.c->ops->free(w.c);
	assert_int_equal(component_sqlite_new(&w.cfg,
	                     kit_path(other, w.data, "other.db"), w.scratch,
	                     &w.c, &w.err),
	    0);
	must_restore(&w);
	is_old_one(&w);
	assert_int_equal(kit_number(other, MARK), SAVED);
	end(&w);
}

static int
check(struct world *w, struct buf *detail)
{
	return w->c->ops->check(w->c, true, detail, &w->err);
}

static void
check_tells_what_a_restore_would_meet(void **state)
{
	struct world w;
	AUTO(buf) struct buf b = { .max = 200 };
	char path[KIT_PATH];

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	assert_int_equal(check(&w, &b), 0);
	assert_string_equal(b.data, "makes a new file");
	kit_make(w.db, (struct kit_db){ .rows = 100 });
	buf_clear(&b);
	assert_int_equal(check(&w, &b), 0);
	assert_string_equal(b.data, "replaces 28.0 KiB");
	failcall_at("access", 0, EACCES);
	assert_int_equal(check(&w, &b), -1);
	assert_true(failcall_end());
	assert_non_null(strstr(w.err.msg, "cannot write to folder '"));
	failcall_at("access", 1, EROFS);
	assert_int_equal(check(&w, &b), -1);
	assert_true(failcall_end());
	assert_non_null(strstr(w.err.msg, "mlmd.db'"));
	w.c->ops->free(w.c);
	assert_int_equal(component_sqlite_new(&w.cfg,
	                     kit_path(path, w.dir, "nowhere/x.db"), w.scratch,
	                     &w.c, &w.err),
	    0);
	assert_int_equal(check(&w, &b), -1);
	assert_true(err_is(&w.err, ERR_NOTFOUND));
	assert_non_null(strstr(w.err.msg, "nowhere'"));
	end(&w);
}

/* --- no room, no memory */

static void
facts_refuse(struct world *w, const char *facts, enum err_code code,
    const char *says)
{
	AUTO(json) struct json *j = NULL;

	assert_int_equal(json_parse(facts, strlen(facts), &j, &w->err), 0);
	w->loader.base.facts = j;
	assert_int_equal(restore(w), -1);
	assert_true(err_is(&w->err, code));
	assert_non_null(strstr(w->err.msg, says));
	is_old_one(w);
	assert_int_equal(kit_count(w->data), 1);
	w->loader.base.facts = NULL;
}

static void
what_the_disk_has_no_room_for_is_not_begun(void **state)
{
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	make_usable(&w);
	facts_refuse(&w, "{\"pages\": 4000000000, \"page-size\": 65536}",
	    ERR_NOROOM, "to restore: needs ");
	facts_refuse(&w, "{\"pages\": 4000000000000000, \"page-size\": 65536}",
	    ERR_CORRUPT, "facts: 4000000000000000 pages");
	end(&w);
}

/* Files may not grow past a limit: each write of each step fails once. */
static int
limited(struct world *w, rlim_t limit)
{
	struct rlimit old, now;
	int rc;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	now = (struct rlimit){ limit, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
	rc = restore(w);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	return rc;
}

static void
files_that_cannot_grow_leave_the_old_data(void **state)
{
	struct world w;
	bool done = false;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	begin(&w, (struct kit_db){ .pad = 200 });
	kit_make(w.db, (struct kit_db){ .rows = OLD });
	for (rlim_t n = 0; !done; n += 40000) {
		done = limited(&w, n) == 0;
		if (done)
			break;
		assert_true(err_is(&w.err, ERR_NOROOM));
		is_old_one(&w);
		assert_int_equal(kit_count(w.data), 1);
	}
	is_saved_one(&w);
	end(&w);
}

/* A file system of `kib`, for this process and its children only. */
static bool
small_disk(const char *at, unsigned kib)
{
	char opt[64];

	(void)snprintf(opt, sizeof opt, "size=%uk,mode=755", kib);
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", at, "tmpfs", 0, opt) == 0;
}

/* In a child: 0 as it should be, 77 no such disk here. */
static int
on_small_disk(struct world *w, unsigned kib)
{
	int rc;

	if (!small_disk(w->data, kib))
		return 77;
	kit_make(w->db, (struct kit_db){ .rows = OLD });
	/* Nothing is known beforehand: only the disk itself says no. */
	w->loader.base.facts = NULL;
	rc = restore(w);
	if (rc == 0)
		return kit_number(w->db, MARK) == SAVED ? 1 : 2;
	if (!err_is(&w->err, ERR_NOROOM) || kit_count(w->data) != 1)
		return 3;
	return kit_sum(w->db) == KIT_SUM && kit_number(w->db, MARK) == OLD ? 0
	                                                                   : 4;
}

static void
a_full_disk_leaves_the_old_data(void **state)
{
	struct world w;
	int status = 0, full = 0;
	bool fits = false;

	(void)state;
	begin(&w, (struct kit_db){ .pad = 1000 });
	for (unsigned kib = 1200; !fits && kib < 12000; kib += 300) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			/* a signal tells it: nobody looks for leaks then */
			status = on_small_disk(&w, kib);
			(void)raise(status == 0    ? SIGKILL
			            : status == 1  ? SIGUSR1
			            : status == 77 ? SIGUSR2
			                           : SIGABRT);
			_exit(2);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		status = WTERMSIG(status) == SIGKILL   ? 0
		         : WTERMSIG(status) == SIGUSR1 ? 1
		         : WTERMSIG(status) == SIGUSR2 ? 77
		                                       : 2;
		if (status == 77)
			break;
		assert_true(status <= 1);
		fits = status == 1;
		full += !fits;
	}
	end(&w);
	if (status == 77)
		skip();
	assert_true(fits);
	assert_true(full > 3);
}

static void
every_allocation_may_fail(void **state)
{
	struct world w;
	long fails = 0;
	int rc;

	(void)state;
	begin(&w, (struct kit_db){ .page_size = 1024, .wal = true });
	kit_make(w.db, (struct kit_db){ .wal = true, .rows = OLD });
	do {
		failalloc_at(fails);
		rc = restore(&w);
		failalloc_at(-1);
		if (rc) {
			assert_true(err_is(&w.err, ERR_NOMEM));
			is_old_one(&w);
			assert_int_equal(kit_count(w.data), 1);
			fails++;
		}
	} while (rc);
	is_saved_one(&w);
	assert_true(fails > 20);
	end(&w);
}

static void
sqlite_may_run_out_of_memory(void **state)
{
	struct world w;
	bool reached = true;
	int fails = 0;

	(void)state;
	begin(&w, (struct kit_db){ .page_size = 1024 });
	for (long n = 0; reached; n += n < 20 ? 1 : 61) {
		int rc;

		kit_make(w.db, (struct kit_db){ .rows = OLD });
		(void)kit_nomem_at(n);
		rc = restore(&w);
		reached = kit_nomem_at(-1) > n;
		fails += rc != 0;
		if (rc)
			/* quick_check reports it as a line of its own. */
			assert_true(err_is(&w.err, ERR_NOMEM) ||
			            strstr(w.err.msg, "error code=7"));
		else
			is_saved_one(&w);
		is_one_or_other(&w);
		remove_databases(&w);
	}
	assert_true(fails > 15);
	end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_it_open_sees_the_restored_data),
		cmocka_unit_test(a_target_with_a_wal_stays_usable),
		cmocka_unit_test(a_saved_wal_does_not_change_the_targets_mode),
		cmocka_unit_test(page_sizes_may_differ),
		cmocka_unit_test(a_writer_may_go_on_with_a_journal),
		cmocka_unit_test(a_writer_may_go_on_with_a_wal),
		cmocka_unit_test(a_writer_that_never_ends_leaves_the_old_data),
		cmocka_unit_test(a_reader_that_never_ends_leaves_the_old_data),
		cmocka_unit_test(
		    what_a_crash_left_in_the_target_is_no_obstacle),
		cmocka_unit_test(an_empty_target_is_filled),
		cmocka_unit_test(a_kill_leaves_the_old_or_the_new),
		cmocka_unit_test(a_kill_leaves_the_old_or_the_new_with_a_wal),
		cmocka_unit_test(a_disk_that_fails_leaves_the_old_or_the_new),
		cmocka_unit_test(a_missing_target_is_made_as_configured),
		cmocka_unit_test(a_missing_target_is_made_as_its_folder),
		cmocka_unit_test(an_unknown_owner_is_an_error),
		cmocka_unit_test(an_owner_is_a_name_or_a_number),
		cmocka_unit_test(an_owner_that_cannot_be_given_is_an_error),
		cmocka_unit_test(
		    another_group_does_not_get_the_mode_that_was_for_the_old_one),
		cmocka_unit_test(each_call_may_fail),
		cmocka_unit_test(what_cannot_be_kept_is_not_replaced),
		cmocka_unit_test(a_name_that_is_taken_is_not_used),
		cmocka_unit_test(what_the_disk_has_no_room_for_is_not_begun),
		cmocka_unit_test(a_journal_without_its_database_is_not_applied),
		cmocka_unit_test(garbage_is_kept_and_replaced),
		cmocka_unit_test(garbage_with_a_journal_is_kept_and_replaced),
		cmocka_unit_test(a_truncated_target_is_kept_and_replaced),
		cmocka_unit_test(a_stream_that_breaks_off_changes_nothing),
		cmocka_unit_test(other_row_counts_than_saved_change_nothing),
		cmocka_unit_test(a_damaged_saved_database_changes_nothing),
		cmocka_unit_test(a_dry_run_changes_nothing),
		cmocka_unit_test(it_may_go_to_another_file),
		cmocka_unit_test(check_tells_what_a_restore_would_meet),
		cmocka_unit_test(files_that_cannot_grow_leave_the_old_data),
		cmocka_unit_test(a_full_disk_leaves_the_old_data),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(sqlite_may_run_out_of_memory),
	};

	return cmocka_run_group_tests_name("sqlite_restore", tests, NULL, NULL);
}
