/* str.h - text and numbers in the forms that formats and protocols want. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A copy; the caller frees it.  NULL gives an error, as no memory does. */
MUST_CHECK int str_dup(const char *, char **, struct err *);
MUST_CHECK int str_printf(char **, struct err *, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The first n bytes, as a string; the strings up to a NULL, as one. */
MUST_CHECK int str_cut(const char *, size_t n, char **, struct err *);
MUST_CHECK int str_join(char **, struct err *, ...) __attribute__((sentinel));

/* Decimal digits and nothing else, min to max.  ERR_USAGE otherwise. */
MUST_CHECK int str_to_u64(const char *text, uint64_t min, uint64_t max,
    uint64_t *ret, struct err *);
/* A size: digits and at most one of K M G T (powers of 1024). */
MUST_CHECK int str_to_size(const char *text, uint64_t *ret, struct err *);
/* A span of time: digits and one of h d w y (365 days), or 0.  In seconds. */
MUST_CHECK int str_to_span(const char *text, uint64_t *ret, struct err *err);

/* out holds 2 n + 1. */
void str_hex(const void *, size_t n, char *out);
MUST_CHECK int str_unhex(const char *, void *out, size_t n, struct err *);

/* RFC 4648 base64 with padding. */
MUST_CHECK int str_base64(struct buf *, const void *, size_t n, struct err *);
MUST_CHECK int str_unbase64(struct buf *, const char *, struct err *);

/*
 * RFC 3986 percent-encoding of all but unreserved characters (A-Z a-z 0-9
 * - . _ ~) and those in keep.  Upper-case hex, as AWS signatures want it.
 */
MUST_CHECK int str_percent(struct buf *, const char *, const char *keep,
    struct err *);
/* %00 is refused: no text holds a NUL. */
MUST_CHECK int str_unpercent(struct buf *, const char *, struct err *);

/* One word of a POSIX shell: 'as it is', where it needs that. */
MUST_CHECK int str_shell(struct buf *, const char *, struct err *);

/* RFC 3629: no surrogates, no overlong forms, to U+10FFFF. */
bool str_is_utf8(const char *, size_t n);
/* A byte below the space. */
bool str_has_controls(const char *, size_t n);

bool str_starts(const char *, const char *prefix);
bool str_ends(const char *, const char *suffix);

/* 1.5 GiB, 312 B; out holds 16. */
void str_bytes(uint64_t n, char out[16]);

#endif
