/* restore.h - put a set back: referred before what refers, metadata last. */
#ifndef ENGINE_RESTORE_H
#define ENGINE_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "config/config.h"
#include "engine/progress.h"
#include "kube/kube.h"
#include "plan/plan.h"
#include "repo/manifest.h"
#include "repo/repo.h"

struct kube_restore_choice;

struct restore_options {
	struct repo *repo;
	const struct config *config;
	const struct plan *plan; /* of plan_restore */
	const struct manifest *manifest;
	const struct kube_restore_choice *kubernetes; /* or NULL */
	bool exact, dry_run;
	const struct progress *progress; /* or NULL */
	const struct clock *clock;
	const struct kube_options *kube; /* for 'pause' */
};

enum { RESTORE_NOTES = 32 };

struct restore_part {
	const char *name, *type; /* borrowed from the plan */
	bool begun, done;
	uint64_t objects;                /* of the component in the set */
	uint64_t written, written_bytes; /* dry run: would be */
	uint64_t unchanged, removed, extra;
	double seconds;
	char *notes[RESTORE_NOTES];
	size_t nnotes;
};

struct restore_result {
	struct restore_part *part;
	size_t count;
};

/*
 * The manifest is one in which nothing is hidden (repo_keys_reveal).
 * Before the first change every file that is needed is looked for and every
 * inventory is read; each pack and stream is verified before its first byte is
 * used.  Then what the components' 'pause' names stands still until the end,
 * also of a restore that fails.  The result is filled on failure too: it says
 * how far it came.
 */
MUST_CHECK int restore_run(const struct restore_options *,
    struct restore_result *, struct err *);
void restore_result_done(struct restore_result *);

static inline void
scope_restore_result(struct restore_result *r)
{
	restore_result_done(r);
}

#endif
