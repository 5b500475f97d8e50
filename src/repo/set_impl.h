/* set_impl.h - what set.c and set_file.c share; nobody else includes it. */
#ifndef REPO_SET_IMPL_H
#define REPO_SET_IMPL_H

#include "base/monitor.h"
#include "repo/set.h"

struct set {
	struct repo *repo;
	struct store *store;
	const struct clock *clock;
	struct monitor m; /* over the manifest's files, and quit */
	struct manifest *manifest;
	struct buf names; /* what the manifest hides, once it does */
	struct thread alive;
	unsigned alive_ms;
	char *share; /* NULL: it is all ours */
	struct repo_sets others;
	bool quit; /* the thread is to end */
	bool begun, committed;
};

#endif
