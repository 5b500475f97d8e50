#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../lib/failalloc.h"
#include "base/tree_json.h"

static const struct tree_json_limits limits = { .depth = 5, .nodes = 12 };

static int
parse(const char *text, struct tree **ret, struct err *err)
{
	return tree_json_parse(&limits, text, strlen(text), ret, err);
}

static void
assert_same(const char *text, const char *expect)
{
	AUTO(tree) struct tree *t = NULL;
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	assert_int_equal(parse(text, &t, &err), 0);
	assert_int_equal(tree_json_write(t, &b, &err), 0);
	assert_string_equal(b.data, expect);
}

static void
numbers_and_order_stay_to_the_letter(void **state)
{
	static const char *const text[] = { "{}", "[]", "\"\"", "null",
		"{\"b\":1.10,\"a\":-0,\"c\":12345678901234567890}",
		"[true,false,null,\"true\",\"1\",1e5,2E-7,0.5e+3]",
		"{\"a\":{\"b\":[{\"c\":[1]}]}}", "\"\xc3\xa9\"" };

	(void)state;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		assert_same(text[i], text[i]);
	assert_same(" { \"a\" :\t[ 1 ,\n2 ] } ", "{\"a\":[1,2]}");
}

static void
texts_without_quotes_of_a_yaml_file_are_texts(void **state)
{
	AUTO(tree) struct tree *t = NULL;
	AUTO(buf) struct buf b = { .max = 99 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(tree_new(TREE_SCALAR, "01", NULL, 0, &t, &err), 0);
	assert_int_equal(tree_json_write(t, &b, &err), 0);
	assert_string_equal(b.data, "\"01\"");
}

static void
escapes_are_read(void **state)
{
	AUTO(tree) struct tree *t = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9"
	                       "\\u20ac\\ud83d\\ude00\"",
	                     &t, &err),
	    0);
	assert_string_equal(t->text,
	    "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_true(t->quoted);
}

static void
half_of_a_pair_is_replaced(void **state)
{
	static const struct {
		const char *text, *expect;
	} cases[] = { { "\"\\ud83dx\"", "\xef\xbf\xbdx" },
		{ "\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
		                        "A" },
		{ "\"\\ude00\"", "\xef\xbf\xbd" } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO(tree) struct tree *t = NULL;
		struct err err = { 0 };

		assert_int_equal(parse(cases[i].text, &t, &err), 0);
		assert_string_equal(t->text, cases[i].expect);
	}
}

static void
what_is_no_json_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = { { "", "no value at byte 0" }, { "nul", "no value" },
		{ "01", "no value" }, { "1.", "no value" },
		{ "1e", "no value" }, { "-", "no value" },
		{ "'a'", "no value" }, { "{", "no name" },
		{ "{1:2}", "no name" }, { "{\"a\"}", "no colon" },
		{ "{\"a\":1,}", "no name" }, { "[1 2]", "no comma" },
		{ "[1", "no comma" }, { "[1,]", "no value" },
		{ "\"a", "without an end" }, { "\"a\nb\"", "without an end" },
		{ "\"\\x\"", "a bad escape" }, { "\"\\", "a bad escape" },
		{ "\"\\u12", "a cut escape" },
		{ "\"\\u12g4\"", "a bad escape" },
		{ "\"\\ud800\\u12\"", "a cut escape" },
		{ "\"\\u0000\"", "a NUL character" },
		{ "1 2", "something behind the end" },
		{ "\"\xff\"", "no UTF-8" },
		{ "[[[[[[1]]]]]]", "deeper than 5 levels" },
		{ "[1,2,3,4,5,6,7,8,9,0,1,2]", "more than 12 values" } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tree *t = NULL;
		struct err err = { 0 };

		assert_int_equal(parse(cases[i].text, &t, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_non_null(strstr(err.msg, cases[i].why));
		assert_null(t);
	}
}

static void
nothing_is_read_behind_the_end(void **state)
{
	static const char text[] = "\"\\u00e9\"";

	(void)state;
	for (size_t n = 0; n < sizeof text - 1; n++) {
		struct tree *t = NULL;
		struct err err = { 0 };

		assert_int_equal(tree_json_parse(&limits, text, n, &t, &err),
		    -1);
		assert_int_equal(err.code, ERR_CORRUPT);
	}
}

static int
scenario(struct err *err)
{
	AUTO(tree) struct tree *t = NULL;
	AUTO(buf) struct buf b = { .max = 999 };

	if (parse("{\"a\":[1,\"\\u00e9\"],\"b\":null}", &t, err))
		return -1;
	return tree_json_write(t, &b, err);
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(failalloc_each(scenario) >= 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_order_stay_to_the_letter),
		cmocka_unit_test(texts_without_quotes_of_a_yaml_file_are_texts),
		cmocka_unit_test(escapes_are_read),
		cmocka_unit_test(half_of_a_pair_is_replaced),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(nothing_is_read_behind_the_end),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("tree_json", tests, NULL, NULL);
}
