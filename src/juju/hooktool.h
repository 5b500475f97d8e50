/*
 * hooktool.h - Juju's hook tools: the programs through which a charm asks and
 * tells (Juju reference, "hook commands").
 *
 * They are found in PATH and answer only inside a hook or an action; a missing
 * one is ERR_USAGE.  What Juju refuses is ERR_NOTFOUND (no such relation,
 * secret, storage), ERR_DENIED (not granted, not granted yet, not the leader)
 * or ERR_REMOTE, with Juju's words.  Writes take effect when the hook exits
 * with 0, save status, log and action messages, which do at once.
 */
#ifndef JUJU_HOOKTOOL_H
#define JUJU_HOOKTOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/log.h"

struct json;

enum {
	/* The kernel's limit for one argument, less its '\0'. */
	HOOKTOOL_ARG_MAX = 131071,
	/* What one answer may be. */
	HOOKTOOL_ANSWER_MAX = 16 << 20,
};

enum hooktool_status {
	HOOKTOOL_ACTIVE,
	HOOKTOOL_WAITING,
	HOOKTOOL_BLOCKED,
	HOOKTOOL_MAINTENANCE,
};

/* What to write into a bag; an empty value removes the name. */
struct hooktool_pair {
	const char *name, *value;
};

/* --- ask; the document is the caller's */

/* {"option": value, ...} */
MUST_CHECK int hooktool_config(struct json **, struct err *);
MUST_CHECK int hooktool_is_leader(bool *, struct err *);
/* ["s3-parameters:7", ...] */
MUST_CHECK int hooktool_relation_ids(const char *endpoint, struct json **,
    struct err *);
/* ["s3-integrator/0", ...] */
MUST_CHECK int hooktool_relation_units(const char *id, struct json **,
    struct err *);
/* The other side's application; the caller frees it. */
MUST_CHECK int hooktool_relation_app(const char *id, char **, struct err *);
/* The bag of an application, or of a unit: who has a '/'. */
MUST_CHECK int hooktool_relation_get(const char *id, const char *who,
    struct json **, struct err *);
/* Newest content; label stays the same for one use of a secret. */
MUST_CHECK int hooktool_secret_get(const char *uri, const char *label,
    struct json **, struct err *);
MUST_CHECK int hooktool_action_get(struct json **, struct err *);
/* What hooktool_state_set kept; NULL: nothing.  The caller frees it. */
MUST_CHECK int hooktool_state_get(const char *key, char **, struct err *);
/* Where the first storage of this name is mounted; NULL: none.  The caller
 * frees it. */
MUST_CHECK int hooktool_storage(const char *name, char **path, struct err *);

/* --- tell */

/* In the application's bag (leader only) or in the unit's own. */
MUST_CHECK int hooktool_relation_set(const char *id, bool app,
    const struct hooktool_pair *, size_t n, struct err *);
/* Kept for this unit by the controller; 64 KiB at most. */
MUST_CHECK int hooktool_state_set(const char *key, const char *value,
    struct err *);
MUST_CHECK int hooktool_status_set(enum hooktool_status, const char *,
    struct err *);
MUST_CHECK int hooktool_version_set(const char *, struct err *);
/* In pieces where the line is longer than an argument may be. */
MUST_CHECK int hooktool_log(enum log_level, const char *line, struct err *);
/* These two are cut to what an argument may be. */
MUST_CHECK int hooktool_action_log(const char *, struct err *);
MUST_CHECK int hooktool_action_fail(const char *, struct err *);
/* ERR_USAGE where key=value is longer than HOOKTOOL_ARG_MAX. */
MUST_CHECK int hooktool_action_set(const char *key, const char *value,
    struct err *);

#endif
