/*
 * fields.h - a map of a configuration tree into a struct, by a table: one
 * entry a key.  Pure, but for the files and the environment that "-file" and
 * "-env" keys name.
 */
#ifndef CONFIG_FIELDS_H
#define CONFIG_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/tree.h"

enum field_kind {
	FIELD_TEXT,   /* const char * */
	FIELD_SECRET, /* const char *; <name>-file and <name>-env give it too;
	               * the node then holds the text, and where it was */
	FIELD_SIZE,   /* uint64_t: 20M */
	FIELD_NUMBER, /* uint64_t */
	FIELD_SPAN,   /* uint64_t, seconds: 30d */
	FIELD_BOOL,   /* bool */
	FIELD_MODE,   /* uint32_t: octal, 0600 */
	FIELD_MAP,    /* struct tree *: looked at by the caller */
	FIELD_LIST,   /* struct tree * */
	FIELD_TREE,   /* struct tree *: of any kind */
	FIELD_TABLE,  /* the keys of another table, in a struct at offset */
};

struct field {
	const char *name; /* NULL ends the table */
	enum field_kind kind;
	size_t offset;
	bool required;
	const struct field *table; /* FIELD_TABLE */
};

enum { FIELDS_MAX = 32 }; /* of one map */

/* Append what the file of a "-file" key holds, without the ends of line behind
 * it. */
MUST_CHECK int fields_read_file(const char *path, struct buf *, struct err *);

/*
 * ERR_USAGE, with where it was written: a key that is not in the table, a
 * value of the wrong kind, a required key that is not there.  What is not
 * given is left as it is in *out.
 */
MUST_CHECK int fields_decode(const struct tree *map, const struct field *,
    void *out, struct err *);

#endif
