/* tar.h - write a ustar tar (POSIX.1-1988, part of pax) by libarchive. */
#ifndef STREAM_TAR_H
#define STREAM_TAR_H

#include <stdint.h>

#include "stream/sink.h"

struct tar;

/* to: borrowed; the caller finishes and frees it after tar_end. */
MUST_CHECK int tar_new(struct sink *to, struct tar **, struct err *);
/* One regular file, mode 0600, owner 0, time 0; the name: 100 bytes at most.
 * *offset: where its first byte stands in the tar. */
MUST_CHECK int tar_add(struct tar *, const char *name, const void *, size_t,
    uint64_t *offset, struct err *);
MUST_CHECK int tar_end(struct tar *, struct err *); /* the closing blocks */
void tar_free(struct tar *);

static inline void
scope_tar(struct tar **t)
{
	tar_free(*t);
}

#endif
