/* check.h - is everything reachable, allowed, and has it room? */
#ifndef ENGINE_CHECK_H
#define ENGINE_CHECK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/scope.h"
#include "config/config.h"
#include "plan/plan.h"
#include "repo/repo.h"
#include "store/store.h"

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

/* The repository, as far as it could be opened. */
struct check_repository {
	struct repo *repo;   /* NULL: there is none, or it cannot be opened */
	struct store *store; /* where it would be; NULL: not there either */
	const struct err *why_not; /* there is none of both */
};

/*
 * The repository is tried by writing, reading and removing a small file; may
 * it not be removed, that is said, and no failure.  One that the first backup
 * would make is no failure either.  -1 only where the check cannot run.
 */
MUST_CHECK int check_run(const struct config *, const struct plan *,
    const struct check_repository *, struct check_result *, struct err *);
void check_result_done(struct check_result *);

static inline void
scope_check_result(struct check_result *r)
{
	check_result_done(r);
}

#endif
