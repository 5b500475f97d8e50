#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { LOG_TEXT = 2048 };

/* Written once, before there are threads (log.h). */
static struct {
	log_fn *fn;
	void *ctx;
	enum log_level most;
} dest;

void
log_to(log_fn *fn, void *ctx, enum log_level most)
{
	dest.fn = fn;
	dest.ctx = ctx;
	dest.most = most;
}

/*
 * How many bytes at s a terminal only shows; 0: it might obey.  U+0080 to
 * U+009F are control characters as well, and so are stray bytes to some.
 */
static size_t
harmless(const unsigned char *s)
{
	size_t n = *s < 0x80 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;

	if (*s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0) ||
	    strnlen((const char *)s, n) < n)
		return 0;
	return str_is_utf8((const char *)s, n) ? n : 0;
}

static void
escape(const char *text, char out[4 * LOG_TEXT])
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = harmless(s);

		if (n > 0) {
			memcpy(out, s, n);
			out += n;
			s += n;
		} else {
			out += snprintf(out, 5, "\\x%02x", *s++);
		}
	}
	*out = '\0';
}

/* Apart from emit, whose frame would be these ten KiB, cleared at each call
 * of log_debug that says nothing. */
static void __attribute__((format(printf, 2, 0), noinline))
say(enum log_level level, const char *fmt, va_list ap)
{
	char text[LOG_TEXT], line[4 * LOG_TEXT];

	(void)vsnprintf(text, sizeof text, fmt, ap);
	escape(text, line);
	dest.fn(dest.ctx, level, line);
}

static void __attribute__((format(printf, 2, 0)))
emit(enum log_level level, const char *fmt, va_list ap)
{
	if (dest.fn && level <= dest.most)
		say(level, fmt, ap);
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_ERROR, fmt, ap);
	va_end(ap);
}

void
log_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_WARNING, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_INFO, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_DEBUG, fmt, ap);
	va_end(ap);
}
