/*
 * yamlw.h - a tree as YAML that a person can read: block style, texts of
 * several lines as such, and quotes around everything that some reader (YAML
 * 1.1 or 1.2) might take for something else.  yaml_parse and tree_json_write
 * give back what tree_json_parse had read.
 */
#ifndef BASE_YAMLW_H
#define BASE_YAMLW_H

#include "base/buf.h"
#include "base/tree.h"

/* Append one document.  ERR_CORRUPT: texts that are not UTF-8. */
MUST_CHECK int yamlw_write(const struct tree *, struct buf *, struct err *);

#endif
