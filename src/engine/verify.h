/*
 * verify.h - is everything of stored sets there, and right?  Nothing but the
 * repository is asked; what was found is kept with each set as a note.
 */
#ifndef ENGINE_VERIFY_H
#define ENGINE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "config/config.h"
#include "engine/progress.h"
#include "repo/repo.h"

/* Places that files are spread over, by their names: shares are cut there. */
enum { VERIFY_PLACES = 10000, VERIFY_PROBLEMS = 1000 /* named in one run */ };

struct verify_options {
	struct repo *repo;
	const struct config *config;
	/* How many of the places are read: 0 none, VERIFY_PLACES all.  Each
	 * run goes on where the last one of the set ended. */
	unsigned share;
	const char *tool, *by;
	const struct progress *progress; /* or NULL */
	const struct clock *clock;
};

struct verify_problem {
	char *file;
	char *component; /* that it hurts; NULL: the set as a whole */
	char *problem;
};

struct verify_set {
	char id[LAYOUT_ID_SIZE], folder[LAYOUT_FOLDER_SIZE];
	uint64_t files, bytes; /* that the set needs */
	uint64_t read_files, read_bytes;
	bool all_read;     /* in this run, or in the row of runs that it ends */
	uint64_t problems; /* of which the first are named: */
	const struct verify_problem *problem; /* the result's */
	size_t named;
};

struct verify_result {
	struct verify_set *set;
	size_t count;
	uint64_t problems;
	struct verify_problem *problem; /* set by set */
	size_t named;
};

/*
 * 0: all could be looked at; the result says what is wrong.  A note that
 * cannot be written is a warning.  -1: the repository cannot be asked.
 */
MUST_CHECK int verify_run(const struct verify_options *,
    const struct repo_sets *, struct verify_result *, struct err *);
void verify_result_done(struct verify_result *);

static inline void
scope_verify_result(struct verify_result *r)
{
	verify_result_done(r);
}

#endif
