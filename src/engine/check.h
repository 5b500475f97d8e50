/* check.h - is everything reachable, allowed, and has it room? */
#ifndef ENGINE_CHECK_H
#define ENGINE_CHECK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/scope.h"
#include "config/config.h"
#include "plan/plan.h"
#include "repo/repo.h"

struct check_line {
	char *name; /* "repository", or the component's */
	bool ok;
	char *message; /* what was found, or what is wrong */
};

struct check_result {
	struct check_line *line;
	size_t count;
	bool ok; /* all of them */
};

/*
 * repo NULL: it could not be opened, and why_not says why.  The repository is
 * tried by writing, reading and removing a small file; may it not be removed,
 * that is said, and no failure.  -1 only where the check itself cannot run.
 */
MUST_CHECK int check_run(const struct config *, const struct plan *,
    struct repo *, const struct err *why_not, struct check_result *,
    struct err *);
void check_result_done(struct check_result *);

static inline void
scope_check_result(struct check_result *r)
{
	check_result_done(r);
}

#endif
