#include "component/kube_backup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/str.h"
#include "base/tree.h"
#include "base/yamlw.h"
#include "component/kube_clean.h"
#include "component/kube_file.h"
#include "component/kube_select.h"
#include "component/kube_tally.h"
#include "kube/kube_list.h"
#include "stream/tar.h"

enum {
	EACH_MAX = 8,   /* so many namespaces are asked one by one */
	SILENT_MAX = 3, /* lists in a row that get no answer: it is gone */
	PATH_MAX_LEN = 4096,
	LABELS_MAX = 16 << 10,
	PROBLEMS_MAX = 64 << 10,
	FACTS_MAX = 4 << 20,
};

struct walk {
	const struct kube_backup *o;
	struct saver *saver;
	struct tar *tar;
	struct kube_discovery d;
	struct kube_select select;
	struct buf labels, problems;
	size_t nproblems, lists;
	unsigned silent; /* in a row */
	const struct kube_resource *r;
	char *resource; /* its name */
	bool related;   /* asked for by name; the choice does not matter */
	bool broken;    /* it was not the cluster that failed */
	struct buf name, text;
	struct kube_tally resources, namespaces, left_out;
	struct kube_tally volumes; /* that claims are bound to */
};

static void
walk_done(struct walk *w)
{
	tar_free(w->tar);
	kube_discovery_done(&w->d);
	buf_done(&w->labels);
	buf_done(&w->problems);
	buf_done(&w->name);
	buf_wipe(&w->text);
	free(w->resource);
	kube_tally_done(&w->resources);
	kube_tally_done(&w->namespaces);
	kube_tally_done(&w->left_out);
	kube_tally_done(&w->volumes);
}

/* A line for the manifest; what does not fit any more is counted. */
static void problem(struct walk *, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
problem(struct walk *w, const char *fmt, ...)
{
	struct err why = { 0 };
	char line[1600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	w->nproblems++;
	log_info("%s", line);
	if (buf_join(&w->problems, &why, w->problems.len ? "; " : "", line,
	        NULL))
		log_debug("not kept: %s", why.msg);
}

/* --- one object */

static bool
is_core(const struct kube_resource *r, const char *name)
{
	return *r->group == '\0' && strcmp(r->name, name) == 0;
}

static bool
is_chosen(const struct walk *w, const char *namespace, const char *name)
{
	if (w->related)
		return true;
	if (namespace)
		return kube_select_namespace(&w->select, namespace);
	return !is_core(w->r, "namespaces") ||
	       kube_select_namespace(&w->select, name);
}

static int
refer(void *arg, const char *uri, struct err *err)
{
	struct saver *saver = arg;

	return saver->ops->reference(saver, uri, err);
}

static int
write_object(struct walk *w, const struct kube_file *f, struct tree *t,
    struct err *err)
{
	const char *volume = tree_text(tree_get(t, "spec"), "volumeName");

	if (volume && is_core(w->r, "persistentvolumeclaims") &&
	    kube_tally_add(&w->volumes, volume, 1, err))
		return -1;
	buf_clear(&w->name);
	buf_clear(&w->text);
	if (kube_clean(w->r, t, err) || kube_file_name(f, &w->name, err) ||
	    kube_file_uris(t, refer, w->saver, err) ||
	    yamlw_write(t, &w->text, err) ||
	    tar_add(w->tar, w->name.data, w->text.data, w->text.len, NULL, err))
		return -1;
	return kube_tally_add(&w->resources, f->resource, 1, err) ||
	               (f->namespace &&
	                   kube_tally_add(&w->namespaces, f->namespace, 1, err))
	           ? -1
	           : 0;
}

static int
take_object(void *arg, struct tree *t, struct err *err)
{
	struct walk *w = arg;
	struct tree *m = tree_get(t, "metadata"), *name = tree_get(m, "name");
	struct tree *ns = tree_get(m, "namespace");
	struct kube_file f = { .resource = w->resource,
		.name = name ? name->text : NULL,
		.namespace = ns ? ns->text : NULL };
	const char *why;

	if (!f.name || !is_chosen(w, f.namespace, f.name))
		return 0;
	why = kube_clean_why_not(w->r, t);
	if ((why ? kube_tally_add(&w->left_out, why, 1, err)
	         : write_object(w, &f, t, err)) == 0)
		return 0;
	w->broken = true;
	return err_wrap(err, "%s '%s'", w->resource, f.name);
}

/* --- lists */

/* Is what the cluster said of a list to be told, and no more? */
static bool
is_bearable(struct walk *w, const struct err *why)
{
	if (w->broken || err_is(why, ERR_NOMEM))
		return false;
	w->silent = err_is(why, ERR_TRANSIENT) ? w->silent + 1 : 0;
	return w->silent < SILENT_MAX;
}

static int
list(struct walk *w, const char *namespace, struct err *err)
{
	AUTO(buf) struct buf path = { .max = PATH_MAX_LEN };
	struct kube_list l = { .resource = w->resource,
		.namespace = namespace,
		.labels = w->labels.len ? w->labels.data : NULL,
		.clock = w->o->clock,
		.object = take_object,
		.arg = w };
	struct err why = { 0 };

	if (kube_discovery_path(w->r, namespace, NULL, &path, err))
		return -1;
	l.path = path.data;
	if (kube_list_run(w->o->kube, &l, &why) == 0) {
		w->lists++;
		w->silent = 0;
		return 0;
	}
	if (!is_bearable(w, &why)) {
		*err = why;
		return -1;
	}
	problem(w, "%s: %s", w->resource, why.msg);
	return 0;
}

static int
list_each(struct walk *w, struct err *err)
{
	const struct tree *t = w->select.include_namespaces->child;

	for (; t; t = t->next)
		if (kube_select_namespace(&w->select, t->text) &&
		    list(w, t->text, err))
			return -1;
	return 0;
}

static int
set_resource(struct walk *w, const struct kube_resource *r, struct err *err)
{
	free(TAKE(w->resource));
	w->r = r;
	return kube_discovery_name(r, &w->resource, err);
}

static bool
may_have_secrets(const struct walk *w)
{
	return w->o->cfg->encrypted || w->o->cfg->plain_secrets;
}

static int
read_resource(struct walk *w, const struct kube_resource *r, struct err *err)
{
	size_t n = kube_select_count_namespaces(&w->select);

	if ((r->verbs & (KUBE_LIST | KUBE_CREATE)) !=
	        (KUBE_LIST | KUBE_CREATE) ||
	    kube_clean_skips(r) ||
	    !kube_select_resource(&w->select, &w->d, r) ||
	    (!r->namespaced && !kube_select_of_cluster(&w->select, r)))
		return 0;
	if (is_core(r, "secrets") && !may_have_secrets(w)) {
		problem(w,
		    "secrets are left out, as the repository is not encrypted: "
		    "configure 'encryption', or 'plain-secrets: true' to have "
		    "them there for everybody to read");
		return 0;
	}
	if (set_resource(w, r, err))
		return -1;
	return r->namespaced && n > 0 && n <= EACH_MAX ? list_each(w, err)
	                                               : list(w, NULL, err);
}

/* --- what belongs to objects of namespaces, and is in none */

/* What is not there any more, or never was, is none. */
static int
get(struct walk *w, const char *name, struct err *err)
{
	AUTO(buf) struct buf path = { .max = PATH_MAX_LEN };
	AUTO(buf) struct buf answer = { .max = KUBE_FILE_MAX };
	AUTO(tree) struct tree *t = NULL;
	struct kube_call call = {
		.verb = "get", .resource = w->resource, .method = "GET"
	};
	struct err why = { 0 };

	if (kube_discovery_path(w->r, NULL, name, &path, err))
		return -1;
	call.path = path.data;
	if (kube_ask(w->o->kube, &call, &answer, &why) == 0)
		return kube_list_parse(answer.data, answer.len, &t, err) ||
		               take_object(w, t, err)
		           ? -1
		           : 0;
	if (err_is(&why, ERR_NOTFOUND))
		return 0;
	if (!is_bearable(w, &why)) {
		*err = why;
		return -1;
	}
	problem(w, "%s '%s': %s", w->resource, name, why.msg);
	return 0;
}

/* NULL: not served, or not chosen. */
static const struct kube_resource *
find_related(struct walk *w, const char *group, const char *name)
{
	const struct kube_resource *r = kube_discovery_find(&w->d, group, name);

	return r && kube_select_resource(&w->select, &w->d, r) ? r : NULL;
}

static int
get_all(struct walk *w, const struct kube_resource *r,
    const struct kube_tally *names, struct err *err)
{
	if (!r)
		return 0;
	if (set_resource(w, r, err))
		return -1;
	for (size_t i = 0; i < names->count; i++)
		if (get(w, names->item[i].name, err))
			return -1;
	return 0;
}

/* A definition is called as the resource that it defines. */
static int
read_definitions(struct walk *w, struct err *err)
{
	AUTO(kube_tally) struct kube_tally names = { 0 };

	for (size_t i = 0; i < w->resources.count; i++)
		if (strchr(w->resources.item[i].name, '.') &&
		    kube_tally_add(&names, w->resources.item[i].name, 1, err))
			return -1;
	return get_all(w,
	    find_related(w, "apiextensions.k8s.io",
	        "customresourcedefinitions"),
	    &names, err);
}

static int
read_related(struct walk *w, struct err *err)
{
	if (w->select.cluster != CONFIG_CLUSTER_AUTO ||
	    kube_select_every_namespace(&w->select))
		return 0;
	w->related = true;
	return get_all(w, find_related(w, "", "persistentvolumes"), &w->volumes,
	           err) ||
	               read_definitions(w, err)
	           ? -1
	           : 0;
}

/* --- the run */

static int
choose(struct walk *w, struct err *err)
{
	const struct config_kubernetes *c = w->o->cfg;
	AUTO(buf) struct buf unknown = { .max = PROBLEMS_MAX };

	w->select = (struct kube_select){
		.include_namespaces = c->include_namespaces,
		.exclude_namespaces = c->exclude_namespaces,
		.include_resources = c->include_resources,
		.exclude_resources = c->exclude_resources,
		.cluster = c->cluster,
	};
	if (kube_select_labels(c->labels, &w->labels, err) ||
	    kube_discovery_read(w->o->kube, &w->d, err) ||
	    kube_select_unknown(c->include_resources, &w->d, &unknown, err))
		return -1;
	if (unknown.len)
		problem(w, "the cluster serves none of these resources: %s",
		    unknown.data);
	for (size_t i = 0; i < w->d.ngaps; i++)
		problem(w, "the API group '%s' does not answer: %s",
		    w->d.gap[i].group, w->d.gap[i].why);
	return 0;
}

static int
write_facts(struct walk *w, struct err *err)
{
	AUTO(buf) struct buf b = { .max = FACTS_MAX };
	struct jsonw j;

	jsonw_begin(&j, &b, 0);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "server-version", w->d.server);
	jsonw_u64(&j, "objects", w->resources.total);
	kube_tally_write(&w->resources, "resources", &j);
	kube_tally_write(&w->namespaces, "namespaces", &j);
	kube_tally_write(&w->left_out, "left-out", &j);
	jsonw_opt_str(&j, "problems", w->problems.data);
	jsonw_close(&j);
	return jsonw_end(&j, err) ? -1
	                          : w->saver->ops->facts(w->saver, b.data, err);
}

static void
tell(struct walk *w)
{
	if (w->nproblems)
		w->saver->ops->degraded(w->saver, "%s",
		    w->problems.data ? w->problems.data : "not all was read");
	else if (w->resources.total == 0)
		w->saver->ops->note(w->saver,
		    "no object of the cluster is chosen");
}

static int
read_all(struct walk *w, struct err *err)
{
	for (size_t i = 0; i < w->d.count; i++)
		if (read_resource(w, &w->d.resource[i], err))
			return -1;
	if (w->lists == 0 && w->nproblems && w->resources.total == 0)
		return err_set(err, ERR_REMOTE, "nothing can be read: %s",
		    w->problems.data ? w->problems.data : "");
	return read_related(w, err);
}

static int
run(struct walk *w, struct err *err)
{
	AUTO(sink) struct sink *to = NULL;

	if (choose(w, err) ||
	    w->saver->ops->stream(w->saver, "tar", &to, err) ||
	    tar_new(to, &w->tar, err) || read_all(w, err) ||
	    tar_end(w->tar, err) || sink_finish(to, err))
		return -1;
	tell(w);
	return write_facts(w, err);
}

int
kube_backup(const struct kube_backup *o, struct saver *saver, struct err *err)
{
	struct walk w = { .o = o,
		.saver = saver,
		.labels = { .max = LABELS_MAX },
		.problems = { .max = PROBLEMS_MAX },
		.name = { .max = TAR_NAME_MAX + 1 },
		.text = { .max = KUBE_FILE_MAX } };
	int rc = run(&w, err);

	walk_done(&w);
	return rc;
}
