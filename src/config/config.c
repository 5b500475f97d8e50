#include "config/config.h"

#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "base/yaml.h"
#include "config/fields.h"
#include "config/key_files.h"

enum {
	CONFIG_MAX = 1 << 20,
	COMPONENTS_MAX = 256,
	TRANSFERS_MAX = 256,
	DAYS_MAX = 36500,
	GRACE_DEFAULT_S = 86400,
};

/* --- the tables: what may stand where */

struct top {
	struct tree *repository, *components, *limits, *retention, *kubernetes;
	const char *scratch;
};

static const struct field top_fields[] = {
	{ "repository", FIELD_MAP, offsetof(struct top, repository), true,
	    NULL },
	{ "components", FIELD_LIST, offsetof(struct top, components), true,
	    NULL },
	{ "limits", FIELD_MAP, offsetof(struct top, limits), false, NULL },
	{ "retention", FIELD_MAP, offsetof(struct top, retention), false,
	    NULL },
	{ "kubernetes", FIELD_MAP, offsetof(struct top, kubernetes), false,
	    NULL },
	{ "scratch", FIELD_TEXT, offsetof(struct top, scratch), false, NULL },
	{ 0 },
};

static const struct field cluster_fields[] = {
	{ "kubeconfig", FIELD_TEXT, offsetof(struct kube_options, kubeconfig),
	    false, NULL },
	{ "context", FIELD_TEXT, offsetof(struct kube_options, context), false,
	    NULL },
	{ 0 },
};

struct repository {
	struct tree *s3, *encryption;
	const char *path, *name;
	bool create;
};

static const struct field repository_fields[] = {
	{ "s3", FIELD_MAP, offsetof(struct repository, s3), false, NULL },
	{ "path", FIELD_TEXT, offsetof(struct repository, path), false, NULL },
	{ "name", FIELD_TEXT, offsetof(struct repository, name), false, NULL },
	{ "create-bucket", FIELD_BOOL, offsetof(struct repository, create),
	    false, NULL },
	{ "encryption", FIELD_TREE, offsetof(struct repository, encryption),
	    false, NULL },
	{ 0 },
};

struct encryption {
	struct tree *recipients;
	const char *identity, *state;
};

static const struct field encryption_fields[] = {
	{ "recipients", FIELD_LIST, offsetof(struct encryption, recipients),
	    false, NULL },
	{ "identity", FIELD_SECRET, offsetof(struct encryption, identity),
	    false, NULL },
	{ "state", FIELD_TEXT, offsetof(struct encryption, state), false,
	    NULL },
	{ 0 },
};

static const struct field s3_fields[] = {
	{ "endpoint", FIELD_TEXT, offsetof(struct s3_options, endpoint), false,
	    NULL },
	{ "region", FIELD_TEXT, offsetof(struct s3_options, region), false,
	    NULL },
	{ "bucket", FIELD_TEXT, offsetof(struct s3_options, bucket), true,
	    NULL },
	{ "access-key", FIELD_SECRET, offsetof(struct s3_options, access_key),
	    true, NULL },
	{ "secret-key", FIELD_SECRET, offsetof(struct s3_options, secret_key),
	    true, NULL },
	{ "session-token", FIELD_SECRET,
	    offsetof(struct s3_options, session_token), false, NULL },
	{ "uri-style", FIELD_TEXT, offsetof(struct s3_options, uri_style),
	    false, NULL },
	{ "tls-ca-chain", FIELD_SECRET,
	    offsetof(struct s3_options, tls_ca_chain), false, NULL },
	{ "proxy", FIELD_TEXT, offsetof(struct s3_options, proxy), false,
	    NULL },
	{ "no-proxy", FIELD_TEXT, offsetof(struct s3_options, no_proxy), false,
	    NULL },
	{ 0 },
};

static const struct field store_fields[] = {
	{ "s3", FIELD_TABLE, offsetof(struct config_repository, s3), false,
	    s3_fields },
	{ "path", FIELD_TEXT, offsetof(struct config_repository, s3_path),
	    false, NULL },
	{ "storage-class", FIELD_TEXT,
	    offsetof(struct config_repository, s3.storage_class), false, NULL },
	{ "server-side-encryption", FIELD_TEXT,
	    offsetof(struct config_repository, s3.server_side_encryption),
	    false, NULL },
	{ "kms-key-id", FIELD_TEXT,
	    offsetof(struct config_repository, s3.kms_key_id), false, NULL },
	{ "delete-older-than-days", FIELD_NUMBER,
	    offsetof(struct config_repository, delete_older_days), false,
	    NULL },
	{ 0 },
};

struct limits {
	const char *bandwidth;
	struct config_limits c;
};

static const struct field limits_fields[] = {
	{ "bandwidth", FIELD_TEXT, offsetof(struct limits, bandwidth), false,
	    NULL },
	{ "transfers", FIELD_NUMBER, offsetof(struct limits, c.transfers),
	    false, NULL },
	{ "memory", FIELD_SIZE, offsetof(struct limits, c.memory), false,
	    NULL },
	{ 0 },
};

static const struct field retention_fields[] = {
	{ "keep-last", FIELD_NUMBER, offsetof(struct config_retention, last),
	    false, NULL },
	{ "keep-hourly", FIELD_NUMBER,
	    offsetof(struct config_retention, hourly), false, NULL },
	{ "keep-daily", FIELD_NUMBER, offsetof(struct config_retention, daily),
	    false, NULL },
	{ "keep-weekly", FIELD_NUMBER,
	    offsetof(struct config_retention, weekly), false, NULL },
	{ "keep-monthly", FIELD_NUMBER,
	    offsetof(struct config_retention, monthly), false, NULL },
	{ "keep-yearly", FIELD_NUMBER,
	    offsetof(struct config_retention, yearly), false, NULL },
	{ "keep-within", FIELD_SPAN, offsetof(struct config_retention, within),
	    false, NULL },
	{ "delete-older-than-days", FIELD_NUMBER,
	    offsetof(struct config_retention, older_days), false, NULL },
	{ "grace", FIELD_SPAN, offsetof(struct config_retention, grace), false,
	    NULL },
	{ 0 },
};

/* What every component has; the rest is its type's. */
struct common {
	const char *name, *type;
	struct tree *pause;
};

static const struct field common_fields[] = {
	{ "name", FIELD_TEXT, offsetof(struct common, name), true, NULL },
	{ "type", FIELD_TEXT, offsetof(struct common, type), true, NULL },
	{ "pause", FIELD_LIST, offsetof(struct common, pause), false, NULL },
	{ 0 },
};

struct sqlite_item {
	struct common common;
	struct config_sqlite c;
	struct tree *pod;
};

static const struct field pod_fields[] = {
	{ "namespace", FIELD_TEXT,
	    offsetof(struct config_sqlite, pod.namespace), false, NULL },
	{ "application", FIELD_TEXT,
	    offsetof(struct config_sqlite, pod.application), false, NULL },
	{ "pod", FIELD_TEXT, offsetof(struct config_sqlite, pod.pod), false,
	    NULL },
	{ "optional", FIELD_BOOL, offsetof(struct config_sqlite, pod.optional),
	    false, NULL },
	{ "container", FIELD_TEXT,
	    offsetof(struct config_sqlite, pod.container), false, NULL },
	{ "path", FIELD_TEXT, offsetof(struct config_sqlite, path), true,
	    NULL },
	{ 0 },
};

static const struct field sqlite_fields[] = {
	{ "common", FIELD_TABLE, offsetof(struct sqlite_item, common), false,
	    common_fields },
	{ "path", FIELD_TEXT, offsetof(struct sqlite_item, c.path), false,
	    NULL },
	{ "kubernetes", FIELD_MAP, offsetof(struct sqlite_item, pod), false,
	    NULL },
	{ "owner", FIELD_TEXT, offsetof(struct sqlite_item, c.owner), false,
	    NULL },
	{ "group", FIELD_TEXT, offsetof(struct sqlite_item, c.group), false,
	    NULL },
	{ "mode", FIELD_MODE, offsetof(struct sqlite_item, c.mode), false,
	    NULL },
	{ "busy-timeout", FIELD_NUMBER,
	    offsetof(struct sqlite_item, c.busy_timeout_s), false, NULL },
	{ 0 },
};

struct bucket_item {
	struct common common;
	struct config_bucket c;
};

static const struct field bucket_fields[] = {
	{ "common", FIELD_TABLE, offsetof(struct bucket_item, common), false,
	    common_fields },
	{ "s3", FIELD_TABLE, offsetof(struct bucket_item, c.s3), false,
	    s3_fields },
	{ "prefix", FIELD_TEXT, offsetof(struct bucket_item, c.prefix), false,
	    NULL },
	{ 0 },
};

struct database_item {
	struct common common;
	struct config_database c;
	struct tree *replicas, *drill;
	const char *tls, *replica;
};

static const struct field database_fields[] = {
	{ "common", FIELD_TABLE, offsetof(struct database_item, common), false,
	    common_fields },
	{ "primary", FIELD_TEXT, offsetof(struct database_item, c.primary),
	    true, NULL },
	{ "replicas", FIELD_LIST, offsetof(struct database_item, replicas),
	    false, NULL },
	{ "database", FIELD_TEXT, offsetof(struct database_item, c.database),
	    true, NULL },
	{ "username", FIELD_TEXT, offsetof(struct database_item, c.username),
	    true, NULL },
	{ "password", FIELD_SECRET, offsetof(struct database_item, c.password),
	    false, NULL },
	{ "tls-ca-chain", FIELD_SECRET,
	    offsetof(struct database_item, c.tls_ca_chain), false, NULL },
	{ "tls", FIELD_TEXT, offsetof(struct database_item, tls), false, NULL },
	{ "replica", FIELD_TEXT, offsetof(struct database_item, replica), false,
	    NULL },
	{ "safety-dump", FIELD_BOOL,
	    offsetof(struct database_item, c.safety_dump), false, NULL },
	{ "max-lag", FIELD_NUMBER, offsetof(struct database_item, c.max_lag_s),
	    false, NULL },
	{ "drill", FIELD_MAP, offsetof(struct database_item, drill), false,
	    NULL },
	{ 0 },
};

struct kubernetes_item {
	struct common common;
	struct config_kubernetes c;
	struct tree *include_namespaces, *exclude_namespaces;
	struct tree *include_resources, *exclude_resources;
	struct tree *labels;
	const char *cluster;
};

static const struct field kubernetes_fields[] = {
	{ "common", FIELD_TABLE, offsetof(struct kubernetes_item, common),
	    false, common_fields },
	{ "include-namespaces", FIELD_LIST,
	    offsetof(struct kubernetes_item, include_namespaces), false, NULL },
	{ "exclude-namespaces", FIELD_LIST,
	    offsetof(struct kubernetes_item, exclude_namespaces), false, NULL },
	{ "include-resources", FIELD_LIST,
	    offsetof(struct kubernetes_item, include_resources), false, NULL },
	{ "exclude-resources", FIELD_LIST,
	    offsetof(struct kubernetes_item, exclude_resources), false, NULL },
	{ "label-selector", FIELD_TREE,
	    offsetof(struct kubernetes_item, labels), false, NULL },
	{ "include-cluster-resources", FIELD_TEXT,
	    offsetof(struct kubernetes_item, cluster), false, NULL },
	{ "plain-secrets", FIELD_BOOL,
	    offsetof(struct kubernetes_item, c.plain_secrets), false, NULL },
	{ 0 },
};

static const struct field drill_fields[] = {
	{ "primary", FIELD_TEXT, offsetof(struct database_item, c.primary),
	    true, NULL },
	{ "username", FIELD_TEXT, offsetof(struct database_item, c.username),
	    true, NULL },
	{ "password", FIELD_SECRET, offsetof(struct database_item, c.password),
	    false, NULL },
	{ "database", FIELD_TEXT, offsetof(struct database_item, c.database),
	    false, NULL },
	{ "tls-ca-chain", FIELD_SECRET,
	    offsetof(struct database_item, c.tls_ca_chain), false, NULL },
	{ "tls", FIELD_TEXT, offsetof(struct database_item, tls), false, NULL },
	{ 0 },
};

static const char *const tls_names[] = {
	[CONFIG_TLS_AUTO] = "auto",
	[CONFIG_TLS_ON] = "true",
	[CONFIG_TLS_OFF] = "false",
};

static const char *const replica_names[] = {
	[CONFIG_REPLICA_PREFERRED] = "preferred",
	[CONFIG_REPLICA_REQUIRED] = "required",
	[CONFIG_REPLICA_ANY] = "any",
};

static const char *const type_names[] = {
	[CONFIG_SQLITE] = "sqlite",
	[CONFIG_BUCKET] = "bucket",
	[CONFIG_MYSQL] = "mysql",
	[CONFIG_POSTGRESQL] = "postgresql",
	[CONFIG_KUBERNETES] = "kubernetes",
};

static const char *const cluster_names[] = {
	[CONFIG_CLUSTER_AUTO] = "auto",
	[CONFIG_CLUSTER_ON] = "true",
	[CONFIG_CLUSTER_OFF] = "false",
};

const char *
config_type_name(enum config_type type)
{
	return type_names[type];
}

/* --- decoding */

static bool
valid_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= 63 && strchr("._-", s[0]) == NULL &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static int
check_name(const struct tree *map, const char *name, struct err *err)
{
	const struct tree *at = tree_get(map, "name");

	return valid_name(name) ? 0
	                        : tree_err(at ? at : map, err,
	                              "the name '%s' must be 1 to 63 of a-z "
	                              "0-9 . _ - and begin with a letter or "
	                              "digit",
	                              name);
}

/* What Kubernetes takes as a name, with a namespace before it or not. */
static bool
is_workload(const char *s)
{
	const char *name = strchr(s, '/');

	name = name ? name + 1 : s;
	return s[0] != '/' && name[0] != '\0' && !strchr(name, '/') &&
	       strlen(s) < 320 &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-/")] == '\0';
}

static int
take_common(const struct common *in, struct config_component *c,
    struct err *err)
{
	const struct tree *t = in->pause ? in->pause->child : NULL;

	c->name = in->name;
	for (; t; t = t->next) {
		if (c->npause == CONFIG_PAUSE_MAX)
			return tree_err(t, err, "more than %d in 'pause'",
			    CONFIG_PAUSE_MAX);
		if (t->kind != TREE_SCALAR || !is_workload(t->text))
			return tree_err(t, err,
			    "each of 'pause' must be the name of a Deployment "
			    "or StatefulSet, such as kfp-metadata-writer or "
			    "kubeflow/kfp-metadata-writer");
		c->pause[c->npause++] = t->text;
	}
	return 0;
}

/* kubernetes: {application: mlmd, path: /data/mlmd.db} */
static int
decode_pod(const struct tree *map, struct config_sqlite *c, struct err *err)
{
	if (c->path || c->owner || c->group || c->mode)
		return tree_err(map, err,
		    "'path', 'owner', 'group' and 'mode' are of a file here; "
		    "with 'kubernetes' its path is below that");
	if (fields_decode(map, pod_fields, c, err))
		return -1;
	if (!c->pod.application == !c->pod.pod)
		return tree_err(map, err,
		    "'kubernetes' needs either 'application' or 'pod'");
	if (c->pod.optional && c->pod.pod)
		return tree_err(map, err,
		    "'optional' goes with 'application', not with 'pod'");
	c->pod.wanted = true;
	return 0;
}

static int
decode_sqlite(const struct tree *map, struct config_component *c,
    struct err *err)
{
	struct sqlite_item item = { .c.busy_timeout_s = 60 };

	if (fields_decode(map, sqlite_fields, &item, err) ||
	    (item.pod && decode_pod(item.pod, &item.c, err)))
		return -1;
	if (!item.c.path)
		return tree_err(map, err, "'path' is missing");
	if (item.c.path[0] != '/')
		return tree_err(tree_get(item.pod ? item.pod : map, "path"),
		    err, "'path' must begin with '/', not '%s'", item.c.path);
	if (item.c.busy_timeout_s > 86400)
		return tree_err(tree_get(map, "busy-timeout"), err,
		    "'busy-timeout' is more than a day of seconds");
	c->sqlite = item.c;
	return take_common(&item.common, c, err);
}

/* Nothing is asked of a server before all of the configuration is right. */
static int
check_s3(const struct tree *map, struct s3_options *o, struct err *err)
{
	const struct tree *at;
	const char *which;
	struct err why = { 0 };

	key_files_watch(map, o);
	if (s3_options_check(o, &which, &why) == 0)
		return 0;
	if (err_is(&why, ERR_NOMEM))
		return err_nomem(err);
	at = tree_given(map, which);
	return tree_err(at ? at : map, err, "%s", why.msg);
}

static int
decode_bucket(const struct tree *map, struct config_component *c,
    struct err *err)
{
	struct bucket_item item = { 0 };

	if (fields_decode(map, bucket_fields, &item, err) ||
	    check_s3(map, &item.c.s3, err))
		return -1;
	c->bucket = item.c;
	return take_common(&item.common, c, err);
}

/* One of n names; nothing given leaves the first. */
static int
decode_name(const struct tree *map, const char *key, const char *const *names,
    unsigned n, unsigned *ret, struct err *err)
{
	const char *text = tree_text(map, key);

	*ret = 0;
	for (unsigned i = 0; text && i < n; i++)
		if (strcmp(text, names[i]) == 0) {
			*ret = i;
			return 0;
		}
	return text ? tree_err(tree_get(map, key), err,
	                  "'%s' must be %s, %s or %s, not '%s'", key, names[0],
	                  names[1], names[2], text)
	            : 0;
}

static int
decode_replicas(const struct tree *list, struct config_database *c,
    struct err *err)
{
	size_t n = 0;

	for (const struct tree *t = list ? list->child : NULL; t; t = t->next) {
		if (n == CONFIG_REPLICAS_MAX)
			return tree_err(t, err, "more than %d 'replicas'",
			    CONFIG_REPLICAS_MAX);
		if (t->kind != TREE_SCALAR || *t->text == '\0')
			return tree_err(t, err,
			    "each of 'replicas' must be an address, such as "
			    "kfp-db-replicas:3306");
		c->replicas[n++] = t->text;
	}
	return 0;
}

/* They go into option files of the clients, a line each. */
static int
check_lines(const struct tree *map, struct err *err)
{
	static const char *const keys[] = { "primary", "database", "username",
		"password", "password-file", "password-env" };

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const char *text = tree_text(map, keys[i]);

		if (text && strpbrk(text, "\r\n"))
			return tree_err(tree_get(map, keys[i]), err,
			    "'%s' must be one line", keys[i]);
	}
	return 0;
}

/* The scratch server of drills: a drill touches nothing that is in use. */
static int
decode_drill(const struct tree *of, const struct tree *map,
    struct config_component *c, struct err *err)
{
	struct database_item item = { .c.database = "postgres" };
	unsigned tls;

	if (!map)
		return 0;
	if (fields_decode(map, drill_fields, &item, err) ||
	    decode_name(map, "tls", tls_names, 3, &tls, err) ||
	    check_lines(map, err))
		return -1;
	if (strcmp(item.c.primary, tree_text(of, "primary")) == 0)
		return tree_err(tree_get(map, "primary"), err,
		    "'drill' must name another server than 'primary'");
	item.c.tls = (enum config_tls)tls;
	c->drill = item.c;
	return 0;
}

static int
decode_database(const struct tree *map, struct config_component *c,
    struct err *err)
{
	struct database_item item = { .c = { .safety_dump = true,
		                          .max_lag_s = 3600 } };
	unsigned tls, replica;

	if (fields_decode(map, database_fields, &item, err) ||
	    decode_name(map, "tls", tls_names, 3, &tls, err) ||
	    decode_name(map, "replica", replica_names, 3, &replica, err) ||
	    decode_replicas(item.replicas, &item.c, err) ||
	    check_lines(map, err) || decode_drill(map, item.drill, c, err))
		return -1;
	if (strlen(item.c.database) > 64)
		return tree_err(tree_get(map, "database"), err,
		    "'database' is longer than 64 bytes");
	item.c.tls = (enum config_tls)tls;
	item.c.replica = (enum config_replica)replica;
	c->database = item.c;
	return take_common(&item.common, c, err);
}

static int
check_words(const struct tree *list, const char *key, struct err *err)
{
	for (const struct tree *t = list ? list->child : NULL; t; t = t->next)
		if (t->kind != TREE_SCALAR || *t->text == '\0')
			return tree_err(t, err, "each of '%s' must be a name",
			    key);
	return 0;
}

/* {app: mlmd}, or what kubectl takes behind -l. */
static int
check_labels(const struct tree *t, struct err *err)
{
	if (!t || t->kind == TREE_SCALAR)
		return 0;
	for (const struct tree *c = t->child; c; c = c->next)
		if (t->kind != TREE_MAP || c->kind != TREE_SCALAR)
			return tree_err(t, err,
			    "'label-selector' must be a text, or a map such as "
			    "{app.kubernetes.io/name: mlmd}");
	return 0;
}

static int
decode_kubernetes(const struct tree *map, struct config_component *c,
    struct err *err)
{
	struct kubernetes_item item = { 0 };
	unsigned cluster;

	if (fields_decode(map, kubernetes_fields, &item, err) ||
	    check_words(item.include_namespaces, "include-namespaces", err) ||
	    check_words(item.exclude_namespaces, "exclude-namespaces", err) ||
	    check_words(item.include_resources, "include-resources", err) ||
	    check_words(item.exclude_resources, "exclude-resources", err) ||
	    check_labels(item.labels, err) ||
	    decode_name(map, "include-cluster-resources", cluster_names, 3,
	        &cluster, err))
		return -1;
	c->kubernetes = item.c;
	c->kubernetes.include_namespaces = item.include_namespaces;
	c->kubernetes.exclude_namespaces = item.exclude_namespaces;
	c->kubernetes.include_resources = item.include_resources;
	c->kubernetes.exclude_resources = item.exclude_resources;
	c->kubernetes.labels = item.labels;
	c->kubernetes.cluster = (enum config_cluster)cluster;
	return take_common(&item.common, c, err);
}

static int
decode_type(const struct tree *map, enum config_type *type, struct err *err)
{
	const struct tree *t = tree_get(map, "type");

	if (!t)
		return tree_err(map, err, "'type' is missing");
	for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++)
		if (t->text && strcmp(t->text, type_names[i]) == 0) {
			*type = (enum config_type)i;
			return 0;
		}
	return tree_err(t, err,
	    "unknown type '%s'; possible: sqlite, bucket, mysql, postgresql, "
	    "kubernetes",
	    t->text ? t->text : "");
}

static int
decode_component(const struct tree *map, struct config_component *c,
    struct err *err)
{
	int rc = -1;

	if (map->kind != TREE_MAP)
		return tree_err(map, err,
		    "each of 'components' must be a map, such as {name: mlmd, "
		    "type: sqlite, path: /data/mlmd.db}");
	if (decode_type(map, &c->type, err))
		return -1;
	switch (c->type) {
	case CONFIG_SQLITE:
		rc = decode_sqlite(map, c, err);
		break;
	case CONFIG_BUCKET:
		rc = decode_bucket(map, c, err);
		break;
	case CONFIG_MYSQL:
	case CONFIG_POSTGRESQL:
		rc = decode_database(map, c, err);
		break;
	case CONFIG_KUBERNETES:
		rc = decode_kubernetes(map, c, err);
		break;
	}
	return rc ? -1 : check_name(map, c->name, err);
}

static bool
is_named(const struct config_component *c, const char *name)
{
	return c->name && name && strcmp(c->name, name) == 0;
}

static int
decode_components(const struct tree *list, struct config *c, struct err *err)
{
	size_t n = 0;

	for (const struct tree *t = list->child; t; t = t->next)
		n++;
	if (n > COMPONENTS_MAX)
		return tree_err(list, err,
		    "'components' names more than %d components",
		    COMPONENTS_MAX);
	c->components = calloc(n + 1, sizeof *c->components);
	if (!c->components)
		return err_nomem(err);
	for (const struct tree *t = list->child; t; t = t->next) {
		struct config_component *it = &c->components[c->ncomponents];

		if (decode_component(t, it, err))
			return -1;
		if (it->type == CONFIG_KUBERNETES)
			it->kubernetes.encrypted =
			    c->repository.keys.nrecipients > 0;
		it->kube = &c->kubernetes;
		for (size_t i = 0; i < c->ncomponents; i++)
			if (is_named(&c->components[i], it->name))
				return tree_err(tree_get(t, "name"), err,
				    "two components have the name '%s'",
				    it->name);
		c->ncomponents++;
	}
	return 0;
}

static int
decode_recipients(const struct tree *list, struct age_keys *keys,
    struct err *err)
{
	struct err why = { 0 };

	for (const struct tree *t = list ? list->child : NULL; t; t = t->next) {
		if (t->kind != TREE_SCALAR)
			return tree_err(t, err,
			    "each of 'recipients' must be a text, age1…");
		if (age_keys_add_recipient(keys, t->text, &why))
			return tree_err(t, err, "'recipients': %s", why.msg);
	}
	return 0;
}

static int
decode_encryption(const struct tree *map, struct config_repository *r,
    struct err *err)
{
	struct encryption in = { 0 };
	struct err why = { 0 };

	r->plain = map->kind == TREE_SCALAR && strcmp(map->text, "none") == 0;
	if (r->plain)
		return 0;
	if (map->kind != TREE_MAP)
		return tree_err(map, err,
		    "'encryption' must be 'none', or a map such as "
		    "{recipients: [age1…], identity-file: /etc/backup.key}");
	if (fields_decode(map, encryption_fields, &in, err) ||
	    decode_recipients(in.recipients, &r->keys, err))
		return -1;
	if (in.identity && age_keys_add_identities(&r->keys, in.identity, &why))
		return tree_err(tree_given(map, "identity"), err, "'%s': %s",
		    tree_given(map, "identity")->name, why.msg);
	if (r->keys.nrecipients + r->keys.nidentities == 0)
		return tree_err(map, err,
		    "'encryption' has neither 'recipients' nor an 'identity'");
	if (in.state && in.state[0] != '/')
		return tree_err(tree_get(map, "state"), err,
		    "'state' must begin with '/', not '%s'", in.state);
	r->state = in.state;
	return 0;
}

static int
decode_repository(const struct tree *map, struct config_repository *r,
    struct err *err)
{
	struct repository in = { .create = true, .name = "platform" };

	if (fields_decode(map, repository_fields, &in, err))
		return -1;
	if (in.path && in.s3)
		return tree_err(in.s3, err,
		    "two repositories: give either 's3' or 'path', not both");
	if (!in.path && !in.s3)
		return tree_err(map, err, "no repository: give 's3' or 'path'");
	if (in.path && in.path[0] != '/')
		return tree_err(tree_get(map, "path"), err,
		    "'path' must begin with '/', not '%s'", in.path);
	r->path = in.path;
	r->name = in.name;
	r->create = in.create;
	r->encryption = in.encryption;
	if (check_name(map, r->name, err) ||
	    (in.encryption && decode_encryption(in.encryption, r, err)))
		return -1;
	if (!in.s3)
		return 0;
	return fields_decode(in.s3, store_fields, r, err) ||
	               check_s3(in.s3, &r->s3, err)
	           ? -1
	           : 0;
}

static int
decode_limits(const struct tree *map, struct config_limits *c, struct err *err)
{
	struct limits in = { .c = *c };
	struct err why = { 0 };

	if (!map)
		return 0;
	if (fields_decode(map, limits_fields, &in, err))
		return -1;
	if (in.bandwidth &&
	    timetable_parse(in.bandwidth, &in.c.bandwidth, &why))
		return tree_err(tree_get(map, "bandwidth"), err,
		    "'bandwidth': %s", why.msg);
	if (in.c.transfers < 1 || in.c.transfers > TRANSFERS_MAX)
		return tree_err(tree_get(map, "transfers"), err,
		    "'transfers' must be 1 to %d", TRANSFERS_MAX);
	if (in.c.memory < (uint64_t)48 << 20)
		return tree_err(tree_get(map, "memory"), err,
		    "'memory' must be at least 48M");
	in.c.limited = in.c.bandwidth.count > 0 || in.c.bandwidth.rest > 0;
	*c = in.c;
	return 0;
}

/* A day more or less than a hundred years would be a slip of the finger. */
static int
check_days(const struct tree *map, const char *key, uint64_t days,
    struct err *err)
{
	return days <= DAYS_MAX ? 0
	                        : tree_err(tree_get(map, key), err,
	                              "'%s' must be 1 to %d", key, DAYS_MAX);
}

/*
 * What s3-integrator says of the place for backups counts as well; the map
 * may say it in its stead.
 */
static int
decode_retention(const struct tree *map, const struct tree *s3,
    struct config *c, struct err *err)
{
	static const char days[] = "delete-older-than-days";
	struct config_retention *r = &c->retention;

	r->grace = GRACE_DEFAULT_S;
	r->older_days = c->repository.delete_older_days;
	if (check_days(s3, days, r->older_days, err))
		return -1;
	c->retention_given = map != NULL;
	if (!map)
		return 0;
	if (fields_decode(map, retention_fields, r, err))
		return -1;
	return check_days(map, days, r->older_days, err);
}

bool
config_retention_any(const struct config_retention *r)
{
	return r->last || r->hourly || r->daily || r->weekly || r->monthly ||
	       r->yearly || r->within || r->older_days;
}

static int
decode_cluster(const struct tree *map, struct kube_options *o, struct err *err)
{
	if (!map)
		return 0;
	if (fields_decode(map, cluster_fields, o, err))
		return -1;
	if (o->kubeconfig && o->kubeconfig[0] != '/')
		return tree_err(tree_get(map, "kubeconfig"), err,
		    "'kubeconfig' must begin with '/', not '%s'",
		    o->kubeconfig);
	return 0;
}

static int
decode(struct config *c, struct err *err)
{
	struct top top = { .scratch = "/var/tmp" };

	if (c->tree->kind != TREE_MAP)
		return tree_err(c->tree, err,
		    "the configuration must be a map with 'repository' and "
		    "'components'");
	c->limits.transfers = 64;
	c->limits.memory = (uint64_t)64 << 20;
	if (fields_decode(c->tree, top_fields, &top, err))
		return -1;
	c->scratch = top.scratch;
	if (decode_repository(top.repository, &c->repository, err) ||
	    decode_limits(top.limits, &c->limits, err) ||
	    decode_retention(top.retention, tree_get(top.repository, "s3"), c,
	        err) ||
	    decode_cluster(top.kubernetes, &c->kubernetes, err))
		return -1;
	return decode_components(top.components, c, err);
}

int
config_decode(struct tree *tree, struct config **ret, struct err *err)
{
	AUTO(config) struct config *c = calloc(1, sizeof *c);

	if (!c) {
		tree_free(tree);
		return err_nomem(err);
	}
	c->tree = tree;
	if (decode(c, err))
		return -1;
	*ret = TAKE(c);
	return 0;
}

int
config_load(const char *path, struct config **ret, struct err *err)
{
	AUTO(buf) struct buf text = { .max = CONFIG_MAX };
	struct tree *tree = NULL;
	int rc;

	if (file_read(path, &text, err)) {
		err->code = ERR_USAGE;
		return err_wrap(err, "configuration");
	}
	rc = yaml_parse(text.data ? text.data : "", text.len, path, &tree, err);
	buf_wipe(&text);
	return rc ? -1 : config_decode(tree, ret, err);
}

void
config_free(struct config *c)
{
	if (!c)
		return;
	tree_free(c->tree);
	age_keys_wipe(&c->repository.keys);
	free(c->components);
	free(c);
}
