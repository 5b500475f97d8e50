#include <stdint.h>

#include "s3/reply.h"
#include "s3/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Whatever a server sends, to each reader of answers. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { 0 };
	AUTO(buf) struct buf b = { .max = 1 << 20 };
	AUTO(reply_page) struct reply_page page = { 0 };
	AUTO(reply_uploads) struct reply_uploads uploads = { 0 };
	AUTO(object) struct object o = { 0 };
	AUTO(free) char *text = NULL;
	struct reply_error error;
	char root[XML_PATH_SIZE];

	if (buf_add(&b, data, size, &err))
		return 0;
	reply_error(&b, &error);
	(void)!xml_root(b.data, b.len, root, &err);
	(void)!reply_page(&b, &page, &err);
	(void)!reply_uploads(&b, &uploads, &err);
	(void)!reply_tags(&b, &o.tags, &err);
	(void)!reply_text(&b, "CompleteMultipartUploadResult/ETag", &text,
	    &err);
	return 0;
}
