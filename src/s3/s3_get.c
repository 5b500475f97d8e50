#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "s3/headers.h"
#include "s3/s3.h"
#include "s3/s3_request.h"

/* One s3_get over all its attempts; the sink of each of them. */
struct transfer {
	struct sink sink;
	struct s3 *s;
	const struct s3_get *want;
	struct object *got;
	unsigned *ntags;
	struct sink *to;
	struct s3_reply reply;

	char *etag;     /* of the first answer: all others must be of it */
	uint64_t done;  /* bytes passed on */
	uint64_t total; /* bytes to pass on; S3_ALL: until the body ends */
	uint64_t skip;  /* bytes of this answer that are not wanted */
	bool begun;     /* an answer was accepted */
	bool checked;   /* this answer was looked at */
	bool full;      /* more came than is wanted */
	bool broken;    /* `to` has failed: no attempt can help */
	struct err why; /* what it said */
};

/* --- what an answer brings */

/* Where its bytes stand in the object; size S3_ALL: it does not say. */
struct extent {
	uint64_t first, end, size;
};

static int
bad_range(const struct transfer *t, const char *text, struct err *err)
{
	return err_set(err, ERR_REMOTE,
	    "%s answers for object '%s' with a Content-Range '%.100s' that was not asked for",
	    t->s->endpoint.base, t->want->key, text ? text : "");
}

static bool
number(const char **p, char behind, uint64_t *n)
{
	size_t k = strspn(*p, "0123456789");
	char digits[21];
	struct err ignored;

	if (k == 0 || k >= sizeof digits || (*p)[k] != behind)
		return false;
	memcpy(digits, *p, k);
	digits[k] = '\0';
	*p += k + (behind != '\0');
	return str_to_u64(digits, 0, INT64_MAX, n, &ignored) == 0;
}

/* "bytes 5-9/100" or "bytes 5-9/" and a star: RFC 9110 14.4. */
static bool
parse_range(const char *text, struct extent *x)
{
	uint64_t last;

	if (!text || strncmp(text, "bytes ", 6) != 0)
		return false;
	text += 6;
	if (!number(&text, '-', &x->first) || !number(&text, '/', &last))
		return false;
	x->end = last + 1;
	x->size = S3_ALL;
	if (strcmp(text, "*") != 0 && !number(&text, '\0', &x->size))
		return false;
	return x->first < x->end && (x->size == S3_ALL || x->end <= x->size);
}

static int
extent_of(const struct transfer *t, struct extent *x, struct err *err)
{
	const struct http_response *r = &t->reply.http;
	const char *length = http_response_header(r, "content-length");
	const char *range = http_response_header(r, "content-range");

	*x = (struct extent){ 0, S3_ALL, S3_ALL };
	if (r->status == 206) {
		if (!parse_range(range, x) ||
		    x->first != t->want->off + t->done)
			return bad_range(t, range, err);
		return 0;
	}
	/* the whole, also where a range was asked for: some do that */
	if (length && str_to_u64(length, 0, INT64_MAX, &x->size, err))
		return err_set(err, ERR_REMOTE, "Content-Length is '%.40s'",
		    length);
	x->end = x->size;
	return 0;
}

static int
too_short(const struct transfer *t, uint64_t size, struct err *err)
{
	return err_set(err, ERR_CORRUPT,
	    "object '%s' in bucket '%s' has %" PRIu64
	    " bytes, fewer than were asked for",
	    t->want->key, t->s->bucket, size);
}

/* How many bytes are due in all. */
static int
set_total(struct transfer *t, const struct extent *x, struct err *err)
{
	const struct s3_get *w = t->want;
	uint64_t total = w->len;

	if (x->size != S3_ALL && w->off > x->size)
		return too_short(t, x->size, err);
	if (x->size != S3_ALL && w->len == S3_ALL)
		total = x->size - w->off;
	if (x->size != S3_ALL && total > x->size - w->off)
		return too_short(t, x->size, err);
	t->total = total;
	return 0;
}

/*
 * A 2xx to If-Match should be enough.  But not every server knows If-Match,
 * and what stands between may say 200 with something else inside: without an
 * ETag it is no object.
 */
static int
version_wanted(const struct transfer *t, const char *etag, struct err *err)
{
	AUTO(free) char *bare = NULL;

	if (!t->want->if_match)
		return 0;
	if (!etag)
		return err_set(err, ERR_TRANSIENT,
		    "%s answers for object '%s' without an ETag",
		    t->s->endpoint.base, t->want->key);
	if (reply_etag(etag, &bare, err))
		return -1;
	if (strcmp(bare, t->want->if_match) == 0)
		return 0;
	return err_set(err, ERR_CHANGED,
	    "object '%s' in bucket '%s' has changed meanwhile", t->want->key,
	    t->s->bucket);
}

static int
take_facts(struct transfer *t, const struct extent *x, struct err *err)
{
	const char *etag = http_response_header(&t->reply.http, "etag");

	if (version_wanted(t, etag, err) || set_total(t, x, err) ||
	    headers_read(&t->reply.http, t->got, t->ntags, err))
		return -1;
	if (t->got && x->size != S3_ALL)
		t->got->size = x->size;
	return etag ? str_dup(etag, &t->etag, err) : 0;
}

static int
same_version(const struct transfer *t, struct err *err)
{
	const char *etag = http_response_header(&t->reply.http, "etag");

	if (etag && t->etag && strcmp(etag, t->etag) == 0)
		return 0;
	return err_set(err, ERR_CHANGED,
	    "object '%s' in bucket '%s' changed while it was read",
	    t->want->key, t->s->bucket);
}

/* Called at the first byte of an answer, or at its end where it has none. */
static int
check(struct transfer *t, struct err *err)
{
	struct extent x;

	t->checked = true;
	if (extent_of(t, &x, err))
		return -1;
	if (t->begun ? same_version(t, err) : take_facts(t, &x, err))
		return -1;
	t->begun = true;
	t->skip = t->want->off + t->done - x.first;
	return 0;
}

/* --- the sink of an attempt */

static int
pass_on(struct transfer *t, const char *p, size_t n, struct err *err)
{
	size_t k = t->skip < n ? (size_t)t->skip : n;

	t->skip -= k;
	p += k;
	n -= k;
	k = n;
	if (t->total != S3_ALL && t->total - t->done < n)
		k = (size_t)(t->total - t->done);
	if (sink_write(t->to, p, k, err)) {
		t->broken = true;
		return -1;
	}
	t->done += k;
	if (k == n)
		return 0;
	t->full = true;
	return err_set(err, ERR_REMOTE, "more bytes than were asked for");
}

static int
transfer_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct transfer *t = (struct transfer *)s;

	if (!t->checked && check(t, err))
		return -1;
	return pass_on(t, p, n, err);
}

static int
transfer_finish(struct sink *s, struct err *err)
{
	const struct transfer *t = (struct transfer *)s;

	(void)err;
	/* also where nobody announced it */
	if (t->got && t->want->len == S3_ALL)
		t->got->size = t->want->off + t->done;
	return 0;
}

static void
transfer_free(struct sink *s)
{
	struct transfer *t = (struct transfer *)s;

	s3_request_done(&t->reply);
	free(t->etag);
}

static const struct sink_ops transfer_ops = {
	.name = "get",
	.write = transfer_write,
	.finish = transfer_finish,
	.free = transfer_free,
};

/* --- one attempt */

static bool
complete(const struct transfer *t)
{
	return t->begun && t->total != S3_ALL && t->done == t->total;
}

static int
range_header(const struct transfer *t, char *out, size_t size)
{
	uint64_t from = t->want->off + t->done;

	if (t->want->len == S3_ALL)
		return snprintf(out, size, "bytes=%" PRIu64 "-", from);
	return snprintf(out, size, "bytes=%" PRIu64 "-%" PRIu64, from,
	    t->want->off + t->want->len - 1);
}

/* An ETag of the caller has no quotes, one of the server has. */
static int
match_header(const struct transfer *t, char **out, struct err *err)
{
	const char *given = t->want->if_match;

	if (t->etag)
		return str_dup(t->etag, out, err);
	return given ? str_join(out, err, "\"", given, "\"", NULL) : 0;
}

static int
send_get(struct transfer *t, struct retry_hint *hint, struct err *err)
{
	AUTO(free) char *match = NULL;
	struct http_header h[3] = { { 0 } };
	struct s3_request q = {
		.kind = S3_GET,
		.method = "GET",
		.what = "read from",
		.key = t->want->key,
		.headers = h,
	};
	char range[64];
	size_t n = 0;

	if (match_header(t, &match, err))
		return -1;
	if (match)
		h[n++] = (struct http_header){ "If-Match", match };
	if (t->want->off + t->done > 0 || t->want->len != S3_ALL) {
		(void)range_header(t, range, sizeof range);
		h[n++] = (struct http_header){ "Range", range };
	}
	return s3_request_once(t->s, &q, &t->reply, &t->sink, hint, err);
}

/* The transfer broke off.  Without an ETag nobody knows whether the rest would
 * be of the same version. */
static int
broke_off(struct transfer *t, struct err *err)
{
	if (err_is(err, ERR_TRANSIENT) && t->done > 0 && !t->etag)
		return err_set(err, ERR_REMOTE,
		    "object '%s': the transfer broke, and without an ETag it cannot go on",
		    t->want->key);
	return -1;
}

static int
get_once(void *arg, struct retry_hint *hint, struct err *err)
{
	struct transfer *t = arg;
	uint64_t before = t->done;
	int rc;

	t->checked = false;
	rc = send_get(t, hint, err);
	hint->progressed = t->done > before;
	if (t->broken) {
		t->why = *err;
		return 0;
	}
	if (t->full || (rc && complete(t)))
		return 0;
	if (rc)
		return broke_off(t, err);
	if (!t->checked && check(t, err))
		return -1;
	if (t->total == S3_ALL || complete(t))
		return 0;
	(void)err_set(err, ERR_TRANSIENT,
	    "object '%s': %" PRIu64 " of %" PRIu64 " bytes came", t->want->key,
	    t->done, t->total);
	return broke_off(t, err);
}

/* An empty range cannot be asked for. */
static int
get_nothing(struct s3 *s, const struct s3_get *w, struct object *got,
    unsigned *ntags, struct err *err)
{
	AUTO(object) struct object o = { 0 };

	if (s3_head(s, w->key, &o, ntags, err))
		return -1;
	if (w->if_match && (!o.etag || strcmp(o.etag, w->if_match) != 0))
		return err_set(err, ERR_CHANGED,
		    "object '%s' in bucket '%s' has changed meanwhile", w->key,
		    s->bucket);
	if (got)
		object_move(got, &o);
	return 0;
}

int
s3_get(struct s3 *s, const struct s3_get *w, struct object *got,
    unsigned *ntags, struct sink *to, struct err *err)
{
	struct transfer t = {
		.s = s, .want = w, .got = got, .ntags = ntags, .to = to
	};
	int rc;

	if (w->len == 0)
		return get_nothing(s, w, got, ntags, err);
	(void)sink_init(&t.sink, &transfer_ops, NULL);
	rc = retry_run(&s3_request_policy, s->clock, get_once, &t, err);
	if (rc == 0)
		rc = sink_finish(&t.sink, err);
	sink_free(&t.sink);
	if (t.broken) {
		*err = t.why;
		return -1;
	}
	return rc;
}

int
s3_get_tags(struct s3 *s, const char *key, struct object_pairs *out,
    struct err *err)
{
	const struct s3_request q = {
		.kind = S3_OTHER,
		.method = "GET",
		.what = "read tags in",
		.key = key,
		.query = "tagging=",
		.root = "Tagging",
	};
	AUTO(s3_reply) struct s3_reply r = { 0 };

	if (s3_request(s, &q, &r, err) == 0)
		return reply_tags(&r.xml, out, err);
	if (!err_is(err, ERR_NOTFOUND) ||
	    strcmp(r.error.code, "NoSuchTagSet") != 0)
		return -1;
	*out = (struct object_pairs){ 0 };
	return 0;
}
