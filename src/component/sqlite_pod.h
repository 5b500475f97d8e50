/* sqlite_pod.h - a database in another pod of the cluster, as a file of ours:
 * copied there, by a program that is sent there (pod_helper.h). */
#ifndef COMPONENT_SQLITE_POD_H
#define COMPONENT_SQLITE_POD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct buf;
struct config_component;

/* One line of what would be saved, or replaced. */
MUST_CHECK int sqlite_pod_check(const struct config_component *, bool restore,
    struct buf *detail, struct err *);
/* A copy of this moment to the file `to`, made anew; whole or an error.
 * *locked_ms: how long nobody could write. */
MUST_CHECK int sqlite_pod_copy(const struct config_component *, const char *to,
    int64_t *locked_ms, struct err *);
/* The database in the file `from` over the one in the pod; note: what is to
 * be told. */
MUST_CHECK int sqlite_pod_load(const struct config_component *,
    const char *from, struct buf *note, struct err *);

#endif
