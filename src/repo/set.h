/*
 * set.h - write one backup set.  Nothing is listed as finished until
 * set_commit returned 0; without it set_free leaves only files that no
 * manifest names, and failed.json, so that the set is shown as failed.
 */
#ifndef REPO_SET_H
#define REPO_SET_H

#include <stdint.h>

#include "base/clock.h"
#include "repo/repo.h"

struct pool;
struct set;

struct set_options {
	const char *name;  /* of the repository's platform */
	const char *label; /* or NULL */
	const char *tool, *by;
	const struct clock *clock;
	unsigned alive_ms; /* between signs of life; 0: REPO_ALIVE_S */
	/* Begin: the sets as they were a moment ago, so that nobody has to ask
	 * for the ids that are taken; NULL: they are asked for. */
	const struct repo_sets *seen;
	/* Attached only: what the names of its files hold, so that nobody else
	 * writes them.  Copied. */
	const char *share;
};

/*
 * Choose a free id, write open.json, keep the set alive from a thread.  Only
 * then may the caller look for sets to build on: whoever deletes one sees a
 * run that may have found it before it was marked.
 */
MUST_CHECK int set_begin(struct repo *, const struct set_options *,
    struct set **, struct err *);
/*
 * Go on with a set that another process has begun.  m: what is known of it so
 * far; the set's, also on failure.  It is kept alive, and is not shown as
 * failed when it is freed without a commit.  ERR_CHANGED: somebody removed it.
 */
MUST_CHECK int set_attach(struct repo *, const struct set_options *,
    struct manifest *m, struct set **, struct err *);
/* Of one that was begun: the others that were there when it was open, as
 * repo_folders gives them.  The set's. */
struct repo_sets *set_others(struct set *);
/* "" for one that was not attached. */
const char *set_share(const struct set *);
/* Of what is called <stem><ending>, the name where nobody else writes it. */
MUST_CHECK int set_own_name(const struct set *, const char *stem,
    const char *ending, char name[LAYOUT_KEY_SIZE], struct err *);
/* It is left to others: no failed.json is written. */
void set_leave(struct set *);
/* A small file of the set that no table names. */
MUST_CHECK int set_put_small(struct set *, const char *file, const struct buf *,
    struct err *);
const char *set_id(const struct set *);
const char *set_folder(const struct set *);

/* Id of the set that this one is built on. */
MUST_CHECK int set_parent(struct set *, const char *id, struct err *);

/*
 * A component's part; added to the manifest in this order.  The struct is the
 * set's and stays where it is; the caller fills in results.  One at a time.
 * ERR_USAGE: no such name or type can be, or the name is there already.
 */
MUST_CHECK int set_component(struct set *, const char *name, const char *type,
    struct manifest_component **, struct err *);

/*
 * A new file of the set, encrypted where the repository has recipients, hashed
 * and counted into the component's files (and stored_bytes) by its finish.
 * file: name behind sets/<folder>/, without ".zst" and ".age".  Component
 * NULL: into the set's own.  Any thread.
 *   SET_RAW   stored as it is
 *   SET_ZSTD  compressed, ".zst" added
 *   SET_AHEAD as SET_ZSTD, and stored by a thread of its own
 *   SET_PROBE compressed if the first 64 KiB say that it is worth it
 * path (may be NULL): its name in the repository, there at once, but for
 * SET_PROBE: once finished.
 */
enum set_coding { SET_RAW, SET_ZSTD, SET_AHEAD, SET_PROBE };
MUST_CHECK int set_file(struct set *, struct manifest_component *,
    const char *file, enum set_coding, char path[LAYOUT_KEY_SIZE],
    struct sink **, struct err *);
/*
 * Of a SET_PROBE file that has no byte yet: digest becomes the SHA-256 of what
 * is written, by its finish.  Costs nothing where that is what is stored.
 */
void set_file_hash(struct sink *, uint8_t digest[SHA256_SIZE]);
/* Of a SET_PROBE, before its first byte: so much may be written while the rest
 * is being stored. */
void set_file_ahead(struct sink *, size_t bytes);
/* Of a SET_PROBE, before its first byte: as the store's (store/store.h). */
void set_file_spare(struct sink *, struct pool *spare);

/* To be filled in by the caller; it is the set's. */
struct manifest_references *set_references(struct set *);

/* What the set does not contain, in words; copied. */
MUST_CHECK int set_missing(struct set *, const char *, struct err *);

/* The manifest as it would be now, for RESTORE.md; borrowed. */
const struct manifest *set_manifest(const struct set *);

/*
 * RESTORE.md, then manifest.json, and the set exists.  Before that the store
 * is asked whether it has every file of the set, and every one of earlier sets
 * that it needs, whole: ERR_CORRUPT or ERR_NOTFOUND names the one that it has
 * not.  ERR_CHANGED: somebody removed the set meanwhile.
 */
MUST_CHECK int set_commit(struct set *, struct err *);
/* Put back into its manifest, as it was read, what is hidden in it: without
 * an identity. */
MUST_CHECK int set_reveal(const struct set *, struct manifest *, struct err *);
void set_free(struct set *);

static inline void
scope_set(struct set **s)
{
	set_free(*s);
}

#endif
