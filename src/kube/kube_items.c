#include "kube/kube_items.h"

#include <string.h>

/* Deep enough for every object; a list that nests without end is none. */
enum { DEPTH_MAX = 256, NAME_MAX_LEN = 16 };

/* What is being kept. */
enum part { NOTHING, NAME, METADATA, ITEM };

struct items {
	struct sink sink;
	struct kube_items to;
	struct buf item;
	enum part part;
	unsigned depth; /* open brackets */
	bool in_text, escaped, in_value, is_list, ended;
	char name[NAME_MAX_LEN]; /* of the outermost map's member */
	size_t name_len;
};

/* --- what is kept */

static int
keep(struct items *s, const char *p, size_t n, struct err *err)
{
	switch (s->part) {
	case NOTHING:
		break;
	case NAME:
		for (size_t i = 0; i < n; i++)
			if (s->name_len < sizeof s->name - 1)
				s->name[s->name_len++] = p[i];
		break;
	case METADATA:
		return buf_add(s->to.metadata, p, n, err);
	case ITEM:
		return buf_add(&s->item, p, n, err);
	}
	return 0;
}

static bool
is_named(const struct items *s, const char *name)
{
	return strlen(name) == s->name_len &&
	       memcmp(s->name, name, s->name_len) == 0;
}

/* Before the bracket or the quotes that begin it are kept. */
static void
begin_part(struct items *s, char c)
{
	if (s->depth == 1 && c == '"' && !s->in_value) {
		s->part = NAME;
		s->name_len = 0;
	} else if (s->depth == 1 && c == '{' && is_named(s, "metadata")) {
		s->part = METADATA;
		buf_clear(s->to.metadata);
	} else if (s->depth == 2 && c == '{' && is_named(s, "items")) {
		s->part = ITEM;
		buf_clear(&s->item);
	}
}

/* --- brackets */

static int
open_bracket(struct items *s, char c, struct err *err)
{
	if (s->depth == DEPTH_MAX || s->ended)
		return err_set(err, ERR_CORRUPT, "no list: %s",
		    s->ended ? "something behind its end" : "it is too deep");
	if (s->depth == 0 && c != '{')
		return err_set(err, ERR_CORRUPT, "no list: it is no map");
	if (s->depth == 1 && c == '[' && is_named(s, "items"))
		s->is_list = true;
	if (s->part == NOTHING)
		begin_part(s, c);
	s->depth++;
	return 0;
}

/* Behind the bracket. */
static int
close_bracket(struct items *s, struct err *err)
{
	if (s->depth == 0)
		return err_set(err, ERR_CORRUPT, "no list: a bracket too many");
	s->depth--;
	s->ended = s->depth == 0;
	if (s->part == METADATA && s->depth == 1)
		s->part = NOTHING;
	if (s->part == ITEM && s->depth == 2) {
		s->part = NOTHING;
		return s->to.item(s->to.arg, s->item.data, s->item.len, err);
	}
	return 0;
}

/* --- one character outside of texts */

/* "items": null is an empty list. */
static void
member_ends(struct items *s)
{
	if (s->depth == 1) {
		if (is_named(s, "items"))
			s->is_list = true;
		s->in_value = false;
	}
}

/* *from: what is kept begins there. */
static int
take(struct items *s, const char *p, const char **from, struct err *err)
{
	enum part before = s->part;

	switch (*p) {
	case '"':
		if (s->part == NOTHING)
			begin_part(s, *p);
		s->in_text = true;
		break;
	case '{':
	case '[':
		if (open_bracket(s, *p, err))
			return -1;
		break;
	case '}':
	case ']':
		member_ends(s);
		if (before != NOTHING &&
		    keep(s, *from, (size_t)(p + 1 - *from), err))
			return -1;
		*from = p + 1;
		return close_bracket(s, err);
	case ':':
		if (s->depth == 1)
			s->in_value = true;
		break;
	case ',':
		member_ends(s);
		break;
	}
	if (before == NOTHING)
		*from = s->part == NAME ? p + 1 : p;
	return 0;
}

/* The rest of a text, as far as it is there. */
static const char *
skip_text(struct items *s, const char *p, const char *end)
{
	while (p < end) {
		if (s->escaped)
			s->escaped = false;
		else if (*p == '\\')
			s->escaped = true;
		else if (*p == '"')
			return p;
		p++;
	}
	return p;
}

static int
items_write(struct sink *sink, const void *data, size_t n, struct err *err)
{
	struct items *s = (struct items *)sink;
	const char *p = data, *end = p + n, *from = p;

	for (; p < end; p++) {
		if (!s->in_text) {
			if (take(s, p, &from, err))
				return -1;
			continue;
		}
		p = skip_text(s, p, end);
		if (p == end)
			break;
		s->in_text = false;
		if (s->part == NAME) {
			if (keep(s, from, (size_t)(p - from), err))
				return -1;
			s->part = NOTHING;
		}
	}
	return s->part == NOTHING ? 0
	                          : keep(s, from, (size_t)(end - from), err);
}

static int
items_finish(struct sink *sink, struct err *err)
{
	const struct items *s = (const struct items *)sink;

	if (!s->ended)
		return err_set(err, ERR_TRANSIENT, "the list was cut short");
	if (!s->is_list)
		return err_set(err, ERR_CORRUPT, "no list: it has no items");
	return 0;
}

static void
items_free(struct sink *sink)
{
	buf_wipe(&((struct items *)sink)->item);
	free(sink);
}

static const struct sink_ops items_ops = {
	.name = "items",
	.write = items_write,
	.finish = items_finish,
	.free = items_free,
};

int
kube_items_new(const struct kube_items *to, struct sink **ret, struct err *err)
{
	struct items *s = calloc(1, sizeof *s);

	if (!s)
		return err_nomem(err);
	s->to = *to;
	s->item.max = KUBE_ITEM_MAX;
	s->to.metadata->max = KUBE_ITEMS_METADATA_MAX;
	*ret = sink_init(&s->sink, &items_ops, NULL);
	return 0;
}
