#include "juju/relation.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "juju/hooktool.h"

enum { CHAIN_MAX = 1 << 20 };

static const char white[] = " \t\r\n";
static const char pem_begin[] = "-----BEGIN ";

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
relation_bag_of(const char *id, const char *who, struct json **ret,
    struct err *err)
{
	if (hooktool_relation_get(id, who, ret, err) == 0)
		return 0;
	if (!err_is(err, ERR_DENIED) && !err_is(err, ERR_NOTFOUND))
		return -1;
	return json_parse("{}", 2, ret, err);
}

int
relation_bag(const char *id, char **app, struct json **ret, struct err *err)
{
	AUTO(free) char *name = NULL;

	if (hooktool_relation_app(id, &name, err) ||
	    relation_bag_of(id, name, ret, err))
		return -1;
	*app = TAKE(name);
	return 0;
}

const char *
relation_number(const char *id)
{
	const char *colon = strrchr(id, ':');

	return colon ? colon + 1 : id;
}

/*
 * Not granted, or not there: the provider has named the secret and grants it
 * a moment later, or is about to go.  Either way another hook comes.
 */
int
relation_secret_read(const struct relation_secret *s, struct relation_gap *gap,
    struct json **ret, struct err *err)
{
	AUTO(free) char *label = NULL;

	*ret = NULL;
	if (str_printf(&label, err, "%s.%s", s->kind, relation_number(s->id)))
		return -1;
	if (hooktool_secret_get(s->uri, label, ret, err) == 0)
		return 0;
	if (!err_is(err, ERR_DENIED) && !err_is(err, ERR_NOTFOUND))
		return -1;
	relation_gap_set(gap, RELATION_WAITING,
	    "waiting for the secret of relation %s", s->id);
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

/* PEM as it is, or base64 of PEM: providers and their documents differ. */
static int
add_pem(struct buf *chain, const char *text, struct err *err)
{
	AUTO(buf) struct buf raw = { .max = CHAIN_MAX };
	const char *pem = text;

	if (!strstr(text, pem_begin)) {
		if (str_unbase64(&raw, text, err))
			return -1;
		pem = raw.data ? raw.data : "";
	}
	if (!strstr(pem, pem_begin))
		return err_set(err, ERR_USAGE, "no PEM certificate in it");
	return buf_printf(chain, err, "%s%s", chain->len ? "\n" : "", pem);
}

static int
add_list(struct buf *chain, const struct json *list, struct err *err)
{
	const struct json *item;

	for (item = json_first(list); item; item = json_next(item))
		if (json_text(item) && add_pem(chain, json_text(item), err))
			return -1;
	return 0;
}

static int
decode_chain(const char *value, struct buf *chain, struct err *err)
{
	AUTO(json) struct json *list = NULL;

	if (*value != '[')
		return add_pem(chain, value, err);
	if (json_parse(value, strlen(value), &list, err))
		return -1;
	return add_list(chain, list, err);
}

int
relation_chain(const struct json *bag, const char *name, char **ret,
    struct err *err)
{
	AUTO(free) char *value = NULL;
	AUTO(buf) struct buf chain = { .max = CHAIN_MAX };

	*ret = NULL;
	if (relation_text(bag, name, &value, err))
		return -1;
	if (!value)
		return 0;
	if (decode_chain(value, &chain, err)) {
		if (err_is(err, ERR_NOMEM))
			return -1;
		err->code = ERR_USAGE;
		return err_wrap(err, "'%s'", name);
	}
	*ret = TAKE(chain.data);
	return 0;
}
