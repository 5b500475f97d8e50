#include "component/kube_select.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "base/tree.h"

static bool
is_empty(const struct tree *list)
{
	return !list || !list->child;
}

/* --- namespaces */

static bool
among(const struct tree *list, const char *name)
{
	for (const struct tree *t = list->child; t; t = t->next)
		if (fnmatch(t->text, name, 0) == 0)
			return true;
	return false;
}

bool
kube_select_namespace(const struct kube_select *s, const char *name)
{
	if (!is_empty(s->exclude_namespaces) &&
	    among(s->exclude_namespaces, name))
		return false;
	return is_empty(s->include_namespaces) ||
	       among(s->include_namespaces, name);
}

bool
kube_select_every_namespace(const struct kube_select *s)
{
	if (!is_empty(s->exclude_namespaces))
		return false;
	if (is_empty(s->include_namespaces))
		return true;
	for (const struct tree *t = s->include_namespaces->child; t;
	     t = t->next)
		if (strcmp(t->text, "*") == 0)
			return true;
	return false;
}

size_t
kube_select_count_namespaces(const struct kube_select *s)
{
	size_t n = 0;

	if (is_empty(s->include_namespaces))
		return 0;
	for (const struct tree *t = s->include_namespaces->child; t;
	     t = t->next, n++)
		if (strpbrk(t->text, "*?[\\"))
			return 0;
	return n;
}

/* --- resources */

/* The first n bytes of text. */
static bool
is_called(const struct kube_resource *r, const char *text, size_t n)
{
	const char *const names[] = { r->name, r->singular, r->kind };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i] && strlen(names[i]) == n &&
		    strncasecmp(names[i], text, n) == 0)
			return true;
	for (size_t i = 0; i < r->nshorts; i++)
		if (strlen(r->shorts[i]) == n &&
		    strncasecmp(r->shorts[i], text, n) == 0)
			return true;
	return false;
}

/* "profiles.*": what stands before and behind the first dot. */
static bool
fits(const struct kube_resource *r, const char *pattern)
{
	char full[512];
	size_t n = strlen(r->name), g = strlen(r->group);

	if (strcmp(pattern, "*") == 0)
		return true;
	if (n + g + 2 > sizeof full)
		return false;
	memcpy(full, r->name, n);
	full[n] = '.';
	memcpy(full + n + 1, r->group, g + 1);
	return fnmatch(pattern, full, 0) == 0;
}

/* Is it the first of those that are called so? */
static bool
is_first(const struct kube_discovery *d, const struct kube_resource *r,
    const char *text, size_t n)
{
	for (size_t i = 0; d && i < d->count; i++)
		if (is_called(&d->resource[i], text, n))
			return strcmp(d->resource[i].group, r->group) == 0 &&
			       strcmp(d->resource[i].name, r->name) == 0;
	return is_called(r, text, n);
}

static bool
means(const struct kube_discovery *d, const struct kube_resource *r,
    const char *text)
{
	const char *dot = strchr(text, '.');

	if (strchr(text, '*'))
		return fits(r, text);
	if (!dot)
		return is_first(d, r, text, strlen(text));
	return strcasecmp(dot + 1, r->group) == 0 &&
	       is_called(r, text, (size_t)(dot - text));
}

static bool
listed(const struct tree *list, const struct kube_discovery *d,
    const struct kube_resource *r)
{
	for (const struct tree *t = list->child; t; t = t->next)
		if (means(d, r, t->text))
			return true;
	return false;
}

bool
kube_select_resource(const struct kube_select *s,
    const struct kube_discovery *d, const struct kube_resource *r)
{
	if (!is_empty(s->exclude_resources) &&
	    listed(s->exclude_resources, d, r))
		return false;
	return is_empty(s->include_resources) ||
	       listed(s->include_resources, d, r);
}

bool
kube_select_of_cluster(const struct kube_select *s,
    const struct kube_resource *r)
{
	if (*r->group == '\0' && strcmp(r->name, "namespaces") == 0)
		return true;
	return s->cluster == CONFIG_CLUSTER_ON ||
	       (s->cluster == CONFIG_CLUSTER_AUTO &&
	           kube_select_every_namespace(s));
}

static bool
is_served(const struct kube_discovery *d, const char *text)
{
	for (size_t i = 0; i < d->count; i++)
		if (means(d, &d->resource[i], text))
			return true;
	return false;
}

int
kube_select_unknown(const struct tree *list, const struct kube_discovery *d,
    struct buf *b, struct err *err)
{
	for (const struct tree *t = list ? list->child : NULL; t; t = t->next)
		if (!is_served(d, t->text) &&
		    buf_join(b, err, b->len ? ", " : "", t->text, NULL))
			return -1;
	return 0;
}

/* --- labels */

int
kube_select_labels(const struct tree *t, struct buf *b, struct err *err)
{
	if (!t)
		return 0;
	if (t->kind == TREE_SCALAR)
		return buf_puts(b, t->text, err);
	for (const struct tree *c = t->child; c; c = c->next)
		if (buf_join(b, err, b->len ? "," : "", c->name, "=", c->text,
		        NULL))
			return -1;
	return 0;
}
