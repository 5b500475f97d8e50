/*
 * account.h - where the cluster is and who we are there: the service account of
 * this pod, or a kubeconfig file.
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
#ifndef KUBE_ACCOUNT_H
#define KUBE_ACCOUNT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"

struct account;
struct clock;
struct credential_plugin;

/* What a service account or a kubeconfig says.  NULL: nothing. */
struct account_facts {
	char *server;    /* https://host:port[/path], without a '/' behind it */
	char *namespace; /* of calls that name none */
	char *origin;    /* in words: where this was read */
	char *proxy;
	char *ca_pem; /* NULL: what the system trusts */
	char *cert_pem, *key_pem;
	char *token, *token_file;
	struct credential_plugin *plugin;
};

struct account_options {
	const char *kubeconfig, *context, *folder; /* as kube_options */
	const struct clock *clock;
};

/* Errors as kube_new. */
MUST_CHECK int account_new(const struct account_options *, struct account **,
    struct err *);
void account_free(struct account *);

/* Does not change. */
const struct account_facts *account_facts(const struct account *);

/*
 * Append the token; nothing where there is none.  It is read again when it is
 * older than a minute, has expired, or was refused.  Safe in threads.
 */
MUST_CHECK int account_token(struct account *, bool refused, struct buf *,
    struct err *);

void account_facts_done(struct account_facts *);

static inline void
scope_account(struct account **a)
{
	account_free(*a);
}

static inline void
scope_account_facts(struct account_facts *f)
{
	account_facts_done(f);
}

/* For what holds a secret. */
static inline void
scope_account_secret(struct buf *b)
{
	buf_wipe(b);
}

#endif
