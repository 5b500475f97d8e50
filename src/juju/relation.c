#include "juju/relation.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "base/str.h"
#include "juju/hooktool.h"

static const char white[] = " \t\r\n";

void
relation_gap_set(struct relation_gap *gap, enum relation_state state,
    const char *fmt, ...)
{
	va_list ap;

	if (gap->state != RELATION_READY)
		return;
	gap->state = state;
	va_start(ap, fmt);
	(void)vsnprintf(gap->text, sizeof gap->text, fmt, ap);
	va_end(ap);
}

int
relation_bag(const char *id, char **app, struct json **ret, struct err *err)
{
	AUTO(free) char *name = NULL;
	struct json *bag = NULL;

	if (hooktool_relation_app(id, &name, err))
		return -1;
	if (hooktool_relation_get(id, name, &bag, err)) {
		if (!err_is(err, ERR_DENIED) && !err_is(err, ERR_NOTFOUND))
			return -1;
		if (json_parse("{}", 2, &bag, err))
			return -1;
	}
	*ret = bag;
	*app = TAKE(name);
	return 0;
}

void
relation_strip_end(char *text, const char *set)
{
	size_t n = strlen(text);

	while (n > 0 && strchr(set, text[n - 1]))
		text[--n] = '\0';
}

void
relation_strip(char *text, const char *set)
{
	size_t skip = strspn(text, set);

	memmove(text, text + skip, strlen(text) - skip + 1);
	relation_strip_end(text, set);
}

/*
 * Libraries on the other side read each value as JSON and take it as it is
 * where it is none.  A key that looks like a number must stay as it is, so
 * only what is a string counts.
 */
static char *
unquote(const char *value)
{
	AUTO(json) struct json *j = NULL;
	const char *text = value;
	struct err why = { 0 };

	if (*value == '"' && json_parse(value, strlen(value), &j, &why) &&
	    err_is(&why, ERR_NOMEM))
		return NULL;
	if (json_text(j))
		text = json_text(j);
	return strdup(text);
}

int
relation_text(const struct json *bag, const char *name, char **ret,
    struct err *err)
{
	const char *value = json_opt_str(bag, name);
	AUTO(secret) char *text = NULL;

	*ret = NULL;
	if (!value)
		return 0;
	text = unquote(value);
	if (!text)
		return err_nomem(err);
	relation_strip(text, white);
	if (*text && strcmp(text, "null") != 0)
		*ret = TAKE(text);
	return 0;
}
