/* inventory_check.h - does an inventory agree with its manifest and packs? */
#ifndef ENGINE_INVENTORY_CHECK_H
#define ENGINE_INVENTORY_CHECK_H

#include "repo/manifest.h"
#include "repo/repo.h"

/*
 * Of one file of it: its bytes are right, its keys are in order, each file
 * that it names is the component's, and each object lies within its pack.
 * ERR_CORRUPT, ERR_NOTFOUND: the message names the file.
 */
MUST_CHECK int inventory_check(struct repo *, const struct manifest_component *,
    const struct manifest_file *, struct err *);

#endif
