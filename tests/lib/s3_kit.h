/* s3_kit.h - an S3 client of bucket "bucket" on a scripted server, with a clock
 * that only sleeping moves. */
#ifndef LIB_S3_KIT_H
#define LIB_S3_KIT_H

#include "httpd.h"
#include "s3/s3.h"

enum { S3_KIT_NOW = 1795192080 }; /* Fri, 20 Nov 2026 16:28:00 GMT */

struct s3_kit {
	struct httpd *d;
	struct s3 *s;
	struct clock clock;
	int64_t ms;     /* passed by sleeping */
	unsigned slept; /* how often */
};

/* More: options to use; endpoint, keys, bucket and clock are filled in where
 * they are NULL.  NULL: none. */
void s3_kit_start(struct s3_kit *, const struct httpd_step *,
    const struct s3_options *more);
/* Fails the test unless every step was met. */
void s3_kit_check(struct s3_kit *);
void s3_kit_stop(struct s3_kit *);

static inline void
scope_s3_kit(struct s3_kit *k)
{
	s3_kit_stop(k);
}

/* Steps: an XML answer, and an S3 error. */
#define KIT_XML(method, target, xml)                                           \
	{                                                                      \
		method, target, 200, "Content-Type: application/xml\r\n", xml, \
		    0, HTTPD_FINE                                              \
	}
#define KIT_ERROR(method, target, status, code)                  \
	{                                                        \
		method, target, status, NULL,                    \
		    "<Error><Code>" code "</Code><Message>Words" \
		    "</Message></Error>",                        \
		    0, HTTPD_FINE                                \
	}
/* Of a bucket with a default retention, to a body without a checksum. */
#define KIT_NO_CHECKSUM(target)                                              \
	{                                                                    \
		"PUT", target, 400, NULL,                                    \
		    "<Error><Code>InvalidRequest</Code><Message>Content-MD5" \
		    " OR x-amz-checksum- HTTP header is required for Put"    \
		    " Part requests with Object Lock parameters</Message>"   \
		    "</Error>",                                              \
		    0, HTTPD_FINE                                            \
	}
#define KIT_END   \
	{         \
		0 \
	}

#endif
