#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/fake_saver.h"
#include "../lib/kube_kit.h"
#include "../lib/sparse.h"
#include "base/yaml.h"
#include "component/kube_backup.h"
#include "component/kube_drill.h"

#define OK(path, body)                                 \
	{                                              \
		"GET", path " ", 200, NULL, body, 0, 0 \
	}
#define VERBS "\"verbs\":[\"create\",\"list\"]"
#define R(name, kind, in)                                                 \
	"{\"name\":\"" name "\",\"kind\":\"" kind "\",\"namespaced\":" in \
	"," VERBS "}"
#define HEAD                                                                  \
	OK("/api", "{\"versions\":[\"v1\"]}"),                                \
	    OK("/api/v1",                                                     \
	        "{\"resources\":[" R("pods", "Pod", "true") "," R("secrets",  \
	            "Secret", "true") "," R("events", "Event",                \
	            "true") "," R("persistentvolumeclaims", "Claim",          \
	            "true") "," R("persistentvolumes", "Volume",              \
	            "false") "," R("namespaces", "Namespace", "false") "]}"), \
	    OK("/apis",                                                       \
	        "{\"groups\":[{\"name\":\"x.org\",\"versions\":[{"            \
	        "\"version\":\"v1\"}],\"preferredVersion\":{\"version\":"     \
	        "\"v1\"}},{\"name\":\"apiextensions.k8s.io\",\"versions\""    \
	        ":[{\"version\":\"v1\"}],\"preferredVersion\":{"              \
	        "\"version\":\"v1\"}}]}"),                                    \
	    OK("/apis/x.org/v1",                                              \
	        "{\"resources\":[" R("things", "Thing", "true") "]}"),        \
	    OK("/apis/apiextensions.k8s.io/v1",                               \
	        "{\"resources\":[" R("customresourcedefinitions",             \
	            "CustomResourceDefinition", "false") "]}"),               \
	    OK("/version", "{\"gitVersion\":\"v1.30.2\"}")
#define O(ns, name, more)                                          \
	"{\"metadata\":{\"namespace\":\"" ns "\",\"name\":\"" name \
	"\",\"uid\":\"u\"}" more "}"
#define LIST(path, items) OK(path, "{\"metadata\":{},\"items\":[" items "]}")
#define ANY(path) path "?limit=250"
#define REFUSED(path, status, reason)                                      \
	{                                                                  \
		"GET", path, status, NULL, KUBE_STATUS(reason, "no"), 0, 0 \
	}

struct world {
	struct kube_kit kit;
	struct fake_saver saver;
	struct tree *tree;
	struct config_kubernetes cfg;
};

static void
begin(struct world *w, const struct httpd_step *steps, const char *yaml)
{
	struct err err = { 0 };

	*w = (struct world){ 0 };
	kube_kit_start(&w->kit, steps);
	fake_saver_init(&w->saver, "/tmp");
	if (yaml_parse(yaml, strlen(yaml), "test", &w->tree, &err))
		fail_msg("%s", err.msg);
	w->cfg.include_namespaces = tree_get(w->tree, "namespaces");
	w->cfg.exclude_resources = tree_get(w->tree, "without");
	w->cfg.include_resources = tree_get(w->tree, "resources");
	w->cfg.labels = tree_get(w->tree, "labels");
	w->cfg.encrypted = !tree_get(w->tree, "plain");
}

static void
end(struct world *w)
{
	tree_free(w->tree);
	fake_saver_done(&w->saver);
	kube_kit_stop(&w->kit);
}

static int
backup(struct world *w, struct err *err)
{
	const struct kube_backup o = { w->kit.k, &w->cfg, &w->kit.clock };

	return kube_backup(&o, &w->saver.base, err);
}

static void
assert_has(const struct buf *b, const char *text)
{
	if (!b->data || !memmem(b->data, b->len, text, strlen(text)))
		fail_msg("no '%s' in '%s'", text, b->data ? b->data : "");
}

static const struct httpd_step all[] = { HEAD,
	LIST(ANY("/api/v1/pods"), O("a", "x", "") "," O("b", "y", "")),
	LIST(ANY("/api/v1/secrets"),
	    O("a", "t", ",\"type\":\"kubernetes.io/service-account-token\"")),
	LIST(ANY("/api/v1/persistentvolumeclaims"), ""),
	LIST(ANY("/api/v1/persistentvolumes"), ""),
	LIST(ANY("/api/v1/namespaces"), "{\"metadata\":{\"name\":\"a\"}}"),
	LIST(ANY("/apis/x.org/v1/things"),
	    O("a", "z", ",\"model\":\"s3://models/1\"")),
	LIST(ANY("/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
	    ""),
	{ 0 } };

static void
every_object_is_a_file(void **state)
{
	struct world w;
	struct err err = { 0 };

	(void)state;
	begin(&w, all, "{}");
	if (backup(&w, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&w.kit);
	assert_true(w.saver.finished);
	assert_string_equal(w.saver.kind, "tar");
	assert_has(&w.saver.bytes, "namespaces/a/pods/x.yaml");
	assert_has(&w.saver.bytes, "namespaces/b/pods/y.yaml");
	assert_has(&w.saver.bytes, "cluster/namespaces/a.yaml");
	assert_has(&w.saver.bytes, "namespaces/a/things.x.org/z.yaml");
	assert_has(&w.saver.bytes,
	    "apiVersion: x.org/v1\nkind: Thing\nmetadata:\n  namespace: a\n  "
	    "name: z\nmodel: s3://models/1\n");
	assert_string_equal(w.saver.references.data, "s3://models/1\n");
	assert_int_equal(w.saver.degraded.len, 0);
	assert_string_equal(w.saver.facts.data,
	    "{\"server-version\":\"v1.30.2\",\"objects\":4,\"resources\":{"
	    "\"namespaces\":1,\"pods\":2,\"things.x.org\":1},\"namespaces\":{"
	    "\"a\":2,\"b\":1},\"left-out\":{\"a token is good for its own "
	    "cluster\":1}}");
	end(&w);
}

static void
a_drill_finds_what_was_saved(void **state)
{
	struct world w;
	struct fake_loader l;
	AUTO(buf) struct buf proof = { .max = 1000 };
	struct err err = { 0 };

	(void)state;
	begin(&w, all, "{}");
	assert_int_equal(backup(&w, &err), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, "/tmp", &err), 0);
	assert_int_equal(kube_drill(&l.base, &proof, &err), 0);
	assert_string_equal(l.references.data, "s3://models/1\n");
	assert_has(&proof, "4 objects of 3 resources");
	fake_loader_done(&l);
	end(&w);
}

static void
assert_drill_refuses(const char *facts)
{
	struct world w;
	struct fake_loader l;
	AUTO(buf) struct buf proof = { .max = 1000 };
	struct err err = { 0 };

	begin(&w, all, "{}");
	assert_int_equal(backup(&w, &err), 0);
	buf_clear(&w.saver.facts);
	assert_int_equal(buf_puts(&w.saver.facts, facts, &err), 0);
	assert_int_equal(fake_loader_init(&l, &w.saver, "/tmp", &err), 0);
	assert_int_equal(kube_drill(&l.base, &proof, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	fake_loader_done(&l);
	end(&w);
}

static void
a_drill_misses_what_is_not_there(void **state)
{
	(void)state;
	assert_drill_refuses("{\"objects\":5}");
	assert_drill_refuses("{\"objects\":4,\"resources\":{\"pods\":1}}");
	assert_drill_refuses("{\"objects\":4,\"resources\":{\"jobs\":1}}");
}

static void
named_namespaces_bring_what_belongs_to_them(void **state)
{
	const struct httpd_step steps[] = { HEAD,
		LIST(ANY("/api/v1/namespaces/a/pods") "&labelSelector=k%3Dv",
		    ""),
		LIST(ANY("/api/v1/namespaces/a/secrets") "&labelSelector=k%3Dv",
		    ""),
		LIST(
		    ANY("/api/v1/namespaces/a/persistentvolumeclaims") "&labelSelector=k%3Dv",
		    O("a", "c", ",\"spec\":{\"volumeName\":\"v1\"}") "," O("a",
		        "d", ",\"spec\":{\"volumeName\":\"v2\"}")),
		LIST(ANY("/api/v1/namespaces") "&labelSelector=k%3Dv",
		    "{\"metadata\":{\"name\":\"b\"}}"),
		LIST(
		    ANY("/apis/x.org/v1/namespaces/a/things") "&labelSelector=k%3Dv",
		    O("a", "z", "")),
		OK("/api/v1/persistentvolumes/v1",
		    "{\"metadata\":{\"name\":\"v1\"}}"),
		REFUSED("/api/v1/persistentvolumes/v2 ", 404, "NotFound"),
		REFUSED("/apis/apiextensions.k8s.io/v1/"
		        "customresourcedefinitions/things.x.org ",
		    403, "Forbidden"),
		{ 0 } };
	struct world w;
	struct err err = { 0 };

	(void)state;
	begin(&w, steps, "{namespaces: [a], labels: {k: v}}");
	if (backup(&w, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&w.kit);
	assert_has(&w.saver.bytes, "cluster/persistentvolumes/v1.yaml");
	assert_has(&w.saver.facts, "\"objects\":4");
	assert_has(&w.saver.degraded, "things.x.org");
	end(&w);
}

static void
secrets_are_not_saved_for_everybody_to_read(void **state)
{
	const struct httpd_step steps[] = { HEAD, LIST(ANY("/api/v1/pods"), ""),
		{ 0 } };
	struct world w;
	struct err err = { 0 };

	(void)state;
	begin(&w, steps, "{resources: [pods, secrets, odd], plain: true}");
	assert_int_equal(backup(&w, &err), 0);
	kube_kit_check(&w.kit);
	assert_has(&w.saver.degraded, "plain-secrets: true");
	assert_has(&w.saver.degraded, "none of these resources: odd");
	end(&w);
}

static void
what_may_not_be_listed_is_named_and_the_rest_is_saved(void **state)
{
	const struct httpd_step steps[] = { HEAD,
		REFUSED("/api/v1/pods?", 403, "Forbidden"),
		LIST(ANY("/apis/x.org/v1/things"), O("a", "z", "")), { 0 } };
	struct world w;
	struct err err = { 0 };

	(void)state;
	begin(&w, steps, "{resources: [pods, things]}");
	assert_int_equal(backup(&w, &err), 0);
	kube_kit_check(&w.kit);
	assert_has(&w.saver.degraded, "pods: ");
	assert_has(&w.saver.facts, "\"objects\":1");
	end(&w);
}

static void
nothing_that_can_be_listed_is_a_failure(void **state)
{
	const struct httpd_step steps[] = { HEAD,
		REFUSED("/api/v1/pods?", 403, "Forbidden"), { 0 } };
	struct world w;
	struct err err = { 0 };

	(void)state;
	begin(&w, steps, "{resources: [pods]}");
	assert_int_equal(backup(&w, &err), -1);
	assert_int_equal(err.code, ERR_REMOTE);
	assert_false(w.saver.finished);
	end(&w);
}

static void
nothing_chosen_is_said(void **state)
{
	const struct httpd_step steps[] = { HEAD,
		LIST(ANY("/api/v1/pods"), O("b", "x", "")), { 0 } };
	struct world w;
	struct err err = { 0 };

	(void)state;
	begin(&w, steps, "{namespaces: [a*], resources: [pods]}");
	assert_int_equal(backup(&w, &err), 0);
	assert_has(&w.saver.notes, "no object");
	assert_true(w.saver.finished);
	end(&w);
}

static void
a_full_repository_ends_it(void **state)
{
	const struct httpd_step steps[] = { HEAD,
		LIST(ANY("/api/v1/pods"), O("b", "x", "")), { 0 } };
	struct world w;
	struct err err = { 0 };

	(void)state;
	begin(&w, steps, "{resources: [pods]}");
	w.saver.fail_at = 1;
	assert_int_equal(backup(&w, &err), -1);
	assert_int_equal(err.code, ERR_NOROOM);
	assert_non_null(strstr(err.msg, "pods 'x'"));
	end(&w);
}

static void
every_allocation_may_fail(void **state)
{
	const struct httpd_step steps[] = { HEAD,
		LIST(ANY("/api/v1/namespaces/a/persistentvolumeclaims"),
		    O("a", "c", ",\"spec\":{\"volumeName\":\"v1\"}")),
		OK("/api/v1/persistentvolumes/v1",
		    "{\"metadata\":{\"name\":\"v1\"}}"),
		{ 0 } };
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		struct world w;
		struct err err = { 0 };

		begin(&w, steps,
		    "{namespaces: [a], resources: [persistentvolumes, "
		    "persistentvolumeclaims]}");
		failalloc_at(fails);
		rc = backup(&w, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		if (rc)
			fails = sparse_next(fails);
		end(&w);
	}
	assert_true(fails >= 40);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_object_is_a_file),
		cmocka_unit_test(a_drill_finds_what_was_saved),
		cmocka_unit_test(a_drill_misses_what_is_not_there),
		cmocka_unit_test(named_namespaces_bring_what_belongs_to_them),
		cmocka_unit_test(secrets_are_not_saved_for_everybody_to_read),
		cmocka_unit_test(
		    what_may_not_be_listed_is_named_and_the_rest_is_saved),
		cmocka_unit_test(nothing_that_can_be_listed_is_a_failure),
		cmocka_unit_test(nothing_chosen_is_said),
		cmocka_unit_test(a_full_repository_ends_it),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("kube_backup", tests, NULL, NULL);
}
