#include "base/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* One text for all nodes that were read in one go. */
struct tree_origin {
	size_t users;
	char text[];
};

/* NULL: no memory. */
static struct tree *
make(enum tree_kind kind, const char *text, unsigned line, struct err *err)
{
	AUTO(tree) struct tree *t = calloc(1, sizeof *t);

	if (!t) {
		(void)err_nomem(err);
		return NULL;
	}
	t->kind = kind;
	t->line = line;
	if (kind == TREE_SCALAR && str_dup(text ? text : "", &t->text, err))
		return NULL;
	return TAKE(t);
}

static void
share(struct tree *t, struct tree_origin *origin)
{
	origin->users++;
	t->shared = origin;
	t->origin = origin->text;
}

int
tree_new(enum tree_kind kind, const char *text, const char *origin,
    unsigned line, struct tree **ret, struct err *err)
{
	size_t n = origin ? strlen(origin) : 0;
	AUTO(tree) struct tree *t = make(kind, text, line, err);
	struct tree_origin *o;

	if (!t)
		return -1;
	o = calloc(1, sizeof *o + n + 1);
	if (!o)
		return err_nomem(err);
	if (n > 0)
		memcpy(o->text, origin, n);
	share(t, o);
	*ret = TAKE(t);
	return 0;
}

int
tree_new_like(const struct tree *like, enum tree_kind kind, const char *text,
    unsigned line, struct tree **ret, struct err *err)
{
	struct tree *t = make(kind, text, line, err);

	if (!t)
		return -1;
	share(t, like->shared);
	*ret = t;
	return 0;
}

/* Recursion is as deep as the tree, which its makers limit. */
void
tree_free(struct tree *t)
{
	while (t) {
		struct tree *next = t->next;

		tree_free(t->child);
		if (t->text)
			explicit_bzero(t->text, strlen(t->text));
		free(t->text);
		free(t->file);
		free(t->name);
		if (t->shared && --t->shared->users == 0)
			free(t->shared);
		free(t);
		t = next;
	}
}

int
tree_add(struct tree *parent, const char *name, struct tree *child,
    struct err *err)
{
	AUTO(tree) struct tree *owned = child;

	if (name && str_dup(name, &child->name, err))
		return -1;
	if (parent->child)
		parent->last->next = TAKE(owned);
	else
		parent->child = TAKE(owned);
	parent->last = child;
	return 0;
}

int
tree_add_text(struct tree *map, const char *name, const char *text,
    struct err *err)
{
	struct tree *t = NULL;

	if (!text || !*text)
		return 0;
	if (tree_new_like(map, TREE_SCALAR, text, map->line, &t, err))
		return -1;
	return tree_add(map, name, t, err);
}

int
tree_set(struct tree *map, const char *name, struct tree *child,
    struct err *err)
{
	struct tree *old = tree_get(map, name);
	AUTO(tree) struct tree *owned = child;
	struct tree was;

	if (!old)
		return tree_add(map, name, TAKE(owned), err);
	if (str_dup(name, &child->name, err))
		return -1;
	/* The old one's place, and what the other holds; the old one goes. */
	child->next = old->next;
	was = *old;
	*old = *child;
	*child = was;
	child->next = NULL;
	return 0;
}

int
tree_set_text(struct tree *map, const char *name, const char *text,
    struct err *err)
{
	struct tree *t = NULL;

	if (tree_new_like(map, TREE_SCALAR, text, map->line, &t, err))
		return -1;
	t->quoted = true;
	return tree_set(map, name, t, err);
}

void
tree_remove_child(struct tree *parent, struct tree *child)
{
	struct tree **at = &parent->child;
	struct tree *before = NULL;

	while (*at != child) {
		before = *at;
		at = &before->next;
	}
	*at = child->next;
	if (!child->next)
		parent->last = before;
	child->next = NULL;
	tree_free(child);
}

bool
tree_remove(struct tree *map, const char *name)
{
	struct tree *t = tree_get(map, name);

	if (!t)
		return false;
	tree_remove_child(map, t);
	return true;
}

struct tree *
tree_get(const struct tree *t, const char *name)
{
	if (!t || t->kind != TREE_MAP)
		return NULL;
	for (struct tree *c = t->child; c; c = c->next)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

struct tree *
tree_in(const struct tree *t, ...)
{
	const struct tree *at = t;
	struct tree *found = NULL;
	const char *name;
	va_list ap;

	va_start(ap, t);
	while ((name = va_arg(ap, const char *)) != NULL)
		at = found = tree_get(at, name);
	va_end(ap);
	return found;
}

struct tree *
tree_given(const struct tree *map, const char *name)
{
	static const char *const suffix[] = { "", "-file", "-env" };
	size_t n = strlen(name);

	for (struct tree *c = map->child; c; c = c->next)
		for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++)
			if (strncmp(c->name, name, n) == 0 &&
			    strcmp(c->name + n, suffix[i]) == 0)
				return c;
	return NULL;
}

const char *
tree_text(const struct tree *t, const char *name)
{
	const struct tree *c = tree_get(t, name);

	return c ? c->text : NULL;
}

int
tree_err(const struct tree *t, struct err *err, const char *fmt, ...)
{
	char what[sizeof err->msg];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	(void)err_set(err, ERR_USAGE, "%s", what);
	if (t->line > 0)
		return err_wrap(err, "%s:%u", t->origin, t->line);
	return *t->origin ? err_wrap(err, "%s", t->origin) : -1;
}
