/* report_worker.h - what one of several workers has saved, in words. */
#ifndef CMD_REPORT_WORKER_H
#define CMD_REPORT_WORKER_H

#include "base/buf.h"
#include "engine/workers.h"

/*
 * {"backup-id", "share-status", "run", "worker", "workers", "components":
 * [{"name", "status", "message", "objects", …}]}, appended.  share-status:
 * "saved", "was there" from an earlier try, or "joined" where the set has its
 * manifest already; then there is no more than that.
 */
MUST_CHECK int report_worker_json(const struct workers_result *, struct buf *,
    struct err *);
/* The same in lines for people. */
MUST_CHECK int report_worker_text(const struct workers_result *, struct buf *,
    struct err *);

#endif
