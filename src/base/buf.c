#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
grow(struct buf *b, size_t need, struct err *err)
{
	size_t cap = b->cap ? 2 * b->cap : 64;
	char *p;

	/* who says how much comes gets no more, and nobody beyond the limit */
	if (b->max < SIZE_MAX && cap > b->max + 1)
		cap = b->max + 1;
	if (cap < need)
		cap = need;
	p = realloc(b->data, cap);
	if (!p)
		return err_nomem(err);
	b->data = p;
	b->cap = cap;
	return 0;
}

int
buf_reserve(struct buf *b, size_t n, struct err *err)
{
	if (n > SIZE_MAX / 2 - b->len - 1)
		return err_nomem(err);
	if (b->len + n > b->max)
		return err_set(err, ERR_CORRUPT,
		    "longer than the limit of %zu bytes", b->max);
	if (b->len + n + 1 > b->cap && grow(b, b->len + n + 1, err))
		return -1;
	b->data[b->len] = '\0';
	return 0;
}

int
buf_add(struct buf *b, const void *p, size_t n, struct err *err)
{
	/* most pieces fit */
	if ((n >= b->cap - b->len || n > b->max - b->len) &&
	    buf_reserve(b, n, err))
		return -1;
	if (n > 0)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int
buf_puts(struct buf *b, const char *s, struct err *err)
{
	return buf_add(b, s, strlen(s), err);
}

int
buf_join(struct buf *b, struct err *err, ...)
{
	const char *s;
	va_list ap;
	int rc = 0;

	va_start(ap, err);
	while (rc == 0 && (s = va_arg(ap, const char *)) != NULL)
		rc = buf_puts(b, s, err);
	va_end(ap);
	return rc;
}

int
buf_printf(struct buf *b, struct err *err, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(err, ERR_IO, "text cannot be formatted");
	if (buf_reserve(b, (size_t)n, err))
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

void
buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .max = b->max };
}

void
buf_wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_done(b);
}
