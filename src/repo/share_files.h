/*
 * share_files.h - finding a set that several workers write, and the files by
 * which they tell each other what they do.
 *
 *     sets/<folder>/run-<run>.begun.json
 *     sets/<folder>/run-<run>.references.jsonl.zst
 *     sets/<folder>/run-<run>.plan.json.zst
 *     sets/<folder>/run-<run>.share-<share>.json.zst
 *
 * In an encrypted repository all but the first are encrypted to the reader's
 * own identities: whoever has none gets ERR_USAGE.
 */
#ifndef REPO_SHARE_FILES_H
#define REPO_SHARE_FILES_H

#include "repo/repo.h"
#include "repo/set.h"
#include "repo/share.h"

/* A plan is not gone on with when its set was silent for so long. */
enum { SHARE_FILES_SILENT_S = 6 * 3600 };

enum share_files_state {
	SHARE_FILES_NONE,     /* no set of that run */
	SHARE_FILES_FINISHED, /* no other than one with a manifest, a young one
	                       */
	SHARE_FILES_BEGUN,    /* one without a plan as yet */
	SHARE_FILES_PLANNED,
};

struct share_files_found {
	enum share_files_state state;
	char folder[LAYOUT_FOLDER_SIZE];
	int64_t newest; /* its last sign of life, by the store's clock */
	/* Sets before this one need not be looked at again: the caller's, { 0 }
	 * first, then handed in as it was. */
	char from[LAYOUT_ID_SIZE];
};

/* Of several plans that which was written first.  ERR_USAGE: no such name can
 * be. */
MUST_CHECK int share_files_find(struct repo *, const char *run,
    struct share_files_found *, struct err *);

/* Can this repository's keys read what they write here? */
MUST_CHECK int share_files_check(const struct repo *, struct err *);

/* This set is of that run. */
MUST_CHECK int share_files_begin(struct set *, const char *run,
    unsigned workers, struct err *);
/* m: what is saved before the plan, as in share_plan_encode. */
MUST_CHECK int share_files_put_plan(struct repo *, const struct share_plan *,
    const struct manifest *m, struct err *);
MUST_CHECK int share_files_plan(struct repo *, const char *folder,
    const char *run, struct share_plan **, struct err *);

/* name: the share's, as in layout_is_share. */
MUST_CHECK int share_files_put(struct repo *, const char *name,
    const struct share *, const struct manifest *m, struct err *);

/* Names of the shares that are there, sorted. */
struct share_files_names {
	char (*name)[LAYOUT_SHARE_SIZE];
	size_t count;
};
MUST_CHECK int share_files_names(struct repo *, const char *folder,
    const char *run, struct share_files_names *, struct err *);
void share_files_names_done(struct share_files_names *);
/* Which worker's it is. */
unsigned share_files_worker(const char name[LAYOUT_SHARE_SIZE]);
MUST_CHECK int share_files_share(struct repo *, const char *folder,
    const char *run, const char *name, struct share **, struct err *);

/* To be written before the plan, which says that it is there. */
MUST_CHECK int share_files_references_new(struct repo *, const char *folder,
    const char *run, struct sink **, struct err *);
/* To a sink of the caller's, which is finished if all was right. */
MUST_CHECK int share_files_references(struct repo *, const char *folder,
    const char *run, struct sink *, struct err *);

static inline void
scope_share_files_names(struct share_files_names *n)
{
	share_files_names_done(n);
}

#endif
