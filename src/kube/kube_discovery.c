#include "kube/kube_discovery.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

/* gcc 12 takes for lost what the list of resources holds. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

enum {
	ANSWER_MAX = 8 << 20,
	GROUPS_MAX = 4096,
	VERSIONS_MAX = 64,
	RESOURCES_MAX = 8192,
	SHORTS_MAX = 32,
	PATH_MAX_LEN = 4096,
};

struct walk {
	struct kube *kube;
	struct kube_discovery *d;
};

/* --- one call */

static int
ask(struct kube *kube, const char *path, struct json **ret, struct err *err)
{
	AUTO(buf) struct buf b = { .max = ANSWER_MAX };
	struct kube_call call = {
		.verb = "get", .resource = path, .method = "GET", .path = path
	};

	if (kube_ask(kube, &call, &b, err))
		return -1;
	if (json_parse(b.data ? b.data : "", b.len, ret, err))
		return err_wrap(err, "'%s'", path);
	return 0;
}

/* --- resources of one version */

static void
resource_done(struct kube_resource *r)
{
	for (size_t i = 0; i < r->nshorts; i++)
		free(r->shorts[i]);
	free(r->shorts);
	for (size_t i = 0; i < r->nversions; i++)
		free(r->versions[i]);
	free(r->versions);
	free(r->group);
	free(r->version);
	free(r->name);
	free(r->singular);
	free(r->kind);
}

static unsigned
verbs_of(const struct json *verbs)
{
	static const struct {
		const char *name;
		unsigned bit;
	} known[] = { { "list", KUBE_LIST }, { "get", KUBE_GET },
		{ "create", KUBE_CREATE }, { "patch", KUBE_PATCH } };
	unsigned ret = 0;

	for (const struct json *v = json_first(verbs); v; v = json_next(v))
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			if (json_text(v) &&
			    strcmp(json_text(v), known[i].name) == 0)
				ret |= known[i].bit;
	return ret;
}

static int
fill(struct kube_resource *r, const struct json *j, struct err *err)
{
	const char *name, *kind, *singular = json_opt_str(j, "singularName");

	if (json_str(j, "name", &name, err) ||
	    json_str(j, "kind", &kind, err) || str_dup(name, &r->name, err) ||
	    str_dup(kind, &r->kind, err) ||
	    str_dup(singular ? singular : "", &r->singular, err))
		return -1;
	r->namespaced = json_opt_bool(j, "namespaced");
	r->verbs = verbs_of(json_opt(j, "verbs"));
	return json_opt(j, "shortNames")
	           ? json_strings(j, "shortNames", SHORTS_MAX, &r->shorts,
	                 &r->nshorts, err)
	           : 0;
}

static int
grow(struct kube_discovery *d, struct err *err)
{
	struct kube_resource *more;

	if (d->count == RESOURCES_MAX)
		return err_set(err, ERR_CORRUPT,
		    "the cluster serves more than %d resources", RESOURCES_MAX);
	more = realloc(d->resource, (d->count + 1) * sizeof *more);
	if (!more)
		return err_nomem(err);
	d->resource = more;
	d->resource[d->count] = (struct kube_resource){ 0 };
	return 0;
}

static int
add_version(struct kube_resource *r, const char *version, struct err *err)
{
	char **more = realloc(r->versions, (r->nversions + 1) * sizeof *more);

	if (!more)
		return err_nomem(err);
	r->versions = more;
	if (str_dup(version, &more[r->nversions], err))
		return -1;
	r->nversions++;
	return 0;
}

static struct kube_resource *
find(const struct kube_discovery *d, const char *group, const char *name)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->resource[i].group, group) == 0 &&
		    strcmp(d->resource[i].name, name) == 0)
			return &d->resource[i];
	return NULL;
}

/* The names of subresources have a '/' in them. */
static int
add_resource(struct kube_discovery *d, const char *group, const char *version,
    const struct json *j, struct err *err)
{
	const char *name = json_opt_str(j, "name");
	struct kube_resource *r;

	if (!name || strchr(name, '/'))
		return 0;
	r = find(d, group, name);
	if (r)
		return add_version(r, version, err);
	if (grow(d, err))
		return -1;
	r = &d->resource[d->count++];
	return fill(r, j, err) || str_dup(group, &r->group, err) ||
	               str_dup(version, &r->version, err) ||
	               add_version(r, version, err)
	           ? -1
	           : 0;
}

static int
read_version(struct walk *w, const char *group, const char *version,
    struct err *err)
{
	AUTO(json) struct json *j = NULL;
	char path[PATH_MAX_LEN];
	const struct json *list;

	(void)snprintf(path, sizeof path, *group ? "/apis/%s/%s" : "/api%s/%s",
	    group, version);
	if (ask(w->kube, path, &j, err) ||
	    json_array(j, "resources", RESOURCES_MAX, &list, err))
		return -1;
	for (list = json_first(list); list; list = json_next(list))
		if (add_resource(w->d, group, version, list, err))
			return -1;
	return 0;
}

/* --- groups */

static int
add_gap(struct kube_discovery *d, const char *group, const struct err *why,
    struct err *err)
{
	struct kube_gap *more;

	if (err_is(why, ERR_NOMEM))
		return err_nomem(err);
	more = realloc(d->gap, (d->ngaps + 1) * sizeof *more);
	if (!more)
		return err_nomem(err);
	d->gap = more;
	d->gap[d->ngaps] = (struct kube_gap){ 0 };
	d->ngaps++;
	return str_dup(group, &more[d->ngaps - 1].group, err) ||
	               str_dup(why->msg, &more[d->ngaps - 1].why, err)
	           ? -1
	           : 0;
}

/* The preferred version first: what it has is not looked for in others. */
static int
read_group(struct walk *w, const struct json *g, struct err *err)
{
	const char *group,
	    *first = json_opt_str(json_opt(g, "preferredVersion"), "version");
	const struct json *list;
	struct err why = { 0 };
	int rc = 0;

	if (json_str(g, "name", &group, err) ||
	    json_array(g, "versions", VERSIONS_MAX, &list, err))
		return -1;
	if (first)
		rc = read_version(w, group, first, &why);
	for (list = json_first(list); list && rc == 0; list = json_next(list)) {
		const char *version = json_opt_str(list, "version");

		if (version && (!first || strcmp(version, first) != 0))
			rc = read_version(w, group, version, &why);
	}
	return rc ? add_gap(w->d, group, &why, err) : 0;
}

static int
read_core(struct walk *w, struct err *err)
{
	AUTO(json) struct json *j = NULL;
	const struct json *list;

	if (ask(w->kube, "/api", &j, err) ||
	    json_array(j, "versions", VERSIONS_MAX, &list, err))
		return -1;
	for (list = json_first(list); list; list = json_next(list))
		if (json_text(list) &&
		    read_version(w, "", json_text(list), err))
			return -1;
	return 0;
}

static int
read_groups(struct walk *w, struct err *err)
{
	AUTO(json) struct json *j = NULL;
	const struct json *list;

	if (ask(w->kube, "/apis", &j, err) ||
	    json_array(j, "groups", GROUPS_MAX, &list, err))
		return -1;
	for (list = json_first(list); list; list = json_next(list))
		if (read_group(w, list, err))
			return -1;
	return 0;
}

static int
read_server(struct walk *w, struct err *err)
{
	AUTO(json) struct json *j = NULL;
	const char *version = "";
	struct err why = { 0 };

	if (ask(w->kube, "/version", &j, &why) == 0)
		version = json_opt_str(j, "gitVersion");
	else if (err_is(&why, ERR_NOMEM))
		return err_nomem(err);
	else
		log_debug("the server does not say its version: %s", why.msg);
	return str_dup(version ? version : "", &w->d->server, err);
}

int
kube_discovery_read(struct kube *kube, struct kube_discovery *d,
    struct err *err)
{
	struct walk w = { kube, d };

	return read_core(&w, err) || read_groups(&w, err) ||
	               read_server(&w, err)
	           ? -1
	           : 0;
}

void
kube_discovery_done(struct kube_discovery *d)
{
	for (size_t i = 0; i < d->count; i++)
		resource_done(&d->resource[i]);
	for (size_t i = 0; i < d->ngaps; i++) {
		free(d->gap[i].group);
		free(d->gap[i].why);
	}
	free(d->resource);
	free(d->gap);
	free(d->server);
	*d = (struct kube_discovery){ 0 };
}

/* --- names and paths */

int
kube_discovery_name(const struct kube_resource *r, char **ret, struct err *err)
{
	return str_join(ret, err, r->name, *r->group ? "." : "", r->group,
	    NULL);
}

const struct kube_resource *
kube_discovery_find(const struct kube_discovery *d, const char *group,
    const char *name)
{
	return find(d, group, name);
}

bool
kube_discovery_serves(const struct kube_resource *r, const char *version)
{
	for (size_t i = 0; i < r->nversions; i++)
		if (strcmp(r->versions[i], version) == 0)
			return true;
	return false;
}

const struct kube_resource *
kube_discovery_kind(const struct kube_discovery *d, const char *group,
    const char *kind)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->resource[i].group, group) == 0 &&
		    strcmp(d->resource[i].kind, kind) == 0)
			return &d->resource[i];
	return NULL;
}

int
kube_discovery_path(const struct kube_resource *r, const char *namespace,
    const char *object, struct buf *b, struct err *err)
{
	if (buf_join(b, err, *r->group ? "/apis/" : "/api", r->group, "/",
	        r->version, NULL))
		return -1;
	if (namespace && (buf_puts(b, "/namespaces/", err) ||
	                     str_percent(b, namespace, "", err)))
		return -1;
	if (buf_join(b, err, "/", r->name, NULL))
		return -1;
	return object && (buf_puts(b, "/", err) ||
	                     str_percent(b, object, "", err))
	           ? -1
	           : 0;
}
