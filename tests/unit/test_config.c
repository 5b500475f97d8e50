#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/age_kit.h"
#include "../lib/failalloc.h"
#include "base/buf.h"
#include "base/yaml.h"
#include "config/config.h"

static const char good[] =
    "repository:\n"
    "  s3: {endpoint: 'https://s3.example:9000', region: eu-north-1,\n"
    "       bucket: backups, path: /ckf/, access-key: AK, secret-key: SK,\n"
    "       storage-class: STANDARD_IA}\n"
    "  name: kubeflow\n"
    "components:\n"
    "- {name: mlmd, type: sqlite, path: /data/mlmd.db, mode: 0640}\n"
    "- {name: mlpipeline, type: bucket, endpoint: 'http://minio:9000',\n"
    "   bucket: mlpipeline, access-key: m, secret-key: '0123', prefix: v2/}\n"
    "limits: {bandwidth: 20M, transfers: 8, memory: 96M}\n"
    "scratch: /scratch\n";

static int
load(const char *text, struct config **c, struct err *err)
{
	struct tree *t = NULL;

	if (yaml_parse(text, strlen(text), "p.yaml", &t, err))
		return -1;
	return config_decode(t, c, err);
}

static void
a_scratch_server_for_drills_is_read(void **state)
{
#define DRILL(drill)                                            \
	"repository: {path: /b}\ncomponents:\n- {name: d, "     \
	"type: postgresql, primary: 'live:5432', database: x, " \
	"username: u, drill: {" drill "}}\n"
	struct err err = { 0 };
	AUTO(config) struct config *c = NULL, *none = NULL;

	(void)state;
	assert_int_equal(load(DRILL("primary: 'scratch:5432', username: d, "
	                            "password: p, tls: true"),
	                     &c, &err),
	    0);
	assert_string_equal(c->components[0].drill.primary, "scratch:5432");
	assert_string_equal(c->components[0].drill.password, "p");
	assert_string_equal(c->components[0].drill.database, "postgres");
	assert_int_equal(c->components[0].drill.tls, CONFIG_TLS_ON);
	assert_string_equal(c->components[0].database.primary, "live:5432");
	assert_int_equal(load(DRILL("primary: 'live:5432', username: d"), &none,
	                     &err),
	    -1);
	assert_string_equal(err.msg, "p.yaml:3: 'drill' must name another "
	                             "server than 'primary'");
	assert_int_equal(load(DRILL("primary: 's:1'"), &none, &err), -1);
	assert_string_equal(err.msg, "p.yaml:3: 'username' is missing");
}

static void
all_of_it_is_read(void **state)
{
	struct err err = { 0 };
	AUTO(config) struct config *c = NULL;
	const struct config_component *b;

	(void)state;
	assert_int_equal(load(good, &c, &err), 0);
	assert_string_equal(c->repository.s3.endpoint,
	    "https://s3.example:9000");
	assert_string_equal(c->repository.s3.bucket, "backups");
	assert_string_equal(c->repository.s3_path, "/ckf/");
	assert_string_equal(c->repository.s3.storage_class, "STANDARD_IA");
	assert_string_equal(c->repository.name, "kubeflow");
	assert_true(c->repository.create);
	assert_null(c->repository.path);
	assert_int_equal(c->ncomponents, 2);
	assert_int_equal(c->components[0].type, CONFIG_SQLITE);
	assert_string_equal(c->components[0].sqlite.path, "/data/mlmd.db");
	assert_int_equal(c->components[0].sqlite.mode, 0640);
	assert_int_equal(c->components[0].sqlite.busy_timeout_s, 60);
	b = &c->components[1];
	assert_int_equal(b->type, CONFIG_BUCKET);
	assert_string_equal(b->name, "mlpipeline");
	assert_string_equal(b->bucket.s3.secret_key, "0123");
	assert_string_equal(b->bucket.prefix, "v2/");
	assert_int_equal(c->limits.bandwidth.rest, 20 << 20);
	assert_int_equal(c->limits.transfers, 8);
	assert_int_equal(c->limits.memory, 96 << 20);
	assert_string_equal(c->scratch, "/scratch");
}

#define DATABASE \
	"components:\n- {name: a, type: mysql, primary: 'h:1', database: d"
#define REPO "repository: {path: /b}\n"
#define SQLITE "components: [{name: a, type: sqlite, path: /a}]\n"

static const struct {
	const char *text, *message;
} bad[] = {
	{ "[]", "p.yaml:1: the configuration must be a map with 'repository' "
	        "and 'components'" },
	{ SQLITE, "p.yaml:1: 'repository' is missing" },
	{ REPO, "p.yaml:1: 'components' is missing" },
	{ REPO SQLITE "nonsense: 1\n",
	    "p.yaml:3: unknown key 'nonsense'; possible here: repository, "
	    "components, limits, retention, kubernetes, scratch" },
	{ "repository: /b\n" SQLITE,
	    "p.yaml:1: 'repository' must be a map, not one value" },
	{ "repository:\n  path: /b\n  s3: {bucket: bbb, access-key: a, "
	  "secret-key: s}\n" SQLITE,
	    "p.yaml:3: two repositories: give either 's3' or 'path', not both" },
	{ "repository: {name: x}\n" SQLITE,
	    "p.yaml:1: no repository: give 's3' or 'path'" },
	{ "repository: {path: b}\n" SQLITE,
	    "p.yaml:1: 'path' must begin with '/', not 'b'" },
	{ "repository: {path: /b, name: A b}\n" SQLITE,
	    "p.yaml:1: the name 'A b' must be 1 to 63 of a-z 0-9 . _ - and "
	    "begin with a letter or digit" },
	{ "repository:\n  s3:\n    bucket: bbb\n    access-key: a\n" SQLITE,
	    "p.yaml:2: 'secret-key' is missing" },
	{ "repository: {path: /b, create-bucket: maybe}\n" SQLITE,
	    "p.yaml:1: 'create-bucket' must be true or false, not 'maybe'" },
	{ REPO "components: {}\n",
	    "p.yaml:2: 'components' must be a list, not a map" },
	{ REPO "components:\n- mlmd\n",
	    "p.yaml:3: each of 'components' must be a map, such as {name: "
	    "mlmd, type: sqlite, path: /data/mlmd.db}" },
	{ REPO "components:\n- {name: a, path: /a}\n",
	    "p.yaml:3: 'type' is missing" },
	{ REPO "components:\n- {name: a, type: floppy}\n",
	    "p.yaml:3: unknown type 'floppy'; possible: sqlite, bucket, "
	    "mysql, postgresql, kubernetes" },
#define KUBE REPO "components:\n- {name: k, type: kubernetes, "
	{ KUBE "include-namespaces: [[a]]}\n",
	    "p.yaml:3: each of 'include-namespaces' must be a name" },
	{ KUBE "label-selector: [a]}\n",
	    "p.yaml:3: 'label-selector' must be a text, or a map such as "
	    "{app.kubernetes.io/name: mlmd}" },
	{ KUBE "include-cluster-resources: maybe}\n",
	    "p.yaml:3: 'include-cluster-resources' must be auto, true or "
	    "false, not 'maybe'" },
	{ REPO DATABASE "}\n", "p.yaml:3: 'username' is missing" },
	{ REPO
	    "components:\n- {name: a, type: mysql, primary: 'h:1', "
	    "username: u, database: "
	    "a1234567890123456789012345678901234567890123456789012345678901234}"
	    "\n",
	    "p.yaml:3: 'database' is longer than 64 bytes" },
	{ REPO DATABASE ", username: u, replicas: [a, b, c, d, e, f, g, h, i, "
	                "j, k, l, m, n, o, p, q]}\n",
	    "p.yaml:3: more than 16 'replicas'" },
	{ REPO DATABASE ", username: u, replica: never}\n",
	    "p.yaml:3: 'replica' must be preferred, required or any, not "
	    "'never'" },
	{ REPO DATABASE ", username: u, tls: maybe}\n",
	    "p.yaml:3: 'tls' must be auto, true or false, not 'maybe'" },
	{ REPO DATABASE ", username: u, replicas: [{a: b}]}\n",
	    "p.yaml:3: each of 'replicas' must be an address, such as "
	    "kfp-db-replicas:3306" },
	{ REPO DATABASE ", username: u, password: \"a\\nb\"}\n",
	    "p.yaml:3: 'password' must be one line" },
	{ REPO "components:\n- {name: a, type: sqlite, path: /a, pause: [a, b, "
	       "c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]}\n",
	    "p.yaml:3: more than 16 in 'pause'" },
	{ REPO
	    "components:\n- {name: a, type: sqlite, path: /a, pause: [/b]}\n",
	    "p.yaml:3: each of 'pause' must be the name of a Deployment or "
	    "StatefulSet, such as kfp-metadata-writer or "
	    "kubeflow/kfp-metadata-writer" },
	{ REPO "components:\n- {name: a, type: sqlite, path: /a, pause: b}\n",
	    "p.yaml:3: 'pause' must be a list, not one value" },
	{ REPO "components: []\nkubernetes: {kubeconfig: a/b}\n",
	    "p.yaml:3: 'kubeconfig' must begin with '/', not 'a/b'" },
	{ REPO "components:\n- {name: a, type: sqlite, kubernetes: {pod: p, "
	       "path: /a, optional: true}}\n",
	    "p.yaml:3: 'optional' goes with 'application', not with 'pod'" },
	{ REPO "components: []\nkubernetes: {server: a}\n",
	    "p.yaml:3: unknown key 'server'; possible here: kubeconfig, "
	    "context" },
	{ REPO "components:\n- {name: a, type: sqlite}\n",
	    "p.yaml:3: 'path' is missing" },
	{ REPO "components:\n- {name: a, type: sqlite, kubernetes: {path: /a}}"
	       "\n",
	    "p.yaml:3: 'kubernetes' needs either 'application' or 'pod'" },
	{ REPO "components:\n- {name: a, type: sqlite, kubernetes: {pod: p, "
	       "application: b, path: /a}}\n",
	    "p.yaml:3: 'kubernetes' needs either 'application' or 'pod'" },
	{ REPO "components:\n- {name: a, type: sqlite, kubernetes: {pod: p}}\n",
	    "p.yaml:3: 'path' is missing" },
	{ REPO "components:\n- {name: a, type: sqlite, kubernetes: {pod: p, "
	       "path: a}}\n",
	    "p.yaml:3: 'path' must begin with '/', not 'a'" },
	{ REPO "components:\n- {name: a, type: sqlite, path: /a, kubernetes: "
	       "{pod: p, path: /a}}\n",
	    "p.yaml:3: 'path', 'owner', 'group' and 'mode' are of a file here; "
	    "with 'kubernetes' its path is below that" },
	{ REPO "components:\n- {name: a, type: sqlite, path: [1]}\n",
	    "p.yaml:3: 'path' must be one value, not a list" },
	{ REPO "components:\n- {name: a, type: sqlite, path: a}\n",
	    "p.yaml:3: 'path' must begin with '/', not 'a'" },
	{ REPO "components:\n- {name: a, type: sqlite, path: /a, "
	       "busy-timeout: 86401}\n",
	    "p.yaml:3: 'busy-timeout' is more than a day of seconds" },
	{ REPO "components:\n- {name: a, type: sqlite, path: ''}\n",
	    "p.yaml:3: 'path' is empty" },
	{ REPO "components:\n- {name: a, type: sqlite, path: /a, mode: 9}\n",
	    "p.yaml:3: 'mode' must be an octal mode such as 0640, not '9'" },
	{ REPO "components:\n- {name: a, type: sqlite, path: /a}\n- {name: a, "
	       "type: sqlite, path: /b}\n",
	    "p.yaml:4: two components have the name 'a'" },
	{ REPO "components:\n- {name: a, type: bucket, bucket: bbb, "
	       "access-key: x, access-key-env: Y, secret-key: s}\n",
	    "p.yaml:3: 'access-key-env': the environment has no variable "
	    "'Y'" },
	{ REPO "components:\n- {name: a, type: bucket, bucket: bbb, "
	       "secret-key-env: HOME, secret-key: s, access-key: x}\n",
	    "p.yaml:3: 'secret-key' is given as 'secret-key-env' already" },
	{ REPO "components:\n- {name: a, type: bucket, bucket: bbb, "
	       "access-key: x, secret-key-file: /nonexistent/s}\n",
	    "p.yaml:3: 'secret-key-file': cannot open '/nonexistent/s': No such file "
	    "or directory" },
	{ REPO SQLITE "limits: {bandwidth: fast}\n",
	    "p.yaml:3: 'bandwidth': 'fast' is not a size such as 512K, 20M or "
	    "2G" },
	{ REPO SQLITE "limits:\n  memory: 64M\n  bandwidth: 8-18 20M, 200M\n",
	    "p.yaml:5: 'bandwidth': '8-18' is not a range of times such as "
	    "08:00-18:00" },
	{ REPO SQLITE "limits: {transfers: 0}\n",
	    "p.yaml:3: 'transfers' must be 1 to 256" },
	{ REPO SQLITE "limits: {memory: 1M}\n",
	    "p.yaml:3: 'memory' must be at least 48M" },
	{ REPO SQLITE "retention: 7\n",
	    "p.yaml:3: 'retention' must be a map, not one value" },
	{ REPO SQLITE "retention: {keep-last: -1}\n",
	    "p.yaml:3: 'keep-last': '-1' is not a number from 0 to "
	    "18446744073709551615" },
	{ REPO SQLITE "retention: {keep-within: 30}\n",
	    "p.yaml:3: 'keep-within': '30' is not a span of time such as "
	    "12h, 30d, 2w or 1y" },
	{ REPO SQLITE "retention:\n  grace: soon\n",
	    "p.yaml:4: 'grace': 'soon' is not a span of time such as 12h, "
	    "30d, 2w or 1y" },
	{ REPO SQLITE "retention: {keep: 1}\n",
	    "p.yaml:3: unknown key 'keep'; possible here: keep-last, "
	    "keep-hourly, keep-daily, keep-weekly, keep-monthly, keep-yearly, "
	    "keep-within, delete-older-than-days, grace" },
	{ REPO SQLITE "retention: {delete-older-than-days: 36501}\n",
	    "p.yaml:3: 'delete-older-than-days' must be 1 to 36500" },
	{ "repository:\n  s3:\n    {bucket: bbb, access-key: a, secret-key: s,\n"
	  "     delete-older-than-days: 36501}\n" SQLITE,
	    "p.yaml:4: 'delete-older-than-days' must be 1 to 36500" },
	{ "repository:\n  s3:\n    bucket: bbb\n    access-key: a\n"
	  "    secret-key: s\n    uri-style: sideways\n" SQLITE,
	    "p.yaml:6: uri-style 'sideways' is not path, host, virtual or "
	    "auto" },
	{ "repository:\n  s3:\n    bucket: bbb\n    access-key: a\n"
	  "    secret-key: s\n    kms-key-id: k\n" SQLITE,
	    "p.yaml:6: kms-key-id needs server-side-encryption aws:kms" },
	{ REPO "components:\n- {name: a, type: bucket, bucket: bbb, "
	       "access-key: x, secret-key: s,\n   endpoint: 'ftp://h'}\n",
	    "p.yaml:4: endpoint 'ftp://h': neither http nor https; it looks "
	    "like https://s3.example.org:9000" },
	{ REPO "components:\n- {name: a, type: bucket, bucket: bbb, "
	       "access-key: x,\n   secret-key-file: /dev/null}\n",
	    "p.yaml:4: secret-key is missing" },
};

static void
bad_ones_name_file_line_and_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = { 0 };
		AUTO(config) struct config *c = NULL;

		assert_int_equal(load(bad[i].text, &c, &err), -1);
		assert_string_equal(err.msg, bad[i].message);
		assert_true(err_is(&err, ERR_USAGE));
		assert_null(c);
	}
}

static void
an_empty_list_is_enough_to_look_at_sets(void **state)
{
	struct err err = { 0 };
	AUTO(config) struct config *c = NULL;

	(void)state;
	assert_int_equal(load(REPO "components: []\n", &c, &err), 0);
	assert_int_equal(c->ncomponents, 0);
	assert_string_equal(c->repository.path, "/b");
}

static void
more_components_than_anyone_has_are_refused(void **state)
{
	char text[2000] = REPO "components: [";
	size_t n = strlen(text);
	struct err err = { 0 };
	struct config *c = NULL;

	(void)state;
	for (int i = 0; i < 257; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "{},");
	(void)snprintf(text + n, sizeof text - n, "]\n");
	assert_int_equal(load(text, &c, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_string_equal(err.msg,
	    "p.yaml:2: 'components' names more than 256 components");
}

static void
secrets_come_from_files_and_environment(void **state)
{
	char path[] = "/tmp/test_configXXXXXX", text[512];
	int fd = mkstemp(path);
	struct err err = { 0 };
	AUTO(config) struct config *c = NULL;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "from-file\n", 10), 10);
	(void)close(fd);
	assert_int_equal(setenv("TEST_CONFIG_KEY", "from-environment", 1), 0);
	(void)snprintf(text, sizeof text,
	    REPO "components: [{name: a, type: bucket, bucket: bbb, "
	         "access-key-env: TEST_CONFIG_KEY, secret-key-file: %s}]\n",
	    path);
	assert_int_equal(load(text, &c, &err), 0);
	assert_string_equal(c->components[0].bucket.s3.access_key,
	    "from-environment");
	assert_string_equal(c->components[0].bucket.s3.secret_key, "from-file");
	(void)unlink(path);
}

static void
a_file_that_is_missing_is_a_usage_error(void **state)
{
	struct err err = { 0 };
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_load("/nonexistent.yaml", &c, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_string_equal(err.msg,
	    "configuration: cannot open '/nonexistent.yaml': "
	    "No such file or directory");
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;

	(void)state;
	for (long i = 0;; i++) {
		struct err err = { 0 };
		AUTO(config) struct config *c = NULL;
		int rc;

		failalloc_at(i);
		rc = load(good, &c, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
		fails++;
	}
	assert_true(fails > 20);
}

static void
no_memory_for_a_secret_is_told(void **state)
{
	static const char text[] = REPO
	    "components: [{name: a, type: bucket, bucket: bbb, access-key: k, "
	    "secret-key-env: TEST_CONFIG_SECRET}]\n";
	long fails = 0;
	int rc = -1;

	(void)state;
	assert_int_equal(setenv("TEST_CONFIG_SECRET", "TOPSECRET", 1), 0);
	for (; rc; fails += rc != 0) {
		AUTO(config) struct config *c = NULL;
		struct err err = { 0 };

		failalloc_at(fails);
		rc = load(text, &c, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		assert_null(strstr(err.msg, "TOPSECRET"));
	}
	assert_true(fails > 20);
}

static void
a_whole_file_is_read(void **state)
{
	char path[] = "/tmp/test_configXXXXXX";
	int fd = mkstemp(path);
	struct err err = { 0 };
	AUTO(config) struct config *c = NULL, *none = NULL;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(config_load(path, &none, &err), -1);
	assert_non_null(strstr(err.msg, ":1: 'repository' is missing"));
	assert_int_equal(write(fd, good, sizeof good - 1), sizeof good - 1);
	assert_int_equal(config_load(path, &c, &err), 0);
	assert_int_equal(c->ncomponents, 2);
	assert_int_equal(write(fd, "]", 1), 1);
	assert_int_equal(close(fd), 0);
	err = (struct err){ 0 };
	assert_int_equal(config_load(path, &none, &err), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "not YAML"));
	assert_null(none);
}

static void
a_cluster_and_its_workloads_are_read(void **state)
{
	struct err err = { 0 };
	AUTO(config) struct config *c = NULL;
	struct tree *t = NULL;
	static const char text[] = REPO
	    "components:\n"
	    "- {name: a, type: sqlite, path: /a, pause: [w, kubeflow/x.y]}\n"
	    "kubernetes: {kubeconfig: /k, context: main}\n";

	(void)state;
	assert_int_equal(yaml_parse(text, sizeof text - 1, "p", &t, &err), 0);
	if (config_decode(t, &c, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(c->components[0].npause, 2);
	assert_string_equal(c->components[0].pause[0], "w");
	assert_string_equal(c->components[0].pause[1], "kubeflow/x.y");
	assert_string_equal(c->kubernetes.kubeconfig, "/k");
	assert_string_equal(c->kubernetes.context, "main");
}

static void
a_database_in_a_pod_is_read(void **state)
{
	struct err err = { 0 };
	AUTO(config) struct config *c = NULL;
	struct tree *t = NULL;
	static const char text[] = REPO
	    "components:\n"
	    "- {name: a, type: sqlite, kubernetes: {application: m, container: "
	    "d, namespace: n, path: /a}}\n"
	    "- {name: b, type: sqlite, kubernetes: {pod: p, path: /b}}\n"
	    "- {name: c, type: sqlite, path: /c}\n"
	    "kubernetes: {kubeconfig: /k, context: main}\n";
	const struct config_pod *p;

	(void)state;
	assert_int_equal(yaml_parse(text, sizeof text - 1, "p", &t, &err), 0);
	if (config_decode(t, &c, &err))
		fail_msg("%s", err.msg);
	p = &c->components[0].sqlite.pod;
	assert_true(p->wanted);
	assert_string_equal(c->components[0].sqlite.path, "/a");
	assert_string_equal(p->application, "m");
	assert_string_equal(p->container, "d");
	assert_string_equal(p->namespace, "n");
	assert_string_equal(c->components[0].kube->kubeconfig, "/k");
	assert_string_equal(c->components[0].kube->context, "main");
	p = &c->components[1].sqlite.pod;
	assert_string_equal(p->pod, "p");
	assert_false(c->components[2].sqlite.pod.wanted);
}

static void
a_database_has_defaults(void **state)
{
	struct err err = { 0 };
	AUTO(config) struct config *c = NULL;
	struct tree *t = NULL;
	static const char text[] = REPO DATABASE
	    ", username: u, password: p, tls: true, replica: any,\n"
	    "   replicas: [a, 'b:3'], max-lag: 5, safety-dump: false}\n"
	    "- {name: b, type: postgresql, primary: h, database: d, username: "
	    "u}\n";
	const struct config_database *d;

	(void)state;
	assert_int_equal(yaml_parse(text, sizeof text - 1, "p", &t, &err), 0);
	assert_int_equal(config_decode(t, &c, &err), 0);
	assert_int_equal(c->components[0].type, CONFIG_MYSQL);
	d = &c->components[0].database;
	assert_string_equal(d->replicas[1], "b:3");
	assert_null(d->replicas[2]);
	assert_int_equal(d->tls, CONFIG_TLS_ON);
	assert_int_equal(d->replica, CONFIG_REPLICA_ANY);
	assert_int_equal(d->max_lag_s, 5);
	assert_false(d->safety_dump);
	assert_int_equal(c->components[1].type, CONFIG_POSTGRESQL);
	d = &c->components[1].database;
	assert_null(d->replicas[0]);
	assert_null(d->password);
	assert_int_equal(d->tls, CONFIG_TLS_AUTO);
	assert_int_equal(d->replica, CONFIG_REPLICA_PREFERRED);
	assert_int_equal(d->max_lag_s, 3600);
	assert_true(d->safety_dump);
}

static void
objects_of_a_cluster_are_chosen(void **state)
{
	AUTO(config) struct config *c = NULL;
	struct tree *t = NULL;
	struct err err = { 0 };
	static const char text[] =
	    "repository: {path: /b, encryption: {recipients: [" //
	    AGE_KIT_RECIPIENT "]}}\n"
	    "components:\n"
	    "- {name: k, type: kubernetes, include-namespaces: [a, b],\n"
	    "   exclude-resources: [pods], label-selector: {app: x},\n"
	    "   include-cluster-resources: false, plain-secrets: true}\n"
	    "- {name: all, type: kubernetes, label-selector: a=b}\n";
	const struct config_kubernetes *k;

	(void)state;
	assert_int_equal(yaml_parse(text, sizeof text - 1, "p", &t, &err), 0);
	assert_int_equal(config_decode(t, &c, &err), 0);
	assert_int_equal(c->components[0].type, CONFIG_KUBERNETES);
	k = &c->components[0].kubernetes;
	assert_string_equal(k->include_namespaces->child->text, "a");
	assert_string_equal(k->exclude_resources->child->text, "pods");
	assert_string_equal(tree_text(k->labels, "app"), "x");
	assert_int_equal(k->cluster, CONFIG_CLUSTER_OFF);
	assert_true(k->plain_secrets);
	assert_true(k->encrypted);
	k = &c->components[1].kubernetes;
	assert_null(k->include_namespaces);
	assert_string_equal(k->labels->text, "a=b");
	assert_int_equal(k->cluster, CONFIG_CLUSTER_AUTO);
	assert_false(k->plain_secrets);
}

#define ENCRYPTED(what) \
	"repository:\n  path: /b\n  encryption: " what "\n" SQLITE

static void
keys_are_read_and_sorted(void **state)
{
	AUTO(config) struct config *c = NULL;
	const struct config_repository *r;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(setenv("TEST_IDENTITY", "# mine\n" AGE_KIT_IDENTITY,
	                     1),
	    0);
	assert_int_equal(load(ENCRYPTED("{recipients: [" AGE_KIT_RECIPIENT
	                                ", " AGE_KIT_OTHER "],\n"
	                                "    identity-env: TEST_IDENTITY, "
	                                "state: /var/lib/x}"),
	                     &c, &err),
	    0);
	r = &c->repository;
	assert_int_equal(r->keys.nrecipients, 2);
	assert_int_equal(r->keys.nidentities, 1);
	assert_true(age_keys_opens(&r->keys, AGE_KIT_RECIPIENT));
	assert_string_equal(r->state, "/var/lib/x");
	assert_false(r->plain);
	assert_non_null(r->encryption);
}

static void
no_encryption_may_be_said(void **state)
{
	AUTO(config) struct config *none = NULL;
	AUTO(config) struct config *silent = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(load(ENCRYPTED("none"), &none, &err), 0);
	assert_true(none->repository.plain);
	assert_int_equal(load(REPO SQLITE, &silent, &err), 0);
	assert_false(silent->repository.plain);
	assert_null(silent->repository.encryption);
	assert_int_equal(silent->repository.keys.nrecipients, 0);
}

static void
wrong_keys_are_placed_and_secrets_not_quoted(void **state)
{
	static const struct {
		const char *text, *message;
	} wrong[] = {
		{ ENCRYPTED("yes"),
		    "p.yaml:3: 'encryption' must be 'none', or a map such as "
		    "{recipients: [age1…], identity-file: /etc/backup.key}" },
		{ ENCRYPTED("[]"), "p.yaml:3: 'encryption' must be 'none'" },
		{ ENCRYPTED("{}"),
		    "p.yaml:3: 'encryption' has neither 'recipients' nor an "
		    "'identity'" },
		{ ENCRYPTED("{recipients: []}"),
		    "p.yaml:3: 'encryption' has neither" },
		{ ENCRYPTED("{recipients: age1x}"),
		    "p.yaml:3: 'recipients' must be a list, not one value" },
		{ ENCRYPTED("\n    recipients:\n    - [a]"),
		    "p.yaml:5: each of 'recipients' must be a text, age1…" },
		{ ENCRYPTED("\n    recipients:\n    - " AGE_KIT_OTHER
		            "\n    - age1nonsense"),
		    "p.yaml:6: 'recipients': 'age1nonsense' is no recipient" },
		{ ENCRYPTED("{recipients: [" AGE_KIT_IDENTITY "]}"),
		    "p.yaml:3: 'recipients': an identity, which is secret, "
		    "stands where a recipient (age1…) belongs" },
		{ ENCRYPTED("\n    identity: AGE-SECRET-KEY-1SECRET"),
		    "p.yaml:4: 'identity': line 1: no identity: "
		    "'AGE-SECRET-KEY-1' and 58 letters and digits" },
		{ ENCRYPTED("\n    identity-env: TEST_NO_IDENTITY"),
		    "p.yaml:4: 'identity-env': line 1: no identity: " },
		{ ENCRYPTED("\n    recipients: [" AGE_KIT_OTHER
		            "]\n    identity-env: TEST_NO_IDENTITY"),
		    "p.yaml:5: 'identity-env': line 1: no identity: " },
		{ ENCRYPTED("{identity-file: /nowhere/key}"),
		    "p.yaml:3: 'identity-file': cannot open '/nowhere/key'" },
		{ ENCRYPTED("{recipients: [" AGE_KIT_OTHER "], state: here}"),
		    "p.yaml:3: 'state' must begin with '/', not 'here'" },
		{ ENCRYPTED("{recipient: x}"),
		    "p.yaml:3: unknown key 'recipient'; possible here: "
		    "recipients, identity, state" },
	};

	(void)state;
	assert_int_equal(setenv("TEST_NO_IDENTITY", "TOPSECRET", 1), 0);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		AUTO(config) struct config *c = NULL;
		struct err err = { 0 };

		assert_int_equal(load(wrong[i].text, &c, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		if (!strstr(err.msg, wrong[i].message))
			fail_msg("'%s' has no '%s'", err.msg, wrong[i].message);
		assert_null(strstr(err.msg, "SECRET-KEY-1G"));
		assert_null(strstr(err.msg, "1SECRET"));
		assert_null(strstr(err.msg, "TOPSECRET"));
	}
}

static void
retention_has_rules_and_a_grace_period(void **state)
{
	struct err err = { 0 };
	AUTO(config) struct config *c = NULL;
	const struct config_retention *r;

	(void)state;
	assert_int_equal(load(REPO SQLITE
	                     "retention: {keep-last: 1, keep-hourly: 2, "
	                     "keep-daily: 3, keep-weekly: 4, keep-monthly: 5, "
	                     "keep-yearly: 6, keep-within: 2w, "
	                     "delete-older-than-days: 7, grace: 12h}\n",
	                     &c, &err),
	    0);
	r = &c->retention;
	assert_true(c->retention_given && config_retention_any(r));
	assert_int_equal(r->last, 1);
	assert_int_equal(r->hourly, 2);
	assert_int_equal(r->daily, 3);
	assert_int_equal(r->weekly, 4);
	assert_int_equal(r->monthly, 5);
	assert_int_equal(r->yearly, 6);
	assert_int_equal(r->within, 14 * 86400);
	assert_int_equal(r->older_days, 7);
	assert_int_equal(r->grace, 12 * 3600);
}

static void
without_retention_there_is_no_rule(void **state)
{
	struct err err = { 0 };
	AUTO(config) struct config *c = NULL, *empty = NULL;

	(void)state;
	assert_int_equal(load(REPO SQLITE, &c, &err), 0);
	assert_false(c->retention_given);
	assert_false(config_retention_any(&c->retention));
	assert_int_equal(c->retention.grace, 86400);
	assert_int_equal(load(REPO SQLITE "retention: {grace: 0}\n", &empty,
	                     &err),
	    0);
	assert_true(empty->retention_given);
	assert_false(config_retention_any(&empty->retention));
	assert_int_equal(empty->retention.grace, 0);
}

static void
days_of_the_place_for_backups_are_a_rule(void **state)
{
	static const char place[] =
	    "repository: {s3: {bucket: bbb, access-key: a, secret-key: s, "
	    "delete-older-than-days: 30}}\n" SQLITE;
	AUTO(config) struct config *c = NULL, *both = NULL;
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(load(place, &c, &err), 0);
	assert_int_equal(c->retention.older_days, 30);
	assert_false(c->retention_given);
	assert_int_equal(buf_printf(&b, &err,
	                     "%sretention: {delete-older-than-days: 9}\n",
	                     place),
	    0);
	assert_int_equal(load(b.data, &both, &err), 0);
	assert_int_equal(both->retention.older_days, 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retention_has_rules_and_a_grace_period),
		cmocka_unit_test(without_retention_there_is_no_rule),
		cmocka_unit_test(days_of_the_place_for_backups_are_a_rule),
		cmocka_unit_test(a_cluster_and_its_workloads_are_read),
		cmocka_unit_test(a_database_in_a_pod_is_read),
		cmocka_unit_test(a_database_has_defaults),
		cmocka_unit_test(a_scratch_server_for_drills_is_read),
		cmocka_unit_test(all_of_it_is_read),
		cmocka_unit_test(objects_of_a_cluster_are_chosen),
		cmocka_unit_test(keys_are_read_and_sorted),
		cmocka_unit_test(no_encryption_may_be_said),
		cmocka_unit_test(wrong_keys_are_placed_and_secrets_not_quoted),
		cmocka_unit_test(bad_ones_name_file_line_and_field),
		cmocka_unit_test(an_empty_list_is_enough_to_look_at_sets),
		cmocka_unit_test(more_components_than_anyone_has_are_refused),
		cmocka_unit_test(secrets_come_from_files_and_environment),
		cmocka_unit_test(a_file_that_is_missing_is_a_usage_error),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(no_memory_for_a_secret_is_told),
		cmocka_unit_test(a_whole_file_is_read),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
