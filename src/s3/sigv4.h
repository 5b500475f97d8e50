/*
 * sigv4.h - AWS Signature Version 4, header form.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 *
 * A pure function.  As S3 wants it, the path is not normalised and not encoded
 * a second time.
 */
#ifndef S3_SIGV4_H
#define S3_SIGV4_H

#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"
#include "http/http.h"

struct sigv4_keys {
	const char *access, *secret;
};

struct sigv4_request {
	const char *method;
	const char *path;  /* as it is sent: "/" and percent-encoded once */
	const char *query; /* as it is sent, in any order; NULL: none.  Each
	                    * name needs its '=': "uploads=" */
	const struct http_header *headers; /* ends with a NULL name; all are
	                                    * signed; host and x-amz-date must
	                                    * be among them */
	const char *payload_sha256;        /* hex, or UNSIGNED-PAYLOAD */
	const char *region, *service;
	int64_t now; /* seconds since 1970; what x-amz-date says */
};

/* The value of the Authorization header; the caller frees it. */
MUST_CHECK int sigv4_authorization(const struct sigv4_keys *,
    const struct sigv4_request *, char **, struct err *);

#endif
