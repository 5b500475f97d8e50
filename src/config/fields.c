#include "config/fields.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"

enum {
	SECRET_FILE_MAX = 1 << 20,
	NAME_SIZE = 32, /* of a key and what stands between two of them */
};

/* "<name>", or for a secret "<name>-file" and "<name>-env"; NULL: neither. */
static const char *
suffix_of(const struct field *f, const char *name)
{
	size_t n = strlen(f->name);

	if (strncmp(name, f->name, n) != 0)
		return NULL;
	name += n;
	if (*name == '\0')
		return name;
	if (f->kind == FIELD_SECRET &&
	    (strcmp(name, "-file") == 0 || strcmp(name, "-env") == 0))
		return name;
	return NULL;
}

static const struct field *
find(const struct field *table, const char *name, const char **suffix)
{
	for (; table->name; table++) {
		*suffix = suffix_of(table, name);
		if (*suffix)
			return table;
	}
	return NULL;
}

static int
unknown(const struct tree *node, const struct field *table, struct err *err)
{
	char known[FIELDS_MAX * NAME_SIZE] = "";
	size_t used = 0;

	for (; table->name; table++) {
		size_t n = strlen(table->name);

		assert(n + 2 < NAME_SIZE);
		if (used) {
			memcpy(known + used, ", ", 3);
			used += 2;
		}
		memcpy(known + used, table->name, n + 1);
		used += n;
	}
	return tree_err(node, err, "unknown key '%s'; possible here: %s",
	    node->name, known);
}

static void
trim(struct buf *b)
{
	while (b->len > 0 && strchr("\r\n", b->data[b->len - 1]))
		b->data[--b->len] = '\0';
}

int
fields_read_file(const char *path, struct buf *b, struct err *err)
{
	b->max = SECRET_FILE_MAX;
	if (file_read(path, b, err) || buf_puts(b, "", err))
		return -1;
	trim(b);
	return 0;
}

static int
read_env(const struct tree *node, struct buf *b, struct err *err)
{
	const char *value = getenv(node->text);

	if (!value)
		return tree_err(node, err,
		    "'%s': the environment has no variable '%s'", node->name,
		    node->text);
	if (buf_puts(b, value, err))
		return -1;
	trim(b);
	return 0;
}

/* The node's text becomes what the file or variable holds. */
static int
resolve(struct tree *node, const char *suffix, struct err *err)
{
	AUTO(buf) struct buf b = { .max = SECRET_FILE_MAX };
	bool is_file = strcmp(suffix, "-file") == 0;

	if (*suffix == '\0')
		return 0;
	if (!is_file && read_env(node, &b, err))
		return -1;
	if (is_file && fields_read_file(node->text, &b, err)) {
		struct err why = *err;

		return tree_err(node, err, "'%s': %s", node->name, why.msg);
	}
	if (is_file)
		node->file = TAKE(node->text);
	free(node->text);
	node->text = TAKE(b.data);
	return 0;
}

static int
set_mode(const struct tree *node, uint32_t *out, struct err *err)
{
	char *end;
	unsigned long v = strtoul(node->text, &end, 8);

	if (*node->text < '0' || *node->text > '7' || *end || v > 0777)
		return tree_err(node, err,
		    "'%s' must be an octal mode such as 0640, not '%s'",
		    node->name, node->text);
	*out = (uint32_t)v;
	return 0;
}

static int
set_bool(const struct tree *node, bool *out, struct err *err)
{
	if (strcmp(node->text, "true") == 0)
		*out = true;
	else if (strcmp(node->text, "false") == 0)
		*out = false;
	else
		return tree_err(node, err,
		    "'%s' must be true or false, not '%s'", node->name,
		    node->text);
	return 0;
}

static int
set_number(const struct tree *node, enum field_kind kind, uint64_t *out,
    struct err *err)
{
	struct err why = { 0 };
	int rc;

	if (kind == FIELD_SIZE)
		rc = str_to_size(node->text, out, &why);
	else if (kind == FIELD_SPAN)
		rc = str_to_span(node->text, out, &why);
	else
		rc = str_to_u64(node->text, 0, UINT64_MAX, out, &why);
	return rc ? tree_err(node, err, "'%s': %s", node->name, why.msg) : 0;
}

static int
set_scalar(struct tree *node, enum field_kind kind, void *out, struct err *err)
{
	switch (kind) {
	case FIELD_TEXT:
	case FIELD_SECRET:
		*(const char **)out = node->text;
		return 0;
	case FIELD_SIZE:
	case FIELD_NUMBER:
	case FIELD_SPAN:
		return set_number(node, kind, out, err);
	case FIELD_BOOL:
		return set_bool(node, out, err);
	case FIELD_MODE:
		return set_mode(node, out, err);
	case FIELD_MAP:
	case FIELD_LIST:
	case FIELD_TREE:
	case FIELD_TABLE: /* flatten left none */
		break;
	}
	*(struct tree **)out = node;
	return 0;
}

static int
check_kind(const struct tree *node, enum field_kind kind, struct err *err)
{
	static const char *const word[] = { "one value", "a list", "a map" };
	enum tree_kind want = kind == FIELD_MAP    ? TREE_MAP
	                      : kind == FIELD_LIST ? TREE_LIST
	                                           : TREE_SCALAR;

	if (kind == FIELD_TREE)
		return 0;
	if (node->kind != want)
		return tree_err(node, err, "'%s' must be %s, not %s",
		    node->name, word[want], word[node->kind]);
	if (want == TREE_SCALAR && *node->text == '\0')
		return tree_err(node, err, "'%s' is empty", node->name);
	return 0;
}

static int
check_required(const struct tree *map, const struct field *table,
    struct err *err)
{
	for (; table->name; table++) {
		const struct tree *c = map->child;
		const char *suffix;

		while (c && !suffix_of(table, c->name))
			c = c->next;
		if (table->required && !c)
			return tree_err(map, err, "'%s' is missing",
			    table->name);
		for (const struct tree *d = c ? c->next : NULL; d; d = d->next)
			if ((suffix = suffix_of(table, d->name)) != NULL)
				return tree_err(d, err,
				    "'%s' is given as '%s' already", d->name,
				    c->name);
	}
	return 0;
}

/* One table without tables in it; it ends with a NULL name. */
static size_t
flatten(const struct field *table, size_t offset, struct field *flat, size_t n)
{
	for (; table->name; table++) {
		if (table->kind == FIELD_TABLE) {
			n = flatten(table->table, offset + table->offset, flat,
			    n);
			continue;
		}
		assert(n < FIELDS_MAX);
		flat[n] = *table;
		flat[n++].offset += offset;
	}
	return n;
}

int
fields_decode(const struct tree *map, const struct field *table, void *out,
    struct err *err)
{
	struct field flat[FIELDS_MAX + 1] = { 0 };

	(void)flatten(table, 0, flat, 0);
	for (struct tree *c = map->child; c; c = c->next) {
		const char *suffix;
		const struct field *f = find(flat, c->name, &suffix);

		if (!f)
			return unknown(c, flat, err);
		if (check_kind(c, f->kind, err) ||
		    (c->kind == TREE_SCALAR && resolve(c, suffix, err)) ||
		    set_scalar(c, f->kind, (char *)out + f->offset, err))
			return -1;
	}
	return check_required(map, flat, err);
}
