/*
 * drill.h - restore a set to a scratch place, and see whether it is what was
 * saved.  Nothing but the repository, the scratch folder and configured
 * scratch servers is asked: a drill can be made where no source is.
 */
#ifndef ENGINE_DRILL_H
#define ENGINE_DRILL_H

#include "base/clock.h"
#include "config/config.h"
#include "engine/progress.h"
#include "plan/plan.h"
#include "repo/manifest.h"
#include "repo/repo.h"

struct drill_options {
	struct repo *repo;
	const struct config *config;
	const struct plan *plan; /* of plan_restore: configured ones only */
	const struct manifest *manifest;
	const char *tool, *by;
	const struct progress *progress; /* or NULL */
	const struct clock *clock;
};

enum drill_status {
	DRILL_OK,
	DRILL_FAILED,
	DRILL_SKIPPED /* there is nothing to try, or nothing to try it with */
};

struct drill_part {
	const char *name, *type; /* borrowed from the manifest */
	enum drill_status status;
	char *words; /* what was seen, or what is wrong */
	double seconds;
};

struct drill_result {
	struct drill_part *part; /* of each component of the set */
	size_t count;
	enum drill_status references;
	char *references_words;
	bool ok; /* nothing failed, something was tried */
};

/*
 * 0: it was tried; the result says how it went, and a note is kept with the
 * set.  -1: it could not be tried (repository or scratch server do not answer,
 * no room, no memory).
 */
MUST_CHECK int drill_run(const struct drill_options *, struct drill_result *,
    struct err *);
void drill_result_done(struct drill_result *);
const char *drill_status_name(enum drill_status);

static inline void
scope_drill_result(struct drill_result *r)
{
	drill_result_done(r);
}

#endif
