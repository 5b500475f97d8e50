#include "base/jsonw.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { MAX_DEPTH = 64 }; /* the bits of jsonw.arrays */

/* Most pieces are a few bytes that fit: spare them the call. */
static inline void
add(struct jsonw *w, const char *p, size_t n)
{
	struct buf *b = w->out;

	if (w->rc)
		return;
	if (n < b->cap - b->len && n <= b->max - b->len) {
		memcpy(b->data + b->len, p, n);
		b->len += n;
		b->data[b->len] = '\0';
	} else {
		w->rc = buf_add(b, p, n, &w->err);
	}
}

static inline void
put(struct jsonw *w, const char *text)
{
	add(w, text, strlen(text));
}

static void
new_line(struct jsonw *w)
{
	if (w->indent == 0)
		return;
	add(w, "\n", 1);
	for (unsigned n = w->indent * w->depth; n > 0; n--)
		add(w, " ", 1);
}

/* What a string may hold as it is; the rest is escaped, or needs a look. */
static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The length of what begins at p and can be copied as it is; 0: nothing. */
static size_t
clean(const unsigned char *p, const unsigned char *end)
{
	const unsigned char *s = p;

	while (s < end) {
		size_t n;

		while (s < end && is_plain(*s))
			s++;
		if (s == end || *s < 0x80)
			break;
		n = *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
		if ((size_t)(end - s) < n || !str_is_utf8((const char *)s, n))
			break;
		s += n;
	}
	return (size_t)(s - p);
}

static void
escape(struct jsonw *w, unsigned char c)
{
	static const char digit[] = "0123456789abcdef";
	char six[] = { '\\', 'u', '0', '0', digit[c >> 4], digit[c & 15] };
	char two[] = { '\\', (char)c };

	if (c >= 0x80)
		put(w, "\xef\xbf\xbd"); /* U+FFFD */
	else if (c >= 0x20)
		add(w, two, sizeof two);
	else
		add(w, six, sizeof six);
}

static void
quote(struct jsonw *w, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	const unsigned char *end = p + strlen(text);

	add(w, "\"", 1);
	while (p < end) {
		size_t n = clean(p, end);

		add(w, (const char *)p, n);
		p += n;
		if (p < end)
			escape(w, *p++);
	}
	add(w, "\"", 1);
}

/* What stands in front of every value. */
static void
lead(struct jsonw *w, const char *name)
{
	bool in_array = w->depth > 0 && w->arrays >> (w->depth - 1) & 1;

	assert((name != NULL) == (w->depth > 0 && !in_array));
	if (w->more)
		add(w, ",", 1);
	if (w->depth > 0)
		new_line(w);
	if (name) {
		quote(w, name);
		put(w, w->indent ? ": " : ":");
	}
	w->more = true;
}

/* Field by field: the error's text is large, and nobody reads it yet. */
void
jsonw_begin(struct jsonw *w, struct buf *out, unsigned indent)
{
	w->out = out;
	w->indent = indent;
	w->depth = 0;
	w->more = false;
	w->arrays = 0;
	w->rc = 0;
	w->err.code = ERR_NONE;
}

int
jsonw_end(struct jsonw *w, struct err *err)
{
	assert(w->depth == 0 || w->rc);
	if (w->rc)
		*err = w->err;
	return w->rc;
}

static void
nest(struct jsonw *w, const char *name, bool array)
{
	lead(w, name);
	put(w, array ? "[" : "{");
	assert(w->depth < MAX_DEPTH);
	w->arrays &= ~(UINT64_C(1) << w->depth);
	w->arrays |= (uint64_t)array << w->depth;
	w->depth++;
	w->more = false;
}

void
jsonw_object(struct jsonw *w, const char *name)
{
	nest(w, name, false);
}

void
jsonw_array(struct jsonw *w, const char *name)
{
	nest(w, name, true);
}

void
jsonw_close(struct jsonw *w)
{
	assert(w->depth > 0);
	w->depth--;
	if (w->more)
		new_line(w);
	put(w, w->arrays >> w->depth & 1 ? "]" : "}");
	w->more = true;
}

void
jsonw_str(struct jsonw *w, const char *name, const char *value)
{
	lead(w, name);
	quote(w, value);
}

void
jsonw_u64(struct jsonw *w, const char *name, uint64_t value)
{
	char text[24], *p = text + sizeof text - 1;

	*p = '\0';
	do
		*--p = (char)('0' + value % 10);
	while (value /= 10);
	jsonw_raw(w, name, p);
}

void
jsonw_fixed(struct jsonw *w, const char *name, double value)
{
	char text[340]; /* DBL_MAX has 309 digits */

	if (!isfinite(value)) {
		jsonw_null(w, name);
		return;
	}
	(void)snprintf(text, sizeof text, "%.3f", value);
	jsonw_raw(w, name, text);
}

void
jsonw_bool(struct jsonw *w, const char *name, bool value)
{
	jsonw_raw(w, name, value ? "true" : "false");
}

void
jsonw_null(struct jsonw *w, const char *name)
{
	jsonw_raw(w, name, "null");
}

void
jsonw_raw(struct jsonw *w, const char *name, const char *json)
{
	lead(w, name);
	put(w, json);
}

void
jsonw_strs(struct jsonw *w, const char *name, char *const *s, size_t n)
{
	jsonw_array(w, name);
	for (size_t i = 0; i < n; i++)
		jsonw_str(w, NULL, s[i]);
	jsonw_close(w);
}

void
jsonw_opt_str(struct jsonw *w, const char *name, const char *value)
{
	if (value && *value)
		jsonw_str(w, name, value);
}
