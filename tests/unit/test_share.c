/*
 * test_share.c - plans and shares of workers.  Those in tests/golden/workers
 * were written once, and are read and written the same for ever.
 *
 *     build/…/unit/test_share FOLDER           writes them
 */
#include "repo/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/sample.h"
#include "../lib/share_kit.h"
#include "base/file.h"
#include "base/str.h"

#define GOLDEN "tests/golden/workers"

enum { TEXT_MAX = 32 << 20 };

static void
encode_plan(struct buf *b)
{
	AUTO(share_plan) struct share_plan *p = NULL;
	struct err err = { 0 };

	assert_int_equal(share_kit_plan(&p, &err), 0);
	assert_int_equal(share_plan_encode(p, p->manifest, b, &err), 0);
}

static void
encode_share(unsigned worker, struct buf *b)
{
	AUTO(share) struct share *s = NULL;
	struct err err = { 0 };

	assert_int_equal(share_kit_share(worker, &s, &err), 0);
	assert_int_equal(share_encode(s, s->manifest, b, &err), 0);
}

static void
plan_is_read_as_it_was_written(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	AUTO(buf) struct buf again = { .max = TEXT_MAX };
	AUTO(share_plan) struct share_plan *p = NULL;
	struct err err = { 0 };

	(void)state;
	encode_plan(&b);
	assert_int_equal(share_plan_decode(b.data, b.len, &p, &err), 0);
	assert_string_equal(p->run, "nightly-1");
	assert_int_equal(p->workers, 3);
	assert_true(p->references);
	assert_int_equal(p->external, 5);
	assert_int_equal(p->ncuts, 1);
	assert_string_equal(p->cut[0].before, SAMPLE_EARLIER);
	assert_int_equal(p->cut[0].nat, 2);
	assert_string_equal(p->cut[0].at[0].key, "a/\xff");
	assert_int_equal(p->cut[0].at[1].segment, 1);
	assert_int_equal(p->cut[0].at[1].line, 7);
	assert_string_equal(p->manifest->component[0].name, "mlmd");
	assert_int_equal(share_plan_encode(p, p->manifest, &again, &err), 0);
	assert_string_equal(again.data, b.data);
}

static void
share_is_read_as_it_was_written(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		AUTO(buf) struct buf b = { .max = TEXT_MAX };
		AUTO(buf) struct buf again = { .max = TEXT_MAX };
		AUTO(share) struct share *s = NULL;
		struct err err = { 0 };

		encode_share(i, &b);
		assert_int_equal(share_decode(b.data, b.len, &s, &err), 0);
		assert_int_equal(s->worker, i);
		assert_int_equal(s->manifest->component[0].objects, 12);
		assert_true(i == 0 ? !s->range[0].after
		                   : s->range[0].after != NULL);
		assert_int_equal(share_encode(s, s->manifest, &again, &err), 0);
		assert_string_equal(again.data, b.data);
	}
}

static void
read_golden(const char *name, struct buf *b)
{
	char path[100];
	struct err err = { 0 };

	(void)snprintf(path, sizeof path, GOLDEN "/%s", name);
	assert_int_equal(file_read(path, b, &err), 0);
}

static void
golden_files_are_what_is_written_today(void **state)
{
	AUTO(buf) struct buf plan = { .max = TEXT_MAX };
	AUTO(buf) struct buf share = { .max = TEXT_MAX };
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	AUTO(share) struct share *s = NULL;
	AUTO(share_plan) struct share_plan *p = NULL;
	struct err err = { 0 };

	(void)state;
	read_golden("plan.json", &plan);
	read_golden("share.json", &share);
	assert_int_equal(share_plan_decode(plan.data, plan.len, &p, &err), 0);
	assert_int_equal(share_decode(share.data, share.len, &s, &err), 0);
	encode_plan(&b);
	assert_string_equal(b.data, plan.data);
	buf_clear(&b);
	encode_share(1, &b);
	assert_string_equal(b.data, share.data);
}

/* One thing of the first line is another; what is behind it stays right. */
static void
replace(struct buf *b, const char *from, const char *to)
{
	struct buf out = { .max = TEXT_MAX };
	struct err err = { 0 };
	char *at = strstr(b->data, from);

	assert_non_null(at);
	assert_true(at < strchr(b->data, '\n'));
	assert_int_equal(buf_add(&out, b->data, (size_t)(at - b->data), &err),
	    0);
	assert_int_equal(buf_puts(&out, to, &err), 0);
	assert_int_equal(buf_puts(&out, at + strlen(from), &err), 0);
	buf_done(b);
	*b = out;
}

struct change {
	const char *from, *to;
	enum err_code code;
};

static void
plans_that_cannot_be_are_refused(void **state)
{
	static const struct change bad[] = {
		{ "\"format\":1", "\"format\":2", ERR_USAGE },
		{ "\"format\":1", "\"format\":0", ERR_CORRUPT },
		{ "\"format\":1", "\"form\":1", ERR_CORRUPT },
		{ "nightly-1", "night/ly", ERR_CORRUPT },
		{ "\"workers\":3", "\"workers\":0", ERR_CORRUPT },
		{ "\"workers\":3", "\"workers\":1001", ERR_CORRUPT },
		{ "\"workers\":3", "\"workers\":2", ERR_CORRUPT },
		{ "\"workers\":3", "\"workers\":4", ERR_CORRUPT },
		{ "\"cuts\":[", "\"cuts\":{},\"x\":[", ERR_CORRUPT },
		{ "mlpipeline", "ml pipeline", ERR_CORRUPT },
		{ "mlpipeline", "mlmd", ERR_CORRUPT },
		{ "\"component\":", "\"c\":", ERR_CORRUPT },
		{ SAMPLE_EARLIER, "2026", ERR_CORRUPT },
		{ "\"at\":[", "\"at\":[{\"key\":\"a\"},", ERR_CORRUPT },
		{ "\"at\":[", "\"at\":3,\"x\":[", ERR_CORRUPT },
		{ "\"key\":\"b\"", "\"key\":\"a\"", ERR_CORRUPT },
		{ "\"key\":\"b\"", "\"kez\":\"b\"", ERR_CORRUPT },
		{ "\"line\":7", "\"line\":-7", ERR_CORRUPT },
		{ "\"segment\":1", "\"segment\":\"1\"", ERR_CORRUPT },
		{ "\"external\":5", "\"external\":[]", ERR_CORRUPT },
		{ "{\"format\"", "[{\"format\"", ERR_CORRUPT },
		{ "{\"format\"", "\n{\"format\"", ERR_CORRUPT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO(buf) struct buf b = { .max = TEXT_MAX };
		AUTO(share_plan) struct share_plan *p = NULL;
		struct err err = { 0 };

		encode_plan(&b);
		replace(&b, bad[i].from, bad[i].to);
		if (share_plan_decode(b.data, b.len, &p, &err) == 0)
			fail_msg("'%s' was taken", bad[i].to);
		assert_int_equal(err.code, bad[i].code);
	}
}

static void
bucket_that_is_cut_twice_is_refused(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	AUTO(share_plan) struct share_plan *p = NULL;
	struct err err = { 0 };

	(void)state;
	encode_plan(&b);
	replace(&b, "\"cuts\":[",
	    "\"cuts\":[{\"component\":\"mlpipeline\",\"at\":[{\"key\":\"\"},"
	    "{\"key\":\"\"}]},");
	assert_int_equal(share_plan_decode(b.data, b.len, &p, &err), -1);
	assert_non_null(strstr(err.msg, "twice"));
}

static void
shares_that_cannot_be_are_refused(void **state)
{
	static const struct change bad[] = {
		{ "\"format\":1", "\"format\":2", ERR_USAGE },
		{ "\"worker\":1", "\"worker\":3", ERR_CORRUPT },
		{ "\"worker\":1", "\"worker\":\"1\"", ERR_CORRUPT },
		{ "\"ranges\":[", "\"ranges\":[],\"x\":[", ERR_CORRUPT },
		{ "\"ranges\":[", "\"x\":[", ERR_CORRUPT },
		{ "\"mlpipeline\"", "\"other\"", ERR_CORRUPT },
		{ "\"mlpipeline\"", "\"\"", ERR_CORRUPT },
		{ "\"after-base64\":\"", "\"after-base64\":\"?", ERR_CORRUPT },
		{ "\"last\":\"b\"", "\"last\":7", ERR_CORRUPT },
		{ "{\"format\"", "[{\"format\"", ERR_CORRUPT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO(buf) struct buf b = { .max = TEXT_MAX };
		AUTO(share) struct share *s = NULL;
		struct err err = { 0 };

		encode_share(1, &b);
		replace(&b, bad[i].from, bad[i].to);
		if (share_decode(b.data, b.len, &s, &err) == 0)
			fail_msg("'%s' was taken", bad[i].to);
		assert_int_equal(err.code, bad[i].code);
	}
}

static void
first_line_that_is_no_object_is_refused(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	AUTO(buf) struct buf other = { .max = TEXT_MAX };
	AUTO(share) struct share *s = NULL;
	struct err err = { 0 };

	(void)state;
	encode_share(1, &b);
	assert_int_equal(buf_puts(&other, "7", &err), 0);
	assert_int_equal(buf_puts(&other, strchr(b.data, '\n'), &err), 0);
	assert_int_equal(share_decode(other.data, other.len, &s, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
}

static void
cuts_and_flips_are_seen_in_what_is_sealed(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	size_t from;

	(void)state;
	encode_share(0, &b);
	from = (size_t)(strchr(b.data, '\n') - b.data) + 1;
	for (size_t i = 0; i < b.len; i++) {
		AUTO(share) struct share *s = NULL;
		struct err err = { 0 };

		assert_int_equal(share_decode(b.data, i, &s, &err), -1);
		if (i < from)
			continue;
		b.data[i] ^= 1;
		assert_int_equal(share_decode(b.data, b.len, &s, &err), -1);
		b.data[i] ^= 1;
	}
}

/* --- tiles */

struct tiles {
	struct share_plan *plan;
	struct share *share[3];
};

static int
setup(void **state)
{
	struct tiles *t = calloc(1, sizeof *t);
	struct err err = { 0 };

	*state = t;
	if (!t || share_kit_plan(&t->plan, &err))
		return -1;
	for (unsigned i = 0; i < 3; i++)
		if (share_kit_share(i, &t->share[i], &err))
			return -1;
	return 0;
}

static int
teardown(void **state)
{
	struct tiles *t = *state;

	share_plan_free(t->plan);
	for (unsigned i = 0; i < 3; i++)
		share_free(t->share[i]);
	free(t);
	return 0;
}

static void
shares_of_a_plan_tile(void **state)
{
	struct tiles *t = *state;
	struct key_range r = share_plan_range(&t->plan->cut[0], 1);
	struct err err = { 0 };

	assert_int_equal(share_tile(t->plan, t->share, &err), 0);
	assert_string_equal(r.after, "a/\xff");
	assert_string_equal(r.last, "b");
	assert_null(share_plan_range(&t->plan->cut[0], 0).after);
	assert_null(share_plan_range(&t->plan->cut[0], 2).last);
}

static void
does_not_tile(struct tiles *t, const char *words)
{
	struct err err = { 0 };

	assert_int_equal(share_tile(t->plan, t->share, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, words));
}

static void
set_key(char **to, const char *key)
{
	struct err err = { 0 };

	free(*to);
	*to = NULL;
	if (key)
		assert_int_equal(str_dup(key, to, &err), 0);
}

static void
gap_or_overlap_is_seen(void **state)
{
	static const char *const other[] = { "a", "aa", "c", "", NULL };
	struct tiles *t = *state;
	struct share_range *r = t->share[1]->range;

	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		set_key(&r->after, other[i]);
		does_not_tile(t, "the range of worker 1");
		set_key(&r->after, "a/\xff");
		set_key(&r->last, other[i]);
		does_not_tile(t, "the range of worker 1");
		set_key(&r->last, "b");
	}
	set_key(&t->share[2]->range->last, "z");
	does_not_tile(t, "the range of worker 2");
	set_key(&t->share[2]->range->last, NULL);
	set_key(&t->share[0]->range->after, "");
	does_not_tile(t, "the range of worker 0");
}

/* Of two plans of one cut the last range of neither has an end. */
static void
share_of_another_plan_is_seen(void **state)
{
	struct tiles *t = *state;

	t->share[1]->worker = 2;
	does_not_tile(t, "the share of worker 1");
	t->share[1]->worker = 1;
	t->share[1]->workers = 4;
	does_not_tile(t, "the share of worker 1");
	t->share[1]->workers = 3;
	set_key(&t->share[1]->run, "other");
	does_not_tile(t, "the share of worker 1");
	set_key(&t->share[1]->run, "nightly-1");
	set_key(&t->share[2]->manifest->folder, SAMPLE_EARLIER);
	does_not_tile(t, "the share of worker 2");
	set_key(&t->share[2]->manifest->folder, SAMPLE_FOLDER);
	set_key(&t->share[0]->range->component, "other");
	does_not_tile(t, "the range of worker 0");
}

/* --- no memory */

static int
all_of_it(struct err *err)
{
	AUTO(buf) struct buf plan = { .max = TEXT_MAX };
	AUTO(buf) struct buf share = { .max = TEXT_MAX };
	AUTO(share_plan) struct share_plan *p = NULL, *q = NULL;
	AUTO(share) struct share *s = NULL, *u = NULL;

	return share_kit_plan(&p, err) || share_kit_share(1, &s, err) ||
	               share_plan_encode(p, p->manifest, &plan, err) ||
	               share_encode(s, s->manifest, &share, err) ||
	               share_plan_decode(plan.data, plan.len, &q, err) ||
	               share_decode(share.data, share.len, &u, err)
	           ? -1
	           : 0;
}

static void
every_allocation_may_fail(void **state)
{
	long n = 0;
	int rc;

	(void)state;
	do {
		struct err err = { 0 };

		failalloc_at(n);
		rc = all_of_it(&err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
	} while (rc && ++n < 5000);
	assert_in_range(n, 100, 4999);
}

static void
line_that_is_too_long_is_refused(void **state)
{
	AUTO(share_plan) struct share_plan *p = NULL;
	AUTO(buf) struct buf b = { .max = (size_t)64 << 20 };
	struct err err = { 0 };
	char *key = malloc((17 << 20) + 1);

	(void)state;
	assert_non_null(key);
	memset(key, 'k', 17 << 20);
	key[17 << 20] = '\0';
	assert_int_equal(share_kit_plan(&p, &err), 0);
	free(p->cut[0].at[1].key);
	p->cut[0].at[1].key = key;
	assert_int_equal(share_plan_encode(p, p->manifest, &b, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
}

static int
write_one(const char *folder, const char *name, const struct buf *b)
{
	char path[300];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	return f && fwrite(b->data, b->len, 1, f) == 1 && fclose(f) == 0 ? 0
	                                                                 : 1;
}

static int
write_golden(const char *folder)
{
	AUTO(buf) struct buf plan = { .max = TEXT_MAX };
	AUTO(buf) struct buf share = { .max = TEXT_MAX };

	encode_plan(&plan);
	encode_share(1, &share);
	return write_one(folder, "plan.json", &plan) ||
	       write_one(folder, "share.json", &share);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan_is_read_as_it_was_written),
		cmocka_unit_test(share_is_read_as_it_was_written),
		cmocka_unit_test(golden_files_are_what_is_written_today),
		cmocka_unit_test(plans_that_cannot_be_are_refused),
		cmocka_unit_test(bucket_that_is_cut_twice_is_refused),
		cmocka_unit_test(shares_that_cannot_be_are_refused),
		cmocka_unit_test(first_line_that_is_no_object_is_refused),
		cmocka_unit_test(cuts_and_flips_are_seen_in_what_is_sealed),
		cmocka_unit_test_setup_teardown(shares_of_a_plan_tile, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(gap_or_overlap_is_seen, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(share_of_another_plan_is_seen,
		    setup, teardown),
		cmocka_unit_test(line_that_is_too_long_is_refused),
		cmocka_unit_test(every_allocation_may_fail),
	};

	if (argc == 2)
		return write_golden(argv[1]);
	return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
