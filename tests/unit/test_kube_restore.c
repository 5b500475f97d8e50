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
#include "component/kube_restore.h"
#include "stream/tar.h"

#define OK(path, body)                                 \
	{                                              \
		"GET", path " ", 200, NULL, body, 0, 0 \
	}
#define R(name, kind, in)                                                 \
	"{\"name\":\"" name "\",\"kind\":\"" kind "\",\"namespaced\":" in \
	",\"verbs\":[\"create\",\"list\"]}"
#define GROUP(name) \
	"{\"name\":\"" name "\",\"versions\":[{\"version\":\"v1\"}]}"
#define SERVED(more)                                                        \
	OK("/api", "{\"versions\":[\"v1\"]}"),                              \
	    OK("/api/v1", "{\"resources\":[" R("configmaps", "ConfigMap",   \
	                      "true") "," R("namespaces", "Namespace",      \
	                      "false") "," R("persistentvolumes",           \
	                      "PersistentVolume", "false") "]}"),           \
	    OK("/apis", "{\"groups\":[" GROUP("argoproj.io") "," GROUP(     \
	                    "kubeflow.org") "]}"),                          \
	    OK("/apis/argoproj.io/v1",                                      \
	        "{\"resources\":[" R("workflows", "Workflow", "true") "]"   \
	                                                              "}"), \
	    OK("/apis/kubeflow.org/v1", "{\"resources\":[" more "]}"),      \
	    OK("/version", "{}")
#define PROFILES R("profiles", "Profile", "false")
#define NOTEBOOKS R("notebooks", "Notebook", "true")
#define HEAD SERVED(PROFILES)
#define MAPS "/api/v1/namespaces/a/configmaps"
#define BY "?fieldManager=platform-backup"
#define DO(method, path, status, body)                     \
	{                                                  \
		method, path " ", status, NULL, body, 0, 0 \
	}
#define NO(method, path, status, reason, text) \
	DO(method, path, status, KUBE_STATUS(reason, text))

struct file {
	const char *name, *text;
};
#define MAP(ns, name, more)                                                   \
	{                                                                     \
		"namespaces/" ns "/configmaps/" name ".yaml",                 \
		    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " name \
		    ", namespace: " ns more "}\ndata: {a: '1'}\n"             \
	}
#define NAMESPACE(name)                                                       \
	{                                                                     \
		"cluster/namespaces/" name ".yaml",                           \
		    "apiVersion: v1\nkind: Namespace\nmetadata: {name: " name \
		    "}\nstatus: {phase: Active}\n"                            \
	}

struct world {
	struct kube_kit kit;
	struct fake_saver saver;
	struct fake_loader loader;
	struct tree *tree;
	struct kube_restore_choice choice;
	struct err err;
};

static void
save(struct world *w, const struct file *f)
{
	struct err err = { 0 };
	AUTO(tar) struct tar *tar = NULL;
	AUTO(sink) struct sink *to = NULL;

	fake_saver_init(&w->saver, "/tmp");
	assert_int_equal(w->saver.base.ops->stream(&w->saver.base, "tar", &to,
	                     &err),
	    0);
	assert_int_equal(tar_new(to, &tar, &err), 0);
	for (; f->name; f++)
		assert_int_equal(tar_add(tar, f->name, f->text, strlen(f->text),
		                     NULL, &err),
		    0);
	assert_int_equal(tar_end(tar, &err), 0);
	assert_int_equal(sink_finish(to, &err), 0);
}

static void
begin(struct world *w, const struct file *f, const struct httpd_step *steps,
    const char *choice)
{
	const char *policy;

	*w = (struct world){ 0 };
	kube_kit_start(&w->kit, steps);
	save(w, f);
	assert_int_equal(fake_loader_init(&w->loader, &w->saver, "/tmp",
	                     &w->err),
	    0);
	assert_int_equal(yaml_parse(choice, strlen(choice), "test", &w->tree,
	                     &w->err),
	    0);
	w->choice.select.include_namespaces =
	    tree_get(w->tree, "include-namespaces");
	w->choice.select.include_resources =
	    tree_get(w->tree, "include-resources");
	w->choice.labels = tree_get(w->tree, "labels");
	w->choice.namespaces = tree_get(w->tree, "mapping");
	policy = tree_text(w->tree, "policy");
	w->choice.update = policy && strcmp(policy, "update") == 0;
	w->loader.base.dry_run = tree_get(w->tree, "dry-run") != NULL;
}

static int
restore(struct world *w)
{
	const struct kube_restore o = { w->kit.k, &w->choice, &w->kit.clock };

	return kube_restore(&o, &w->loader.base, &w->err);
}

static void
end(struct world *w)
{
	tree_free(w->tree);
	fake_loader_done(&w->loader);
	fake_saver_done(&w->saver);
	kube_kit_stop(&w->kit);
}

static void
assert_restored(const struct file *f, const struct httpd_step *steps,
    const char *choice, const char *note)
{
	struct world w;

	begin(&w, f, steps, choice);
	if (restore(&w))
		fail_msg("%s", w.err.msg);
	kube_kit_check(&w.kit);
	if (!strstr(w.loader.notes.data, note))
		fail_msg("%s", w.loader.notes.data);
	end(&w);
}

static void
assert_failed(const struct file *f, const struct httpd_step *steps,
    const char *choice, const char *why)
{
	struct world w;

	begin(&w, f, steps, choice);
	assert_int_equal(restore(&w), -1);
	kube_kit_check(&w.kit);
	if (!strstr(w.err.msg, why))
		fail_msg("%s", w.err.msg);
	end(&w);
}

static void
namespaces_come_before_what_is_in_them(void **state)
{
	static const struct file f[] = { MAP("a", "x", ""), NAMESPACE("a"),
		{ 0 } };
	const struct httpd_step steps[] = { HEAD,
		DO("POST", "/api/v1/namespaces" BY, 201, "{}"),
		DO("POST", MAPS BY, 201, "{}"), { 0 } };

	(void)state;
	assert_restored(f, steps, "{}",
	    "2 made, 0 updated, 0 unchanged, 0 left out, 0 failed");
}

static void
status_is_not_sent(void **state)
{
	static const struct file f[] = { NAMESPACE("a"), { 0 } };
	const struct httpd_step steps[] = { HEAD,
		DO("POST", "/api/v1/namespaces" BY, 201, "{}"), { 0 } };
	struct world w;

	(void)state;
	begin(&w, f, steps, "{}");
	assert_int_equal(restore(&w), 0);
	assert_string_equal(httpd_body(w.kit.d, 6),
	    "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{"
	    "\"name\":\"a\"}}");
	end(&w);
}

static void
what_is_there_stays(void **state)
{
	static const struct file f[] = { MAP("a", "x", ""), { 0 } };
	const struct httpd_step steps[] = { HEAD,
		NO("POST", MAPS BY, 409, "AlreadyExists", "there"), { 0 } };

	(void)state;
	assert_restored(f, steps, "{}", "0 made, 0 updated, 1 unchanged");
}

#define REVISION(v) "{\"metadata\":{\"resourceVersion\":\"" v "\"}}"

static void
an_update_tells_what_changed(void **state)
{
	static const struct file f[] = { MAP("a", "x", ""), MAP("a", "y", ""),
		MAP("a", "z", ""), { 0 } };
	const struct httpd_step steps[] = { HEAD, OK(MAPS "/x", REVISION("1")),
		DO("PATCH", MAPS "/x" BY "&force=true", 200, REVISION("1")),
		OK(MAPS "/y", REVISION("2")),
		DO("PATCH", MAPS "/y" BY "&force=true", 200, REVISION("3")),
		NO("GET", MAPS "/z", 404, "NotFound", "none"),
		DO("PATCH", MAPS "/z" BY "&force=true", 201, REVISION("4")),
		{ 0 } };

	(void)state;
	assert_restored(f, steps, "{policy: update}",
	    "1 made, 1 updated, 1 unchanged");
}

static void
characters_that_yaml_has_no_room_for_are_escaped(void **state)
{
	static const struct file f[] = {
		{ "namespaces/a/configmaps/x.yaml",
		    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, "
		    "namespace: a}\ndata: {a: \"\\x7f\\x90\\u2028\\uFEFF\\xe9\"}"
		    "\n" },
		{ 0 }
	};
	const struct httpd_step steps[] = { HEAD,
		OK(MAPS "/x", "{\"metadata\":{},\"data\":{\"a\":\"1\"}}"),
		DO("PATCH", MAPS "/x" BY "&force=true&dryRun=All", 200,
		    "{\"metadata\":{},\"data\":{\"a\":\"2\"}}"),
		{ 0 } };
	struct world w;

	(void)state;
	begin(&w, f, steps, "{policy: update, dry-run: yes}");
	assert_int_equal(restore(&w), 0);
	kube_kit_check(&w.kit);
	assert_non_null(strstr(httpd_body(w.kit.d, 7),
	    "\"\\u007f\\u0090\\u2028\\ufeff\xc3\xa9\""));
	assert_non_null(strstr(w.loader.notes.data, "1 updated"));
	end(&w);
}

static void
a_dry_run_is_the_servers(void **state)
{
	static const struct file f[] = { MAP("a", "x", ""), { 0 } };
	const struct httpd_step steps[] = { HEAD,
		DO("POST", MAPS BY "&dryRun=All", 201, "{}"), { 0 } };
	const struct httpd_step none[] = { HEAD,
		NO("POST", MAPS BY "&dryRun=All", 404, "NotFound", "no ns"),
		NO("GET", "/apis/kubeflow.org/v1/profiles/a", 404, "NotFound",
		    "none"),
		DO("POST", "/api/v1/namespaces?dryRun=All", 201, "{}"), { 0 } };

	(void)state;
	assert_restored(f, steps, "{dry-run: yes}", "dry run says: 1 made");
	assert_restored(f, none, "{dry-run: yes}", "1 cannot be tried");
}

static void
what_needs_others_is_tried_again(void **state)
{
	static const struct file f[] = { MAP("a", "x", ""),
		{ "namespaces/a/notebooks.kubeflow.org/n.yaml",
		    "apiVersion: kubeflow.org/v1\nkind: Notebook\nmetadata: "
		    "{name: n, namespace: a}\n" },
		{ 0 } };
	const struct httpd_step steps[] = { HEAD,
		NO("POST", MAPS BY, 404, "NotFound", "no namespace"),
		NO("GET", "/apis/kubeflow.org/v1/profiles/a", 404, "NotFound",
		    "none"),
		DO("POST", "/api/v1/namespaces", 201, "{}"),
		SERVED(PROFILES "," NOTEBOOKS), DO("POST", MAPS BY, 201, "{}"),
		DO("POST", "/apis/kubeflow.org/v1/namespaces/a/notebooks" BY,
		    201, "{}"),
		{ 0 } };

	(void)state;
	assert_restored(f, steps, "{}", "2 made");
}

static void
a_profile_makes_its_namespace_itself(void **state)
{
	static const struct file f[] = { MAP("a", "x", ""), { 0 } };
	const struct httpd_step steps[] = { HEAD,
		NO("POST", MAPS BY, 404, "NotFound", "no namespace"),
		OK("/apis/kubeflow.org/v1/profiles/a", "{}"), HEAD,
		DO("POST", MAPS BY, 201, "{}"), { 0 } };

	(void)state;
	assert_restored(f, steps, "{}", "1 made");
}

static void
what_is_refused_is_tried_three_times_and_named(void **state)
{
	static const struct file f[] = { MAP("a", "x", ""), MAP("a", "y", ""),
		{ 0 } };
	const struct httpd_step steps[] = { HEAD,
		NO("POST", MAPS BY, 422, "Invalid", "bad name"),
		DO("POST", MAPS BY, 201, "{}"), HEAD,
		NO("POST", MAPS BY, 422, "Invalid", "bad name"), HEAD,
		NO("POST", MAPS BY, 422, "Invalid", "bad name"), { 0 } };

	(void)state;
	assert_failed(f, steps, "{}",
	    "1 of 2 objects failed; the first is configmaps 'x'");
}

static void
what_is_being_deleted_is_waited_for(void **state)
{
	static const struct file f[] = { MAP("a", "x", ""), { 0 } };
	const struct httpd_step steps[] = { HEAD,
		NO("POST", MAPS BY, 409, "AlreadyExists",
		    "object is being deleted: x already exists"),
		HEAD, DO("POST", MAPS BY, 201, "{}"), { 0 } };

	(void)state;
	assert_restored(f, steps, "{}", "1 made");
}

#define OWNED(who)                                                         \
	", ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: " who \
	", uid: old, controller: false}]"

static void
owners_get_their_new_uid(void **state)
{
	static const struct file f[] = { MAP("a", "x", OWNED("o")),
		MAP("a", "y", OWNED("p")), { 0 } };
	const struct httpd_step steps[] = { HEAD,
		OK(MAPS "/o", "{\"metadata\":{\"uid\":\"new\"}}"),
		DO("POST", MAPS BY, 201, "{}"),
		NO("GET", MAPS "/p", 404, "NotFound", "none"), { 0 } };
	struct world w;

	(void)state;
	begin(&w, f, steps, "{}");
	assert_int_equal(restore(&w), 0);
	kube_kit_check(&w.kit);
	assert_non_null(strstr(httpd_body(w.kit.d, 7), "\"uid\":\"new\""));
	assert_non_null(strstr(w.loader.notes.data, "1 made"));
	assert_non_null(strstr(w.loader.notes.data, "its owner is not there"));
	end(&w);
}

static void
an_owner_is_named_in_a_version_that_is_served(void **state)
{
	static const struct file f[] = { MAP("a", "x",
		                             ", ownerReferences: [{apiVersion: "
		                             "kubeflow.org/v1alpha1, kind: "
		                             "Profile, name: a, uid: old}]"),
		{ 0 } };
	const struct httpd_step steps[] = { HEAD,
		OK("/apis/kubeflow.org/v1/profiles/a",
		    "{\"metadata\":{\"uid\":\"new\"}}"),
		DO("POST", MAPS BY, 201, "{}"), { 0 } };
	struct world w;

	(void)state;
	begin(&w, f, steps, "{}");
	assert_int_equal(restore(&w), 0);
	kube_kit_check(&w.kit);
	assert_non_null(strstr(httpd_body(w.kit.d, 7),
	    "[{\"apiVersion\":\"kubeflow.org/v1\",\"kind\":\"Profile\","
	    "\"name\":\"a\",\"uid\":\"new\"}]"));
	assert_null(strstr(w.loader.notes.data, "in another version"));
	end(&w);
}

static void
an_owner_of_the_set_is_waited_for(void **state)
{
	static const struct file f[] = { MAP("a", "a", OWNED("b")),
		MAP("a", "b", ""), { 0 } };
	const struct httpd_step steps[] = { HEAD,
		NO("GET", MAPS "/b", 404, "NotFound", "none"),
		DO("POST", MAPS BY, 201, "{}"),
		OK(MAPS "/b", "{\"metadata\":{\"uid\":\"new\"}}"),
		DO("POST", MAPS BY, 201, "{}"), { 0 } };

	(void)state;
	assert_restored(f, steps, "{}", "2 made");
}

static void
a_dry_run_does_not_know_of_what_its_owner_would_bring(void **state)
{
	static const struct file f[] = { MAP("a", "x",
		                             ", ownerReferences: [{apiVersion: "
		                             "v1, kind: Namespace, name: a}]"),
		MAP("a", "y", OWNED("x")), NAMESPACE("a"), { 0 } };
	const struct httpd_step steps[] = { HEAD,
		DO("POST", "/api/v1/namespaces" BY "&dryRun=All", 201, "{}"),
		NO("GET", "/api/v1/namespaces/a", 404, "NotFound", "none"),
		NO("GET", MAPS "/x", 404, "NotFound", "none"), { 0 } };

	(void)state;
	assert_restored(f, steps, "{dry-run: yes}",
	    "2 cannot be tried before others are there");
}

static void
those_of_a_rank_are_sent_at_once_and_told_of_in_order(void **state)
{
	static const struct file f[] = { MAP("a", "x", ""), MAP("a", "y", ""),
		MAP("a", "z", ""), NAMESPACE("b"), NAMESPACE("a"), { 0 } };
	const struct httpd_step bad = NO("POST", MAPS BY, 422, "Invalid", "no");
	const struct httpd_step steps[] = { HEAD,
		DO("POST", "/api/v1/namespaces" BY, 201, "{}"),
		DO("POST", "/api/v1/namespaces" BY, 201, "{}"), bad, bad, bad,
		HEAD, bad, bad, bad, HEAD, bad, bad, bad, { 0 } };
	const char *x, *y, *z;
	struct world w;

	(void)state;
	begin(&w, f, steps, "{}");
	w.loader.base.transfers = 3;
	w.loader.base.budget = 1 << 20;
	assert_int_equal(restore(&w), -1);
	kube_kit_check(&w.kit);
	assert_non_null(strstr(w.err.msg, "3 of 5 objects failed; the first is "
	                                  "configmaps 'x'"));
	x = strstr(w.loader.notes.data, "failed: configmaps a/x");
	y = strstr(w.loader.notes.data, "failed: configmaps a/y");
	z = strstr(w.loader.notes.data, "failed: configmaps a/z");
	assert_true(x && y && z && x < y && y < z);
	end(&w);
}

static void
an_object_does_not_take_a_connection_of_its_own(void **state)
{
	static const struct file f[] = { MAP("a", "x", ""), MAP("a", "y", ""),
		{ 0 } };
	const struct httpd_step steps[] = { HEAD,
		DO("POST", MAPS BY, 201, "{}"), DO("POST", MAPS BY, 201, "{}"),
		{ 0 } };
	struct world w;

	(void)state;
	begin(&w, f, steps, "{}");
	assert_int_equal(restore(&w), 0);
	kube_kit_check(&w.kit);
	assert_int_equal(httpd_connections(w.kit.d), 1);
	end(&w);
}

#define OLD                                                         \
	{                                                           \
		"namespaces/a/notebooks.kubeflow.org/n.yaml",       \
		    "apiVersion: kubeflow.org/v1alpha1\nkind: "     \
		    "Notebook\nmetadata: {name: n, namespace: a}\n" \
	}
#define BOOKS "/apis/kubeflow.org/v1/namespaces/a/notebooks"

static void
a_version_that_is_served_no_more_becomes_one_that_is(void **state)
{
	static const struct file f[] = { OLD, { 0 } };
	const struct httpd_step steps[] = { SERVED(NOTEBOOKS),
		DO("POST", BOOKS BY, 201, "{}"), { 0 } };
	struct world w;

	(void)state;
	begin(&w, f, steps, "{}");
	assert_int_equal(restore(&w), 0);
	kube_kit_check(&w.kit);
	assert_non_null(strstr(httpd_body(w.kit.d, 6),
	    "\"apiVersion\":\"kubeflow.org/v1\""));
	assert_non_null(strstr(w.loader.notes.data,
	    "in another version, 1: notebooks of kubeflow.org/v1alpha1 are not "
	    "served here, and were sent as kubeflow.org/v1"));
	end(&w);
}

static void
a_refusal_says_that_it_was_another_version(void **state)
{
	static const struct file f[] = { OLD, { 0 } };
	const struct httpd_step bad =
	    NO("POST", BOOKS BY, 422, "Invalid", "no");
	const struct httpd_step steps[] = { SERVED(NOTEBOOKS), bad,
		SERVED(NOTEBOOKS), bad, SERVED(NOTEBOOKS), bad, { 0 } };

	(void)state;
	assert_failed(f, steps, "{}",
	    "notebooks of kubeflow.org/v1alpha1 are not served here, and were "
	    "sent as kubeflow.org/v1: cannot create");
}

#define KINDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define DEFINITION                                                        \
	{                                                                 \
		"cluster/customresourcedefinitions.apiextensions.k8s.io/" \
		"notebooks.kubeflow.org.yaml",                            \
		    "apiVersion: kubeflow.org/v1\nkind: Definition\n"     \
		    "metadata: {name: notebooks.kubeflow.org}\n"          \
	}
/* Served by any group: only its kind counts. */
#define DEFINITIONS R("definitions", "Definition", "false")
#define MAKE_IT DO("POST", "/apis/kubeflow.org/v1/definitions" BY, 201, "{}")
#define CONDITION(type, status)                              \
	OK(KINDS "/notebooks.kubeflow.org",                  \
	    "{\"status\":{\"conditions\":[{\"type\":\"" type \
	    "\",\"status\":\"" status "\",\"message\":\"taken\"}]}}")

static void
what_is_defined_waits_until_it_is_served(void **state)
{
	static const struct file f[] = { OLD, DEFINITION, { 0 } };
	const struct httpd_step steps[] = { SERVED(DEFINITIONS), MAKE_IT,
		CONDITION("NamesAccepted", "True"), SERVED(DEFINITIONS),
		CONDITION("Established", "True"),
		SERVED(DEFINITIONS "," NOTEBOOKS),
		DO("POST", BOOKS BY, 201, "{}"), { 0 } };

	(void)state;
	assert_restored(f, steps, "{}", "2 made");
}

static void
a_definition_that_is_not_accepted_fails(void **state)
{
	static const struct file f[] = { DEFINITION, { 0 } };
	const struct httpd_step steps[] = { SERVED(DEFINITIONS), MAKE_IT,
		CONDITION("NamesAccepted", "False"), { 0 } };

	(void)state;
	assert_failed(f, steps, "{}",
	    "'notebooks.kubeflow.org': it is not accepted: taken");
}

static void
a_definition_that_failed_stays_so_while_others_are_tried(void **state)
{
	static const struct file f[] = { DEFINITION,
		{ "cluster/customresourcedefinitions.apiextensions.k8s.io/"
		  "zoos.kubeflow.org.yaml",
		    "apiVersion: kubeflow.org/v1\nkind: Definition\n"
		    "metadata: {name: zoos.kubeflow.org}\n" },
		{ 0 } };
	const struct httpd_step steps[] = { SERVED(DEFINITIONS), MAKE_IT,
		NO("POST", "/apis/kubeflow.org/v1/definitions" BY, 409,
		    "AlreadyExists", "object is being deleted"),
		CONDITION("NamesAccepted", "False"), SERVED(DEFINITIONS),
		MAKE_IT,
		NO("GET", KINDS "/zoos.kubeflow.org", 403, "Forbidden", "no"),
		{ 0 } };

	(void)state;
	assert_failed(f, steps, "{}", "1 of 2 objects failed; the first is");
}

static void
a_definition_that_cannot_be_looked_at_is_believed(void **state)
{
	static const struct file f[] = { DEFINITION, { 0 } };
	const struct httpd_step steps[] = { SERVED(DEFINITIONS), MAKE_IT,
		NO("GET", KINDS "/notebooks.kubeflow.org", 403, "Forbidden",
		    "no"),
		{ 0 } };

	(void)state;
	assert_restored(f, steps, "{}", "1 made");
}

enum { STEPS_MAX = 2000 };

/* first, and then again and again; the caller frees. */
static struct httpd_step *
repeat(const struct httpd_step *first, const struct httpd_step *again,
    unsigned times, const struct httpd_step *last)
{
	struct httpd_step *steps = calloc(STEPS_MAX, sizeof *steps);
	size_t n = 0;

	assert_non_null(steps);
	for (; first->status; first++)
		steps[n++] = *first;
	for (unsigned i = 0; i < times; i++)
		for (const struct httpd_step *s = again; s->status; s++) {
			assert_true(n < STEPS_MAX - 2);
			steps[n++] = *s;
		}
	steps[n] = *last;
	return steps;
}

static void
a_definition_that_is_never_decided_fails(void **state)
{
	static const struct file f[] = { DEFINITION, { 0 } };
	const struct httpd_step begins[] = { SERVED(DEFINITIONS), MAKE_IT,
		CONDITION("Other", "True"), { 0 } };
	const struct httpd_step goes_on[] = { SERVED(DEFINITIONS),
		CONDITION("Other", "True"), { 0 } };
	const struct httpd_step none = { 0 };
	struct httpd_step *steps = repeat(begins, goes_on, 60, &none);

	(void)state;
	assert_failed(f, steps, "{}", "it is not established");
	free(steps);
}

static void
a_definition_that_serves_nothing_is_not_waited_for_long(void **state)
{
	static const struct file f[] = { DEFINITION, { 0 } };
	const struct httpd_step begins[] = { SERVED(DEFINITIONS), MAKE_IT,
		CONDITION("Established", "True"), { 0 } };
	const struct httpd_step goes_on[] = { SERVED(DEFINITIONS),
		CONDITION("Established", "True"), { 0 } };
	const struct httpd_step none = { 0 };
	struct httpd_step *steps = repeat(begins, goes_on, 20, &none);

	(void)state;
	assert_restored(f, steps, "{}", "1 made");
	free(steps);
}

static void
a_kind_that_nobody_serves_is_named_with_what_is_missing(void **state)
{
	static const struct file f[] = { OLD, { 0 } };
	const struct httpd_step round[] = { HEAD, { 0 } };
	const struct httpd_step none =
	    NO("GET", KINDS "/notebooks.kubeflow.org", 404, "NotFound", "none");
	struct httpd_step *steps = repeat(round, round, 121, &none);

	(void)state;
	assert_failed(f, steps, "{}",
	    "Notebook of kubeflow.org/v1alpha1 is not served here: the "
	    "definition 'notebooks.kubeflow.org' is missing");
	free(steps);
}

static void
some_are_left_out_with_a_reason(void **state)
{
	static const struct file f[] = { MAP("a", "b", ""),
		MAP("a", "c",
		    ", ownerReferences: [{apiVersion: v1, kind: ConfigMap, "
		    "name: b, controller: true}]"),
		{ "namespaces/a/workflows.argoproj.io/w.yaml",
		    "apiVersion: argoproj.io/v1\nkind: Workflow\nmetadata: "
		    "{name: w, namespace: a}\nstatus: {phase: Failed}\n" },
		{ "namespaces/a/workflows.argoproj.io/v.yaml",
		    "apiVersion: argoproj.io/v1\nkind: Workflow\nmetadata: "
		    "{name: v, namespace: a, labels: "
		    "{workflows.argoproj.io/completed: 'true'}}\n" },
		{ "cluster/persistentvolumes/p.yaml",
		    "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: "
		    "p}\nspec: {persistentVolumeReclaimPolicy: Delete}\n" },
		{ 0 } };
	const struct httpd_step steps[] = { HEAD,
		DO("POST", MAPS BY, 201, "{}"), { 0 } };

	(void)state;
	assert_restored(f, steps, "{}",
	    "1 made, 0 updated, 0 unchanged, 4 "
	    "left out");
}

static void
a_part_of_it_goes_elsewhere(void **state)
{
	static const struct file f[] = { MAP("a", "x", ", labels: {k: v}"),
		MAP("a", "y", ""), MAP("b", "z", ", labels: {k: v}"),
		NAMESPACE("a"), NAMESPACE("b"),
		{ "namespaces/a/rolebindings.rbac.authorization.k8s.io/r.yaml",
		    "apiVersion: x/v1\nkind: R\nmetadata: {name: r, namespace: "
		    "a}\n" },
		{ 0 } };
	const struct httpd_step steps[] = { HEAD,
		DO("POST", "/api/v1/namespaces/c/configmaps" BY, 201, "{}"),
		{ 0 } };
	const struct httpd_step named[] = { HEAD,
		DO("POST", "/api/v1/namespaces" BY, 201, "{}"), { 0 } };

	(void)state;
	assert_restored(f, steps,
	    "{include-namespaces: [a], include-resources: [configmaps], "
	    "labels: [{k: w}, {k: v}], mapping: {a: c}}",
	    "1 made, 0 updated, 0 unchanged, 1 left out");
	assert_restored(f, named,
	    "{include-namespaces: [a], include-resources: [namespaces], "
	    "mapping: {a: c}}",
	    "1 made");
}

static void
subjects_follow_their_namespace(void **state)
{
	static const struct file f[] = {
		{ "namespaces/a/configmaps/x.yaml",
		    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, "
		    "namespace: a}\nsubjects: [{namespace: a}, {namespace: "
		    "b}]\n" },
		{ 0 }
	};
	const struct httpd_step steps[] = { HEAD,
		DO("POST", "/api/v1/namespaces/c/configmaps" BY, 201, "{}"),
		{ 0 } };
	struct world w;

	(void)state;
	begin(&w, f, steps, "{mapping: {a: c}}");
	assert_int_equal(restore(&w), 0);
	assert_non_null(strstr(httpd_body(w.kit.d, 6),
	    "[{\"namespace\":\"c\"},{\"namespace\":\"b\"}]"));
	end(&w);
}

static void
a_tar_that_is_none_of_ours_changes_nothing(void **state)
{
	static const struct file odd[] = { { "x", "y" }, { 0 } };
	static const struct file twice[] = { NAMESPACE("a"), NAMESPACE("a"),
		{ 0 } };
	const struct httpd_step none[] = { { 0 } };

	(void)state;
	assert_failed(odd, none, "{}", "no name of an object");
	assert_failed(twice, none, "{}", "twice");
}

/* How many did. */
static long
fail_each(const struct file *f, const struct httpd_step *steps)
{
	long fails = 0;
	int rc = -1;

	while (rc) {
		struct world w;

		begin(&w, f, steps, "{}");
		w.loader.base.transfers = 2;
		failalloc_at(fails);
		rc = restore(&w);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&w.err, ERR_NOMEM));
		fails += rc != 0;
		end(&w);
	}
	return fails;
}

static void
every_allocation_may_fail(void **state)
{
	static const struct file owned[] = { MAP("a", "x", OWNED("o")),
		NAMESPACE("a"), { 0 } };
	static const struct file defined[] = { OLD, DEFINITION, { 0 } };
	const struct httpd_step steps[] = { HEAD,
		DO("POST", "/api/v1/namespaces" BY, 201, "{}"),
		OK(MAPS "/o", "{\"metadata\":{\"uid\":\"new\"}}"),
		DO("POST", MAPS BY, 201, "{}"), { 0 } };
	const struct httpd_step waits[] = { SERVED(DEFINITIONS), MAKE_IT,
		CONDITION("NamesAccepted", "True"),
		SERVED(DEFINITIONS "," NOTEBOOKS),
		DO("POST", BOOKS BY, 201, "{}"), { 0 } };

	(void)state;
	assert_true(fail_each(owned, steps) >= 40);
	assert_true(fail_each(defined, waits) >= 40);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(namespaces_come_before_what_is_in_them),
		cmocka_unit_test(status_is_not_sent),
		cmocka_unit_test(what_is_there_stays),
		cmocka_unit_test(an_update_tells_what_changed),
		cmocka_unit_test(
		    characters_that_yaml_has_no_room_for_are_escaped),
		cmocka_unit_test(a_dry_run_is_the_servers),
		cmocka_unit_test(what_needs_others_is_tried_again),
		cmocka_unit_test(a_profile_makes_its_namespace_itself),
		cmocka_unit_test(
		    what_is_refused_is_tried_three_times_and_named),
		cmocka_unit_test(what_is_being_deleted_is_waited_for),
		cmocka_unit_test(owners_get_their_new_uid),
		cmocka_unit_test(an_owner_is_named_in_a_version_that_is_served),
		cmocka_unit_test(an_owner_of_the_set_is_waited_for),
		cmocka_unit_test(
		    a_dry_run_does_not_know_of_what_its_owner_would_bring),
		cmocka_unit_test(
		    those_of_a_rank_are_sent_at_once_and_told_of_in_order),
		cmocka_unit_test(
		    an_object_does_not_take_a_connection_of_its_own),
		cmocka_unit_test(
		    a_version_that_is_served_no_more_becomes_one_that_is),
		cmocka_unit_test(a_refusal_says_that_it_was_another_version),
		cmocka_unit_test(what_is_defined_waits_until_it_is_served),
		cmocka_unit_test(a_definition_that_is_not_accepted_fails),
		cmocka_unit_test(
		    a_definition_that_failed_stays_so_while_others_are_tried),
		cmocka_unit_test(
		    a_definition_that_cannot_be_looked_at_is_believed),
		cmocka_unit_test(a_definition_that_is_never_decided_fails),
		cmocka_unit_test(
		    a_definition_that_serves_nothing_is_not_waited_for_long),
		cmocka_unit_test(
		    a_kind_that_nobody_serves_is_named_with_what_is_missing),
		cmocka_unit_test(some_are_left_out_with_a_reason),
		cmocka_unit_test(a_part_of_it_goes_elsewhere),
		cmocka_unit_test(subjects_follow_their_namespace),
		cmocka_unit_test(a_tar_that_is_none_of_ours_changes_nothing),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("kube_restore", tests, NULL, NULL);
}
