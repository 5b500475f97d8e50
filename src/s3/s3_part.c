#include "s3/s3_part.h"

#include "base/str.h"

int
s3_part_send(struct s3_part *p, struct err *err)
{
	struct s3_request q = {
		.kind = S3_PUT,
		.method = "PUT",
		.what = "write to",
		.key = p->key,
		.body = p->body.data,
		.body_len = p->body.len,
		.checksum = p->checksum,
	};
	AUTO(buf) struct buf query = { .max = S3_QUERY_MAX };

	if (buf_printf(&query, err, "partNumber=%u&uploadId=", p->number) ||
	    str_percent(&query, p->id, "", err))
		return -1;
	q.query = query.data;
	return s3_request(p->s, &q, &p->reply, err);
}

static void *
run(void *arg)
{
	struct s3_part *p = arg;

	p->failed = s3_part_send(p, &p->err) != 0;
	return NULL;
}

void
s3_part_start(struct s3_part *p)
{
	struct err none = { 0 };

	if (thread_start(&p->thread, run, p, &none))
		(void)run(p);
}

int
s3_part_wait(struct s3_part *p, struct err *err)
{
	thread_join(&p->thread);
	if (p->failed)
		*err = p->err;
	return p->failed ? -1 : 0;
}

void
s3_part_done(struct s3_part *p)
{
	buf_done(&p->body);
	s3_request_done(&p->reply);
}
