#include "engine/cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/age_kit.h"
#include "../lib/failalloc.h"
#include "../lib/repo_kit.h"
#include "base/str.h"
#include "component/component.h"
#include "repo/inventory.h"

enum { OBJECTS = 1000, WORKERS = 7 };

/* A run of one bucket, whose inventory before has three segments. */
struct bench {
	struct kit kit;
	struct config config;
	struct config_component cc;
	struct plan_job job;
	struct plan plan;
	struct backup_options o;
	struct component source, *sources[1];
	struct manifest *before[1];
	struct run run;
	enum err_code fails; /* the source */
};

static struct bench *asked;

static int
cut_source(struct component *c, unsigned n, char **last, struct err *err)
{
	(void)c;
	if (asked->fails != ERR_NONE)
		return err_set(err, asked->fails, "no answer");
	for (unsigned i = 0; i + 1 < n; i++)
		if (str_printf(&last[i], err, "from-source-%u", i))
			return -1;
	return 0;
}

static const struct component_ops source_ops = { .type = "bucket",
	.cut = cut_source };

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	AUTO(set) struct set *set = NULL;
	struct manifest_component *mc;
	struct err err = { 0 };

	*state = b;
	asked = b;
	if (!b || kit_open(&b->kit, &err) || kit_begin(&b->kit, &set, &err) ||
	    set_component(set, "b", "bucket", &mc, &err))
		return -1;
	mc->objects = OBJECTS;
	kit_segment(set, mc, 0, 0, 400);
	kit_segment(set, mc, 1, 400, 400);
	kit_segment(set, mc, 2, 400, OBJECTS);
	if (set_commit(set, &err) ||
	    repo_manifest(b->kit.repo, set_id(set), &b->before[0], &err))
		return -1;
	b->cc.name = "b";
	b->cc.type = CONFIG_BUCKET;
	b->job.component = &b->cc;
	b->plan = (struct plan){ &b->job, 1 };
	b->o = (struct backup_options){
		.repo = b->kit.repo, .config = &b->config, .plan = &b->plan
	};
	b->source.ops = &source_ops;
	b->sources[0] = &b->source;
	b->run = (struct run){
		.o = &b->o, .component = b->sources, .before = b->before
	};
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	manifest_free(b->before[0]);
	repo_set_keys(b->kit.repo, NULL);
	kit_done(&b->kit);
	free(b);
	return 0;
}

static void
cut_done(struct share_cut *c)
{
	for (size_t i = 0; i < c->nat; i++)
		free(c->at[i].key);
	free(c->at);
	free(c->component);
	free(c->before);
	*c = (struct share_cut){ 0 };
}

/* A reader that begins there finds the first key of the range. */
static void
begins_at(struct bench *b, const struct share_at *at, unsigned want)
{
	AUTO(inventory) struct inventory *i = NULL;
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	char key[16];
	bool more = false;
	struct err err = { 0 };

	assert_int_equal(inventory_open_from(b->kit.repo,
	                     manifest_find(b->before[0], "b"), at->segment, &i,
	                     &err),
	    0);
	assert_int_equal(inventory_skip(i, at->line, &err), 0);
	assert_int_equal(inventory_next(i, &e, &more, &err), 0);
	assert_int_equal(more, want < OBJECTS);
	if (!more)
		return;
	(void)snprintf(key, sizeof key, "%06u", want);
	assert_string_equal(e.object.key, key);
	assert_int_equal(inventory_drain(i, &err), 0);
}

static void
inventory_is_cut_into_equal_parts(void **state)
{
	struct bench *b = *state;

	for (unsigned n = 1; n <= WORKERS; n++) {
		struct share_cut c = { 0 };
		struct err err = { 0 };

		assert_int_equal(cut_make(&b->run, 0, n, &c, &err), 0);
		assert_string_equal(c.component, "b");
		assert_string_equal(c.before, b->before[0]->folder);
		assert_int_equal(c.nat, n - 1);
		for (unsigned i = 1; i < n; i++) {
			unsigned at =
			    (unsigned)(OBJECTS / n * i + OBJECTS % n * i / n);
			char key[16];

			(void)snprintf(key, sizeof key, "%06u", at - 1);
			assert_string_equal(c.at[i - 1].key, key);
			begins_at(b, &c.at[i - 1], at);
		}
		cut_done(&c);
	}
}

static void
fewer_objects_than_workers_leave_some_without(void **state)
{
	struct bench *b = *state;
	struct share_cut c = { 0 };
	struct err err = { 0 };

	manifest_find(b->before[0], "b")->objects = 2;
	assert_int_equal(cut_make(&b->run, 0, 6, &c, &err), 0);
	assert_int_equal(c.nat, 5);
	assert_string_equal(c.at[0].key, "");
	assert_string_equal(c.at[1].key, "");
	assert_string_equal(c.at[2].key, "000000");
	assert_string_equal(c.at[3].key, "000000");
	assert_int_equal(c.at[3].line, 1);
	cut_done(&c);
}

static void
from_source(struct bench *b)
{
	struct share_cut c = { 0 };
	struct err err = { 0 };

	assert_int_equal(cut_make(&b->run, 0, 3, &c, &err), 0);
	assert_null(c.before);
	assert_int_equal(c.nat, 2);
	assert_string_equal(c.at[1].key, "from-source-1");
	cut_done(&c);
}

static void
without_one_the_source_says_where(void **state)
{
	struct bench *b = *state;
	struct manifest *m = b->before[0];

	b->before[0] = NULL;
	from_source(b);
	b->before[0] = m;
	free(m->component[0].name);
	m->component[0].name = strdup("other");
	from_source(b);
}

static void
one_that_cannot_be_read_is_not_built_on(void **state)
{
	struct bench *b = *state;
	struct manifest_component *mc = manifest_find(b->before[0], "b");
	struct age_keys keys = age_kit_writer();
	struct err err = { 0 };

	mc->objects = OBJECTS * 3; /* more than there are */
	from_source(b);
	mc->objects = OBJECTS;
	repo_set_keys(b->kit.repo, &keys); /* encrypted to others: nobody */
	from_source(b);
	repo_set_keys(b->kit.repo, NULL);
	assert_int_equal(b->kit.inner->ops->remove(b->kit.inner,
	                     manifest_inventory_of(mc)->path, &err),
	    0);
	from_source(b);
}

static void
source_that_does_not_answer_is_an_error(void **state)
{
	struct bench *b = *state;
	struct share_cut c = { 0 };
	struct err err = { 0 };
	struct manifest *m = b->before[0];

	b->before[0] = NULL;
	b->fails = ERR_TRANSIENT;
	assert_int_equal(cut_make(&b->run, 0, 3, &c, &err), -1);
	assert_non_null(strstr(err.msg, "component 'b'"));
	b->before[0] = m;
	cut_done(&c);
}

/* Nor does a store that does not answer make a full backup of it. */
static void
store_that_does_not_answer_is_an_error(void **state)
{
	struct bench *b = *state;
	struct share_cut c = { 0 };
	struct err err = { 0 };

	kit_reset(&b->kit);
	b->kit.fail_code = ERR_TRANSIENT;
	b->kit.fail_at = 0;
	assert_int_equal(cut_make(&b->run, 0, 3, &c, &err), -1);
	assert_int_equal(err.code, ERR_TRANSIENT);
	cut_done(&c);
}

static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	struct manifest *m = b->before[0];

	for (int source = 0; source < 2; source++) {
		long n = 0;
		int rc;

		b->before[0] = source ? NULL : m;
		do {
			struct share_cut c = { 0 };
			struct err err = { 0 };

			failalloc_at(n);
			rc = cut_make(&b->run, 0, 3, &c, &err);
			failalloc_at(-1);
			assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
			cut_done(&c);
			n += 1 + n / 20;
		} while (rc);
		assert_true(n > (source ? 4 : 30));
	}
	b->before[0] = m;
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(inventory_is_cut_into_equal_parts),
		WITH_BENCH(fewer_objects_than_workers_leave_some_without),
		WITH_BENCH(without_one_the_source_says_where),
		WITH_BENCH(one_that_cannot_be_read_is_not_built_on),
		WITH_BENCH(source_that_does_not_answer_is_an_error),
		WITH_BENCH(store_that_does_not_answer_is_an_error),
		WITH_BENCH(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("cut", tests, NULL, NULL);
}
