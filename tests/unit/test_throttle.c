#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/throttle.h"

/* A server in numbers: what it does with so many requests at once. */
struct server {
	unsigned refuses_above; /* so many at once; 0: never */
	unsigned full_at;       /* more at once bring nothing more */
	unsigned ms;            /* a request takes, up to there */
	unsigned wanted;        /* requests at once that the client has */
	unsigned bytes;         /* of an answer; 0: 16 KiB */
};

struct run {
	struct throttle t;
	int64_t now;
	unsigned refusals, highest, lowest;
};

static void
start(struct run *r, unsigned most)
{
	*r = (struct run){ .now = 1000, .lowest = UINT32_MAX };
	throttle_init(&r->t, most);
}

/* One crowd after the other: all that may be sent at once, for so long. */
static void
serve(struct run *r, const struct server *s, int64_t ms)
{
	for (int64_t end = r->now + ms; r->now < end;) {
		unsigned limit = throttle_limit(&r->t);
		unsigned n = limit < s->wanted ? limit : s->wanted;
		unsigned took = n > s->full_at ? s->ms * n / s->full_at : s->ms;
		int64_t began = r->now;

		r->now += took;
		r->highest = limit > r->highest ? limit : r->highest;
		r->lowest = limit < r->lowest ? limit : r->lowest;
		for (unsigned i = n; i > 0; i--) {
			const struct throttle_sample one = {
				.began_ms = began,
				.now_ms = r->now,
				.bytes = s->bytes ? s->bytes : 16384,
				.busy = i,
				.waiting = s->wanted > limit,
				.refused =
				    s->refuses_above && i > s->refuses_above,
			};

			r->refusals += one.refused;
			throttle_note(&r->t, &one);
		}
	}
}

static void
it_begins_with_a_few(void **state)
{
	struct run r;

	(void)state;
	start(&r, 32);
	assert_int_equal(throttle_limit(&r.t), THROTTLE_FIRST);
	start(&r, 3);
	assert_int_equal(throttle_limit(&r.t), 3);
	start(&r, 1);
	assert_int_equal(throttle_limit(&r.t), THROTTLE_LEAST);
}

static void
no_most_is_no_limit_whatever_happens(void **state)
{
	const struct server s = {
		.refuses_above = 1, .full_at = 1, .ms = 10, .wanted = 10
	};
	struct run r;

	(void)state;
	start(&r, 0);
	serve(&r, &s, 1000);
	assert_int_equal(throttle_limit(&r.t), UINT32_MAX);
}

static void
with_latency_it_reaches_the_most_within_seconds(void **state)
{
	const struct server s = { .full_at = 1000, .ms = 11, .wanted = 200 };
	struct run r;

	(void)state;
	start(&r, 64);
	serve(&r, &s, 1500);
	assert_int_equal(throttle_limit(&r.t), 64);
	serve(&r, &s, 60000);
	assert_int_equal(throttle_limit(&r.t), 64);
}

/* Pages of a listing among the first few: never again so much a request. */
static void
what_it_began_with_does_not_mislead_it_for_long(void **state)
{
	struct server s = {
		.full_at = 1000, .ms = 100, .wanted = 200, .bytes = 200000
	};
	struct run r;

	(void)state;
	start(&r, 64);
	serve(&r, &s, 100);
	s.bytes = 2000;
	serve(&r, &s, 2500);
	assert_int_equal(throttle_limit(&r.t), 64);
}

static void
what_brings_nothing_is_not_kept(void **state)
{
	const struct server s = { .full_at = 6, .ms = 5, .wanted = 200 };
	struct run r;

	(void)state;
	start(&r, 256);
	serve(&r, &s, 60000);
	assert_in_range(throttle_limit(&r.t), 6, 24);
}

static void
who_wants_few_is_given_no_more(void **state)
{
	const struct server s = { .full_at = 1000, .ms = 10, .wanted = 3 };
	struct run r;

	(void)state;
	start(&r, 64);
	serve(&r, &s, 20000);
	assert_int_equal(throttle_limit(&r.t), THROTTLE_FIRST);
}

static void
it_settles_below_what_is_refused(void **state)
{
	(void)state;
	for (unsigned k = 2; k <= 40; k++) {
		const struct server s = { .refuses_above = k,
			.full_at = 1000,
			.ms = 10,
			.wanted = 200 };
		struct run r;
		unsigned before;

		start(&r, 64);
		serve(&r, &s, 10000);
		assert_in_range(throttle_limit(&r.t), k - k / 4 - 1, k + 1);
		/* half a minute later: it tries again, and seldom */
		before = r.refusals;
		serve(&r, &s, 30000);
		assert_in_range(r.refusals - before, 0, 24);
		assert_in_range(throttle_limit(&r.t), k - k / 4 - 1, k + 1);
	}
}

static void
the_refusals_of_one_crowd_count_once(void **state)
{
	struct throttle_sample s = {
		.began_ms = 1, .now_ms = 2, .refused = true
	};
	struct throttle t;

	(void)state;
	throttle_init(&t, 64);
	t.limit = 40;
	for (s.busy = 40; s.busy > 10; s.busy--, s.now_ms++)
		throttle_note(&t, &s);
	assert_int_equal(throttle_limit(&t), 30);
	/* sent after the cut: another one */
	s.began_ms = 3;
	s.busy = 30;
	throttle_note(&t, &s);
	assert_int_equal(throttle_limit(&t), 23);
}

static void
it_never_gives_less_than_two(void **state)
{
	const struct server s = {
		.refuses_above = 1, .full_at = 1, .ms = 10, .wanted = 100
	};
	struct run r;

	(void)state;
	start(&r, 64);
	serve(&r, &s, 60000);
	assert_int_equal(throttle_limit(&r.t), THROTTLE_LEAST);
	assert_int_equal(r.lowest, THROTTLE_LEAST);
}

static void
a_server_that_recovers_is_given_all_again(void **state)
{
	struct server s = {
		.refuses_above = 3, .full_at = 1000, .ms = 10, .wanted = 100
	};
	struct run r;

	(void)state;
	start(&r, 32);
	serve(&r, &s, 5000);
	assert_in_range(throttle_limit(&r.t), 2, 3);
	s.refuses_above = 0;
	serve(&r, &s, 60000);
	assert_int_equal(throttle_limit(&r.t), 32);
	assert_true(r.highest <= 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_begins_with_a_few),
		cmocka_unit_test(no_most_is_no_limit_whatever_happens),
		cmocka_unit_test(
		    with_latency_it_reaches_the_most_within_seconds),
		cmocka_unit_test(
		    what_it_began_with_does_not_mislead_it_for_long),
		cmocka_unit_test(what_brings_nothing_is_not_kept),
		cmocka_unit_test(who_wants_few_is_given_no_more),
		cmocka_unit_test(it_settles_below_what_is_refused),
		cmocka_unit_test(the_refusals_of_one_crowd_count_once),
		cmocka_unit_test(it_never_gives_less_than_two),
		cmocka_unit_test(a_server_that_recovers_is_given_all_again),
	};

	return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
