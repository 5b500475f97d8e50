#include "kube/credential.h"

#include <string.h>

#include "base/date.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/tree.h"
#include "kube/account.h"

enum {
	WORDS_MAX = 64, /* of its command line, of its environment */
	ANSWER_MAX = 1 << 20,
	ERRORS_KEPT = 512,
	INFO_MAX = 2 << 20,
	TIMEOUT_S = 60
};

#define API "client.authentication.k8s.io/"

struct credential_plugin {
	char *argv[WORDS_MAX + 1], *env[WORDS_MAX + 1];
	size_t argc, envc;
	char *version;
};

void
credential_plugin_free(struct credential_plugin *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->argc; i++)
		free(p->argv[i]);
	for (size_t i = 0; i < p->envc; i++) {
		explicit_bzero(p->env[i], strlen(p->env[i]));
		free(p->env[i]);
	}
	free(p->version);
	free(p);
}

static void
wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void
credential_done(struct credential *c)
{
	wipe(c->token);
	free(c->cert_pem);
	wipe(c->key_pem);
	*c = (struct credential){ 0 };
}

/* --- what the file says of it */

static int
read_version(const struct tree *map, struct credential_plugin *p,
    struct err *err)
{
	const char *v = tree_text(map, "apiVersion");
	const char *mode = tree_text(map, "interactiveMode");

	if (!v || (strcmp(v, API "v1") != 0 && strcmp(v, API "v1beta1") != 0))
		return tree_err(map, err,
		    "exec: apiVersion must be " API "v1 or v1beta1");
	if (mode && strcmp(mode, "Always") == 0)
		return tree_err(map, err,
		    "exec: the program wants to ask someone, and nobody is "
		    "here; give a token");
	return str_dup(v, &p->version, err);
}

/* With a '/' in it, it is relative to the kubeconfig's folder. */
static int
read_argv(const struct tree *map, const char *folder,
    struct credential_plugin *p, struct err *err)
{
	const char *command = tree_text(map, "command");
	const struct tree *t = tree_get(map, "args");

	if (!command || !*command)
		return tree_err(map, err, "exec: no command");
	if (*command != '/' && strchr(command, '/')) {
		if (str_join(p->argv, err, folder, "/", command, NULL))
			return -1;
	} else if (str_dup(command, p->argv, err)) {
		return -1;
	}
	for (p->argc = 1, t = t ? t->child : NULL; t; t = t->next) {
		if (!t->text || p->argc == WORDS_MAX)
			return tree_err(t, err,
			    "exec: args must be at most %d texts",
			    WORDS_MAX - 1);
		if (str_dup(t->text, &p->argv[p->argc], err))
			return -1;
		p->argc++;
	}
	return 0;
}

static int
add_env(struct credential_plugin *p, const char *name, const char *value,
    struct err *err)
{
	if (str_join(&p->env[p->envc], err, name, "=", value, NULL))
		return -1;
	p->envc++;
	return 0;
}

/* What kubectl tells it, who asks and whom it is for. */
static int
add_info(const struct tree *map, const struct account_facts *cluster,
    struct credential_plugin *p, struct err *err)
{
	const char *wanted = tree_text(map, "provideClusterInfo");
	AUTO(buf) struct buf b = { .max = INFO_MAX };
	AUTO(buf) struct buf ca = { .max = INFO_MAX };
	struct jsonw w;

	if (cluster->ca_pem &&
	    str_base64(&ca, cluster->ca_pem, strlen(cluster->ca_pem), err))
		return -1;
	jsonw_begin(&w, &b, 0);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "apiVersion", p->version);
	jsonw_str(&w, "kind", "ExecCredential");
	jsonw_object(&w, "spec");
	jsonw_bool(&w, "interactive", false);
	if (wanted && strcmp(wanted, "true") == 0) {
		jsonw_object(&w, "cluster");
		jsonw_str(&w, "server", cluster->server);
		jsonw_opt_str(&w, "certificate-authority-data", ca.data);
		jsonw_close(&w);
	}
	jsonw_close(&w);
	jsonw_close(&w);
	if (jsonw_end(&w, err))
		return -1;
	return add_env(p, "KUBERNETES_EXEC_INFO", b.data, err);
}

static int
read_env(const struct tree *map, struct credential_plugin *p, struct err *err)
{
	const struct tree *t = tree_get(map, "env");

	for (t = t ? t->child : NULL; t; t = t->next) {
		const char *name = tree_text(t, "name");
		const char *value = tree_text(t, "value");

		if (!name || !value || p->envc >= WORDS_MAX - 1)
			return tree_err(t, err,
			    "exec: env must be at most %d names and values",
			    WORDS_MAX - 1);
		if (add_env(p, name, value, err))
			return -1;
	}
	return 0;
}

int
credential_plugin_new(const struct tree *map, const char *folder,
    const struct account_facts *cluster, struct credential_plugin **ret,
    struct err *err)
{
	AUTO(credential_plugin)
	struct credential_plugin *p = calloc(1, sizeof *p);

	if (!p)
		return err_nomem(err);
	if (read_version(map, p, err) || read_argv(map, folder, p, err) ||
	    read_env(map, p, err) || add_info(map, cluster, p, err))
		return -1;
	*ret = TAKE(p);
	return 0;
}

/* --- run */

static bool
is_replaced(const struct credential_plugin *p, const char *assignment)
{
	size_t n = strcspn(assignment, "=") + 1;

	for (size_t i = 0; i < p->envc; i++)
		if (strncmp(p->env[i], assignment, n) == 0)
			return true;
	return false;
}

/* Ours, with what the file says instead.  The texts stay where they are. */
static int
make_env(const struct credential_plugin *p, const char ***ret, struct err *err)
{
	size_t n = 0;
	const char **env;

	while (environ[n])
		n++;
	env = calloc(n + p->envc + 1, sizeof *env);
	if (!env)
		return err_nomem(err);
	n = 0;
	for (char **e = environ; *e; e++)
		if (!is_replaced(p, *e))
			env[n++] = *e;
	for (size_t i = 0; i < p->envc; i++)
		env[n++] = p->env[i];
	*ret = env;
	return 0;
}

static int
copy(const struct json *status, const char *name, char **ret, struct err *err)
{
	const char *text = json_opt_str(status, name);

	return text && *text ? str_dup(text, ret, err) : 0;
}

/* Its text is never shown: it is a secret, whatever is wrong with it. */
static int
read_answer(const struct credential_plugin *p, const struct buf *out,
    struct credential *c, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	const struct json *status;
	const char *until;
	struct err ignored;

	if (json_parse(out->data ? out->data : "", out->len, &doc, err))
		return err_is(err, ERR_NOMEM)
		           ? -1
		           : err_set(err, ERR_DENIED,
		                 "'%s' printed no ExecCredential", p->argv[0]);
	status = json_opt(doc, "status");
	until = json_opt_str(status, "expirationTimestamp");
	/* a time that cannot be read is found out by the server's 401 */
	if (!until || date_parse_iso(until, &c->expires, &ignored))
		c->expires = 0;
	if (copy(status, "token", &c->token, err) ||
	    copy(status, "clientCertificateData", &c->cert_pem, err) ||
	    copy(status, "clientKeyData", &c->key_pem, err))
		return -1;
	if (!c->token && (!c->cert_pem || !c->key_pem))
		return err_set(err, ERR_DENIED,
		    "'%s' gave neither a token nor a certificate with its key",
		    p->argv[0]);
	return 0;
}

int
credential_plugin_run(const struct credential_plugin *p, struct credential *ret,
    struct err *err)
{
	AUTO(account_secret) struct buf out = { .max = ANSWER_MAX };
	AUTO(buf) struct buf errors = { .max = ERRORS_KEPT };
	AUTO(credential) struct credential c = { 0 };
	AUTO(free) const char **env = NULL;
	struct proc proc = { .argv = (const char *const *)p->argv,
		.timeout_s = TIMEOUT_S };

	if (make_env(p, &env, err))
		return -1;
	proc.env = env;
	if (proc_run(&proc, &out, &errors, err))
		return err_wrap(err, "credentials of the cluster");
	if (proc.status != 0)
		return err_set(err, ERR_DENIED,
		    "'%s' gave no credentials (exit status %d): %s", p->argv[0],
		    proc.status, errors.data ? errors.data : "it said nothing");
	if (read_answer(p, &out, &c, err))
		return -1;
	*ret = c;
	c = (struct credential){ 0 };
	return 0;
}
