#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "../lib/faketool.h"
#include "../lib/sparse.h"
#include "base/tree.h"
#include "juju/charm.h"

static const struct env action = {
	.kind = ENV_ACTION,
	.name = "create-backup",
	.unit = "pb/0",
	.model = "kubeflow",
};

/* What a test says by hand; options and relations otherwise are empty. */
static void
options(const char *json)
{
	char body[2048];

	(void)snprintf(body, sizeof body, "printf '%%s' '%s'", json);
	faketool_add("config-get", body);
}

/* ids of the endpoints, as JSON without the brackets */
static void
all_relations(const char *s3, const char *mysql, const char *postgresql)
{
	char body[1024];

	(void)snprintf(body, sizeof body,
	    "case $1 in %s mysql) echo '[%s]';;\n"
	    "postgresql) echo '[%s]';;\n*) echo '[]';; esac",
	    s3, mysql, postgresql);
	faketool_add("relation-ids", body);
}

static void
relations(const char *repository, const char *minio, const char *source)
{
	char s3[512];

	(void)snprintf(s3, sizeof s3,
	    "s3-parameters) echo '[%s]';;\n"
	    "object-storage) echo '[%s]';;\ns3-source) echo '[%s]';;\n",
	    repository, minio, source);
	all_relations(s3, "", "");
}

static const char bags[] =
    "case $3 in\n"
    "s3-*:1) printf '%s' '{\"access-key\":\"AK\",\"secret-key\":\"SK\","
    "\"endpoint\":\"http://s3:80\",\"bucket\":\"backups\"}';;\n"
    "s3-*:2) printf '%s' '{\"version\":\"1\"}';;\n"
    "s3-*:3) printf '%s' '{\"access-key\":\"AK\",\"secret-key\":\"SK\","
    "\"endpoint\":\"http://s3:80\",\"version\":\"1\"}';;\n"
    "object-*:1) printf '%s' '{\"data\":\"access-key: a\\nport: 9000\\n"
    "secret-key: b\\nservice: minio\\nnamespace: kf\\n\"}';;\n"
    "*) echo '{}';; esac";

/* A repository, and databases. */
static void
databases(const char *mysql, const char *postgresql)
{
	all_relations("s3-parameters) echo '[\"s3-parameters:1\"]';;\n", mysql,
	    postgresql);
	faketool_add("relation-list",
	    "case $* in *mysql:8*--app*|*--app*mysql:8*) echo '\"katib-db\"';;\n"
	    "*--app*) echo '\"kfp-db\"';;\n*) echo '[]';; esac");
	faketool_add("relation-get",
	    "case $3 in s3-*) printf '%s' '{\"access-key\":\"AK\","
	    "\"secret-key\":\"SK\",\"bucket\":\"backups\"}';;\n"
	    "*:9) echo '{}';;\n"
	    "*) printf '%s' '{\"username\":\"u\",\"password\":\"p\","
	    "\"endpoints\":\"h.:1\"}';; esac");
}

static int
setup(void **state)
{
	(void)state;
	faketool_setup();
	options("{\"object-store-bucket-name\":\"mlpipeline\","
	        "\"create-bucket\":true}");
	relations("", "", "");
	faketool_add("relation-list", "case $4 in object-*) echo '\"minio\"';; "
	                              "*) echo '\"integrator\"';; esac");
	faketool_add("relation-get", bags);
	faketool_add("relation-set", "echo >>\"${0%/*}/calls\"");
	faketool_add("storage-list", "echo '[]'");
	faketool_add("is-leader", "echo true");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	faketool_teardown();
	return 0;
}

static const struct tree *
component(const struct charm *c, unsigned n)
{
	const struct tree *t = tree_get(c->config, "components")->child;

	while (n-- > 0 && t)
		t = t->next;
	return t;
}

/* As in a hook of its own. */
static int
ask_charm(const struct env *env, struct charm *c, struct err *err)
{
	AUTO(charm_asked) struct charm_asked asked = { 0 };

	return charm_read(env, &asked, c, err);
}

static int
publish_charm(const struct env *env, struct err *err)
{
	AUTO(charm_asked) struct charm_asked asked = { 0 };

	return charm_publish(env, &asked, err);
}

static void
unrelated_charm_is_blocked_and_says_what_to_do(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };

	(void)state;
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	assert_null(c.config);
	assert_int_equal(c.repository.state, RELATION_BLOCKED);
	assert_string_equal(c.repository.text,
	    "no place for backups: juju integrate pb s3-integrator");
	assert_int_equal(c.components.state, RELATION_BLOCKED);
	assert_string_equal(c.components.text,
	    "nothing to save: juju integrate pb minio, or set option "
	    "'components'");
}

static void
relations_become_a_configuration(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };
	const struct tree *r, *m;

	(void)state;
	relations("\"s3-parameters:1\"", "\"object-storage:1\"", "");
	faketool_add("storage-list", "echo '[\"scratch/0\"]'");
	faketool_add("storage-get", "echo '{\"location\":\"/scratch\"}'");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	assert_non_null(c.config);
	assert_int_equal(c.repository.state, RELATION_READY);
	assert_int_equal(c.components.state, RELATION_READY);
	r = tree_get(c.config, "repository");
	assert_string_equal(tree_text(r, "name"), "kubeflow");
	assert_string_equal(tree_text(r, "create-bucket"), "true");
	assert_string_equal(tree_text(tree_get(r, "s3"), "bucket"), "backups");
	assert_string_equal(tree_text(c.config, "scratch"), "/scratch");
	assert_null(tree_get(c.config, "limits"));
	m = component(&c, 0);
	assert_string_equal(tree_text(m, "name"), "mlpipeline");
	assert_string_equal(tree_text(m, "type"), "bucket");
	assert_string_equal(tree_text(m, "bucket"), "mlpipeline");
	assert_string_equal(tree_text(m, "endpoint"), "http://minio.kf:9000");
	assert_null(component(&c, 1));
}

/* A repository, and three relations velero-backups, 1 to 3: what each gives, as
 * branches of a shell's case. */
static void
velero_relations(const char *given)
{
	char body[1024];

	all_relations("s3-parameters) echo '[\"s3-parameters:1\"]';;\n"
	              "velero-backups) echo '[\"velero-backups:1\",\"velero-"
	              "backups:2\",\"velero-backups:3\"]';;\n",
	    "", "");
	(void)snprintf(body, sizeof body,
	    "case $3 in\n"
	    "s3-*:1) printf '%%s' '{\"access-key\":\"AK\",\"secret-key\":"
	    "\"SK\",\"endpoint\":\"http://s3:80\",\"bucket\":\"backups\"}';;\n"
	    "%s*) echo '{}';; esac",
	    given);
	faketool_add("relation-get", body);
}

static void
objects_that_others_name_are_components(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };

	(void)state;
	velero_relations("velero-*:[12]) printf '%s' '{\"app\":\"mlmd\","
	                 "\"relation_name\":\"v\",\"spec\":\"{}\"}';;\n");
	if (ask_charm(&action, &c, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(tree_text(component(&c, 0), "name"), "mlmd-v");
	assert_string_equal(tree_text(component(&c, 0), "type"), "kubernetes");
	assert_string_equal(tree_text(component(&c, 1), "name"), "mlmd-v-2");
	assert_null(component(&c, 2));
	/* a user may name them; a model that is not said is ours */
	assert_string_equal(tree_text(c.targets->child, "component"), "mlmd-v");
	assert_string_equal(tree_text(c.targets->child, "model"), "kubeflow");
	assert_string_equal(tree_text(c.targets->last, "component"),
	    "mlmd-v-2");
	assert_ptr_equal(c.targets->child->next, c.targets->last);
}

static void
a_spec_that_cannot_be_read_is_a_gap(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };

	(void)state;
	velero_relations(
	    "velero-*:1) printf '%s' '{\"app\":\"a\",\"model\":\"m\","
	    "\"relation_name\":\"v\",\"spec\":\"{\"}';;\n"
	    "velero-*:2) printf '%s' '{\"spec\":\"{}\"}';;\n");
	if (ask_charm(&action, &c, &err))
		fail_msg("%s", err.msg);
	assert_non_null(c.config);
	assert_null(component(&c, 0));
	assert_int_equal(c.components.state, RELATION_BLOCKED);
	assert_string_equal(c.components.text,
	    "relation velero-backups:1: 'spec' must be JSON");
	assert_string_equal(tree_text(c.targets->child, "problem"),
	    c.components.text);
	assert_null(tree_get(c.targets->child, "component"));
	assert_null(c.targets->child->next);
}

static void
options_add_and_name(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };
	struct env proxied = action;

	(void)state;
	proxied.https_proxy = "http://proxy:1";
	relations("\"s3-parameters:1\"", "", "");
	options("{\"name\":\"site-a\",\"create-bucket\":false,"
	        "\"bandwidth\":\"20M\",\"components\":"
	        "\"- {name: mlmd, type: sqlite, path: /data/mlmd.db}\\n"
	        "- {name: b, type: bucket, endpoint: \\\"https://x\\\"}\\n\"}");
	assert_int_equal(ask_charm(&proxied, &c, &err), 0);
	assert_string_equal(tree_text(tree_get(c.config, "repository"), "name"),
	    "site-a");
	assert_string_equal(tree_text(tree_get(c.config, "repository"),
	                        "create-bucket"),
	    "false");
	assert_string_equal(tree_text(tree_get(c.config, "limits"),
	                        "bandwidth"),
	    "20M");
	assert_string_equal(tree_text(component(&c, 0), "path"),
	    "/data/mlmd.db");
	assert_null(tree_get(component(&c, 0), "proxy"));
	assert_string_equal(component(&c, 0)->origin,
	    "charm option 'components'");
	assert_string_equal(tree_text(component(&c, 1), "proxy"),
	    "http://proxy:1");
	assert_int_equal(c.components.state, RELATION_READY);
}

static void
two_buckets_of_one_name_are_told_apart(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };

	(void)state;
	relations("\"s3-parameters:1\"", "\"object-storage:1\"",
	    "\"s3-source:3\"");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	assert_string_equal(tree_text(component(&c, 0), "name"), "mlpipeline");
	assert_string_equal(tree_text(component(&c, 1), "name"),
	    "mlpipeline-integrator");
	assert_string_equal(tree_text(component(&c, 1), "bucket"),
	    "mlpipeline");
}

static void
source_that_is_not_ready_is_a_gap(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };

	(void)state;
	relations("\"s3-parameters:1\"", "\"object-storage:1\"",
	    "\"s3-source:2\"");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	assert_non_null(c.config);
	assert_int_equal(c.components.state, RELATION_WAITING);
	assert_string_equal(c.components.text,
	    "waiting for integrator to give its keys to relation s3-source:2");
}

static void
databases_become_components(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };

	(void)state;
	databases("\"mysql:3\",\"mysql:8\"", "");
	options("{\"components\":\"[{name: last}]\"}");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	assert_int_equal(c.components.state, RELATION_READY);
	assert_string_equal(tree_text(component(&c, 0), "name"), "kfp-db");
	assert_string_equal(tree_text(component(&c, 0), "type"), "mysql");
	assert_string_equal(tree_text(component(&c, 0), "primary"), "h:1");
	assert_string_equal(tree_text(component(&c, 0), "database"),
	    "mlpipeline");
	assert_string_equal(tree_text(component(&c, 1), "name"), "katib-db");
	assert_string_equal(tree_text(component(&c, 1), "database"), "katib");
	assert_string_equal(tree_text(component(&c, 2), "name"), "last");
	assert_null(component(&c, 3));
}

static void
databases_of_one_application_are_told_apart(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };

	(void)state;
	databases("\"mysql:3\"", "\"postgresql:4\",\"postgresql:5\"");
	options("{\"databases\":\"kfp-db: other\"}");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	assert_string_equal(tree_text(component(&c, 0), "name"), "kfp-db");
	assert_string_equal(tree_text(component(&c, 0), "database"), "other");
	assert_string_equal(tree_text(component(&c, 1), "name"),
	    "kfp-db-postgresql");
	assert_string_equal(tree_text(component(&c, 1), "type"), "postgresql");
	assert_string_equal(tree_text(component(&c, 2), "name"),
	    "kfp-db-postgresql-5");
}

static void
database_that_is_not_ready_hides_no_other(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };

	(void)state;
	databases("\"mysql:9\",\"mysql:8\"", "");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	assert_int_equal(c.components.state, RELATION_WAITING);
	assert_string_equal(c.components.text,
	    "waiting for kfp-db to give an account to relation mysql:9");
	assert_string_equal(tree_text(component(&c, 0), "name"), "katib-db");
}

static void
minio_without_a_bucket_name_is_blocked(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };

	(void)state;
	options("{\"object-store-bucket-name\":\"\"}");
	relations("", "\"object-storage:1\"", "");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	assert_string_equal(c.components.text,
	    "no bucket name: set option 'object-store-bucket-name'");
}

static void
wrong_option_is_named(void **state)
{
	static const struct {
		const char *json, *want;
	} cases[] = {
		{ "{\"components\":\"a: b\"}",
		    "charm option 'components':1: it must be a list" },
		{ "{\"components\":\"just words\"}",
		    "charm option 'components':1: it must be a list" },
		{ "{\"components\":\"- {a: b\"}",
		    "charm option 'components':" },
		{ "{\"databases\":\"[kfp-db]\"}",
		    "charm option 'databases':1: it must be a map" },
		{ "{\"databases\":\"just words\"}",
		    "charm option 'databases':1: it must be a map" },
		{ "{\"databases\":\"kfp-db: {a: b}\"}",
		    "charm option 'databases':1: it must be a map" },
		{ "{\"databases\":\"{a: b\"}", "charm option 'databases':" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err = { 0 };
		AUTO(charm) struct charm c = { 0 };

		options(cases[i].json);
		assert_int_equal(ask_charm(&action, &c, &err), -1);
		assert_true(err_is(&err, ERR_USAGE));
		assert_non_null(strstr(err.msg, cases[i].want));
	}
}

static void
broken_relation_is_gone(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };
	const struct env broken = {
		.kind = ENV_HOOK,
		.name = "s3-parameters-relation-broken",
		.relation_id = "s3-parameters:1",
		.unit = "pb/0",
		.model = "kubeflow",
	};

	(void)state;
	relations("\"s3-parameters:1\"", "", "");
	assert_int_equal(ask_charm(&broken, &c, &err), 0);
	assert_null(c.config);
	assert_int_equal(c.repository.state, RELATION_BLOCKED);
}

static void
leader_writes_to_every_relation(void **state)
{
	struct err err = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	relations("\"s3-parameters:1\"", "\"object-storage:1\"",
	    "\"s3-source:3\"");
	assert_int_equal(publish_charm(&action, &err), 0);
	calls = faketool_calls();
	assert_non_null(strstr(calls, "relation-set [-r] [object-storage:1] "
	                              "[--app] [--file] [-]\n"));
	assert_non_null(strstr(calls, "relation-set [-r] [s3-parameters:1] "
	                              "[--app] [--file] [-]\n"));
	assert_non_null(strstr(calls, "relation-set [-r] [s3-source:3] "
	                              "[--app] [--file] [-]\n"));
}

static void
leader_asks_for_databases(void **state)
{
	struct err err = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	databases("\"mysql:3\"", "\"postgresql:4\"");
	options("{\"databases\":\"kfp-db: other\"}");
	assert_int_equal(publish_charm(&action, &err), 0);
	calls = faketool_calls();
	assert_non_null(strstr(calls, "relation-set [-r] [mysql:3] [--app]"));
	assert_non_null(strstr(calls,
	    "relation-set [-r] [postgresql:4] [--app]"));
	assert_non_null(strstr(calls, "\"database\":\"other\"}"));
}

static void
wrong_option_asks_for_no_database(void **state)
{
	struct err err = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	databases("\"mysql:3\"", "");
	options("{\"databases\":\"[kfp-db]\"}");
	assert_int_equal(publish_charm(&action, &err), 0);
	calls = faketool_calls();
	assert_non_null(strstr(calls, "relation-set [-r] [s3-parameters:1]"));
	assert_null(strstr(calls, "[mysql:3]"));
}

static void
other_units_write_nothing(void **state)
{
	struct err err = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	faketool_add("is-leader", "echo false");
	relations("\"s3-parameters:1\"", "\"object-storage:1\"",
	    "\"s3-source:3\"");
	assert_int_equal(publish_charm(&action, &err), 0);
	calls = faketool_calls();
	assert_string_equal(calls, "is-leader [--format=json]\n");
}

static int
read_charm(struct err *err)
{
	AUTO(charm) struct charm c = { 0 };
	struct env proxied = action;

	proxied.http_proxy = "http://proxy:3128";
	return ask_charm(&proxied, &c, err);
}

/* Small scenarios, one a way through: each run starts some programs. */
static long
failures_of_reading(void)
{
	long n = 0;

	for (;; n = sparse_next(n)) {
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = read_charm(&err);
		failalloc_at(-1);
		if (rc == 0)
			return n;
		assert_true(err_is(&err, ERR_NOMEM));
	}
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	options("{\"bandwidth\":\"1M\",\"components\":\"[{type: bucket}]\","
	        "\"retention\":\"{a: b}\"}");
	assert_true(failures_of_reading() > 20);
	options("{\"object-store-bucket-name\":\"b\"}");
	relations("", "\"object-storage:1\"", "");
	assert_true(failures_of_reading() > 20);
	options("{}");
	relations("\"s3-parameters:1\"", "", "");
	assert_true(failures_of_reading() > 20);
	options("{\"databases\":\"a: b\"}");
	all_relations("", "\"mysql:3\"", "");
	faketool_add("relation-list",
	    "case $* in *--app*) echo '\"a\"';; *) echo '[]';; esac");
	faketool_add("relation-get",
	    "echo '{\"username\":\"u\",\"password\":\"p\","
	    "\"endpoints\":\"h\"}'");
	assert_true(failures_of_reading() > 20);
	all_relations("velero-backups) echo '[\"v:1\",\"v:2\"]';;\n", "", "");
	faketool_add("relation-get",
	    "printf '%s' '{\"app\":\"a\",\"relation_name\":\"v\",\"spec\":"
	    "\"{}\"}'");
	assert_true(failures_of_reading() > 20);
	faketool_add("relation-get",
	    "echo '{\"app\":\"a\",\"relation_name\":\"v\",\"spec\":\"{\"}'");
	assert_true(failures_of_reading() > 20);
}

/* Several of each, so that each way through is gone. */
static void
relate_all(void)
{
	options("{\"object-store-bucket-name\":\"backups\","
	        "\"encryption-identity\":\"secret:d2k\"}");
	all_relations("s3-parameters) echo '[\"s3-parameters:1\"]';;\n"
	              "object-storage) echo '[\"object-storage:1\"]';;\n"
	              "s3-source) echo '[\"s3-source:1\"]';;\n",
	    "\"mysql:3\"", "");
	faketool_add("secret-get", "echo '{\"identity\":\"AGE\"}'");
}

static void
every_tool_of_publishing_may_fail(void **state)
{
	unsigned n = 0;

	(void)state;
	relate_all();
	for (;; n++) {
		struct err err = { 0 };
		int rc;

		failcall_at("fork", n, EAGAIN);
		rc = publish_charm(&action, &err);
		if (!failcall_end()) {
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(err.sys, EAGAIN);
	}
	assert_true(n > 12);
}

static void
tool_that_fails_in_reading_is_no_gap(void **state)
{
	static const struct {
		const char *tool, *body;
	} cases[] = {
		{ "secret-get", "echo 'ERROR no controller' >&2; exit 1" },
		{ "relation-list",
		    "case $4 in s3-source*) echo 'ERROR no "
		    "controller' >&2; exit 1;; esac; echo '\"a\"'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO(charm) struct charm c = { 0 };
		struct err err = { 0 };

		relate_all();
		faketool_add(cases[i].tool, cases[i].body);
		assert_int_equal(ask_charm(&action, &c, &err), -1);
		assert_int_equal(err.code, ERR_REMOTE);
		assert_non_null(strstr(err.msg, "no controller"));
	}
}

static void
option_has_a_limit(void **state)
{
	static const char *const names[] = { "components", "databases",
		"retention", "pause" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		AUTO(charm) struct charm c = { 0 };
		struct err err = { 0 };
		char body[200], want[100];

		(void)snprintf(body, sizeof body,
		    "printf '{\"%s\":\"'; head -c 1048577 /dev/zero | "
		    "tr '\\0' x; printf '\"}'",
		    names[i]);
		(void)snprintf(want, sizeof want,
		    "charm option '%s' is longer than 1048576 bytes", names[i]);
		faketool_add("config-get", body);
		assert_int_equal(ask_charm(&action, &c, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_string_equal(err.msg, want);
	}
}

static void
what_is_not_there_yet_is_left_out(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };

	(void)state;
	options("{\"components\":\"{}\",\"object-store-bucket-name\":\"b\"}");
	relations("\"s3-parameters:2\"", "\"object-storage:7\"", "");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	assert_null(c.config);
	assert_int_equal(c.repository.state, RELATION_WAITING);
	assert_int_equal(c.components.state, RELATION_WAITING);
}

/* metadata.yaml allows one alone, which Juju does not enforce. */
static void
first_place_for_backups_is_the_place(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };
	const struct tree *s3;

	(void)state;
	relations("\"s3-parameters:1\",\"s3-parameters:3\"", "", "");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	s3 = tree_get(tree_get(c.config, "repository"), "s3");
	assert_string_equal(tree_text(s3, "bucket"), "backups");
}

static void
identity_that_is_not_granted_blocks(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };

	(void)state;
	options("{\"encryption-identity\":\"secret:d2k\"}");
	relations("\"s3-parameters:1\"", "", "");
	faketool_add("secret-get",
	    "echo 'ERROR permission denied' >&2; exit 1");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	assert_null(c.config);
	assert_int_equal(c.repository.state, RELATION_BLOCKED);
	assert_non_null(strstr(c.repository.text,
	    "juju grant-secret secret:d2k pb"));
}

#define TOOL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void
retention_is_a_map_in_yaml(void **state)
{
	static const char *const bad[] = { "{\"retention\":\"[1]\"}",
		"{\"retention\":\"7\"}", "{\"retention\":\"{a: b\"}" };
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 };
	const struct tree *t;

	(void)state;
	relations("\"s3-parameters:1\"", "", "");
	options("{\"retention\":\"{keep-last: 7, grace: 1d}\"}");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	t = tree_get(c.config, "retention");
	assert_string_equal(tree_text(t, "keep-last"), "7");
	assert_string_equal(tree_text(t, "grace"), "1d");
	assert_string_equal(t->origin, "charm option 'retention'");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO(charm) struct charm none = { 0 };

		options(bad[i]);
		assert_int_equal(ask_charm(&action, &none, &err), -1);
		assert_true(err_is(&err, ERR_USAGE));
		assert_non_null(strstr(err.msg, "charm option 'retention'"));
	}
}

static void
pause_is_for_each_component_that_names_none(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 }, none = { 0 };
	const struct tree *list, *t;

	(void)state;
	relations("\"s3-parameters:1\"", "", "");
	options("{\"pause\":\"[w, b/x]\",\"components\":\"[{name: one}, "
	        "{name: two, pause: [z]}]\"}");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	list = tree_get(c.config, "components");
	t = tree_get(list->child, "pause");
	assert_string_equal(t->child->text, "w");
	assert_string_equal(t->child->origin, "charm option 'pause'");
	assert_string_equal(t->child->next->text, "b/x");
	assert_null(t->child->next->next);
	t = tree_get(list->child->next, "pause");
	assert_string_equal(t->child->text, "z");
	assert_null(t->child->next);
	options("{\"pause\":\"w\",\"components\":\"[{name: one}]\"}");
	assert_int_equal(ask_charm(&action, &none, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_non_null(strstr(err.msg,
	    "charm option 'pause':1: it must be a list, such as "
	    "[kfp-metadata-writer]"));
}

static void
mlmd_is_saved_out_of_its_pod_unless_it_is_listed(void **state)
{
	struct err err = { 0 };
	AUTO(charm) struct charm c = { 0 }, listed = { 0 }, alone = { 0 };
	const struct tree *list, *pod;

	(void)state;
	relations("\"s3-parameters:1\"", "", "");
	options("{\"mlmd\":\"mlmd\",\"components\":\"[{name: one}]\"}");
	assert_int_equal(ask_charm(&action, &c, &err), 0);
	list = tree_get(c.config, "components");
	assert_string_equal(tree_text(list->child->next, "name"), "mlmd");
	assert_string_equal(tree_text(list->child->next, "type"), "sqlite");
	pod = tree_get(list->child->next, "kubernetes");
	assert_string_equal(tree_text(pod, "application"), "mlmd");
	assert_string_equal(tree_text(pod, "container"), "mlmd-grpc-server");
	assert_string_equal(tree_text(pod, "path"), "/data/mlmd.db");
	assert_string_equal(tree_text(pod, "optional"), "true");
	assert_int_equal(c.components.state, RELATION_READY);
	options("{\"mlmd\":\"mlmd\",\"components\":\"[{name: mlmd}]\"}");
	assert_int_equal(ask_charm(&action, &listed, &err), 0);
	list = tree_get(listed.config, "components");
	assert_null(list->child->next);
	options("{\"mlmd\":\"mlmd\"}");
	assert_int_equal(ask_charm(&action, &alone, &err), 0);
	assert_int_equal(alone.components.state, RELATION_BLOCKED);
	assert_non_null(strstr(alone.components.text, "nothing to save"));
}

static size_t
times(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
		n++;
	return n;
}

static void
what_juju_says_throughout_a_hook_is_asked_once(void **state)
{
	AUTO(charm_asked) struct charm_asked asked = { 0 };
	AUTO(charm) struct charm c = { 0 };
	AUTO(free) char *calls = NULL;
	struct err err = { 0 };

	(void)state;
	relations("\"s3-parameters:1\"", "\"object-storage:1\"",
	    "\"s3-source:3\"");
	assert_int_equal(charm_publish(&action, &asked, &err), 0);
	assert_int_equal(charm_read(&action, &asked, &c, &err), 0);
	assert_non_null(c.config);
	calls = faketool_calls();
	assert_int_equal(times(calls, "config-get"), 1);
	assert_int_equal(times(calls, "relation-ids [s3-parameters]"), 1);
	assert_int_equal(times(calls, "relation-ids ["), CHARM_ENDPOINTS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TOOL_TEST(unrelated_charm_is_blocked_and_says_what_to_do),
		TOOL_TEST(relations_become_a_configuration),
		TOOL_TEST(objects_that_others_name_are_components),
		TOOL_TEST(a_spec_that_cannot_be_read_is_a_gap),
		TOOL_TEST(options_add_and_name),
		TOOL_TEST(retention_is_a_map_in_yaml),
		TOOL_TEST(pause_is_for_each_component_that_names_none),
		TOOL_TEST(mlmd_is_saved_out_of_its_pod_unless_it_is_listed),
		TOOL_TEST(two_buckets_of_one_name_are_told_apart),
		TOOL_TEST(source_that_is_not_ready_is_a_gap),
		TOOL_TEST(databases_become_components),
		TOOL_TEST(databases_of_one_application_are_told_apart),
		TOOL_TEST(database_that_is_not_ready_hides_no_other),
		TOOL_TEST(minio_without_a_bucket_name_is_blocked),
		TOOL_TEST(wrong_option_is_named),
		TOOL_TEST(broken_relation_is_gone),
		TOOL_TEST(leader_writes_to_every_relation),
		TOOL_TEST(leader_asks_for_databases),
		TOOL_TEST(wrong_option_asks_for_no_database),
		TOOL_TEST(other_units_write_nothing),
		TOOL_TEST(every_allocation_may_fail),
		TOOL_TEST(every_tool_of_publishing_may_fail),
		TOOL_TEST(tool_that_fails_in_reading_is_no_gap),
		TOOL_TEST(option_has_a_limit),
		TOOL_TEST(what_is_not_there_yet_is_left_out),
		TOOL_TEST(first_place_for_backups_is_the_place),
		TOOL_TEST(identity_that_is_not_granted_blocks),
		TOOL_TEST(what_juju_says_throughout_a_hook_is_asked_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
