/*
 * retention.h - which sets go, and why the others stay.  Pure: sets and time
 * in, decisions in words out.
 *
 * Sets are counted by their ids, which are seconds in UTC.  Only sets that are
 * finished count for keep-last, keep-hourly and so on: of each of the newest
 * so many hours, days … that have one, the newest stays.  Spans (keep-within,
 * delete-older-than-days) are measured back from the newest finished set, or
 * from now if that is earlier, and hold for incomplete sets too: where backups
 * have stopped, nothing grows old.  A set stays if any rule keeps it.
 *
 * Whatever the rules say, these stay: the newest finished set, the newest that
 * was proved by reading it, for each component the newest that has it ok, what
 * is newer than the newest finished set, held sets, sets in progress.
 */
#ifndef PLAN_RETENTION_H
#define PLAN_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"
#include "config/config.h"

struct retention_set {
	int64_t time;     /* of its id */
	int64_t finished; /* by its writer's clock; 0: not known */
	bool running;     /* nothing else of it is known */
	bool complete;    /* every component is ok */
	bool held, proven;
	const char *const *ok; /* names of the components that are ok */
	size_t nok;
};

struct retention_decision {
	bool keep;
	char reason[200]; /* "daily 2026-11-20, held", "no rule keeps it" */
};

/* sets: oldest first, without those that are marked already. */
void retention_decide(const struct config_retention *,
    const struct retention_set *, size_t n, int64_t now,
    struct retention_decision *ret);

/* What a person has to say by name. */
enum retention_allow {
	RETENTION_CLOCK = 1 << 0,
	RETENTION_FUTURE = 1 << 1,
	RETENTION_HALF = 1 << 2,
	RETENTION_LAST = 1 << 3, /* the last finished set; delete only */
};
/* Adds the names of "clock, half".  ERR_USAGE: no such name. */
MUST_CHECK int retention_allow_parse(const char *text, unsigned *allow,
    struct err *);

enum { RETENTION_TOLERANCE_S = 900 };

struct retention_times {
	int64_t now;         /* by the store's clock */
	int64_t ours;        /* by this machine's */
	int64_t newest_note; /* 0: none */
};

/*
 * May anything go at all?  ERR_REFUSED: a clock went back, clocks disagree,
 * sets lie in the future, or more than half would go, and allow does not name
 * it.
 */
MUST_CHECK int retention_check(const struct retention_times *,
    const struct retention_set *, const struct retention_decision *, size_t n,
    unsigned allow, struct err *);

#endif
