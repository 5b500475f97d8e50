#include "s3/s3_request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/date.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/sha256.h"
#include "s3/s3_error.h"
#include "s3/xml.h"

/* Half a minute in all: a server that restarts is back by then. */
const struct retry_policy s3_request_policy = {
	.attempts = 8,
	.first_ms = 200,
	.most_ms = 20000,
};

enum {
	/* Of an endpoint that has never answered: more likely wrong than
	 * restarting. */
	SILENT_MOST = 4,
	/* Servers allow 15 minutes; a Date that is off by less is no reason
	 * for a refusal. */
	SKEW_LEAST_S = 300,
	REFUSALS_MOST = 2, /* that are tried again */
	URL_MAX = 16 << 10,
	URL_USUAL = 256,
};

#define EMPTY_SHA256 \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Everything that one attempt needs, kept while it runs. */
struct attempt {
	struct buf host, path, url;
	char region[S3_REGION_SIZE], date[DATE_BASIC_SIZE];
	char sha256[SHA256_HEX];
	int64_t now;
	struct s3_keyring *ring; /* whose first keys are used */
	char *authorization;
	struct http_header *headers;
};

static void
scope_attempt(struct attempt *a)
{
	buf_done(&a->host);
	buf_done(&a->path);
	buf_done(&a->url);
	free(a->authorization);
	free(a->headers);
}

/* --- to sign */

static void
moment(struct s3 *s, struct attempt *a)
{
	monitor_enter(&s->m);
	memcpy(a->region, s->region, sizeof a->region);
	a->now = clock_now(s->clock) + s->skew;
	a->ring = s->ring;
	monitor_leave(&s->m);
	date_basic(a->now, a->date);
}

static int
place(const struct s3 *s, const struct s3_request *q, struct attempt *a,
    struct err *err)
{
	a->host.max = a->path.max = a->url.max = URL_MAX;
	if (endpoint_host(&s->endpoint, s->bucket, a->region, &a->host, err) ||
	    buf_reserve(&a->path, URL_USUAL, err) ||
	    endpoint_path(&s->endpoint, s->bucket, q->key, &a->path, err) ||
	    buf_reserve(&a->url, URL_USUAL, err))
		return -1;
	return buf_join(&a->url, err, s->endpoint.tls ? "https://" : "http://",
	    a->host.data, a->path.data, q->query ? "?" : "",
	    q->query ? q->query : "", NULL);
}

static int
hash_body(const struct s3 *s, const struct s3_request *q, struct attempt *a,
    struct s3_reply *r, struct err *err)
{
	uint8_t digest[SHA256_SIZE];

	r->checksum.max = URL_MAX;
	buf_clear(&r->checksum);
	if (q->body_len == 0 && !q->checksum) {
		memcpy(a->sha256, EMPTY_SHA256, sizeof a->sha256);
		return 0;
	}
	if (sha256_of(q->body_len ? q->body : "", q->body_len, digest, err))
		return -1;
	str_hex(digest, sizeof digest, a->sha256);
	return q->checksum && atomic_load(&s->checksums)
	           ? str_base64(&r->checksum, digest, sizeof digest, err)
	           : 0;
}

/* What S3 wants to be signed.  The rest is left out, so that a proxy that
 * touches a Range or a Cache-Control breaks nothing. */
static bool
is_signed(const struct http_header *h)
{
	return strncasecmp(h->name, "x-amz-", 6) == 0 ||
	       strcasecmp(h->name, "content-type") == 0;
}

static size_t
add_some(const struct http_header *from, bool which, struct http_header *to)
{
	size_t n = 0;

	for (; from && from->name; from++)
		if (is_signed(from) == which)
			to[n++] = *from;
	return n;
}

/* The key of the day, copied; made anew when the day or the region is. */
static int
take_key(struct s3 *s, struct s3_keyring *ring, const struct sigv4_scope *scope,
    struct sigv4_key *k, struct err *err)
{
	int rc = 0;

	monitor_enter(&s->m);
	if (!sigv4_key_is_for(&ring->day, scope))
		rc = sigv4_key_make(ring->keys.secret_key, scope, &ring->day,
		    err);
	*k = ring->day;
	monitor_leave(&s->m);
	return rc;
}

static int
sign(struct s3 *s, const struct s3_request *q, struct attempt *a,
    struct err *err)
{
	const struct sigv4_scope scope = { a->region, "s3", a->now };
	const struct sigv4_request r = { q->method, a->path.data, q->query,
		a->headers, a->sha256, a->now };
	struct sigv4_key k;
	int rc = take_key(s, a->ring, &scope, &k, err);

	if (rc == 0)
		rc = sigv4_authorization(a->ring->keys.access_key, &k, &r,
		    &a->authorization, err);
	explicit_bzero(&k, sizeof k);
	return rc;
}

static int
make_headers(struct s3 *s, const struct s3_request *q, struct attempt *a,
    const struct s3_reply *r, struct err *err)
{
	struct http_header *h;
	size_t n = 0;

	while (q->headers && q->headers[n].name)
		n++;
	h = calloc(n + 7, sizeof *h);
	if (!h)
		return err_nomem(err);
	a->headers = h;
	n = 0;
	h[n++] = (struct http_header){ "Host", a->host.data };
	h[n++] = (struct http_header){ "x-amz-content-sha256", a->sha256 };
	h[n++] = (struct http_header){ "x-amz-date", a->date };
	if (a->ring->keys.session_token)
		h[n++] = (struct http_header){ "x-amz-security-token",
			a->ring->keys.session_token };
	if (r->checksum.len > 0)
		h[n++] = (struct http_header){ "x-amz-checksum-sha256",
			r->checksum.data };
	n += add_some(q->headers, true, h + n);
	if (sign(s, q, a, err))
		return -1;
	n += add_some(q->headers, false, h + n);
	h[n] = (struct http_header){ "Authorization", a->authorization };
	return 0;
}

/* --- what an answer teaches */

static bool
valid_region(const char *r)
{
	size_t n = strlen(r);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)r[i]) && r[i] != '-' && r[i] != '_')
			return false;
	return n > 0 && n < S3_REGION_SIZE;
}

static bool
adopt_region(struct s3 *s, const struct attempt *a, const struct s3_reply *r)
{
	const char *hint =
	    http_response_header(&r->http, "x-amz-bucket-region");
	int status = r->http.status;

	if (status / 100 != 3 && status != 400)
		return false;
	if (!hint)
		hint = r->error.region;
	if (!valid_region(hint) || strcmp(hint, a->region) == 0)
		return false;
	monitor_enter(&s->m);
	memcpy(s->region, hint, strlen(hint) + 1);
	monitor_leave(&s->m);
	return true;
}

static bool
adopt_time(struct s3 *s, const struct attempt *a, const struct s3_reply *r)
{
	bool says_so = strcmp(r->error.code, "RequestTimeTooSkewed") == 0;
	/* the 403 of a HEAD may be this as well */
	bool maybe = r->http.status == 403 && !*r->error.code;
	int64_t off = r->http.date - a->now;

	if ((!says_so && !maybe) || r->http.date == 0 ||
	    (off < SKEW_LEAST_S && off > -SKEW_LEAST_S))
		return false;
	monitor_enter(&s->m);
	s->skew = r->http.date - clock_now(s->clock);
	monitor_leave(&s->m);
	return true;
}

/* Inside the monitor.  *others: they are not those that we have. */
static int
load_keys(struct s3 *s, bool *others, struct err *err)
{
	struct s3_keys now = { 0 };
	int rc = s->reload(s->reload_ctx, &now, err);

	*others = rc == 0 && !s3_keys_same(&now, &s->ring->keys);
	if (*others)
		rc = s3_keys_add(&s->ring, now.access_key, now.secret_key,
		    now.session_token, err);
	s3_keys_wipe(&now);
	return rc;
}

/* Keys that were replaced while we ran. */
static bool
adopt_keys(struct s3 *s, const struct attempt *a, const struct s3_reply *r)
{
	struct err err = { 0 };
	bool others;
	int rc = 0;

	if (!s->reload || !s3_error_of_keys(r))
		return false;
	monitor_enter(&s->m);
	/* another thread may have read them */
	others = s->ring != a->ring;
	if (!others)
		rc = load_keys(s, &others, &err);
	monitor_leave(&s->m);
	if (rc)
		log_warning("the keys of bucket '%s' cannot be read again: %s",
		    s->bucket, err.msg);
	return rc == 0 && others;
}

/*
 * A bucket with a default retention takes no body without a checksum, though
 * the signature has one (AWS).  True: it goes along in the next attempt.
 */
static bool
adopt_checksums(struct s3 *s, const struct s3_request *q,
    const struct s3_reply *r)
{
	if (!s3_error_wants_checksum(r) || r->checksum.len > 0)
		return false;
	atomic_store(&s->checksums, true);
	return q->checksum;
}

static void
note_answer(struct s3 *s, const struct s3_reply *r)
{
	monitor_enter(&s->m);
	s->answered = true;
	if (r->http.date != 0)
		s->offset = r->http.date - clock_now(s->clock);
	monitor_leave(&s->m);
}

static unsigned
retry_after_ms(const struct s3 *s, const struct s3_reply *r)
{
	const char *text = http_response_header(&r->http, "retry-after");
	struct err ignored;
	uint64_t seconds;
	int64_t date;

	if (!text)
		return 0;
	if (str_to_u64(text, 0, 3600, &seconds, &ignored) == 0)
		return (unsigned)seconds * 1000;
	if (date_parse_http(text, &date, &ignored))
		return 0;
	date -= r->http.date ? r->http.date : clock_now(s->clock);
	return date > 0 && date < 3600 ? (unsigned)date * 1000 : 0;
}

/* --- judged */

/* The codes of MinIO's HEAD, whose body is none. */
static void
code_from_header(struct s3_reply *r)
{
	const char *code = http_response_header(&r->http, "x-minio-error-code");

	if (code && !*r->error.code && strlen(code) < sizeof r->error.code)
		memcpy(r->error.code, code, strlen(code) + 1);
}

static int
refused(struct s3 *s, const struct s3_request *q, const struct attempt *a,
    struct s3_reply *r, struct err *err)
{
	if (adopt_region(s, a, r))
		return err_set(err, ERR_TRANSIENT,
		    "bucket '%s' is in another region than '%s'", s->bucket,
		    a->region);
	if (adopt_time(s, a, r))
		return err_set(err, ERR_TRANSIENT,
		    "the clock here and that of %s differ", s->endpoint.base);
	if (adopt_keys(s, a, r))
		return err_set(err, ERR_TRANSIENT,
		    "the keys of bucket '%s' are others now", s->bucket);
	if (adopt_checksums(s, q, r))
		return err_set(err, ERR_TRANSIENT,
		    "bucket '%s' takes nothing without a checksum", s->bucket);
	return s3_error_set(s, q, r, err);
}

/* A 2xx with an <Error>, or with something else than was asked for. */
static int
check_xml(struct s3 *s, const struct s3_request *q, const struct attempt *a,
    struct s3_reply *r, struct err *err)
{
	char root[XML_PATH_SIZE];

	if (r->xml.len == 0 || xml_root(r->xml.data, r->xml.len, root, err))
		return r->xml.len > 0 && err_is(err, ERR_NOMEM)
		           ? -1
		           : s3_error_not_xml(s, q, &r->xml, err);
	if (strcmp(root, q->root) == 0)
		return 0;
	if (strcmp(root, "Error") != 0)
		return s3_error_not_xml(s, q, &r->xml, err);
	reply_error(&r->xml, &r->error);
	return refused(s, q, a, r, err);
}

/* Where no XML is due, an <Error> inside of a 2xx is still one. */
static int
check_no_error(struct s3 *s, const struct s3_request *q,
    const struct attempt *a, struct s3_reply *r, struct err *err)
{
	char root[XML_PATH_SIZE];

	if (r->xml.len == 0)
		return 0;
	if (xml_root(r->xml.data, r->xml.len, root, err))
		return err_is(err, ERR_NOMEM) ? -1 : 0;
	if (strcmp(root, "Error") != 0)
		return 0;
	reply_error(&r->xml, &r->error);
	return refused(s, q, a, r, err);
}

static int
silence(struct s3 *s, const struct s3_request *q, struct err *err)
{
	bool hopeless;

	monitor_enter(&s->m);
	if (!s->answered)
		s->silent++;
	hopeless = !s->answered && s->silent >= SILENT_MOST;
	monitor_leave(&s->m);
	if (hopeless && err_is(err, ERR_TRANSIENT))
		err->code = ERR_REMOTE;
	return err_wrap(err, "cannot %s bucket '%s' at %s", q->what, s->bucket,
	    s->endpoint.base);
}

/* --- one attempt */

/* The sink of a body that is to be XML. */
struct xml_sink {
	struct sink sink;
	struct buf *b;
};

static int
xml_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	return buf_add(((struct xml_sink *)s)->b, p, n, err);
}

static int
xml_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
xml_free(struct sink *s)
{
	(void)s;
}

static const struct sink_ops xml_ops = {
	.name = "answer",
	.write = xml_write,
	.finish = xml_finish,
	.free = xml_free,
};

static int
send_signed(struct s3 *s, const struct s3_request *q, const struct attempt *a,
    struct s3_reply *r, struct sink *to, struct err *err)
{
	const struct http_request h = { q->method, a->url.data, a->headers,
		q->body, q->body_len, q->fresh };
	struct xml_sink xml = { .b = &r->xml };
	int rc;

	r->xml.max = XML_SIZE_MAX;
	buf_clear(&r->xml);
	r->error = (struct reply_error){ 0 };
	atomic_fetch_add(&s->sent[q->kind], 1);
	if (to)
		return http_do(s->http, &h, &r->http, to, err);
	to = sink_init(&xml.sink, &xml_ops, NULL);
	rc = http_do(s->http, &h, &r->http, to, err);
	if (rc == 0)
		rc = sink_finish(to, err);
	sink_free(to);
	return rc;
}

int
s3_request_once(struct s3 *s, const struct s3_request *q, struct s3_reply *r,
    struct sink *to, struct retry_hint *hint, struct err *err)
{
	AUTO(attempt) struct attempt a = { 0 };

	moment(s, &a);
	if (place(s, q, &a, err) || hash_body(s, q, &a, r, err) ||
	    make_headers(s, q, &a, r, err))
		return -1;
	if (send_signed(s, q, &a, r, to, err)) {
		log_debug("%s %s: %s", q->method, a.path.data, err->msg);
		/* the status came, the body was cut: it is there */
		return r->http.status ? -1 : silence(s, q, err);
	}
	log_debug("%s %s: %d", q->method, a.path.data, r->http.status);
	note_answer(s, r);
	hint->wait_ms = retry_after_ms(s, r);
	if (r->http.status / 100 == 2)
		return q->root ? check_xml(s, q, &a, r, err)
		               : check_no_error(s, q, &a, r, err);
	reply_error(&r->http.body, &r->error);
	code_from_header(r);
	return refused(s, q, &a, r, err);
}

/* --- until it is done */

struct run {
	struct s3 *s;
	const struct s3_request *q;
	struct s3_reply *r;
	bool again;
	unsigned refusals;
};

/*
 * MinIO refuses a write with AccessDenied when the last other object of the
 * key's folder is removed in that very moment: a deletion beside a backup.
 * What is denied in earnest is denied again.
 */
static bool
may_be_a_race(struct run *x, const struct err *err)
{
	const char *server = http_response_header(&x->r->http, "server");

	return err_is(err, ERR_DENIED) && x->q->key && x->q->kind != S3_GET &&
	       x->q->kind != S3_HEAD &&
	       strcmp(x->r->error.code, "AccessDenied") == 0 && server &&
	       strncasecmp(server, "MinIO", 5) == 0 &&
	       x->refusals++ < REFUSALS_MOST;
}

static int
run_once(void *arg, struct retry_hint *hint, struct err *err)
{
	struct run *x = arg;

	/* no status, or a 5xx: who knows whether it was done */
	x->r->lost |=
	    x->again && (x->r->http.status == 0 || x->r->http.status >= 500 ||
	                    x->r->http.status / 100 == 2);
	x->again = true;
	if (s3_request_once(x->s, x->q, x->r, NULL, hint, err) == 0)
		return 0;
	if (may_be_a_race(x, err))
		err->code = ERR_TRANSIENT;
	return -1;
}

int
s3_request(struct s3 *s, const struct s3_request *q, struct s3_reply *r,
    struct err *err)
{
	struct run x = { .s = s, .q = q, .r = r };

	r->lost = false;
	return retry_run(&s3_request_policy, s->clock, run_once, &x, err);
}

void
s3_request_done(struct s3_reply *r)
{
	http_response_done(&r->http);
	buf_done(&r->xml);
	buf_done(&r->checksum);
}
