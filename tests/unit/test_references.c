#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/references.h"
#include "repo/inventory.h"
#include "store/store.h"

/* In the inventory, in the order of bytes. */
static const char *const keys[] = { "a", "b-1", "b/x", "c-1", "c-2", "d/e/f",
	"sp ace" };

/* In the source as well, and not in the inventory. */
static const char *const only_source[] = { "late", "folder/late" };

static bool answers;

static int
has(struct component *c, const char *key, bool *ret, struct err *err)
{
	(void)c;
	*ret = false;
	if (!answers)
		return err_set(err, ERR_DENIED, "access denied");
	for (size_t i = 0; i < sizeof only_source / sizeof *only_source; i++)
		*ret = *ret || strcmp(only_source[i], key) == 0;
	return 0;
}

static const struct component_ops ops = { .type = "bucket", .has = has };

static struct config_component components[] = {
	{ .name = "db", .type = CONFIG_SQLITE },
	{ .name = "b", .type = CONFIG_BUCKET },
};
static struct plan_job jobs[] = { { .component = &components[0] },
	{ .component = &components[1] } };
static const struct plan plan = { .job = jobs, .count = 2 };

struct fixture {
	struct repo *repo;
	struct set *set;
	struct manifest_component *mc;
	struct references *references;
};

static void
write_inventory(struct fixture *f)
{
	AUTO(buf) struct buf line = { .max = 1 << 20 };
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };

	assert_int_equal(set_file(f->set, f->mc, "b.inventory.jsonl", SET_ZSTD,
	                     NULL, &s, &err),
	    0);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct inventory_entry e = { 0 };

		assert_int_equal(asprintf(&e.object.key, "%s", keys[i]) < 0, 0);
		assert_int_equal(inventory_encode(&e, &line, &err), 0);
		inventory_entry_done(&e);
	}
	assert_int_equal(sink_write(s, line.data, line.len, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
}

static int
setup(void **state)
{
	struct set_options o = {
		.name = "p", .tool = "t", .by = "b", .clock = clock_real()
	};
	struct fixture *f = calloc(1, sizeof *f);
	struct store *st = NULL;
	struct err err = { 0 };

	assert_non_null(f);
	components[1].bucket.s3.bucket = "pipelines";
	answers = true;
	assert_int_equal(store_mem_new(&st, &err), 0);
	assert_int_equal(repo_open(st, true, &f->repo, &err), 0);
	assert_int_equal(set_begin(f->repo, &o, &f->set, &err), 0);
	assert_int_equal(set_component(f->set, "b", "bucket", &f->mc, &err), 0);
	write_inventory(f);
	assert_int_equal(references_new(&plan, "/tmp", &f->references, &err),
	    0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	references_free(f->references);
	set_free(f->set);
	repo_free(f->repo);
	free(f);
	return 0;
}

static void
add(struct fixture *f, const char *uri)
{
	struct err err = { 0 };

	assert_int_equal(references_add(f->references, uri, &err), 0);
}

static struct manifest_references *
check(struct fixture *f)
{
	struct manifest_references *r = set_references(f->set);
	struct component source = { .ops = &ops, .name = "b" };
	struct err err = { 0 };

	r->checked = references_any(f->references, &r->external);
	assert_int_equal(references_check(f->references, 1, &source, f->repo,
	                     f->mc, r, &err),
	    0);
	return r;
}

static void
keys_and_folders_are_found(void **state)
{
	struct fixture *f = *state;
	const struct manifest_references *r;

	add(f, "s3://pipelines/a");
	add(f, "minio://pipelines/b"); /* b-1 stands before b/x */
	add(f, "s3://pipelines/b/");
	add(f, "s3://pipelines/d");
	add(f, "s3://pipelines/d/e");
	add(f, "s3://pipelines/d/e/f");
	add(f, "s3://pipelines/sp ace");
	add(f, "s3://pipelines/a"); /* once is enough */
	r = check(f);
	assert_int_equal(r->found, 7);
	assert_int_equal(r->dangling + r->lost + r->unknown + r->external, 0);
	assert_int_equal(f->mc->status, MANIFEST_OK);
}

static void
what_is_not_below_the_prefix_is_external(void **state)
{
	struct fixture *f = *state;
	const struct manifest_references *r;

	components[1].bucket.prefix = "b";
	add(f, "s3://pipelines/b/x");
	add(f, "s3://pipelines/c-1");
	r = check(f);
	components[1].bucket.prefix = NULL;
	assert_int_equal(r->found, 1);
	assert_int_equal(r->external, 1);
}

static void
a_reference_into_what_is_not_saved_is_refused(void **state)
{
	static const char line[] = "{\"component\":\"other\",\"key\":\"a\"}\n";
	struct fixture *f = *state;
	AUTO(sink) struct sink *to = NULL;
	struct err err = { 0 };

	assert_int_equal(references_sink_new(f->references, 0, &to, &err), 0);
	assert_int_equal(sink_write(to, line, sizeof line - 1, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg,
	    "a reference into 'other' has no place here"));
}

static void
what_lies_elsewhere_is_external(void **state)
{
	struct fixture *f = *state;
	const struct manifest_references *r;

	add(f, "gs://pipelines/a");
	add(f, "s3://other/a");
	add(f, "s3://pipelines2/a");
	add(f, "/data/a");
	add(f, "s3://pipelines/");
	r = check(f);
	assert_int_equal(r->external, 5);
	assert_int_equal(r->found + r->dangling + r->lost, 0);
}

static void
what_the_source_lacks_too_dangles(void **state)
{
	struct fixture *f = *state;
	const struct manifest_references *r;

	add(f, "s3://pipelines/c"); /* c-1, c-2, and no c/ */
	add(f, "s3://pipelines/0");
	add(f, "s3://pipelines/zzz");
	add(f, "s3://pipelines/a/");
	r = check(f);
	assert_int_equal(r->dangling, 4);
	assert_int_equal(r->ndangling_uris, 4);
	assert_string_equal(r->dangling_uris[0], "s3://pipelines/0");
	assert_int_equal(r->found + r->lost, 0);
	assert_int_equal(f->mc->status, MANIFEST_OK);
}

static void
what_only_the_source_has_is_lost(void **state)
{
	struct fixture *f = *state;
	const struct manifest_references *r;

	add(f, "s3://pipelines/a");
	add(f, "s3://pipelines/late");
	add(f, "s3://pipelines/folder/late");
	r = check(f);
	assert_int_equal(r->found, 1);
	assert_int_equal(r->lost, 2);
	assert_string_equal(r->lost_uris[1], "s3://pipelines/late");
	assert_int_equal(f->mc->status, MANIFEST_DEGRADED);
	assert_string_equal(f->mc->message,
	    "2 objects that databases of the set refer to are not in the set, "
	    "the first: 's3://pipelines/folder/late'");
}

static void
a_source_that_does_not_answer_leaves_it_unknown(void **state)
{
	struct fixture *f = *state;
	const struct manifest_references *r;

	answers = false;
	add(f, "s3://pipelines/late");
	add(f, "s3://pipelines/later");
	r = check(f);
	assert_int_equal(r->unknown, 2);
	assert_int_equal(f->mc->status, MANIFEST_OK);
}

static void
many_are_looked_up_and_a_hundred_named(void **state)
{
	struct fixture *f = *state;
	const struct manifest_references *r;
	char uri[64];

	for (int i = 0; i < 3000; i++) {
		(void)snprintf(uri, sizeof uri, "s3://pipelines/n/%04d", i);
		add(f, uri);
	}
	r = check(f);
	assert_int_equal(r->dangling, 1000); /* so many questions */
	assert_int_equal(r->unknown, 2000);
	assert_int_equal(r->ndangling_uris, MANIFEST_NAMED);
}

static void
the_manifest_keeps_them(void **state)
{
	struct fixture *f = *state;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	add(f, "s3://pipelines/a");
	add(f, "s3://pipelines/nowhere");
	add(f, "gs://x/y");
	(void)check(f);
	assert_int_equal(set_commit(f->set, &err), 0);
	assert_int_equal(repo_manifest(f->repo, set_id(f->set), &m, &err), 0);
	assert_true(m->references.checked);
	assert_int_equal(m->references.found, 1);
	assert_int_equal(m->references.external, 1);
	assert_int_equal(m->references.dangling, 1);
	assert_string_equal(m->references.dangling_uris[0],
	    "s3://pipelines/nowhere");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_and_folders_are_found),
		TEST(what_lies_elsewhere_is_external),
		TEST(what_is_not_below_the_prefix_is_external),
		TEST(a_reference_into_what_is_not_saved_is_refused),
		TEST(what_the_source_lacks_too_dangles),
		TEST(what_only_the_source_has_is_lost),
		TEST(a_source_that_does_not_answer_leaves_it_unknown),
		TEST(many_are_looked_up_and_a_hundred_named),
		TEST(the_manifest_keeps_them),
	};

	return cmocka_run_group_tests_name("references", tests, NULL, NULL);
}
