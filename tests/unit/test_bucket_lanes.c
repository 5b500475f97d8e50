/*
 * A server that lists a table of keys, a saver that cuts at keys of another,
 * and a clock that makes each wait a long one.
 */
#include "component/bucket_lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

#include "../lib/failalloc.h"
#include "../lib/key_server.h"
#include "../lib/sparse.h"

enum { KEYS = 3600, PAGE = 100, CUT = 199, KEY_SIZE = 24, US = 200 };

struct world {
	struct saver saver; /* first */
	char text[KEYS][KEY_SIZE];
	const char *key[KEYS]; /* of the bucket */
	size_t count;
	char before[KEYS][KEY_SIZE]; /* cuts */
	size_t ncuts, next, asked;
	struct key_server_options o;
	struct key_server *d;
	struct s3 *s3;
	atomic_int_fast64_t ms;
	int step; /* of the clock */
	struct clock clock;
};

static int64_t
tick(void *ctx)
{
	struct world *w = ctx;

	return atomic_fetch_add(&w->ms, w->step);
}

static int
next_cut(struct saver *s, char **key, struct err *err)
{
	struct world *w = (struct world *)s;

	w->asked++;
	*key = NULL;
	if (w->next == w->ncuts)
		return 0;
	return str_dup(w->before[w->next++], key, err);
}

static const struct saver_ops saver_ops = { .next_cut = next_cut };

/* --- tables of keys */

static struct world *
world_new(void)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	w->saver.ops = &saver_ops;
	w->step = 10;
	w->clock = (struct clock){ .mono_ms = tick, .ctx = w };
	return w;
}

static void
add_key(struct world *w, unsigned n)
{
	assert_true(w->count < KEYS);
	(void)snprintf(w->text[w->count], KEY_SIZE, "%c/%07u",
	    'a' + (int)(n % 3), n);
	w->count++;
}

static void
add_cut(struct world *w, unsigned n)
{
	assert_true(w->ncuts < KEYS);
	(void)snprintf(w->before[w->ncuts++], KEY_SIZE, "%c/%07u",
	    'a' + (int)(n % 3), n);
}

static int
order(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The inventory is what the bucket has. */
static struct world *
unchanged(void)
{
	struct world *w = world_new();

	while (w->count < KEYS)
		add_key(w, (unsigned)w->count);
	qsort(w->text, w->count, KEY_SIZE, order);
	for (size_t i = CUT - 1; i < KEYS; i += CUT)
		memcpy(w->before[w->ncuts++], w->text[i], KEY_SIZE);
	return w;
}

/* Another that differs: keys are gone, cuts as well, others came. */
static struct world *
random_world(unsigned seed)
{
	struct world *w = world_new();
	unsigned every = 2 + seed % 9, cut = 20u << seed % 4;

	srand(seed);
	for (unsigned i = 0; w->count < KEYS - (seed * 97) % 1500; i++)
		if ((unsigned)rand() % every != 0)
			add_key(w, i);
	for (unsigned i = 0; i < 2 * KEYS; i++)
		if ((unsigned)rand() % cut == 0)
			add_cut(w, i + seed % 2 * 500);
	qsort(w->text, w->count, KEY_SIZE, order);
	qsort(w->before, w->ncuts, KEY_SIZE, order);
	return w;
}

/* --- the server */

static void
start(struct world *w)
{
	struct s3_options o = { .bucket = "bucket",
		.access_key = "a",
		.secret_key = "s",
		.uri_style = "path" };
	struct err err = { 0 };

	for (size_t i = 0; i < w->count; i++)
		w->key[i] = w->text[i];
	w->o.key = w->key;
	w->o.count = w->count;
	if (!w->o.page)
		w->o.page = PAGE;
	if (!w->o.fail_at)
		w->o.fail_at = w->count;
	w->o.us = US;
	w->d = key_server_start(&w->o);
	o.endpoint = key_server_url(w->d);
	assert_int_equal(s3_new(&o, &w->s3, &err), 0);
}

static void
end(struct world *w)
{
	s3_free(w->s3);
	key_server_stop(w->d);
	free(w);
}

static int
lanes(struct world *w, const char *prefix, struct bucket_lanes **ret,
    struct err *err)
{
	const struct bucket_source from = { w->s3, prefix, &w->clock };

	return bucket_lanes_new(&from, &w->saver, ret, err);
}

/* All that come are those of the table, from the first on. */
static size_t
take(struct bucket_lanes *l, struct world *w, size_t first, size_t most,
    int *rc, struct err *err)
{
	AUTO(object) struct object o = { 0 };
	bool more = true;
	size_t n = 0;

	for (; n < most; n++) {
		*rc = bucket_lanes_next(l, &o, &more, err);
		if (*rc || !more)
			break;
		assert_true(first + n < w->count);
		assert_string_equal(o.key, w->text[first + n]);
	}
	return n;
}

static void
assert_all(struct world *w, const char *prefix, size_t first, size_t count)
{
	AUTO(bucket_lanes) struct bucket_lanes *l = NULL;
	struct err err = { 0 };
	int rc = -1;

	assert_int_equal(lanes(w, prefix, &l, &err), 0);
	assert_int_equal(take(l, w, first, KEYS + 1, &rc, &err), count);
	assert_int_equal(rc, 0);
}

/* --- tests */

static void
several_lanes_list_what_one_does(void **state)
{
	struct world *w = unchanged();
	unsigned lists;

	(void)state;
	start(w);
	assert_all(w, "", 0, KEYS);
	lists = key_server_lists(w->d);
	assert_true(key_server_ranges(w->d) > 4);
	/* a few of the first lane's are read twice */
	assert_true(lists <= KEYS / PAGE + 12);
	end(w);
}

static void
a_server_that_is_fast_is_asked_in_one(void **state)
{
	struct world *w = unchanged();

	(void)state;
	w->step = 0;
	start(w);
	assert_all(w, "", 0, KEYS);
	assert_int_equal(key_server_lists(w->d), KEYS / PAGE);
	assert_int_equal(key_server_ranges(w->d), 0);
	assert_int_equal(w->asked, 0);
	end(w);
}

static void
without_cuts_there_is_one(void **state)
{
	struct world *w = unchanged();

	(void)state;
	w->ncuts = 0;
	start(w);
	assert_all(w, "", 0, KEYS);
	assert_int_equal(key_server_lists(w->d), KEYS / PAGE);
	assert_int_equal(w->asked, 1);
	end(w);
}

static void
any_cuts_give_the_same(void **state)
{
	unsigned ranges = 0;

	(void)state;
	for (long n = 1; n <= 16; n = sparse_next(n)) {
		const unsigned seed = (unsigned)n;
		struct world *w = random_world(seed);

		w->o.page = 30 + seed * 13 % 200;
		start(w);
		assert_all(w, "", 0, w->count);
		ranges += key_server_ranges(w->d);
		end(w);
	}
	assert_true(ranges > (sparse_not() ? 100 : 10));
}

/* How many of the keys are before that text. */
static size_t
before(const struct world *w, const char *text)
{
	size_t n = 0;

	while (n < w->count && strcmp(w->text[n], text) < 0)
		n++;
	return n;
}

static void
prefix_and_range_bound_them(void **state)
{
	struct world *w = random_world(4);
	size_t from, to;

	(void)state;
	start(w);
	from = before(w, "b/");
	to = before(w, "b/~");
	assert_true(from > 500 && from < to && to < w->count);
	assert_all(w, "b/", from, to - from);

	/* behind its first, with its last; the cuts go on */
	w->next = 0;
	w->saver.range.after = w->text[100];
	w->saver.range.last = w->text[3000];
	assert_all(w, "", 101, 2900);
	end(w);
}

static void
an_error_comes_at_its_place(void **state)
{
	/* in the first lane, and in some behind it */
	static const size_t places[] = { 1, 700, 1500, 2222, 3000, 3550 };

	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct world *w = random_world(2);
		AUTO(bucket_lanes) struct bucket_lanes *l = NULL;
		size_t place = places[i] < w->count ? places[i] : w->count - 1;
		struct err err = { 0 };
		int rc = 0;

		w->o.fail_at = place;
		start(w);
		assert_int_equal(lanes(w, "", &l, &err), 0);
		assert_int_equal(take(l, w, 0, KEYS, &rc, &err), place);
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, ERR_DENIED);
		bucket_lanes_free(TAKE(l));
		end(w);
	}
}

static void
who_has_enough_may_leave(void **state)
{
	(void)state;
	for (size_t n = 0; n <= 3000; n += 600) {
		struct world *w = random_world(9);
		AUTO(bucket_lanes) struct bucket_lanes *l = NULL;
		struct err err = { 0 };
		int rc = 0;

		n = n < w->count ? n : w->count;
		start(w);
		assert_int_equal(lanes(w, "", &l, &err), 0);
		assert_int_equal(take(l, w, 0, n, &rc, &err), n);
		bucket_lanes_free(TAKE(l));
		end(w);
	}
}

/* Those of a page behind the end of its lane are not missed. */
static void
every_allocation_may_fail(void **state)
{
	long n = 0;
	bool hit;

	(void)state;
	do {
		struct world *w = random_world(9);
		AUTO(bucket_lanes) struct bucket_lanes *l = NULL;
		struct err err = { 0 };
		int rc;

		w->count = 800;
		w->o.page = 25;
		start(w);
		failalloc_at(n);
		rc = lanes(w, "", &l, &err);
		if (rc == 0)
			(void)take(l, w, 0, KEYS, &rc, &err);
		hit = failalloc_count() > n;
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		bucket_lanes_free(TAKE(l));
		end(w);
		n = sparse_next(n + n / 8); /* most are those of a page */
	} while (hit);
	assert_true(n > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_lanes_list_what_one_does),
		cmocka_unit_test(a_server_that_is_fast_is_asked_in_one),
		cmocka_unit_test(without_cuts_there_is_one),
		cmocka_unit_test(any_cuts_give_the_same),
		cmocka_unit_test(prefix_and_range_bound_them),
		cmocka_unit_test(an_error_comes_at_its_place),
		cmocka_unit_test(who_has_enough_may_leave),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("bucket_lanes", tests, NULL, NULL);
}
