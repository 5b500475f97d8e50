#include "cmd/console.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

enum { SPARSE_MS = 30000, LINE_SIZE = 256 };

static void append(char *out, size_t size, size_t *used, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

static void
append(char *out, size_t size, size_t *used, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out + *used, size - *used, fmt, ap);
	va_end(ap);
	if (n > 0)
		*used = *used + (size_t)n < size ? *used + (size_t)n : size - 1;
}

/* Seconds as 42 s, 3 min 20 s, 2 h 5 min. */
static void
append_time(char *out, size_t size, size_t *used, double seconds)
{
	uint64_t s = (uint64_t)seconds;

	if (s < 60)
		append(out, size, used, "%" PRIu64 " s", s);
	else if (s < 3600)
		append(out, size, used, "%" PRIu64 " min %" PRIu64 " s", s / 60,
		    s % 60);
	else
		append(out, size, used, "%" PRIu64 " h %" PRIu64 " min",
		    s / 3600, s % 3600 / 60);
}

void
console_line(const struct progress_state *p, char *out, size_t size)
{
	double rate = p->seconds > 0 ? (double)p->bytes / p->seconds : 0;
	char done[16], all[16], each[16];
	size_t used = 0;

	str_bytes(p->bytes, done);
	str_bytes(p->all_bytes, all);
	str_bytes((uint64_t)rate, each);
	append(out, size, &used, "%-20s %" PRIu64, p->component, p->objects);
	if (p->all_objects >= p->objects && p->all_objects > 0)
		append(out, size, &used, " of %" PRIu64, p->all_objects);
	append(out, size, &used, " objects  %s", done);
	if (p->all_bytes >= p->bytes && p->all_bytes > 0)
		append(out, size, &used, " of %s", all);
	append(out, size, &used, "  %s/s  ", each);
	if (p->last || rate < 1 || p->all_bytes <= p->bytes) {
		append_time(out, size, &used, p->seconds);
		return;
	}
	append_time(out, size, &used, (double)(p->all_bytes - p->bytes) / rate);
	append(out, size, &used, " left");
}

/* Inside the monitor. */
static void
clear(struct console *c)
{
	if (c->drawn)
		(void)fputs("\r\033[K", stderr);
	c->drawn = false;
}

static void
draw(struct console *c, const char *line, bool last)
{
	clear(c);
	(void)fprintf(stderr, "%s%s", line, last ? "\n" : "");
	(void)fflush(stderr);
	c->drawn = !last;
}

static void
tell(void *ctx, const struct progress_state *p)
{
	struct console *c = ctx;
	int64_t now = clock_mono_ms(clock_real());
	char line[LINE_SIZE];

	console_line(p, line, sizeof line);
	monitor_enter(&c->m);
	if (c->terminal) {
		draw(c, line, p->last);
	} else if (!p->last && now - c->logged_ms >= SPARSE_MS) {
		(void)fprintf(stderr, "%s\n", line);
		c->logged_ms = now;
	}
	monitor_leave(&c->m);
}

void
console_init(struct console *c)
{
	*c = (struct console){ .terminal = isatty(STDERR_FILENO) == 1,
		.logged_ms = clock_mono_ms(clock_real()),
		.progress = { .tell = tell, .ctx = c } };
	monitor_init(&c->m);
}

void
console_done(struct console *c)
{
	monitor_enter(&c->m);
	clear(c);
	monitor_leave(&c->m);
	monitor_done(&c->m);
}

void
console_log(void *ctx, enum log_level level, const char *line)
{
	static const char *const word[] = { "error: ", "warning: ", "", "" };
	struct console *c = ctx;

	monitor_enter(&c->m);
	clear(c);
	(void)fprintf(stderr, "platform-backup: %s%s\n", word[level], line);
	monitor_leave(&c->m);
}
