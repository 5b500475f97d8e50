/*
 * relation.h - what all relations have in common: the other application's
 * bag, its values, and what to tell an administrator while it gives nothing.
 */
#ifndef JUJU_RELATION_H
#define JUJU_RELATION_H

#include <string.h>

#include "base/err.h"
#include "base/scope.h"

struct json;

enum relation_state {
	RELATION_READY,
	RELATION_WAITING, /* another charm has to do something */
	RELATION_BLOCKED, /* a person has to */
};

/* What is missing, in words for the unit's status; { 0 }: nothing. */
struct relation_gap {
	enum relation_state state;
	char text[400];
};

/* Words after the first are for nothing: the first gap is the one to close. */
void relation_gap_set(struct relation_gap *, enum relation_state,
    const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * The other application's bag, and its name, which the caller frees.  Where
 * the bag cannot be read (in a broken relation, not yet) it is empty.
 */
MUST_CHECK int relation_bag(const char *id, char **app, struct json **,
    struct err *);
/* The same of an application or unit whose name is known. */
MUST_CHECK int relation_bag_of(const char *id, const char *who, struct json **,
    struct err *);

/*
 * What a secret of the relation holds; NULL where gap says that it cannot be
 * read yet.  Its label is kind and the number of the relation.
 */
struct relation_secret {
	const char *id, *uri, *kind;
};
MUST_CHECK int relation_secret_read(const struct relation_secret *,
    struct relation_gap *gap, struct json **, struct err *);

/*
 * A copy of the value, which may be a JSON string or plain text, without white
 * space around it.  *ret NULL: there is none, or it is empty.  The caller
 * frees it; it may be a secret.
 */
MUST_CHECK int relation_text(const struct json *bag, const char *name,
    char **ret, struct err *);

/*
 * The certificates of the value, which may be PEM, base64 of PEM, or a JSON
 * list of either; one PEM text.  *ret NULL: there is no such value.
 */
MUST_CHECK int relation_chain(const struct json *bag, const char *name,
    char **ret, struct err *);

/* "3" of "mysql:3". */
const char *relation_number(const char *id);

/* Remove these characters at the end, and at the front as well. */
void relation_strip(char *text, const char *set);
void relation_strip_end(char *text, const char *set);

static inline void
scope_secret(char **p)
{
	if (*p)
		explicit_bzero(*p, strlen(*p));
	free(*p);
}

#endif
