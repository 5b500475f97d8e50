#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../lib/failalloc.h"
#include "base/json.h"

static struct json *
parse(const char *text)
{
	struct json *j = NULL;
	struct err err = { 0 };

	if (json_parse(text, strlen(text), &j, &err))
		fail_msg("%s", err.msg);
	return j;
}

static void
refuse(const char *text, size_t n, const char *why)
{
	struct json *j = NULL;
	struct err err = { 0 };

	assert_int_equal(json_parse(text, n, &j, &err), -1);
	assert_null(j);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg, why);
}

static void
fields_come_back(void **state)
{
	AUTO(json)
	struct json *j = parse(" {\"s\": \"a\\n\\u00e4\", \"n\": 7,"
	                       " \"t\": true, \"z\": null} \r\n\t");
	const struct json *at;
	const char *s;
	uint64_t n;
	struct err err = { 0 };

	(void)state;
	assert_true(json_is_object(j));
	assert_int_equal(json_str(j, "s", &s, &err), 0);
	assert_string_equal(s, "a\n\xc3\xa4");
	assert_int_equal(json_u64(j, "n", &n, &err), 0);
	assert_int_equal(n, 7);
	assert_int_equal(json_get(j, "t", &at, &err), 0);
	assert_true(json_is_true(at));
	assert_int_equal(json_count(j), 4);
	assert_string_equal(json_name(json_next(json_first(j))), "n");
}

static void
wrong_fields_are_named(void **state)
{
	AUTO(json) struct json *j = parse("{\"s\": 1, \"n\": \"x\"}");
	const struct json *at;
	const char *s = "kept";
	uint64_t n = 5;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(json_str(j, "s", &s, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg, "field 's' is not a string");
	assert_int_equal(json_str(j, "missing", &s, &err), -1);
	assert_string_equal(err.msg, "no field 'missing'");
	assert_int_equal(json_u64(j, "n", &n, &err), -1);
	assert_string_equal(err.msg,
	    "field 'n' is not a number from 0 to 2^53 - 1");
	assert_int_equal(json_get(j, "missing", &at, &err), -1);
	assert_int_equal(json_str(json_first(j), "s", &s, &err), -1);
	assert_int_equal(json_str(NULL, "s", &s, &err), -1);
	assert_string_equal(s, "kept");
	assert_int_equal(n, 5);
}

static void
optional_fields_have_defaults(void **state)
{
	AUTO(json)
	struct json *j =
	    parse("{\"s\": \"x\", \"n\": 3, \"t\": true, \"z\": null}");

	(void)state;
	assert_string_equal(json_opt_str(j, "s"), "x");
	assert_int_equal(json_opt_u64(j, "n"), 3);
	assert_true(json_opt_bool(j, "t"));
	assert_non_null(json_opt(j, "n"));
	assert_null(json_opt(j, "z"));
	assert_null(json_opt(j, "none"));
	assert_null(json_opt_str(j, "n"));
	assert_int_equal(json_opt_u64(j, "s"), 0);
	assert_false(json_opt_bool(j, "n"));
	assert_null(json_opt_str(NULL, "s"));
}

static void
only_exact_numbers_are_numbers(void **state)
{
	static const char *const wrong[] = { "-1", "1.5", "9007199254740992",
		"1e300", "1e999", "-0.5", "\"1\"", "true", "[1]" };
	static const struct {
		const char *text;
		uint64_t value;
	} right[] = { { "0", 0 }, { "-0", 0 }, { "1e3", 1000 }, { "2.0", 2 },
		{ "9007199254740991", UINT64_C(9007199254740991) } };
	char text[64];
	uint64_t n = 0;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		AUTO(json) struct json *j = NULL;

		(void)snprintf(text, sizeof text, "{\"n\":%s}", wrong[i]);
		j = parse(text);
		assert_int_equal(json_u64(j, "n", &n, &err), -1);
		assert_int_equal(json_opt_u64(j, "n"), 0);
	}
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
		AUTO(json) struct json *j = NULL;

		(void)snprintf(text, sizeof text, "{\"n\":%s}", right[i].text);
		j = parse(text);
		assert_int_equal(json_u64(j, "n", &n, &err), 0);
		assert_true(n == right[i].value);
	}
}

static void
what_is_not_json_is_refused(void **state)
{
	static const char *const wrong[] = { "", " ", "{", "}", "[1,]",
		"{\"a\":}", "{a:1}", "nul", "1 2", "{} x", "\"a", "\"a\\",
		"\"\\x\"", "\"\\ud800\"", "[1}" };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct json *j = NULL;
		struct err err = { 0 };

		assert_int_equal(json_parse(wrong[i], strlen(wrong[i]), &j,
		                     &err),
		    -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_memory_equal(err.msg, "not JSON: ", 10);
	}
	refuse("{} x", 4, "not JSON: unexpected text at byte 3");
	refuse("{}\0", 3, "not JSON: a NUL character at byte 2");
	refuse("\"a\\u0000b\"", 10, "not JSON: a NUL character at byte 2");
	refuse("\"a\nb\"", 5, "not JSON: a control character at byte 2");
	refuse("\"\xff\"", 3, "not JSON: not UTF-8");
}

static void
an_escaped_backslash_hides_no_nul(void **state)
{
	AUTO(json) struct json *j = parse("\"\\\\u0000\"");

	(void)state;
	assert_string_equal(json_text(j), "\\u0000");
}

static void
depth_is_limited(void **state)
{
	char text[2000];
	struct json *j = NULL;
	struct err err = { 0 };

	(void)state;
	memset(text, '[', 1000);
	memset(text + 1000, ']', 1000);
	assert_int_equal(json_parse(text + 800, 400, &j, &err), 0);
	json_free(j);
	refuse(text + 799, 402, "not JSON: nested too deeply at byte 200");
	refuse(text, sizeof text, "not JSON: nested too deeply at byte 200");
}

static void
brackets_in_strings_do_not_nest(void **state)
{
	char text[1002];
	struct json *j = NULL;
	struct err err = { 0 };

	(void)state;
	memset(text, '[', sizeof text);
	text[0] = text[1001] = '"';
	assert_int_equal(json_parse(text, sizeof text, &j, &err), 0);
	json_free(j);
}

static void
arrays_are_walked(void **state)
{
	AUTO(json) struct json *j = parse("[\"a\", \"b\", 3]");
	const struct json *at = json_first(j);

	(void)state;
	assert_true(json_is_array(j));
	assert_string_equal(json_text(at), "a");
	at = json_next(at);
	assert_string_equal(json_text(at), "b");
	at = json_next(at);
	assert_null(json_text(at));
	assert_null(json_next(at));
	assert_null(json_next(NULL));
	assert_null(json_first(NULL));
	assert_int_equal(json_count(NULL), 0);
}

static void
a_value_is_printed(void **state)
{
	AUTO(json) struct json *j = parse("{ \"a\" : [1, \"\\n\"] }");
	AUTO(free) char *text = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(json_print(j, &text, &err), 0);
	assert_string_equal(text, "{\"a\":[1,\"\\n\"]}");
}

static int
scenario(struct err *err)
{
	static const char text[] =
	    "{\"a\": [1, {\"b\": \"cde\"}], \"f\": \"g\"}";
	AUTO(json) struct json *j = NULL;
	AUTO(free) char *out = NULL;

	if (json_parse(text, sizeof text - 1, &j, err))
		return -1;
	return json_print(j, &out, err);
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(failalloc_each(scenario) >= 10);
}

/* Each block with its size in front, so that it can be looked at once more. */
union block {
	size_t size;
	max_align_t align;
};

static unsigned freed, leaked;

static void *
spy_malloc(size_t n)
{
	union block *b = calloc(1, sizeof *b + n);

	if (!b)
		return NULL;
	b->size = n;
	return b + 1;
}

static void
spy_free(void *p)
{
	union block *b = p;

	if (!p)
		return;
	b--;
	freed++;
	leaked += memmem(p, b->size, "SECRET", 6) != NULL;
	free(b);
}

/* The last test: cJSON's own allocator is what it leaves. */
static void
texts_are_wiped(void **state)
{
	static const char text[] = "{\"a\": \"SECRET one\", \"b\": [1, "
	                           "{\"c\": \"my SECRET\"}, \"SECRET\"]}";

	(void)state;
	cJSON_InitHooks(&(cJSON_Hooks){ spy_malloc, spy_free });
	json_free(parse(text));
	cJSON_InitHooks(NULL);
	assert_true(freed > 8);
	assert_int_equal(leaked, 0);
}

static void
arrays_have_a_limit(void **state)
{
	AUTO(json) struct json *j = parse("{\"a\": [1, 2, 3]}");
	const struct json *a = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(json_array(j, "a", 3, &a, &err), 0);
	assert_int_equal(json_count(a), 3);
	a = NULL;
	assert_int_equal(json_array(j, "a", 2, &a, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg, "'a' has more than 2 entries");
	assert_null(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_back),
		cmocka_unit_test(wrong_fields_are_named),
		cmocka_unit_test(optional_fields_have_defaults),
		cmocka_unit_test(only_exact_numbers_are_numbers),
		cmocka_unit_test(what_is_not_json_is_refused),
		cmocka_unit_test(an_escaped_backslash_hides_no_nul),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(brackets_in_strings_do_not_nest),
		cmocka_unit_test(arrays_are_walked),
		cmocka_unit_test(a_value_is_printed),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(texts_are_wiped),
		cmocka_unit_test(arrays_have_a_limit),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
