/*
 * dump_ends.h - the first and the last bytes of a dump that passes by: whether
 * it is one, and whether it is whole.
 */
#ifndef COMPONENT_DUMP_ENDS_H
#define COMPONENT_DUMP_ENDS_H

#include <stddef.h>
#include <stdint.h>

#include "stream/sink.h"

enum { DUMP_ENDS_SIZE = 256 };

struct dump_ends {
	char head[DUMP_ENDS_SIZE + 1], tail[DUMP_ENDS_SIZE + 1];
	size_t nhead, ntail;
	uint64_t bytes;
};

void dump_ends_add(struct dump_ends *, const void *, size_t);

/* A sink that passes on to `to`, which stays the caller's and is not
 * finished. */
MUST_CHECK int dump_ends_sink(struct dump_ends *, struct sink *to,
    struct sink **, struct err *);

#endif
