/*
 * encryption.h - 'encryption' of the repository, from the charm's options: to
 * whom is public, the identity is a secret of Juju's under the key "identity".
 */
#ifndef JUJU_ENCRYPTION_H
#define JUJU_ENCRYPTION_H

#include "juju/relation.h"

struct tree;

struct encryption {
	/* "age1… age1…", white space or commas between them; "none": wanted
	 * in the clear; NULL: nothing is said. */
	const char *recipients;
	const char *identity; /* secret:…; NULL: none */
	const char *app;      /* to whom the secret is to be granted */
};

/*
 * *ret NULL: neither option is set, or gap says what is missing.  ERR_USAGE:
 * the secret is not one of ours.
 */
MUST_CHECK int encryption_read(const struct encryption *,
    struct relation_gap *gap, struct tree **ret, struct err *);

#endif
