/*
 * s3_part.h - one part of a multipart upload: sent now, or by a thread of its
 * own.  Inside s3/ only.
 */
#ifndef S3_S3_PART_H
#define S3_S3_PART_H

#include "base/thread.h"
#include "s3/s3_request.h"

/* Filled in by the upload, up to body, which is the part's from then on; what
 * is borrowed outlives it. */
struct s3_part {
	struct s3 *s;
	const char *key, *id; /* of the upload */
	bool checksum;
	unsigned number; /* from 1 */
	struct buf body;
	struct s3_reply reply; /* of send and wait */
	struct thread thread;
	struct err err; /* where started */
	bool failed;
};

MUST_CHECK int s3_part_send(struct s3_part *, struct err *);
/* As send, and the caller goes on; at once, where no thread can be had. */
void s3_part_start(struct s3_part *);
/* What send says. */
MUST_CHECK int s3_part_wait(struct s3_part *, struct err *);
/* Not before it was waited for, where it was started. */
void s3_part_done(struct s3_part *);

static inline void
scope_s3_part(struct s3_part *p)
{
	s3_part_done(p);
}

#endif
