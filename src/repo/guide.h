/* guide.h - RESTORE.md: how to restore this very set by hand.  Pure. */
#ifndef REPO_GUIDE_H
#define REPO_GUIDE_H

#include "base/buf.h"
#include "repo/manifest.h"

/* where: the store, in words.  file: what the text will be called. */
MUST_CHECK int guide_write(const struct manifest *, const char *where,
    const char *file, struct buf *, struct err *);

#endif
