#include "base/yamlw.h"

#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/str.h"
#include "base/tree_json.h"

struct writer {
	yaml_emitter_t emitter;
	struct buf *to;
	struct err err; /* what to said, for whom libyaml returns to */
};

static int
pass_on(void *arg, unsigned char *p, size_t n)
{
	struct writer *w = arg;

	return buf_add(w->to, p, n, &w->err) == 0;
}

/* --- how a text is written */

/* Words that mean something without quotes, to one reader or another. */
static bool
is_word(const char *s)
{
	static const char *const word[] = { "y", "n", "yes", "no", "on", "off",
		"true", "false", "null", "nan", "inf", "infinity" };

	for (size_t i = 0; i < sizeof word / sizeof *word; i++)
		if (strcasecmp(s, word[i]) == 0)
			return true;
	return false;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A letter in front is never a number, a date or a mark of YAML's. */
static bool
is_plain(const char *s)
{
	if ((!is_letter(*s) && *s != '/' && *s != '_') || is_word(s))
		return false;
	for (; *s; s++) {
		if (*s == ':' && (s[1] == ' ' || s[1] == '\0'))
			return false;
		if (*s == ' ' && (s[1] == ' ' || s[1] == '#' || s[1] == '\0'))
			return false;
		if (!is_letter(*s) && !strchr("0123456789_./-@+=;: ", *s))
			return false;
	}
	return true;
}

/*
 * Several lines, none of which begins with a tab, ends in a space or holds what
 * needs an escape; the first one does not begin with a space, and not more than
 * one line break stands at the end.
 */
static bool
is_literal(const char *s)
{
	size_t n = strlen(s);

	if (!strchr(s, '\n') || strchr(" \n", s[0]) || strstr(s, " \n") ||
	    strstr(s, "\n\t") || s[0] == '\t' || strstr(s, "\t\n") ||
	    s[n - 1] == ' ' || s[n - 1] == '\t' || str_ends(s, "\n\n"))
		return false;
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t') ||
		    *s == 0x7f || (unsigned char)*s >= 0xf0 ||
		    strncmp(s, "\xc2\x85", 2) == 0 || /* NEL */
		    strncmp(s, "\xe2\x80\xa8", 3) == 0 ||
		    strncmp(s, "\xe2\x80\xa9", 3) == 0)
			return false;
	return true;
}

static yaml_scalar_style_t
style_of(const struct tree *t)
{
	if (!t->quoted && tree_json_is_literal(t->text))
		return YAML_PLAIN_SCALAR_STYLE;
	if (is_plain(t->text))
		return YAML_PLAIN_SCALAR_STYLE;
	return is_literal(t->text) ? YAML_LITERAL_SCALAR_STYLE
	                           : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

/* --- events; false: the emitter knows why */

static bool
put_text(struct writer *w, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t e;

	return yaml_scalar_event_initialize(&e, NULL, NULL,
	           (const yaml_char_t *)text, (int)strlen(text), 1, 1, style) &&
	       yaml_emitter_emit(&w->emitter, &e);
}

static bool
put_name(struct writer *w, const char *name)
{
	return put_text(w, name,
	    is_plain(name) ? YAML_PLAIN_SCALAR_STYLE
	                   : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static bool
begin(struct writer *w, enum tree_kind kind)
{
	yaml_event_t e;
	int made = kind == TREE_MAP
	               ? yaml_mapping_start_event_initialize(&e, NULL, NULL, 1,
	                     YAML_BLOCK_MAPPING_STYLE)
	               : yaml_sequence_start_event_initialize(&e, NULL, NULL, 1,
	                     YAML_BLOCK_SEQUENCE_STYLE);

	return made && yaml_emitter_emit(&w->emitter, &e);
}

static bool
end(struct writer *w, enum tree_kind kind)
{
	yaml_event_t e;
	int made = kind == TREE_MAP ? yaml_mapping_end_event_initialize(&e)
	                            : yaml_sequence_end_event_initialize(&e);

	return made && yaml_emitter_emit(&w->emitter, &e);
}

/* Recursion is as deep as the tree, which its makers limit. */
static bool
put(struct writer *w, const struct tree *t)
{
	if (t->kind == TREE_SCALAR)
		return put_text(w, t->text, style_of(t));
	if (!begin(w, t->kind))
		return false;
	for (const struct tree *c = t->child; c; c = c->next)
		if ((c->name && !put_name(w, c->name)) || !put(w, c))
			return false;
	return end(w, t->kind);
}

static bool
put_document(struct writer *w, const struct tree *t)
{
	yaml_event_t e;

	return yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING) &&
	       yaml_emitter_emit(&w->emitter, &e) &&
	       yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1) &&
	       yaml_emitter_emit(&w->emitter, &e) && put(w, t) &&
	       yaml_document_end_event_initialize(&e, 1) &&
	       yaml_emitter_emit(&w->emitter, &e) &&
	       yaml_stream_end_event_initialize(&e) &&
	       yaml_emitter_emit(&w->emitter, &e);
}

/* A text that is no UTF-8 makes no event, as no memory does. */
static bool
is_utf8(const struct tree *t)
{
	for (; t; t = t->next)
		if ((t->text && !str_is_utf8(t->text, strlen(t->text))) ||
		    (t->name && !str_is_utf8(t->name, strlen(t->name))) ||
		    !is_utf8(t->child))
			return false;
	return true;
}

static int
failed(const struct writer *w, struct err *err)
{
	if (!err_is(&w->err, ERR_NONE)) {
		*err = w->err;
		return -1;
	}
	return err_nomem(err); /* all that is left */
}

int
yamlw_write(const struct tree *t, struct buf *b, struct err *err)
{
	struct writer w = { .to = b };
	int rc;

	if (!is_utf8(t))
		return err_set(err, ERR_CORRUPT, "a text is not UTF-8");
	if (!yaml_emitter_initialize(&w.emitter))
		return err_nomem(err);
	yaml_emitter_set_output(&w.emitter, pass_on, &w);
	yaml_emitter_set_unicode(&w.emitter, 1);
	yaml_emitter_set_width(&w.emitter, -1);
	rc = put_document(&w, t) ? 0 : failed(&w, err);
	yaml_emitter_delete(&w.emitter);
	return rc;
}
