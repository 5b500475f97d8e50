#include "kube/account.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/monitor.h"
#include "base/str.h"
#include "kube/credential.h"
#include "kube/kubeconfig.h"

#define ACCOUNT_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"

enum {
	TOKEN_MAX = 64 << 10,
	CA_MAX = 1 << 20,
	NAMESPACE_MAX = 256,
	FRESH_MS =
	    60000,   /* the kubelet replaces tokens long before their end */
	EARLY_S = 30 /* before a credential expires */
};

struct account {
	struct account_facts facts;
	const struct clock *clock;
	struct monitor m; /* guards what follows */
	struct buf token;
	int64_t read_ms;
	int64_t expires; /* seconds since 1970; 0: never */
};

void
account_facts_done(struct account_facts *f)
{
	char *const secret[] = { f->token, f->key_pem };

	for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
		if (secret[i])
			explicit_bzero(secret[i], strlen(secret[i]));
	free(f->server);
	free(f->namespace);
	free(f->origin);
	free(f->proxy);
	free(f->ca_pem);
	free(f->cert_pem);
	free(f->key_pem);
	free(f->token);
	free(f->token_file);
	credential_plugin_free(f->plugin);
	*f = (struct account_facts){ 0 };
}

static void
trim(struct buf *b)
{
	while (b->len > 0 && strchr(" \t\r\n", b->data[b->len - 1]))
		b->data[--b->len] = '\0';
}

/* --- the service account of this pod */

static int
read_text(const char *folder, const char *name, size_t max, char **ret,
    struct err *err)
{
	AUTO(account_secret) struct buf b = { .max = max };
	AUTO(free) char *path = NULL;

	if (str_join(&path, err, folder, "/", name, NULL) ||
	    file_read(path, &b, err))
		return -1;
	trim(&b);
	return str_dup(b.data ? b.data : "", ret, err);
}

/* Where it is not there: *ret stays NULL. */
static int
read_if_any(const char *folder, const char *name, size_t max, char **ret,
    struct err *err)
{
	if (read_text(folder, name, max, ret, err) == 0)
		return 0;
	return err_is(err, ERR_NOTFOUND) ? 0 : -1;
}

static int
service_address(struct account_facts *f, struct err *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT_HTTPS");
	bool v6 = host && strchr(host, ':');

	if (!port)
		port = getenv("KUBERNETES_SERVICE_PORT");
	if (!host || !*host || !port || !*port)
		return err_set(err, ERR_NOTFOUND,
		    "KUBERNETES_SERVICE_HOST and _PORT are not set");
	return str_join(&f->server, err, "https://", v6 ? "[" : "", host,
	    v6 ? "]:" : ":", port, NULL);
}

/* ERR_NOTFOUND: this is no pod, or it has no account. */
static int
in_pod(const char *folder, struct account_facts *f, struct err *err)
{
	if (service_address(f, err) ||
	    str_join(&f->token_file, err, folder, "/token", NULL))
		return -1;
	if (access(f->token_file, F_OK))
		return err_sys(err, "no token '%s'", f->token_file);
	if (read_if_any(folder, "ca.crt", CA_MAX, &f->ca_pem, err) ||
	    read_if_any(folder, "namespace", NAMESPACE_MAX, &f->namespace, err))
		return -1;
	return str_join(&f->origin, err, "service account in '", folder, "'",
	    NULL);
}

/* --- which of them */

static int
default_file(char **path, struct err *err)
{
	const char *given = getenv("KUBECONFIG"), *home = getenv("HOME");

	if (given && *given) {
		if (strchr(given, ':'))
			return err_set(err, ERR_USAGE,
			    "KUBECONFIG names several files; name one");
		return str_dup(given, path, err);
	}
	return str_join(path, err, home ? home : "", "/.kube/config", NULL);
}

static int
from_default_file(const char *context, struct account_facts *f, struct err *err)
{
	AUTO(free) char *path = NULL;

	if (default_file(&path, err))
		return -1;
	if (kubeconfig_read(path, context, f, err) == 0)
		return 0;
	return err_is(err, ERR_NOTFOUND)
	           ? err_set(err, ERR_NOTFOUND,
	                 "no cluster is known: this is no pod with a service "
	                 "account, and there is no '%s'",
	                 path)
	           : -1;
}

static int
choose(const struct account_options *o, struct account_facts *f,
    struct err *err)
{
	const char *folder = o->folder ? o->folder : ACCOUNT_FOLDER;

	if (o->kubeconfig)
		return kubeconfig_read(o->kubeconfig, o->context, f, err);
	if (o->context)
		return from_default_file(o->context, f, err);
	if (in_pod(folder, f, err) == 0)
		return 0;
	if (!err_is(err, ERR_NOTFOUND))
		return -1;
	account_facts_done(f);
	return from_default_file(NULL, f, err);
}

/* --- token */

/* Inside the monitor.  A certificate of a plugin is for the first connection
 * and all after: only its token is taken anew. */
static int
run_plugin(struct account *a, bool first, struct err *err)
{
	AUTO(credential) struct credential c = { 0 };

	if (credential_plugin_run(a->facts.plugin, &c, err))
		return -1;
	if (first) {
		a->facts.cert_pem = TAKE(c.cert_pem);
		a->facts.key_pem = TAKE(c.key_pem);
	}
	a->expires = c.expires;
	buf_clear(&a->token);
	return c.token ? buf_puts(&a->token, c.token, err) : 0;
}

static int
read_token(struct account *a, bool first, struct err *err)
{
	a->read_ms = clock_mono_ms(a->clock);
	if (a->facts.plugin)
		return run_plugin(a, first, err);
	buf_clear(&a->token);
	if (!a->facts.token_file)
		return a->facts.token ? buf_puts(&a->token, a->facts.token, err)
		                      : 0;
	if (file_read(a->facts.token_file, &a->token, err))
		return err_wrap(err, "the token of the cluster");
	trim(&a->token);
	return 0;
}

/* Inside the monitor. */
static bool
is_stale(const struct account *a)
{
	if (a->facts.plugin)
		return a->expires &&
		       clock_now(a->clock) + EARLY_S >= a->expires;
	return clock_mono_ms(a->clock) - a->read_ms >= FRESH_MS;
}

int
account_token(struct account *a, bool refused, struct buf *to, struct err *err)
{
	int rc = 0;

	monitor_enter(&a->m);
	if (refused || is_stale(a))
		rc = read_token(a, false, err);
	if (rc == 0 && a->token.len > 0)
		rc = buf_add(to, a->token.data, a->token.len, err);
	monitor_leave(&a->m);
	return rc;
}

/* --- all of it */

/* A token in the clear is for a proxy on this machine only. */
static int
want_tls(const struct account_facts *f, struct err *err)
{
	static const char *const local[] = {
		"http://127.0.0.1:", "http://localhost:", "http://[::1]:"
	};

	if (str_starts(f->server, "https://"))
		return 0;
	for (size_t i = 0; i < sizeof local / sizeof *local; i++)
		if (str_starts(f->server, local[i]))
			return 0;
	return err_set(err, ERR_USAGE,
	    "%s: the server '%s' must begin with https://", f->origin,
	    f->server);
}

int
account_new(const struct account_options *o, struct account **ret,
    struct err *err)
{
	AUTO(account) struct account *a = calloc(1, sizeof *a);

	if (!a)
		return err_nomem(err);
	monitor_init(&a->m);
	a->clock = o->clock;
	a->token.max = TOKEN_MAX;
	if (choose(o, &a->facts, err) || want_tls(&a->facts, err) ||
	    read_token(a, true, err))
		return -1;
	if (!a->facts.namespace || !*a->facts.namespace) {
		free(TAKE(a->facts.namespace));
		if (str_dup("default", &a->facts.namespace, err))
			return -1;
	}
	*ret = TAKE(a);
	return 0;
}

void
account_free(struct account *a)
{
	if (!a)
		return;
	account_facts_done(&a->facts);
	buf_wipe(&a->token);
	monitor_done(&a->m);
	free(a);
}

const struct account_facts *
account_facts(const struct account *a)
{
	return &a->facts;
}
