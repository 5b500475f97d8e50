#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "base/buf.h"
#include "base/yaml.h"

static struct tree *
parse(const char *text)
{
	struct tree *t = NULL;
	struct err err = { 0 };

	if (yaml_parse(text, strlen(text), "f", &t, &err))
		fail_msg("%s", err.msg);
	return t;
}

static void
refuse_bytes(const char *text, size_t n, const char *why)
{
	struct tree *t = NULL;
	struct err err = { 0 };

	assert_int_equal(yaml_parse(text, n, "f", &t, &err), -1);
	assert_null(t);
	assert_string_equal(err.msg, why);
	assert_int_equal(err.code, ERR_USAGE);
}

static void
refuse(const char *text, const char *why)
{
	refuse_bytes(text, strlen(text), why);
}

/* {a@1=x b@2=[@3=y]}: names, lines, texts. */
static void
dump(const struct tree *t, struct buf *b)
{
	static const char open[] = "\"[{", close[] = "\"]}";
	struct err err = { 0 };

	assert_int_equal(buf_printf(b, &err, "%s@%u=", t->name ? t->name : "",
	                     t->line),
	    0);
	if (t->kind == TREE_SCALAR) {
		assert_int_equal(buf_printf(b, &err,
		                     t->quoted ? "'%s' " : "%s ", t->text),
		    0);
		return;
	}
	assert_int_equal(buf_printf(b, &err, "%c", open[t->kind]), 0);
	for (const struct tree *c = t->child; c; c = c->next)
		dump(c, b);
	assert_int_equal(buf_printf(b, &err, "%c ", close[t->kind]), 0);
}

static void
assert_tree(const char *text, const char *want)
{
	AUTO(tree) struct tree *t = parse(text);
	AUTO(buf) struct buf b = { .max = 10000 };

	dump(t, &b);
	assert_string_equal(b.data, want);
	assert_string_equal(t->origin, "f");
}

static void
nodes_know_their_lines(void **state)
{
	(void)state;
	assert_tree("a: 1\n"
	            "b:\n"
	            "  c: x\n"
	            "\n"
	            "# comment\n"
	            "d:\n"
	            "  - y\n"
	            "  - e: z\n"
	            "    f: |\n"
	            "      text\n"
	            "g: {h: i,\n"
	            "  j: [k, l]}\n",
	    "@1={a@1=1 b@2={c@3=x } d@6=[@7=y @8={e@8=z f@9='text\n' } ] "
	    "g@11={h@11=i j@12=[@12=k @12=l ] } } ");
}

static void
quotes_are_told(void **state)
{
	(void)state;
	assert_tree("a: 'x'\nb: \"y\\n\"\nc: true\nd:\n",
	    "@1={a@1='x' b@2='y\n' c@3=true d@4= } ");
}

static void
an_empty_text_is_an_empty_map(void **state)
{
	(void)state;
	assert_tree("", "@1={} ");
	assert_tree("# nothing\n", "@1={} ");
	assert_tree("---\n", "@1={} ");
	assert_tree("--- {}\n...\n", "@1={} ");
}

static void
a_root_may_be_anything(void **state)
{
	(void)state;
	assert_tree("- a\n- b\n", "@1=[@1=a @2=b ] ");
	assert_tree("text", "@1=text ");
	assert_tree("\"\"", "@1='' ");
}

static void
a_second_key_of_that_name_is_refused_with_both_lines(void **state)
{
	(void)state;
	refuse("a: 1\nb: 2\na: 3\n",
	    "f:3: 'a' is given twice, first in line 1");
	refuse("x:\n  a: 1\n\n  a:\n    b: 1\n",
	    "f:4: 'a' is given twice, first in line 2");
	assert_tree("a: {b: 1}\nb: 2\n", "@1={a@1={b@1=1 } b@2=2 } ");
}

/* As a config map does; the one that comes twice is found among them. */
static void
a_map_may_have_very_many_keys(void **state)
{
	const struct yaml_limits limits = { .depth = 4, .nodes = 60002 };
	AUTO(buf) struct buf b = { .max = 2 << 20 };
	struct tree *t = NULL;
	struct err err = { 0 };

	(void)state;
	for (unsigned i = 0; i < 60000; i++)
		assert_int_equal(buf_printf(&b, &err, "k%u: 1\n",
		                     i * 7 % 60001),
		    0);
	assert_int_equal(yaml_parse_within(&limits, b.data, b.len, "f", &t,
	                     &err),
	    0);
	tree_free(TAKE(t));
	assert_int_equal(buf_puts(&b, "k49: 2\n", &err), 0);
	assert_int_equal(yaml_parse_within(&limits, b.data, b.len, "f", &t,
	                     &err),
	    -1);
	assert_string_equal(err.msg,
	    "f:60001: 'k49' is given twice, first in line 8");
}

static void
what_hides_or_multiplies_content_is_refused(void **state)
{
	(void)state;
	refuse("a: &x 1\n", "f:1: anchors are not allowed");
	refuse("\na: &x [1]\n", "f:2: anchors are not allowed");
	refuse("\n&x a: 1\n", "f:2: anchors are not allowed");
	refuse("a: *x\n", "f:1: aliases are not allowed");
	refuse("a: !!int 1\n", "f:1: tags are not allowed");
	refuse("a: !x {b: 1}\n", "f:1: tags are not allowed");
	refuse("a: 1\n---\nb: 1\n", "f:2: more than one document");
	refuse("a: \"x\\0y\"\n", "f:1: a NUL character");
	refuse("\"a\\0b\": 1\n", "f:1: a NUL character");
	refuse("? [a]\n: b\n", "f:1: a key must be a word");
	refuse("? {a: 1}\n: b\n", "f:1: a key must be a word");
}

static void
what_is_not_yaml_is_refused_with_its_line(void **state)
{
	(void)state;
	refuse("a: b: c\n", "f:1: not YAML: mapping values are not allowed in "
	                    "this context");
	refuse("a:\n\t- b\n",
	    "f:2: not YAML: found character that cannot start any token");
	refuse("a: 'x\n", "f:2: not YAML: found unexpected end of stream");
	refuse("a: 1\n b: 2\n", "f:2: not YAML: mapping values are not allowed "
	                        "in this context");
	refuse("a: [\n", "f:2: not YAML: did not find expected node content");
	refuse("a: \xff\n", "f:1: not YAML: invalid leading UTF-8 octet");
	refuse_bytes("a: \0\n", 5,
	    "f:1: not YAML: control characters are not allowed");
}

static void
depth_is_limited(void **state)
{
	char text[41];

	(void)state;
	memset(text, '[', 20);
	memset(text + 20, ']', 20);
	text[40] = '\0';
	refuse(text, "f:1: deeper than 16 levels");
	text[36] = '\0';
	tree_free(parse(text + 4));
}

static void
the_number_of_values_is_limited(void **state)
{
	AUTO(buf) struct buf b = { .max = 1 << 20 };
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 4096; i++)
		assert_int_equal(buf_puts(&b, "-\n", &err), 0);
	refuse(b.data, "f:4096: more than 4096 values");
	tree_free(parse(b.data + 2));
}

static int
scenario(struct err *err)
{
	static const char text[] = "a: 1\nb: [x, {c: d}]\n";
	AUTO(tree) struct tree *t = NULL, *none = NULL;

	return yaml_parse(text, sizeof text - 1, "f", &t, err) ||
	               yaml_parse("", 0, "f", &none, err)
	           ? -1
	           : 0;
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(failalloc_each(scenario) >= 15);
}

static void
a_parser_without_memory_is_no_mistake_in_the_text(void **state)
{
	static const struct {
		const char *call;
		unsigned n;
	} cases[] = { { "yaml_parser_initialize", 0 },
		{ "yaml_parser_parse", 0 }, { "yaml_parser_parse", 3 } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tree *t = NULL;
		struct err err = { 0 };

		failcall_at(cases[i].call, cases[i].n, YAML_MEMORY_ERROR);
		assert_int_equal(yaml_parse("a: 1", 4, "f", &t, &err), -1);
		assert_true(failcall_end());
		assert_int_equal(err.code, ERR_NOMEM);
		assert_null(t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_know_their_lines),
		cmocka_unit_test(quotes_are_told),
		cmocka_unit_test(an_empty_text_is_an_empty_map),
		cmocka_unit_test(a_root_may_be_anything),
		cmocka_unit_test(
		    a_second_key_of_that_name_is_refused_with_both_lines),
		cmocka_unit_test(a_map_may_have_very_many_keys),
		cmocka_unit_test(what_hides_or_multiplies_content_is_refused),
		cmocka_unit_test(what_is_not_yaml_is_refused_with_its_line),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(the_number_of_values_is_limited),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(
		    a_parser_without_memory_is_no_mistake_in_the_text),
	};

	return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
