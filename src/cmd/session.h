/*
 * session.h - a configuration, the repository that it names, and what can be
 * done with both; the command line and Juju's actions are two ways to it.
 */
#ifndef CMD_SESSION_H
#define CMD_SESSION_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/rate.h"
#include "config/config.h"
#include "engine/check.h"
#include "engine/drill.h"
#include "engine/pause.h"
#include "engine/progress.h"
#include "engine/prune.h"
#include "engine/restore.h"
#include "engine/verify.h"
#include "engine/workers.h"
#include "plan/plan.h"
#include "repo/notes.h"
#include "repo/repo.h"

struct session {
	struct config *config;
	struct repo *repo;
	const struct clock *clock;
	const struct progress *progress; /* or NULL */
	const char *by;            /* host, or Juju unit; NULL: this host */
	struct rate receive, send; /* of all that goes over the network */
	bool paced;                /* they are there */
};

#define SESSION_CONFIG "/etc/platform-backup.yaml"

/* Load the file (NULL: SESSION_CONFIG) and open. */
MUST_CHECK int session_load(struct session *, const char *file, bool create,
    struct err *);
/* Owns the config from here on, also on failure.  create: make the repository
 * where there is none. */
MUST_CHECK int session_open(struct session *, struct config *, bool create,
    struct err *);
void session_done(struct session *);

struct session_create {
	struct plan_choice choice;
	bool full;
	const char *label; /* or NULL */
};

/* As backup_run. */
MUST_CHECK int session_create(struct session *, const struct session_create *,
    struct manifest **, struct err *);

/* One of several workers, or the join: engine/workers.h. */
struct session_workers {
	struct session_create create;
	const char *run;
	unsigned worker, workers;
	uint64_t wait_s;
};

/* As workers_save, and as join_run. */
MUST_CHECK int session_worker(struct session *, const struct session_workers *,
    struct workers_result *, struct err *);
MUST_CHECK int session_join(struct session *, const struct session_workers *,
    struct manifest **, struct err *);

struct session_restore {
	const char *id; /* of a finished set, or "latest" */
	struct plan_choice choice;
	const struct kube_restore_choice *kubernetes; /* NULL: all */
	bool exact, dry_run;
};

/* What a restore came to: the manifest and the plan are what result's names
 * are borrowed from. */
struct session_restored {
	struct manifest *manifest;
	struct plan plan;
	struct restore_result result;
};

/* As restore_run; *ret is filled on failure too, as far as it came. */
MUST_CHECK int session_restore(struct session *, const struct session_restore *,
    struct session_restored *ret, struct err *);
void session_restored_done(struct session_restored *);

/* Opens and checks in one: a repository that cannot be opened is a line of the
 * result.  Owns the config. */
MUST_CHECK int session_check(struct session *, struct config *,
    const struct plan_choice *, struct check_result *, struct err *);

/* What a restore that was killed left standing, of the components that are
 * chosen: as pause_open and pause_resume.  ret is filled on failure too. */
MUST_CHECK int session_resume(const struct session *, const struct config *,
    const struct plan_choice *, struct pause *ret, struct err *);

struct session_verify {
	const char *id;   /* of a finished set, or "latest"; NULL: all */
	const char *read; /* NULL: nothing; "all", or a share such as "10%" */
};

/* As verify_run. */
MUST_CHECK int session_verify(struct session *, const struct session_verify *,
    struct verify_result *, struct err *);

/* What a drill came to; the manifest is what its names are borrowed from. */
struct session_drilled {
	struct manifest *manifest;
	struct drill_result result;
};

/* As drill_run; id may be "latest". */
MUST_CHECK int session_drill(struct session *, const char *id,
    struct session_drilled *ret, struct err *);
void session_drilled_done(struct session_drilled *);

/* The manifest of a finished set; "latest" is one too.  What is hidden in it is
 * put back where an identity is there for it. */
MUST_CHECK int session_manifest(struct session *, const char *id,
    struct manifest **, struct err *);
/* As the engine takes it: "latest" becomes the folder of that set, kept in
 * latest; all else stands for itself.  ERR_NOTFOUND: there is no latest. */
MUST_CHECK int session_name(const struct session *, const char *id,
    char latest[LAYOUT_FOLDER_SIZE], const char **ret, struct err *);
/* What was said of it since. */
MUST_CHECK int session_notes(struct session *, const struct manifest *,
    struct notes_state *, struct err *);
/* By the repository's clock. */
int64_t session_now(const struct session *);

/* What prune_run, prune_delete and prune_hold want to know; the rest of o is
 * the caller's to fill in. */
struct session_prune {
	struct prune_options o;
	char host[256];
};
void session_prune(const struct session *, struct session_prune *);
/* What a person gave by name, as retention_allow_parse takes it. */
MUST_CHECK int session_prune_allow(struct session_prune *,
    const char *const *text, size_t n, struct err *);

static inline void
scope_session(struct session *s)
{
	session_done(s);
}

static inline void
scope_session_restored(struct session_restored *r)
{
	session_restored_done(r);
}

static inline void
scope_session_drilled(struct session_drilled *d)
{
	session_drilled_done(d);
}

#endif
