#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "repo/inventory_impl.h"
#include "repo/layout.h"

static const char suffix[] = "-base64";

static int
plain_of(const char *name, const char *text, char **ret, struct err *err)
{
	struct buf b = { .max = INVENTORY_LINE_MAX };

	if (buf_reserve(&b, 0, err) || str_unbase64(&b, text, err)) {
		buf_done(&b);
		return err_is(err, ERR_NOMEM) ? -1
		                              : err_wrap(err, "'%s'", name);
	}
	if (memchr(b.data, '\0', b.len)) {
		buf_done(&b);
		return err_set(err, ERR_CORRUPT, "'%s' holds a NUL", name);
	}
	*ret = b.data;
	return 0;
}

/* *ret stays NULL where neither is there. */
int
inventory_decode_text(const struct json *j, const char *name, char **ret,
    struct err *err)
{
	char other[64];
	const struct json *plain = json_opt(j, name), *coded;
	size_t n = strlen(name);
	const char *text;

	assert(n + sizeof suffix <= sizeof other);
	memcpy(other, name, n + 1);
	memcpy(other + n, suffix, sizeof suffix);
	coded = json_opt(j, other);
	if (!plain && !coded)
		return 0;
	if (plain && coded)
		return err_set(err, ERR_CORRUPT, "'%s' is there twice", name);
	if (json_str(j, plain ? name : other, &text, err))
		return -1;
	return plain ? str_dup(text, ret, err) : plain_of(name, text, ret, err);
}

static int
add_coded(struct object_pairs *p, const char *name, const char *text,
    struct err *err)
{
	AUTO(free) char *bare = NULL, *value = NULL;

	if (str_dup(name, &bare, err))
		return -1;
	bare[strlen(bare) - (sizeof suffix - 1)] = '\0';
	if (plain_of(name, text, &value, err))
		return -1;
	return object_pairs_add(p, bare, value, err);
}

static int
get_pairs(const struct json *j, const char *name, struct object_pairs *ret,
    struct err *err)
{
	const struct json *at = json_opt(j, name);

	if (at && !json_is_object(at))
		return err_set(err, ERR_CORRUPT, "'%s' is no object", name);
	for (at = json_first(at); at; at = json_next(at)) {
		const char *text = json_text(at), *n = json_name(at);

		if (!text)
			return err_set(err, ERR_CORRUPT,
			    "'%s' in '%s' is no text", n, name);
		if (str_ends(n, suffix) ? add_coded(ret, n, text, err)
		                        : object_pairs_add(ret, n, text, err))
			return -1;
	}
	return 0;
}

static int
get_object(const struct json *j, struct object *o, struct err *err)
{
	if (inventory_decode_text(j, "key", &o->key, err) ||
	    json_u64(j, "size", &o->size, err) ||
	    inventory_decode_text(j, "etag", &o->etag, err) ||
	    inventory_decode_text(j, "last-modified", &o->modified, err) ||
	    inventory_decode_text(j, "version-id", &o->version, err))
		return -1;
	if (!o->key || !*o->key)
		return err_set(err, ERR_CORRUPT, "there is no key");
	for (unsigned h = 0; h < OBJECT_HEADERS; h++)
		if (inventory_decode_text(j,
		        object_header_name((enum object_header)h),
		        &o->header[h], err))
			return -1;
	if (get_pairs(j, "meta", &o->meta, err))
		return -1;
	return get_pairs(j, "tags", &o->tags, err);
}

/* Where in the pack: both numbers or none. */
static int
get_range(const struct json *j, struct inventory_entry *e, struct err *err)
{
	uint64_t length;

	if (!json_opt(j, "offset") && !json_opt(j, "length"))
		return 0;
	if (json_u64(j, "offset", &e->offset, err) ||
	    json_u64(j, "length", &length, err))
		return -1;
	if (length != e->object.size)
		return err_set(err, ERR_CORRUPT,
		    "'length' is not the size of the object");
	e->packed = true;
	return 0;
}

static int
get_place(const struct json *j, struct inventory_entry *e, struct err *err)
{
	if (inventory_decode_text(j, "file", &e->file, err) ||
	    get_range(j, e, err))
		return -1;
	if (e->file && !layout_is_file(e->file))
		return err_set(err, ERR_CORRUPT,
		    "'%.300s' is no file of a backup set", e->file);
	if (!e->file && (e->object.size > 0 || e->packed))
		return err_set(err, ERR_CORRUPT, "there is no file");
	return 0;
}

static int
get_entry(const struct json *j, struct inventory_entry *e, struct err *err)
{
	const char *hex;

	if (!json_is_object(j))
		return err_set(err, ERR_CORRUPT, "no JSON object");
	if (get_object(j, &e->object, err) ||
	    json_str(j, "sha256", &hex, err) ||
	    str_unhex(hex, e->sha256, SHA256_SIZE, err))
		return -1;
	return get_place(j, e, err);
}

int
inventory_decode(const char *line, size_t len, struct inventory_entry *ret,
    struct err *err)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	AUTO(json) struct json *j = NULL;
	bool plain;

	if (len > INVENTORY_LINE_MAX)
		return err_set(err, ERR_CORRUPT,
		    "longer than the limit of %d bytes", INVENTORY_LINE_MAX);
	if (inventory_plain(line, len, ret, &plain, err))
		return -1;
	if (plain)
		return 0;
	if (json_parse(line, len, &j, err) || get_entry(j, &e, err))
		return -1;
	*ret = e;
	e = (struct inventory_entry){ 0 };
	return 0;
}
