#include <string.h>

#include "base/date.h"
#include "base/log.h"
#include "base/str.h"
#include "s3/s3.h"
#include "s3/s3_request.h"

/* What stores say of an object that may not go yet, whatever their code. */
static bool
says_retained(const struct reply_error *e)
{
	static const char *const word[] = { "ObjectLocked", "WORM", "Retention",
		"retention", "Immutable", "immutable", "object lock",
		"Object Lock", "legal hold" };

	for (size_t i = 0; i < sizeof word / sizeof *word; i++)
		if (strstr(e->code, word[i]) || strstr(e->message, word[i]))
			return true;
	return false;
}

/* The one text that a question about the object is answered with. */
static int
ask(struct s3 *s, const char *key, const char *query, const char *path,
    char **ret, struct err *err)
{
	AUTO(free) char *root = NULL;
	AUTO(s3_reply) struct s3_reply r = { 0 };
	struct s3_request q = {
		.kind = S3_OTHER,
		.method = "GET",
		.what = "read the retention in",
		.key = key,
		.query = query,
	};

	root = strndup(path, strcspn(path, "/"));
	if (!root)
		return err_nomem(err);
	q.root = root;
	if (s3_request(s, &q, &r, err))
		return -1;
	return reply_text(&r.xml, path, ret, err);
}

/* Seconds since 1970; 0: none, or it may not be asked. */
static int64_t
retained_until(struct s3 *s, const char *key)
{
	AUTO(free) char *text = NULL;
	struct err ignored = { 0 };
	int64_t until;

	if (ask(s, key, "retention=", "Retention/RetainUntilDate", &text,
	        &ignored) ||
	    date_parse_iso(text, &until, &ignored))
		return 0;
	return until > s3_now(s) ? until : 0;
}

static bool
is_legally_held(struct s3 *s, const char *key)
{
	AUTO(free) char *text = NULL;
	struct err ignored = { 0 };

	if (ask(s, key, "legal-hold=", "LegalHold/Status", &text, &ignored))
		return false;
	return text && strcmp(text, "ON") == 0;
}

/* A right that is missing and a lock look alike: ask which it is. */
static int
explain(struct s3 *s, const char *key, const struct s3_reply *r,
    struct err *err)
{
	char date[DATE_ISO_SIZE] = "";
	bool retained = says_retained(&r->error);
	int64_t until;

	if (!retained && !err_is(err, ERR_DENIED))
		return -1;
	until = retained_until(s, key);
	if (until > 0)
		date_iso(until, date);
	if (until == 0 && !retained && !is_legally_held(s, key))
		return -1;
	return err_set(err, ERR_RETAINED,
	    "object '%s' in bucket '%s' is retained by the store%s%s", key,
	    s->bucket, *date ? " until " : "", date);
}

/* Told once: it is no error, but no room is won either. */
static void
look_for_versions(struct s3 *s, const struct s3_reply *r)
{
	const char *marker =
	    http_response_header(&r->http, "x-amz-delete-marker");

	if (!marker || strcmp(marker, "true") != 0 ||
	    atomic_exchange(&s->told_versions, true))
		return;
	log_info("bucket '%s' keeps versions: what is deleted takes up room "
	         "until its lifecycle rules remove it",
	    s->bucket);
}

int
s3_delete(struct s3 *s, const char *key, struct err *err)
{
	const struct s3_request q = {
		.kind = S3_DELETE,
		.method = "DELETE",
		.what = "delete from",
		.key = key,
	};
	AUTO(s3_reply) struct s3_reply r = { 0 };

	if (s3_request(s, &q, &r, err) == 0) {
		look_for_versions(s, &r);
		return 0;
	}
	if (err_is(err, ERR_NOTFOUND) &&
	    strcmp(r.error.code, "NoSuchBucket") != 0)
		return 0;
	return explain(s, key, &r, err);
}
