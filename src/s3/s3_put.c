#include "base/str.h"
#include "crypto/sha256.h"
#include "s3/s3.h"
#include "s3/s3_request.h"
#include "s3/xml.h"

enum { TAGS_XML_MAX = 256 << 10 };

static int
add_tag(struct buf *b, const struct object_pair *p, struct err *err)
{
	if (buf_puts(b, "<Tag><Key>", err) || xml_escape(b, p->name, err) ||
	    buf_puts(b, "</Key><Value>", err) || xml_escape(b, p->value, err))
		return -1;
	return buf_puts(b, "</Value></Tag>", err);
}

static int
tags_xml(const struct object_pairs *tags, struct buf *b, struct err *err)
{
	if (buf_puts(b,
	        "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
	        "<TagSet>",
	        err))
		return -1;
	for (size_t i = 0; i < tags->count; i++)
		if (add_tag(b, &tags->pair[i], err))
			return -1;
	return buf_puts(b, "</TagSet></Tagging>", err);
}

int
s3_put_tags(struct s3 *s, const char *key, const struct object_pairs *tags,
    struct err *err)
{
	AUTO(buf) struct buf body = { .max = TAGS_XML_MAX };
	AUTO(buf) struct buf sum = { .max = 64 };
	AUTO(s3_reply) struct s3_reply r = { 0 };
	uint8_t digest[SHA256_SIZE];
	struct http_header h[2] = { { 0 } };
	struct s3_request q = {
		.kind = S3_OTHER,
		.method = "PUT",
		.what = "write tags in",
		.key = key,
		.query = "tagging=",
		.headers = h,
	};

	if (tags_xml(tags, &body, err) ||
	    sha256_of(body.data, body.len, digest, err) ||
	    str_base64(&sum, digest, sizeof digest, err))
		return -1;
	/* AWS insists on a checksum here, though the signature has one */
	h[0] = (struct http_header){ "x-amz-checksum-sha256", sum.data };
	q.body = body.data;
	q.body_len = body.len;
	return s3_request(s, &q, &r, err);
}
