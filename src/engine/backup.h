/* backup.h - run a plan: each component into one set, the manifest last. */
#ifndef ENGINE_BACKUP_H
#define ENGINE_BACKUP_H

#include <stdbool.h>

#include "base/clock.h"
#include "config/config.h"
#include "engine/progress.h"
#include "plan/plan.h"
#include "repo/repo.h"

struct backup_options {
	struct repo *repo;
	const struct config *config;
	const struct plan *plan;
	bool full;                       /* do not build on the set before */
	const char *label;               /* or NULL */
	const char *tool;                /* "platform-backup 0.1.0" */
	const char *by;                  /* host, or Juju unit */
	const struct progress *progress; /* or NULL */
	const struct clock *clock;
};

/*
 * 0: the set exists; its manifest, read back, is the caller's, and says which
 * component is not ok.  -1: no set was made.
 */
MUST_CHECK int backup_run(const struct backup_options *, struct manifest **,
    struct err *);

#endif
