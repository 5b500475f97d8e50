/*
 * yaml.h - libyaml (YAML 1.1) to a tree.
 *
 * ERR_USAGE, with origin and line: what is no YAML, more than one document, a
 * name twice in one map, anchors and aliases, tags, deeper or more values than
 * the limits say, NUL characters.  A value in a map has the line of its key.
 * An empty text gives an empty map.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/tree.h"

enum { YAML_DEPTH_MAX = 64 };

struct yaml_limits {
	unsigned depth; /* YAML_DEPTH_MAX at most */
	unsigned nodes;
};

/* For what a person writes: 16 levels, 4096 values. */
MUST_CHECK int yaml_parse(const char *, size_t len, const char *origin,
    struct tree **, struct err *);
MUST_CHECK int yaml_parse_within(const struct yaml_limits *, const char *,
    size_t len, const char *origin, struct tree **, struct err *);

#endif
