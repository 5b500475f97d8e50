/*
 * A line as inventory_encode writes it for most objects: texts that need no
 * escape, no metadata, no tags.  A million of them through a JSON document each
 * takes half of the time of a run in which nothing changed.
 */
#include <string.h>

#include "base/str.h"
#include "repo/inventory_impl.h"
#include "repo/layout.h"

enum { DIGITS_MAX = 15 }; /* below 2^53 */

/* The members, in the order of `names`; behind them the headers. */
enum {
	M_KEY,
	M_ETAG,
	M_MODIFIED,
	M_VERSION,
	M_FILE,
	M_SHA256,
	M_SIZE, /* from here to M_HEADER: numbers */
	M_OFFSET,
	M_LENGTH,
	M_HEADER,
	MEMBERS = M_HEADER + (int)OBJECT_HEADERS
};

/* A piece of the line; NULL: not there. */
struct piece {
	const char *p;
	size_t n;
};

struct pieces {
	struct piece of[MEMBERS];
};

/* Which member has this name; MEMBERS: one for the others. */
static unsigned
member(const struct piece *name)
{
	static const char *const names[] = { "key", "etag", "last-modified",
		"version-id", "file", "sha256", "size", "offset", "length" };
	unsigned i;

	for (i = 0; i < MEMBERS; i++) {
		const char *s =
		    i < M_HEADER
		        ? names[i]
		        : object_header_name((enum object_header)(i -
		                                                  M_HEADER));

		if (*s == *name->p && strncmp(s, name->p, name->n) == 0 &&
		    s[name->n] == '\0')
			break;
	}
	return i;
}

/* Nothing is escaped, and nothing should have been. */
static bool
is_literal(const char *line, size_t len)
{
	return !memchr(line, '\\', len) && !str_has_controls(line, len);
}

/* Up to the quote, which is gone past. */
static bool
take_text(const char **p, const char *end, struct piece *ret)
{
	const char *s = *p, *quote;

	if (s == end || *s++ != '"')
		return false;
	quote = memchr(s, '"', (size_t)(end - s));
	if (!quote)
		return false;
	ret->p = s;
	ret->n = (size_t)(quote - s);
	*p = quote + 1;
	return true;
}

static bool
take_digits(const char **p, const char *end, struct piece *ret)
{
	ret->p = *p;
	while (*p < end && **p >= '0' && **p <= '9')
		++*p;
	ret->n = (size_t)(*p - ret->p);
	return ret->n > 0 && ret->n <= DIGITS_MAX &&
	       (ret->n == 1 || *ret->p != '0');
}

/* "name":value */
static bool
take_member(const char **p, const char *end, struct pieces *all)
{
	struct piece name, value;
	unsigned i;

	if (!take_text(p, end, &name) || *p == end || *(*p)++ != ':')
		return false;
	i = member(&name);
	if (i == MEMBERS || all->of[i].p ||
	    (i >= M_SIZE && i < M_HEADER ? !take_digits(p, end, &value)
	                                 : !take_text(p, end, &value)))
		return false;
	all->of[i] = value;
	return true;
}

static bool
take_all(const char *p, const char *end, struct pieces *all)
{
	if (p == end || *p != '{')
		return false;
	do {
		p++;
		if (!take_member(&p, end, all))
			return false;
	} while (p < end && *p == ',');
	return p + 1 == end && *p == '}';
}

static uint64_t
number(const struct piece *digits)
{
	uint64_t n = 0;

	for (size_t i = 0; i < digits->n; i++)
		n = n * 10 + (uint64_t)(digits->p[i] - '0');
	return n;
}

static int
copy(const struct piece *from, char **to, struct err *err)
{
	return from->p ? str_cut(from->p, from->n, to, err) : 0;
}

static int
copy_texts(const struct pieces *all, struct inventory_entry *e, struct err *err)
{
	const struct piece *of = all->of;
	struct object *o = &e->object;

	for (unsigned h = 0; h < OBJECT_HEADERS; h++)
		if (copy(&of[M_HEADER + h], &o->header[h], err))
			return -1;
	return copy(&of[M_KEY], &o->key, err) ||
	               copy(&of[M_ETAG], &o->etag, err) ||
	               copy(&of[M_MODIFIED], &o->modified, err) ||
	               copy(&of[M_VERSION], &o->version, err) ||
	               copy(&of[M_FILE], &e->file, err)
	           ? -1
	           : 0;
}

/* What the longer way would let pass as well. */
static bool
makes_sense(const struct pieces *all, struct inventory_entry *e)
{
	const struct piece *of = all->of;
	const bool packed = of[M_OFFSET].p != NULL;
	char hex[SHA256_HEX];
	struct err ignored;

	if (!of[M_KEY].n || !of[M_SIZE].p || of[M_SHA256].n != SHA256_HEX - 1 ||
	    packed != (of[M_LENGTH].p != NULL))
		return false;
	memcpy(hex, of[M_SHA256].p, of[M_SHA256].n);
	hex[of[M_SHA256].n] = '\0';
	e->object.size = number(&of[M_SIZE]);
	e->packed = packed;
	e->offset = packed ? number(&of[M_OFFSET]) : 0;
	return str_unhex(hex, e->sha256, SHA256_SIZE, &ignored) == 0 &&
	       (!packed || number(&of[M_LENGTH]) == e->object.size) &&
	       (of[M_FILE].p || (e->object.size == 0 && !packed));
}

int
inventory_plain(const char *line, size_t len, struct inventory_entry *ret,
    bool *plain, struct err *err)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	struct pieces all = { 0 };

	*plain = false;
	if (!is_literal(line, len) || !take_all(line, line + len, &all) ||
	    !str_is_utf8(line, len) || !makes_sense(&all, &e))
		return 0;
	if (copy_texts(&all, &e, err))
		return -1;
	if (e.file && !layout_is_file(e.file))
		return 0;
	*plain = true;
	*ret = e;
	e = (struct inventory_entry){ 0 };
	return 0;
}
