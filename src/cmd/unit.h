/*
 * unit.h - the Juju unit: the configuration that Juju gives it, the status
 * that it shows, and what it remembers from one run to the next.
 */
#ifndef CMD_UNIT_H
#define CMD_UNIT_H

#include <stdint.h>

#include "juju/charm.h"

struct config;

struct unit {
	struct config *config; /* NULL: gap says why */
	struct tree *targets;  /* as charm.h has them; NULL without a config */
	/* What a person or another charm has to do; { 0 }: all is there.
	 * With a config: a backup of everything would lack something. */
	struct relation_gap gap;
};

/*
 * Ask Juju for everything.  What is wrong in options or in another charm's
 * data is a gap as well; -1 only where Juju cannot be asked.
 */
MUST_CHECK int unit_read(const struct env *, struct charm_asked *,
    struct unit *, struct err *);
void unit_done(struct unit *);

/* Show the gap, or how the backups are, as far as is remembered. */
MUST_CHECK int unit_show(const struct unit *, struct err *);

/* The newest set and how many there are; status: of that set. */
struct unit_backups {
	const char *id, *status; /* NULL: none yet */
	size_t count;
};
MUST_CHECK int unit_remember(const struct unit_backups *, struct err *);
/* When a backup did not come to be, in seconds since 1970; 0: forget it. */
MUST_CHECK int unit_remember_failure(int64_t now, struct err *);

/* What a verification or a drill found: a few words for the status; NULL: it
 * was well. */
enum unit_trouble { UNIT_VERIFY, UNIT_DRILL };
MUST_CHECK int unit_remember_trouble(enum unit_trouble, const char *words,
    struct err *);

static inline void
scope_unit(struct unit *u)
{
	unit_done(u);
}

#endif
