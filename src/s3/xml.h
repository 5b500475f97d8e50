/*
 * xml.h - the little XML that S3 speaks, read element by element (expat).
 *
 * What comes from a server is not trusted: no DTD and so no entities of its
 * own, limits on size, depth, number of elements and length of text.
 *
 * XML has no way to write a control character, but servers write one as "&#x1;"
 * where a key has it.  Such references are understood, save that of NUL.
 */
#ifndef S3_XML_H
#define S3_XML_H

#include <stddef.h>

#include "base/buf.h"

enum {
	XML_SIZE_MAX = 16 << 20,
	XML_TEXT_MAX = 64 << 10, /* of one element */
	XML_DEPTH_MAX = 16,
	XML_ELEMENTS_MAX = 100000,
	XML_PATH_SIZE = 256,
};

/*
 * Called at the end of each element, children first.  path is such as
 * "ListBucketResult/Contents/Key", text the characters behind its last child,
 * or all of them where it has none.  -1 ends the parsing with that error.
 */
typedef int xml_fn(void *arg, const char *path, const char *text, struct err *);

/* ERR_CORRUPT: not well-formed, a DTD, a limit. */
MUST_CHECK int xml_parse(const char *, size_t, xml_fn *, void *arg,
    struct err *);

/* The name of the outermost element; the rest may be broken. */
MUST_CHECK int xml_root(const char *, size_t, char name[XML_PATH_SIZE],
    struct err *);

/* Append text so that it is only text. */
MUST_CHECK int xml_escape(struct buf *, const char *text, struct err *);

#endif
