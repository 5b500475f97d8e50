#include "base/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

int
tree_new(enum tree_kind kind, const char *text, const char *origin,
    unsigned line, struct tree **ret, struct err *err)
{
	AUTO(tree) struct tree *t = calloc(1, sizeof *t);

	if (!t)
		return err_nomem(err);
	t->kind = kind;
	t->line = line;
	if (kind == TREE_SCALAR && str_dup(text ? text : "", &t->text, err))
		return -1;
	if (str_dup(origin ? origin : "", &t->origin, err))
		return -1;
	*ret = TAKE(t);
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
		free(t->origin);
		free(t);
		t = next;
	}
}

int
tree_add(struct tree *parent, const char *name, struct tree *child,
    struct err *err)
{
	AUTO(tree) struct tree *owned = child;
	struct tree **end = &parent->child;

	if (name && str_dup(name, &child->name, err))
		return -1;
	while (*end)
		end = &(*end)->next;
	*end = TAKE(owned);
	return 0;
}

int
tree_add_text(struct tree *map, const char *name, const char *text,
    struct err *err)
{
	struct tree *t = NULL;

	if (!text || !*text)
		return 0;
	if (tree_new(TREE_SCALAR, text, map->origin, map->line, &t, err))
		return -1;
	return tree_add(map, name, t, err);
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
