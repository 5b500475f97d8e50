/* Any text: no YAML, or a tree that keeps its promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(const struct tree *t, const struct tree *parent, int depth)
{
	if (depth > 17 || t->line == 0 || strcmp(t->origin, "f") != 0)
		abort();
	if ((t->kind == TREE_SCALAR) != (t->text != NULL))
		abort();
	if ((t->name != NULL) != (parent && parent->kind == TREE_MAP))
		abort();
	/* of two with one name the second would not be found */
	if (t->name && tree_get(parent, t->name) != t)
		abort();
	for (const struct tree *c = t->child; c; c = c->next)
		check(c, t, depth + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(tree) struct tree *t = NULL;
	struct err err = { 0 };

	if (yaml_parse((const char *)p, n, "f", &t, &err) == 0)
		check(t, NULL, 0);
	else if (!err_is(&err, ERR_USAGE) || strncmp(err.msg, "f:", 2) != 0)
		abort();
	return 0;
}
