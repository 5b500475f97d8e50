/* reply.h - the XML answers of S3 as structs; pure functions. */
#ifndef S3_REPLY_H
#define S3_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "object/object.h"

/* What is too long is cut. */
struct reply_error {
	char code[64], message[512], region[64], endpoint[256];
};

/* What can be read; the empty struct where it is no <Error>. */
void reply_error(const struct buf *, struct reply_error *);

struct reply_entry {
	struct object o;
	bool folder;
};

/* One page of ListObjectsV2: keys, then folders, each as they came. */
struct reply_page {
	struct reply_entry *entry;
	size_t count, cap;
	bool truncated;
	char *token; /* NULL: none came */
};

MUST_CHECK int reply_page(const struct buf *, struct reply_page *,
    struct err *);
void reply_page_done(struct reply_page *);

struct reply_upload {
	char *key, *id;
	int64_t begun; /* seconds since 1970; INT64_MAX: it does not say */
};

/* One page of ListMultipartUploads. */
struct reply_uploads {
	struct reply_upload *upload;
	size_t count, cap;
	bool truncated;
	char *next_key, *next_id; /* NULL: none came */
};

MUST_CHECK int reply_uploads(const struct buf *, struct reply_uploads *,
    struct err *);
void reply_uploads_done(struct reply_uploads *);

MUST_CHECK int reply_tags(const struct buf *, struct object_pairs *,
    struct err *);

/* The text of the one element at path, which must be there; the caller's. */
MUST_CHECK int reply_text(const struct buf *, const char *path, char **,
    struct err *);

/* A copy without the quotes. */
MUST_CHECK int reply_etag(const char *, char **, struct err *);

static inline void
scope_reply_page(struct reply_page *p)
{
	reply_page_done(p);
}

static inline void
scope_reply_uploads(struct reply_uploads *u)
{
	reply_uploads_done(u);
}

#endif
