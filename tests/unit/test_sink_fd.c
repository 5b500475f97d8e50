#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include "../lib/failalloc.h"
#include "stream/sink.h"

static void
bytes_arrive_and_the_file_stays_open(void **state)
{
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };
	char got[20] = "";
	int fd[2];

	(void)state;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_int_equal(sink_fd_new(fd[1], &s, &err), 0);
	assert_int_equal(sink_write(s, "hello ", 6, &err), 0);
	assert_int_equal(sink_write(s, "world", 5, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	sink_free(TAKE(s));
	assert_int_equal(read(fd[0], got, sizeof got), 11);
	assert_string_equal(got, "hello world");
	assert_int_equal(close(fd[1]), 0);
	assert_int_equal(close(fd[0]), 0);
}

static void
a_full_disk_is_told(void **state)
{
	AUTO(close) int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(sink_fd_new(fd, &s, &err), 0);
	assert_int_equal(sink_write(s, "x", 1, &err), -1);
	assert_int_equal(err.code, ERR_NOROOM);
	assert_string_equal(err.msg,
	    "fd: cannot write: No space left on device");
}

static void
no_memory_is_told(void **state)
{
	struct sink *s = NULL;
	struct err err = { 0 };
	int rc;

	(void)state;
	failalloc_at(0);
	rc = sink_fd_new(1, &s, &err);
	failalloc_at(-1);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_null(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_arrive_and_the_file_stays_open),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests_name("sink_fd", tests, NULL, NULL);
}
