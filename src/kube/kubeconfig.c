#include "kube/kubeconfig.h"

#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "base/yaml.h"
#include "kube/account.h"
#include "kube/credential.h"

enum { FILE_MAX = 4 << 20, PEM_MAX = 1 << 20 };

/* What of a file is looked at. */
struct kubeconfig {
	const char *path;
	char *folder; /* where relative names start */
	const struct tree *context, *cluster, *user;
};

static void
scope_kubeconfig(struct kubeconfig *k)
{
	free(k->folder);
}

static int
folder_of(const char *path, char **ret, struct err *err)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return str_dup(".", ret, err);
	return str_cut(path, slash == path ? 1 : (size_t)(slash - path), ret,
	    err);
}

/* clusters, users, contexts: lists of { name: …, cluster: {…} }. */
static int
find(const struct tree *doc, const char *list, const char *kind,
    const char *name, const struct tree **ret, struct err *err)
{
	const struct tree *t = tree_get(doc, list);

	for (t = t ? t->child : NULL; t; t = t->next) {
		const char *is = tree_text(t, "name");

		if (!is || strcmp(is, name) != 0)
			continue;
		*ret = tree_get(t, kind);
		return 0;
	}
	return tree_err(doc, err, "there is no %s '%s'", kind, name);
}

static int
choose(const struct tree *doc, const char *context, struct kubeconfig *k,
    struct err *err)
{
	const char *cluster, *user;

	if (!context)
		context = tree_text(doc, "current-context");
	if (!context || !*context)
		return tree_err(doc, err,
		    "no current-context; set it, or name a context");
	if (find(doc, "contexts", "context", context, &k->context, err))
		return -1;
	cluster = tree_text(k->context, "cluster");
	user = tree_text(k->context, "user");
	if (!cluster || !*cluster)
		return tree_err(doc, err, "context '%s' has no cluster",
		    context);
	if (find(doc, "clusters", "cluster", cluster, &k->cluster, err))
		return -1;
	return user && *user ? find(doc, "users", "user", user, &k->user, err)
	                     : 0;
}

/* --- values */

static int
copy(const struct tree *map, const char *name, char **ret, struct err *err)
{
	const char *text = tree_text(map, name);

	return text && *text ? str_dup(text, ret, err) : 0;
}

/* A file's name, which may be relative to that of the kubeconfig. */
static int
copy_path(const struct kubeconfig *k, const struct tree *map, const char *name,
    char **ret, struct err *err)
{
	const char *text = tree_text(map, name);

	if (!text || !*text)
		return 0;
	return *text == '/' ? str_dup(text, ret, err)
	                    : str_join(ret, err, k->folder, "/", text, NULL);
}

/* PEM: <name>-data in base64, or the file that <name> names. */
static int
copy_pem(const struct kubeconfig *k, const struct tree *map, const char *name,
    char **ret, struct err *err)
{
	AUTO(account_secret) struct buf b = { .max = PEM_MAX };
	AUTO(free) char *data = NULL;
	AUTO(free) char *path = NULL;
	const struct tree *given;

	if (str_join(&data, err, name, "-data", NULL) ||
	    copy_path(k, map, name, &path, err))
		return -1;
	given = tree_get(map, data);
	if (given && given->text && *given->text) {
		if (str_unbase64(&b, given->text, err))
			return err_is(err, ERR_NOMEM)
			           ? -1
			           : tree_err(given, err, "'%s' is not base64",
			                 data);
	} else if (!path) {
		return 0;
	} else if (file_read(path, &b, err)) {
		return err_wrap(err, "'%s' of '%s'", name, k->path);
	}
	return str_dup(b.data ? b.data : "", ret, err);
}

/* --- refused */

static int
refuse(const struct tree *map, const char *name, const char *instead,
    struct err *err)
{
	const struct tree *t = tree_get(map, name);

	if (!t || (t->text && (!*t->text || strcmp(t->text, "false") == 0)))
		return 0;
	return tree_err(t, err, "'%s' is not supported: %s", name, instead);
}

static int
refuse_all(const struct kubeconfig *k, struct err *err)
{
	static const struct {
		bool cluster;
		const char *name, *instead;
	} no[] = {
		{ true, "insecure-skip-tls-verify",
		    "give the server's certificate-authority-data" },
		{ true, "tls-server-name",
		    "give a server name that its certificate has" },
		{ false, "username", "give a token or a client certificate" },
		{ false, "auth-provider", "give an exec plugin or a token" },
		{ false, "as", "give an account that has the roles itself" },
	};

	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (refuse(no[i].cluster ? k->cluster : k->user, no[i].name,
		        no[i].instead, err))
			return -1;
	return 0;
}

/* --- all of it */

static int
read_cluster(const struct kubeconfig *k, struct account_facts *f,
    struct err *err)
{
	size_t n;

	if (copy(k->cluster, "server", &f->server, err))
		return -1;
	n = f->server ? strlen(f->server) : 0;
	while (n > 0 && f->server[n - 1] == '/')
		f->server[--n] = '\0';
	if (n == 0)
		return err_set(err, ERR_USAGE, "%s: the cluster has no server",
		    k->path);
	if (copy_pem(k, k->cluster, "certificate-authority", &f->ca_pem, err))
		return -1;
	return copy(k->cluster, "proxy-url", &f->proxy, err);
}

static int
read_user(const struct kubeconfig *k, struct account_facts *f, struct err *err)
{
	const struct tree *plugin = tree_get(k->user, "exec");

	if (copy(k->user, "token", &f->token, err) ||
	    copy_path(k, k->user, "tokenFile", &f->token_file, err) ||
	    copy_pem(k, k->user, "client-certificate", &f->cert_pem, err) ||
	    copy_pem(k, k->user, "client-key", &f->key_pem, err))
		return -1;
	if (!f->cert_pem != !f->key_pem)
		return tree_err(k->user, err,
		    "client-certificate and client-key belong together");
	return plugin ? credential_plugin_new(plugin, k->folder, f, &f->plugin,
	                    err)
	              : 0;
}

int
kubeconfig_read(const char *path, const char *context, struct account_facts *f,
    struct err *err)
{
	AUTO(account_secret) struct buf b = { .max = FILE_MAX };
	AUTO(kubeconfig) struct kubeconfig k = { .path = path };
	AUTO(tree) struct tree *doc = NULL;

	if (file_read(path, &b, err) ||
	    yaml_parse(b.data ? b.data : "", b.len, path, &doc, err) ||
	    folder_of(path, &k.folder, err) || choose(doc, context, &k, err) ||
	    refuse_all(&k, err) || read_cluster(&k, f, err))
		return -1;
	if (copy(k.context, "namespace", &f->namespace, err) ||
	    str_join(&f->origin, err, "kubeconfig '", path, "'", NULL))
		return -1;
	return k.user ? read_user(&k, f, err) : 0;
}
