#include "base/yaml.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/str.h"

/* A list or map that is not closed yet. */
struct level {
	struct tree *node;
	char *key; /* in a map: of the value to come */
	unsigned key_line;
};

struct reader {
	yaml_parser_t parser;
	const struct yaml_limits *limits;
	const char *origin;
	struct tree *root;
	struct level open[YAML_DEPTH_MAX];
	unsigned depth, nodes, documents;
};

static void
scope_event(yaml_event_t *e)
{
	yaml_event_delete(e);
}

static unsigned
line_of(const yaml_event_t *e)
{
	return (unsigned)e->start_mark.line + 1;
}

static int PRINTF_LIKE(4, 5) bad(const struct reader *r, unsigned line,
    struct err *err, const char *fmt, ...)
{
	char what[sizeof err->msg];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	(void)err_set(err, ERR_USAGE, "%s", what);
	return err_wrap(err, "%s:%u", r->origin, line);
}

static struct level *
innermost(struct reader *r)
{
	return r->depth > 0 ? &r->open[r->depth - 1] : NULL;
}

static bool
wants_key(const struct level *at)
{
	return at && at->node->kind == TREE_MAP && !at->key;
}

static int
take_key(struct reader *r, const yaml_event_t *e, struct err *err)
{
	struct level *at = innermost(r);
	const char *name = (const char *)e->data.scalar.value;

	at->key_line = line_of(e);
	return str_dup(name, &at->key, err);
}

struct member {
	const char *name;
	unsigned line;
};

static int
by_name_and_line(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : (x->line > y->line) - (x->line < y->line);
}

/* Sorted, as a map may have very many. */
static int
refuse_twins(const struct reader *r, const struct tree *map, struct err *err)
{
	AUTO(free) struct member *sorted = NULL;
	size_t n = 0;

	for (const struct tree *t = map->child; t; t = t->next)
		n++;
	if (n < 2)
		return 0;
	sorted = calloc(n, sizeof *sorted);
	if (!sorted)
		return err_nomem(err);
	n = 0;
	for (const struct tree *t = map->child; t; t = t->next)
		sorted[n++] = (struct member){ t->name, t->line };
	qsort(sorted, n, sizeof *sorted, by_name_and_line);
	for (size_t i = 1; i < n; i++)
		if (strcmp(sorted[i - 1].name, sorted[i].name) == 0)
			return bad(r, sorted[i].line, err,
			    "'%.200s' is given twice, first in line %u",
			    sorted[i].name, sorted[i - 1].line);
	return 0;
}

/* What a map holds stands where its key stands. */
static int
hang(struct reader *r, struct tree *node, struct err *err)
{
	struct level *at = innermost(r);
	AUTO(free) char *key = NULL;

	if (!at) {
		r->root = node;
		return 0;
	}
	if (at->node->kind == TREE_MAP) {
		key = TAKE(at->key);
		node->line = at->key_line;
	}
	return tree_add(at->node, key, node, err);
}

static int
add_node(struct reader *r, enum tree_kind kind, const yaml_event_t *e,
    struct tree **ret, struct err *err)
{
	const char *text =
	    kind == TREE_SCALAR ? (const char *)e->data.scalar.value : NULL;

	if (r->nodes++ == r->limits->nodes)
		return bad(r, line_of(e), err, "more than %u values",
		    r->limits->nodes);
	if (r->root ? tree_new_like(r->root, kind, text, line_of(e), ret, err)
	            : tree_new(kind, text, r->origin, line_of(e), ret, err))
		return -1;
	(*ret)->quoted = kind == TREE_SCALAR &&
	                 e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return hang(r, *ret, err);
}

static int
take_scalar(struct reader *r, const yaml_event_t *e, struct err *err)
{
	const char *text = (const char *)e->data.scalar.value;
	struct tree *node = NULL;

	if (strlen(text) != e->data.scalar.length)
		return bad(r, line_of(e), err, "a NUL character");
	if (wants_key(innermost(r)))
		return take_key(r, e, err);
	return add_node(r, TREE_SCALAR, e, &node, err);
}

static int
open_level(struct reader *r, enum tree_kind kind, const yaml_event_t *e,
    struct err *err)
{
	struct tree *node = NULL;

	if (wants_key(innermost(r)))
		return bad(r, line_of(e), err, "a key must be a word");
	if (r->depth == r->limits->depth)
		return bad(r, line_of(e), err, "deeper than %u levels",
		    r->limits->depth);
	if (add_node(r, kind, e, &node, err))
		return -1;
	r->open[r->depth++] = (struct level){ .node = node };
	return 0;
}

/* Handles have no use here, and aliases make small files huge. */
static int
no_handles(const struct reader *r, const yaml_event_t *e, const void *anchor,
    const void *tag, struct err *err)
{
	if (anchor)
		return bad(r, line_of(e), err, "anchors are not allowed");
	if (tag)
		return bad(r, line_of(e), err, "tags are not allowed");
	return 0;
}

static int
take(struct reader *r, const yaml_event_t *e, struct err *err)
{
	switch (e->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	case YAML_DOCUMENT_START_EVENT:
		if (r->documents++ > 0)
			return bad(r, line_of(e), err,
			    "more than one document");
		return 0;
	case YAML_ALIAS_EVENT:
		return bad(r, line_of(e), err, "aliases are not allowed");
	case YAML_SCALAR_EVENT:
		return no_handles(r, e, e->data.scalar.anchor,
		           e->data.scalar.tag, err) ||
		               take_scalar(r, e, err)
		           ? -1
		           : 0;
	case YAML_SEQUENCE_START_EVENT:
		return no_handles(r, e, e->data.sequence_start.anchor,
		           e->data.sequence_start.tag, err) ||
		               open_level(r, TREE_LIST, e, err)
		           ? -1
		           : 0;
	case YAML_MAPPING_START_EVENT:
		return no_handles(r, e, e->data.mapping_start.anchor,
		           e->data.mapping_start.tag, err) ||
		               open_level(r, TREE_MAP, e, err)
		           ? -1
		           : 0;
	case YAML_SEQUENCE_END_EVENT:
		r->depth--;
		break;
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return refuse_twins(r, r->open[r->depth].node, err);
	}
	return 0;
}

static int
syntax(const struct reader *r, struct err *err)
{
	const yaml_parser_t *p = &r->parser;
	const char *what = p->problem ? p->problem : "cannot be read";

	if (p->error == YAML_MEMORY_ERROR)
		return err_nomem(err);
	if (p->error == YAML_READER_ERROR)
		return bad(r, (unsigned)p->mark.line + 1, err, "not YAML: %s",
		    what);
	return bad(r, (unsigned)p->problem_mark.line + 1, err, "not YAML: %s",
	    what);
}

static int
read_events(struct reader *r, struct err *err)
{
	yaml_event_type_t type = YAML_NO_EVENT;

	while (type != YAML_STREAM_END_EVENT) {
		AUTO(event) yaml_event_t e = { 0 };

		if (!yaml_parser_parse(&r->parser, &e))
			return syntax(r, err);
		if (take(r, &e, err))
			return -1;
		type = e.type;
	}
	return 0;
}

/* Nothing, or "---" alone: an empty map. */
static int
finish(struct reader *r, struct tree **ret, struct err *err)
{
	struct tree *root = r->root;

	assert(r->depth == 0);
	if (root && (root->kind != TREE_SCALAR || root->quoted || *root->text))
		*ret = TAKE(r->root);
	else if (tree_new(TREE_MAP, NULL, r->origin, 1, ret, err))
		return -1;
	return 0;
}

int
yaml_parse(const char *text, size_t len, const char *origin, struct tree **ret,
    struct err *err)
{
	static const struct yaml_limits by_hand = { .depth = 16,
		.nodes = 4096 };

	return yaml_parse_within(&by_hand, text, len, origin, ret, err);
}

int
yaml_parse_within(const struct yaml_limits *limits, const char *text,
    size_t len, const char *origin, struct tree **ret, struct err *err)
{
	struct reader r = { .origin = origin, .limits = limits };
	int rc;

	assert(limits->depth <= YAML_DEPTH_MAX);
	if (!yaml_parser_initialize(&r.parser))
		return err_nomem(err);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text,
	    len);
	rc = read_events(&r, err) || finish(&r, ret, err) ? -1 : 0;
	yaml_parser_delete(&r.parser);
	for (unsigned i = 0; i < YAML_DEPTH_MAX; i++)
		free(r.open[i].key);
	tree_free(r.root);
	return rc;
}
