/* exec_status.h - how a program in a container ended: the Status that channel 3
 * carries. */
#ifndef KUBE_EXEC_STATUS_H
#define KUBE_EXEC_STATUS_H

#include <stddef.h>

#include "base/err.h"
#include "base/scope.h"

/* 0: it ran, and *exit_status says how it ended.  ERR_NOTFOUND: there is no
 * such container, or no such program in it.  ERR_REMOTE: it did not start, or
 * the text is no Status. */
MUST_CHECK int exec_status_read(const void *, size_t n, int *exit_status,
    struct err *);

#endif
