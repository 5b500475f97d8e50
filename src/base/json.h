/*
 * json.h - cJSON (RFC 8259) behind getters that name the field that is
 * missing or of the wrong type.  Strings are borrowed from the document.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct json; /* a document, or any value inside one */

/* One value and nothing behind it.  ERR_CORRUPT names the byte. */
MUST_CHECK int json_parse(const char *, size_t len, struct json **,
    struct err *);
/* The document, never a part of it; its texts are wiped: some are secrets. */
void json_free(struct json *);

/* Required fields of an object: ERR_CORRUPT where missing or another type. */
MUST_CHECK int json_str(const struct json *, const char *name, const char **ret,
    struct err *);
MUST_CHECK int json_u64(const struct json *, const char *name, uint64_t *ret,
    struct err *);
MUST_CHECK int json_get(const struct json *, const char *name,
    const struct json **ret, struct err *);

/* An array of at most max values. */
MUST_CHECK int json_array(const struct json *, const char *name, size_t max,
    const struct json **ret, struct err *);
/* One of texts: copies.  On failure *ret holds n of them as well. */
MUST_CHECK int json_strings(const struct json *, const char *name, size_t max,
    char ***ret, size_t *n, struct err *);

/* Optional ones: NULL, 0 or false where missing, null or another type. */
const char *json_opt_str(const struct json *, const char *name);
uint64_t json_opt_u64(const struct json *, const char *name);
bool json_opt_bool(const struct json *, const char *name);
const struct json *json_opt(const struct json *, const char *name);

/* The text of a string value itself; NULL for any other value. */
const char *json_text(const struct json *);
bool json_is_object(const struct json *);
bool json_is_array(const struct json *);
bool json_is_true(const struct json *);

/* Walk an array or an object; NULL at the end and for a NULL argument. */
const struct json *json_first(const struct json *);
const struct json *json_next(const struct json *);
const char *json_name(const struct json *); /* within an object */
size_t json_count(const struct json *);

/* The value as JSON text; the caller frees it. */
MUST_CHECK int json_print(const struct json *, char **, struct err *);

static inline void
scope_json(struct json **j)
{
	json_free(*j);
}

#endif
