/*
 * credential.h - a program that gives credentials (kubeconfig "exec"):
 * run without a shell, answers with an ExecCredential.
 * https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
 */
#ifndef KUBE_CREDENTIAL_H
#define KUBE_CREDENTIAL_H

#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct account_facts;
struct credential_plugin;
struct tree;

/* What it answered; wiped when done. */
struct credential {
	char *token, *cert_pem, *key_pem; /* NULL: none */
	int64_t expires;                  /* 0: not said */
};

/*
 * map: the "exec" of a user, in the kubeconfig of folder; cluster: what the
 * program may be told (its server and ca_pem).  Everything is copied.
 */
MUST_CHECK int credential_plugin_new(const struct tree *map, const char *folder,
    const struct account_facts *cluster, struct credential_plugin **,
    struct err *);
void credential_plugin_free(struct credential_plugin *);
/* ERR_DENIED: it failed, or gave no credential. */
MUST_CHECK int credential_plugin_run(const struct credential_plugin *,
    struct credential *, struct err *);
void credential_done(struct credential *);

static inline void
scope_credential_plugin(struct credential_plugin **p)
{
	credential_plugin_free(*p);
}

static inline void
scope_credential(struct credential *c)
{
	credential_done(c);
}

#endif
