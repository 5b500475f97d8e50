/*
 * untar.h - a sink that takes a tar as tar.h writes it (ustar, and pax for
 * names) apart.  Links, devices and what else is no regular file is refused.
 */
#ifndef STREAM_UNTAR_H
#define STREAM_UNTAR_H

#include <stdint.h>

#include "stream/sink.h"

struct untar_file {
	const char *name; /* as it stands there: up to TAR_NAME_MAX bytes */
	const char *data; /* borrowed, with a '\0' behind it */
	size_t size;
	uint64_t offset; /* of its first byte in the tar */
};

/* One file, whole; -1 ends it all. */
typedef int untar_fn(void *arg, const struct untar_file *, struct err *);

/*
 * size_max: of one file; it is kept in memory.  Finish fails where the closing
 * blocks are missing.  ERR_CORRUPT: damaged, or none of ours.
 */
MUST_CHECK int untar_new(size_t size_max, untar_fn *, void *arg, struct sink **,
    struct err *);

#endif
