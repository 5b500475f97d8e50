#include "juju/charm.h"

#include <assert.h>
#include <stdio.h>

#include "base/json.h"
#include "base/str.h"
#include "base/tree.h"
#include "base/yaml.h"
#include "juju/encryption.h"
#include "juju/hooktool.h"
#include "juju/relation_database.h"
#include "juju/relation_minio.h"
#include "juju/relation_s3.h"
#include "juju/relation_velero.h"

enum { OPTION_MAX = 1 << 20, APP_SIZE = 128 };

static const char components_origin[] = "charm option 'components'";
static const char databases_origin[] = "charm option 'databases'";
static const char retention_origin[] = "charm option 'retention'";
static const char pause_origin[] = "charm option 'pause'";
static const char mlmd_origin[] = "charm option 'mlmd'";

/* --- the charm's options (config.yaml); NULL where empty */

struct options {
	const char *components, *databases, *store_bucket, *bucket, *path,
	    *name, *bandwidth, *retention, *pause, *mlmd, *recipients,
	    *identity;
	bool create_bucket;
};

static const char *
option(const struct json *json, const char *name)
{
	const char *text = json_opt_str(json, name);

	return text && *text ? text : NULL;
}

static int
options_read(struct charm_asked *asked, struct options *o, struct err *err)
{
	const struct json *json;

	if (!asked->options && hooktool_config(&asked->options, err))
		return -1;
	json = asked->options;
	o->components = option(json, "components");
	o->databases = option(json, "databases");
	o->store_bucket = option(json, "object-store-bucket-name");
	o->bucket = option(json, "bucket");
	o->path = option(json, "path");
	o->name = option(json, "name");
	o->bandwidth = option(json, "bandwidth");
	o->retention = option(json, "retention");
	o->pause = option(json, "pause");
	o->mlmd = option(json, "mlmd");
	o->recipients = option(json, "encryption-recipients");
	o->identity = option(json, "encryption-identity");
	o->create_bucket = json_opt_bool(json, "create-bucket");
	return 0;
}

/* What it says in YAML; *ret NULL: nothing. */
static int
option_tree(const char *text, const char *origin, struct tree **ret,
    struct err *err)
{
	size_t len = text ? strlen(text) : 0;

	*ret = NULL;
	if (len > OPTION_MAX)
		return err_set(err, ERR_USAGE, "%s is longer than %d bytes",
		    origin, OPTION_MAX);
	return len > 0 ? yaml_parse(text, len, origin, ret, err) : 0;
}

/* --- walking the relations */

struct walk {
	const struct env *env;
	struct charm_asked *asked;
	const struct options *options;
	struct charm *charm;          /* when reading; NULL when publishing */
	struct tree *root, *list;     /* borrowed: what is being put together */
	const struct tree *databases; /* app: database */
};

typedef int visit_fn(struct walk *, const char *id, struct err *);

/* Juju lists a relation until the very end of its broken hook. */
static bool
is_broken(const struct env *env, const char *id)
{
	return env->kind == ENV_HOOK && env->relation_id &&
	       strcmp(env->relation_id, id) == 0 &&
	       str_ends(env->name, "-relation-broken");
}

static int
ids_of(struct charm_asked *asked, const char *endpoint, const struct json **ret,
    struct err *err)
{
	size_t i = 0;

	while (i < CHARM_ENDPOINTS && asked->relations[i].endpoint &&
	       strcmp(asked->relations[i].endpoint, endpoint) != 0)
		i++;
	assert(i < CHARM_ENDPOINTS);
	if (!asked->relations[i].ids &&
	    hooktool_relation_ids(endpoint, &asked->relations[i].ids, err))
		return -1;
	asked->relations[i].endpoint = endpoint;
	*ret = asked->relations[i].ids;
	return 0;
}

static int
each_relation(struct walk *w, const char *endpoint, visit_fn *visit,
    struct err *err)
{
	const struct json *ids, *id;

	if (ids_of(w->asked, endpoint, &ids, err))
		return -1;
	for (id = json_first(ids); id; id = json_next(id))
		if (json_text(id) && !is_broken(w->env, json_text(id)) &&
		    visit(w, json_text(id), err))
			return -1;
	return 0;
}

static struct relation_s3
repository_of(const struct walk *w, const char *id)
{
	return (struct relation_s3){
		.id = id,
		.bucket = w->options->bucket,
		.path = w->options->path,
		.option = "bucket",
		.http_proxy = w->env->http_proxy,
		.https_proxy = w->env->https_proxy,
		.no_proxy = w->env->no_proxy,
	};
}

static struct relation_s3
source_of(const struct walk *w, const char *id)
{
	struct relation_s3 r = repository_of(w, id);

	r.source = true;
	r.bucket = w->options->store_bucket;
	r.path = NULL;
	r.option = "object-store-bucket-name";
	return r;
}

static struct relation_database
database_of(const struct walk *w, const char *id, const char *app)
{
	return (struct relation_database){
		.id = id,
		.type = str_starts(id, "mysql:") ? "mysql" : "postgresql",
		.app = app,
		.database = relation_database_name(w->databases, app),
	};
}

/* A map of texts.  *ret NULL: the option is empty. */
static int
read_databases(const struct options *o, struct tree **ret, struct err *err)
{
	static const char form[] =
	    "it must be a map of applications and their databases, such as "
	    "{kfp-db: mlpipeline}";
	AUTO(tree) struct tree *map = NULL;

	*ret = NULL;
	if (option_tree(o->databases, databases_origin, &map, err))
		return -1;
	if (!map)
		return 0;
	if (map->kind != TREE_MAP)
		return tree_err(map, err, "%s", form);
	for (const struct tree *t = map->child; t; t = t->next)
		if (t->kind != TREE_SCALAR)
			return tree_err(t, err, "%s", form);
	*ret = TAKE(map);
	return 0;
}

/* --- what we write */

static int
publish_repository(struct walk *w, const char *id, struct err *err)
{
	struct relation_s3 r = repository_of(w, id);

	return relation_s3_publish(&r, err);
}

static int
publish_source(struct walk *w, const char *id, struct err *err)
{
	struct relation_s3 r = source_of(w, id);

	return relation_s3_publish(&r, err);
}

static int
publish_minio(struct walk *w, const char *id, struct err *err)
{
	(void)w;
	return relation_minio_publish(id, err);
}

static int
publish_database(struct walk *w, const char *id, struct err *err)
{
	AUTO(free) char *app = NULL;

	if (hooktool_relation_app(id, &app, err))
		return -1;
	const struct relation_database r = database_of(w, id, app);
	return relation_database_publish(&r, err);
}

/*
 * A wrong option is for the status to tell (charm_read).  As long as nobody
 * knows what was meant, no database is asked for.
 */
static int
publish_databases(struct walk *w, struct err *err)
{
	AUTO(tree) struct tree *databases = NULL;

	if (read_databases(w->options, &databases, err))
		return err_is(err, ERR_USAGE) ? 0 : -1;
	w->databases = databases;
	if (each_relation(w, "mysql", publish_database, err))
		return -1;
	return each_relation(w, "postgresql", publish_database, err);
}

int
charm_publish(const struct env *env, struct charm_asked *asked, struct err *err)
{
	struct options options = { 0 };
	struct walk w = { .env = env, .asked = asked, .options = &options };
	bool leader;

	if (hooktool_is_leader(&leader, err))
		return -1;
	if (!leader)
		return 0;
	/* first what others wait for, then what may fail */
	if (each_relation(&w, "object-storage", publish_minio, err) ||
	    options_read(asked, &options, err) ||
	    each_relation(&w, "s3-parameters", publish_repository, err) ||
	    each_relation(&w, "s3-source", publish_source, err))
		return -1;
	return publish_databases(&w, err);
}

/* --- what we read */

static void
app_of(const struct env *env, char out[APP_SIZE])
{
	const char *unit = env->unit ? env->unit : "platform-backup";

	(void)snprintf(out, APP_SIZE, "%.*s", (int)strcspn(unit, "/"), unit);
}

/* *ready false: a gap says what is missing, and it must not go on without. */
static int
add_encryption(struct walk *w, struct tree *map, bool *ready, struct err *err)
{
	char app[APP_SIZE];
	const struct encryption e = { w->options->recipients,
		w->options->identity, app };
	struct relation_gap gap = { 0 };
	struct tree *t = NULL;

	app_of(w->env, app);
	if (encryption_read(&e, &gap, &t, err) ||
	    (t && tree_add(map, "encryption", t, err)))
		return -1;
	*ready = gap.state == RELATION_READY;
	if (!*ready)
		relation_gap_set(&w->charm->repository, gap.state, "%s",
		    gap.text);
	return 0;
}

static int
read_repository(struct walk *w, const char *id, struct err *err)
{
	struct relation_s3 r = repository_of(w, id);
	AUTO(tree) struct tree *map = NULL, *s3 = NULL;
	bool ready = false;

	if (tree_get(w->root, "repository"))
		return 0; /* metadata.yaml allows one; Juju does not enforce */
	if (relation_s3_read(&r, &w->charm->repository, &s3, err))
		return -1;
	if (!s3)
		return 0;
	if (tree_new(TREE_MAP, NULL, s3->origin, 0, &map, err) ||
	    tree_add(map, "s3", TAKE(s3), err) ||
	    tree_add_text(map, "name",
	        w->options->name ? w->options->name : w->env->model, err) ||
	    tree_add_text(map, "create-bucket",
	        w->options->create_bucket ? "true" : "false", err) ||
	    add_encryption(w, map, &ready, err))
		return -1;
	return ready ? tree_add(w->root, "repository", TAKE(map), err) : 0;
}

static bool
has_name(const struct tree *list, const char *name)
{
	for (const struct tree *t = list->child; t; t = t->next) {
		const char *other = tree_text(t, "name");

		if (other && strcmp(other, name) == 0)
			return true;
	}
	return false;
}

/* Named by its bucket; a second of that name also by where it comes from. */
static int
add_bucket(struct walk *w, const char *id, struct tree *map, struct err *err)
{
	AUTO(tree) struct tree *owned = map;
	AUTO(free) char *name = NULL, *app = NULL;
	const char *bucket = tree_text(map, "bucket");

	if (!has_name(w->list, bucket)) {
		if (str_dup(bucket, &name, err))
			return -1;
	} else if (hooktool_relation_app(id, &app, err) ||
	           str_printf(&name, err, "%s-%s", bucket, app)) {
		return -1;
	}
	if (tree_add_text(owned, "name", name, err) ||
	    tree_add_text(owned, "type", "bucket", err))
		return -1;
	return tree_add(w->list, NULL, TAKE(owned), err);
}

static int
read_minio(struct walk *w, const char *id, struct err *err)
{
	AUTO(tree) struct tree *map = NULL;
	const char *bucket = w->options->store_bucket;

	if (relation_minio_read(id, &w->charm->components, &map, err))
		return -1;
	if (!map)
		return 0;
	if (!bucket) {
		relation_gap_set(&w->charm->components, RELATION_BLOCKED,
		    "no bucket name: set option 'object-store-bucket-name'");
		return 0;
	}
	if (tree_add_text(map, "bucket", bucket, err))
		return -1;
	return add_bucket(w, id, TAKE(map), err);
}

static int
read_source(struct walk *w, const char *id, struct err *err)
{
	struct relation_s3 r = source_of(w, id);
	struct tree *map = NULL;

	if (relation_s3_read(&r, &w->charm->components, &map, err))
		return -1;
	return map ? add_bucket(w, id, map, err) : 0;
}

/*
 * Named by its application; where that is taken, by the endpoint as well, and
 * at last by the number of the relation, which no other has.
 */
static int
name_database(const struct walk *w, const struct relation_database *r,
    char **ret, struct err *err)
{
	AUTO(free) char *name = NULL;

	if (!has_name(w->list, r->app))
		return str_dup(r->app, ret, err);
	if (str_printf(&name, err, "%s-%s", r->app, r->type))
		return -1;
	if (has_name(w->list, name))
		return str_printf(ret, err, "%s-%s-%s", r->app, r->type,
		    relation_number(r->id));
	*ret = TAKE(name);
	return 0;
}

static int
read_database(struct walk *w, const char *id, struct err *err)
{
	AUTO(tree) struct tree *map = NULL;
	AUTO(free) char *app = NULL, *name = NULL;

	if (hooktool_relation_app(id, &app, err))
		return -1;
	const struct relation_database r = database_of(w, id, app);
	if (relation_database_read(&r, &w->charm->components, &map, err))
		return -1;
	if (!map)
		return 0;
	if (name_database(w, &r, &name, err) ||
	    tree_add_text(map, "name", name, err))
		return -1;
	return tree_add(w->list, NULL, TAKE(map), err);
}

/* Two of one application and relation come from two models. */
static int
name_velero(const struct walk *w, const char *id, struct tree *map,
    struct err *err)
{
	AUTO(free) char *name = NULL;

	if (!has_name(w->list, tree_text(map, "name")))
		return 0;
	return str_printf(&name, err, "%.50s-%s", tree_text(map, "name"),
	           relation_number(id)) ||
	               tree_set_text(map, "name", name, err)
	           ? -1
	           : 0;
}

/* One that does not say its model is in ours.  problem NULL: none. */
static int
add_target(struct walk *w, struct relation_velero *v, const char *problem,
    struct err *err)
{
	const char *name = v->component ? tree_text(v->component, "name") : "";

	if (!v->target)
		return 0;
	if ((!tree_get(v->target, "model") &&
	        tree_add_text(v->target, "model", w->env->model, err)) ||
	    tree_add_text(v->target, "component", name, err) ||
	    tree_add_text(v->target, "problem", problem, err))
		return -1;
	return tree_add(w->charm->targets, NULL, TAKE(v->target), err);
}

/* A spec that cannot be read is a gap: old sets can still be restored. */
static int
read_velero(struct walk *w, const char *id, struct err *err)
{
	AUTO(relation_velero) struct relation_velero v = { 0 };

	if (relation_velero_read(id, &v, err)) {
		if (!err_is(err, ERR_USAGE))
			return -1;
		relation_gap_set(&w->charm->components, RELATION_BLOCKED, "%s",
		    err->msg);
		return add_target(w, &v, err->msg, err);
	}
	if (!v.component)
		return 0;
	if (name_velero(w, id, v.component, err) ||
	    add_target(w, &v, NULL, err))
		return -1;
	return tree_add(w->list, NULL, TAKE(v.component), err);
}

static int
read_all_databases(struct walk *w, struct err *err)
{
	AUTO(tree) struct tree *databases = NULL;

	if (read_databases(w->options, &databases, err))
		return -1;
	w->databases = databases;
	if (each_relation(w, "mysql", read_database, err))
		return -1;
	return each_relation(w, "postgresql", read_database, err);
}

/* The list's nodes move over to the one that is being put together. */
static int
adopt(struct walk *w, struct tree *from, struct err *err)
{
	struct relation_s3 proxies = repository_of(w, NULL);

	while (from->child) {
		struct tree *one = from->child;
		const char *type = tree_text(one, "type");

		from->child = one->next;
		one->next = NULL;
		if (tree_add(w->list, NULL, one, err))
			return -1;
		if (type && strcmp(type, "bucket") == 0 &&
		    relation_s3_proxy(&proxies, one, err))
			return -1;
	}
	return 0;
}

static int
read_components(struct walk *w, struct err *err)
{
	AUTO(tree) struct tree *from = NULL;

	if (option_tree(w->options->components, components_origin, &from, err))
		return -1;
	if (!from || (from->kind == TREE_MAP && !from->child))
		return 0;
	if (from->kind != TREE_LIST)
		return tree_err(from, err,
		    "it must be a list, such as [{name: mlmd, type: sqlite, "
		    "path: /data/mlmd.db}]");
	return adopt(w, from, err);
}

/* The charm of ML Metadata keeps its database there, and offers no relation
 * that leads to it. */
static int
read_mlmd(struct walk *w, struct err *err)
{
	const char *app = w->options->mlmd;
	AUTO(tree) struct tree *map = NULL;
	AUTO(tree) struct tree *pod = NULL;

	if (!app)
		return 0;
	for (const struct tree *t = w->list->child; t; t = t->next) {
		const char *name = tree_text(t, "name");

		if (name && strcmp(name, app) == 0)
			return 0;
	}
	if (tree_new(TREE_MAP, NULL, mlmd_origin, 0, &map, err) ||
	    tree_new(TREE_MAP, NULL, mlmd_origin, 0, &pod, err) ||
	    tree_add_text(pod, "application", app, err) ||
	    tree_add_text(pod, "container", "mlmd-grpc-server", err) ||
	    tree_add_text(pod, "path", "/data/mlmd.db", err) ||
	    tree_add_text(pod, "optional", "true", err) ||
	    tree_add_text(map, "name", app, err) ||
	    tree_add_text(map, "type", "sqlite", err) ||
	    tree_add(map, "kubernetes", TAKE(pod), err))
		return -1;
	return tree_add(w->list, NULL, TAKE(map), err);
}

static int
pause_for(struct tree *component, const struct tree *names, struct err *err)
{
	AUTO(tree) struct tree *list = NULL;

	if (component->kind != TREE_MAP || tree_get(component, "pause"))
		return 0;
	if (tree_new(TREE_LIST, NULL, names->origin, 0, &list, err))
		return -1;
	for (const struct tree *t = names->child; t; t = t->next) {
		struct tree *copy = NULL;

		if (tree_new(t->kind, t->text, t->origin, t->line, &copy,
		        err) ||
		    tree_add(list, NULL, copy, err))
			return -1;
	}
	return tree_add(component, "pause", TAKE(list), err);
}

/* Of each component that names none itself. */
static int
read_pause(struct walk *w, struct err *err)
{
	AUTO(tree) struct tree *names = NULL;

	if (option_tree(w->options->pause, pause_origin, &names, err))
		return -1;
	if (!names)
		return 0;
	if (names->kind != TREE_LIST)
		return tree_err(names, err,
		    "it must be a list, such as [kfp-metadata-writer]");
	for (struct tree *t = w->list->child; t; t = t->next)
		if (pause_for(t, names, err))
			return -1;
	return 0;
}

static int
read_retention(struct walk *w, struct err *err)
{
	AUTO(tree) struct tree *map = NULL;

	if (option_tree(w->options->retention, retention_origin, &map, err))
		return -1;
	if (!map)
		return 0;
	if (map->kind != TREE_MAP)
		return tree_err(map, err,
		    "it must be a map, such as {keep-last: 7, keep-daily: 14}");
	return tree_add(w->root, "retention", TAKE(map), err);
}

static int
read_rest(struct walk *w, struct err *err)
{
	AUTO(free) char *scratch = NULL;
	AUTO(tree) struct tree *limits = NULL;

	if (hooktool_storage("scratch", &scratch, err) ||
	    tree_add_text(w->root, "scratch", scratch, err) ||
	    read_retention(w, err))
		return -1;
	if (!w->options->bandwidth)
		return 0;
	if (tree_new(TREE_MAP, NULL, "charm options", 0, &limits, err) ||
	    tree_add_text(limits, "bandwidth", w->options->bandwidth, err))
		return -1;
	return tree_add(w->root, "limits", TAKE(limits), err);
}

static bool
is_optional(const struct tree *component)
{
	return tree_text(tree_get(component, "kubernetes"), "optional") != NULL;
}

static void
name_gaps(const struct walk *w)
{
	char app[APP_SIZE];

	app_of(w->env, app);
	if (!tree_get(w->root, "repository")) /* if no gap was named yet */
		relation_gap_set(&w->charm->repository, RELATION_BLOCKED,
		    "no place for backups: juju integrate %s s3-integrator",
		    app);
	if (!w->list->child ||
	    (!w->list->child->next && is_optional(w->list->child)))
		relation_gap_set(&w->charm->components, RELATION_BLOCKED,
		    "nothing to save: juju integrate %s minio, or set option "
		    "'components'",
		    app);
}

static int
read_all(struct walk *w, struct err *err)
{
	struct tree *list = NULL;

	if (tree_new(TREE_LIST, NULL, components_origin, 0, &list, err) ||
	    tree_add(w->root, "components", list, err))
		return -1;
	w->list = list;
	if (each_relation(w, "s3-parameters", read_repository, err) ||
	    each_relation(w, "object-storage", read_minio, err) ||
	    each_relation(w, "s3-source", read_source, err) ||
	    read_all_databases(w, err) ||
	    each_relation(w, "velero-backups", read_velero, err) ||
	    read_components(w, err) || read_mlmd(w, err) || read_pause(w, err))
		return -1;
	name_gaps(w);
	return read_rest(w, err);
}

int
charm_read(const struct env *env, struct charm_asked *asked, struct charm *c,
    struct err *err)
{
	struct options options = { 0 };
	AUTO(tree) struct tree *root = NULL;
	struct walk w = {
		.env = env, .asked = asked, .options = &options, .charm = c
	};

	*c = (struct charm){ 0 };
	if (options_read(asked, &options, err) ||
	    tree_new(TREE_MAP, NULL, "charm", 0, &root, err) ||
	    tree_new(TREE_LIST, NULL, "charm", 0, &c->targets, err))
		return -1;
	w.root = root;
	if (read_all(&w, err))
		return -1;
	if (tree_get(root, "repository"))
		c->config = TAKE(root);
	return 0;
}

void
charm_asked_done(struct charm_asked *a)
{
	json_free(a->options);
	for (size_t i = 0; i < CHARM_ENDPOINTS; i++)
		json_free(a->relations[i].ids);
	*a = (struct charm_asked){ 0 };
}

void
charm_done(struct charm *c)
{
	tree_free(c->config);
	tree_free(c->targets);
	*c = (struct charm){ 0 };
}
