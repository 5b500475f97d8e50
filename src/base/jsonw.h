/*
 * jsonw.h - write JSON (RFC 8259) straight into a buffer.
 *
 * The first error is kept and the rest becomes a no-op: look once, with
 * jsonw_end.  Strings must be UTF-8; bytes that are not become U+FFFD.
 *
 *     struct jsonw w;
 *     jsonw_begin(&w, &buf, 2);
 *     jsonw_object(&w, NULL);
 *     jsonw_str(&w, "name", "mlmd");
 *     jsonw_close(&w);
 *     return jsonw_end(&w, err);
 */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct jsonw {
	struct buf *out;
	unsigned indent, depth; /* indent 0: all on one line */
	bool more;              /* a value stands before */
	uint64_t arrays;        /* bit n: level n is an array */
	int rc;
	struct err err;
};

/* out is borrowed and appended to. */
void jsonw_begin(struct jsonw *, struct buf *out, unsigned indent);
MUST_CHECK int jsonw_end(struct jsonw *, struct err *);

/* name is NULL inside an array and for the outermost value. */
void jsonw_object(struct jsonw *, const char *name);
void jsonw_array(struct jsonw *, const char *name);
void jsonw_close(struct jsonw *); /* the innermost open object or array */
void jsonw_str(struct jsonw *, const char *name, const char *value);
void jsonw_u64(struct jsonw *, const char *name, uint64_t value);
void jsonw_fixed(struct jsonw *, const char *name, double value); /* 0.000 */
void jsonw_bool(struct jsonw *, const char *name, bool value);
void jsonw_null(struct jsonw *, const char *name);
/* A value that is JSON text already. */
void jsonw_raw(struct jsonw *, const char *name, const char *json);
/* An array of n strings. */
void jsonw_strs(struct jsonw *, const char *name, char *const *, size_t n);
/* jsonw_str unless value is NULL or empty. */
void jsonw_opt_str(struct jsonw *, const char *name, const char *value);

#endif
