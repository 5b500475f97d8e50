#include "s3/s3.h"

#include <string.h>

#include "base/str.h"
#include "s3/headers.h"
#include "s3/s3_request.h"

/* --- options */

static bool
given(const char *s)
{
	return s && *s;
}

static int
copy_given(const char *s, char **to, struct err *err)
{
	return given(s) ? str_dup(s, to, err) : 0;
}

static int
copy_options(struct s3 *s, const struct s3_options *o, struct err *err)
{
	return copy_given(o->bucket, &s->bucket, err) ||
	               copy_given(o->storage_class, &s->storage_class, err) ||
	               copy_given(o->server_side_encryption, &s->encryption,
	                   err) ||
	               copy_given(o->kms_key_id, &s->kms_key_id, err)
	           ? -1
	           : 0;
}

static void
set_region(struct s3 *s, const char *region)
{
	s->region_given = given(region);
	if (s->region_given)
		memcpy(s->region, region, strlen(region) + 1);
	else
		endpoint_region(&s->endpoint, s->region, sizeof s->region);
	if (!s->region[0])
		memcpy(s->region, "us-east-1", 10);
}

int
s3_new(const struct s3_options *o, struct s3 **out, struct err *err)
{
	const struct http_options h = { .ca_pem = o->tls_ca_chain,
		.proxy = o->proxy,
		.no_proxy = o->no_proxy,
		.receive = o->receive,
		.send = o->send,
		.connections = o->connections };
	AUTO(s3) struct s3 *s = calloc(1, sizeof *s);
	const char *which;

	if (!s)
		return err_nomem(err);
	monitor_init(&s->m);
	s->clock = o->clock ? o->clock : clock_real();
	if (s3_options_check(o, &which, err) ||
	    endpoint_parse(&s->endpoint, o->endpoint, o->uri_style, o->bucket,
	        err) ||
	    copy_options(s, o, err) ||
	    s3_keys_add(&s->ring, o->access_key, o->secret_key,
	        o->session_token, err) ||
	    http_new(&h, &s->http, err))
		return -1;
	set_region(s, o->region);
	s->reload = o->reload;
	s->reload_ctx = o->reload_ctx;
	*out = TAKE(s);
	return 0;
}

void
s3_free(struct s3 *s)
{
	if (!s)
		return;
	http_free(s->http);
	endpoint_done(&s->endpoint);
	free(s->bucket);
	s3_keys_free(s->ring);
	free(s->storage_class);
	free(s->encryption);
	free(s->kms_key_id);
	monitor_done(&s->m);
	free(s);
}

const char *
s3_bucket(const struct s3 *s)
{
	return s->bucket;
}

const char *
s3_endpoint(const struct s3 *s)
{
	return s->endpoint.base;
}

int64_t
s3_now(struct s3 *s)
{
	int64_t offset;

	monitor_enter(&s->m);
	offset = s->offset;
	monitor_leave(&s->m);
	return clock_now(s->clock) + offset;
}

void
s3_counts(const struct s3 *s, struct s3_counts *out)
{
	for (size_t i = 0; i < S3_KINDS; i++)
		out->sent[i] = atomic_load(&s->sent[i]);
}

/* --- the bucket */

/* Not HEAD, whose answer tells nothing about a wrong key. */
static int
list_one(struct s3 *s, const char *prefix, const char *behind,
    struct s3_reply *r, struct err *err)
{
	AUTO(buf) struct buf query = { .max = S3_QUERY_MAX };
	struct s3_request q = {
		.kind = S3_LIST,
		.method = "GET",
		.what = "list",
		.root = "ListBucketResult",
	};

	if (buf_puts(&query, "list-type=2&max-keys=1&prefix=", err) ||
	    str_percent(&query, prefix, "", err) ||
	    buf_puts(&query, behind, err))
		return -1;
	q.query = query.data;
	return s3_request(s, &q, r, err);
}

/* That no key has the prefix is the least work: RadosGW makes a page of one key
 * from many.  But a policy may name the prefix, and none that is longer. */
int
s3_bucket_exists(struct s3 *s, const char *prefix, bool *exists,
    struct err *err)
{
	AUTO(s3_reply) struct s3_reply r = { 0 };
	int rc = list_one(s, prefix, "no-such-key", &r, err);

	if (rc && strcmp(r.error.code, "AccessDenied") == 0)
		rc = list_one(s, prefix, "", &r, err);
	if (rc && !err_is(err, ERR_NOTFOUND))
		return -1;
	*exists = rc == 0;
	return 0;
}

static int
taken(struct s3 *s, const struct err *create, struct err *err)
{
	bool ours;

	if (s3_bucket_exists(s, "", &ours, err) == 0 && ours)
		return 0;
	*err = *create;
	return -1;
}

int
s3_bucket_create(struct s3 *s, struct err *err)
{
	struct s3_request q = {
		.kind = S3_OTHER, .method = "PUT", .what = "create"
	};
	AUTO(buf) struct buf body = { .max = 1024 };
	AUTO(s3_reply) struct s3_reply r = { 0 };

	if (s->region_given && strcmp(s->region, "us-east-1") != 0) {
		if (buf_printf(&body, err,
		        "<CreateBucketConfiguration xmlns=\""
		        "http://s3.amazonaws.com/doc/2006-03-01/\">"
		        "<LocationConstraint>%s</LocationConstraint>"
		        "</CreateBucketConfiguration>",
		        s->region))
			return -1;
		q.body = body.data;
		q.body_len = body.len;
	}
	if (s3_request(s, &q, &r, err) == 0)
		return 0;
	if (err_is(err, ERR_EXISTS)) {
		struct err create = *err;

		return taken(s, &create, err);
	}
	return -1;
}

/* --- objects */

int
s3_put(struct s3 *s, const char *key, const void *data, size_t len,
    const struct object *o, char **etag, struct err *err)
{
	struct s3_request q = {
		.kind = S3_PUT,
		.method = "PUT",
		.what = "write to",
		.key = key,
		.body = data,
		.body_len = len,
		.checksum = true,
	};
	AUTO(headers) struct headers h = { 0 };
	AUTO(s3_reply) struct s3_reply r = { 0 };
	const char *tag;

	if (headers_write(s, o, NULL, &h, err))
		return -1;
	q.headers = h.list;
	if (s3_request(s, &q, &r, err))
		return -1;
	tag = http_response_header(&r.http, "etag");
	if (!tag || !*tag)
		return err_set(err, ERR_REMOTE,
		    "%s did not confirm object '%s' with an ETag",
		    s->endpoint.base, key);
	return etag ? reply_etag(tag, etag, err) : 0;
}

int
s3_head(struct s3 *s, const char *key, struct object *got, unsigned *ntags,
    struct err *err)
{
	const struct s3_request q = {
		.kind = S3_HEAD,
		.method = "HEAD",
		.what = "read from",
		.key = key,
	};
	AUTO(s3_reply) struct s3_reply r = { 0 };
	const char *length;
	uint64_t size = 0;

	if (s3_request(s, &q, &r, err))
		return -1;
	length = http_response_header(&r.http, "content-length");
	if (!length || str_to_u64(length, 0, INT64_MAX, &size, err))
		return err_set(err, ERR_REMOTE, "%s gives no size of '%s'",
		    s->endpoint.base, key);
	if (headers_read(&r.http, got, ntags, err))
		return -1;
	if (got)
		got->size = size;
	return 0;
}
