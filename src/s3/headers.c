#include "s3/headers.h"

#include <string.h>

#include "base/date.h"
#include "base/str.h"

#define META "x-amz-meta-"

enum { TAGGING_MAX = 64 << 10 };

/* --- write */

static int
add(struct headers *h, const char *name, const char *value, struct err *err)
{
	return value ? object_pairs_add(&h->own.meta, name, value, err) : 0;
}

/* RFC 9110 5.6.2 */
static bool
is_token(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyz"
	                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                         "!#$%&'*+-.^_`|~")] == '\0';
}

static int
add_meta(struct headers *h, const struct object_pair *p, struct err *err)
{
	AUTO(free) char *name = NULL;

	if (!is_token(p->name))
		return err_set(err, ERR_USAGE,
		    "metadata name '%.100s' cannot be sent in HTTP", p->name);
	if (str_join(&name, err, META, p->name, NULL))
		return -1;
	return add(h, name, p->value, err);
}

static int
add_tags(struct headers *h, const struct object_pairs *tags, struct err *err)
{
	AUTO(buf) struct buf b = { .max = TAGGING_MAX };

	for (size_t i = 0; i < tags->count; i++)
		if ((i > 0 && buf_puts(&b, "&", err)) ||
		    str_percent(&b, tags->pair[i].name, "", err) ||
		    buf_puts(&b, "=", err) ||
		    str_percent(&b, tags->pair[i].value, "", err))
			return -1;
	return add(h, "x-amz-tagging", b.data, err);
}

static int
add_object(struct headers *h, const struct object *o, struct err *err)
{
	for (int i = 0; i < OBJECT_HEADERS; i++)
		if (add(h, object_header_name((enum object_header)i),
		        o->header[i], err))
			return -1;
	for (size_t i = 0; i < o->meta.count; i++)
		if (add_meta(h, &o->meta.pair[i], err))
			return -1;
	return add_tags(h, &o->tags, err);
}

static int
make_list(struct headers *h, struct err *err)
{
	const struct object_pairs *p = &h->own.meta;

	h->list = calloc(p->count + 1, sizeof *h->list);
	if (!h->list)
		return err_nomem(err);
	for (size_t i = 0; i < p->count; i++)
		h->list[i] =
		    (struct http_header){ p->pair[i].name, p->pair[i].value };
	return 0;
}

int
headers_write(const struct s3 *s, const struct object *o, const char *checksums,
    struct headers *h, struct err *err)
{
	if (add(h, "x-amz-storage-class", s->storage_class, err) ||
	    add(h, "x-amz-server-side-encryption", s->encryption, err) ||
	    add(h, "x-amz-server-side-encryption-aws-kms-key-id", s->kms_key_id,
	        err) ||
	    add(h, "x-amz-checksum-algorithm", checksums, err) ||
	    (o && add_object(h, o, err)))
		return -1;
	return make_list(h, err);
}

void
headers_done(struct headers *h)
{
	object_done(&h->own);
	free(h->list);
	h->list = NULL;
}

/* --- read */

/* The form of LIST, as far as a header that counts seconds can give it. */
static int
read_modified(const char *text, struct object *o, struct err *err)
{
	char iso[DATE_ISO_SIZE];
	struct err ignored;
	int64_t s;

	if (date_parse_http(text, &s, &ignored))
		return 0;
	date_iso(s, iso);
	free(TAKE(o->modified));
	return str_dup(iso, &o->modified, err);
}

static bool
named(const char *line, const char *name, const char **value)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n) != 0 || strncmp(line + n, ": ", 2) != 0)
		return false;
	*value = line + n + 2;
	return true;
}

static int
read_meta(const char *line, struct object *o, struct err *err)
{
	AUTO(free) char *name = NULL;
	size_t n = strcspn(line, ":");

	if (str_cut(line + strlen(META), n - strlen(META), &name, err))
		return -1;
	return object_pairs_add(&o->meta, name, line + n + 2, err);
}

static int
read_line(const char *line, struct object *o, struct err *err)
{
	const char *value;

	for (int i = 0; i < OBJECT_HEADERS; i++)
		if (named(line, object_header_name((enum object_header)i),
		        &value)) {
			free(TAKE(o->header[i]));
			return str_dup(value, &o->header[i], err);
		}
	if (str_starts(line, META))
		return read_meta(line, o, err);
	if (named(line, "etag", &value)) {
		free(TAKE(o->etag));
		return reply_etag(value, &o->etag, err);
	}
	if (named(line, "last-modified", &value))
		return read_modified(value, o, err);
	if (named(line, "x-amz-version-id", &value) &&
	    strcmp(value, "null") != 0) {
		free(TAKE(o->version));
		return str_dup(value, &o->version, err);
	}
	return 0;
}

int
headers_read(const struct http_response *r, struct object *got, unsigned *ntags,
    struct err *err)
{
	AUTO(object) struct object o = { 0 };
	const char *count = http_response_header(r, "x-amz-tagging-count");
	const char *line = NULL;
	uint64_t n = 0;

	while (got && (line = http_response_next(r, line)) != NULL)
		if (read_line(line, &o, err))
			return -1;
	if (count && str_to_u64(count, 0, 1000, &n, err))
		return err_set(err, ERR_REMOTE,
		    "x-amz-tagging-count is '%.40s'", count);
	if (got) {
		o.size = got->size;
		object_move(got, &o);
	}
	if (ntags)
		*ntags = (unsigned)n;
	return 0;
}
