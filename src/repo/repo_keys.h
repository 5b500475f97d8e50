/* repo_keys.h - what the keys of a repository can do with a set. */
#ifndef REPO_REPO_KEYS_H
#define REPO_REPO_KEYS_H

#include "repo/repo.h"

/* Can its files be read?  ERR_USAGE says which identity is needed. */
MUST_CHECK int repo_keys_check(struct repo *, const struct manifest *,
    struct err *);
/* The same, and is nothing in the manifest hidden any more? */
MUST_CHECK int repo_keys_check_open(struct repo *, const struct manifest *,
    struct err *);
/* Is it encrypted to just the recipients that new sets are encrypted to?  None
 * is none as well. */
bool repo_keys_same(const struct repo *, const struct manifest *);
/* Is the newest of these sets, finished or not, encrypted?  Then id is its
 * id. */
MUST_CHECK int repo_keys_newest(struct repo *, const struct repo_sets *,
    char id[LAYOUT_ID_SIZE], bool *encrypted, struct err *);
/* Put back what is hidden (repo/names.h), where something is. */
MUST_CHECK int repo_keys_reveal(struct repo *, struct manifest *, struct err *);
/* The recipients as they stand in a manifest that is to be written. */
MUST_CHECK int repo_keys_name(const struct repo *, struct manifest *,
    struct err *);

#endif
