/*
 * sigv4.h - AWS Signature Version 4, header form.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 *
 * A pure function.  As S3 wants it, the path is not normalised and not encoded
 * a second time.
 */
#ifndef S3_SIGV4_H
#define S3_SIGV4_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"
#include "crypto/sha256.h"
#include "http/http.h"

/* Where and when a signature is good for: a day in UTC. */
struct sigv4_scope {
	const char *region, *service;
	int64_t now; /* seconds since 1970; what x-amz-date says */
};

/* Derived from the secret by four HMACs: worth keeping for its day.  Whoever
 * holds one wipes it. */
struct sigv4_key {
	char scope[128]; /* "20150830/us-east-1/s3/aws4_request" */
	uint8_t key[SHA256_SIZE];
};

/* ERR_USAGE: the names are too long. */
MUST_CHECK int sigv4_key_make(const char *secret, const struct sigv4_scope *,
    struct sigv4_key *, struct err *);
/* { 0 } is good for nothing. */
bool sigv4_key_is_for(const struct sigv4_key *, const struct sigv4_scope *);

struct sigv4_request {
	const char *method;
	const char *path;  /* as it is sent: "/" and percent-encoded once */
	const char *query; /* as it is sent, in any order; NULL: none.  Each
	                    * name needs its '=': "uploads=" */
	const struct http_header *headers; /* ends with a NULL name; all are
	                                    * signed; host and x-amz-date must
	                                    * be among them */
	const char *payload_sha256;        /* hex, or UNSIGNED-PAYLOAD */
	int64_t now; /* of the key's day; what x-amz-date says */
};

/* The value of the Authorization header; the caller frees it. */
MUST_CHECK int sigv4_authorization(const char *access, const struct sigv4_key *,
    const struct sigv4_request *, char **, struct err *);

#endif
