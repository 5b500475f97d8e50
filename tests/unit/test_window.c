#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "base/pool.h"
#include "engine/window.h"

enum { ITEMS = 2000 };

struct order {
	size_t n;
	uint64_t seen[ITEMS];
	size_t fail_at;
};

static int
leave(void *ctx, void *item, struct err *err)
{
	struct order *o = ctx;
	uint64_t *v = item;

	if (o->n == o->fail_at) {
		free(v);
		return err_set(err, ERR_IO, "no room for item %zu", o->n);
	}
	o->seen[o->n++] = *v;
	free(v);
	return 0;
}

static uint64_t *
number(uint64_t v)
{
	uint64_t *p = malloc(sizeof *p);

	assert_non_null(p);
	*p = v;
	return p;
}

static void
what_ends_out_of_order_leaves_in_order(void **state)
{
	struct order o = { .fail_at = ITEMS };
	struct window *w = NULL;
	struct err err = { 0 };
	uint64_t place[4];

	(void)state;
	assert_int_equal(window_new(&(struct window_size){ 8, 1 << 20 }, leave,
	                     &o, &w, &err),
	    0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(window_enter(w, &place[i], &err), 0);
	assert_int_equal(window_done(w, place[2], number(2), 8, &err), 0);
	assert_int_equal(window_done(w, place[1], number(1), 8, &err), 0);
	assert_int_equal(o.n, 0);
	assert_int_equal(window_done(w, place[0], number(0), 8, &err), 0);
	assert_int_equal(o.n, 3);
	window_skip(w, place[3]);
	assert_int_equal(o.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(o.seen[i], i);
	window_free(w, free);
}

struct job {
	struct window *w;
	uint64_t place;
};

static int
work(void *arg, struct err *err)
{
	struct job *j = arg;
	int rc = 0;

	if (j->place % 7 == 3)
		window_skip(j->w, j->place);
	else
		rc = window_done(j->w, j->place, number(j->place), 8, err);
	free(j);
	return rc;
}

static void
many_threads_keep_the_order(void **state)
{
	struct order *o = calloc(1, sizeof *o);
	struct window *w = NULL;
	AUTO(pool) struct pool *p = NULL;
	struct err err = { 0 };

	(void)state;
	assert_non_null(o);
	o->fail_at = ITEMS;
	assert_int_equal(window_new(&(struct window_size){ 16, 20 }, leave, o,
	                     &w, &err),
	    0);
	assert_int_equal(pool_new(&(struct pool_size){ 4, 100, 0, 0 }, &p,
	                     &err),
	    0);
	for (int i = 0; i < ITEMS; i++) {
		struct job *j = malloc(sizeof *j);

		assert_non_null(j);
		j->w = w;
		assert_int_equal(window_enter(w, &j->place, &err), 0);
		assert_int_equal(pool_run(p, work, j, 1, &err), 0);
	}
	assert_int_equal(pool_wait(p, &err), 0);
	for (size_t i = 0, v = 0; i < o->n; i++, v++) {
		if (v % 7 == 3)
			v++;
		assert_int_equal(o->seen[i], v);
	}
	assert_int_equal(o->n, ITEMS - (ITEMS + 3) / 7);
	window_free(w, free);
	free(o);
}

static void
a_failure_to_leave_is_told_to_all(void **state)
{
	struct order o = { .fail_at = 1 };
	struct window *w = NULL;
	struct err err = { 0 };
	uint64_t a, b, c;

	(void)state;
	assert_int_equal(window_new(&(struct window_size){ 4, 1 << 20 }, leave,
	                     &o, &w, &err),
	    0);
	assert_int_equal(window_enter(w, &a, &err), 0);
	assert_int_equal(window_enter(w, &b, &err), 0);
	assert_int_equal(window_done(w, a, number(1), 8, &err), 0);
	assert_int_equal(window_done(w, b, number(2), 8, &err), -1);
	assert_string_equal(err.msg, "no room for item 1");
	assert_int_equal(window_enter(w, &c, &err), -1);
	assert_true(err_is(&err, ERR_IO));
	window_free(w, free);
}

static void
what_never_left_is_dropped(void **state)
{
	struct order o = { .fail_at = ITEMS };
	struct window *w = NULL;
	struct err err = { 0 };
	uint64_t a, b;

	(void)state;
	assert_int_equal(window_new(&(struct window_size){ 4, 1 << 20 }, leave,
	                     &o, &w, &err),
	    0);
	assert_int_equal(window_enter(w, &a, &err), 0);
	assert_int_equal(window_enter(w, &b, &err), 0);
	assert_int_equal(window_done(w, b, number(2), 8, &err), 0);
	assert_int_equal(o.n, 0);
	window_free(w, free); /* the sanitizer sees a leak */
}

/* What waits behind the oldest has a limit in bytes, too. */
static void
who_enters_waits_for_the_oldest_when_much_is_held(void **state)
{
	struct order o = { .fail_at = ITEMS };
	struct window *w = NULL;
	AUTO(pool) struct pool *p = NULL;
	struct job *j = malloc(sizeof *j);
	struct err err = { 0 };
	uint64_t b, c;

	(void)state;
	assert_non_null(j);
	assert_int_equal(window_new(&(struct window_size){ 100, 7 }, leave, &o,
	                     &w, &err),
	    0);
	j->w = w;
	assert_int_equal(window_enter(w, &j->place, &err), 0);
	assert_int_equal(window_enter(w, &b, &err), 0);
	assert_int_equal(window_done(w, b, number(1), 8, &err), 0);
	assert_int_equal(o.n, 0);
	assert_int_equal(pool_new(&(struct pool_size){ 1, 100, 0, 0 }, &p,
	                     &err),
	    0);
	assert_int_equal(pool_run(p, work, j, 1, &err), 0);
	assert_int_equal(window_enter(w, &c, &err), 0);
	/* it would have come in before, had it not waited */
	assert_int_equal(o.n, 2);
	assert_int_equal(pool_wait(p, &err), 0);
	window_free(w, free);
}

static void
no_memory_is_said(void **state)
{
	struct window *w = NULL;
	struct err err = { 0 };

	(void)state;
	failalloc_at(0);
	assert_int_equal(window_new(&(struct window_size){ 4, 1 << 20 }, leave,
	                     NULL, &w, &err),
	    -1);
	failalloc_at(-1);
	assert_true(err_is(&err, ERR_NOMEM));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ends_out_of_order_leaves_in_order),
		cmocka_unit_test(many_threads_keep_the_order),
		cmocka_unit_test(a_failure_to_leave_is_told_to_all),
		cmocka_unit_test(what_never_left_is_dropped),
		cmocka_unit_test(
		    who_enters_waits_for_the_oldest_when_much_is_held),
		cmocka_unit_test(no_memory_is_said),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
