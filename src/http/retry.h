/* retry.h - try again what is transient; the only such loop in the program. */
#ifndef HTTP_RETRY_H
#define HTTP_RETRY_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/scope.h"

struct retry_policy {
	unsigned attempts; /* in all */
	unsigned first_ms,
	    most_ms; /* delay: doubles, then random in its half */
};

/* What one attempt says beside its error. */
struct retry_hint {
	unsigned wait_ms; /* Retry-After; 0: none */
	bool progressed;  /* bytes came: attempts are counted anew */
};

typedef int retry_fn(void *arg, struct retry_hint *, struct err *);

/* Until fn returns 0, or an error that is not ERR_TRANSIENT, or attempts are
 * used up: then its last error, with the number of attempts. */
MUST_CHECK int retry_run(const struct retry_policy *, const struct clock *,
    retry_fn *, void *arg, struct err *);

#endif
