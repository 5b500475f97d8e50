#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/str.h"
#include "repo/inventory.h"

static const char suffix[] = "-base64";

/* The longest name of a header, piece of metadata or tag that is sane. */
enum { NAME_MAX_LEN = 1024 };

/* name, as text, is the name of "<name>-base64" and of nothing else. */
static void
put_base64(struct jsonw *w, const char *name, const char *value)
{
	AUTO(buf) struct buf b = { .max = INVENTORY_LINE_MAX };
	char member[NAME_MAX_LEN + sizeof suffix];

	if (w->rc)
		return;
	(void)snprintf(member, sizeof member, "%s%s", name, suffix);
	w->rc = buf_reserve(&b, 0, &w->err) ||
	                str_base64(&b, value, strlen(value), &w->err)
	            ? -1
	            : 0;
	if (w->rc == 0)
		jsonw_str(w, member, b.data);
}

/*
 * A name that ends like the mark itself is marked whatever its value: so a
 * reader that finds the mark always knows what it means.
 */
void
inventory_encode_text(struct jsonw *w, const char *name, const char *value)
{
	if (!value)
		return;
	if (str_ends(name, suffix) || !str_is_utf8(value, strlen(value)))
		put_base64(w, name, value);
	else
		jsonw_str(w, name, value);
}

static int
put_pairs(struct jsonw *w, const char *name, const struct object_pairs *p,
    struct err *err)
{
	if (p->count == 0)
		return 0;
	jsonw_object(w, name);
	for (size_t i = 0; i < p->count; i++) {
		const char *n = p->pair[i].name;
		size_t len = strlen(n);

		if (len > NAME_MAX_LEN || !str_is_utf8(n, len))
			return err_set(err, ERR_CORRUPT,
			    "the %s has a name that cannot be kept", name);
		inventory_encode_text(w, n, p->pair[i].value);
	}
	jsonw_close(w);
	return 0;
}

static void
put_place(struct jsonw *w, const struct inventory_entry *e)
{
	if (!e->file)
		return;
	jsonw_str(w, "file", e->file);
	if (!e->packed)
		return;
	jsonw_u64(w, "offset", e->offset);
	jsonw_u64(w, "length", e->object.size);
}

static int
put_entry(struct jsonw *w, const struct inventory_entry *e, struct err *err)
{
	const struct object *o = &e->object;
	char hex[SHA256_HEX];

	str_hex(e->sha256, SHA256_SIZE, hex);
	jsonw_object(w, NULL);
	inventory_encode_text(w, "key", o->key);
	jsonw_u64(w, "size", o->size);
	inventory_encode_text(w, "etag", o->etag);
	inventory_encode_text(w, "last-modified", o->modified);
	inventory_encode_text(w, "version-id", o->version);
	jsonw_str(w, "sha256", hex);
	for (unsigned h = 0; h < OBJECT_HEADERS; h++)
		inventory_encode_text(w,
		    object_header_name((enum object_header)h), o->header[h]);
	if (put_pairs(w, "meta", &o->meta, err) ||
	    put_pairs(w, "tags", &o->tags, err))
		return -1;
	put_place(w, e);
	jsonw_close(w);
	return jsonw_end(w, err);
}

static int
put_line(const struct inventory_entry *e, struct buf *out, struct err *err)
{
	size_t from = out->len;
	struct jsonw w;

	jsonw_begin(&w, out, 0);
	if (put_entry(&w, e, err) || buf_add(out, "\n", 1, err))
		return -1;
	if (out->len - from > INVENTORY_LINE_MAX)
		return err_set(err, ERR_CORRUPT,
		    "its headers, metadata and tags take more than %d bytes",
		    INVENTORY_LINE_MAX);
	return 0;
}

int
inventory_encode(const struct inventory_entry *e, struct buf *out,
    struct err *err)
{
	size_t from = out->len;

	if (put_line(e, out, err) == 0)
		return 0;
	out->len = from;
	if (out->data)
		out->data[from] = '\0';
	return err_is(err, ERR_NOMEM)
	           ? -1
	           : err_wrap(err, "object '%s'", e->object.key);
}
