#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/fake_saver.h"
#include "../lib/kube_kit.h"
#include "base/str.h"
#include "base/yaml.h"
#include "component/kube_missing.h"
#include "stream/tar.h"

#define SECRETS "/api/v1/namespaces/a/secrets/"
#define GONE(path)                                                   \
	{                                                            \
		"GET", path " ", 404, NULL,                          \
		    KUBE_STATUS("NotFound", "it is not there"), 0, 0 \
	}
#define THERE(path)                                    \
	{                                              \
		"GET", path " ", 200, NULL, "{}", 0, 0 \
	}

struct world {
	struct kube_kit kit;
	struct fake_saver saver;
	struct fake_loader loader;
	struct kube_spool spool;
	struct kube_resource served[2];
	struct kube_discovery discovery;
	struct kube_restore_choice choice;
	struct kube_apply apply;
	struct tree *mapping;
};

/* A Deployment that needs the secret and config map of those names. */
static void
add_deployment(struct tar *tar, const char *name, const char *secret,
    const char *map)
{
	char path[128], text[512];
	struct err err = { 0 };

	(void)snprintf(path, sizeof path,
	    "namespaces/a/deployments.apps/%s.yaml", name);
	(void)snprintf(text, sizeof text,
	    "apiVersion: apps/v1\nkind: Deployment\n"
	    "metadata: {name: %s, namespace: a}\n"
	    "spec: {template: {spec: {volumes: [{secret: {secretName: %s}}, "
	    "{configMap: {name: %s}}]}}}\n",
	    name, secret, map);
	assert_int_equal(tar_add(tar, path, text, strlen(text), NULL, &err), 0);
}

static void
add_map(struct tar *tar, const char *name)
{
	char path[128], text[256];
	struct err err = { 0 };

	(void)snprintf(path, sizeof path, "namespaces/a/configmaps/%s.yaml",
	    name);
	(void)snprintf(text, sizeof text,
	    "apiVersion: v1\nkind: ConfigMap\nserviceAccountName: no\n"
	    "metadata: {name: %s, namespace: a}\n",
	    name);
	assert_int_equal(tar_add(tar, path, text, strlen(text), NULL, &err), 0);
}

static void
name_served(struct kube_resource *r, char *name)
{
	static char none[] = "", version[] = "v1";

	*r = (struct kube_resource){ .group = none,
		.version = version,
		.name = name,
		.namespaced = true };
}

/* n deployments that need secrets s0… and one config map of the set. */
static void
begin(struct world *w, const struct httpd_step *steps, unsigned n)
{
	static char secrets[] = "secrets", maps[] = "configmaps";
	struct err err = { 0 };
	AUTO(tar) struct tar *tar = NULL;
	AUTO(sink) struct sink *to = NULL;
	char name[16], secret[16];

	*w = (struct world){ .spool = { .fd = -1 } };
	kube_kit_start(&w->kit, steps);
	fake_saver_init(&w->saver, "/tmp");
	assert_int_equal(w->saver.base.ops->stream(&w->saver.base, "tar", &to,
	                     &err),
	    0);
	assert_int_equal(tar_new(to, &tar, &err), 0);
	add_map(tar, "m");
	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(name, sizeof name, "d%04u", i);
		(void)snprintf(secret, sizeof secret, "s%04u", i);
		add_deployment(tar, name, secret, "m");
	}
	assert_int_equal(tar_end(tar, &err), 0);
	assert_int_equal(sink_finish(to, &err), 0);
	assert_int_equal(fake_loader_init(&w->loader, &w->saver, "/tmp", &err),
	    0);
	assert_int_equal(kube_spool_fill(&w->spool, &w->loader.base, &err), 0);
	for (size_t i = 0; i < w->spool.count; i++)
		w->spool.item[i].state = KUBE_MADE;
	name_served(&w->served[0], secrets);
	name_served(&w->served[1], maps);
	w->discovery =
	    (struct kube_discovery){ .resource = w->served, .count = 2 };
	w->apply = (struct kube_apply){ .kube = w->kit.k,
		.choice = &w->choice,
		.spool = &w->spool,
		.served = &w->discovery };
}

static void
end(struct world *w)
{
	tree_free(w->mapping);
	kube_spool_done(&w->spool);
	fake_loader_done(&w->loader);
	fake_saver_done(&w->saver);
	kube_kit_stop(&w->kit);
}

/* notes: all of them */
static void
assert_told(struct world *w, const char *notes)
{
	struct err err = { 0 };

	if (kube_missing(&w->apply, &w->loader.base, &err))
		fail_msg("%s", err.msg);
	kube_kit_check(&w->kit);
	assert_string_equal(w->loader.notes.data ? w->loader.notes.data : "",
	    notes);
	end(w);
}

static void
what_neither_the_set_nor_the_cluster_has_is_named(void **state)
{
	const struct httpd_step steps[] = { GONE(SECRETS "s0000"),
		THERE(SECRETS "s0001"), { 0 } };
	struct world w;

	(void)state;
	begin(&w, steps, 2);
	assert_told(&w, "missing: 1 secrets, none of which this set brings and "
	                "the cluster has; the first is a/s0000, which "
	                "deployments.apps a/d0000 needs\n");
}

static void
each_is_named_once_where_the_set_brings_others(void **state)
{
	const struct httpd_step steps[] = { GONE(SECRETS "s0000"),
		GONE("/api/v1/namespaces/a/configmaps/m"),
		THERE(SECRETS "s0001"), { 0 } };
	struct world w;

	(void)state;
	begin(&w, steps, 2);
	w.spool.item[0].state = KUBE_FAILED; /* the config map */
	assert_told(&w, "missing: configmaps a/m, which deployments.apps "
	                "a/d0000 needs, is neither in the set nor in the "
	                "cluster\n"
	                "missing: 1 secrets, none of which this set brings and "
	                "the cluster has; the first is a/s0000, which "
	                "deployments.apps a/d0000 needs\n");
}

static void
many_are_counted(void **state)
{
	struct httpd_step steps[24] = { { 0 } };
	struct err err = { 0 };
	struct world w;

	(void)state;
	for (size_t i = 0; i < 23; i++) {
		steps[i] = (struct httpd_step)GONE(SECRETS);
		steps[i].target = SECRETS;
	}
	steps[1] =
	    (struct httpd_step)THERE("/api/v1/namespaces/a/configmaps/m");
	begin(&w, steps, 22);
	/* a secret, so that the set brings some */
	free(w.spool.item[0].file.resource);
	w.spool.item[0].file.resource = NULL;
	assert_int_equal(str_dup("secrets", &w.spool.item[0].file.resource,
	                     &err),
	    0);
	assert_int_equal(kube_missing(&w.apply, &w.loader.base, &err), 0);
	assert_non_null(strstr(w.loader.notes.data,
	    "missing: secrets a/s0019, which deployments.apps a/d0019 needs"));
	assert_null(strstr(w.loader.notes.data, "a/s0020"));
	assert_non_null(strstr(w.loader.notes.data,
	    "missing: 2 more secrets\n"));
	end(&w);
}

static void
what_was_there_or_failed_needs_nothing(void **state)
{
	const struct httpd_step steps[] = { { 0 } };
	struct world w;

	(void)state;
	begin(&w, steps, 3);
	w.spool.item[1].state = KUBE_UNCHANGED;
	w.spool.item[2].state = KUBE_FAILED;
	w.spool.item[3].state = KUBE_LEFT_OUT;
	assert_told(&w, "");
}

static void
a_dry_run_counts_on_what_waits(void **state)
{
	const struct httpd_step steps[] = { GONE(SECRETS "s0000"), { 0 } };
	struct world w;

	(void)state;
	begin(&w, steps, 1);
	w.apply.dry_run = true;
	w.spool.item[0].state = KUBE_WAITS;
	w.spool.item[1].state = KUBE_WAITS;
	assert_told(&w, "missing: 1 secrets, none of which this set brings and "
	                "the cluster has; the first is a/s0000, which "
	                "deployments.apps a/d0000 needs\n");
}

static void
it_is_looked_for_where_objects_went(void **state)
{
	const struct httpd_step steps[] = {
		THERE("/api/v1/namespaces/b/secrets/s0000"), { 0 }
	};
	struct err err = { 0 };
	struct world w;

	(void)state;
	begin(&w, steps, 1);
	assert_int_equal(yaml_parse("{a: b}", 6, "test", &w.mapping, &err), 0);
	w.choice.namespaces = w.mapping;
	assert_told(&w, "");
}

static void
a_refusal_ends_the_search_and_is_told(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", SECRETS "s0000 ", 403, NULL,
		    KUBE_STATUS("Forbidden", "no"), 0, 0 },
		{ 0 }
	};
	struct world w;

	(void)state;
	begin(&w, steps, 3);
	assert_told(&w,
	    "3 more names that pods need were not looked for: no\n");
}

static void
what_is_not_served_is_not_looked_for(void **state)
{
	const struct httpd_step steps[] = { { 0 } };
	struct world w;

	(void)state;
	begin(&w, steps, 1);
	w.discovery.count = 0;
	assert_told(&w, "1 more names that pods need were not looked for: no "
	                "secrets are served\n");
}

static void
the_cluster_is_asked_so_often_at_most(void **state)
{
	enum { N = 1002 };
	struct httpd_step *steps = calloc(N, sizeof *steps);
	struct world w;
	size_t n = 0;

	(void)state;
	assert_non_null(steps);
	for (; n < 1000; n++)
		steps[n] = (struct httpd_step)THERE(SECRETS);
	for (n = 0; n < 1000; n++)
		steps[n].target = SECRETS;
	begin(&w, steps, 1001);
	assert_told(&w, "1 more names that pods need were not looked for: they "
	                "are too many\n");
	free(steps);
}

static void
every_allocation_may_fail(void **state)
{
	const struct httpd_step steps[] = { GONE(SECRETS "s0000"), { 0 } };
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		struct err err = { 0 };
		struct world w;

		begin(&w, steps, 1);
		failalloc_at(fails);
		rc = kube_missing(&w.apply, &w.loader.base, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
		end(&w);
	}
	assert_true(fails >= 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_neither_the_set_nor_the_cluster_has_is_named),
		cmocka_unit_test(
		    each_is_named_once_where_the_set_brings_others),
		cmocka_unit_test(many_are_counted),
		cmocka_unit_test(what_was_there_or_failed_needs_nothing),
		cmocka_unit_test(a_dry_run_counts_on_what_waits),
		cmocka_unit_test(it_is_looked_for_where_objects_went),
		cmocka_unit_test(a_refusal_ends_the_search_and_is_told),
		cmocka_unit_test(what_is_not_served_is_not_looked_for),
		cmocka_unit_test(the_cluster_is_asked_so_often_at_most),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("kube_missing", tests, NULL, NULL);
}
