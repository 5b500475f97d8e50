#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "base/tree_json.h"
#include "base/yaml.h"
#include "base/yamlw.h"

static const struct tree_json_limits limits = { .depth = 64, .nodes = 9999 };
static const struct yaml_limits yaml_limits = { .depth = 64, .nodes = 9999 };

static struct tree *
tree_of(const char *json)
{
	struct tree *t = NULL;
	struct err err = { 0 };

	assert_int_equal(tree_json_parse(&limits, json, strlen(json), &t, &err),
	    0);
	return t;
}

static void
assert_yaml(const char *json, const char *yaml)
{
	AUTO(tree) struct tree *t = tree_of(json);
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	assert_int_equal(yamlw_write(t, &b, &err), 0);
	assert_string_equal(b.data, yaml);
}

static void
an_object_is_easy_to_read(void **state)
{
	(void)state;
	assert_yaml("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\""
	            ":{\"name\":\"a-1\",\"labels\":{\"kubeflow.org/x\":\"true\""
	            ",\"on\":\"1\"}},\"data\":{\"a.py\":\"import x\\n\\nx.run("
	            "'a: b')\\n\",\"b\":\"no end\\nhere\"},\"list\":[1,{\"a\":"
	            "null,\"b\":[]},\"x y\"],\"empty\":{},\"ok\":true}",
	    "apiVersion: v1\n"
	    "kind: ConfigMap\n"
	    "metadata:\n"
	    "  name: a-1\n"
	    "  labels:\n"
	    "    kubeflow.org/x: \"true\"\n"
	    "    \"on\": \"1\"\n"
	    "data:\n"
	    "  a.py: |\n"
	    "    import x\n"
	    "\n"
	    "    x.run('a: b')\n"
	    "  b: |-\n"
	    "    no end\n"
	    "    here\n"
	    "list:\n"
	    "- 1\n"
	    "- a: null\n"
	    "  b: []\n"
	    "- x y\n"
	    "empty: {}\n"
	    "ok: true\n");
}

static void
what_could_be_something_else_is_in_quotes(void **state)
{
	static const char *const text[] = { "y", "N", "yes", "No", "ON", "off",
		"true", "False", "null", "NaN", "inf", "~", "", "1", "-1",
		"0x1f", "0o17", "1e3", ".5", ".inf", "2026-01-01", "1:30",
		"12:30:45", "1_000", "-", "- a", "? a", ": a", "a: b",
		"a:", "a #b", "#a", "*a", "&a", "!a", "@a", "`a", "%a", "{a",
		"[a", "a,b", "=", "<<", "'a'", "\"", "|", ">", "a ", " a",
		"---", "...", "a\tb", "\x7f", "\xc2\x85", "\xef\xbb\xbf",
		"\xf0\x9f\x98\x80" };

	(void)state;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		AUTO(tree) struct tree *t = NULL;
		AUTO(buf) struct buf b = { .max = 4096 };
		struct err err = { 0 };

		assert_int_equal(tree_new(TREE_SCALAR, text[i], NULL, 0, &t,
		                     &err),
		    0);
		t->quoted = true;
		assert_int_equal(yamlw_write(t, &b, &err), 0);
		assert_int_equal(b.data[0], '"');
	}
}

/* A text as a value, as a name, in a list and deeper. */
static void
assert_same(const char *text)
{
	AUTO(tree) struct tree *t = tree_of("{}");
	AUTO(tree) struct tree *back = NULL;
	AUTO(buf) struct buf b = { .max = 64 << 10 };
	AUTO(buf) struct buf before = { .max = 64 << 10 };
	AUTO(buf) struct buf after = { .max = 64 << 10 };
	struct tree *list = NULL, *inner = NULL;
	struct err err = { 0 };

	assert_int_equal(tree_set_text(t, text, text, &err), 0);
	assert_int_equal(tree_new_like(t, TREE_LIST, NULL, 0, &list, &err), 0);
	assert_int_equal(tree_add(t, "the list", list, &err), 0);
	assert_int_equal(tree_new_like(t, TREE_MAP, NULL, 0, &inner, &err), 0);
	assert_int_equal(tree_set_text(inner, "a", text, &err), 0);
	assert_int_equal(tree_add(list, NULL, inner, &err), 0);
	assert_int_equal(tree_new_like(t, TREE_SCALAR, text, 0, &inner, &err),
	    0);
	inner->quoted = true;
	assert_int_equal(tree_add(list, NULL, inner, &err), 0);
	assert_int_equal(yamlw_write(t, &b, &err), 0);
	assert_int_equal(yaml_parse_within(&yaml_limits, b.data, b.len, "f",
	                     &back, &err),
	    0);
	assert_int_equal(tree_json_write(t, &before, &err), 0);
	assert_int_equal(tree_json_write(back, &after, &err), 0);
	assert_string_equal(after.data, before.data);
}

static void
nasty_texts_come_back(void **state)
{
	static const char *const text[] = { "", " ", "\n", "\n\n", "a\n",
		"a\n\n", "\na", " a\nb", "a\n b\n  c\n", "a \nb", "a\nb ",
		"\ta\nb", "a\n\tb", "a\tb\nc", "a\t\nb", "a\r\nb", "a\rb",
		"---\na", "a\n---\nb\n", "...\n", "a\n...\nb", "# a\nb\n",
		"key: |\n  text\n", "%YAML 1.1\n", "\x01\x02\x1f\x7f",
		"\xc2\x80\xc2\x9f", "\xc2\x85",
		"a\nb\xc2\x85"
		"c\n",
		"\xe2\x80\xa8", "a\n\xe2\x80\xa9", "\xef\xbb\xbf",
		"a\n\xef\xbb\xbf"
		"b",
		"\xef\xbf\xbe", "\xef\xbf\xbf", "\xf0\x9f\x98\x80",
		"\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "a\n\xf0\x9f\x98\x80",
		"- a\n- b\n", "{\"a\": 1}", "a: {b: [c]}", "\"", "'", "\\",
		"a\\\nb", "!!binary x", "&a *a", "? x\n: y", "|\n a", ">-\n",
		"tab\there", "x: y", "nul", "0", "-0", "1.0", "  \n  \n" };
	char lengthy[2049];

	(void)state;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		assert_same(text[i]);
	memset(lengthy, 'k', sizeof lengthy - 1);
	lengthy[sizeof lengthy - 1] = '\0';
	assert_same(lengthy);
	for (size_t i = 7; i < sizeof lengthy - 1; i += 8)
		lengthy[i] = ' ';
	assert_same(lengthy);
}

/* Every text of three of the characters that YAML looks at. */
static void
short_texts_of_what_yaml_looks_at_come_back(void **state)
{
	static const char special[] = "a1-:?,[{#&!|>'\"% \n\t~.";
	const size_t n = sizeof special - 1;

	(void)state;
	for (size_t i = 0; i < n * n * n; i++) {
		const char text[4] = { special[i % n], special[i / n % n],
			special[i / n / n], '\0' };

		assert_same(text);
	}
}

static void
values_without_quotes_stay_so(void **state)
{
	(void)state;
	assert_yaml("[1.10,-0,1e5,12345678901234567890,true,false,null]",
	    "- 1.10\n- -0\n- 1e5\n- 12345678901234567890\n- true\n- false\n"
	    "- null\n");
}

static void
what_is_not_utf8_is_refused(void **state)
{
	AUTO(tree) struct tree *t = tree_of("{\"a\":[]}");
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(tree_set_text(t, "b", "\xff", &err), 0);
	assert_int_equal(yamlw_write(t, &b, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_true(tree_remove(t, "b"));
	assert_int_equal(tree_set_text(t, "\xff", "b", &err), 0);
	assert_int_equal(yamlw_write(t, &b, &err), -1);
}

static void
what_does_not_fit_is_told(void **state)
{
	AUTO(tree) struct tree *t = tree_of("{\"a\":\"0123456789\"}");
	AUTO(buf) struct buf b = { .max = 10 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(yamlw_write(t, &b, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
}

static void
a_library_without_memory_is_told(void **state)
{
	AUTO(tree) struct tree *t = tree_of("{\"a\":[1]}");

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		AUTO(buf) struct buf b = { .max = 4096 };
		struct err err = { 0 };

		if (i == 0)
			failcall_at("yaml_emitter_initialize", 0, 1);
		else
			failcall_at("yaml_emitter_emit", i - 1, 1);
		assert_int_equal(yamlw_write(t, &b, &err), -1);
		assert_true(failcall_end());
		assert_int_equal(err.code, ERR_NOMEM);
	}
}

static void
every_allocation_may_fail(void **state)
{
	AUTO(tree) struct tree *t = tree_of("{\"a\":[1,{\"b\":\"c\"}]}");
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(buf) struct buf b = { .max = 4096 };
		struct err err = { 0 };

		failalloc_at(fails);
		rc = yamlw_write(t, &b, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
	}
	assert_true(fails >= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_easy_to_read),
		cmocka_unit_test(what_could_be_something_else_is_in_quotes),
		cmocka_unit_test(nasty_texts_come_back),
		cmocka_unit_test(short_texts_of_what_yaml_looks_at_come_back),
		cmocka_unit_test(values_without_quotes_stay_so),
		cmocka_unit_test(what_is_not_utf8_is_refused),
		cmocka_unit_test(what_does_not_fit_is_told),
		cmocka_unit_test(a_library_without_memory_is_told),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("yamlw", tests, NULL, NULL);
}
