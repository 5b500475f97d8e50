#include "object/object.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"

static void
pairs_done(struct object_pairs *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->pair[i].name);
		free(p->pair[i].value);
	}
	free(p->pair);
}

void
object_done(struct object *o)
{
	free(o->key);
	free(o->etag);
	free(o->modified);
	free(o->version);
	for (size_t i = 0; i < OBJECT_HEADERS; i++)
		free(o->header[i]);
	pairs_done(&o->meta);
	pairs_done(&o->tags);
	*o = (struct object){ 0 };
}

static int
copy_if(const char *text, char **to, struct err *err)
{
	return text ? str_dup(text, to, err) : 0;
}

int
object_copy_listed(struct object *to, const struct object *from,
    struct err *err)
{
	AUTO(object) struct object copy = { .size = from->size };

	if (copy_if(from->key, &copy.key, err) ||
	    copy_if(from->etag, &copy.etag, err) ||
	    copy_if(from->modified, &copy.modified, err) ||
	    copy_if(from->version, &copy.version, err))
		return -1;
	object_move(to, &copy);
	return 0;
}

static int
copy_pairs(struct object_pairs *to, const struct object_pairs *from,
    struct err *err)
{
	for (size_t i = 0; i < from->count; i++)
		if (object_pairs_add(to, from->pair[i].name,
		        from->pair[i].value, err))
			return -1;
	return 0;
}

/* The key and the facts of `to` move over to the copy: it is whole then. */
static void
adopt_listed(struct object *copy, struct object *to)
{
	copy->key = TAKE(to->key);
	copy->size = to->size;
	copy->etag = TAKE(to->etag);
	copy->modified = TAKE(to->modified);
	copy->version = TAKE(to->version);
}

int
object_copy_headers(struct object *to, const struct object *from,
    struct err *err)
{
	AUTO(object) struct object copy = { 0 };

	for (size_t i = 0; i < OBJECT_HEADERS; i++)
		if (copy_if(from->header[i], &copy.header[i], err))
			return -1;
	if (copy_pairs(&copy.meta, &from->meta, err) ||
	    copy_pairs(&copy.tags, &from->tags, err))
		return -1;
	adopt_listed(&copy, to);
	object_move(to, &copy);
	return 0;
}

void
object_move(struct object *to, struct object *from)
{
	if (to == from)
		return;
	object_done(to);
	*to = *from;
	*from = (struct object){ 0 };
}

const char *
object_header_name(enum object_header h)
{
	static const char *const name[OBJECT_HEADERS] = {
		[OBJECT_CONTENT_TYPE] = "content-type",
		[OBJECT_CONTENT_ENCODING] = "content-encoding",
		[OBJECT_CONTENT_DISPOSITION] = "content-disposition",
		[OBJECT_CONTENT_LANGUAGE] = "content-language",
		[OBJECT_CACHE_CONTROL] = "cache-control",
		[OBJECT_EXPIRES] = "expires",
	};

	assert(h < OBJECT_HEADERS);
	return name[h];
}

int
object_pairs_add(struct object_pairs *p, const char *name, const char *value,
    struct err *err)
{
	AUTO(free) char *n = NULL;
	AUTO(free) char *v = NULL;
	struct object_pair *grown;

	if (str_dup(name, &n, err) || str_dup(value, &v, err))
		return -1;
	grown = realloc(p->pair, (p->count + 1) * sizeof *grown);
	if (!grown)
		return err_nomem(err);
	p->pair = grown;
	p->pair[p->count++] = (struct object_pair){ TAKE(n), TAKE(v) };
	return 0;
}

bool
object_unchanged(const struct object *a, const struct object *b)
{
	if (a->size != b->size || !a->etag || !b->etag || !a->modified ||
	    !b->modified)
		return false;
	if (a->version && b->version && strcmp(a->version, b->version) != 0)
		return false;
	return strcmp(a->etag, b->etag) == 0 &&
	       strcmp(a->modified, b->modified) == 0;
}

static size_t
occurrences(const struct object_pairs *p, const struct object_pair *of)
{
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++)
		n += strcmp(p->pair[i].name, of->name) == 0 &&
		     strcmp(p->pair[i].value, of->value) == 0;
	return n;
}

/* As multisets: the few tens that a server allows need no sorting. */
static bool
same_pairs(const struct object_pairs *a, const struct object_pairs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (occurrences(a, &a->pair[i]) != occurrences(b, &a->pair[i]))
			return false;
	return true;
}

bool
object_same_headers(const struct object *a, const struct object *b)
{
	for (size_t i = 0; i < OBJECT_HEADERS; i++) {
		const char *x = a->header[i], *y = b->header[i];

		if (!x != !y || (x && strcmp(x, y) != 0))
			return false;
	}
	return same_pairs(&a->meta, &b->meta) && same_pairs(&a->tags, &b->tags);
}
