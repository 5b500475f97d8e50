#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "base/json.h"
#include "juju/relation.h"

static struct json *
bag_of(const char *text)
{
	struct err err = { 0 };
	struct json *j = NULL;

	assert_int_equal(json_parse(text, strlen(text), &j, &err), 0);
	return j;
}

static void
value_is_json_text_or_plain_text(void **state)
{
	static const struct {
		const char *bag, *value;
	} cases[] = {
		{ "{\"k\":\"plain\"}", "plain" },
		{ "{\"k\":\"\\\"in quotes\\\"\"}", "in quotes" },
		{ "{\"k\":\" \\n spaced \\t\"}", "spaced" },
		{ "{\"k\":\"0123\"}", "0123" },
		{ "{\"k\":\"12345678901234567890\"}", "12345678901234567890" },
		{ "{\"k\":\"true\"}", "true" },
		{ "{\"k\":\"\\\"unbalanced\"}", "\"unbalanced" },
		{ "{\"k\":\"\\\"a\\\" b\"}", "\"a\" b" },
		{ "{\"k\":\"[1]\"}", "[1]" },
		{ "{\"k\":\"\"}", NULL },
		{ "{\"k\":\"  \"}", NULL },
		{ "{\"k\":\"null\"}", NULL },
		{ "{\"k\":\"\\\"\\\"\"}", NULL },
		{ "{\"k\":7}", NULL },
		{ "{}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		AUTO(json) struct json *bag = bag_of(cases[i].bag);
		AUTO(secret) char *text = NULL;
		struct err err = { 0 };

		assert_int_equal(relation_text(bag, "k", &text, &err), 0);
		if (cases[i].value)
			assert_string_equal(text, cases[i].value);
		else
			assert_null(text);
	}
}

static void
strip_takes_the_ends_alone(void **state)
{
	char path[] = "//a/b//", end[] = "http://h/", all[] = "///";

	(void)state;
	relation_strip(path, "/");
	relation_strip_end(end, "/");
	relation_strip(all, "/");
	assert_string_equal(path, "a/b");
	assert_string_equal(end, "http://h");
	assert_string_equal(all, "");
}

static void
first_gap_stays(void **state)
{
	struct relation_gap gap = { 0 };

	(void)state;
	relation_gap_set(&gap, RELATION_WAITING, "waiting for %s", "a");
	relation_gap_set(&gap, RELATION_BLOCKED, "b");
	assert_int_equal(gap.state, RELATION_WAITING);
	assert_string_equal(gap.text, "waiting for a");
}

static void
bag_that_may_not_be_read_is_empty(void **state)
{
	AUTO(json) struct json *bag = NULL;
	AUTO(free) char *app = NULL;
	struct err err = { 0 };

	(void)state;
	faketool_setup();
	faketool_add("relation-list", "echo '\"s3\"'");
	faketool_add("relation-get",
	    "echo 'ERROR permission denied' >&2; exit 1");
	assert_int_equal(relation_bag("x:7", &app, &bag, &err), 0);
	assert_string_equal(app, "s3");
	assert_true(json_is_object(bag));
	assert_int_equal(json_count(bag), 0);
	faketool_add("relation-get", "echo 'ERROR broken pipe' >&2; exit 1");
	assert_int_equal(relation_bag("x:7", &app, &bag, &err), -1);
	assert_string_equal(err.msg, "relation-get: broken pipe");
	faketool_teardown();
}

static void
every_allocation_may_fail(void **state)
{
	AUTO(json) struct json *bag = bag_of("{\"k\":\"\\\"v\\\"\"}");
	long n = 0;

	(void)state;
	for (;; n++) {
		AUTO(secret) char *text = NULL;
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = relation_text(bag, "k", &text, &err);
		failalloc_at(-1);
		if (rc == 0) {
			assert_string_equal(text, "v");
			break;
		}
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(n >= 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_is_json_text_or_plain_text),
		cmocka_unit_test(strip_takes_the_ends_alone),
		cmocka_unit_test(first_gap_stays),
		cmocka_unit_test(bag_that_may_not_be_read_is_empty),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
