/*
 * client.h - a database's own client programs as children: their environment,
 * and what they say in their own words.
 *
 * The programs rather than libraries: what dumps and what asks then agree on
 * TLS, authentication plugins and versions, and nobody needs a library for a
 * database that is not configured.
 */
#ifndef COMPONENT_CLIENT_H
#define COMPONENT_CLIENT_H

#include <stdbool.h>

#include "base/proc.h"

enum { CLIENT_ENV_MAX = 12, CLIENT_ERRORS_MAX = 32 << 10 };

/* None of ours but what finds programs and their libraries: no option file,
 * password file or variable of the user who runs us is read. */
struct client_env {
	char *text[2];
	const char *list[CLIENT_ENV_MAX + 1];
	size_t count;
};

MUST_CHECK int client_env_init(struct client_env *, struct err *);
void client_env_add(struct client_env *, const char *assignment);
void client_env_done(struct client_env *);

/* The first line that it prints for --version.  ERR_NOTFOUND: no such program.
 */
MUST_CHECK int client_version(const char *program, char *line, size_t size,
    struct err *);

/*
 * The line of its messages that says what went wrong, made fit for one of
 * ours; out holds 600.
 */
void client_reason(const struct buf *errors, char out[600]);

static inline void
scope_client_env(struct client_env *e)
{
	client_env_done(e);
}

#endif
