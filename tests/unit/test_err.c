#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"

static void
setting_gives_minus_one(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(err_set(&err, ERR_CORRUPT, "item '%s'", "x"), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_false(err_is(&err, ERR_NONE));
	assert_string_equal(err.msg, "item 'x'");
	assert_int_equal(err_nomem(&err), -1);
	assert_true(err_is(&err, ERR_NOMEM));
	assert_string_equal(err.msg, "out of memory");
}

static void
errno_chooses_the_code(void **state)
{
	static const struct {
		int number;
		enum err_code code;
	} cases[] = { { ENOENT, ERR_NOTFOUND }, { ENOTDIR, ERR_NOTFOUND },
		{ EEXIST, ERR_EXISTS }, { EACCES, ERR_DENIED },
		{ EPERM, ERR_DENIED }, { EROFS, ERR_DENIED },
		{ ENOSPC, ERR_NOROOM }, { EDQUOT, ERR_NOROOM },
		{ EFBIG, ERR_NOROOM }, { ENOMEM, ERR_NOMEM }, { EIO, ERR_IO },
		{ EINVAL, ERR_IO } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err = { 0 };

		errno = cases[i].number;
		assert_int_equal(err_sys(&err, "cannot %s", "x"), -1);
		assert_int_equal(err.code, cases[i].code);
		assert_int_equal(err.sys, cases[i].number);
	}
}

static void
the_kernels_words_are_appended(void **state)
{
	struct err err = { 0 };

	(void)state;
	errno = ENOENT;
	(void)err_sys(&err, "cannot open '%s'", "f");
	assert_string_equal(err.msg,
	    "cannot open 'f': No such file or directory");
	(void)err_set(&err, ERR_IO, "x");
	assert_int_equal(err.sys, 0);
}

static void
context_is_put_in_front(void **state)
{
	struct err err = { 0 };

	(void)state;
	errno = EIO;
	(void)err_sys(&err, "a");
	assert_int_equal(err_wrap(&err, "b '%s'", "x"), -1);
	assert_int_equal(err_wrap(&err, "c"), -1);
	assert_string_equal(err.msg, "c: b 'x': a: Input/output error");
	assert_int_equal(err.code, ERR_IO);
	assert_int_equal(err.sys, EIO);
}

static void
what_is_too_long_is_cut(void **state)
{
	struct err err = { 0 };
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	(void)err_set(&err, ERR_IO, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
	(void)err_wrap(&err, "%s", "front");
	assert_memory_equal(err.msg, "front: xxx", 10);
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
	(void)err_wrap(&err, "%s", text);
	assert_true(strlen(err.msg) < sizeof err.msg);
	errno = EIO;
	(void)err_sys(&err, "%s", text);
	assert_non_null(strstr(err.msg, "x: Input/output error"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_gives_minus_one),
		cmocka_unit_test(errno_chooses_the_code),
		cmocka_unit_test(the_kernels_words_are_appended),
		cmocka_unit_test(context_is_put_in_front),
		cmocka_unit_test(what_is_too_long_is_cut),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
