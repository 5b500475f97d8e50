#include "s3/xml.h"

#include <expat.h>
#include <stdbool.h>
#include <string.h>

/* --- control characters
 *
 * A reference to one is a syntax error for expat.  It is replaced by a
 * character of the last private plane, U+10FF00 and so many, which is turned
 * back in the text: its four bytes in UTF-8 are the mark and 0x80 + c. */

/* A root stands among the first bytes, unless somebody wrote comments. */
enum { ROOT_USUAL = 1 << 10 };

#define MARK "\xf4\x8f\xbc"

/* The length of a reference at p to a control character that XML does not
 * have; 0: there is none. */
static size_t
control_reference(const char *p, char *c)
{
	char *end;
	bool hex = p[2] == 'x';
	unsigned long n;

	if (strncmp(p, "&#", 2) != 0 ||
	    !strchr("0123456789abcdefABCDEF", p[hex ? 3 : 2]))
		return 0;
	n = strtoul(p + (hex ? 3 : 2), &end, hex ? 16 : 10);
	if (*end != ';' || n == 0 || n >= ' ' || strchr("\t\n\r", (int)n))
		return 0;
	*c = (char)n;
	return (size_t)(end + 1 - p);
}

/* Append text, which ends with '\0', with the references replaced. */
static int
hide_controls(const char *text, struct buf *b, struct err *err)
{
	const char *p;

	while ((p = strstr(text, "&#")) != NULL) {
		char c = 0;
		size_t n = control_reference(p, &c);
		char four[] = MARK "?";

		if (n > 0)
			four[3] = (char)(0x80 + c);
		else
			n = 2;
		if (buf_add(b, text, (size_t)(p - text), err) ||
		    (c ? buf_add(b, four, 4, err) : buf_add(b, p, 2, err)))
			return -1;
		text = p + n;
	}
	return buf_puts(b, text, err);
}

static void
show_controls(char *text)
{
	char *to = strchr(text, *MARK);

	if (!to)
		return;
	text = to;

	for (const char *p = text; *p; p++) {
		if (strncmp(p, MARK, 3) == 0 && (p[3] & 0xe0) == 0x80) {
			p += 3;
			*to++ = (char)(*p & 0x1f);
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

/* --- elements */

struct parse {
	XML_Parser expat;
	xml_fn *fn;
	void *arg;
	struct err *err;
	bool failed;    /* err is set */
	bool root_only; /* stop at the first element */
	unsigned depth, elements;
	char path[XML_PATH_SIZE];
	size_t used; /* of path */
	struct buf text;
};

static void
stop(struct parse *p)
{
	p->failed = true;
	(void)XML_StopParser(p->expat, XML_FALSE);
}

static void
refuse(struct parse *p, const char *why)
{
	(void)err_set(p->err, ERR_CORRUPT, "XML is refused: %s", why);
	stop(p);
}

/* expat goes on for a moment after XML_StopParser. */
static void XMLCALL
on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct parse *p = arg;
	size_t n = strlen(name);

	(void)attributes;
	if (p->failed) /* not seen yet, and not ruled out by expat */
		return;
	if (++p->depth > XML_DEPTH_MAX || p->used + n + 2 > sizeof p->path) {
		refuse(p, "too deep");
		return;
	}
	if (++p->elements > XML_ELEMENTS_MAX) {
		refuse(p, "too many elements");
		return;
	}
	if (p->used > 0)
		p->path[p->used++] = '/';
	memcpy(p->path + p->used, name, n + 1);
	p->used += n;
	buf_clear(&p->text);
	if (p->root_only)
		stop(p);
}

static void XMLCALL
on_end(void *arg, const XML_Char *name)
{
	struct parse *p = arg;
	size_t n = strlen(name);

	if (p->failed)
		return;
	if (p->text.data)
		show_controls(p->text.data);
	if (p->fn(p->arg, p->path, p->text.data ? p->text.data : "", p->err)) {
		stop(p);
		return;
	}
	/* and the '/' before it, save that of the root */
	p->used -= n + (p->used > n);
	p->path[p->used] = '\0';
	p->depth--;
	buf_clear(&p->text);
}

static void XMLCALL
on_text(void *arg, const XML_Char *s, int n)
{
	struct parse *p = arg;

	if (p->failed)
		return;
	if ((size_t)n > p->text.max - p->text.len)
		refuse(p, "too long a text");
	else if (buf_add(&p->text, s, (size_t)n, p->err))
		stop(p);
}

static void XMLCALL
on_doctype(void *arg, const XML_Char *name, const XML_Char *sysid,
    const XML_Char *pubid, int has_internal_subset)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)has_internal_subset;
	refuse(arg, "it has a DTD");
}

static int
run(struct parse *p, const char *text, size_t len)
{
	enum XML_Error code;

	XML_SetUserData(p->expat, p);
	XML_SetElementHandler(p->expat, on_start, on_end);
	XML_SetCharacterDataHandler(p->expat, on_text);
	XML_SetStartDoctypeDeclHandler(p->expat, on_doctype);
	/* whoever wants the root alone gives the beginning */
	if (XML_Parse(p->expat, text, (int)len, !p->root_only) == XML_STATUS_OK)
		return 0;
	if (p->failed)
		return -1;
	code = XML_GetErrorCode(p->expat);
	if (code == XML_ERROR_NO_MEMORY)
		return err_nomem(p->err);
	return err_set(p->err, ERR_CORRUPT, "not XML: %s at byte %lld",
	    XML_ErrorString(code),
	    (long long)XML_GetCurrentByteIndex(p->expat));
}

static bool
has_references(const char *text, size_t len)
{
	const char *end = text + len;

	while ((text = memchr(text, '&', (size_t)(end - text))) != NULL) {
		text++;
		if (text < end && *text == '#')
			return true;
	}
	return false;
}

static int
parse(struct parse *p, const char *text, size_t len)
{
	static const XML_Memory_Handling_Suite memory = { malloc, realloc,
		free };
	AUTO(buf) struct buf shown = { .max = XML_SIZE_MAX };
	int rc;

	if (len > XML_SIZE_MAX)
		return err_set(p->err, ERR_CORRUPT,
		    "XML is longer than %d bytes", (int)XML_SIZE_MAX);
	if (has_references(text, len)) {
		AUTO(buf) struct buf whole = { .max = XML_SIZE_MAX };

		if (buf_add(&whole, text, len, p->err) ||
		    hide_controls(whole.data, &shown, p->err))
			return -1;
		text = shown.data;
		len = shown.len;
	}
	p->expat = XML_ParserCreate_MM(NULL, &memory, NULL);
	if (!p->expat)
		return err_nomem(p->err);
	p->text.max = XML_TEXT_MAX;
	rc = run(p, text, len);
	XML_ParserFree(p->expat);
	buf_done(&p->text);
	return rc;
}

int
xml_parse(const char *text, size_t len, xml_fn *fn, void *arg, struct err *err)
{
	struct parse p = { .fn = fn, .arg = arg, .err = err };

	return parse(&p, text, len);
}

int
xml_root(const char *text, size_t len, char name[XML_PATH_SIZE],
    struct err *err)
{
	struct err why = { 0 };
	size_t n = len < ROOT_USUAL ? len : ROOT_USUAL;
	struct parse p;

	for (;; n = len) {
		p = (struct parse){ .root_only = true, .err = &why };
		if (parse(&p, text, n) && !err_is(&why, ERR_NONE)) {
			*err = why;
			return -1;
		}
		if (*p.path || n == len)
			break;
	}
	if (!*p.path)
		return err_set(err, ERR_CORRUPT, "not XML: no element found");
	memcpy(name, p.path, sizeof p.path);
	return 0;
}

int
xml_escape(struct buf *b, const char *text, struct err *err)
{
	while (*text) {
		size_t n = strcspn(text, "&<>\"'\r");

		if (buf_add(b, text, n, err))
			return -1;
		text += n;
		if (*text && buf_printf(b, err, "&#%d;", *text++))
			return -1;
	}
	return 0;
}
