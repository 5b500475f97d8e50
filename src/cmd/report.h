/*
 * report.h - results in the words of the outside interface: the same JSON and
 * tables for the command line and for Juju's actions.  Everything is appended.
 */
#ifndef CMD_REPORT_H
#define CMD_REPORT_H

#include <stdbool.h>

#include "base/buf.h"
#include "cmd/listing.h"
#include "engine/check.h"
#include "engine/drill.h"
#include "engine/pause.h"
#include "engine/restore.h"
#include "engine/verify.h"

enum { REPORT_MAX = 64 << 20 };

/* One set: {"backup-id", "backup-status", …, "components": […]}. */
MUST_CHECK int report_set_json(const struct manifest *, struct buf *,
    struct err *);
/* The same in lines for people. */
MUST_CHECK int report_set_text(const struct manifest *, struct buf *,
    struct err *);

/* The same of a set that people have marked or held since. */
MUST_CHECK int report_noted_json(const struct manifest *,
    const struct notes_state *, struct buf *, struct err *);
MUST_CHECK int report_noted_text(const struct manifest *,
    const struct notes_state *, struct buf *, struct err *);
/* manifest.json as it is, verified, with what people said since put in. */
MUST_CHECK int report_noted_manifest(const struct buf *manifest,
    const struct notes_state *, struct buf *, struct err *);

/* "  verified 2 d ago, drilled 9 d ago", where there is something to say. */
MUST_CHECK int report_notes_text(const struct notes_state *, int64_t now,
    struct buf *, struct err *);

/* [set, …], newest last. */
MUST_CHECK int report_list_json(const struct listing *, struct buf *,
    struct err *);
/*
 * The table of the Canonical database charms, newest last:
 *     backup-id             | backup-type  | backup-status
 * wide: with components, sizes and labels behind.
 */
MUST_CHECK int report_list_table(const struct listing *, bool wide,
    struct buf *, struct err *);

/* {"backup-id", "restore-status", "components": […]}.  why: what made it
 * fail, or NULL. */
MUST_CHECK int report_restore_json(const char *id, bool dry_run,
    const struct restore_result *, const struct err *why, struct buf *,
    struct err *);
MUST_CHECK int report_restore_text(const char *id, bool dry_run,
    const struct restore_result *, struct buf *, struct err *);

/* {"resume-status", "workloads": [{"namespace", "name", "resumed",
 * "replicas"}]}. */
MUST_CHECK int report_resume_json(const struct pause *, struct buf *,
    struct err *);
MUST_CHECK int report_resume_text(const struct pause *, struct buf *,
    struct err *);

/* {"verify-status", "sets": [{"backup-id", "verify-status", …, "problems":
 * [{"file", "component", "problem"}]}]}. */
MUST_CHECK int report_verify_json(const struct verify_result *, struct buf *,
    struct err *);
MUST_CHECK int report_verify_text(const struct verify_result *, struct buf *,
    struct err *);

/* {"backup-id", "drill-status", "components": [{"name", "type", "status",
 * "result", "seconds"}], "references"}. */
MUST_CHECK int report_drill_json(const char *id, const struct drill_result *,
    struct buf *, struct err *);
MUST_CHECK int report_drill_text(const char *id, const struct drill_result *,
    struct buf *, struct err *);

/* {"check-status", "checks": [{"name", "status", "message"}]}. */
MUST_CHECK int report_check_json(const struct check_result *, struct buf *,
    struct err *);
MUST_CHECK int report_check_text(const struct check_result *, struct buf *,
    struct err *);

#endif
