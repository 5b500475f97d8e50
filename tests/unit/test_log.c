#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/log.h"

struct lines {
	unsigned count;
	enum log_level level;
	char last[9000];
};

static void
keep(void *ctx, enum log_level level, const char *line)
{
	struct lines *l = ctx;
	size_t n = strlen(line);

	assert_true(n < sizeof l->last);
	l->count++;
	l->level = level;
	memcpy(l->last, line, n + 1);
}

static void
nothing_is_written_before_there_is_a_destination(void **state)
{
	struct lines l = { 0 };

	(void)state;
	log_error("lost");
	log_to(keep, &l, LOG_DEBUG);
	log_to(NULL, NULL, LOG_DEBUG);
	log_error("lost");
	assert_int_equal(l.count, 0);
}

static void
levels_above_the_limit_are_left_out(void **state)
{
	struct lines l = { 0 };

	(void)state;
	log_to(keep, &l, LOG_WARNING);
	log_error("e %d", 1);
	assert_int_equal(l.level, LOG_ERROR);
	assert_string_equal(l.last, "e 1");
	log_warning("w %s", "x");
	assert_int_equal(l.level, LOG_WARNING);
	log_info("i");
	log_debug("d");
	assert_int_equal(l.count, 2);
	log_to(keep, &l, LOG_DEBUG);
	log_info("i");
	assert_int_equal(l.level, LOG_INFO);
	log_debug("d");
	assert_int_equal(l.level, LOG_DEBUG);
	assert_int_equal(l.count, 4);
}

static void
control_characters_are_escaped(void **state)
{
	struct lines l = { 0 };

	(void)state;
	log_to(keep, &l, LOG_DEBUG);
	log_info("%s", "a\nb\x1b[31m\t\x7f");
	assert_string_equal(l.last, "a\\x0ab\\x1b[31m\\x09\\x7f");
	log_info("%s", "\xc3\xa4 \xe2\x82\xac");
	assert_string_equal(l.last, "\xc3\xa4 \xe2\x82\xac");
	/* U+009B is CSI, as is a bare 0x9b to some terminals */
	log_info("%s", "\xc2\x9b \x9b \xc3");
	assert_string_equal(l.last, "\\xc2\\x9b \\x9b \\xc3");
}

static void
long_lines_are_cut(void **state)
{
	struct lines l = { 0 };
	char text[5000];

	(void)state;
	memset(text, '\n', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	log_to(keep, &l, LOG_DEBUG);
	log_info("%s", text);
	assert_int_equal(strlen(l.last), 4 * 2047);
}

static int
silence(void **state)
{
	(void)state;
	log_to(NULL, NULL, LOG_ERROR);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    nothing_is_written_before_there_is_a_destination),
		cmocka_unit_test(levels_above_the_limit_are_left_out),
		cmocka_unit_test(control_characters_are_escaped),
		cmocka_unit_test(long_lines_are_cut),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, silence);
}
