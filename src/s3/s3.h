/*
 * s3.h - the Amazon S3 REST API (version 2006-03-01) as far as we need it, on
 * AWS, MinIO, Ceph RadosGW and the like.
 *
 * Plain SigV4 with the payload's SHA-256 (sigv4.h); no aws-chunked bodies, no
 * checksum trailers; x-amz-checksum-sha256 from the moment on in which a server
 * refuses a body without a checksum, as AWS does where a bucket has a default
 * retention.  What is transient is tried again inside; a clock that is
 * wrong, a region that is another, a redirect are put right inside.  Errors
 * are words for an administrator: "access denied: the key may not list bucket
 * 'x'".  ERR_NOTFOUND: no such key or bucket.  ERR_CHANGED: 412.
 * All functions may be called from any thread.
 */
#ifndef S3_S3_H
#define S3_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "object/object.h"
#include "stream/sink.h"

struct rate;
struct s3;

/* The last is NULL where there is none.  s3_keys_wipe after. */
struct s3_keys {
	char *access_key, *secret_key, *session_token;
};
void s3_keys_wipe(struct s3_keys *);

/* The keys as they are now, e.g. in their files. */
typedef int s3_reload_fn(const void *ctx, struct s3_keys *, struct err *);

/* Strings are borrowed while s3_new runs. NULL or "" where not given. */
struct s3_options {
	/* https://host[:port][/path], or bare host[:port]: TLS then iff the
	 * port is 443 or there is none; default: https://s3.amazonaws.com */
	const char *endpoint;
	const char *region; /* default: us-east-1, then what the server says */
	const char *bucket;
	const char *access_key, *secret_key, *session_token;
	const char *uri_style;    /* path, host, virtual, auto (default) */
	const char *tls_ca_chain; /* PEM; NULL: the system's authorities */
	const char *storage_class;
	const char *server_side_encryption; /* AES256 or aws:kms */
	const char *kms_key_id;
	const char *proxy, *no_proxy;
	const struct clock *clock;   /* NULL: the machine's */
	struct rate *receive, *send; /* borrowed for good; NULL: no limit */
	/* Asked when the server no longer takes the keys; where they are others
	 * by then, the request is tried again with them.  One call at a time.
	 * NULL: keys stay.  reload_ctx outlives the client. */
	s3_reload_fn *reload;
	const void *reload_ctx;
	unsigned connections; /* at once; 0: any number */
	/* Not of the client itself: what its users give s3_upload_new; 0: 8
	 * MiB. */
	size_t part;
};

/* ERR_USAGE: an option that cannot be right; *which is then what it is called
 * in a configuration, "uri-style". */
MUST_CHECK int s3_options_check(const struct s3_options *, const char **which,
    struct err *);

#define S3_ALL UINT64_MAX /* get: to the end */

enum { S3_PART_MIN = 5 << 20, S3_PARTS_MAX = 10000 };

/* ERR_USAGE as s3_options_check.  Nothing is sent. */
MUST_CHECK int s3_new(const struct s3_options *, struct s3 **, struct err *);
void s3_free(struct s3 *);
const char *s3_bucket(const struct s3 *);
/* Scheme, host and port, for messages. */
const char *s3_endpoint(const struct s3 *);
/* Seconds since 1970 by the server's clock, as far as it is known. */
int64_t s3_now(struct s3 *);

/* How many requests were sent, each attempt counted. */
enum s3_kind {
	S3_PUT, /* objects and parts */
	S3_GET,
	S3_LIST,
	S3_HEAD,
	S3_DELETE, /* aborts, too */
	S3_OTHER,
	S3_KINDS
};
struct s3_counts {
	uint64_t sent[S3_KINDS];
};
void s3_counts(const struct s3 *, struct s3_counts *);

/* *exists false: the server says so.  ERR_DENIED: may not ask.  prefix: of the
 * keys that are meant, for where nothing else may be listed. */
MUST_CHECK int s3_bucket_exists(struct s3 *, const char *prefix, bool *exists,
    struct err *);
/* Nothing to do where it is ours already. */
MUST_CHECK int s3_bucket_create(struct s3 *, struct err *);

/* --- objects */

/* One PUT.  o gives headers, metadata and tags; NULL: none.  *etag (may be
 * NULL) is the caller's.  HTTP carries no space at the ends of a metadata value
 * and no line break (ERR_USAGE); what a server does with bytes that are not
 * ASCII differs (AWS and MinIO hand back RFC 2047): they are sent and read as
 * they are, so that what was read can be put again.  RadosGW makes '-' of a '_'
 * in a metadata name, and keeps keys that are UTF-8 only. */
MUST_CHECK int s3_put(struct s3 *, const char *key, const void *, size_t,
    const struct object *o, char **etag, struct err *);

/*
 * Stream [off, off + len) to a sink, which is not finished.  if_match: an
 * ETag, or NULL.  got (may be NULL; { 0 } first) receives everything but the
 * key and the tags; *ntags (may be NULL) how many tags the object has, as
 * x-amz-tagging-count says, which AWS (to a key that may read tags), MinIO and
 * RadosGW send where there is one at least: untagged objects cost no request
 * more.  Its modified is in whole seconds, where LIST's has a fraction.  A
 * broken transfer goes on where it stopped, on the same version of the object
 * (ERR_CHANGED where that is gone).  Fewer bytes than announced: never 0.
 */
struct s3_get {
	const char *key;
	uint64_t off, len; /* 0, S3_ALL: the whole */
	const char *if_match;
};
MUST_CHECK int s3_get(struct s3 *, const struct s3_get *, struct object *got,
    unsigned *ntags, struct sink *, struct err *);

/* As s3_get, without the bytes. */
MUST_CHECK int s3_head(struct s3 *, const char *key, struct object *got,
    unsigned *ntags, struct err *);
/* Of an object that has none: an empty set. */
MUST_CHECK int s3_get_tags(struct s3 *, const char *key, struct object_pairs *,
    struct err *);
/* In place of all that it has. */
MUST_CHECK int s3_put_tags(struct s3 *, const char *key,
    const struct object_pairs *, struct err *);
/* Removing a missing key succeeds.  ERR_RETAINED: a lock, a legal hold or the
 * like keeps it for now; the message says until when, if that can be asked.
 * ERR_DENIED: the right is missing. */
MUST_CHECK int s3_delete(struct s3 *, const char *key, struct err *);

/* --- upload of any size */

/*
 * A sink that keeps one part in memory and sends it when it is full.  All in
 * one part: a plain PUT; more: a multipart upload, completed by finish and
 * aborted by free without it.
 */
struct s3_upload {
	const char *key;        /* copied, as o is */
	const struct object *o; /* NULL: no headers */
	uint64_t size; /* if that is known (no larger buffer), or S3_ALL */
	/* Bytes, at least S3_PART_MIN (tests may take less where the server
	 * allows); it grows when many parts were sent, so that S3_PARTS_MAX
	 * suffice. */
	size_t part;
	/* Parts are sent while the next is filled, as many as this pool has
	 * memory for and none that takes long; it outlives the sink.  NULL:
	 * what is written waits while a part is sent. */
	struct pool *spare;
};
MUST_CHECK int s3_upload_new(struct s3 *, const struct s3_upload *,
    struct sink **, struct err *);
/* Abort uploads under prefix that were begun before then; *n: how many.
 * MinIO lists only the uploads of one key, prefix being all of it, and throws
 * away what is older than a day by itself. */
MUST_CHECK int s3_upload_sweep(struct s3 *, const char *prefix, int64_t before,
    unsigned *n, struct err *);

/* Is there one to abort, of whatever age?  MinIO: as above. */
MUST_CHECK int s3_upload_any(struct s3 *, const char *prefix, bool *any,
    struct err *);

/* --- listing, in the order of the keys' bytes */

struct s3_list;

/*
 * ListObjectsV2.  delimiter: NULL, or "/" to get folders as well.  after: only
 * keys behind this one; NULL: all.  Everything is copied.
 */
MUST_CHECK int s3_list_new(struct s3 *, const char *prefix,
    const char *delimiter, const char *after, struct s3_list **, struct err *);
/*
 * *more false: the end.  Otherwise o is filled (key, size, etag, modified); a
 * folder has only a key, that ends with the delimiter, and *folder (may be
 * NULL) is true.  ERR_REMOTE: a page that is not in order or repeats the one
 * before it.  What o held is freed.
 */
MUST_CHECK int s3_list_next(struct s3_list *, struct object *o, bool *folder,
    bool *more, struct err *);
/* The key or folder that came last, until the next comes; NULL: none yet. */
const char *s3_list_last(const struct s3_list *);
void s3_list_free(struct s3_list *);

static inline void
scope_s3(struct s3 **s)
{
	s3_free(*s);
}

static inline void
scope_s3_list(struct s3_list **l)
{
	s3_list_free(*l);
}

#endif
