#include "sample.h"

#include <string.h>

#include "base/str.h"

static int
one_text(char ***to, size_t *n, const char *text, struct err *err)
{
	*to = calloc(1, sizeof **to);
	if (!*to)
		return err_nomem(err);
	if (str_dup(text, &(*to)[0], err))
		return -1;
	*n = 1;
	return 0;
}

static int
names(struct manifest *m, struct err *err)
{
	if (str_dup(SAMPLE_ID, &m->id, err) ||
	    str_dup(SAMPLE_FOLDER, &m->folder, err) ||
	    str_dup("kubeflow", &m->name, err) ||
	    str_dup("before \"1.9\"", &m->label, err) ||
	    str_dup("2026-11-19T16:28:00Z", &m->parent, err) ||
	    str_dup("platform-backup 0.1.0", &m->tool, err) ||
	    str_dup("platform-backup/0", &m->by, err))
		return -1;
	m->started = 1795192080;
	m->finished = 1795192140;
	return 0;
}

static int
component(struct manifest *m, const char *name, const char *type,
    enum manifest_status status, struct err *err)
{
	struct manifest_component *c = &m->component[m->ncomponents++];

	c->status = status;
	c->started = 1795192081;
	c->finished = 1795192082;
	c->seconds = 1.25;
	return str_dup(name, &c->name, err) || str_dup(type, &c->type, err) ? -1
	                                                                    : 0;
}

static int
file(struct manifest_files *f, const char *path, uint64_t size, struct err *err)
{
	uint8_t digest[SHA256_SIZE];

	memset(digest, (int)(0xa0 + size % 16), sizeof digest);
	return manifest_files_add(f, path, size, digest, err);
}

static int
mlmd(struct manifest_component *c, struct err *err)
{
	c->objects = 1;
	c->bytes = 8192;
	c->stored_bytes = 700;
	return str_dup("{\"tables\":{\"Artifact\":3}}", &c->facts, err) ||
	               file(&c->files, "sets/" SAMPLE_FOLDER "/mlmd.sqlite.zst",
	                   700, err)
	           ? -1
	           : 0;
}

static int
bucket(struct manifest_component *c, struct err *err)
{
	c->objects = 12;
	c->bytes = UINT64_C(5) << 40;
	c->new_objects = 2;
	c->gone = 1;
	return one_text(&c->unread, &c->nunread, "secret/key", err) ||
	               str_dup("1 object could not be read", &c->message,
	                   err) ||
	               file(&c->files,
	                   "sets/" SAMPLE_FOLDER
	                   "/mlpipeline/pack-000001.tar.zst",
	                   900, err) ||
	               file(&c->files,
	                   "sets/" SAMPLE_FOLDER
	                   "/mlpipeline.inventory.jsonl.zst",
	                   301, err) ||
	               file(&c->needs,
	                   "sets/" SAMPLE_EARLIER "/mlpipeline/object-000001",
	                   2048, err)
	           ? -1
	           : 0;
}

static int
references(struct manifest_references *r, struct err *err)
{
	r->checked = true;
	r->found = 9;
	r->external = 1;
	r->dangling = 2;
	r->unknown = 3;
	r->lost = 4;
	return one_text(&r->dangling_uris, &r->ndangling_uris, "s3://b/gone",
	           err) ||
	               one_text(&r->lost_uris, &r->nlost_uris, "s3://b/lost",
	                   err)
	           ? -1
	           : 0;
}

static int
fill(struct manifest *m, struct err *err)
{
	m->component = calloc(3, sizeof *m->component);
	if (!m->component)
		return err_nomem(err);
	if (names(m, err) || component(m, "mlmd", "sqlite", MANIFEST_OK, err) ||
	    mlmd(&m->component[0], err) ||
	    component(m, "mlpipeline", "bucket", MANIFEST_DEGRADED, err) ||
	    bucket(&m->component[1], err) ||
	    component(m, "kfp-db", "mysql", MANIFEST_FAILED, err) ||
	    str_dup("no replica", &m->component[2].message, err) ||
	    one_text(&m->missing, &m->nmissing, "Kubernetes objects", err) ||
	    references(&m->references, err))
		return -1;
	return file(&m->files, "sets/" SAMPLE_FOLDER "/RESTORE.md", 77, err);
}

int
sample_manifest(struct manifest **ret, struct err *err)
{
	AUTO(manifest) struct manifest *m = calloc(1, sizeof *m);

	if (!m)
		return err_nomem(err);
	if (fill(m, err))
		return -1;
	*ret = TAKE(m);
	return 0;
}

static int
fill_entry(struct inventory_entry *e, struct err *err)
{
	struct object *o = &e->object;

	o->size = 5;
	e->packed = true;
	e->offset = 512;
	memset(e->sha256, 0x5a, sizeof e->sha256);
	return str_dup("a/\xc3\xa9\n\"\xff", &o->key, err) ||
	               str_dup("abc-2", &o->etag, err) ||
	               str_dup("2026-11-20T16:28:00.000Z", &o->modified, err) ||
	               str_dup("v.1", &o->version, err) ||
	               str_dup("text/plain", &o->header[OBJECT_CONTENT_TYPE],
	                   err) ||
	               str_dup("attachment; filename=\xe9",
	                   &o->header[OBJECT_CONTENT_DISPOSITION], err) ||
	               object_pairs_add(&o->meta, "plain", "v\\", err) ||
	               object_pairs_add(&o->meta, "odd", "\x80\x81", err) ||
	               object_pairs_add(&o->meta, "x-base64", "eA==", err) ||
	               object_pairs_add(&o->meta, "empty", "", err) ||
	               object_pairs_add(&o->tags, "team", "ml & ops", err) ||
	               str_dup("sets/" SAMPLE_FOLDER
	                       "/mlpipeline/pack-000001.tar.zst",
	                   &e->file, err)
	           ? -1
	           : 0;
}

int
sample_entry(struct inventory_entry *ret, struct err *err)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };

	if (fill_entry(&e, err))
		return -1;
	*ret = e;
	e = (struct inventory_entry){ 0 };
	return 0;
}
