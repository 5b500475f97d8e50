/*
 * prune.h - decide which sets go, mark them, and sweep; mark one by hand; hold
 * and release.
 */
#ifndef ENGINE_PRUNE_H
#define ENGINE_PRUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "config/config.h"
#include "plan/retention.h"
#include "repo/notes.h"
#include "repo/repo.h"
#include "repo/sweep.h"

struct prune_options {
	struct repo *repo;
	const struct config *config;
	const struct clock *clock;
	const char *tool, *by; /* for the notes */
	bool dry_run;
	bool now;       /* without the grace period */
	unsigned allow; /* enum retention_allow */
};

struct prune_line {
	char id[LAYOUT_ID_SIZE];
	bool keep;
	char reason[200];
};

struct prune_result {
	struct prune_line *line; /* a set each, oldest first */
	size_t count;
	size_t marked;      /* by this run; with dry_run: would be */
	char refused[1600]; /* with dry_run: why it would be; "" */
	struct sweep_result swept;
	unsigned uploads; /* unfinished ones of dead runs, thrown away */
};

/*
 * By the rules of the configuration.  ERR_USAGE: it has a retention without a
 * rule; ERR_REFUSED: clocks or numbers forbid it (retention_check);
 * ERR_CORRUPT: a manifest cannot be read.  Nothing is marked or removed then.
 */
MUST_CHECK int prune_run(const struct prune_options *, struct prune_result *,
    struct err *);
void prune_result_done(struct prune_result *);

struct prune_deleted {
	char id[LAYOUT_ID_SIZE];
	int64_t files_go; /* when; 0: now */
	struct sweep_result swept;
};

/* One set, by its id or folder; also one that failed, or is damaged. ERR_USAGE:
 * it is held, in progress, or the last finished set. */
MUST_CHECK int prune_delete(const struct prune_options *, const char *id,
    struct prune_deleted *, struct err *);

/* A held set is never deleted; a hold takes back a mark.  *ret: its id. */
MUST_CHECK int prune_hold(const struct prune_options *, const char *id,
    bool hold, char ret[LAYOUT_ID_SIZE], struct err *);

static inline void
scope_prune_result(struct prune_result *r)
{
	prune_result_done(r);
}

#endif
