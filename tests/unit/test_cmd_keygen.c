#include "cmd/cmd_keygen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <errno.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "base/file.h"
#include "crypto/age_keys.h"

static char folder[32], path[64];

static int
setup(void **state)
{
	(void)state;
	memcpy(folder, "/tmp/keygen-XXXXXX", 19);
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof path, "%s/key", folder);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static int
keygen(struct err *err)
{
	const struct args a = { .command = "keygen", .output = path };
	enum cmd_status status = CMD_DONE;

	return cmd_keygen(&a, NULL, &status, err);
}

static void
a_file_of_ours_alone_holds_a_pair(void **state)
{
	AUTO(buf) struct buf text = { .max = 4096 };
	struct age_keys k = { 0 };
	struct err err = { 0 };
	struct stat st;
	char said[AGE_KEYS_RECIPIENT_SIZE] = "";
	const char *at;

	(void)state;
	assert_int_equal(keygen(&err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_read(path, &text, &err), 0);
	assert_int_equal(strncmp(text.data, "# created: 20", 13), 0);
	at = strstr(text.data, "\n# public key: age1");
	assert_non_null(at);
	memcpy(said, at + 15, sizeof said - 1);
	assert_int_equal(age_keys_add_identities(&k, text.data, &err), 0);
	assert_int_equal(k.nidentities, 1);
	assert_true(age_keys_opens(&k, said));
}

static void
a_key_that_is_there_stays(void **state)
{
	AUTO(buf) struct buf before = { .max = 4096 };
	AUTO(buf) struct buf after = { .max = 4096 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(keygen(&err), 0);
	assert_int_equal(file_read(path, &before, &err), 0);
	assert_int_equal(keygen(&err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_non_null(strstr(err.msg, "is not overwritten"));
	assert_int_equal(file_read(path, &after, &err), 0);
	assert_string_equal(before.data, after.data);
}

static void
a_place_that_is_none_is_named(void **state)
{
	const struct args a = { .output = "/nowhere/at/all" };
	enum cmd_status status = CMD_DONE;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(cmd_keygen(&a, NULL, &status, &err), -1);
	assert_non_null(strstr(err.msg, "'/nowhere/at/all'"));
}

static void
a_disk_that_fails_leaves_no_half_of_a_key(void **state)
{
	static const char *const call[] = { "write", "fsync" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct err err = { 0 };

		(void)unlink(path);
		failcall_at(call[i], 0, ENOSPC);
		assert_int_equal(keygen(&err), -1);
		assert_true(failcall_end());
		assert_int_equal(err.code, ERR_NOROOM);
		assert_non_null(strstr(err.msg, path));
		assert_int_equal(access(path, F_OK), -1);
	}
}

static void
every_allocation_may_fail(void **state)
{
	long n = 0;
	int rc = -1;

	(void)state;
	for (; rc; n++) {
		struct err err = { 0 };

		(void)unlink(path);
		failalloc_at(n);
		rc = keygen(&err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		/* all of it or nothing */
		assert_int_equal(access(path, F_OK), rc);
	}
	assert_true(n >= 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_file_of_ours_alone_holds_a_pair, setup, teardown),
		cmocka_unit_test_setup_teardown(a_key_that_is_there_stays,
		    setup, teardown),
		cmocka_unit_test(a_place_that_is_none_is_named),
		cmocka_unit_test_setup_teardown(
		    a_disk_that_fails_leaves_no_half_of_a_key, setup, teardown),
		cmocka_unit_test_setup_teardown(every_allocation_may_fail,
		    setup, teardown),
	};

	return cmocka_run_group_tests_name("cmd_keygen", tests, NULL, NULL);
}
