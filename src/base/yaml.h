/*
 * yaml.h - libyaml (YAML 1.1) to a tree.
 *
 * ERR_USAGE, with origin and line: what is no YAML, more than one document, a
 * name twice in one map, anchors and aliases, tags, deeper than 16 levels,
 * more than 4096 values, NUL characters.  A value in a map has the line of
 * its key.
 * An empty text gives an empty map.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/tree.h"

MUST_CHECK int yaml_parse(const char *, size_t len, const char *origin,
    struct tree **, struct err *);

#endif
