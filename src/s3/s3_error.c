#include "s3/s3_error.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

struct meaning {
	const char *code;
	enum err_code err;
	const char *words; /* NULL: the server's own */
};

/* AccessDenied, NoSuchKey and PreconditionFailed have words of their own. */
static const struct meaning meanings[] = {
	{ "InvalidAccessKeyId", ERR_DENIED,
	    "the server does not know the access key: check access-key" },
	{ "SignatureDoesNotMatch", ERR_DENIED,
	    "the secret key does not belong to the access key: check secret-key" },
	{ "ExpiredToken", ERR_DENIED,
	    "the session token has expired: get new credentials" },
	{ "InvalidToken", ERR_DENIED,
	    "the session token is not valid: get new credentials" },
	{ "TokenRefreshRequired", ERR_DENIED,
	    "the session token has expired: get new credentials" },
	{ "AccountProblem", ERR_DENIED, "the account is disabled" },
	{ "AllAccessDisabled", ERR_DENIED, "the account is disabled" },
	{ "UserSuspended", ERR_DENIED, "the account is suspended" },
	{ "ObjectLocked", ERR_DENIED, "the object is locked by retention" },
	{ "InvalidRequest", ERR_REMOTE, NULL },
	{ "NoSuchBucket", ERR_NOTFOUND,
	    "the bucket does not exist: create it or check its name" },
	{ "NoSuchUpload", ERR_NOTFOUND,
	    "the multipart upload is gone: it was aborted or has expired" },
	{ "NoSuchTagSet", ERR_NOTFOUND, "the object has no tags" },
	{ "BucketAlreadyOwnedByYou", ERR_EXISTS, "the bucket exists" },
	{ "BucketAlreadyExists", ERR_EXISTS,
	    "the name belongs to someone else: choose another" },
	{ "InvalidBucketName", ERR_USAGE,
	    "the server does not allow such a bucket name" },
	{ "InvalidLocationConstraint", ERR_USAGE,
	    "the server does not know the region: check region" },
	{ "IllegalLocationConstraintException", ERR_USAGE,
	    "the region does not belong to the endpoint: check both" },
	{ "InvalidStorageClass", ERR_USAGE,
	    "the server does not know the storage class: check "
	    "storage-class" },
	{ "KeyTooLongError", ERR_USAGE, "the key is too long" },
	{ "InvalidTag", ERR_USAGE, "the server does not allow such tags" },
	{ "MetadataTooLarge", ERR_USAGE, "too much metadata" },
	{ "EntityTooLarge", ERR_REMOTE,
	    "more bytes than the server takes in one object" },
	{ "EntityTooSmall", ERR_REMOTE, "parts smaller than the server takes" },
	{ "InvalidRange", ERR_CORRUPT, "fewer bytes than were asked for" },
	{ "InvalidObjectState", ERR_REMOTE,
	    "the object is archived: restore it from the archive first" },
	{ "QuotaExceeded", ERR_NOROOM, "the quota is used up" },
	{ "XMinioAdminBucketQuotaExceeded", ERR_NOROOM,
	    "the quota is used up" },
	{ "XMinioStorageFull", ERR_NOROOM, "the server's disk is full" },
	{ "InsufficientCapacity", ERR_NOROOM, "the server's disk is full" },
	{ "InternalError", ERR_TRANSIENT, NULL },
	{ "ServiceUnavailable", ERR_TRANSIENT, NULL },
	{ "SlowDown", ERR_TRANSIENT, NULL },
	{ "SlowDownRead", ERR_TRANSIENT, NULL },
	{ "SlowDownWrite", ERR_TRANSIENT, NULL },
	{ "Throttling", ERR_TRANSIENT, NULL },
	{ "ThrottlingException", ERR_TRANSIENT, NULL },
	{ "RequestLimitExceeded", ERR_TRANSIENT, NULL },
	{ "TooManyRequests", ERR_TRANSIENT, NULL },
	{ "OperationAborted", ERR_TRANSIENT, NULL },
	{ "RequestTimeout", ERR_TRANSIENT, NULL },
	{ "RequestTimeTooSkewed", ERR_REMOTE,
	    "the clock here is wrong, and so is the Date of the server" },
	{ "IncompleteBody", ERR_TRANSIENT, NULL },
	{ "BadDigest", ERR_TRANSIENT, NULL },
	{ "XAmzContentSHA256Mismatch", ERR_TRANSIENT, NULL },
	{ "XMinioServerNotInitialized", ERR_TRANSIENT, NULL },
};

static const struct meaning *
meaning_of(const char *code)
{
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (strcmp(meanings[i].code, code) == 0)
			return &meanings[i];
	return NULL;
}

/* For a code that is unknown, and for HEAD, whose answers have no body. */
static enum err_code
code_of_status(const struct s3_request *q, int status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_DENIED;
	case 404:
		/* of a bucket only NoSuchBucket says so: what is no S3 says
		 * 404 as well */
		return q->key ? ERR_NOTFOUND : ERR_REMOTE;
	case 412:
		return ERR_CHANGED;
	case 416:
		return ERR_CORRUPT;
	case 408:
	case 425:
	case 429:
		return ERR_TRANSIENT;
	case 507:
		return ERR_NOROOM;
	case 501:
	case 505:
		return ERR_REMOTE;
	default:
		return status >= 500 ? ERR_TRANSIENT : ERR_REMOTE;
	}
}

static int
plain(const struct s3 *s, const struct s3_request *q, enum err_code code,
    const char *words, struct err *err)
{
	const char *base = s->endpoint.base;

	if (q->key)
		return err_set(err, code,
		    "cannot %s bucket '%s' at %s, key '%s': %s", q->what,
		    s->bucket, base, q->key, words);
	return err_set(err, code, "cannot %s bucket '%s' at %s: %s", q->what,
	    s->bucket, base, words);
}

/* "503 SlowDown: Please reduce your request rate" and what there is less. */
static int
verbatim(const struct s3 *s, const struct s3_request *q, enum err_code code,
    const struct s3_reply *r, struct err *err)
{
	const struct reply_error *e = &r->error;
	AUTO(free) char *words = NULL;

	if (str_printf(&words, err, "the server answers %d%s%s%s%s",
	        r->http.status, *e->code ? " " : "", e->code,
	        *e->message ? ": " : "", e->message))
		return -1;
	return plain(s, q, code, words, err);
}

static int
denied(const struct s3 *s, const struct s3_request *q, struct err *err)
{
	/* a HEAD does not tell a right that is missing from a wrong key */
	const char * or = q->kind == S3_HEAD
	                      ? ", or access-key or secret-key is wrong"
	                      : "";

	return err_set(err, ERR_DENIED,
	    "access denied: the key may not %s bucket '%s'%s", q->what,
	    s->bucket, or);
}

static bool
is_html(const struct s3_reply *r)
{
	const char *type = http_response_header(&r->http, "content-type");

	return type && strncasecmp(type, "text/html", 9) == 0;
}

static int
html(const struct s3 *s, struct err *err)
{
	return err_set(err, ERR_REMOTE,
	    "the server at %s answers HTML, not S3: is the endpoint right?",
	    s->endpoint.base);
}

static int
redirect(const struct s3 *s, const struct s3_reply *r, struct err *err)
{
	const char *to = http_response_header(&r->http, "location");

	if (!to || !*to)
		to = r->error.endpoint;
	return err_set(err, ERR_REMOTE,
	    "the server at %s redirects to '%.300s': give that as the endpoint",
	    s->endpoint.base, to);
}

static bool
has_code(const struct s3_reply *r, const char *code)
{
	return strcmp(r->error.code, code) == 0;
}

static int
by_status(const struct s3 *s, const struct s3_request *q,
    const struct s3_reply *r, struct err *err)
{
	enum err_code code = code_of_status(q, r->http.status);

	if (r->http.status / 100 == 3)
		return redirect(s, r, err);
	if (code != ERR_TRANSIENT && is_html(r))
		return html(s, err);
	if (code == ERR_DENIED)
		return denied(s, q, err);
	if (code == ERR_NOTFOUND)
		return err_set(err, code, "object '%s' is not in bucket '%s'",
		    q->key, s->bucket);
	if (code == ERR_CHANGED)
		return err_set(err, code,
		    "object '%s' in bucket '%s' has changed meanwhile",
		    q->key ? q->key : "", s->bucket);
	return verbatim(s, q, code, r, err);
}

bool
s3_error_of_keys(const struct s3_reply *r)
{
	static const char *const codes[] = { "InvalidAccessKeyId",
		"SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
		"TokenRefreshRequired" };

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (has_code(r, codes[i]))
			return true;
	return !*r->error.code &&
	       (r->http.status == 403 || r->http.status == 400);
}

bool
s3_error_wants_checksum(const struct s3_reply *r)
{
	const char *m = r->error.message;

	return r->http.status == 400 && has_code(r, "InvalidRequest") &&
	       strstr(m, "required") &&
	       (strstr(m, "x-amz-checksum-") || strstr(m, "Content-MD5"));
}

int
s3_error_set(const struct s3 *s, const struct s3_request *q,
    const struct s3_reply *r, struct err *err)
{
	const struct meaning *m = meaning_of(r->error.code);

	if (has_code(r, "AccessDenied"))
		return denied(s, q, err);
	if (!m)
		return by_status(s, q, r, err);
	return m->words ? plain(s, q, m->err, m->words, err)
	                : verbatim(s, q, m->err, r, err);
}

static bool
looks_like_html(const struct buf *b)
{
	const char *p = b->data;

	while (isspace((unsigned char)*p))
		p++;
	return strncasecmp(p, "<!doctype html", 14) == 0 ||
	       strncasecmp(p, "<html", 5) == 0;
}

int
s3_error_not_xml(const struct s3 *s, const struct s3_request *q,
    const struct buf *b, struct err *err)
{
	/* AWS sends spaces while it works, and then perhaps nothing */
	if (!b->data || b->data[strspn(b->data, " \t\r\n")] == '\0')
		return plain(s, q, ERR_TRANSIENT, "the answer is empty", err);
	if (looks_like_html(b))
		return html(s, err);
	return plain(s, q, ERR_REMOTE,
	    "the answer is not what S3 says: is the endpoint right?", err);
}
