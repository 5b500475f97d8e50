/*
 * tar.h - write a tar of regular files: ustar (POSIX.1-1988), and pax
 * (POSIX.1-2001) for a name that does not fit.  What reads it: untar.h.
 */
#ifndef STREAM_TAR_H
#define STREAM_TAR_H

#include <stdint.h>

#include "stream/sink.h"

enum {
	TAR_BLOCK = 512, /* everything is padded to that */
	TAR_NAME_MAX = 1024
};

/* Header of a member: POSIX.1-2001, pax, "ustar Interchange Format".  Numbers
 * are octal texts. */
struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8];
	char type, link[100], magic[6], version[2], uname[32], gname[32];
	char major[8], minor[8], prefix[155], unused[12];
};
enum tar_type { TAR_FILE = '0', TAR_PAX = 'x', TAR_PAX_ALL = 'g' };

/* The sum of its bytes, those of the sum itself being spaces. */
unsigned tar_sum(const struct tar_header *);

struct tar;

/* to: borrowed; the caller finishes and frees it after tar_end. */
MUST_CHECK int tar_new(struct sink *to, struct tar **, struct err *);
/* One regular file, mode 0600, owner 0, time 0; same content, same bytes.
 * ERR_USAGE: a name that is empty or longer than TAR_NAME_MAX, or 8 GiB and
 * more.  *offset (may be NULL): where its first byte stands in the tar. */
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
