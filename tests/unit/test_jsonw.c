#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "../lib/failalloc.h"
#include "base/json.h"
#include "base/jsonw.h"

static void
everything(struct jsonw *w)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "s", "x");
	jsonw_array(w, "a");
	jsonw_u64(w, NULL, 0);
	jsonw_u64(w, NULL, UINT64_MAX);
	jsonw_object(w, NULL);
	jsonw_close(w);
	jsonw_array(w, NULL);
	jsonw_close(w);
	jsonw_close(w);
	jsonw_fixed(w, "f", 1.0005);
	jsonw_bool(w, "t", true);
	jsonw_null(w, "z");
	jsonw_raw(w, "r", "[1]");
	jsonw_opt_str(w, "none", NULL);
	jsonw_opt_str(w, "empty", "");
	jsonw_opt_str(w, "o", "y");
	jsonw_close(w);
}

static void
one_line(void **state)
{
	AUTO(buf) struct buf b = { .max = 1000 };
	struct err err = { 0 };
	struct jsonw w;

	(void)state;
	jsonw_begin(&w, &b, 0);
	everything(&w);
	assert_int_equal(jsonw_end(&w, &err), 0);
	assert_string_equal(b.data,
	    "{\"s\":\"x\",\"a\":[0,18446744073709551615,{},[]],"
	    "\"f\":1.000,\"t\":true,\"z\":null,\"r\":[1],\"o\":\"y\"}");
}

static void
indented(void **state)
{
	AUTO(buf) struct buf b = { .max = 1000 };
	struct err err = { 0 };
	struct jsonw w;

	(void)state;
	jsonw_begin(&w, &b, 2);
	everything(&w);
	assert_int_equal(jsonw_end(&w, &err), 0);
	assert_string_equal(b.data, "{\n"
	                            "  \"s\": \"x\",\n"
	                            "  \"a\": [\n"
	                            "    0,\n"
	                            "    18446744073709551615,\n"
	                            "    {},\n"
	                            "    []\n"
	                            "  ],\n"
	                            "  \"f\": 1.000,\n"
	                            "  \"t\": true,\n"
	                            "  \"z\": null,\n"
	                            "  \"r\": [1],\n"
	                            "  \"o\": \"y\"\n"
	                            "}");
}

static void
assert_quoted(const char *text, const char *want)
{
	AUTO(buf) struct buf b = { .max = 1000 };
	struct err err = { 0 };
	struct jsonw w;

	jsonw_begin(&w, &b, 0);
	jsonw_str(&w, NULL, text);
	assert_int_equal(jsonw_end(&w, &err), 0);
	assert_string_equal(b.data, want);
}

#define BAD "\xef\xbf\xbd"

static void
strings_are_escaped(void **state)
{
	(void)state;
	assert_quoted("", "\"\"");
	assert_quoted("a\"b\\c/", "\"a\\\"b\\\\c/\"");
	assert_quoted("\n\t\x01\x1f\x7f",
	    "\"\\u000a\\u0009\\u0001\\u001f\x7f\"");
	assert_quoted("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
	    "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"");
}

static void
bytes_that_are_not_utf8_become_u_fffd(void **state)
{
	(void)state;
	assert_quoted("\xff", "\"" BAD "\"");
	assert_quoted("a\x80z", "\"a" BAD "z\"");
	assert_quoted("\xc3", "\"" BAD "\"");
	assert_quoted("\xc3\"", "\"" BAD "\\\"\"");
	assert_quoted("\xc0\x80", "\"" BAD BAD "\"");
	assert_quoted("\xed\xa0\x80", "\"" BAD BAD BAD "\"");
	assert_quoted("\xf4\x90\x80\x80", "\"" BAD BAD BAD BAD "\"");
}

static void
what_is_written_can_be_read(void **state)
{
	AUTO(buf) struct buf b = { .max = 10000 };
	AUTO(json) struct json *j = NULL;
	struct err err = { 0 };
	struct jsonw w;
	char all[256];
	const char *back;

	(void)state;
	for (int i = 0; i < 127; i++)
		all[i] = (char)(i + 1);
	all[127] = '\0';
	jsonw_begin(&w, &b, 0);
	jsonw_object(&w, NULL);
	jsonw_str(&w, all, all);
	jsonw_close(&w);
	assert_int_equal(jsonw_end(&w, &err), 0);
	assert_int_equal(json_parse(b.data, b.len, &j, &err), 0);
	assert_int_equal(json_str(j, all, &back, &err), 0);
	assert_string_equal(back, all);
}

static void
numbers_that_json_has_not_become_null(void **state)
{
	AUTO(buf) struct buf b = { .max = 1000 };
	struct err err = { 0 };
	struct jsonw w;

	(void)state;
	jsonw_begin(&w, &b, 0);
	jsonw_array(&w, NULL);
	jsonw_fixed(&w, NULL, (double)NAN);
	jsonw_fixed(&w, NULL, (double)INFINITY);
	jsonw_fixed(&w, NULL, -0.25);
	jsonw_close(&w);
	assert_int_equal(jsonw_end(&w, &err), 0);
	assert_string_equal(b.data, "[null,null,-0.250]");
}

static void
the_first_error_is_kept(void **state)
{
	AUTO(buf) struct buf b = { .max = 4 };
	struct err err = { 0 };
	struct jsonw w;

	(void)state;
	jsonw_begin(&w, &b, 0);
	everything(&w);
	assert_int_equal(jsonw_end(&w, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg, "longer than the limit of 4 bytes");
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(buf) struct buf b = { .max = 1000 };
		struct err err = { 0 };
		struct jsonw w;

		failalloc_at(fails);
		jsonw_begin(&w, &b, 2);
		everything(&w);
		rc = jsonw_end(&w, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
	}
	assert_true(fails >= 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line),
		cmocka_unit_test(indented),
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(bytes_that_are_not_utf8_become_u_fffd),
		cmocka_unit_test(what_is_written_can_be_read),
		cmocka_unit_test(numbers_that_json_has_not_become_null),
		cmocka_unit_test(the_first_error_is_kept),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("jsonw", tests, NULL, NULL);
}
