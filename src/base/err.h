/* err.h - what went wrong, told once, to the caller. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/scope.h"

enum err_code {
	ERR_NONE,
	ERR_NOMEM,
	ERR_IO,       /* the kernel said no; .sys holds errno */
	ERR_NOROOM,   /* disk full or quota */
	ERR_NOTFOUND, /* expected by callers of stat and get */
	ERR_EXISTS,   /* expected by callers that create */
	ERR_DENIED,   /* credentials, permissions */
	ERR_RETAINED, /* may not be removed yet: a lock of the store */
	ERR_REFUSED,  /* it may do harm: a person has to say that it is meant */
	ERR_CHANGED,  /* the source is no longer what it was when listed */
	ERR_CORRUPT,  /* bytes read back are not the bytes written */
	ERR_TRANSIENT, /* worth another try: 5xx, time-out, reset */
	ERR_REMOTE,    /* a server refused; another try would not help */
	ERR_USAGE,     /* arguments or configuration: exit status 2 */
};

/* Lives on the caller's stack; setting it never allocates. */
struct err {
	enum err_code code;
	int sys;
	char msg[1600]; /* room for a key of 1024 bytes and its context */
};

/*
 * Record an error.  Always returns -1, so that
 *     return err_set(err, ERR_CORRUPT, "item '%s': bad digest", name);
 * is the whole error path.
 */
int err_set(struct err *, enum err_code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/*
 * As err_set with the code that errno stands for (ERR_IO where no other
 * fits), and ": strerror(errno)" appended.
 */
int err_sys(struct err *, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "out of memory", from wherever. */
int err_nomem(struct err *);

/* Put "context: " in front of the message already there.  Returns -1. */
int err_wrap(struct err *, const char *fmt, ...) PRINTF_LIKE(2, 3);

static inline bool
err_is(const struct err *err, enum err_code code)
{
	return err->code == code;
}

#endif
