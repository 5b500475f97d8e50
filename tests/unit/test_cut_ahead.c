/* An inventory of two segments, whose keys are their numbers. */
#include "engine/cut_ahead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/repo_kit.h"
#include "base/str.h"
#include "repo/inventory.h"

enum { OBJECTS = 6000, FIRST = 2500 };

struct bench {
	struct kit kit;
	struct manifest *manifest;
	const struct manifest_component *mc;
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	AUTO(set) struct set *set = NULL;
	struct manifest_component *mc;
	struct err err = { 0 };

	*state = b;
	if (!b || kit_open(&b->kit, &err) || kit_begin(&b->kit, &set, &err) ||
	    set_component(set, "b", "bucket", &mc, &err))
		return -1;
	mc->objects = OBJECTS;
	kit_segment(set, mc, 0, 0, FIRST);
	kit_segment(set, mc, 1, FIRST, OBJECTS);
	if (set_commit(set, &err) ||
	    repo_manifest(b->kit.repo, set_id(set), &b->manifest, &err))
		return -1;
	b->mc = manifest_find(b->manifest, "b");
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	manifest_free(b->manifest);
	kit_done(&b->kit);
	free(b);
	return 0;
}

/* The next is that key; NULL: none. */
static void
assert_next(struct cut_ahead *c, const char *want)
{
	AUTO(free) char *key = NULL;
	struct err err = { 0 };

	assert_int_equal(cut_ahead_next(c, &key, &err), 0);
	if (want) {
		assert_non_null(key);
		assert_string_equal(key, want);
	} else {
		assert_null(key);
	}
}

static void
every_so_many_keys_are_named(void **state)
{
	struct bench *b = *state;
	AUTO(cut_ahead) struct cut_ahead *c = NULL;
	struct err err = { 0 };

	assert_int_equal(cut_ahead_new(b->kit.repo, b->mc, NULL, &c, &err), 0);
	assert_next(c, "001949");
	assert_next(c, "003899");
	assert_next(c, "005849");
	assert_next(c, NULL);
	assert_next(c, NULL);
}

static void
a_share_begins_where_it_is_cut(void **state)
{
	const struct share_at at = { .segment = 1, .line = 10 };
	struct bench *b = *state;
	AUTO(cut_ahead) struct cut_ahead *c = NULL;
	struct err err = { 0 };

	assert_int_equal(cut_ahead_new(b->kit.repo, b->mc, &at, &c, &err), 0);
	assert_next(c, "004459");
	assert_next(c, NULL);
}

static void
damage_is_the_end_of_them(void **state)
{
	struct bench *b = *state;
	AUTO(cut_ahead) struct cut_ahead *c = NULL;
	struct err err = { 0 };

	b->kit.flip_key = "b.inventory-00001-0123abcd.jsonl.zst";
	b->kit.flip_at = 1; /* of zstd's magic number */
	b->kit.flip = 0xff;
	assert_int_equal(cut_ahead_new(b->kit.repo, b->mc, NULL, &c, &err), 0);
	assert_next(c, "001949");
	assert_next(c, NULL);
	kit_reset(&b->kit);
}

static void
who_has_enough_may_leave(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	for (int n = 0; n < 3; n++) {
		AUTO(cut_ahead) struct cut_ahead *c = NULL;

		assert_int_equal(cut_ahead_new(b->kit.repo, b->mc, NULL, &c,
		                     &err),
		    0);
		if (n > 0)
			assert_next(c, "001949");
		if (n > 1)
			assert_next(c, "003899");
	}
}

/* Where the thread has no memory there are fewer of them. */
static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	unsigned refused = 0, fewer = 0, got = 0;

	for (long n = 0; got < 3; n++) {
		AUTO(cut_ahead) struct cut_ahead *c = NULL;
		struct err err = { 0 };
		bool more = true;
		int rc;

		got = 0;
		failalloc_at(n);
		rc = cut_ahead_new(b->kit.repo, b->mc, NULL, &c, &err);
		while (rc == 0 && more) {
			AUTO(free) char *key = NULL;

			rc = cut_ahead_next(c, &key, &err);
			more = key != NULL;
			got += more;
		}
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		refused += rc != 0;
		fewer += rc == 0 && got < 3;
	}
	assert_true(refused > 3);
	assert_true(fewer > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_so_many_keys_are_named),
		cmocka_unit_test(a_share_begins_where_it_is_cut),
		cmocka_unit_test(damage_is_the_end_of_them),
		cmocka_unit_test(who_has_enough_may_leave),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("cut_ahead", tests, setup, teardown);
}
