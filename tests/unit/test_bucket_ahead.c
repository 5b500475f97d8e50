/* A scripted server lists keys k00000, k00001, … in pages of a thousand. */
#include "component/bucket_ahead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/s3_kit.h"

enum { PAGE = 1000, PAGES = 4, XML = 64 * PAGE };

#define TARGET "/bucket?list-type=2"
#define FROM(w, prefix)                        \
	(struct bucket_source)                 \
	{                                      \
		(w)->k.s, prefix, clock_real() \
	}

struct world {
	char xml[PAGES][XML];
	struct httpd_step steps[PAGES + 1];
	struct s3_kit k;
};

/* Page i of so many pages, with n keys. */
static void
page(struct world *w, int i, int pages, int n)
{
	char *p = w->xml[i];

	p += sprintf(p, "<ListBucketResult>");
	for (int k = 0; k < n; k++)
		p += sprintf(p,
		    "<Contents><Key>k%05d</Key><Size>1</Size></Contents>",
		    i * PAGE + k);
	if (i + 1 < pages)
		p += sprintf(p,
		    "<IsTruncated>true</IsTruncated><NextContinuationToken>"
		    "t%d</NextContinuationToken>",
		    i);
	(void)sprintf(p, "</ListBucketResult>");
	w->steps[i] = (struct httpd_step)KIT_XML("GET", TARGET, w->xml[i]);
}

/* Of so many keys, the last page less than full. */
static struct world *
serve(int keys)
{
	struct world *w = calloc(1, sizeof *w);
	int pages = keys / PAGE + 1;

	assert_non_null(w);
	for (int i = 0; i < pages; i++)
		page(w, i, pages, i + 1 < pages ? PAGE : keys % PAGE);
	return w;
}

static void
end(struct world *w)
{
	s3_kit_stop(&w->k);
	free(w);
}

/* How many come, in order, from the first on. */
static int
take(struct bucket_ahead *a, int first, int most, int *rc, struct err *err)
{
	AUTO(object) struct object o = { 0 };
	char key[16];
	bool more = true;
	int n = 0;

	while (n < most) {
		*rc = bucket_ahead_next(a, &o, &more, err);
		if (*rc || !more)
			break;
		(void)snprintf(key, sizeof key, "k%05d", first + n);
		assert_string_equal(o.key, key);
		n++;
	}
	return n;
}

static void
all_keys_come_in_order(void **state)
{
	/* one batch and its edges, and more than are ever ahead */
	static const int counts[] = { 0, 1, 499, 500, 501, 999, 1000, 3500 };
	const struct key_range all = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct world *w = serve(counts[i]);
		AUTO(bucket_ahead) struct bucket_ahead *a = NULL;
		struct err err = { 0 };
		int rc = -1;

		s3_kit_start(&w->k, w->steps, NULL);
		assert_int_equal(bucket_ahead_new(&FROM(w, ""), &all, &a, &err),
		    0);
		assert_int_equal(take(a, 0, 9999, &rc, &err), counts[i]);
		assert_int_equal(rc, 0);
		s3_kit_check(&w->k);
		bucket_ahead_free(TAKE(a));
		end(w);
	}
}

static void
the_range_ends_them(void **state)
{
	struct world *w = serve(3500);
	const struct key_range r = { "k", "k01234" };
	AUTO(bucket_ahead) struct bucket_ahead *a = NULL;
	struct err err = { 0 };
	int rc = -1;

	(void)state;
	w->steps[0].target = TARGET "&encoding-type=url&max-keys=1000&prefix=k"
	                            "&start-after=k ";
	w->steps[2] = (struct httpd_step)KIT_END; /* no third page */
	s3_kit_start(&w->k, w->steps, NULL);
	assert_int_equal(bucket_ahead_new(&FROM(w, "k"), &r, &a, &err), 0);
	assert_int_equal(take(a, 0, 9999, &rc, &err), 1235);
	assert_int_equal(rc, 0);
	s3_kit_check(&w->k);
	bucket_ahead_free(TAKE(a));
	end(w);
}

static void
a_range_that_ends_with_a_page_takes_no_other(void **state)
{
	struct world *w = serve(3500);
	const struct key_range r = { NULL, "k01999" };
	AUTO(bucket_ahead) struct bucket_ahead *a = NULL;
	struct err err = { 0 };
	int rc = -1;

	(void)state;
	w->steps[2] = (struct httpd_step)KIT_END;
	s3_kit_start(&w->k, w->steps, NULL);
	assert_int_equal(bucket_ahead_new(&FROM(w, ""), &r, &a, &err), 0);
	assert_int_equal(take(a, 0, 9999, &rc, &err), 2000);
	assert_int_equal(rc, 0);
	s3_kit_check(&w->k);
	bucket_ahead_free(TAKE(a));
	end(w);
}

static void
an_end_may_be_set_later(void **state)
{
	struct world *w = serve(3500);
	const struct key_range all = { 0 };
	AUTO(bucket_ahead) struct bucket_ahead *a = NULL;
	struct err err = { 0 };
	int rc = -1;

	(void)state;
	s3_kit_start(&w->k, w->steps, NULL);
	assert_int_equal(bucket_ahead_new(&FROM(w, ""), &all, &a, &err), 0);
	assert_int_equal(take(a, 0, 600, &rc, &err), 600);
	bucket_ahead_end(a, "k00700");
	assert_int_equal(take(a, 600, 9999, &rc, &err), 101);
	assert_int_equal(rc, 0);
	assert_int_equal(take(a, 701, 9999, &rc, &err), 0);
	assert_int_equal(rc, 0);
	bucket_ahead_free(TAKE(a));
	end(w);
}

/* Two pages are there, and no third is asked for. */
static void
an_end_may_have_been_gone_past(void **state)
{
	static const char *const last[] = { "k01499", "k01500", "k01999" };
	const struct key_range all = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct world *w = serve(3500);
		AUTO(bucket_ahead) struct bucket_ahead *a = NULL;
		struct err err = { 0 };
		int rc = -1;

		w->steps[2] = (struct httpd_step)KIT_END;
		s3_kit_start(&w->k, w->steps, NULL);
		assert_int_equal(bucket_ahead_new(&FROM(w, ""), &all, &a, &err),
		    0);
		/* all batches become full; if not, no page comes either */
		clock_sleep_ms(clock_real(), 100);
		bucket_ahead_end(a, last[i]);
		assert_int_equal(take(a, 0, 9999, &rc, &err),
		    atoi(last[i] + 1) + 1);
		assert_int_equal(rc, 0);
		bucket_ahead_free(TAKE(a));
		s3_kit_check(&w->k);
		end(w);
	}
}

static void
keys_before_an_error_come(void **state)
{
	struct world *w = serve(1500);
	const struct key_range all = { 0 };
	AUTO(bucket_ahead) struct bucket_ahead *a = NULL;
	struct err err = { 0 };
	int rc = 0;

	(void)state;
	w->steps[1] =
	    (struct httpd_step)KIT_ERROR("GET", TARGET, 403, "AccessDenied");
	s3_kit_start(&w->k, w->steps, NULL);
	assert_int_equal(bucket_ahead_new(&FROM(w, ""), &all, &a, &err), 0);
	assert_int_equal(take(a, 0, 9999, &rc, &err), PAGE);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_DENIED);
	s3_kit_check(&w->k);
	bucket_ahead_free(TAKE(a));
	end(w);
}

static void
who_has_enough_may_leave(void **state)
{
	const struct key_range all = { 0 };

	(void)state;
	for (int n = 0; n <= 1000; n += 500) {
		struct world *w = serve(3999);
		AUTO(bucket_ahead) struct bucket_ahead *a = NULL;
		struct err err = { 0 };
		int rc = 0;

		s3_kit_start(&w->k, w->steps, NULL);
		assert_int_equal(bucket_ahead_new(&FROM(w, ""), &all, &a, &err),
		    0);
		assert_int_equal(take(a, 0, n, &rc, &err), n);
		bucket_ahead_free(TAKE(a));
		end(w);
	}
}

static void
every_allocation_may_fail(void **state)
{
	const struct key_range r = { NULL, "k00002" };
	long n = 0;
	int rc;

	(void)state;
	do {
		struct world *w = serve(1200);
		AUTO(bucket_ahead) struct bucket_ahead *a = NULL;
		struct err err = { 0 };

		s3_kit_start(&w->k, w->steps, NULL);
		failalloc_at(n);
		rc = bucket_ahead_new(&FROM(w, ""), &r, &a, &err);
		if (rc == 0)
			(void)take(a, 0, 9999, &rc, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		bucket_ahead_free(TAKE(a));
		end(w);
		n += 1 + n / 8; /* thousands are those of the page */
	} while (rc);
	assert_true(n > 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_keys_come_in_order),
		cmocka_unit_test(the_range_ends_them),
		cmocka_unit_test(a_range_that_ends_with_a_page_takes_no_other),
		cmocka_unit_test(an_end_may_be_set_later),
		cmocka_unit_test(an_end_may_have_been_gone_past),
		cmocka_unit_test(keys_before_an_error_come),
		cmocka_unit_test(who_has_enough_may_leave),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("bucket_ahead", tests, NULL, NULL);
}
