#include "s3/s3.h"

#include <ctype.h>
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
check_bucket(const char *name, struct err *err)
{
	size_t n = given(name) ? strlen(name) : 0;

	if (n == 0)
		return err_set(err, ERR_USAGE, "bucket is missing");
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    !strchr("-._:", name[i]))
			n = 0;
	if (n < 3 || n > 255)
		return err_set(err, ERR_USAGE,
		    "bucket '%.100s': 3 to 63 letters, digits, '-' and '.'",
		    name);
	return 0;
}

/* A line break that was copied along would end up in a header. */
static int
check_key(const char *what, const char *key, bool needed, struct err *err)
{
	if (needed && !given(key))
		return err_set(err, ERR_USAGE, "%s is missing", what);
	for (; key && *key; key++)
		if (*key <= ' ' || *key > '~')
			return err_set(err, ERR_USAGE,
			    "%s has white space or other characters that no "
			    "key has",
			    what);
	return 0;
}

static int
check_options(const struct s3_options *o, struct err *err)
{
	const char *sse = o->server_side_encryption;

	if (check_bucket(o->bucket, err) ||
	    check_key("access-key", o->access_key, true, err) ||
	    check_key("secret-key", o->secret_key, true, err) ||
	    check_key("session-token", o->session_token, false, err) ||
	    check_key("region", o->region, false, err) ||
	    check_key("storage-class", o->storage_class, false, err) ||
	    check_key("kms-key-id", o->kms_key_id, false, err))
		return -1;
	if (given(o->region) && strlen(o->region) >= S3_REGION_SIZE)
		return err_set(err, ERR_USAGE, "region is too long");
	if (given(sse) && strcmp(sse, "AES256") != 0 &&
	    strcmp(sse, "aws:kms") != 0)
		return err_set(err, ERR_USAGE,
		    "server-side-encryption '%.40s' is not AES256 or aws:kms",
		    sse);
	if (given(o->kms_key_id) && (!given(sse) || *sse != 'a'))
		return err_set(err, ERR_USAGE,
		    "kms-key-id needs server-side-encryption aws:kms");
	if (given(o->tls_ca_chain) &&
	    !strstr(o->tls_ca_chain, "-----BEGIN CERTIFICATE-----"))
		return err_set(err, ERR_USAGE,
		    "'tls-ca-chain' holds no certificate in PEM form");
	return 0;
}

static int
copy_options(struct s3 *s, const struct s3_options *o, struct err *err)
{
	return copy_given(o->bucket, &s->bucket, err) ||
	               copy_given(o->access_key, &s->access_key, err) ||
	               copy_given(o->secret_key, &s->secret_key, err) ||
	               copy_given(o->session_token, &s->session_token, err) ||
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
		.send = o->send };
	AUTO(s3) struct s3 *s = calloc(1, sizeof *s);

	if (!s)
		return err_nomem(err);
	monitor_init(&s->m);
	s->clock = o->clock ? o->clock : clock_real();
	if (check_options(o, err) ||
	    endpoint_parse(&s->endpoint, o->endpoint, o->uri_style, o->bucket,
	        err) ||
	    copy_options(s, o, err) || http_new(&h, &s->http, err))
		return -1;
	set_region(s, o->region);
	*out = TAKE(s);
	return 0;
}

static void
wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void
s3_free(struct s3 *s)
{
	if (!s)
		return;
	http_free(s->http);
	endpoint_done(&s->endpoint);
	free(s->bucket);
	free(s->access_key);
	wipe(s->secret_key);
	wipe(s->session_token);
	explicit_bzero(&s->key, sizeof s->key);
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

int
s3_bucket_exists(struct s3 *s, bool *exists, struct err *err)
{
	/* not HEAD, whose answer tells nothing about a wrong key */
	const struct s3_request q = {
		.kind = S3_LIST,
		.method = "GET",
		.what = "list",
		.query = "list-type=2&max-keys=1",
		.root = "ListBucketResult",
	};
	AUTO(s3_reply) struct s3_reply r = { 0 };

	if (s3_request(s, &q, &r, err)) {
		if (!err_is(err, ERR_NOTFOUND))
			return -1;
		*exists = false;
		return 0;
	}
	*exists = true;
	return 0;
}

static int
taken(struct s3 *s, const struct err *create, struct err *err)
{
	bool ours;

	if (s3_bucket_exists(s, &ours, err) == 0 && ours)
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
