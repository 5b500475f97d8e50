#include "cmd/console.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT = 4096 };

/* What stderr was, while it is something else. */
struct place {
	int was, from;
};

/* stderr is the end `to`; what comes is read from the other. */
static struct place
take_stderr(int from, int to)
{
	struct place p = { .was = dup(STDERR_FILENO), .from = from };

	assert_true(p.was >= 0 && from >= 0 && to >= 0);
	assert_int_equal(dup2(to, STDERR_FILENO), STDERR_FILENO);
	(void)close(to);
	return p;
}

static struct place
to_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	return take_stderr(master,
	    open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC));
}

static struct place
to_pipe(void)
{
	int end[2];

	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	return take_stderr(end[0], end[1]);
}

/* stderr is again what it was; all that was said, without '\r' before '\n',
 * which a terminal adds. */
static void
said(const struct place *p, char out[TEXT])
{
	char raw[TEXT];
	ssize_t n = 0, k;

	(void)fputs("\f", stderr); /* nothing comes behind it */
	(void)fflush(stderr);
	/* a terminal hands over what it has, be it a part */
	do {
		k = read(p->from, raw + n, sizeof raw - (size_t)n);
		n += k;
	} while (k > 0 && raw[n - 1] != '\f');
	assert_true(k > 0);
	assert_int_equal(dup2(p->was, STDERR_FILENO), STDERR_FILENO);
	(void)close(p->was);
	(void)close(p->from);
	assert_in_range(n, 1, TEXT - 1);
	for (ssize_t i = 0; i < n - 1; i++)
		if (raw[i] != '\r' || raw[i + 1] != '\n')
			*out++ = raw[i];
	*out = '\0';
}

static void
tell(struct console *c, uint64_t objects, bool last)
{
	const struct progress_state p = { .component = "mlmd",
		.objects = objects,
		.seconds = 125,
		.last = last };

	c->progress.tell(c->progress.ctx, &p);
}

static void
a_terminal_shows_one_line_that_changes(void **state)
{
	struct place p = to_terminal();
	struct console c;
	char text[TEXT];

	(void)state;
	console_init(&c);
	tell(&c, 1, false);
	tell(&c, 2, false);
	console_log(&c, LOG_WARNING, "careful");
	tell(&c, 3, true);
	tell(&c, 4, false);
	console_done(&c);
	said(&p, text);
	assert_string_equal(text,
	    "mlmd                 1 objects  0 B  0 B/s  2 min 5 s"
	    "\r\033[K"
	    "mlmd                 2 objects  0 B  0 B/s  2 min 5 s"
	    "\r\033[K"
	    "platform-backup: warning: careful\n"
	    "mlmd                 3 objects  0 B  0 B/s  2 min 5 s\n"
	    "mlmd                 4 objects  0 B  0 B/s  2 min 5 s"
	    "\r\033[K");
}

static void
a_log_gets_a_line_now_and_then(void **state)
{
	struct place p = to_pipe();
	struct console c;
	char text[TEXT];

	(void)state;
	console_init(&c);
	tell(&c, 1, false);
	c.logged_ms -= 30000;
	tell(&c, 2, false);
	tell(&c, 3, false);
	c.logged_ms -= 30000;
	tell(&c, 4, true); /* its end has a line of its own */
	console_log(&c, LOG_ERROR, "no");
	console_log(&c, LOG_INFO, "done");
	console_done(&c);
	said(&p, text);
	assert_string_equal(text,
	    "mlmd                 2 objects  0 B  0 B/s  2 min 5 s\n"
	    "platform-backup: error: no\n"
	    "platform-backup: done\n");
}

static void
times_are_rounded_to_two_units(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} cases[] = { { 59, "59 s" }, { 60, "1 min 0 s" },
		{ 3599, "59 min 59 s" }, { 7500, "2 h 5 min" } };
	char line[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct progress_state p = { .component = "b",
			.seconds = cases[i].seconds,
			.last = true };

		console_line(&p, line, sizeof line);
		assert_non_null(strstr(line, cases[i].text));
	}
}

static void
what_is_left_is_told_where_it_is_known(void **state)
{
	const struct progress_state p = { .component = "bucket",
		.objects = 5,
		.all_objects = 10,
		.bytes = 1 << 20,
		.all_bytes = 3 << 20,
		.seconds = 1 };
	char line[256], few[20];

	(void)state;
	console_line(&p, line, sizeof line);
	assert_string_equal(line,
	    "bucket               5 of 10 objects  1.0 MiB of 3.0 MiB  1.0 "
	    "MiB/s  2 s left");
	console_line(&p, few, sizeof few); /* what does not fit is cut */
	assert_string_equal(few, "bucket             ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_shows_one_line_that_changes),
		cmocka_unit_test(a_log_gets_a_line_now_and_then),
		cmocka_unit_test(times_are_rounded_to_two_units),
		cmocka_unit_test(what_is_left_is_told_where_it_is_known),
	};

	return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
