/* headers.h - the headers of an object that is written, and of one read. */
#ifndef S3_HEADERS_H
#define S3_HEADERS_H

#include "http/http.h"
#include "s3/s3_request.h"

/* { 0 } first; headers_done after. */
struct headers {
	struct object own;        /* its meta holds the texts */
	struct http_header *list; /* ends with a NULL name */
};

/* Of a PUT or of the initiation of a multipart upload.  o may be NULL.
 * checksums: of the parts that follow, "SHA256"; NULL: they have none. */
MUST_CHECK int headers_write(const struct s3 *, const struct object *o,
    const char *checksums, struct headers *, struct err *);
void headers_done(struct headers *);

/* Of a GET or HEAD; got and ntags may be NULL.  size is left alone. */
MUST_CHECK int headers_read(const struct http_response *, struct object *got,
    unsigned *ntags, struct err *);

static inline void
scope_headers(struct headers *h)
{
	headers_done(h);
}

#endif
