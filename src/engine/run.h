/*
 * run.h - what a backup does, step by step: alone (engine/backup.h), or as one
 * of several workers (engine/workers.h).
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include "component/component.h"
#include "engine/backup.h"
#include "engine/references.h"
#include "repo/set.h"

struct run {
	const struct backup_options *o;
	struct set *set;               /* owned; NULL: not begun */
	struct references *references; /* NULL: none are looked up */
	/* In the plan's order: */
	struct component **component;
	struct manifest **before; /* set to build on; NULL: none.  Components
	                           * may share one. */
	struct err *unfit;        /* what its check said */
};

/* { 0 } first; done also after a failure. */
MUST_CHECK int run_init(struct run *, const struct backup_options *,
    struct err *);
void run_done(struct run *);

/* Every component is opened, and looked at: one that is unfit fails later.
 * -1: none is fit. */
MUST_CHECK int run_look(struct run *, struct err *);
/* Opened only. */
MUST_CHECK int run_open(struct run *, struct err *);
/* Begin a new set, and choose what it is built on. */
MUST_CHECK int run_begin(struct run *, struct err *);
/* Is something of it not failed? */
MUST_CHECK int run_any_saved(const struct run *, struct err *);
/* All components are stored: references, what is missing, commit; *ret is the
 * manifest, read back. */
MUST_CHECK int run_commit(struct run *, struct manifest **ret, struct err *);

#endif
