#include "store_suite.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/thread.h"
#include "sink_spy.h"

struct fixture {
	const struct store_suite *suite;
	struct store *st;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct err err = { 0 };

	if (!f)
		return -1;
	f->suite = *state;
	*state = f;
	if (f->suite->fresh(f->suite->arg, &f->st, &err) ||
	    f->st->ops->open(f->st, &err)) {
		print_error("%s\n", err.msg);
		return -1;
	}
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	store_free(f->st);
	if (f->suite->clean)
		f->suite->clean(f->suite->arg);
	free(f);
	return 0;
}

static void
put(struct fixture *f, const char *key, const char *text)
{
	struct err err = { 0 };

	if (store_put_bytes(f->st, key, text, strlen(text), &err))
		fail_msg("%s", err.msg);
}

static void
assert_holds(struct fixture *f, const char *key, const char *text)
{
	struct buf b = { .max = 1 << 20 };
	struct err err = { 0 };

	if (store_get_bytes(f->st, key, &b, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(b.len, strlen(text));
	assert_string_equal(b.data, text);
	buf_done(&b);
}

static void
assert_missing(struct fixture *f, const char *key)
{
	struct buf b = { .max = 1 << 20 };
	struct store_stat stat;
	struct err err = { 0 };

	assert_int_equal(store_get_bytes(f->st, key, &b, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	err = (struct err){ 0 };
	assert_int_equal(f->st->ops->stat(f->st, key, &stat, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	buf_done(&b);
}

static int
note(void *arg, const char *key, const struct store_stat *stat, struct err *err)
{
	struct buf *b = arg;
	size_t n = strlen(key);

	assert_int_equal(stat->folder, key[n - 1] == '/');
	if (stat->folder)
		assert_int_equal(stat->size, 0);
	return buf_printf(b, err, "%s%s", b->len ? " " : "", key);
}

/* The keys, with a space between them. */
static void
assert_lists(struct fixture *f, const char *prefix, bool deep, const char *want)
{
	struct buf b = { .max = 1 << 20 };
	struct err err = { 0 };

	if (f->st->ops->list(f->st, prefix, deep, note, &b, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(b.data ? b.data : "", want);
	buf_done(&b);
}

static void
what_was_put_comes_back(void **state)
{
	struct fixture *f = *state;
	struct store_stat stat;
	struct err err = { 0 };

	put(f, "a", "hello");
	put(f, "b/c_D-1.2:3@4+5", "world");
	assert_holds(f, "a", "hello");
	assert_holds(f, "b/c_D-1.2:3@4+5", "world");
	assert_int_equal(f->st->ops->stat(f->st, "a", &stat, &err), 0);
	assert_int_equal(stat.size, 5);
	assert_false(stat.folder);
}

static void
an_empty_object_is_an_object(void **state)
{
	struct fixture *f = *state;
	struct sink_spy spy = { .got = { .max = 10 } };
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };

	put(f, "empty", "");
	assert_int_equal(sink_spy_new(&spy, &s, &err), 0);
	assert_int_equal(f->st->ops->get(f->st, "empty", 0, STORE_ALL, s, &err),
	    0);
	assert_int_equal(spy.got.len, 0);
	assert_int_equal(spy.finishes, 0);
	assert_lists(f, "", true, "empty");
}

static void
times_are_by_the_stores_clock(void **state)
{
	struct fixture *f = *state;
	struct store_stat stat;
	struct err err = { 0 };
	int64_t before = f->st->ops->now(f->st);

	put(f, "a", "x");
	assert_int_equal(f->st->ops->stat(f->st, "a", &stat, &err), 0);
	assert_in_range(stat.mtime, before - 2, f->st->ops->now(f->st) + 2);
}

static void
nothing_is_there_before_finish(void **state)
{
	struct fixture *f = *state;
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };

	assert_int_equal(f->st->ops->put(f->st, "new/a", NULL, &s, &err), 0);
	assert_int_equal(sink_write(s, "hello", 5, &err), 0);
	assert_missing(f, "new/a");
	assert_lists(f, "", true, "");
	assert_lists(f, "", false, "");
	assert_int_equal(sink_finish(s, &err), 0);
	assert_holds(f, "new/a", "hello");
	assert_lists(f, "", false, "new/");
}

static void
an_abandoned_put_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct sink *s = NULL;
	struct err err = { 0 };

	assert_int_equal(f->st->ops->put(f->st, "new/a", NULL, &s, &err), 0);
	assert_int_equal(sink_write(s, "hello", 5, &err), 0);
	sink_free(s);
	assert_missing(f, "new/a");
	assert_lists(f, "", true, "");
	assert_lists(f, "", false, "");
}

static void
missing_keys_are_not_found(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };

	put(f, "a/b", "x");
	assert_missing(f, "nothing");
	assert_missing(f, "a");
	assert_missing(f, "a/c");
	assert_missing(f, "c/d/e");
	assert_int_equal(f->st->ops->remove(f->st, "a/c", &err), 0);
	assert_int_equal(f->st->ops->remove(f->st, "c/d", &err), 0);
	assert_holds(f, "a/b", "x");
}

static void
odd_keys_are_refused(void **state)
{
	static const char *const odd[] = { "", "/", "/a", "a/", "a//b", ".",
		"..", "../a", "a/../b", "a/./b", "a b", "a\nb", "a\\b", "a%b",
		"\xc3\xa4", ".tmp/a" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		AUTO(sink) struct sink *s = NULL;
		struct buf b = { .max = 10 };
		struct err err = { 0 };

		assert_int_equal(f->st->ops->put(f->st, odd[i], NULL, &s, &err),
		    -1);
		assert_int_equal(err.code, ERR_USAGE);
		err.code = ERR_NONE;
		assert_int_equal(store_get_bytes(f->st, odd[i], &b, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
	}
}

static void
get_range(struct fixture *f, uint64_t off, uint64_t len, const char *want)
{
	struct sink_spy spy = { .got = { .max = 100 } };
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };

	assert_int_equal(sink_spy_new(&spy, &s, &err), 0);
	if (!want) {
		assert_int_equal(f->st->ops->get(f->st, "digits", off, len, s,
		                     &err),
		    -1);
		assert_int_equal(err.code, ERR_CORRUPT);
	} else {
		if (f->st->ops->get(f->st, "digits", off, len, s, &err))
			fail_msg("%s", err.msg);
		assert_string_equal(spy.got.data ? spy.got.data : "", want);
	}
	buf_done(&spy.got);
}

static void
ranges_are_exact(void **state)
{
	struct fixture *f = *state;

	put(f, "digits", "0123456789");
	get_range(f, 0, STORE_ALL, "0123456789");
	get_range(f, 0, 10, "0123456789");
	get_range(f, 0, 1, "0");
	get_range(f, 3, 4, "3456");
	get_range(f, 9, 1, "9");
	get_range(f, 4, STORE_ALL, "456789");
	get_range(f, 4, 0, "");
	get_range(f, 8, 3, NULL);
	get_range(f, 10, 1, NULL);
	get_range(f, 1000, 1, NULL);
	get_range(f, 1000, STORE_ALL, NULL);
}

static void
large_objects_come_back(void **state)
{
	struct fixture *f = *state;
	uint8_t in[SHA256_SIZE], out[SHA256_SIZE];
	AUTO(sink) struct sink *s = NULL;
	AUTO(sha256) struct sha256 *h = NULL;
	struct err err = { 0 };
	char chunk[10007];

	assert_int_equal(sha256_new(&h, &err), 0);
	assert_int_equal(f->st->ops->put(f->st, "large", NULL, &s, &err), 0);
	for (size_t at = 0; at < f->suite->big; at += sizeof chunk) {
		memset(chunk, (int)(at % 251), sizeof chunk);
		assert_int_equal(sha256_add(h, chunk, sizeof chunk, &err), 0);
		if (sink_write(s, chunk, sizeof chunk, &err))
			fail_msg("%s", err.msg);
	}
	assert_int_equal(sha256_end(h, in, &err), 0);
	if (sink_finish(s, &err))
		fail_msg("%s", err.msg);
	sink_free(TAKE(s));
	assert_int_equal(sink_null_new(&s, &err), 0);
	assert_int_equal(sink_hash_new(TAKE(s), out, &s, &err), 0);
	if (f->st->ops->get(f->st, "large", 0, STORE_ALL, s, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(sink_finish(s, &err), 0);
	assert_memory_equal(in, out, sizeof in);
}

static void
keys_are_listed_in_byte_order(void **state)
{
	struct fixture *f = *state;

	put(f, "a/c", "");
	put(f, "a0", "");
	put(f, "a-b", "");
	put(f, "a/b/c", "");
	put(f, "B", "");
	put(f, "a.b", "");
	put(f, "a/b-c", "");
	put(f, "a_/x", "");
	assert_lists(f, "", true, "B a-b a.b a/b-c a/b/c a/c a0 a_/x");
	assert_lists(f, "", false, "B a-b a.b a/ a0 a_/");
	assert_lists(f, "a/", true, "a/b-c a/b/c a/c");
	assert_lists(f, "a/", false, "a/b-c a/b/ a/c");
	assert_lists(f, "a/b", true, "a/b-c a/b/c");
	assert_lists(f, "a", false, "a-b a.b a/ a0 a_/");
	assert_lists(f, "a/b/", false, "a/b/c");
	assert_lists(f, "a/b/c", false, "a/b/c");
	assert_lists(f, "a/b/cc", false, "");
	assert_lists(f, "zzz/", true, "");
	assert_lists(f, "B/", true, "");
}

static int
count_and_check(void *arg, const char *key, const struct store_stat *stat,
    struct err *err)
{
	unsigned *n = arg;
	char want[40];

	(void)err;
	(void)snprintf(want, sizeof want, "many/%06u", (*n)++);
	assert_string_equal(key, want);
	assert_int_equal(stat->size, 1);
	return 0;
}

static void
long_listings_are_whole(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	unsigned n = 0;
	char key[40];

	for (unsigned i = f->suite->many; i-- > 0;) {
		(void)snprintf(key, sizeof key, "many/%06u", i);
		put(f, key, "x");
	}
	if (f->st->ops->list(f->st, "", true, count_and_check, &n, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(n, f->suite->many);
}

static int
stop_at_second(void *arg, const char *key, const struct store_stat *stat,
    struct err *err)
{
	int *calls = arg;

	(void)key;
	(void)stat;
	(void)err;
	return ++*calls == 2 ? 7 : 0;
}

static void
a_listing_can_be_stopped(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	int calls = 0;

	put(f, "a/1", "");
	put(f, "b/2", "");
	put(f, "c", "");
	assert_int_equal(f->st->ops->list(f->st, "", true, stop_at_second,
	                     &calls, &err),
	    7);
	assert_int_equal(calls, 2);
	calls = 0;
	assert_int_equal(f->st->ops->list(f->st, "", false, stop_at_second,
	                     &calls, &err),
	    7);
	assert_int_equal(calls, 2);
}

static int
remove_it(void *arg, const char *key, const struct store_stat *stat,
    struct err *err)
{
	struct fixture *f = arg;

	(void)stat;
	return f->st->ops->remove(f->st, key, err);
}

static void
a_listing_may_remove_what_it_lists(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };

	put(f, "a/1", "");
	put(f, "a/2", "");
	put(f, "b", "");
	assert_int_equal(f->st->ops->list(f->st, "", true, remove_it, f, &err),
	    0);
	assert_lists(f, "", true, "");
}

static void
what_is_removed_is_gone(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };

	put(f, "a/b/c", "x");
	put(f, "a/d", "y");
	assert_int_equal(f->st->ops->remove(f->st, "a/b/c", &err), 0);
	assert_missing(f, "a/b/c");
	assert_lists(f, "a/", false, "a/d");
	assert_int_equal(f->st->ops->remove(f->st, "a/d", &err), 0);
	assert_lists(f, "", false, "");
	put(f, "a/b/c", "again");
	assert_holds(f, "a/b/c", "again");
}

/* Which of both is there is the driver's; never a mixture. */
static void
a_second_put_does_no_harm(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	int rc;

	put(f, "a", "first");
	rc = store_put_bytes(f->st, "a", "2nd", 3, &err);
	if (rc)
		assert_int_equal(err.code, ERR_EXISTS);
	assert_holds(f, "a", rc ? "first" : "2nd");
	assert_lists(f, "", true, "a");
}

static void
a_sinks_error_ends_a_get(void **state)
{
	struct fixture *f = *state;
	struct sink_spy spy = {
		.got = { .max = 10 }, .fail_after = 1, .code = ERR_NOROOM
	};
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };

	put(f, "a", "hello");
	assert_int_equal(sink_spy_new(&spy, &s, &err), 0);
	assert_int_equal(f->st->ops->get(f->st, "a", 0, STORE_ALL, s, &err),
	    -1);
	assert_int_equal(err.code, ERR_NOROOM);
	assert_int_equal(spy.writes, 1);
}

struct hammer {
	struct thread thread;
	struct fixture *f;
	int id;
	struct err err;
};

/* All in one folder that comes and goes. */
static void *
hammer(void *arg)
{
	struct hammer *h = arg;
	struct store *st = h->f->st;
	char key[40], text[40];

	for (int i = 0; i < 10; i++) {
		struct buf b = { .max = 100 };
		int rc;

		(void)snprintf(key, sizeof key, "x/y/%d-%d", h->id, i);
		(void)snprintf(text, sizeof text, "text %d %d", h->id, i);
		rc = store_put_bytes(st, key, text, strlen(text), &h->err) ||
		     store_get_bytes(st, key, &b, &h->err) ||
		     st->ops->remove(st, key, &h->err);
		if (rc == 0 && strcmp(b.data, text) != 0)
			rc = err_set(&h->err, ERR_CORRUPT, "%s", b.data);
		buf_done(&b);
		if (rc)
			return NULL;
	}
	return NULL;
}

static void
threads_do_not_disturb_each_other(void **state)
{
	struct fixture *f = *state;
	struct hammer h[4] = { 0 };
	struct err err = { 0 };

	for (int i = 0; i < 4; i++) {
		h[i].f = f;
		h[i].id = i;
		assert_int_equal(thread_start(&h[i].thread, hammer, &h[i],
		                     &err),
		    0);
	}
	for (int i = 0; i < 4; i++)
		thread_join(&h[i].thread);
	for (int i = 0; i < 4; i++)
		assert_string_equal(h[i].err.msg, "");
	assert_lists(f, "", false, "");
}

static void
a_sweep_spares_what_is_young(void **state)
{
	struct fixture *f = *state;
	struct store *st = f->st;
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };
	uint64_t room = 0;
	unsigned n = 99;

	put(f, "a/done", "x");
	assert_int_equal(st->ops->put(st, "a/b", NULL, &s, &err), 0);
	assert_int_equal(sink_write(s, "hello", 5, &err), 0);
	if (st->ops->sweep(st, "a/", st->ops->now(st) - 3600, &n, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(n, 0);
	if (sink_finish(s, &err))
		fail_msg("%s", err.msg);
	assert_holds(f, "a/b", "hello");
	assert_holds(f, "a/done", "x");
	assert_int_equal(st->ops->room(st, &room, &err), 0);
	assert_true(room > 0);
	assert_true(strlen(st->ops->where(st)) > 0);
	assert_true(strlen(st->ops->type) > 0);
}

#define TEST(f) \
	cmocka_unit_test_prestate_setup_teardown(f, setup, teardown, suite)

void
store_suite_tests(struct store_suite *suite, struct CMUnitTest *to)
{
	const struct CMUnitTest tests[STORE_SUITE_TESTS] = {
		TEST(what_was_put_comes_back),
		TEST(an_empty_object_is_an_object),
		TEST(times_are_by_the_stores_clock),
		TEST(nothing_is_there_before_finish),
		TEST(an_abandoned_put_leaves_nothing),
		TEST(missing_keys_are_not_found),
		TEST(odd_keys_are_refused),
		TEST(ranges_are_exact),
		TEST(large_objects_come_back),
		TEST(keys_are_listed_in_byte_order),
		TEST(long_listings_are_whole),
		TEST(a_listing_can_be_stopped),
		TEST(a_listing_may_remove_what_it_lists),
		TEST(what_is_removed_is_gone),
		TEST(a_second_put_does_no_harm),
		TEST(a_sinks_error_ends_a_get),
		TEST(threads_do_not_disturb_each_other),
		TEST(a_sweep_spares_what_is_young),
	};

	memcpy(to, tests, sizeof tests);
}
