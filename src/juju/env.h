/*
 * env.h - what Juju started us for, as the environment says it (Juju
 * reference, "hook": environment variables).
 */
#ifndef JUJU_ENV_H
#define JUJU_ENV_H

#include "base/scope.h"

enum env_kind { ENV_NONE, ENV_HOOK, ENV_ACTION };

/* Borrowed from the environment; NULL where it is not set or empty. */
struct env {
	enum env_kind kind;
	const char *name;        /* of the hook or action: JUJU_DISPATCH_PATH */
	const char *relation;    /* endpoint; in relation hooks */
	const char *relation_id; /* s3-parameters:7 */
	const char *unit, *model;
	const char *charm_dir;
	const char *http_proxy, *https_proxy, *no_proxy; /* JUJU_CHARM_* */
};

/* environment: NAME=VALUE, NULL at the end, as main() gets it. */
void env_read(struct env *, const char *const *environment);

#endif
