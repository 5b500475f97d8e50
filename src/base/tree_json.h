/*
 * tree_json.h - JSON (RFC 8259) to a tree and back, to the letter: a number
 * stays the text that it was, members keep their order.
 *
 * A text is a scalar in quotes; numbers, true, false and null are scalars
 * without.  What was written without quotes and is none of these, as YAML
 * allows, is text as well.
 */
#ifndef BASE_TREE_JSON_H
#define BASE_TREE_JSON_H

#include "base/buf.h"
#include "base/tree.h"

enum { TREE_JSON_DEPTH_MAX = 64 };

struct tree_json_limits {
	unsigned depth; /* TREE_JSON_DEPTH_MAX at most */
	unsigned nodes;
};

/* One value and nothing behind it.  ERR_CORRUPT: no JSON, no UTF-8, deeper or
 * more values than the limits say, NUL characters. */
MUST_CHECK int tree_json_parse(const struct tree_json_limits *, const char *,
    size_t len, struct tree **, struct err *);

/* Append, on one line; as deep as tree_json_parse reads. */
MUST_CHECK int tree_json_write(const struct tree *, struct buf *, struct err *);

/* Is it one of the texts that JSON has no quotes around? */
bool tree_json_is_literal(const char *);

#endif
