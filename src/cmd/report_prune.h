/*
 * report_prune.h - results of prune, delete, hold and release, in the words of
 * the outside interface.  Everything is appended.
 */
#ifndef CMD_REPORT_PRUNE_H
#define CMD_REPORT_PRUNE_H

#include <stdbool.h>

#include "base/buf.h"
#include "engine/prune.h"

/* "finished", "dry run". */
const char *report_prune_status(bool dry_run);

/* {"prune-status", "sets": [{"backup-id", "decision", "reason"}], "marked",
 * "removed-sets", "removed-files", "removed-bytes", "retained-files", …}. */
MUST_CHECK int report_prune_json(const struct prune_result *, bool dry_run,
    struct buf *, struct err *);
MUST_CHECK int report_prune_text(const struct prune_result *, bool dry_run,
    struct buf *, struct err *);

/* "marked": its files go later; "deleted"; "waiting": for a run in progress;
 * "retained": by the store. */
const char *report_prune_deleted_status(const struct prune_deleted *);
/* {"backup-id", "delete-status", "files-go", "removed-files", …}. */
MUST_CHECK int report_prune_deleted_json(const struct prune_deleted *,
    struct buf *, struct err *);
MUST_CHECK int report_prune_deleted_text(const struct prune_deleted *,
    struct buf *, struct err *);

/* {"backup-id", "held"}. */
MUST_CHECK int report_prune_held_json(const char *id, bool held, struct buf *,
    struct err *);
MUST_CHECK int report_prune_held_text(const char *id, bool held, struct buf *,
    struct err *);

#endif
