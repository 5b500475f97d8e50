#include "s3/reply.h"

#include <string.h>

#include "base/date.h"
#include "base/str.h"
#include "s3/xml.h"

/* A server sends 1000 at most; more than that is not a page. */
enum { ENTRIES_MAX = 20000, TAGS_MAX = 100 };

/* The rest of path behind a parent such as "ListBucketResult/", or NULL. */
static const char *
below(const char *path, const char *parent)
{
	size_t n = strlen(parent);

	return strncmp(path, parent, n) == 0 ? path + n : NULL;
}

static int
set_text(char **to, const char *text, struct err *err)
{
	free(TAKE(*to));
	return str_dup(text, to, err);
}

/* --- errors */

static void
copy_cut(char *to, size_t size, const char *text)
{
	size_t n = strlen(text);

	if (n >= size)
		n = size - 1;
	memcpy(to, text, n);
	to[n] = '\0';
}

static int
on_error(void *arg, const char *path, const char *text, struct err *err)
{
	struct reply_error *e = arg;
	const char *name = below(path, "Error/");

	(void)err;
	if (!name)
		return 0;
	if (strcmp(name, "Code") == 0)
		copy_cut(e->code, sizeof e->code, text);
	else if (strcmp(name, "Message") == 0)
		copy_cut(e->message, sizeof e->message, text);
	else if (strcmp(name, "Region") == 0)
		copy_cut(e->region, sizeof e->region, text);
	else if (strcmp(name, "Endpoint") == 0)
		copy_cut(e->endpoint, sizeof e->endpoint, text);
	return 0;
}

void
reply_error(const struct buf *b, struct reply_error *e)
{
	struct err ignored;

	*e = (struct reply_error){ 0 };
	/* what stands before a syntax error is good: some servers put the raw
	 * bytes of a key behind the code */
	if (b->len > 0 && xml_parse(b->data, b->len, on_error, e, &ignored))
		return;
}

/* --- ListBucketResult */

struct page_state {
	struct reply_page *page;
	struct object o; /* of the <Contents> being read */
	bool encoded;
};

static int
on_content(struct object *o, const char *name, const char *text,
    struct err *err)
{
	if (strcmp(name, "Key") == 0)
		return set_text(&o->key, text, err);
	if (strcmp(name, "LastModified") == 0)
		return set_text(&o->modified, text, err);
	if (strcmp(name, "ETag") == 0) {
		free(TAKE(o->etag));
		return reply_etag(text, &o->etag, err);
	}
	if (strcmp(name, "Size") == 0 &&
	    str_to_u64(text, 0, INT64_MAX, &o->size, err))
		return err_set(err, ERR_CORRUPT, "LIST: no size: '%.40s'",
		    text);
	return 0;
}

static int
add_entry(struct page_state *s, bool folder, struct err *err)
{
	struct reply_page *p = s->page;

	if (!s->o.key)
		return err_set(err, ERR_CORRUPT, "LIST: an entry has no key");
	if (p->count == ENTRIES_MAX)
		return err_set(err, ERR_CORRUPT,
		    "LIST: more than %d entries in one page", (int)ENTRIES_MAX);
	if (p->count == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 64;
		struct reply_entry *grown;

		grown = realloc(p->entry, cap * sizeof *grown);
		if (!grown)
			return err_nomem(err);
		p->entry = grown;
		p->cap = cap;
	}
	p->entry[p->count] = (struct reply_entry){ .folder = folder };
	object_move(&p->entry[p->count++].o, &s->o);
	return 0;
}

static int
on_page(void *arg, const char *path, const char *text, struct err *err)
{
	struct page_state *s = arg;
	const char *name = below(path, "ListBucketResult/"), *rest;

	if (!name)
		return 0;
	if ((rest = below(name, "Contents/")) != NULL)
		return on_content(&s->o, rest, text, err);
	if (strcmp(name, "Contents") == 0)
		return add_entry(s, false, err);
	if (strcmp(name, "CommonPrefixes/Prefix") == 0)
		return set_text(&s->o.key, text, err) || add_entry(s, true, err)
		           ? -1
		           : 0;
	if (strcmp(name, "IsTruncated") == 0)
		s->page->truncated = strcmp(text, "true") == 0;
	else if (strcmp(name, "EncodingType") == 0)
		s->encoded = strcmp(text, "url") == 0;
	else if (strcmp(name, "NextContinuationToken") == 0)
		return set_text(&s->page->token, text, err);
	return 0;
}

/* encoding-type=url is that of forms: AWS and MinIO write a space as '+', and
 * nobody leaves a '+' as it is. */
static int
decode(char **key, struct err *err)
{
	struct buf b = { .max = XML_TEXT_MAX };

	for (char *p = *key; (p = strchr(p, '+')) != NULL;)
		*p = ' ';
	if (buf_reserve(&b, strlen(*key), err) ||
	    str_unpercent(&b, *key, err)) {
		buf_done(&b);
		return -1;
	}
	free(*key);
	*key = b.data;
	return 0;
}

int
reply_page(const struct buf *b, struct reply_page *out, struct err *err)
{
	AUTO(reply_page) struct reply_page page = { 0 };
	struct page_state s = { .page = &page };
	int rc = xml_parse(b->data, b->len, on_page, &s, err);

	object_done(&s.o);
	/* <EncodingType> may stand behind the keys */
	for (size_t i = 0; rc == 0 && s.encoded && i < page.count; i++)
		rc = decode(&page.entry[i].o.key, err);
	if (rc)
		return -1;
	*out = page;
	page = (struct reply_page){ 0 };
	return 0;
}

void
reply_page_done(struct reply_page *p)
{
	for (size_t i = 0; i < p->count; i++)
		object_done(&p->entry[i].o);
	free(p->entry);
	free(p->token);
	*p = (struct reply_page){ 0 };
}

/* --- ListMultipartUploadsResult */

struct uploads_state {
	struct reply_uploads *all;
	struct reply_upload one;
	bool encoded;
};

static void
upload_done(struct reply_upload *u)
{
	free(u->key);
	free(u->id);
	*u = (struct reply_upload){ .begun = INT64_MAX };
}

static int
add_upload(struct uploads_state *s, struct err *err)
{
	struct reply_uploads *u = s->all;

	if (!s->one.key || !s->one.id)
		return err_set(err, ERR_CORRUPT,
		    "an upload without key or id in the list");
	if (u->count == ENTRIES_MAX)
		return err_set(err, ERR_CORRUPT,
		    "more than %d uploads in one page", (int)ENTRIES_MAX);
	if (u->count == u->cap) {
		size_t cap = u->cap ? 2 * u->cap : 64;
		struct reply_upload *grown;

		grown = realloc(u->upload, cap * sizeof *grown);
		if (!grown)
			return err_nomem(err);
		u->upload = grown;
		u->cap = cap;
	}
	u->upload[u->count++] = s->one;
	s->one = (struct reply_upload){ .begun = INT64_MAX };
	return 0;
}

static int
on_upload(struct reply_upload *u, const char *name, const char *text,
    struct err *err)
{
	if (strcmp(name, "Key") == 0)
		return set_text(&u->key, text, err);
	if (strcmp(name, "UploadId") == 0)
		return set_text(&u->id, text, err);
	if (strcmp(name, "Initiated") == 0)
		return date_parse_iso(text, &u->begun, err);
	return 0;
}

static int
on_uploads(void *arg, const char *path, const char *text, struct err *err)
{
	struct uploads_state *s = arg;
	const char *name = below(path, "ListMultipartUploadsResult/"), *rest;

	if (!name)
		return 0;
	if ((rest = below(name, "Upload/")) != NULL)
		return on_upload(&s->one, rest, text, err);
	if (strcmp(name, "Upload") == 0)
		return add_upload(s, err);
	if (strcmp(name, "IsTruncated") == 0)
		s->all->truncated = strcmp(text, "true") == 0;
	else if (strcmp(name, "EncodingType") == 0)
		s->encoded = strcmp(text, "url") == 0;
	else if (strcmp(name, "NextKeyMarker") == 0)
		return set_text(&s->all->next_key, text, err);
	else if (strcmp(name, "NextUploadIdMarker") == 0)
		return set_text(&s->all->next_id, text, err);
	return 0;
}

int
reply_uploads(const struct buf *b, struct reply_uploads *out, struct err *err)
{
	AUTO(reply_uploads) struct reply_uploads all = { 0 };
	struct uploads_state s = { .all = &all, .one.begun = INT64_MAX };
	int rc = xml_parse(b->data, b->len, on_uploads, &s, err);

	upload_done(&s.one);
	for (size_t i = 0; rc == 0 && s.encoded && i < all.count; i++)
		rc = decode(&all.upload[i].key, err);
	if (rc == 0 && s.encoded && all.next_key)
		rc = decode(&all.next_key, err);
	if (rc)
		return -1;
	*out = all;
	all = (struct reply_uploads){ 0 };
	return 0;
}

void
reply_uploads_done(struct reply_uploads *u)
{
	for (size_t i = 0; i < u->count; i++)
		upload_done(&u->upload[i]);
	free(u->upload);
	free(u->next_key);
	free(u->next_id);
	*u = (struct reply_uploads){ 0 };
}

/* --- Tagging */

struct tags_state {
	struct object all; /* only its tags */
	char *name, *value;
};

static int
on_tags(void *arg, const char *path, const char *text, struct err *err)
{
	struct tags_state *s = arg;
	const char *name = below(path, "Tagging/TagSet/Tag");
	int rc;

	if (!name)
		return 0;
	if (strcmp(name, "/Key") == 0)
		return set_text(&s->name, text, err);
	if (strcmp(name, "/Value") == 0)
		return set_text(&s->value, text, err);
	if (*name)
		return 0;
	if (!s->name || s->all.tags.count >= TAGS_MAX)
		return err_set(err, ERR_CORRUPT,
		    "tags: one without a name, or more than %d", (int)TAGS_MAX);
	rc = object_pairs_add(&s->all.tags, s->name, s->value ? s->value : "",
	    err);
	free(TAKE(s->name));
	free(TAKE(s->value));
	return rc;
}

int
reply_tags(const struct buf *b, struct object_pairs *out, struct err *err)
{
	struct tags_state s = { 0 };
	int rc = xml_parse(b->data, b->len, on_tags, &s, err);

	free(s.name);
	free(s.value);
	if (rc == 0) {
		*out = s.all.tags;
		s.all.tags = (struct object_pairs){ 0 };
	}
	object_done(&s.all);
	return rc;
}

/* --- one element */

struct text_state {
	const char *path;
	char *text;
};

static int
on_one(void *arg, const char *path, const char *text, struct err *err)
{
	struct text_state *s = arg;

	return strcmp(path, s->path) == 0 ? set_text(&s->text, text, err) : 0;
}

int
reply_text(const struct buf *b, const char *path, char **out, struct err *err)
{
	struct text_state s = { .path = path };

	if (xml_parse(b->data, b->len, on_one, &s, err)) {
		free(s.text);
		return -1;
	}
	if (!s.text || !*s.text) {
		free(s.text);
		return err_set(err, ERR_REMOTE, "the answer has no <%s>", path);
	}
	*out = s.text;
	return 0;
}

int
reply_etag(const char *text, char **out, struct err *err)
{
	size_t n = strlen(text);

	if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
		text++;
		n -= 2;
	}
	return str_cut(text, n < 1024 ? n : 1024, out, err);
}
