/*
 * repo.h - a repository of format 1 on a store: which sets it has, and reading
 * files of it.  Writing a set: set.h.  Byte formats: DESIGN.md.
 */
#ifndef REPO_REPO_H
#define REPO_REPO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"
#include "repo/layout.h"
#include "repo/manifest.h"
#include "stream/sink.h"

struct age_keys;
struct copies;
struct repo;
struct store;

/* A set without a manifest counts as running for so long after its newest
 * file; a running set makes one every REPO_ALIVE_S. */
enum { REPO_ALIVE_S = 240, REPO_DEAD_S = 900 };

/*
 * Owns the store from here on, also on failure; opens it.  create: make
 * repository.json where there is none; otherwise ERR_NOTFOUND.  ERR_USAGE:
 * of a newer format.
 */
MUST_CHECK int repo_open(struct store *, bool create, struct repo **,
    struct err *);
void repo_free(struct repo *);
struct store *repo_store(const struct repo *); /* borrowed */

/*
 * Recipients: every set from now on is encrypted to them.  Identities: read
 * what is encrypted.  Borrowed; NULL: none.
 */
void repo_set_keys(struct repo *, const struct age_keys *);
const struct age_keys *repo_keys(const struct repo *); /* never NULL */
/* Then: where keys cannot decrypt what they encrypt, keep copies of the last
 * inventories in this folder, which is made. */
MUST_CHECK int repo_keep_copies(struct repo *, const char *folder,
    struct err *);
struct copies *repo_copies(const struct repo *); /* NULL: none are kept */

struct repo_set {
	char id[LAYOUT_ID_SIZE], folder[LAYOUT_FOLDER_SIZE];
	bool committed; /* it has a manifest */
	bool running;   /* none, but its newest file is young */
	bool deleted;   /* marked (notes.h); without a manifest: what is left
	                 * of it, because later sets need it */
	/* Without a manifest, by the store's clock; 0: not there. */
	int64_t opened; /* when open.json was written */
	int64_t newest; /* its newest file */
	bool gave_up;   /* it has failed.json */
};
struct repo_sets {
	struct repo_set *set; /* oldest first */
	size_t count;
};

MUST_CHECK int repo_list(struct repo *, struct repo_sets *, struct err *);
void repo_sets_done(struct repo_sets *);

/* The folders of one id, without looking into them: only id and folder. */
MUST_CHECK int repo_folders(struct repo *, const char *id, struct repo_sets *,
    struct err *);

/*
 * The manifest of a set.  ERR_NOTFOUND: no such id.  ERR_USAGE: not finished
 * (running or failed, the message says which), of a newer format, or two sets
 * have the id: then the name of a folder, taken as well, tells them apart.
 * ERR_CORRUPT: damaged; the message names the file.
 */
MUST_CHECK int repo_manifest(struct repo *, const char *id, struct manifest **,
    struct err *);
/* The same of a folder in which a set was finished: one request.
 * ERR_NOTFOUND: it has no manifest. */
MUST_CHECK int repo_manifest_in(struct repo *, const char *folder,
    struct manifest **, struct err *);
/* The folder of the one finished set of that name; errors as above, but its
 * manifest is not read. */
MUST_CHECK int repo_folder(struct repo *, const char *id,
    char folder[LAYOUT_FOLDER_SIZE], struct err *);
/* Its bytes, as they are, verified. */
MUST_CHECK int repo_manifest_text(struct repo *, const char *id, struct buf *,
    struct err *);
/*
 * The newest set with a manifest that holds each of the n named components,
 * none of them failed; with n 0, the newest in which nothing failed.  *ret
 * NULL: none.  Those that cannot be read, because damaged or of a newer format,
 * are passed over with a warning; those that are marked for deletion without.
 */
MUST_CHECK int repo_latest(struct repo *, const char *const *names, size_t n,
    struct manifest **ret, struct err *);

/*
 * For each of the n names by itself the newest of these sets that holds it:
 * ret[i], NULL first, and still NULL where there is none.  One manifest may
 * stand there several times; they are the caller's, also on failure.  What is
 * marked is noted in the sets.
 */
MUST_CHECK int repo_latest_each(struct repo *, struct repo_sets *,
    const char *const *names, size_t n, struct manifest **ret, struct err *);

/* Stream a whole file to a sink (the caller's), decrypted and decompressed as
 * its name says, and verified: the sink is finished only if all bytes were
 * right.  ERR_CORRUPT or ERR_NOTFOUND: the message names the file.  ERR_USAGE:
 * encrypted, and there is no identity; repo_keys_check knows before. */
MUST_CHECK int repo_read(struct repo *, const struct manifest_file *,
    struct sink *, struct err *);
/* Present, and as long as the manifest says. */
MUST_CHECK int repo_stat(struct repo *, const struct manifest_file *,
    struct err *);
/* Read every byte and compare with its SHA-256. */
MUST_CHECK int repo_verify(struct repo *, const struct manifest_file *,
    struct err *);

/* The same, and the bytes as they are stored go by a sink, which stays the
 * caller's and is not finished. */
MUST_CHECK int repo_fetch(struct repo *, const struct manifest_file *,
    struct sink *, struct err *);

/* Unfinished uploads of runs that are dead are thrown away; *n: how many. */
MUST_CHECK int repo_sweep(struct repo *, unsigned *n, struct err *);

static inline void
scope_repo(struct repo **r)
{
	repo_free(*r);
}

static inline void
scope_repo_sets(struct repo_sets *s)
{
	repo_sets_done(s);
}

#endif
