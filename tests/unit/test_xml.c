#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "s3/xml.h"

/* "path=text;" of each element. */
static int
note(void *arg, const char *path, const char *text, struct err *err)
{
	return buf_printf(arg, err, "%s=%s;", path, text);
}

static int
parse(const char *xml, struct buf *out, struct err *err)
{
	out->max = 1 << 20;
	return xml_parse(xml, strlen(xml), note, out, err);
}

static void
elements_come_with_path_and_text(void **state)
{
	AUTO(buf) struct buf out = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(parse("<?xml version=\"1.0\"?>\n"
	                       "<R xmlns=\"x\"> <A>1 &amp; &#x32;</A>\n"
	                       "<B><C a=\"b\">&lt;</C></B><D/></R>\n",
	                     &out, &err),
	    0);
	assert_string_equal(out.data, "R/A=1 & 2;R/B/C=<;R/B=;R/D=;R=;");
}

static void
references_to_control_characters_are_understood(void **state)
{
	AUTO(buf) struct buf out = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(parse("<R>a&#x01;&#31;b&#xa;&#9;&#x41;</R>", &out,
	                     &err),
	    0);
	assert_string_equal(out.data, "R=a\x01\x1f"
	                              "b\n\tA;");
}

static void
what_is_no_reference_is_left_to_the_parser(void **state)
{
	static const char *const bad[] = { "<R>&#x0;</R>", "<R>&#;</R>",
		"<R>&#x;</R>", "<R>&# 1;</R>", "<R>&#1</R>", "<R>&#-1;</R>",
		"<R>&#xfffe;</R>", "<R>&#" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO(buf) struct buf out = { 0 };
		struct err err = { 0 };

		if (parse(bad[i], &out, &err) == 0)
			fail_msg("%s", bad[i]);
		assert_true(err_is(&err, ERR_CORRUPT));
	}
}

static void
a_dtd_is_refused(void **state)
{
	AUTO(buf) struct buf out = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(
	    parse("<!DOCTYPE R [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>"
	          "<R>&b;</R>",
	        &out, &err),
	    -1);
	assert_string_equal(err.msg, "XML is refused: it has a DTD");
	assert_null(out.data);
	assert_int_equal(parse("<!DOCTYPE R SYSTEM \"file:///etc/passwd\"><R/>",
	                     &out, &err),
	    -1);
	assert_int_equal(parse("<R>&unknown;</R>", &out, &err), -1);
}

static void
broken_and_cut_documents_are_corrupt(void **state)
{
	static const char *const bad[] = { "", " ", "text", "<R>", "<R></S>",
		"<R><A></R>", "<R/><R/>", "<R>\xff</R>", "{\"a\":1}" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO(buf) struct buf out = { 0 };
		struct err err = { 0 };

		if (parse(bad[i], &out, &err) == 0)
			fail_msg("'%s'", bad[i]);
		assert_true(err_is(&err, ERR_CORRUPT));
	}
}

static int
refuse_second(void *arg, const char *path, const char *text, struct err *err)
{
	int *n = arg;

	(void)path;
	(void)text;
	return ++*n == 2 ? err_set(err, ERR_EXISTS, "enough") : 0;
}

static void
an_error_of_the_callback_ends_the_parsing(void **state)
{
	const char *xml = "<R><A/><B/><C/></R>";
	struct err err = { 0 };
	int n = 0;

	(void)state;
	assert_int_equal(xml_parse(xml, strlen(xml), refuse_second, &n, &err),
	    -1);
	assert_int_equal(n, 2);
	assert_true(err_is(&err, ERR_EXISTS));
}

static void
repeat(struct buf *b, const char *text, size_t n)
{
	struct err err = { 0 };

	b->max = 64 << 20;
	while (n-- > 0)
		assert_int_equal(buf_puts(b, text, &err), 0);
}

static void
expect_refused(const struct buf *b, const char *why)
{
	AUTO(buf) struct buf out = { .max = 64 << 20 };
	struct err err = { 0 };

	assert_int_equal(xml_parse(b->data, b->len, note, &out, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	if (!strstr(err.msg, why))
		fail_msg("%s", err.msg);
}

static void
depth_size_text_and_number_have_limits(void **state)
{
	struct buf b = { 0 };

	(void)state;
	repeat(&b, "<a>", XML_DEPTH_MAX + 1);
	expect_refused(&b, "too deep");
	buf_done(&b);
	repeat(&b, "<aaaaaaaaaabbbbbbbbbbcccccccccc>", 9);
	expect_refused(&b, "too deep");
	buf_done(&b);
	repeat(&b, "<a>", 1);
	repeat(&b, "x", XML_TEXT_MAX + 1);
	expect_refused(&b, "too long a text");
	buf_done(&b);
	repeat(&b, "<a>", 1);
	repeat(&b, "<b/>", XML_ELEMENTS_MAX);
	expect_refused(&b, "too many elements");
	buf_done(&b);
	/* in this encoding a text comes in parts, even after the end */
	repeat(&b, "<?xml version='1.0' encoding='ISO-8859-1'?><a>", 1);
	repeat(&b, "\xe4", XML_TEXT_MAX);
	expect_refused(&b, "too long a text");
	buf_done(&b);
	repeat(&b, " ", XML_SIZE_MAX + 1);
	expect_refused(&b, "longer than");
	buf_done(&b);
}

static void
the_root_is_found_without_the_rest(void **state)
{
	const char *xml = "  <Error><Code>a</Cod";
	char name[XML_PATH_SIZE];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(xml_root(xml, strlen(xml), name, &err), 0);
	assert_string_equal(name, "Error");
	assert_true(err_is(&err, ERR_NONE));
	assert_int_equal(xml_root("no", 2, name, &err), -1);
	assert_int_equal(xml_root("", 0, name, &err), -1);
}

static void
text_is_escaped(void **state)
{
	AUTO(buf) struct buf b = { .max = 100 };
	AUTO(buf) struct buf out = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(buf_puts(&b, "<R>", &err), 0);
	assert_int_equal(xml_escape(&b, "a<b>&\"c'\r\n", &err), 0);
	assert_int_equal(buf_puts(&b, "</R>", &err), 0);
	assert_int_equal(parse(b.data, &out, &err), 0);
	assert_string_equal(out.data, "R=a<b>&\"c'\r\n;");
}

static void
no_escaped_text_is_longer_than_its_buffer(void **state)
{
	struct err err = { 0 };

	(void)state;
	for (size_t max = 0; max < 7; max++) {
		AUTO(buf) struct buf b = { .max = max };

		assert_int_equal(xml_escape(&b, "a<bc", &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_true(b.len <= max);
	}
}

static int
ignore(void *arg, const char *path, const char *text, struct err *err)
{
	(void)arg;
	(void)path;
	(void)text;
	(void)err;
	return 0;
}

static void
every_allocation_may_fail(void **state)
{
	const char *xml = "<R xmlns=\"x\"><A>text&#x1;</A></R>";
	long fails = 0;

	(void)state;
	for (;; fails++) {
		struct err err = { 0 };

		failalloc_at(fails);
		if (xml_parse(xml, strlen(xml), ignore, NULL, &err) == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	failalloc_at(-1);
	assert_true(fails >= 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_come_with_path_and_text),
		cmocka_unit_test(
		    references_to_control_characters_are_understood),
		cmocka_unit_test(what_is_no_reference_is_left_to_the_parser),
		cmocka_unit_test(a_dtd_is_refused),
		cmocka_unit_test(broken_and_cut_documents_are_corrupt),
		cmocka_unit_test(an_error_of_the_callback_ends_the_parsing),
		cmocka_unit_test(depth_size_text_and_number_have_limits),
		cmocka_unit_test(the_root_is_found_without_the_rest),
		cmocka_unit_test(text_is_escaped),
		cmocka_unit_test(no_escaped_text_is_longer_than_its_buffer),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
