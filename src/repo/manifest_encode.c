#include <assert.h>
#include <string.h>

#include "base/date.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "repo/manifest.h"

static void
put_date(struct jsonw *w, const char *name, int64_t s)
{
	char text[DATE_ISO_SIZE];

	date_iso(s, text);
	jsonw_str(w, name, text);
}

/* One file a line: a person can read it, and grep can. */
static int
put_file(struct jsonw *w, const struct manifest_file *f, struct buf *line,
    struct err *err)
{
	char hex[SHA256_HEX];
	struct jsonw one;

	str_hex(f->sha256, SHA256_SIZE, hex);
	buf_clear(line);
	jsonw_begin(&one, line, 0);
	jsonw_object(&one, NULL);
	jsonw_str(&one, "path", f->path);
	jsonw_u64(&one, "size", f->size);
	jsonw_str(&one, "sha256", hex);
	jsonw_close(&one);
	if (jsonw_end(&one, err))
		return -1;
	jsonw_raw(w, NULL, line->data);
	return 0;
}

/* Sorted, also where the table is two sorted runs still. */
static int
put_files(struct jsonw *w, const char *name, const struct manifest_files *f,
    struct err *err)
{
	AUTO(buf) struct buf line = { .max = 4096 };
	size_t a = 0, b = f->sorted;

	jsonw_array(w, name);
	while (a < f->sorted || b < f->count) {
		bool first = b == f->count ||
		             (a < f->sorted &&
		                 strcmp(f->file[a].path, f->file[b].path) < 0);

		if (put_file(w, &f->file[first ? a++ : b++], &line, err))
			return -1;
	}
	jsonw_close(w);
	return 0;
}

static int
put_component(struct jsonw *w, const struct manifest_component *c,
    struct err *err)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "name", c->name);
	jsonw_str(w, "type", c->type);
	jsonw_str(w, "status", manifest_status_name(c->status));
	jsonw_opt_str(w, "message", c->message);
	put_date(w, "started", c->started);
	put_date(w, "finished", c->finished);
	jsonw_fixed(w, "seconds", c->seconds);
	jsonw_u64(w, "objects", c->objects);
	jsonw_u64(w, "bytes", c->bytes);
	jsonw_u64(w, "new-objects", c->new_objects);
	jsonw_u64(w, "gone", c->gone);
	jsonw_u64(w, "stored-bytes", c->stored_bytes);
	jsonw_strs(w, "unread", c->unread, c->nunread);
	if (c->facts)
		jsonw_raw(w, c->type, c->facts);
	if (put_files(w, "files", &c->files, err) ||
	    put_files(w, "needs", &c->needs, err))
		return -1;
	jsonw_close(w);
	return 0;
}

static void
put_head(struct jsonw *w, const struct manifest *m)
{
	jsonw_u64(w, "format", MANIFEST_FORMAT);
	jsonw_str(w, "backup-id", m->id);
	jsonw_str(w, "folder", m->folder);
	jsonw_str(w, "name", m->name);
	jsonw_opt_str(w, "label", m->label);
	jsonw_opt_str(w, "parent", m->parent);
	jsonw_str(w, "tool", m->tool);
	jsonw_str(w, "by", m->by);
	put_date(w, "started", m->started);
	put_date(w, "finished", m->finished);
	jsonw_str(w, "backup-status", manifest_status(m));
}

static void
put_references(struct jsonw *w, const struct manifest_references *r)
{
	if (!r->checked)
		return;
	jsonw_object(w, "references");
	jsonw_u64(w, "found", r->found);
	jsonw_u64(w, "external", r->external);
	jsonw_u64(w, "dangling", r->dangling);
	jsonw_u64(w, "unknown", r->unknown);
	jsonw_u64(w, "lost", r->lost);
	jsonw_strs(w, "dangling-uris", r->dangling_uris, r->ndangling_uris);
	jsonw_strs(w, "lost-uris", r->lost_uris, r->nlost_uris);
	jsonw_close(w);
}

void
manifest_encode_recipients(struct jsonw *w, const struct manifest *m)
{
	if (m->nrecipients == 0)
		return;
	jsonw_object(w, "encryption");
	jsonw_str(w, "format", MANIFEST_ENCRYPTION);
	jsonw_strs(w, "recipients", m->recipients, m->nrecipients);
	jsonw_close(w);
}

static int
put_body(struct jsonw *w, const struct manifest *m, struct err *err)
{
	put_head(w, m);
	manifest_encode_recipients(w, m);
	jsonw_array(w, "components");
	for (size_t i = 0; i < m->ncomponents; i++)
		if (put_component(w, &m->component[i], err))
			return -1;
	jsonw_close(w);
	put_references(w, &m->references);
	jsonw_strs(w, "not-in-set", m->missing, m->nmissing);
	return put_files(w, "files", &m->files, err);
}

/* The last line, over all bytes before it; it and the brace end the file. */
static int
seal(struct buf *out, size_t from, struct err *err)
{
	uint8_t digest[SHA256_SIZE];
	char hex[SHA256_HEX];

	if (sha256_of(out->data + from, out->len - from, digest, err))
		return -1;
	str_hex(digest, sizeof digest, hex);
	return buf_printf(out, err, "  \"manifest-sha256\": \"%s\"\n}\n", hex);
}

static int
put_all(const struct manifest *m, struct buf *out, struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, out, 2);
	jsonw_object(&w, NULL);
	if (put_body(&w, m, err))
		return -1;
	jsonw_close(&w);
	return jsonw_end(&w, err);
}

static int
encode(const struct manifest *m, struct buf *out, struct err *err)
{
	size_t from = out->len;

	if (put_all(m, out, err))
		return -1;
	out->len -= 2; /* open the object again */
	assert(out->data[out->len] == '\n');
	if (buf_puts(out, ",\n", err))
		return -1;
	return seal(out, from, err);
}

/* As if nothing had been added. */
static int
undo(struct buf *out, size_t from)
{
	out->len = from;
	if (out->data)
		out->data[from] = '\0';
	return -1;
}

int
manifest_encode(const struct manifest *m, struct buf *out, struct err *err)
{
	size_t from = out->len;

	return encode(m, out, err) ? undo(out, from) : 0;
}

int
manifest_encode_bare(const struct manifest *m, struct buf *out, struct err *err)
{
	size_t from = out->len;

	return put_all(m, out, err) || buf_puts(out, "\n", err)
	           ? undo(out, from)
	           : 0;
}
