/* cut.h - who of several workers saves which keys of a component. */
#ifndef ENGINE_CUT_H
#define ENGINE_CUT_H

#include "engine/run.h"
#include "repo/share.h"

/*
 * The i-th of the run's plan, a component with objects: by the inventory that
 * it is built on, so that all have as many objects; where there is none, or it
 * cannot be read, by what the source says.  Component and folder are filled in
 * too; what the cut holds is the caller's, also on failure.
 */
MUST_CHECK int cut_make(struct run *, size_t i, unsigned workers,
    struct share_cut *, struct err *);

#endif
