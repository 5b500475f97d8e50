#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/pool.h"
#include "base/str.h"
#include "s3/headers.h"
#include "s3/s3.h"
#include "s3/s3_error.h"
#include "s3/s3_part.h"
#include "s3/s3_request.h"
#include "s3/xml.h"

enum {
	GROW_EVERY = 2000, /* parts; the size doubles three times: with 8 MiB
	                    * that makes 359 GiB */
	GROWN_MOST = 3 * GROW_EVERY,
	PARTS_XML_MAX = 8 << 20,
	BESIDE = 4,              /* parts on their way at most */
	BESIDE_COST = 128 << 10, /* a thread and a connection */
	SLOW_MS = 10000,         /* a part: with others it would take so many
	                          * times as long, and the source would wait */
};

struct upload {
	struct sink sink;
	struct s3 *s;
	char *key;
	struct object o; /* headers, metadata, tags */
	struct buf buf;  /* the part being filled; .max is its size */
	char *id;        /* NULL: not begun, or over */
	bool checksums;  /* of all parts, as was said when it was begun */
	unsigned parts;  /* confirmed */
	struct buf sent; /* these as completion wants them */
	uint64_t total;
	bool broken; /* a part did not arrive */
	/* Parts on their way, in order, and how many there is memory for. */
	struct s3_part *beside[BESIDE];
	unsigned nbeside, taken;
	struct pool *spare; /* where that is taken from; or NULL */
	uint64_t grown;     /* by which a part is larger than it was */
	struct buf next;    /* memory of one that has arrived */
	bool slow;          /* was the last one that went alone */
};

/* --- begin */

static int
upload_query(const struct upload *u, struct buf *b, struct err *err)
{
	return buf_puts(b, "uploadId=", err) || str_percent(b, u->id, "", err)
	           ? -1
	           : 0;
}

static int
begin(struct upload *u, struct err *err)
{
	struct s3_request q = {
		.kind = S3_OTHER,
		.method = "POST",
		.what = "write to",
		.key = u->key,
		.query = "uploads=",
		.root = "InitiateMultipartUploadResult",
	};
	AUTO(headers) struct headers h = { 0 };
	AUTO(s3_reply) struct s3_reply r = { 0 };

	u->checksums = atomic_load(&u->s->checksums);
	if (headers_write(u->s, &u->o, u->checksums ? "SHA256" : NULL, &h, err))
		return -1;
	q.headers = h.list;
	if (s3_request(u->s, &q, &r, err))
		return -1;
	return reply_text(&r.xml, "InitiateMultipartUploadResult/UploadId",
	    &u->id, err);
}

/* --- abort */

static int
abort_upload(struct s3 *s, const char *key, const char *query,
    struct retry_hint *hint, struct err *err)
{
	const struct s3_request q = {
		.kind = S3_DELETE,
		.method = "DELETE",
		.what = "delete from",
		.key = key,
		.query = query,
	};
	AUTO(s3_reply) struct s3_reply r = { 0 };

	if (!hint)
		return s3_request(s, &q, &r, err);
	return s3_request_once(s, &q, &r, NULL, hint, err);
}

/* One attempt: whoever ends a broken upload has waited enough, and a sweep
 * finds what is left. */
static void
abandon(struct upload *u)
{
	AUTO(buf) struct buf query = { .max = S3_QUERY_MAX };
	struct retry_hint hint = { 0 };
	struct err err = { 0 };

	if (upload_query(u, &query, &err) ||
	    abort_upload(u->s, u->key, query.data, &hint, &err))
		log_debug("multipart upload of '%s' was not aborted: %s",
		    u->key, err.msg);
	free(TAKE(u->id));
}

/* --- parts */

static int
note_part(struct upload *u, const struct s3_part *p, struct err *err)
{
	const struct s3_reply *r = &p->reply;
	const char *etag = http_response_header(&r->http, "etag");

	if (!etag || !*etag)
		return err_set(err, ERR_REMOTE,
		    "%s did not confirm part %u of '%s' with an ETag",
		    u->s->endpoint.base, p->number, u->key);
	if (buf_printf(&u->sent, err, "<Part><PartNumber>%u</PartNumber><ETag>",
	        p->number) ||
	    xml_escape(&u->sent, etag, err) ||
	    buf_puts(&u->sent, "</ETag>", err) ||
	    (r->checksum.len > 0 &&
	        buf_printf(&u->sent, err, "<ChecksumSHA256>%s</ChecksumSHA256>",
	            r->checksum.data)) ||
	    buf_puts(&u->sent, "</Part>", err))
		return -1;
	u->parts++;
	return 0;
}

/* What is in the buffer becomes the next part. */
static int
take_part(struct upload *u, struct s3_part *p, struct err *err)
{
	if (!u->id && begin(u, err))
		return -1;
	/* more than a test can send */
	if (u->parts + u->nbeside == S3_PARTS_MAX)
		return err_set(err, ERR_USAGE,
		    "'%s' is too large for %d parts of this size", u->key,
		    (int)S3_PARTS_MAX);
	*p = (struct s3_part){ .s = u->s,
		.key = u->key,
		.id = u->id,
		.checksum = u->checksums,
		.number = u->parts + u->nbeside + 1,
		.body = u->buf };
	u->buf = u->next;
	u->buf.max = p->body.max;
	u->next = (struct buf){ 0 };
	return 0;
}

/* Its memory is there for the one that is filled next. */
static void
reuse(struct upload *u, struct s3_part *p)
{
	struct buf *to = u->buf.data ? &u->next : &u->buf;

	buf_done(to);
	*to = p->body;
	buf_clear(to);
	p->body = (struct buf){ 0 };
}

/* An upload has checksums from its first part on, and only if it was begun with
 * them: it is begun again where the server wants them. */
static bool
begun_wrong(const struct upload *u, const struct s3_part *p)
{
	return u->id && !u->checksums && p->number == 1 &&
	       s3_error_wants_checksum(&p->reply);
}

static int
send_again(struct upload *u, struct s3_part *p, struct err *err)
{
	abandon(u);
	if (begin(u, err))
		return -1;
	p->id = u->id;
	p->checksum = u->checksums;
	return s3_part_send(p, err);
}

static int
send_now(struct upload *u, struct err *err)
{
	AUTO(s3_part) struct s3_part p = { 0 };
	int64_t began = clock_mono_ms(u->s->clock);
	int rc;

	if (take_part(u, &p, err))
		return -1;
	rc = s3_part_send(&p, err);
	if (rc && begun_wrong(u, &p))
		rc = send_again(u, &p, err);
	if (rc || note_part(u, &p, err))
		return -1;
	u->slow = clock_mono_ms(u->s->clock) - began > SLOW_MS;
	reuse(u, &p);
	return 0;
}

/* --- parts on their way while the next is filled */

/* The oldest one, for the list of parts is in their order. */
static int
collect(struct upload *u, struct err *err)
{
	struct s3_part *p = u->beside[0];
	int rc = s3_part_wait(p, err);

	if (rc == 0)
		rc = note_part(u, p, err);
	u->nbeside--;
	for (unsigned i = 0; i < u->nbeside; i++)
		u->beside[i] = u->beside[i + 1];
	reuse(u, p);
	s3_part_done(p);
	free(p);
	return rc;
}

static int
collect_all(struct upload *u, struct err *err)
{
	int rc = 0;

	while (u->nbeside > 0) {
		struct err why = { 0 };

		if (collect(u, &why) && rc == 0) {
			*err = why;
			rc = -1;
		}
	}
	return rc;
}

static uint64_t
cost_beside(const struct upload *u)
{
	return u->buf.max + BESIDE_COST;
}

static void
give_back(struct upload *u)
{
	if (u->taken > 0)
		pool_give(u->spare, u->taken * cost_beside(u));
	u->taken = 0;
}

/* Is there memory for one more on its way? */
static bool
room_beside(struct upload *u)
{
	if (u->nbeside < u->taken)
		return true;
	if (!u->spare || u->slow || u->nbeside == BESIDE ||
	    !pool_try(u->spare, cost_beside(u)))
		return false;
	u->taken++;
	return true;
}

static int
start_part(struct upload *u, struct err *err)
{
	struct s3_part *p = calloc(1, sizeof *p);

	if (!p)
		return err_nomem(err);
	if (take_part(u, p, err)) {
		free(p);
		return -1;
	}
	s3_part_start(p);
	u->beside[u->nbeside++] = p;
	return 0;
}

/* Larger ones, so that memory is looked for anew. */
static int
grow(struct upload *u, struct err *err)
{
	if (collect_all(u, err))
		return -1;
	give_back(u);
	buf_done(&u->next);
	if (u->spare) {
		pool_take(u->spare, u->buf.max);
		u->grown += u->buf.max;
	}
	u->buf.max *= 2;
	return 0;
}

/* The first goes alone: with it the upload is begun, and its checksums. */
static int
send_part(struct upload *u, struct err *err)
{
	unsigned begun = u->parts + u->nbeside + 1;
	int rc;

	if (begun > 1 && u->nbeside > 0 && !room_beside(u) && collect(u, err))
		return -1;
	rc =
	    begun > 1 && room_beside(u) ? start_part(u, err) : send_now(u, err);
	if (rc == 0 && begun % GROW_EVERY == 0 && begun <= GROWN_MOST)
		rc = grow(u, err);
	return rc;
}

/* A full part leaves when the byte behind it comes: what fits into one part is
 * sent by a plain PUT. */
static int
take_bytes(struct upload *u, const char *p, size_t n, struct err *err)
{
	while (n > 0) {
		size_t k = u->buf.max - u->buf.len;

		if (k == 0) {
			if (send_part(u, err))
				return -1;
			continue;
		}
		k = k < n ? k : n;
		if (buf_add(&u->buf, p, k, err))
			return -1;
		u->total += k;
		p += k;
		n -= k;
	}
	return 0;
}

/* For a caller that goes on after a write that failed. */
static int
refuse_broken(const struct upload *u, struct err *err)
{
	return err_set(err, ERR_IO, "a part of '%s' was not stored", u->key);
}

static int
upload_write(struct sink *s, const void *data, size_t n, struct err *err)
{
	struct upload *u = (struct upload *)s;

	if (u->broken)
		return refuse_broken(u, err);
	u->broken = take_bytes(u, data, n, err) != 0;
	return u->broken ? -1 : 0;
}

/* --- completion */

/* "…-12": the ETag of a multipart upload with so many parts. */
static bool
multipart_etag(const char *etag, unsigned parts)
{
	const char *dash = etag ? strrchr(etag, '-') : NULL;
	struct err ignored;
	uint64_t n;

	return dash && str_to_u64(dash + 1, parts, parts, &n, &ignored) == 0;
}

/* No clear answer: it was completed, if what was to be made is there. */
static int
was_completed(struct upload *u, const struct err *otherwise, struct err *err)
{
	AUTO(object) struct object o = { 0 };

	if (s3_head(u->s, u->key, &o, NULL, err) == 0 && o.size == u->total &&
	    multipart_etag(o.etag, u->parts))
		return 0;
	*err = *otherwise;
	return -1;
}

/* RadosGW 16 leaves the ETag empty. */
static int
confirmed(struct upload *u, const struct s3_reply *r, struct err *err)
{
	AUTO(free) char *etag = NULL;
	struct err none = { 0 };

	if (reply_text(&r->xml, "CompleteMultipartUploadResult/ETag", &etag,
	        &none) == 0)
		return 0;
	if (err_is(&none, ERR_NOMEM))
		return err_nomem(err);
	return was_completed(u, &none, err);
}

static int
complete(struct upload *u, struct err *err)
{
	struct s3_request q = {
		.kind = S3_OTHER,
		.method = "POST",
		.what = "write to",
		.key = u->key,
		.fresh = true, /* or r.lost would not be the truth */
		.root = "CompleteMultipartUploadResult",
	};
	AUTO(buf) struct buf query = { .max = S3_QUERY_MAX };
	AUTO(s3_reply) struct s3_reply r = { 0 };

	if (upload_query(u, &query, err) ||
	    buf_puts(&u->sent, "</CompleteMultipartUpload>", err))
		return -1;
	q.query = query.data;
	q.body = u->sent.data;
	q.body_len = u->sent.len;
	if (s3_request(u->s, &q, &r, err) == 0)
		return confirmed(u, &r, err);
	if (err_is(err, ERR_NOTFOUND) && r.lost &&
	    strcmp(r.error.code, "NoSuchUpload") == 0) {
		struct err gone = *err;

		return was_completed(u, &gone, err);
	}
	return -1;
}

/* Not every server keeps the tags that an initiation has. */
static int
keep_tags(struct upload *u, struct err *err)
{
	unsigned n = 0;

	if (u->o.tags.count == 0)
		return 0;
	if (s3_head(u->s, u->key, NULL, &n, err))
		return -1;
	return n == u->o.tags.count
	           ? 0
	           : s3_put_tags(u->s, u->key, &u->o.tags, err);
}

static int
upload_finish(struct sink *s, struct err *err)
{
	struct upload *u = (struct upload *)s;

	if (u->broken)
		return refuse_broken(u, err);
	if (!u->id)
		return s3_put(u->s, u->key, u->buf.data, u->buf.len, &u->o,
		    NULL, err);
	if ((u->buf.len > 0 && send_part(u, err)) || collect_all(u, err) ||
	    complete(u, err))
		return -1;
	free(TAKE(u->id));
	return keep_tags(u, err);
}

/* --- the end */

static void
upload_free(struct sink *s)
{
	struct upload *u = (struct upload *)s;
	struct err ignored = { 0 };

	/* none may arrive behind the end; it is one that failed, if any did */
	(void)collect_all(u, &ignored);
	give_back(u);
	if (u->grown > 0)
		pool_give(u->spare, u->grown);
	if (u->id)
		abandon(u);
	free(u->key);
	object_done(&u->o);
	buf_done(&u->buf);
	buf_done(&u->next);
	buf_done(&u->sent);
	free(u);
}

static const struct sink_ops upload_ops = {
	.name = "upload",
	.write = upload_write,
	.finish = upload_finish,
	.free = upload_free,
};

int
s3_upload_new(struct s3 *s, const struct s3_upload *to, struct sink **out,
    struct err *err)
{
	struct upload *u = calloc(1, sizeof *u);
	AUTO(sink) struct sink *sink = NULL;

	if (!u)
		return err_nomem(err);
	sink = sink_init(&u->sink, &upload_ops, NULL);
	u->s = s;
	u->buf.max = to->part;
	u->sent.max = PARTS_XML_MAX;
	u->spare = to->spare;
	if (str_dup(to->key, &u->key, err) ||
	    (to->o && object_copy_headers(&u->o, to->o, err)) ||
	    (to->size < to->part &&
	        buf_reserve(&u->buf, (size_t)to->size, err)) ||
	    buf_puts(&u->sent,
	        "<CompleteMultipartUpload xmlns=\""
	        "http://s3.amazonaws.com/doc/2006-03-01/\">",
	        err))
		return -1;
	*out = TAKE(sink);
	return 0;
}

/* --- what others left behind */

static int
sweep_page(struct s3 *s, const struct reply_uploads *page, int64_t before,
    unsigned *n, struct err *err)
{
	for (size_t i = 0; i < page->count; i++) {
		const struct reply_upload *u = &page->upload[i];
		AUTO(buf) struct buf query = { .max = S3_QUERY_MAX };

		if (u->begun >= before)
			continue;
		if (buf_puts(&query, "uploadId=", err) ||
		    str_percent(&query, u->id, "", err))
			return -1;
		if (abort_upload(s, u->key, query.data, NULL, err)) {
			/* another sweep was first */
			if (!err_is(err, ERR_NOTFOUND))
				return -1;
			continue;
		}
		++*n;
	}
	return 0;
}

static int
uploads_query(const char *prefix, const struct reply_uploads *last,
    struct buf *b, struct err *err)
{
	/* no encoding-type: RadosGW would encode and not say so */
	if (buf_puts(b, "uploads=&prefix=", err) ||
	    str_percent(b, prefix, "", err))
		return -1;
	if (last->next_key && (buf_puts(b, "&key-marker=", err) ||
	                          str_percent(b, last->next_key, "", err)))
		return -1;
	if (last->next_id && (buf_puts(b, "&upload-id-marker=", err) ||
	                         str_percent(b, last->next_id, "", err)))
		return -1;
	return 0;
}

static bool
same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The page behind *page takes its place. */
static int
next_uploads(struct s3 *s, const char *prefix, struct reply_uploads *page,
    struct err *err)
{
	AUTO(buf) struct buf query = { .max = S3_QUERY_MAX };
	AUTO(s3_reply) struct s3_reply r = { 0 };
	struct reply_uploads next = { 0 };
	struct s3_request q = { .kind = S3_LIST,
		.method = "GET",
		.what = "list uploads in",
		.root = "ListMultipartUploadsResult" };

	if (uploads_query(prefix, page, &query, err))
		return -1;
	q.query = query.data;
	if (s3_request(s, &q, &r, err) || reply_uploads(&r.xml, &next, err))
		return -1;
	/* no way forward is the end, not a loop */
	if (next.count == 0 || (same(next.next_key, page->next_key) &&
	                           same(next.next_id, page->next_id)))
		next.truncated = false;
	reply_uploads_done(page);
	*page = next;
	return 0;
}

int
s3_upload_sweep(struct s3 *s, const char *prefix, int64_t before, unsigned *n,
    struct err *err)
{
	AUTO(reply_uploads) struct reply_uploads page = { 0 };
	unsigned count = 0;

	do {
		if (next_uploads(s, prefix, &page, err) ||
		    sweep_page(s, &page, before, &count, err))
			return -1;
	} while (page.truncated);
	*n = count;
	return 0;
}

int
s3_upload_any(struct s3 *s, const char *prefix, bool *any, struct err *err)
{
	AUTO(reply_uploads) struct reply_uploads page = { 0 };

	if (next_uploads(s, prefix, &page, err))
		return -1;
	*any = page.count > 0;
	return 0;
}
