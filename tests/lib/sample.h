/* sample.h - things of a repository, to be encoded, broken and read again. */
#ifndef LIB_SAMPLE_H
#define LIB_SAMPLE_H

#include "repo/inventory.h"
#include "repo/manifest.h"

#define SAMPLE_ID "2026-11-20T16:28:00Z"
#define SAMPLE_FOLDER SAMPLE_ID "-0123abcd"
#define SAMPLE_EARLIER "2026-11-19T16:28:00Z-89abcdef"

/* Three components: one ok, one degraded, one failed. */
MUST_CHECK int sample_manifest(struct manifest **, struct err *);
/* An object with everything, of which some is no text. */
MUST_CHECK int sample_entry(struct inventory_entry *, struct err *);

#endif
