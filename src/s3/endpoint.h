/* endpoint.h - where a bucket is: scheme, host and path of its URLs. */
#ifndef S3_ENDPOINT_H
#define S3_ENDPOINT_H

#include <stdbool.h>

#include "base/buf.h"

struct endpoint {
	bool tls;
	bool virtual_host; /* the bucket is the first part of the host */
	const char *aws;   /* ".amazonaws.com": "s3.<region>" stands before
	                    * it; NULL: host is used as it is */
	char *host; /* as in a Host header: IPv6 in brackets, port unless it
	             * is the scheme's */
	char *path; /* "" or "/base" */
	char *base; /* https://host[:port], for messages */
};

/* { 0 } first.  text: as in s3_options; NULL or "": AWS.  style: path, host,
 * virtual, auto; NULL or "": auto.  ERR_USAGE. */
MUST_CHECK int endpoint_parse(struct endpoint *, const char *text,
    const char *style, const char *bucket, struct err *);
void endpoint_done(struct endpoint *);

/* The region that an AWS host names ("s3.eu-west-1.amazonaws.com"), or "". */
void endpoint_region(const struct endpoint *, char *out, size_t size);

/* Append the Host header, and the encoded path of a key (NULL: of the bucket)
 * as it is sent and signed. */
MUST_CHECK int endpoint_host(const struct endpoint *, const char *bucket,
    const char *region, struct buf *, struct err *);
MUST_CHECK int endpoint_path(const struct endpoint *, const char *bucket,
    const char *key, struct buf *, struct err *);

#endif
