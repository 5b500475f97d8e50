/*
 * tree.h - configuration as a tree of maps, lists and scalars, in which each
 * node knows where it was written.  A YAML file gives one (yaml.h), Juju's
 * options and relation data are put together as one by hand; what reads it
 * does not see a difference.
 *
 * A tree is freed as a whole, from its root; every scalar is wiped then,
 * because some are secrets.
 */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/scope.h"

enum tree_kind { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree {
	enum tree_kind kind;
	char *name;  /* in a map: its key; otherwise NULL */
	char *text;  /* scalar: its text; otherwise NULL */
	char *file;  /* scalar: where the text was read; otherwise NULL */
	bool quoted; /* scalar: written in quotes, so it is text */
	const char *origin; /* the file, or "relation s3-parameters:7" */
	struct tree_origin *shared; /* what keeps origin */
	unsigned line;      /* in that file, from 1; 0: does not apply */
	struct tree *child; /* first of a list or map */
	struct tree *last;  /* of them; means nothing where there is none */
	struct tree *next;  /* sibling */
};

/* text NULL: an empty map or list.  Everything is copied. */
MUST_CHECK int tree_new(enum tree_kind, const char *text, const char *origin,
    unsigned line, struct tree **, struct err *);
/* Of the same origin as another, which it need not live as long as. */
MUST_CHECK int tree_new_like(const struct tree *, enum tree_kind,
    const char *text, unsigned line, struct tree **, struct err *);
void tree_free(struct tree *);

/* Append; owned by the parent from here on, freed on failure.  name: maps. */
MUST_CHECK int tree_add(struct tree *parent, const char *name,
    struct tree *child, struct err *);
/* Append a scalar to a map; an empty or NULL text appends nothing. */
MUST_CHECK int tree_add_text(struct tree *map, const char *name,
    const char *text, struct err *);
/* Append, or put in the place of the member that is called so. */
MUST_CHECK int tree_set(struct tree *map, const char *name, struct tree *child,
    struct err *);
/* The same with a scalar, text in quotes. */
MUST_CHECK int tree_set_text(struct tree *map, const char *name,
    const char *text, struct err *);
/* Free a member of a map, or what a list holds there; false: not there. */
bool tree_remove(struct tree *map, const char *name);
void tree_remove_child(struct tree *parent, struct tree *child);

/* NULL where it is not there, or t is NULL or no map. */
struct tree *tree_get(const struct tree *, const char *name);
/* The same, from map to map, by names up to a NULL. */
struct tree *tree_in(const struct tree *, ...) __attribute__((sentinel));
const char *tree_text(const struct tree *, const char *name);
/* The member of a map that is called so, or <name>-file or <name>-env. */
struct tree *tree_given(const struct tree *map, const char *name);

/*
 * ERR_USAGE with "origin:line: ", or "origin: " where there is no line, in
 * front.
 */
int tree_err(const struct tree *, struct err *, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static inline void
scope_tree(struct tree **t)
{
	tree_free(*t);
}

#endif
