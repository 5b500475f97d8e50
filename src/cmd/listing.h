/* listing.h - all sets of a repository, with what is known of each. */
#ifndef CMD_LISTING_H
#define CMD_LISTING_H

#include <stddef.h>

#include "repo/notes.h"
#include "repo/repo.h"

struct listing_line {
	char id[LAYOUT_ID_SIZE];
	/* finished, incomplete, in progress, failed; deleted: marked */
	const char *status;
	struct notes_state notes;
	struct manifest *manifest; /* without its files; NULL: not finished,
	                            * or damaged */
	char *message;             /* what is wrong with it; NULL */
};

struct listing {
	struct listing_line *line; /* oldest first */
	size_t count;
	int64_t now; /* by the store's clock */
};

/* A set whose manifest is damaged is "failed", with a message.  What is left
 * of a deleted set, because later ones need it, is not in the list. */
MUST_CHECK int listing_read(struct repo *, struct listing *, struct err *);
void listing_done(struct listing *);

static inline void
scope_listing(struct listing *l)
{
	listing_done(l);
}

#endif
