#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "base/file.h"

static char dir[] = "/tmp/file-test-XXXXXX";
static char file[64];

static int
setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(file, sizeof file, "%s/f", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(file);
	return rmdir(dir); /* fails where a test left something behind */
}

static void
put(const char *text)
{
	AUTO(close) int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct err err = { 0 };

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text), &err), 0);
}

static void
a_file_is_appended(void **state)
{
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	put("hello");
	assert_int_equal(buf_puts(&b, "> ", &err), 0);
	assert_int_equal(file_read(file, &b, &err), 0);
	assert_string_equal(b.data, "> hello");
	put("");
	assert_int_equal(file_read(file, &b, &err), 0);
	assert_int_equal(b.len, 7);
}

static void
an_empty_file_gives_an_empty_text(void **state)
{
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	put("");
	assert_int_equal(file_read(file, &b, &err), 0);
	assert_string_equal(b.data, "");
}

static void
a_file_as_long_as_the_limit_is_read(void **state)
{
	AUTO(buf) struct buf b = { .max = 5 };
	struct err err = { 0 };

	(void)state;
	put("12345");
	assert_int_equal(file_read(file, &b, &err), 0);
	assert_string_equal(b.data, "12345");
}

static void
a_longer_one_is_refused_and_named(void **state)
{
	AUTO(buf) struct buf b = { .max = 5 };
	struct err err = { 0 };
	char want[128];

	(void)state;
	put("123456");
	assert_int_equal(file_read(file, &b, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	(void)snprintf(want, sizeof want,
	    "file '%s': longer than the limit of 5 bytes", file);
	assert_string_equal(err.msg, want);
}

static void
large_files_are_whole(void **state)
{
	AUTO(buf) struct buf b = { .max = 1 << 20 };
	AUTO(free) char *text = malloc(300001);
	struct err err = { 0 };

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 300000);
	text[300000] = '\0';
	put(text);
	assert_int_equal(file_read(file, &b, &err), 0);
	assert_int_equal(b.len, 300000);
	assert_string_equal(b.data, text);
}

static void
a_missing_file_is_not_found(void **state)
{
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(file_read("/nonexistent/x", &b, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_string_equal(err.msg,
	    "cannot open '/nonexistent/x': No such file or directory");
}

static void
a_folder_is_no_file(void **state)
{
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(file_read(dir, &b, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_int_equal(err.sys, EISDIR);
}

static void
writing_tells_why_it_failed(void **state)
{
	AUTO(close) int fd = open("/dev/full", O_WRONLY);
	struct err err = { 0 };

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, "x", 1, &err), -1);
	assert_int_equal(err.code, ERR_NOROOM);
	assert_int_equal(file_write_all(-1, "x", 1, &err), -1);
	assert_int_equal(err.sys, EBADF);
	assert_int_equal(file_write_all(-1, "x", 0, &err), 0);
}

static void
a_part_is_read_where_it_stands(void **state)
{
	AUTO(close) int fd = -1;
	char got[8] = "";
	struct err err = { 0 };

	(void)state;
	put("hello, world");
	fd = open(file, O_RDONLY);
	assert_int_equal(file_read_at(fd, 7, got, 5, &err), 0);
	assert_string_equal(got, "world");
	failcall_at("pread64", 0, EINTR);
	assert_int_equal(file_read_at(fd, 0, got, 5, &err), 0);
	assert_true(failcall_end());
	assert_string_equal(got, "hello");
	assert_int_equal(file_read_at(fd, 10, got, 5, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_string_equal(err.msg, "it ends 3 bytes too early");
	failcall_at("pread64", 0, EIO);
	assert_int_equal(file_read_at(fd, 0, got, 5, &err), -1);
	assert_true(failcall_end());
	assert_true(err_is(&err, ERR_IO));
}

static void
free_space_is_told(void **state)
{
	struct err err = { 0 };
	uint64_t n = 0;

	(void)state;
	assert_int_equal(file_room(dir, &n, &err), 0);
	assert_true(n > 0);
	assert_int_equal(file_room("/nonexistent", &n, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void
a_scratch_file_has_no_name(void **state)
{
	AUTO(close) int fd = -1;
	struct err err = { 0 };
	struct stat sb;

	(void)state;
	assert_int_equal(file_scratch(dir, &fd, &err), 0);
	assert_int_equal(fstat(fd, &sb), 0);
	assert_int_equal(sb.st_nlink, 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(file_write_all(fd, "x", 1, &err), 0);
	assert_int_equal(file_scratch("/nonexistent", &fd, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void
the_folder_of_a_file_is_synced(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(file_sync_parent(file, &err), 0);
	assert_int_equal(file_sync_parent("/x", &err), 0);
	assert_int_equal(file_sync_parent("x", &err), 0);
	assert_int_equal(file_sync_parent("/nonexistent/x", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;
	int rc = -1;

	(void)state;
	put("hello");
	while (rc) {
		AUTO(buf) struct buf b = { .max = 100 };
		struct err err = { 0 };

		failalloc_at(fails);
		rc = file_read(file, &b, &err) || file_sync_parent(file, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
	}
	assert_int_equal(fails, 2);
}

static void
a_signal_stops_neither_reading_nor_writing(void **state)
{
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	failcall_at("write", 0, EINTR);
	put("hello");
	failcall_at("read", 0, EINTR);
	assert_int_equal(file_read(file, &b, &err), 0);
	assert_true(failcall_end());
	assert_string_equal(b.data, "hello");
}

/* NFS, and others that know no O_TMPFILE: teardown sees that no name is left.
 */
static void
where_no_file_may_be_nameless_its_name_is_removed(void **state)
{
	AUTO(close) int fd = -1;
	struct err err = { 0 };
	struct stat sb;

	(void)state;
	failcall_at("open64", 0, EOPNOTSUPP);
	assert_int_equal(file_scratch(dir, &fd, &err), 0);
	assert_true(failcall_end());
	assert_int_equal(fstat(fd, &sb), 0);
	assert_int_equal(sb.st_nlink, 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(file_write_all(fd, "x", 1, &err), 0);
}

static void
a_scratch_file_that_cannot_be_made_is_told(void **state)
{
	struct err err = { 0 };
	int fd = -1;

	(void)state;
	failcall_at("open64", 0, EISDIR);
	failcall_at("mkostemp64", 0, EACCES);
	assert_int_equal(file_scratch(dir, &fd, &err), -1);
	assert_true(failcall_end());
	assert_int_equal(err.code, ERR_DENIED);
	assert_non_null(strstr(err.msg, "cannot make a file in '/tmp/"));
	failcall_at("open64", 0, EOPNOTSUPP);
	failalloc_at(0);
	assert_int_equal(file_scratch(dir, &fd, &err), -1);
	failalloc_at(-1);
	assert_true(failcall_end());
	assert_int_equal(err.code, ERR_NOMEM);
	assert_int_equal(fd, -1);
}

static void
a_folder_that_cannot_be_synced_is_an_error_but_where_none_can(void **state)
{
	struct err err = { 0 };

	(void)state;
	failcall_at("fsync", 0, EIO);
	assert_int_equal(file_sync_parent(file, &err), -1);
	assert_int_equal(err.sys, EIO);
	assert_non_null(strstr(err.msg, "cannot sync the folder of '"));
	failcall_at("fsync", 0, EINVAL);
	assert_int_equal(file_sync_parent(file, &err), 0);
	assert_true(failcall_end());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_appended),
		cmocka_unit_test(an_empty_file_gives_an_empty_text),
		cmocka_unit_test(a_file_as_long_as_the_limit_is_read),
		cmocka_unit_test(a_longer_one_is_refused_and_named),
		cmocka_unit_test(large_files_are_whole),
		cmocka_unit_test(a_missing_file_is_not_found),
		cmocka_unit_test(a_folder_is_no_file),
		cmocka_unit_test(writing_tells_why_it_failed),
		cmocka_unit_test(a_part_is_read_where_it_stands),
		cmocka_unit_test(free_space_is_told),
		cmocka_unit_test(a_scratch_file_has_no_name),
		cmocka_unit_test(the_folder_of_a_file_is_synced),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(a_signal_stops_neither_reading_nor_writing),
		cmocka_unit_test(
		    where_no_file_may_be_nameless_its_name_is_removed),
		cmocka_unit_test(a_scratch_file_that_cannot_be_made_is_told),
		cmocka_unit_test(
		    a_folder_that_cannot_be_synced_is_an_error_but_where_none_can),
	};

	return cmocka_run_group_tests_name("file", tests, setup, teardown);
}
