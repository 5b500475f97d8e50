#include "base/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"

/* Deep enough for any schema of Kubernetes, shallow enough for any stack. */
enum { JSON_DEPTH = 200 };

/* Integers below are exact in a double, and so in every JSON reader. */
static const double exact_limit = 9007199254740992.0; /* 2^53 */

struct json {
	cJSON item;
};

/* errno tells "no memory" from "no JSON": cJSON itself does not. */
static void *
allocate(size_t n)
{
	void *p = malloc(n);

	if (!p)
		errno = ENOMEM;
	return p;
}

/* cJSON's hooks are global: set them before there can be a second thread. */
__attribute__((constructor)) static void
use_our_malloc(void)
{
	cJSON_InitHooks(&(cJSON_Hooks){
	    .malloc_fn = allocate, .free_fn = free });
}

static const struct json *
wrap(const cJSON *item)
{
	return (const struct json *)item;
}

static int
bad(struct err *err, const char *what, size_t at)
{
	return err_set(err, ERR_CORRUPT, "not JSON: %s at byte %zu", what, at);
}

/*
 * What cJSON lets through: \u0000, which would cut a string short, control
 * characters in strings, and nesting up to a depth of its own.
 */
struct scan {
	const char *text;
	size_t len, at;
	unsigned depth;
};

static int
scan_string(struct scan *s, struct err *err)
{
	for (s->at++; s->at < s->len && s->text[s->at] != '"'; s->at++) {
		const char *p = s->text + s->at;

		if ((unsigned char)*p < 0x20)
			return bad(err, "a control character", s->at);
		if (*p != '\\')
			continue;
		if (s->len - s->at >= 6 && memcmp(p, "\\u0000", 6) == 0)
			return bad(err, "a NUL character", s->at);
		s->at++;
	}
	return 0;
}

static int
scan_all(struct scan *s, struct err *err)
{
	for (; s->at < s->len; s->at++) {
		char c = s->text[s->at];

		if (c == '"' && scan_string(s, err))
			return -1;
		if (c == '\0')
			return bad(err, "a NUL character", s->at);
		if ((c == ']' || c == '}') && s->depth > 0)
			s->depth--;
		if ((c == '[' || c == '{') && s->depth++ == JSON_DEPTH)
			return bad(err, "nested too deeply", s->at);
	}
	return 0;
}

int
json_parse(const char *text, size_t len, struct json **ret, struct err *err)
{
	struct scan scan = { .text = text, .len = len };
	const char *end = text;
	cJSON *item;

	if (!str_is_utf8(text, len))
		return err_set(err, ERR_CORRUPT, "not JSON: not UTF-8");
	if (scan_all(&scan, err))
		return -1;
	errno = 0;
	item = cJSON_ParseWithLengthOpts(text, len, &end, false);
	if (!item && errno == ENOMEM)
		return err_nomem(err);
	while (item && end < text + len && strchr(" \t\r\n", *end))
		end++;
	if (!item || end < text + len) {
		json_free((struct json *)item);
		return bad(err, "unexpected text", (size_t)(end - text));
	}
	*ret = (struct json *)item;
	return 0;
}

/* Recursion is as deep as the document, which json_parse limits. */
static void
wipe(cJSON *item)
{
	for (; item; item = item->next) {
		wipe(item->child);
		if (item->valuestring)
			explicit_bzero(item->valuestring,
			    strlen(item->valuestring));
	}
}

void
json_free(struct json *j)
{
	if (!j)
		return;
	wipe(&j->item);
	cJSON_Delete(&j->item);
}

/* The first of that name.  By hand: a line of an inventory is asked for twenty
 * names, and most differ in their first letter. */
static const cJSON *
field(const struct json *j, const char *name)
{
	const cJSON *at = j ? j->item.child : NULL;

	while (at && (!at->string || *at->string != *name ||
	                 strcmp(at->string, name) != 0))
		at = at->next;
	return at;
}

static int
no_field(struct err *err, const cJSON *at, const char *name, const char *type)
{
	if (!at)
		return err_set(err, ERR_CORRUPT, "no field '%s'", name);
	return err_set(err, ERR_CORRUPT, "field '%s' is not %s", name, type);
}

int
json_str(const struct json *j, const char *name, const char **ret,
    struct err *err)
{
	const cJSON *at = field(j, name);

	if (!at || !cJSON_IsString(at))
		return no_field(err, at, name, "a string");
	*ret = at->valuestring;
	return 0;
}

static bool
is_u64(const cJSON *at)
{
	return at && cJSON_IsNumber(at) && at->valuedouble >= 0 &&
	       at->valuedouble < exact_limit &&
	       (double)(uint64_t)at->valuedouble == at->valuedouble;
}

int
json_u64(const struct json *j, const char *name, uint64_t *ret, struct err *err)
{
	const cJSON *at = field(j, name);

	if (!at || !is_u64(at))
		return no_field(err, at, name, "a number from 0 to 2^53 - 1");
	*ret = (uint64_t)at->valuedouble;
	return 0;
}

int
json_get(const struct json *j, const char *name, const struct json **ret,
    struct err *err)
{
	const cJSON *at = field(j, name);

	if (!at)
		return no_field(err, at, name, "there");
	*ret = wrap(at);
	return 0;
}

const char *
json_opt_str(const struct json *j, const char *name)
{
	return json_text(json_opt(j, name));
}

uint64_t
json_opt_u64(const struct json *j, const char *name)
{
	const cJSON *at = field(j, name);

	return is_u64(at) ? (uint64_t)at->valuedouble : 0;
}

bool
json_opt_bool(const struct json *j, const char *name)
{
	return json_is_true(json_opt(j, name));
}

const struct json *
json_opt(const struct json *j, const char *name)
{
	const cJSON *at = field(j, name);

	return cJSON_IsNull(at) ? NULL : wrap(at);
}

const char *
json_text(const struct json *j)
{
	return j && cJSON_IsString(&j->item) ? j->item.valuestring : NULL;
}

bool
json_is_object(const struct json *j)
{
	return j && cJSON_IsObject(&j->item);
}

bool
json_is_array(const struct json *j)
{
	return j && cJSON_IsArray(&j->item);
}

bool
json_is_true(const struct json *j)
{
	return j && cJSON_IsTrue(&j->item);
}

const struct json *
json_first(const struct json *j)
{
	return j ? wrap(j->item.child) : NULL;
}

const struct json *
json_next(const struct json *j)
{
	return j ? wrap(j->item.next) : NULL;
}

const char *
json_name(const struct json *j)
{
	return j ? j->item.string : NULL;
}

size_t
json_count(const struct json *j)
{
	size_t n = 0;

	for (const struct json *at = json_first(j); at; at = json_next(at))
		n++;
	return n;
}

int
json_array(const struct json *j, const char *name, size_t max,
    const struct json **ret, struct err *err)
{
	const struct json *a = NULL;

	if (json_get(j, name, &a, err))
		return -1;
	if (!json_is_array(a))
		return err_set(err, ERR_CORRUPT, "'%s' is no array", name);
	if (json_count(a) > max)
		return err_set(err, ERR_CORRUPT,
		    "'%s' has more than %zu entries", name, max);
	*ret = a;
	return 0;
}

int
json_strings(const struct json *j, const char *name, size_t max, char ***ret,
    size_t *n, struct err *err)
{
	const struct json *a = NULL;

	*n = 0;
	if (json_array(j, name, max, &a, err))
		return -1;
	if (json_count(a) == 0)
		return 0;
	*ret = calloc(json_count(a), sizeof **ret);
	if (!*ret)
		return err_nomem(err);
	for (a = json_first(a); a; a = json_next(a)) {
		if (!json_text(a))
			return err_set(err, ERR_CORRUPT,
			    "'%s' holds something that is no text", name);
		if (str_dup(json_text(a), &(*ret)[*n], err))
			return -1;
		++*n;
	}
	return 0;
}

int
json_print(const struct json *j, char **ret, struct err *err)
{
	char *text = cJSON_PrintUnformatted(&j->item);

	if (!text)
		return err_nomem(err);
	*ret = text;
	return 0;
}
