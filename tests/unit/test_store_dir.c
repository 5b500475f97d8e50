#include "../lib/store_suite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "base/buf.h"

/* A folder of our own, below which is the store's "root". */
static char top[64];

static int
remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
clean(void *arg)
{
	(void)arg;
	(void)nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static char *
path(const char *below)
{
	static char buf[512];

	(void)snprintf(buf, sizeof buf, "%s%s", top, below);
	return buf;
}

static int
fresh(void *arg, struct store **ret, struct err *err)
{
	(void)arg;
	(void)snprintf(top, sizeof top, "/tmp/store-dir-XXXXXX");
	if (!mkdtemp(top))
		return err_sys(err, "mkdtemp");
	return store_dir_new(path("/new/root"), true, ret, err);
}

static int
setup(void **state)
{
	struct err err = { 0 };
	struct store *st = NULL;

	if (fresh(NULL, &st, &err) || st->ops->open(st, &err))
		return -1;
	*state = st;
	return 0;
}

static int
teardown(void **state)
{
	store_free(*state);
	clean(NULL);
	return 0;
}

static void
write_file(const char *below, const char *text)
{
	FILE *f = fopen(path(below), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static bool
exists(const char *below)
{
	struct stat sb;

	return lstat(path(below), &sb) == 0;
}

static int
note(void *arg, const char *key, const struct store_stat *stat, struct err *err)
{
	(void)stat;
	return buf_printf(arg, err, "%s ", key);
}

static void
assert_lists(struct store *st, bool deep, const char *want)
{
	AUTO(buf) struct buf b = { .max = 1000 };
	struct err err = { 0 };

	if (st->ops->list(st, "", deep, note, &b, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(b.data ? b.data : "", want);
}

static void
a_missing_folder_is_not_made_unless_told(void **state)
{
	AUTO(store) struct store *st = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(store_dir_new(path("/none"), false, &st, &err), 0);
	assert_int_equal(st->ops->open(st, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg, "cannot open folder '/tmp/"));
	assert_false(exists("/none"));
}

static void
files_and_folders_are_for_the_owner_alone(void **state)
{
	struct store *st = *state;
	struct err err = { 0 };
	struct stat sb;

	assert_int_equal(store_put_bytes(st, "a/b", "x", 1, &err), 0);
	assert_int_equal(stat(path("/new/root/a/b"), &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	assert_int_equal(stat(path("/new/root/a"), &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0700);
	assert_int_equal(stat(path("/new"), &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0700);
}

static void
symbolic_links_do_not_lead_out(void **state)
{
	struct store *st = *state;
	AUTO(buf) struct buf b = { .max = 100 };
	struct store_stat info;
	struct err err = { 0 };

	assert_int_equal(mkdir(path("/outside"), 0700), 0);
	write_file("/outside/secret", "secret");
	assert_int_equal(symlink("../../outside", path("/new/root/a")), 0);
	assert_int_equal(symlink("../../outside/secret",
	                     path("/new/root/link")),
	    0);
	assert_int_equal(store_get_bytes(st, "a/secret", &b, &err), -1);
	assert_int_equal(store_get_bytes(st, "link", &b, &err), -1);
	assert_int_equal(st->ops->stat(st, "link", &info, &err), -1);
	assert_int_equal(store_put_bytes(st, "a/new", "x", 1, &err), -1);
	assert_false(exists("/outside/new"));
	assert_int_equal(st->ops->remove(st, "a/secret", &err), 0);
	assert_true(exists("/outside/secret"));
	assert_lists(st, true, "");
	assert_int_equal(st->ops->list(st, "../../outside/", true, note, &b,
	                     &err),
	    -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(b.len, 0);
}

static void
foreign_files_are_left_alone(void **state)
{
	struct store *st = *state;
	struct err err = { 0 };

	assert_int_equal(store_put_bytes(st, "a", "x", 1, &err), 0);
	write_file("/new/root/odd name", "x");
	write_file("/new/root/.hidden", "x");
	assert_int_equal(mkfifo(path("/new/root/pipe"), 0600), 0);
	assert_int_equal(mkdir(path("/new/root/empty"), 0700), 0);
	assert_int_equal(mkdir(path("/new/root/empty/too"), 0700), 0);
	assert_lists(st, true, "a ");
	assert_lists(st, false, "a ");
	assert_int_equal(st->ops->get(st, "pipe", 0, STORE_ALL, NULL, &err),
	    -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void
nothing_is_ever_overwritten(void **state)
{
	struct store *st = *state;
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	assert_int_equal(store_put_bytes(st, "a/b", "first", 5, &err), 0);
	assert_int_equal(store_put_bytes(st, "a/b", "second", 6, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(store_get_bytes(st, "a/b", &b, &err), 0);
	assert_string_equal(b.data, "first");
	assert_lists(st, true, "a/b ");
	/* neither a folder by an object, nor an object by a folder */
	assert_int_equal(store_put_bytes(st, "a", "x", 1, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(store_put_bytes(st, "a/b/c", "x", 1, &err), -1);
	assert_int_equal(err.code, ERR_IO);
}

static void
removing_the_last_object_removes_its_folders(void **state)
{
	struct store *st = *state;
	struct err err = { 0 };

	assert_int_equal(store_put_bytes(st, "a/b/c", "x", 1, &err), 0);
	assert_int_equal(store_put_bytes(st, "a/d", "x", 1, &err), 0);
	assert_int_equal(st->ops->remove(st, "a/b/c", &err), 0);
	assert_false(exists("/new/root/a/b"));
	assert_true(exists("/new/root/a/d"));
	assert_int_equal(st->ops->remove(st, "a/d", &err), 0);
	assert_false(exists("/new/root/a"));
	assert_true(exists("/new/root"));
}

static void
a_sweep_removes_what_a_crash_left(void **state)
{
	struct store *st = *state;
	AUTO(sink) struct sink *mine = NULL;
	AUTO(sink) struct sink *other = NULL;
	int64_t later = st->ops->now(st) + 10;
	struct err err = { 0 };
	unsigned n = 0;
	bool any = true;

	assert_int_equal(st->ops->unfinished(st, "", &any, &err), 0);
	assert_false(any);
	assert_int_equal(st->ops->put(st, "p/a", NULL, &mine, &err), 0);
	assert_int_equal(st->ops->put(st, "q/a", NULL, &other, &err), 0);
	assert_int_equal(st->ops->unfinished(st, "p/", &any, &err), 0);
	assert_true(any);
	assert_int_equal(st->ops->sweep(st, "p/", later, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(st->ops->unfinished(st, "p/", &any, &err), 0);
	assert_false(any);
	assert_int_equal(sink_finish(other, &err), 0);
	assert_int_equal(sink_finish(mine, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_lists(st, true, "q/a ");
}

/* The only file below .tmp, or NULL. */
static const char *
only_tmp(char name[256])
{
	DIR *d = opendir(path("/new/root/.tmp"));
	const struct dirent *e;
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && n++ == 0)
			(void)snprintf(name, 256, "%s", e->d_name);
	(void)closedir(d);
	assert_true(n <= 1);
	return n ? name : NULL;
}

static void
temporary_files_tell_whose_they_are(void **state)
{
	struct store *st = *state;
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };
	char name[256], pid[32];

	assert_int_equal(st->ops->put(st, "p/a", NULL, &s, &err), 0);
	(void)snprintf(pid, sizeof pid, ",%ld,", (long)getpid());
	assert_non_null(only_tmp(name));
	assert_memory_equal(name, "p%a,2", 5);
	assert_non_null(strstr(name, pid));
	sink_free(TAKE(s));
	assert_null(only_tmp(name));
	assert_int_equal(store_put_bytes(st, "p/a", "x", 1, &err), 0);
	assert_null(only_tmp(name));
}

static void
a_full_disk_says_so(void **state)
{
	struct store *st = *state;
	AUTO(sink) struct sink *s = NULL;
	const struct rlimit small = { 1000, RLIM_INFINITY },
	                    none = { RLIM_INFINITY, RLIM_INFINITY };
	struct err err = { 0 };
	char bytes[4000] = { 0 };
	int rc;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(st->ops->put(st, "a", NULL, &s, &err), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	rc = sink_write(s, bytes, sizeof bytes, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_NOROOM);
	assert_non_null(strstr(err.msg, "of free space left"));
	sink_free(TAKE(s));
	assert_lists(st, true, "");
}

static int
scenario(struct err *err)
{
	AUTO(store) struct store *st = NULL;
	AUTO(buf) struct buf b = { .max = 1000 };
	struct buf got = { .max = 100 };
	int rc;

	if (store_dir_new(path("/new/root"), true, &st, err) ||
	    st->ops->open(st, err) || store_put_bytes(st, "a/b", "x", 1, err))
		return -1;
	rc = store_get_bytes(st, "a/b", &got, err) ||
	             st->ops->list(st, "a/", false, note, &b, err)
	         ? -1
	         : 0;
	buf_done(&got);
	failalloc_at(rc ? -1 : 1000);
	(void)!st->ops->remove(st, "a/b", &(struct err){ 0 });
	return rc;
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;
	int rc = -1;

	while (rc) {
		struct err err = { 0 };

		failalloc_at(fails);
		rc = scenario(&err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		assert_lists(*state, true, "");
		fails += rc != 0;
	}
	assert_true(fails >= 10);
}

/* A whole life of one object, in a store that is already open; what was put
 * under fresh is to be gone at the end. */
static int
life(struct store *st, struct err *err)
{
	AUTO(buf) struct buf b = { .max = 1000 }, got = { .max = 100 };
	AUTO(sink) struct sink *left = NULL;
	struct store_stat info = { 0 };
	unsigned n = 0;

	if (store_put_bytes(st, "a/b/c", "x", 1, err) ||
	    st->ops->stat(st, "a/b/c", &info, err) ||
	    store_get_bytes(st, "a/b/c", &got, err) ||
	    st->ops->list(st, "", true, note, &b, err) ||
	    st->ops->list(st, "a/", false, note, &b, err) ||
	    st->ops->put(st, "p/x", NULL, &left, err) ||
	    st->ops->sweep(st, "p/", INT64_MAX, &n, err) ||
	    st->ops->remove(st, "a/b/c", err))
		return -1;
	assert_int_equal(info.size, 1);
	assert_string_equal(got.data, "x");
	assert_string_equal(b.data, "a/b/c a/b/ ");
	assert_int_equal(n, 1);
	return 0;
}

/* Nothing that is wrong is passed over, and nothing half-made is seen. */
static void
each_call_may_fail(void **state)
{
	static const char *const calls[] = { "mkdirat", "openat64", "fsync",
		"close", "renameat2", "fstat64", "fstatat64", "pread64",
		"fdopendir", "readdir64", "unlinkat", "write" };
	struct store *st = *state;

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		unsigned failed = 0;
		bool struck = true;

		for (unsigned n = 0; struck; n++) {
			struct err err = { 0 }, ignored;
			int rc;

			failcall_at(calls[i], n, EIO);
			rc = life(st, &err);
			struck = failcall_end();
			assert_true(struck || rc == 0);
			failed += rc != 0;
			if (rc)
				assert_int_equal(err.sys, EIO);
			assert_int_equal(st->ops->remove(st, "a/b/c", &ignored),
			    0);
			assert_lists(st, true, "");
			(void)nftw(path("/new/root/.tmp"), remove_one, 8,
			    FTW_DEPTH | FTW_PHYS);
		}
		assert_true(failed > 0);
	}
}

static void
what_goes_meanwhile_is_not_missed(void **state)
{
	struct store *st = *state;
	struct err err = { 0 };
	AUTO(sink) struct sink *s = NULL;
	unsigned n = 0;

	assert_int_equal(store_put_bytes(st, "a", "x", 1, &err), 0);
	failcall_at("fstatat64", 0, ENOENT);
	assert_lists(st, true, "");
	assert_true(failcall_end());
	assert_int_equal(st->ops->put(st, "p/a", NULL, &s, &err), 0);
	failcall_at("fstatat64", 0, ENOENT);
	assert_int_equal(st->ops->sweep(st, "p/", INT64_MAX, &n, &err), 0);
	assert_true(failcall_end());
	failcall_at("unlinkat", 0, ENOENT);
	assert_int_equal(st->ops->sweep(st, "p/", INT64_MAX, &n, &err), 0);
	assert_true(failcall_end());
	assert_int_equal(n, 0);
}

/* Those that have no rename which refuses, and FAT, which has no links. */
static void
a_simpler_file_system_overwrites_nothing_either(void **state)
{
	struct store *st = *state;
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	failcall_from("renameat2", 0, EINVAL);
	assert_int_equal(store_put_bytes(st, "a", "first", 5, &err), 0);
	assert_int_equal(store_put_bytes(st, "a", "second", 6, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	failcall_from("linkat", 0, EPERM);
	assert_int_equal(store_put_bytes(st, "a", "third", 5, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(store_put_bytes(st, "b", "x", 1, &err), 0);
	assert_true(failcall_end());
	failcall_from("renameat2", 0, EINVAL);
	failcall_at("linkat", 0, EIO);
	assert_int_equal(store_put_bytes(st, "c", "x", 1, &err), -1);
	assert_true(failcall_end());
	assert_int_equal(err.sys, EIO);
	assert_int_equal(store_get_bytes(st, "a", &b, &err), 0);
	assert_string_equal(b.data, "first");
	assert_lists(st, true, "a b ");
}

static void
what_may_not_be_for_good_is_taken_back(void **state)
{
	struct store *st = *state;
	struct err err = { 0 };

	assert_int_equal(store_put_bytes(st, "a", "x", 1, &err), 0);
	failcall_at("fsync", 1, EIO); /* the file's is 0, then its folder's */
	assert_int_equal(store_put_bytes(st, "b", "x", 1, &err), -1);
	assert_true(failcall_end());
	assert_int_equal(err.sys, EIO);
	assert_lists(st, true, "a ");
}

static void
a_signal_does_not_stop_reading(void **state)
{
	struct store *st = *state;
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	assert_int_equal(store_put_bytes(st, "a", "text", 4, &err), 0);
	failcall_at("pread64", 0, EINTR);
	assert_int_equal(store_get_bytes(st, "a", &b, &err), 0);
	assert_true(failcall_end());
	assert_string_equal(b.data, "text");
}

static int
cut_file(struct sink *s, const void *p, size_t n, struct err *err)
{
	(void)s;
	(void)p;
	(void)n;
	(void)err;
	return truncate(path("/new/root/a"), 1);
}

static int
never_finished(struct sink *s, struct err *err)
{
	(void)s;
	return err_set(err, ERR_IO, "finished");
}

static void
not_freed(struct sink *s)
{
	(void)s;
}

static void
a_file_that_shrinks_while_it_is_read_is_damaged(void **state)
{
	static const struct sink_ops ops = { "cut", cut_file, never_finished,
		not_freed };
	struct store *st = *state;
	struct sink cut = { 0 };
	static const char text[100000];
	struct err err = { 0 };

	(void)sink_init(&cut, &ops, NULL);
	assert_int_equal(store_put_bytes(st, "a", text, sizeof text, &err), 0);
	assert_int_equal(st->ops->get(st, "a", 0, STORE_ALL, &cut, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg, "'a': cut short");
}

static void
what_is_no_key_is_refused_everywhere(void **state)
{
	struct store *st = *state;
	struct store_stat info;
	struct err err = { 0 };

	assert_int_equal(st->ops->stat(st, "../a", &info, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	err = (struct err){ 0 };
	assert_int_equal(st->ops->remove(st, "../a", &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	err = (struct err){ 0 };
	assert_int_equal(store_put_bytes(st, "", "x", 1, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
}

static void
odd_beginnings_do_no_harm(void **state)
{
	struct store *st = *state, *none = NULL;
	struct err err = { 0 };

	assert_int_equal(st->ops->open(st, &err), 0);
	assert_int_equal(store_put_bytes(st, "a", "x", 1, &err), 0);
	failcall_at("RAND_bytes", 0, 1);
	assert_int_equal(store_put_bytes(st, "b", "x", 1, &err), -1);
	assert_true(failcall_end());
	assert_lists(st, true, "a ");
	assert_int_equal(store_dir_new("", true, &none, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_null(none);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	static struct store_suite suite = {
		.fresh = fresh, .clean = clean, .big = 3 << 20, .many = 200
	};
	struct CMUnitTest tests[STORE_SUITE_TESTS + 18] = {
		[STORE_SUITE_TESTS] =
		    TEST(a_missing_folder_is_not_made_unless_told),
		TEST(files_and_folders_are_for_the_owner_alone),
		TEST(symbolic_links_do_not_lead_out),
		TEST(foreign_files_are_left_alone),
		TEST(nothing_is_ever_overwritten),
		TEST(removing_the_last_object_removes_its_folders),
		TEST(a_sweep_removes_what_a_crash_left),
		TEST(a_full_disk_says_so),
		TEST(every_allocation_may_fail),
		TEST(each_call_may_fail),
		TEST(what_goes_meanwhile_is_not_missed),
		TEST(a_simpler_file_system_overwrites_nothing_either),
		TEST(what_may_not_be_for_good_is_taken_back),
		TEST(a_signal_does_not_stop_reading),
		TEST(a_file_that_shrinks_while_it_is_read_is_damaged),
		TEST(what_is_no_key_is_refused_everywhere),
		TEST(odd_beginnings_do_no_harm),
		TEST(temporary_files_tell_whose_they_are),
	};

	store_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("store_dir", tests, NULL, NULL);
}
