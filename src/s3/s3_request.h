/*
 * s3_request.h - one S3 request: signed, sent, its answer judged; and what all
 * requests to a bucket share.  Inside s3/ only.
 */
#ifndef S3_S3_REQUEST_H
#define S3_S3_REQUEST_H

#include <stdatomic.h>

#include "base/monitor.h"
#include "http/http.h"
#include "http/retry.h"
#include "s3/endpoint.h"
#include "s3/reply.h"
#include "s3/s3.h"
#include "s3/s3_keys.h"
#include "s3/sigv4.h"

enum {
	S3_REGION_SIZE = 64,
	S3_QUERY_MAX = 16 << 10, /* keys and tokens, percent-encoded */
};

struct s3 {
	/* as given; never changes */
	struct endpoint endpoint;
	char *bucket;
	char *storage_class, *encryption, *kms_key_id;
	bool region_given;
	atomic_bool told_versions; /* that they stay */
	atomic_bool checksums;     /* the server insists on them */
	const struct clock *clock;
	s3_reload_fn *reload; /* or NULL */
	const void *reload_ctx;
	struct http *http;
	atomic_uint_fast64_t sent[S3_KINDS];

	/* as servers teach; guarded by m */
	struct monitor m;
	char region[S3_REGION_SIZE];
	int64_t skew;   /* to sign with, seconds; 0 until a server objects */
	int64_t offset; /* of its Date, seconds */
	struct s3_keyring *ring;
	bool answered;
	unsigned silent; /* exchanges without an answer before the first */
};

struct s3_request {
	enum s3_kind kind;
	const char *method;
	const char *what;  /* "write to": completes "the key may not …" */
	const char *key;   /* NULL: the bucket itself */
	const char *query; /* encoded, each name with its '='; NULL */
	const struct http_header *headers; /* ends with a NULL name; NULL */
	const void *body;
	size_t body_len;
	bool fresh;       /* as in struct http_request */
	bool checksum;    /* of the body, where the server insists on one */
	const char *root; /* of the XML that a 2xx must have; NULL: any body,
	                   * dropped */
};

/* { 0 } first; s3_request_done after. */
struct s3_reply {
	struct http_response http;
	struct buf xml;
	struct reply_error error; /* of the last answer that was one */
	struct buf checksum; /* the x-amz-checksum-sha256 that went along; len
	                      * 0: none */
	bool lost; /* an attempt before the last had no clear answer */
};

/* ERR_USAGE: characters that no key has. */
MUST_CHECK int s3_options_text(const char *what, const char *text,
    struct err *);

/*
 * Until it is done or cannot be.  0: the status is 2xx and the body has the
 * root that is wanted.
 */
MUST_CHECK int s3_request(struct s3 *, const struct s3_request *,
    struct s3_reply *, struct err *);

/* One attempt; the body of a 2xx goes to `to`, if it is not to be XML.
 * ERR_TRANSIENT: again, after hint->wait_ms. */
MUST_CHECK int s3_request_once(struct s3 *, const struct s3_request *,
    struct s3_reply *, struct sink *to, struct retry_hint *, struct err *);

extern const struct retry_policy s3_request_policy;

void s3_request_done(struct s3_reply *);

static inline void
scope_s3_reply(struct s3_reply *r)
{
	s3_request_done(r);
}

#endif
