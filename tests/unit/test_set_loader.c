#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/repo_kit.h"
#include "base/json.h"
#include "engine/set_loader.h"

/* The database of kit_save's set, and what a component gets of it. */
struct bench {
	struct kit kit;
	struct manifest *m;
	struct config config;
	struct set_loader_env env;
	struct set_loader v;
	char noted[64];
};

static void
note(void *arg, const char *text)
{
	struct bench *b = arg;

	(void)snprintf(b->noted, sizeof b->noted, "%s", text);
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct err err = { 0 };
	char id[LAYOUT_ID_SIZE];

	*state = b;
	if (!b || kit_open(&b->kit, &err) || kit_save(&b->kit, id, &err) ||
	    repo_manifest(b->kit.repo, id, &b->m, &err))
		return -1;
	b->config.scratch = "/nowhere";
	b->config.limits.transfers = 3;
	b->config.limits.memory = 256 << 20;
	b->env = (struct set_loader_env){ .repo = b->kit.repo,
		.config = &b->config };
	if (set_loader_init(&b->v, &b->env, &b->m->component[0], &err))
		return -1;
	b->v.note = note;
	b->v.arg = b;
	return progress_start(&b->v.meter, NULL, "mlmd", &err);
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	(void)progress_stop(&b->v.meter);
	set_loader_done(&b->v);
	manifest_free(b->m);
	kit_done(&b->kit);
	free(b);
	return 0;
}

static int
read_stream(struct bench *b, const char *kind, uint64_t *bytes, struct err *err)
{
	AUTO(sink) struct sink *to = NULL;
	int rc;

	if (sink_null_new(&to, err))
		return -1;
	rc = b->v.loader.ops->stream(&b->v.loader, kind, to, err);
	*bytes = to->bytes;
	assert_int_equal(to->finished, rc == 0);
	return rc;
}

static void
a_stream_comes_whole_and_is_counted(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	uint64_t bytes = 0;

	assert_string_equal(b->v.loader.scratch, "/nowhere");
	assert_int_equal(b->v.loader.transfers, 3);
	assert_true(b->v.loader.budget > 0);
	assert_int_equal(read_stream(b, "sqlite", &bytes, &err), 0);
	assert_int_equal(bytes, 20000);
	assert_int_equal(atomic_load(&b->v.counts.written), 1);
	assert_int_equal(atomic_load(&b->v.counts.written_bytes), 20000);
	assert_int_equal(b->v.loader.ops->verify(&b->v.loader, "sqlite", &err),
	    0);
}

static void
a_stream_that_the_set_has_not_is_named(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	uint64_t bytes = 0;

	assert_int_equal(read_stream(b, "sql", &bytes, &err), -1);
	assert_string_equal(err.msg, "the set has no file 'mlmd.sql'");
	assert_int_equal(b->v.loader.ops->verify(&b->v.loader, "sql", &err),
	    -1);
	assert_true(err_is(&err, ERR_CORRUPT));
}

static void
a_damaged_stream_is_not_finished(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	uint64_t bytes = 0;

	b->kit.flip_key = "mlmd.sqlite.zst";
	b->kit.flip_at = 20;
	b->kit.flip = 1;
	assert_int_equal(read_stream(b, "sqlite", &bytes, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_int_equal(b->v.loader.ops->verify(&b->v.loader, "sqlite", &err),
	    -1);
}

static void
notes_are_handed_on_and_references_need_no_taker(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	b->v.loader.ops->note(&b->v.loader, "%d of %s", 2, "it");
	assert_string_equal(b->noted, "2 of it");
	assert_int_equal(b->v.loader.ops->reference(&b->v.loader, "s3://a/b",
	                     &err),
	    0);
}

static void
facts_that_are_no_json_are_an_error(void **state)
{
	struct bench *b = *state;
	char facts[] = "{";
	struct manifest_component c = { .facts = facts };
	struct set_loader v;
	struct err err = { 0 };

	assert_int_equal(set_loader_init(&v, &b->env, &c, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	set_loader_done(&v);
}

static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	uint64_t bytes = 0;
	long n;

	for (n = 0;; n++) {
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = read_stream(b, "sqlite", &bytes, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(n > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stream_comes_whole_and_is_counted),
		TEST(a_stream_that_the_set_has_not_is_named),
		TEST(a_damaged_stream_is_not_finished),
		TEST(notes_are_handed_on_and_references_need_no_taker),
		TEST(facts_that_are_no_json_are_an_error),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("set_loader", tests, NULL, NULL);
}
