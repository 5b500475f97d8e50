/*
 * conform_store.c - the S3 store against a real server.
 *
 * Environment: S3_ENDPOINT, S3_ACCESS, S3_SECRET, S3_CA; S3_BUCKET (default:
 * one of its own, which is made).  Each test has a path of its own.
 */
#include "../lib/store_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "s3/s3.h"

struct world {
	struct s3_options options;
	char bucket[64], prefix[32];
	unsigned tests;
};

static const char *
env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static int
fresh(void *arg, struct store **ret, struct err *err)
{
	struct world *w = arg;

	(void)snprintf(w->prefix, sizeof w->prefix, "/suite/%u/", w->tests++);
	return store_s3_new(&w->options, w->prefix, true, ret, err);
}

static int
remove_it(void *arg, const char *key, const struct store_stat *stat,
    struct err *err)
{
	struct store *st = arg;

	(void)stat;
	return st->ops->remove(st, key, err);
}

static void
clean(void *arg)
{
	struct world *w = arg;
	AUTO(store) struct store *st = NULL;
	struct err err = { 0 };

	if (store_s3_new(&w->options, w->prefix, false, &st, &err) ||
	    st->ops->list(st, "", true, remove_it, st, &err))
		print_error("%s\n", err.msg);
}

static void
a_missing_bucket_is_not_made_unless_told(void **state)
{
	struct world *w = *state;
	struct s3_options o = w->options;
	AUTO(store) struct store *st = NULL;
	struct err err = { 0 };

	o.bucket = "conform-store-none";
	assert_int_equal(store_s3_new(&o, "", false, &st, &err), 0);
	assert_int_equal(st->ops->open(st, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg,
	    "bucket 'conform-store-none' does not exist at http"));
}

static int
note(void *arg, const char *key, const struct store_stat *stat, struct err *err)
{
	(void)arg;
	(void)stat;
	(void)err;
	assert_string_equal(key, "mine");
	return 0;
}

/* Paths that begin alike are different places. */
static void
a_path_is_not_its_neighbours(void **state)
{
	struct world *w = *state;
	AUTO(store) struct store *a = NULL;
	AUTO(store) struct store *ab = NULL;
	struct err err = { 0 };

	assert_int_equal(store_s3_new(&w->options, "p/a", true, &a, &err), 0);
	assert_int_equal(store_s3_new(&w->options, "/p/ab//", true, &ab, &err),
	    0);
	assert_non_null(strstr(ab->ops->where(ab), ", path 'p/ab'"));
	assert_int_equal(a->ops->open(a, &err), 0);
	assert_int_equal(store_put_bytes(ab, "other", "x", 1, &err), 0);
	assert_int_equal(store_put_bytes(a, "mine", "x", 1, &err), 0);
	assert_int_equal(a->ops->list(a, "", true, note, NULL, &err), 0);
	assert_int_equal(a->ops->remove(a, "mine", &err), 0);
	assert_int_equal(ab->ops->remove(ab, "other", &err), 0);
}

/* What a client that died has left: a multipart upload. */
static void
a_sweep_removes_what_a_crash_left(void **state)
{
	struct world *w = *state;
	AUTO(store) struct store *st = NULL;
	AUTO(sink) struct sink *s = NULL;
	AUTO(free) char *bytes = calloc(1, 9 << 20);
	struct err err = { 0 };
	unsigned n = 0;
	bool any = true;

	assert_non_null(bytes);
	assert_int_equal(store_s3_new(&w->options, "sweep", true, &st, &err),
	    0);
	assert_int_equal(st->ops->open(st, &err), 0);
	assert_int_equal(st->ops->put(st, "a/b", NULL, &s, &err), 0);
	if (sink_write(s, bytes, 9 << 20, &err))
		fail_msg("%s", err.msg);
	if (st->ops->sweep(st, "b/", st->ops->now(st) + 60, &n, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(n, 0);
	assert_int_equal(st->ops->unfinished(st, "b/", &any, &err), 0);
	assert_false(any);
	assert_int_equal(st->ops->unfinished(st, "a/", &any, &err), 0);
	if (st->ops->sweep(st, "a/", st->ops->now(st) + 60, &n, &err))
		fail_msg("%s", err.msg);
	/* MinIO lists uploads of a whole key only, and sweeps by itself */
	if (n == 0 && env("S3_KIND") && strcmp(env("S3_KIND"), "minio") == 0)
		return;
	assert_true(any);
	assert_int_equal(n, 1);
	assert_int_equal(sink_finish(s, &err), -1);
}

int
main(void)
{
	static struct world w;
	static struct store_suite suite = { .fresh = fresh,
		.clean = clean,
		.arg = &w,
		.big = 20 << 20,
		.many = 1005 };
	struct CMUnitTest tests[STORE_SUITE_TESTS + 3] = {
		[STORE_SUITE_TESTS] = cmocka_unit_test_prestate(
		    a_missing_bucket_is_not_made_unless_told, &w),
		cmocka_unit_test_prestate(a_path_is_not_its_neighbours, &w),
		cmocka_unit_test_prestate(a_sweep_removes_what_a_crash_left,
		    &w),
	};

	if (!env("S3_ENDPOINT")) {
		(void)fputs("S3_ENDPOINT is not set\n", stderr);
		return 1;
	}
	(void)snprintf(w.bucket, sizeof w.bucket, "conform-store-%lld",
	    (long long)clock_now_ms(clock_real()));
	w.options = (struct s3_options){ .endpoint = env("S3_ENDPOINT"),
		.bucket = env("S3_BUCKET") ? env("S3_BUCKET") : w.bucket,
		.access_key = env("S3_ACCESS"),
		.secret_key = env("S3_SECRET") };
	store_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("conform_store", tests, NULL, NULL);
}
