/* buf.h - growable bytes with a ceiling. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

#include "base/err.h"
#include "base/scope.h"

/* Start with { .max = limit }.  Once non-NULL, data[len] is always '\0'. */
struct buf {
	char *data;
	size_t len, cap, max;
};

MUST_CHECK int buf_add(struct buf *, const void *, size_t, struct err *);
MUST_CHECK int buf_puts(struct buf *, const char *, struct err *);
MUST_CHECK int buf_printf(struct buf *, struct err *, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Strings one behind the other, up to a NULL: what paths that run for each
 * object take instead of buf_printf. */
MUST_CHECK int buf_join(struct buf *, struct err *, ...)
    __attribute__((sentinel));
/* Make room for n more bytes at data + len, so that buf_add cannot fail. */
MUST_CHECK int buf_reserve(struct buf *, size_t n, struct err *);
void buf_clear(struct buf *); /* keeps the memory */
void buf_done(struct buf *);
void buf_wipe(struct buf *); /* as buf_done, for secrets */

static inline void
scope_buf(struct buf *b)
{
	buf_done(b);
}

#endif
