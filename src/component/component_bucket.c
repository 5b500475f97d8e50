/*
 * A bucket of any S3 server.  Keys are bytes; what belongs to an object is
 * kept with it (object/object.h).  Nothing touches the disk.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/str.h"
#include "component/bucket_cut.h"
#include "component/bucket_lanes.h"
#include "component/component.h"

enum { PART = 8 << 20, TRIED = 10 };

struct bucket {
	struct component component;
	struct s3 *s3;
	const struct clock *clock;
	size_t part;          /* of uploads */
	const char *prefix;   /* of the keys that are saved or restored */
	struct s3_list *list; /* of list_next; NULL: begin anew */
	bool absent;          /* the target bucket is not there: dry run */
	atomic_uint tags_denied;
};

/* --- reading: for a backup */

/*
 * What the listing says of one key now.  A bucket that is gone altogether is a
 * source that does not answer, not an object that was deleted.
 */
static int
relist(struct bucket *b, struct object *o, struct err *err)
{
	AUTO(s3_list) struct s3_list *list = NULL;
	AUTO(object) struct object now = { 0 };
	bool more;

	if (s3_list_new(b->s3, o->key, NULL, NULL, &list, err) ||
	    s3_list_next(list, &now, NULL, &more, err)) {
		if (err_is(err, ERR_NOTFOUND))
			err->code = ERR_TRANSIENT;
		return -1;
	}
	if (!more || strcmp(now.key, o->key) != 0)
		return err_set(err, ERR_NOTFOUND, "it is gone");
	object_done(o);
	object_move(o, &now);
	return 0;
}

/* Headers and metadata move over; key and facts of the listing stay. */
static void
take_headers(struct object *o, struct object *got)
{
	for (int i = 0; i < OBJECT_HEADERS; i++)
		o->header[i] = TAKE(got->header[i]);
	o->meta = got->meta;
	got->meta = (struct object_pairs){ 0 };
}

static void
forget_headers(struct object *o)
{
	struct object keep = { .key = TAKE(o->key),
		.size = o->size,
		.etag = TAKE(o->etag),
		.modified = TAKE(o->modified),
		.version = TAKE(o->version) };

	object_done(o);
	*o = keep;
}

/* Tags that may not be read are missing in the set, and it says so. */
static int
fetch_tags(struct bucket *b, struct object *o, struct err *err)
{
	if (s3_get_tags(b->s3, o->key, &o->tags, err) == 0)
		return 0;
	if (!err_is(err, ERR_DENIED))
		return -1;
	if (atomic_fetch_add(&b->tags_denied, 1) == 0)
		log_warning("component '%s': %s", b->component.name, err->msg);
	return 0;
}

/* Changed or gone since it was listed: what does the listing say now? */
static int
again(struct bucket *b, struct object *o, struct err *err)
{
	struct err first = *err;

	if (!err_is(&first, ERR_CHANGED) && !err_is(&first, ERR_NOTFOUND))
		return -1;
	if (relist(b, o, err))
		return -1;
	if (err_is(&first, ERR_NOTFOUND))
		return err_set(err, ERR_REMOTE,
		    "it is listed, and cannot be found");
	*err = first;
	return -1;
}

/* What was listed is what came. */
static int
fetch_content(struct bucket *b, const struct object *o, struct object *got,
    unsigned *tags, struct sink *to, struct err *err)
{
	const struct s3_get get = {
		.key = o->key, .len = S3_ALL, .if_match = o->etag
	};

	if (s3_get(b->s3, &get, got, tags, to, err))
		return -1;
	if (got->size == o->size)
		return 0;
	return err_set(err, ERR_CHANGED,
	    "object '%s' is listed with %ju bytes, and %ju came", o->key,
	    (uintmax_t)o->size, (uintmax_t)got->size);
}

static int
fetch(void *arg, struct object *o, struct sink *to, struct err *err)
{
	struct bucket *b = arg;
	AUTO(object) struct object got = { 0 };
	unsigned tags = 0;

	forget_headers(o);
	if (fetch_content(b, o, &got, &tags, to, err))
		return again(b, o, err);
	take_headers(o, &got);
	return tags ? fetch_tags(b, o, err) : 0;
}

static int
facts(struct bucket *b, struct saver *saver, struct err *err)
{
	AUTO(buf) struct buf json = { .max = 64 << 10 };
	struct jsonw w;

	jsonw_begin(&w, &json, 0);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "endpoint", s3_endpoint(b->s3));
	jsonw_str(&w, "bucket", s3_bucket(b->s3));
	jsonw_opt_str(&w, "prefix", b->prefix);
	jsonw_close(&w);
	if (jsonw_end(&w, err))
		return -1;
	return saver->ops->facts(saver, json.data, err);
}

/* Every object of the range, to the saver. */
static int
name_all(struct bucket *b, struct saver *saver, struct err *err)
{
	const struct object_source source = { .fetch = fetch, .arg = b };
	const struct bucket_source from = { b->s3, b->prefix, b->clock };
	const struct key_range *r = &saver->range;
	AUTO(bucket_lanes) struct bucket_lanes *list = NULL;
	AUTO(object) struct object o = { 0 };
	bool more = true;

	if (r->after && r->last && strcmp(r->after, r->last) >= 0)
		return saver->ops->objects_begin(saver, err);
	/* its first page comes while the saver begins */
	if (bucket_lanes_new(&from, saver, &list, err) ||
	    saver->ops->objects_begin(saver, err))
		return -1;
	for (;;) {
		if (bucket_lanes_next(list, &o, &more, err))
			return -1;
		if (!more)
			return 0;
		if (saver->ops->object(saver, &source, &o, err))
			return -1;
	}
}

static int
backup(struct component *c, struct saver *saver, struct err *err)
{
	struct bucket *b = (struct bucket *)c;
	unsigned denied;

	atomic_store(&b->tags_denied, 0);
	if (facts(b, saver, err) || name_all(b, saver, err) ||
	    saver->ops->objects_end(saver, err))
		return -1;
	denied = atomic_load(&b->tags_denied);
	if (denied)
		saver->ops->degraded(saver,
		    "the tags of %u objects could not be read (access denied) "
		    "and are not in the set",
		    denied);
	return 0;
}

/* --- writing: for a restore */

static int
list_next(void *arg, struct object *o, bool *more, struct err *err)
{
	struct bucket *b = arg;

	*more = false;
	if (b->absent)
		return 0;
	if (!b->list &&
	    s3_list_new(b->s3, b->prefix, NULL, NULL, &b->list, err))
		return -1;
	if (s3_list_next(b->list, o, NULL, more, err))
		return -1;
	if (!*more)
		s3_list_free(TAKE(b->list));
	return 0;
}

static bool
plain_md5(const char *etag)
{
	return etag && strlen(etag) == 32 && !strchr(etag, '-');
}

/* The ETag of an upload in parts depends on the parts: only the bytes tell. */
static int
same_bytes(struct bucket *b, const struct object *have,
    const uint8_t digest[SHA256_SIZE], struct object *got, unsigned *tags,
    bool *same, struct err *err)
{
	uint8_t sum[SHA256_SIZE] = { 0 };
	struct s3_get get = {
		.key = have->key, .len = S3_ALL, .if_match = have->etag
	};
	AUTO(sink) struct sink *hash = NULL;
	struct sink *null = NULL;

	if (sink_null_new(&null, err) || sink_hash_new(null, sum, &hash, err) ||
	    s3_get(b->s3, &get, got, tags, hash, err) || sink_finish(hash, err))
		return -1;
	*same = memcmp(sum, digest, sizeof sum) == 0;
	return 0;
}

static int
same_content(struct bucket *b, const struct object *want,
    const struct object *have, const uint8_t digest[SHA256_SIZE],
    struct object *got, unsigned *tags, bool *same, struct err *err)
{
	*same = false;
	if (want->size != have->size || !want->etag || !have->etag)
		return 0;
	if (strcmp(want->etag, have->etag) == 0) {
		*same = true;
		return s3_head(b->s3, have->key, got, tags, err);
	}
	if (plain_md5(want->etag) && plain_md5(have->etag))
		return 0;
	return same_bytes(b, have, digest, got, tags, same, err);
}

/* Untouched since the backup: nothing is asked.  Otherwise content first,
 * then what belongs to it. */
static int
same(void *arg, const struct object *want, const uint8_t digest[SHA256_SIZE],
    const struct object *have, bool *ret, struct err *err)
{
	struct bucket *b = arg;
	AUTO(object) struct object got = { 0 };
	unsigned tags = 0;

	*ret = object_unchanged(want, have);
	if (*ret)
		return 0;
	if (same_content(b, want, have, digest, &got, &tags, ret, err)) {
		if (!err_is(err, ERR_NOTFOUND) && !err_is(err, ERR_CHANGED))
			return -1;
		*ret = false;
	}
	if (*ret && tags && s3_get_tags(b->s3, have->key, &got.tags, err))
		return -1;
	*ret = *ret && object_same_headers(want, &got);
	return 0;
}

static int
put(void *arg, const struct object *o, struct pool *spare, struct sink **out,
    struct err *err)
{
	struct bucket *b = arg;
	const struct s3_upload u = { .key = o->key,
		.o = o,
		.size = o->size,
		.part = b->part,
		.spare = spare };

	return s3_upload_new(b->s3, &u, out, err);
}

static int
remove_key(void *arg, const char *key, struct err *err)
{
	return s3_delete(((struct bucket *)arg)->s3, key, err);
}

/* The target bucket is made where it is missing. */
static int
prepare(struct bucket *b, struct loader *loader, struct err *err)
{
	bool exists;

	if (s3_bucket_exists(b->s3, b->prefix, &exists, err))
		return -1;
	if (exists)
		return 0;
	loader->ops->note(loader, "bucket '%s' %s made", s3_bucket(b->s3),
	    loader->dry_run ? "would be" : "is");
	b->absent = loader->dry_run;
	return loader->dry_run ? 0 : s3_bucket_create(b->s3, err);
}

static int
restore(struct component *c, struct loader *loader, struct err *err)
{
	struct bucket *b = (struct bucket *)c;
	struct object_target target = {
		.list_next = list_next,
		.same = same,
		.put = put,
		.remove = remove_key,
		.arg = b,
	};

	/* What the set covers, whatever is configured now: nothing outside of
	 * it is compared or removed. */
	b->prefix =
	    loader->facts ? json_opt_str(loader->facts, "prefix") : NULL;
	if (!b->prefix)
		b->prefix = "";
	if (prepare(b, loader, err))
		return -1;
	return loader->ops->objects(loader, &target, err);
}

/* --- before any work */

/*
 * Reading is allowed where there is something to read.  One object that may not
 * be read is the backup's to name; the first few, all of them, mean that the
 * key may not read.
 */
static int
read_some(struct bucket *b, bool *empty, struct err *err)
{
	AUTO(s3_list) struct s3_list *list = NULL;
	bool more = true;

	*empty = true;
	if (s3_list_new(b->s3, b->prefix, NULL, NULL, &list, err))
		return -1;
	for (int i = 0; i < TRIED; i++) {
		AUTO(object) struct object o = { 0 };
		AUTO(object) struct object got = { 0 };
		struct err why = { 0 };

		if (s3_list_next(list, &o, NULL, &more, &why)) {
			*err = why;
			return -1;
		}
		if (!more)
			break;
		*empty = false;
		if (s3_head(b->s3, o.key, &got, NULL, &why) == 0 ||
		    err_is(&why, ERR_NOTFOUND))
			return 0;
		*err = why;
		if (!err_is(&why, ERR_DENIED) && !err_is(&why, ERR_REMOTE))
			return -1;
	}
	return *empty ? 0 : -1;
}

static int
try_read(struct component *c, struct buf *detail, struct err *err)
{
	bool empty;

	if (read_some((struct bucket *)c, &empty, err))
		return -1;
	return buf_puts(detail, empty ? ", empty" : ", may list and read", err);
}

/* One LIST: a backup that finds nothing new asks for no object. */
static int
check(struct component *c, bool for_restore, struct buf *detail,
    struct err *err)
{
	struct bucket *b = (struct bucket *)c;
	bool exists;

	if (s3_bucket_exists(b->s3, b->prefix, &exists, err))
		return -1;
	if (!exists && !for_restore)
		return err_set(err, ERR_NOTFOUND,
		    "bucket '%s' does not exist at %s", s3_bucket(b->s3),
		    s3_endpoint(b->s3));
	if (buf_printf(detail, err, "bucket '%s' at %s%s", s3_bucket(b->s3),
	        s3_endpoint(b->s3), exists ? "" : ", not there yet"))
		return -1;
	return exists && for_restore ? try_read(c, detail, err) : 0;
}

static int
has_prefix(struct bucket *b, const char *prefix, bool exact, bool *ret,
    struct err *err)
{
	AUTO(s3_list) struct s3_list *list = NULL;
	AUTO(object) struct object o = { 0 };

	if (s3_list_new(b->s3, prefix, NULL, NULL, &list, err) ||
	    s3_list_next(list, &o, NULL, ret, err))
		return -1;
	*ret = *ret && (!exact || strcmp(o.key, prefix) == 0);
	return 0;
}

/* Keys between "a" and "a/" make that two listings. */
static int
has(struct component *c, const char *key, bool *ret, struct err *err)
{
	struct bucket *b = (struct bucket *)c;
	AUTO(free) char *folder = NULL;
	bool is_folder = str_ends(key, "/");

	if (has_prefix(b, key, !is_folder, ret, err))
		return -1;
	if (*ret || is_folder)
		return 0;
	if (str_printf(&folder, err, "%s/", key))
		return -1;
	return has_prefix(b, folder, false, ret, err);
}

static void
bucket_free(struct component *c)
{
	struct bucket *b = (struct bucket *)c;

	s3_list_free(b->list);
	s3_free(b->s3);
	free(b);
}

static int
cut(struct component *c, unsigned n, char **last, struct err *err)
{
	struct bucket *b = (struct bucket *)c;

	return bucket_cut(b->s3, b->prefix, n, last, err);
}

/* --- drill: a target that has nothing and keeps nothing */

struct nowhere {
	atomic_uint_fast64_t objects, bytes;
};

static int
nowhere_next(void *arg, struct object *o, bool *more, struct err *err)
{
	(void)arg;
	(void)o;
	(void)err;
	*more = false;
	return 0;
}

static int
nowhere_put(void *arg, const struct object *o, struct pool *spare,
    struct sink **ret, struct err *err)
{
	struct nowhere *n = arg;

	(void)spare;
	atomic_fetch_add(&n->objects, 1);
	atomic_fetch_add(&n->bytes, o->size);
	return sink_null_new(ret, err);
}

/* Who loads objects compares each with its line: order, size, SHA-256. */
static int
drill(struct component *c, struct loader *loader, struct buf *proof,
    struct err *err)
{
	struct nowhere n = { 0 };
	const struct object_target target = {
		.list_next = nowhere_next, .put = nowhere_put, .arg = &n
	};
	char size[16];

	(void)c;
	if (loader->ops->objects(loader, &target, err))
		return -1;
	str_bytes(atomic_load(&n.bytes), size);
	return buf_printf(proof, err,
	    "%ju objects (%s) as their inventory says",
	    (uintmax_t)atomic_load(&n.objects), size);
}

static const struct component_ops bucket_ops = {
	.type = "bucket",
	.check = check,
	.try_read = try_read,
	.backup = backup,
	.restore = restore,
	.drill = drill,
	.cut = cut,
	.has = has,
	.free = bucket_free,
};

int
component_bucket_new(const struct config_component *cc, const char *to,
    const char *scratch, struct component **out, struct err *err)
{
	AUTO(component) struct component *c = NULL;
	struct bucket *b = calloc(1, sizeof *b);
	struct s3_options options = cc->bucket.s3;

	(void)scratch;
	if (!b)
		return err_nomem(err);
	b->component = (struct component){ &bucket_ops, cc->name };
	b->prefix = cc->bucket.prefix ? cc->bucket.prefix : "";
	c = &b->component;
	b->clock = options.clock ? options.clock : clock_real();
	b->part = options.part ? options.part : PART;
	if (to)
		options.bucket = to;
	if (s3_new(&options, &b->s3, err))
		return -1;
	*out = TAKE(c);
	return 0;
}
