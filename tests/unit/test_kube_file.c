#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "component/kube_file.h"

#define POD "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: a}\n"

static void
names_are_read_as_they_are_written(void **state)
{
	static const char *const names[] = {
		"namespaces/a/pods/x.yaml",
		"namespaces/a/notebooks.kubeflow.org/x.y.yaml",
		"cluster/clusterroles.rbac.authorization.k8s.io/system:x.yaml",
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		AUTO(kube_file) struct kube_file f = { 0 };
		AUTO(buf) struct buf b = { .max = 1000 };
		struct err err = { 0 };

		assert_int_equal(kube_file_parse(names[i], &f, &err), 0);
		assert_int_equal(kube_file_name(&f, &b, &err), 0);
		assert_string_equal(b.data, names[i]);
	}
}

static void
other_names_are_refused(void **state)
{
	static const char *const names[] = { "", "x.yaml", "namespaces/a",
		"namespaces/a/pods", "namespaces//pods/x.yaml",
		"namespaces/a/pods/x/y.yaml", "cluster/pods/.yaml",
		"cluster/pods/x.json", "cluster//x.yaml", "/cluster/p/x.yaml" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct kube_file f;
		struct err err = { 0 };

		assert_int_equal(kube_file_parse(names[i], &f, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_null(f.name);
	}
}

static void
a_file_holds_the_object_that_its_name_says(void **state)
{
	static const struct {
		const char *name, *text;
		int rc;
	} t[] = {
		{ "namespaces/a/pods/x.yaml", POD, 0 },
		{ "namespaces/b/pods/x.yaml", POD, -1 },
		{ "namespaces/a/pods/y.yaml", POD, -1 },
		{ "cluster/pods/x.yaml", POD, -1 },
		{ "cluster/pods/x.yaml", "metadata: {name: x}", -1 },
		{ "cluster/pods/x.yaml", "a: [", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO(kube_file) struct kube_file f = { 0 };
		AUTO(tree) struct tree *o = NULL;
		struct err err = { 0 };

		assert_int_equal(kube_file_parse(t[i].name, &f, &err), 0);
		assert_int_equal(kube_file_read(&f, t[i].text,
		                     strlen(t[i].text), &o, &err),
		    t[i].rc);
		if (t[i].rc)
			assert_int_equal(err.code, ERR_CORRUPT);
	}
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(kube_file) struct kube_file f = { 0 };
		AUTO(tree) struct tree *o = NULL;
		struct err err = { 0 };

		failalloc_at(fails);
		rc = kube_file_parse("namespaces/a/pods/x.yaml", &f, &err) ||
		     kube_file_read(&f, POD, strlen(POD), &o, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
	}
	assert_true(fails >= 10);
}

static int
keep(void *arg, const char *uri, struct err *err)
{
	return buf_join(arg, err, uri, " ", NULL);
}

static void
what_lies_in_a_bucket_is_told(void **state)
{
	static const char text[] =
	    POD "spec:\n"
	        "  predictor: {storageUri: \"s3://models/1\"}\n"
	        "  from: [minio://mlpipeline/v2/x, {a: s3://b/c}, gs://d/e]\n"
	        "  later: [\"s3://b/{{workflow.name}}\", s3://b/$(run)]\n"
	        "  said: \"s3://b/c was read\"\n"
	        "  url: http://s3://b\n";
	AUTO(kube_file) struct kube_file f = { 0 };
	AUTO(tree) struct tree *t = NULL;
	AUTO(buf) struct buf b = { .max = 1000 }, full = { .max = 4 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(kube_file_parse("namespaces/a/pods/x.yaml", &f, &err),
	    0);
	if (kube_file_read(&f, text, sizeof text - 1, &t, &err) ||
	    kube_file_uris(t, keep, &b, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(b.data,
	    "s3://models/1 minio://mlpipeline/v2/x s3://b/c ");
	assert_int_equal(kube_file_uris(t, keep, &full, &err), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_as_they_are_written),
		cmocka_unit_test(other_names_are_refused),
		cmocka_unit_test(a_file_holds_the_object_that_its_name_says),
		cmocka_unit_test(what_lies_in_a_bucket_is_told),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("kube_file", tests, NULL, NULL);
}
