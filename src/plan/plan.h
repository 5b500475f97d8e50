/*
 * plan.h - configuration and the caller's choice in, ordered jobs out.  Pure.
 *
 * Backup: what refers before what is referred to (SQLite, then databases, then
 * buckets, then objects of clusters), so that each reference in a copy finds
 * its object in a later copy.  Restore goes the other way; of clusters in the
 * order of the configuration.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <stddef.h>

#include "base/err.h"
#include "base/scope.h"
#include "config/config.h"

struct plan_job {
	const struct config_component *component; /* borrowed */
	const char *to; /* restore: another target; NULL: the configured */
};

struct plan {
	struct plan_job *job;
	size_t count;
};

/* What the caller asks for; strings are borrowed by the plan. */
struct plan_choice {
	const char *const *only; /* names; none: all */
	size_t nonly;
	const char *const *to; /* NAME=TARGET */
	size_t nto;
};

/* What is chosen, by name or by target.  ERR_USAGE: not configured. */
MUST_CHECK int plan_wanted(const struct config *, const struct plan_choice *,
    struct plan *, struct err *);
/* ERR_USAGE: a name that is not configured; nothing is configured. */
MUST_CHECK int plan_backup(const struct config *, const struct plan_choice *,
    struct plan *, struct err *);
/*
 * Of the components of a set, those that are configured and chosen.  A target
 * in choice->to chooses its component.  ERR_USAGE: a name that is not in the
 * set, or in it and not configured.
 */
MUST_CHECK int plan_restore(const struct config *, const struct plan_choice *,
    const char *const *in_set, size_t nin_set, struct plan *, struct err *);
void plan_done(struct plan *);

static inline void
scope_plan(struct plan *p)
{
	plan_done(p);
}

#endif
