#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "../lib/sqlite_kit.h"
#include "component/private_dir.h"

static void
it_is_private_and_goes_with_what_is_in_it(void **state)
{
	char parent[KIT_PATH];
	struct err err = { 0 };
	AUTO(private_dir) struct private_dir *d = NULL;
	AUTO(free) char *file = NULL;
	AUTO(free) char *self = NULL;
	struct stat st;

	(void)state;
	kit_dir(parent);
	assert_int_equal(private_dir_new(parent, &d, &err), 0);
	assert_int_equal(private_dir_path(d, ".", &self, &err), 0);
	assert_int_equal(stat(self, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(private_dir_file(d, "copy", &file, &err), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 0);
	private_dir_free(TAKE(d));
	assert_int_equal(kit_count(parent), 0);
	kit_remove(parent);
}

static void
the_parent_is_made_where_it_is_missing(void **state)
{
	char dir[KIT_PATH], parent[KIT_PATH], deeper[KIT_PATH];
	struct err err = { 0 };
	AUTO(private_dir) struct private_dir *d = NULL;

	(void)state;
	kit_dir(dir);
	(void)kit_path(parent, dir, "scratch");
	assert_int_equal(private_dir_new(parent, &d, &err), 0);
	private_dir_free(TAKE(d));
	assert_int_equal(private_dir_new(kit_path(deeper, dir, "no/such"), &d,
	                     &err),
	    -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	kit_remove(dir);
}

/* A process that makes one, and a file in it, and is killed. */
static void
killed_with_one(const char *parent)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = { 0 };
		struct private_dir *d = NULL;
		char *file = NULL;

		if (private_dir_new(parent, &d, &err) ||
		    private_dir_file(d, "copy", &file, &err))
			_exit(1);
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void
what_the_dead_left_is_removed_and_what_is_in_use_stays(void **state)
{
	char parent[KIT_PATH], other[KIT_PATH];
	struct err err = { 0 };
	AUTO(private_dir) struct private_dir *a = NULL;
	AUTO(private_dir) struct private_dir *b = NULL;
	AUTO(free) char *in_a = NULL;

	(void)state;
	kit_dir(parent);
	assert_int_equal(mkdir(kit_path(other, parent, "not-ours"), 0700), 0);
	killed_with_one(parent);
	assert_int_equal(kit_count(parent), 2);
	assert_int_equal(private_dir_new(parent, &a, &err), 0);
	assert_int_equal(kit_count(parent), 2);
	assert_int_equal(private_dir_file(a, "copy", &in_a, &err), 0);
	assert_int_equal(private_dir_new(parent, &b, &err), 0);
	assert_int_equal(kit_count(parent), 3);
	assert_true(kit_there(in_a));
	private_dir_free(TAKE(a));
	private_dir_free(TAKE(b));
	assert_int_equal(kit_count(parent), 1);
	kit_remove(parent);
}

static void
another_users_folder_is_left_alone(void **state)
{
	char parent[KIT_PATH], theirs[KIT_PATH];
	struct err err = { 0 };
	AUTO(private_dir) struct private_dir *d = NULL;

	(void)state;
	if (geteuid() != 0)
		skip();
	kit_dir(parent);
	(void)kit_path(theirs, parent, ".platform-backup-abcdef");
	assert_int_equal(mkdir(theirs, 0700), 0);
	assert_int_equal(chown(theirs, 4711, 4711), 0);
	assert_int_equal(private_dir_new(parent, &d, &err), 0);
	assert_true(kit_there(theirs));
	private_dir_free(TAKE(d));
	kit_remove(parent);
}

/* It is gone when somebody's sweep came between making and claiming it. */
static void
one_that_cannot_be_claimed_is_followed_by_another(void **state)
{
	static const char *const call[] = { "open64", "fstat64" };
	char parent[KIT_PATH];
	struct err err = { 0 };

	(void)state;
	kit_dir(parent);
	for (size_t i = 0; i < 2; i++) {
		AUTO(private_dir) struct private_dir *d = NULL;
		AUTO(free) char *file = NULL;

		failcall_at(call[i], 0, ENOENT);
		assert_int_equal(private_dir_new(parent, &d, &err), 0);
		assert_true(failcall_end());
		assert_int_equal(private_dir_file(d, "copy", &file, &err), 0);
		assert_true(kit_there(file));
		private_dir_free(TAKE(d));
		failcall_from(call[i], 0, ENOENT);
		assert_int_equal(private_dir_new(parent, &d, &err), -1);
		assert_true(failcall_end());
		assert_true(err_is(&err, ERR_IO));
		assert_non_null(strstr(err.msg, "cannot keep a folder in '"));
	}
	kit_remove(parent);
}

static void
what_the_system_refuses_is_named(void **state)
{
	char parent[KIT_PATH];
	struct err err = { 0 };
	AUTO(private_dir) struct private_dir *d = NULL;
	AUTO(free) char *file = NULL;

	(void)state;
	kit_dir(parent);
	failcall_at("mkdtemp", 0, ENOSPC);
	assert_int_equal(private_dir_new(parent, &d, &err), -1);
	assert_true(failcall_end());
	assert_true(err_is(&err, ERR_NOROOM));
	assert_non_null(strstr(err.msg, "cannot make a folder in '"));
	assert_int_equal(private_dir_new(parent, &d, &err), 0);
	failcall_at("open64", 0, EMFILE);
	assert_int_equal(private_dir_file(d, "copy", &file, &err), -1);
	assert_true(failcall_end());
	assert_non_null(strstr(err.msg, "cannot make '"));
	private_dir_free(TAKE(d));
	assert_int_equal(kit_count(parent), 0);
	kit_remove(parent);
}

/* What cannot be listed is met again by the next sweep. */
static void
a_sweep_that_fails_is_no_obstacle(void **state)
{
	static const char *const call[] = { "opendir", "openat64",
		"fdopendir" };
	char parent[KIT_PATH];
	struct err err = { 0 };
	AUTO(private_dir) struct private_dir *d = NULL;

	(void)state;
	kit_dir(parent);
	killed_with_one(parent);
	for (size_t i = 0; i < 3; i++) {
		failcall_at(call[i], 0, EMFILE);
		assert_int_equal(private_dir_new(parent, &d, &err), 0);
		assert_true(failcall_end());
		assert_int_equal(kit_count(parent), 2);
		private_dir_free(TAKE(d));
	}
	assert_int_equal(private_dir_new(parent, &d, &err), 0);
	assert_int_equal(kit_count(parent), 1);
	private_dir_free(TAKE(d));
	kit_remove(parent);
}

static void
every_allocation_may_fail(void **state)
{
	char parent[KIT_PATH];
	long n = 0;
	int rc;

	(void)state;
	kit_dir(parent);
	do {
		struct err err = { 0 };
		AUTO(private_dir) struct private_dir *d = NULL;
		AUTO(free) char *file = NULL;

		failalloc_at(n);
		rc = private_dir_new(parent, &d, &err) ||
		     private_dir_file(d, "copy", &file, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		n += rc != 0;
	} while (rc);
	assert_true(n >= 3);
	assert_int_equal(kit_count(parent), 0);
	kit_remove(parent);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_private_and_goes_with_what_is_in_it),
		cmocka_unit_test(the_parent_is_made_where_it_is_missing),
		cmocka_unit_test(
		    what_the_dead_left_is_removed_and_what_is_in_use_stays),
		cmocka_unit_test(another_users_folder_is_left_alone),
		cmocka_unit_test(
		    one_that_cannot_be_claimed_is_followed_by_another),
		cmocka_unit_test(what_the_system_refuses_is_named),
		cmocka_unit_test(a_sweep_that_fails_is_no_obstacle),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("private_dir", tests, NULL, NULL);
}
