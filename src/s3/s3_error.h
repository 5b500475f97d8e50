/* s3_error.h - what an answer that is no success means, in words. */
#ifndef S3_S3_ERROR_H
#define S3_S3_ERROR_H

#include "s3/s3_request.h"

/* Sets err from status, headers and reply->error; -1. */
int s3_error_set(const struct s3 *, const struct s3_request *,
    const struct s3_reply *, struct err *);

/* What was sent needs Content-MD5 or x-amz-checksum-…: so of a bucket with a
 * default retention. */
bool s3_error_wants_checksum(const struct s3_reply *);

/* The keys are no longer what the server knows, or never were.  A HEAD's answer
 * does not tell that from a right that is missing. */
bool s3_error_of_keys(const struct s3_reply *);

/* A success was announced, but this is in its place; -1. */
int s3_error_not_xml(const struct s3 *, const struct s3_request *,
    const struct buf *, struct err *);

#endif
