#include "base/tree_json.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/str.h"

struct reader {
	const struct tree_json_limits *limits;
	const char *text, *at, *end;
	struct tree *root; /* NULL: nothing is made yet */
	unsigned depth, nodes;
	struct buf word; /* the last text that was read */
};

static int
bad(const struct reader *r, struct err *err, const char *what)
{
	return err_set(err, ERR_CORRUPT, "not JSON: %s at byte %zu", what,
	    (size_t)(r->at - r->text));
}

static void
skip_space(struct reader *r)
{
	while (r->at < r->end && *r->at && strchr(" \t\r\n", *r->at))
		r->at++;
}

/* '\0': none. */
static char
peek(const struct reader *r)
{
	if (r->at == r->end)
		return '\0';
	return *r->at;
}

/* The next character that is no space; '\0': none. */
static char
next(struct reader *r)
{
	skip_space(r);
	return peek(r);
}

static bool
take(struct reader *r, char c)
{
	if (next(r) != c)
		return false;
	r->at++;
	return true;
}

/* --- texts */

static int
take_hex(struct reader *r, uint32_t *ret, struct err *err)
{
	uint8_t b[2];
	char digits[5] = "";
	struct err why = { 0 };

	if (r->end - r->at < 4)
		return bad(r, err, "a cut escape");
	memcpy(digits, r->at, 4);
	if (str_unhex(digits, b, sizeof b, &why))
		return bad(r, err, "a bad escape");
	r->at += 4;
	*ret = (uint32_t)b[0] << 8 | b[1];
	return 0;
}

/* RFC 3629. */
static int
add_rune(struct buf *b, uint32_t c, struct err *err)
{
	char out[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(n == 1 ? c : (0xf00U >> n & 0xf0) | c);
	return buf_add(b, out, n, err);
}

/* Half of a pair alone is what Go's reader makes of it: U+FFFD. */
static int
take_unicode(struct reader *r, struct err *err)
{
	uint32_t c, low;

	if (take_hex(r, &c, err))
		return -1;
	if (c == 0)
		return bad(r, err, "a NUL character");
	if (c >= 0xd800 && c < 0xdc00 && r->end - r->at >= 6 &&
	    r->at[0] == '\\' && r->at[1] == 'u') {
		const char *back = r->at;

		r->at += 2;
		if (take_hex(r, &low, err))
			return -1;
		if (low >= 0xdc00 && low < 0xe000)
			return add_rune(&r->word,
			    0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00),
			    err);
		r->at = back;
	}
	return add_rune(&r->word, c >= 0xd800 && c < 0xe000 ? 0xfffd : c, err);
}

static int
take_escape(struct reader *r, struct err *err)
{
	static const char letter[] = "\"\\/bfnrt";
	static const char means[] = "\"\\/\b\f\n\r\t";
	char c = peek(r);
	const char *which = c ? strchr(letter, c) : NULL;

	if (c == 'u') {
		r->at++;
		return take_unicode(r, err);
	}
	if (!which)
		return bad(r, err, "a bad escape");
	r->at++;
	return buf_add(&r->word, &means[which - letter], 1, err);
}

/* Behind the opening quotes; what was read is in word. */
static int
take_text(struct reader *r, struct err *err)
{
	buf_clear(&r->word);
	if (buf_puts(&r->word, "", err))
		return -1;
	for (;;) {
		const char *from = r->at;

		while (r->at < r->end && (unsigned char)*r->at >= 0x20 &&
		       *r->at != '"' && *r->at != '\\')
			r->at++;
		if (buf_add(&r->word, from, (size_t)(r->at - from), err))
			return -1;
		if (r->at == r->end || (unsigned char)*r->at < 0x20)
			return bad(r, err, "a text without an end");
		if (*r->at++ == '"')
			return 0;
		if (take_escape(r, err))
			return -1;
	}
}

/* --- values */

static size_t
digits(const char *s)
{
	return strspn(s, "0123456789");
}

static bool
is_number(const char *s)
{
	size_t n;

	s += *s == '-';
	n = digits(s);
	if (n == 0 || (*s == '0' && n > 1))
		return false;
	s += n;
	if (*s == '.') {
		n = digits(++s);
		if (n == 0)
			return false;
		s += n;
	}
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '+' || *s == '-';
		n = digits(s);
		if (n == 0)
			return false;
		s += n;
	}
	return *s == '\0';
}

bool
tree_json_is_literal(const char *s)
{
	return strcmp(s, "true") == 0 || strcmp(s, "false") == 0 ||
	       strcmp(s, "null") == 0 || is_number(s);
}

static int
take_literal(struct reader *r, struct err *err)
{
	const char *from = r->at;

	while (r->at < r->end && *r->at && !strchr(" \t\r\n,]}:\"{[", *r->at))
		r->at++;
	buf_clear(&r->word);
	if (buf_add(&r->word, from, (size_t)(r->at - from), err))
		return -1;
	return r->word.len > 0 && tree_json_is_literal(r->word.data)
	           ? 0
	           : bad(r, err, "no value");
}

/* NULL: err says why. */
static struct tree *
make(struct reader *r, enum tree_kind kind, const char *text, struct err *err)
{
	struct tree *t = NULL;
	int rc;

	if (r->nodes++ == r->limits->nodes)
		rc = err_set(err, ERR_CORRUPT, "more than %u values",
		    r->limits->nodes);
	else if (r->root)
		rc = tree_new_like(r->root, kind, text, 0, &t, err);
	else
		rc = tree_new(kind, text, NULL, 0, &t, err);
	if (rc)
		return NULL;
	if (!r->root)
		r->root = t;
	return t;
}

static int take_value(struct reader *, struct tree **, struct err *);

static int
take_member(struct reader *r, struct tree *map, struct err *err)
{
	AUTO(free) char *name = NULL;
	struct tree *value = NULL;

	if (map->kind == TREE_MAP) {
		if (!take(r, '"'))
			return bad(r, err, "no name");
		if (take_text(r, err) || str_dup(r->word.data, &name, err))
			return -1;
		if (!take(r, ':'))
			return bad(r, err, "no colon");
	}
	if (take_value(r, &value, err))
		return -1;
	return tree_add(map, name, value, err);
}

/* Behind the opening bracket. */
static int
take_members(struct reader *r, struct tree *t, struct err *err)
{
	char close = t->kind == TREE_MAP ? '}' : ']';

	if (r->depth++ == r->limits->depth)
		return err_set(err, ERR_CORRUPT, "deeper than %u levels",
		    r->limits->depth);
	if (!take(r, close)) {
		do
			if (take_member(r, t, err))
				return -1;
		while (take(r, ','));
		if (!take(r, close))
			return bad(r, err, "no comma and no end");
	}
	r->depth--;
	return 0;
}

/* Recursion is as deep as the limit says. */
static int
take_value(struct reader *r, struct tree **ret, struct err *err)
{
	AUTO(tree) struct tree *t = NULL;
	char c = next(r);

	if (c == '{' || c == '[') {
		r->at++;
		t = make(r, c == '{' ? TREE_MAP : TREE_LIST, NULL, err);
		if (!t || take_members(r, t, err))
			return -1;
	} else {
		r->at += c == '"';
		if (c == '"' ? take_text(r, err) : take_literal(r, err))
			return -1;
		t = make(r, TREE_SCALAR, r->word.data, err);
		if (!t)
			return -1;
		t->quoted = c == '"';
	}
	*ret = TAKE(t);
	return 0;
}

int
tree_json_parse(const struct tree_json_limits *limits, const char *text,
    size_t len, struct tree **ret, struct err *err)
{
	struct reader r = { .limits = limits,
		.text = text,
		.at = text,
		.end = text + len,
		.word = { .max = len + 1 } };
	AUTO(tree) struct tree *t = NULL;
	int rc;

	assert(limits->depth <= TREE_JSON_DEPTH_MAX);
	if (!str_is_utf8(text, len))
		return err_set(err, ERR_CORRUPT, "not JSON: no UTF-8");
	rc = take_value(&r, &t, err);
	buf_wipe(&r.word);
	if (rc)
		return -1;
	skip_space(&r);
	if (r.at < r.end)
		return bad(&r, err, "something behind the end");
	*ret = TAKE(t);
	return 0;
}

/* --- the way back */

static void
write_value(struct jsonw *w, const char *name, const struct tree *t)
{
	if (t->kind == TREE_SCALAR) {
		if (t->quoted || !tree_json_is_literal(t->text))
			jsonw_str(w, name, t->text);
		else
			jsonw_raw(w, name, t->text);
		return;
	}
	if (t->kind == TREE_MAP)
		jsonw_object(w, name);
	else
		jsonw_array(w, name);
	for (const struct tree *c = t->child; c; c = c->next)
		write_value(w, c->name, c);
	jsonw_close(w);
}

int
tree_json_write(const struct tree *t, struct buf *b, struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, b, 0);
	write_value(&w, NULL, t);
	return jsonw_end(&w, err);
}
