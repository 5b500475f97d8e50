/*
 * spool.h - a file of the repository that is read once and then needed in
 * parts: kept for a while in a file without a name, mode 0600.
 *
 * A help that may fail.  Where there is no such folder, or no room in it, the
 * spool is not whole, and whoever needs the bytes asks the store again.
 */
#ifndef REPO_SPOOL_H
#define REPO_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "stream/sink.h"

struct spool;

/* ERR_NOMEM alone: a file that cannot be made is a spool that is not whole. */
MUST_CHECK int spool_new(const char *folder, struct spool **, struct err *);
/* Where the bytes go, in order; the spool's own.  Never fails. */
struct sink *spool_sink(struct spool *);
/* So many bytes came, and all are there. */
bool spool_whole(const struct spool *, uint64_t size);
/* Any thread, when it is whole. */
MUST_CHECK int spool_read(const struct spool *, uint64_t off, void *to,
    size_t n, struct err *);
void spool_free(struct spool *);

static inline void
scope_spool(struct spool **s)
{
	spool_free(*s);
}

#endif
