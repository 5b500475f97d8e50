#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../lib/failalloc.h"
#include "base/proc.h"
#include "base/str.h"

static void
numbers_are_digits_and_nothing_else(void **state)
{
	static const char *const wrong[] = { "", "-1", "+1", " 1", "1 ", "0x1",
		"1.0", "18446744073709551616", "99999999999999999999999" };
	struct err err = { 0 };
	uint64_t n = 5;

	(void)state;
	assert_int_equal(str_to_u64("0", 0, UINT64_MAX, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(str_to_u64("18446744073709551615", 0, UINT64_MAX, &n,
	                     &err),
	    0);
	assert_true(n == UINT64_MAX);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(str_to_u64(wrong[i], 0, UINT64_MAX, &n, &err),
		    -1);
		assert_int_equal(err.code, ERR_USAGE);
	}
	assert_true(n == UINT64_MAX);
	assert_int_equal(str_to_u64("5", 6, 7, &n, &err), -1);
	assert_int_equal(str_to_u64("8", 6, 7, &n, &err), -1);
	assert_string_equal(err.msg, "'8' is not a number from 6 to 7");
}

static void
sizes_have_units(void **state)
{
	static const char *const wrong[] = { "", "K", "1KB", "1k", "-1K",
		"1.5G", "16777216T", "1KK" };
	struct err err = { 0 };
	uint64_t n = 5;

	(void)state;
	assert_int_equal(str_to_size("512", &n, &err), 0);
	assert_int_equal(n, 512);
	assert_int_equal(str_to_size("3K", &n, &err), 0);
	assert_int_equal(n, 3072);
	assert_int_equal(str_to_size("20M", &n, &err), 0);
	assert_int_equal(n, 20 << 20);
	assert_int_equal(str_to_size("2G", &n, &err), 0);
	assert_true(n == UINT64_C(2) << 30);
	assert_int_equal(str_to_size("16777215T", &n, &err), 0);
	assert_true(n == UINT64_C(16777215) << 40);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(str_to_size(wrong[i], &n, &err), -1);
	assert_string_equal(err.msg,
	    "'1KK' is not a size such as 512K, 20M or 2G");
}

static void
hex_goes_there_and_back(void **state)
{
	struct err err = { 0 };
	uint8_t bytes[4] = { 0, 0x1f, 0xa0, 0xff };
	char hex[9];

	(void)state;
	str_hex(bytes, sizeof bytes, hex);
	assert_string_equal(hex, "001fa0ff");
	memset(bytes, 7, sizeof bytes);
	assert_int_equal(str_unhex("001FA0ff", bytes, 4, &err), 0);
	assert_memory_equal(bytes, "\x00\x1f\xa0\xff", 4);
	assert_int_equal(str_unhex("001fa0f", bytes, 4, &err), -1);
	assert_int_equal(str_unhex("001fa0fff", bytes, 4, &err), -1);
	assert_int_equal(str_unhex("001fa0fg", bytes, 4, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
}

static const struct {
	const char *plain, *encoded;
} base64[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfb", "//77" } };

static void
base64_is_that_of_rfc_4648(void **state)
{
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof base64 / sizeof base64[0]; i++) {
		AUTO(buf) struct buf to = { .max = 100 };
		AUTO(buf) struct buf from = { .max = 100 };
		const char *plain = base64[i].plain;

		assert_int_equal(str_base64(&to, plain, strlen(plain), &err),
		    0);
		assert_string_equal(to.data, base64[i].encoded);
		assert_int_equal(str_unbase64(&from, base64[i].encoded, &err),
		    0);
		assert_int_equal(from.len, strlen(plain));
		assert_string_equal(from.data ? from.data : "", plain);
	}
}

static void
what_is_not_base64_is_refused(void **state)
{
	static const char *const wrong[] = { "Z", "Zg", "Zg=", "Zg=v",
		"=g==", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm9-" };
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		AUTO(buf) struct buf b = { .max = 100 };

		err.code = ERR_NONE;
		assert_int_equal(str_unbase64(&b, wrong[i], &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
	}
}

static void
percent_encoding_is_that_of_aws(void **state)
{
	AUTO(buf) struct buf b = { .max = 100 };
	AUTO(buf) struct buf back = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(str_percent(&b, "aZ9-._~ /+%\xc3\xa4", "/", &err), 0);
	assert_string_equal(b.data, "aZ9-._~%20/%2B%25%C3%A4");
	assert_int_equal(str_unpercent(&back, b.data, &err), 0);
	assert_string_equal(back.data, "aZ9-._~ /+%\xc3\xa4");
	assert_int_equal(str_unpercent(&back, "%c3", &err), 0);
}

static void
broken_percent_encoding_is_refused(void **state)
{
	static const char *const wrong[] = { "%", "%2", "a%2g", "%g2", "%00" };
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		AUTO(buf) struct buf b = { .max = 100 };

		err.code = ERR_NONE;
		assert_int_equal(str_unpercent(&b, wrong[i], &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
	}
}

static void
utf8_is_that_of_rfc_3629(void **state)
{
	static const char *const right[] = { "", "a", "\x7f", "\xc2\x80",
		"\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
	static const char *const wrong[] = { "\x80", "\xbf", "\xc0\x80",
		"\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe2\x82",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
		"\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xf8\x88\x80\x80\x80", "\xff" };

	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
		assert_true(str_is_utf8(right[i], strlen(right[i])));
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(str_is_utf8(wrong[i], strlen(wrong[i])));
	assert_true(str_is_utf8("a\0b", 3));
	assert_false(str_is_utf8("\xe2\x82\xac", 2));
}

/* Each byte at each place among others of each kind. */
static void
controls_are_below_the_space(void **state)
{
	static const char others[] = { ' ', '~', '\x7f', '\x80', '\xff' };
	char text[19];

	(void)state;
	for (size_t i = 0; i < sizeof others; i++)
		for (size_t at = 0; at < sizeof text; at++)
			for (int c = 0; c < 256; c++) {
				memset(text, others[i], sizeof text);
				text[at] = (char)c;
				assert_int_equal(str_has_controls(text,
				                     sizeof text),
				    c < ' ');
				assert_false(str_has_controls(text, at));
			}
}

static void
beginnings_and_ends_are_compared(void **state)
{
	(void)state;
	assert_true(str_starts("abc", "ab"));
	assert_true(str_starts("abc", ""));
	assert_false(str_starts("ab", "abc"));
	assert_true(str_ends("abc", "bc"));
	assert_true(str_ends("abc", ""));
	assert_false(str_ends("bc", "abc"));
	assert_false(str_ends("abd", "bc"));
}

static void
bytes_are_told_to_people(void **state)
{
	char out[16];

	(void)state;
	str_bytes(0, out);
	assert_string_equal(out, "0 B");
	str_bytes(1023, out);
	assert_string_equal(out, "1023 B");
	str_bytes(1536, out);
	assert_string_equal(out, "1.5 KiB");
	str_bytes(UINT64_C(3) << 30, out);
	assert_string_equal(out, "3.0 GiB");
	str_bytes(UINT64_MAX, out);
	assert_string_equal(out, "16.0 EiB");
}

static void
a_shell_reads_one_word(void **state)
{
	static const char *const words[] = { "plain-1_x/y.z", "", "it's",
		"two  words", "$HOME `id` $(id)", "'", "''\"\\''", "a\nb",
		"~root", "*", "!x;y&z|<>#", "\xc3\xa9" };

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		AUTO(buf) struct buf script = { .max = 4096 };
		AUTO(buf) struct buf out = { .max = 4096 };
		struct err err = { 0 };
		const char *argv[] = { "sh", "-c", NULL, NULL };
		struct proc p = { .argv = argv };

		assert_int_equal(buf_puts(&script, "printf '%s|' ", &err), 0);
		assert_int_equal(str_shell(&script, words[i], &err), 0);
		argv[2] = script.data;
		assert_int_equal(proc_run(&p, &out, NULL, &err), 0);
		assert_int_equal(p.status, 0);
		assert_int_equal(out.len, strlen(words[i]) + 1);
		assert_memory_equal(out.data, words[i], out.len - 1);
	}
}

static void
what_needs_no_quotes_has_none(void **state)
{
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(str_shell(&b, "db-0.example:3306", &err), 0);
	assert_string_equal(b.data, "db-0.example:3306");
}

static void
null_is_not_copied(void **state)
{
	struct err err = { 0 };
	char *copy = NULL;

	(void)state;
	assert_int_equal(str_dup(NULL, &copy, &err), -1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_null(copy);
}

static int
scenario(struct err *err)
{
	AUTO(free) char *a = NULL;
	AUTO(free) char *b = NULL;
	AUTO(buf) struct buf c = { .max = 100 };
	AUTO(buf) struct buf d = { .max = 100 };
	AUTO(buf) struct buf e = { .max = 100 };
	AUTO(buf) struct buf f = { .max = 100 };

	if (str_dup("x", &a, err) || str_printf(&b, err, "%s%d", a, 1) ||
	    str_base64(&c, "abc", 3, err))
		return -1;
	assert_string_equal(b, "x1");
	if (str_unbase64(&d, c.data, err))
		return -1;
	return str_unpercent(&e, "%41", err) || str_shell(&f, "it's", err) ? -1
	                                                                   : 0;
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		struct err err = { 0 };

		failalloc_at(fails);
		rc = scenario(&err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
	}
	assert_int_equal(fails, 6);
}

static void
a_span_of_time_has_one_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} good[] = { { "0", 0 }, { "0d", 0 }, { "1h", 3600 },
		{ "30d", 2592000 }, { "2w", 1209600 }, { "1y", 31536000 },
		{ "1000000y", 31536000000000 } };
	static const char *const bad[] = { "", "1", "d", "1m", "1hd", "-1d",
		"1 d", "1d ", "1000001d", "99999999999999999999d" };
	struct err err = { 0 };
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(str_to_span(good[i].text, &n, &err), 0);
		assert_int_equal(n, good[i].seconds);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(str_to_span(bad[i], &n, &err), -1);
		assert_true(err_is(&err, ERR_USAGE));
		assert_non_null(strstr(err.msg, "30d"));
	}
}

static void
no_form_is_longer_than_its_buffer(void **state)
{
	struct err err = { 0 };

	(void)state;
	for (size_t max = 0; max < 6; max++) {
		AUTO(buf)
		struct buf b = { .max = max }, c = { .max = max / 2 },
		           d = { .max = max / 2 };

		assert_int_equal(str_shell(&b, "it's", &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_int_equal(str_base64(&c, "abc", 3, &err), -1);
		assert_int_equal(str_unpercent(&d, "%41bc", &err), -1);
		assert_true(b.len <= max && d.len <= max / 2);
	}
}

static void
strings_are_joined_and_cut(void **state)
{
	AUTO(free) char *joined = NULL, *none = NULL, *cut = NULL;
	AUTO(buf) struct buf b = { .max = 5 };
	struct err err = { 0 };
	char *lost = NULL;

	(void)state;
	assert_int_equal(str_join(&joined, &err, "a", "", "bcd", NULL), 0);
	assert_string_equal(joined, "abcd");
	assert_int_equal(str_join(&none, &err, NULL), 0);
	assert_string_equal(none, "");
	assert_int_equal(str_cut("abcd", 3, &cut, &err), 0);
	assert_string_equal(cut, "abc");
	assert_int_equal(buf_join(&b, &err, "ab", "", "cde", NULL), 0);
	assert_string_equal(b.data, "abcde");
	assert_int_equal(buf_join(&b, &err, "f", NULL), -1);
	failalloc_at(0);
	assert_int_equal(str_join(&lost, &err, "a", NULL), -1);
	failalloc_at(0);
	assert_int_equal(str_cut("a", 1, &lost, &err), -1);
	failalloc_at(-1);
	assert_true(err_is(&err, ERR_NOMEM));
	assert_null(lost);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_span_of_time_has_one_unit),
		cmocka_unit_test(numbers_are_digits_and_nothing_else),
		cmocka_unit_test(sizes_have_units),
		cmocka_unit_test(hex_goes_there_and_back),
		cmocka_unit_test(base64_is_that_of_rfc_4648),
		cmocka_unit_test(what_is_not_base64_is_refused),
		cmocka_unit_test(percent_encoding_is_that_of_aws),
		cmocka_unit_test(broken_percent_encoding_is_refused),
		cmocka_unit_test(utf8_is_that_of_rfc_3629),
		cmocka_unit_test(controls_are_below_the_space),
		cmocka_unit_test(beginnings_and_ends_are_compared),
		cmocka_unit_test(bytes_are_told_to_people),
		cmocka_unit_test(a_shell_reads_one_word),
		cmocka_unit_test(what_needs_no_quotes_has_none),
		cmocka_unit_test(null_is_not_copied),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(no_form_is_longer_than_its_buffer),
		cmocka_unit_test(strings_are_joined_and_cut),
	};

	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
