#include "component/pod_place.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config.h"
#include "kube/kube.h"
#include "kube/kube_scale.h"

enum { POD_MAX = 4 << 20, PATH_MOST = 4096 };

/* Of Juju's sidecar charms: has a shell and the application's volumes. */
#define CHARM "charm"

int
pod_place_is_absent(const struct kube_options *o, const struct config_pod *cfg,
    bool *ret, struct err *err)
{
	AUTO(kube) struct kube *k = NULL;
	AUTO(kube_scale) struct kube_scale s = { .name = cfg->application };
	struct err why = { 0 };

	*ret = false;
	if (kube_new(o, &k, &why) == 0) {
		s.namespace =
		    cfg->namespace ? cfg->namespace : kube_namespace(k);
		if (kube_scale_look(k, &s, &why) == 0)
			return 0;
	}
	if (err_is(&why, ERR_NOMEM))
		return err_nomem(err);
	/* a file that is named and missing is a mistake */
	*ret = err_is(&why, ERR_NOTFOUND) && (k || !o->kubeconfig);
	log_debug("application '%s': %s", cfg->application, why.msg);
	return 0;
}

void
pod_place_done(struct pod_place *p)
{
	free(p->namespace);
	free(p->pod);
	free(p->container);
	free(p->path);
	free(p->other);
	free(p->other_path);
	*p = (struct pod_place){ 0 };
}

/* --- the pod */

static int
ask(struct kube *k, const struct pod_place *p, const char *verb,
    const char *rest, struct json **doc, struct err *err)
{
	AUTO(buf) struct buf path = { .max = PATH_MOST };
	AUTO(buf) struct buf b = { .max = POD_MAX };
	struct kube_call c = { .verb = verb,
		.resource = "pods",
		.namespace = p->namespace,
		.method = "GET" };

	if (buf_puts(&path, "/api/v1/namespaces/", err) ||
	    str_percent(&path, p->namespace, "", err) ||
	    buf_join(&path, err, "/pods", rest, NULL))
		return -1;
	c.path = path.data;
	if (kube_ask(k, &c, &b, err))
		return -1;
	return json_parse(b.data ? b.data : "", b.len, doc, err);
}

static int
get_pod(struct kube *k, const struct pod_place *p, const char *name,
    struct json **doc, struct err *err)
{
	AUTO(buf) struct buf rest = { .max = PATH_MOST };

	if (buf_puts(&rest, "/", err) || str_percent(&rest, name, "", err))
		return -1;
	return ask(k, p, "get", rest.data, doc, err);
}

static bool
is_running(const struct json *pod)
{
	const char *phase = json_opt_str(json_opt(pod, "status"), "phase");

	return phase && strcmp(phase, "Running") == 0;
}

/* Not a StatefulSet's: the first that runs of those with its label. */
static int
name_by_label(struct kube *k, struct pod_place *p, const char *application,
    struct err *err)
{
	AUTO(buf) struct buf rest = { .max = PATH_MOST };
	AUTO(json) struct json *doc = NULL;
	const struct json *it;

	if (buf_puts(&rest, "?limit=100&labelSelector=", err) ||
	    str_percent(&rest, "app.kubernetes.io/name=", "", err) ||
	    str_percent(&rest, application, "", err) ||
	    ask(k, p, "list", rest.data, &doc, err))
		return -1;
	for (it = json_first(json_opt(doc, "items")); it; it = json_next(it)) {
		const char *name =
		    json_opt_str(json_opt(it, "metadata"), "name");

		if (name && is_running(it))
			return str_dup(name, &p->pod, err);
	}
	return err_set(err, ERR_NOTFOUND,
	    "no pod of application '%s' runs in namespace '%s'", application,
	    p->namespace);
}

static int
find_pod(struct kube *k, const struct config_pod *cfg, struct pod_place *p,
    struct json **doc, struct err *err)
{
	if (cfg->pod) {
		if (str_dup(cfg->pod, &p->pod, err))
			return -1;
		return get_pod(k, p, p->pod, doc, err);
	}
	if (str_join(&p->pod, err, cfg->application, "-0", NULL))
		return -1;
	if (get_pod(k, p, p->pod, doc, err) == 0)
		return 0;
	if (!err_is(err, ERR_NOTFOUND))
		return -1;
	free(TAKE(p->pod));
	if (name_by_label(k, p, cfg->application, err))
		return -1;
	return get_pod(k, p, p->pod, doc, err);
}

/* --- its containers */

static const struct json *
containers(const struct json *pod)
{
	return json_opt(json_opt(pod, "spec"), "containers");
}

static const struct json *
find_container(const struct json *pod, const char *name)
{
	const struct json *c = json_first(containers(pod));

	for (; c; c = json_next(c)) {
		const char *is = json_opt_str(c, "name");

		if (is &&
		    (name ? strcmp(is, name) == 0 : strcmp(is, CHARM) != 0))
			return c;
	}
	return NULL;
}

/* Without the '/' at its end. */
static size_t
length_of(const char *folder)
{
	size_t n = strlen(folder);

	while (n > 0 && folder[n - 1] == '/')
		n--;
	return n;
}

static bool
is_below(const char *path, const char *folder)
{
	size_t n = length_of(folder);

	return strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* The volume with the deepest mount point above path. */
static const struct json *
mount_of(const struct json *container, const char *path)
{
	const struct json *best = NULL;
	const struct json *m = json_first(json_opt(container, "volumeMounts"));
	size_t depth = 0;

	for (; m; m = json_next(m)) {
		const char *at = json_opt_str(m, "mountPath");

		if (!at || !is_below(path, at) || strlen(at) < depth ||
		    json_opt_str(m, "subPath"))
			continue;
		depth = strlen(at);
		best = m;
	}
	return best;
}

/* Where the charm's container has the same volume. */
static int
find_other(const struct json *pod, const struct json *container,
    struct pod_place *p, struct err *err)
{
	const struct json *mount = mount_of(container, p->path);
	const char *volume = mount ? json_opt_str(mount, "name") : NULL;
	const struct json *charm = find_container(pod, CHARM);
	const struct json *m = json_first(json_opt(charm, "volumeMounts"));

	if (!volume || !charm || charm == container)
		return 0;
	for (; m; m = json_next(m)) {
		const char *is = json_opt_str(m, "name");
		const char *at = json_opt_str(m, "mountPath");

		if (!is || !at || strcmp(is, volume) != 0 ||
		    json_opt_str(m, "subPath"))
			continue;
		if (str_dup(CHARM, &p->other, err))
			return -1;
		return str_join(&p->other_path, err, at,
		    p->path + length_of(json_opt_str(mount, "mountPath")),
		    NULL);
	}
	return 0;
}

static int
choose(const struct json *pod, const struct config_pod *cfg,
    struct pod_place *p, struct err *err)
{
	const struct json *c = find_container(pod, cfg->container);
	const char *name = c ? json_opt_str(c, "name") : NULL;

	if (!name && !cfg->container)
		return err_set(err, ERR_NOTFOUND,
		    "pod '%s' has no container but the charm's", p->pod);
	if (!name)
		return err_set(err, ERR_NOTFOUND,
		    "pod '%s' has no container '%s'", p->pod, cfg->container);
	if (!is_running(pod))
		return err_set(err, ERR_TRANSIENT, "pod '%s' does not run",
		    p->pod);
	if (str_dup(name, &p->container, err))
		return -1;
	return find_other(pod, c, p, err);
}

int
pod_place_find(struct kube *k, const struct config_pod *cfg, const char *path,
    struct pod_place *p, struct err *err)
{
	AUTO(json) struct json *pod = NULL;
	const char *namespace =
	    cfg->namespace ? cfg->namespace : kube_namespace(k);

	if (str_dup(namespace, &p->namespace, err) ||
	    str_dup(path, &p->path, err) || find_pod(k, cfg, p, &pod, err))
		return -1;
	return choose(pod, cfg, p, err);
}
