/* date.h - seconds since 1970 to text and back; always UTC. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdint.h>

#include "base/err.h"

enum { DATE_ISO_SIZE = 21, DATE_BASIC_SIZE = 17 };

void date_iso(int64_t s, char out[DATE_ISO_SIZE]); /* 2026-11-20T16:28:00Z */
void date_basic(int64_t s, char out[DATE_BASIC_SIZE]); /* 20261120T162800Z */

/* 2026-11-20T16:28:00[.123]Z; the fraction is dropped. */
MUST_CHECK int date_parse_iso(const char *, int64_t *s, struct err *);

/* Fri, 20 Nov 2026 16:28:00 GMT: RFC 9110 5.6.7, IMF-fixdate. */
MUST_CHECK int date_parse_http(const char *, int64_t *s, struct err *);

#endif
