/* A bucket on a scripted server: which requests are made, and what each of
 * their answers comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/fake_saver.h"
#include "../lib/s3_kit.h"
#include "../lib/sparse.h"
#include "component/component.h"

#define OPEN                                                          \
	"<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-" \
	"03-01/\">"
#define KEY(k, size, etag)                                                   \
	"<Contents><Key>" k "</Key><LastModified>2026-11-20T16:28:"          \
	"00.000Z</LastModified><ETag>&quot;" etag "&quot;</ETag><Size>" size \
	"</Size></Contents>"
#define LIST(target, xml)      \
	KIT_XML("GET", target, \
	    OPEN "<IsTruncated>false</IsTruncated>" xml "</ListBucketResult>")
#define EXISTS LIST("/bucket?list-type=2&max-keys=1", "")
#define ALL(xml) LIST("/bucket?list-type=2", xml)
#define GET(headers, body)                                            \
	{                                                             \
		"GET", "/bucket/k", 200, headers, body, 0, HTTPD_FINE \
	}
#define HEAD(status)                                                   \
	{                                                              \
		"HEAD", "/bucket/k", status, NULL, NULL, 0, HTTPD_FINE \
	}

struct world {
	struct httpd *d;
	struct config_component cfg;
	struct component *c;
	struct fake_saver saver;
	struct fake_loader loader;
	struct buf detail;
	struct err err;
};

static void
begin(struct world *w, const struct httpd_step *steps)
{
	*w = (struct world){ .d = httpd_start(steps),
		.detail = { .max = 4096 } };
	assert_non_null(w->d);
	w->cfg = (struct config_component){ .name = "b",
		.type = CONFIG_BUCKET,
		.bucket = { .s3 = { .endpoint = httpd_url(w->d),
		                .bucket = "bucket",
		                .access_key = "AK",
		                .secret_key = "hush" } } };
	assert_int_equal(component_open(&w->cfg, NULL, "/tmp", &w->c, &w->err),
	    0);
	fake_saver_init(&w->saver, "/tmp");
	assert_int_equal(fake_loader_init(&w->loader, &w->saver, "/tmp",
	                     &w->err),
	    0);
}

/* Whether or not all was asked for. */
static void
leave(struct world *w)
{
	httpd_stop(w->d);
	component_free(w->c);
	fake_saver_done(&w->saver);
	fake_loader_done(&w->loader);
	buf_done(&w->detail);
	httpd_free(w->d);
}

static void
end(struct world *w)
{
	httpd_stop(w->d);
	assert_string_equal(httpd_complaint(w->d), "");
	leave(w);
}

static void
fails(struct world *w, int rc, enum err_code code, const char *words)
{
	assert_int_equal(rc, -1);
	assert_int_equal(w->err.code, code);
	if (!strstr(w->err.msg, words))
		fail_msg("'%s'", w->err.msg);
}

static int
check(struct world *w, bool restore)
{
	if (w->c->ops->check(w->c, restore, &w->detail, &w->err))
		return -1;
	return restore ? 0 : w->c->ops->try_read(w->c, &w->detail, &w->err);
}

static int
backup(struct world *w)
{
	return w->c->ops->backup(w->c, &w->saver.base, &w->err);
}

static int
restore(struct world *w)
{
	return w->c->ops->restore(w->c, &w->loader.base, &w->err);
}

/* --- check */

static void
a_check_lists_and_reads(void **state)
{
	static const struct {
		struct httpd_step steps[5];
		bool restore;
		enum err_code code;
		const char *says;
	} cases[] = {
		{ { EXISTS, ALL(""), KIT_END }, false, ERR_NONE, ", empty" },
		{ { EXISTS, ALL(KEY("k", "1", "e")), HEAD(200), KIT_END },
		    false, ERR_NONE, ", may list and read" },
		/* deleted meanwhile */
		{ { EXISTS, ALL(KEY("k", "1", "e")), HEAD(404), KIT_END },
		    false, ERR_NONE, ", may list and read" },
		{ { EXISTS, ALL(KEY("k", "1", "e")), HEAD(403), KIT_END },
		    false, ERR_DENIED, "" },
		/* one of two may be read */
		{ { EXISTS, ALL(KEY("k", "1", "e") KEY("k2", "1", "e")),
		      HEAD(403), HEAD(200), KIT_END },
		    false, ERR_NONE, ", may list and read" },
		{ { KIT_ERROR("GET", "/bucket", 404, "NoSuchBucket"), KIT_END },
		    false, ERR_NOTFOUND, "bucket 'bucket' does not exist at" },
		{ { KIT_ERROR("GET", "/bucket", 404, "NoSuchBucket"), KIT_END },
		    true, ERR_NONE, ", not there yet" },
		{ { KIT_ERROR("GET", "/bucket", 403, "AccessDenied"),
		      KIT_ERROR("GET", "/bucket", 403, "AccessDenied"),
		      KIT_END },
		    false, ERR_DENIED, "" },
		{ { EXISTS, KIT_ERROR("GET", "/bucket", 403, "AccessDenied"),
		      KIT_END },
		    false, ERR_DENIED, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		int rc;

		begin(&w, cases[i].steps);
		rc = check(&w, cases[i].restore);
		if (cases[i].code != ERR_NONE)
			fails(&w, rc, cases[i].code, cases[i].says);
		else if (rc || !strstr(w.detail.data, cases[i].says))
			fail_msg("%zu: %s", i, rc ? w.err.msg : w.detail.data);
		end(&w);
	}
}

static void
a_check_alone_asks_for_one_key(void **state)
{
	const struct httpd_step steps[] = { EXISTS, KIT_END };
	struct world w;

	(void)state;
	begin(&w, steps);
	assert_int_equal(w.c->ops->check(w.c, false, &w.detail, &w.err), 0);
	assert_null(strstr(w.detail.data, "read"));
	end(&w);
}

static void
a_key_is_there_or_a_folder_of_that_name(void **state)
{
	static const struct {
		struct httpd_step steps[3];
		const char *key;
		bool there;
	} cases[] = {
		{ { ALL(KEY("k", "1", "e")), KIT_END }, "k", true },
		{ { ALL(KEY("k-1", "1", "e")), ALL(KEY("k/a", "1", "e")),
		      KIT_END },
		    "k", true },
		{ { ALL(""), ALL(""), KIT_END }, "k", false },
		{ { ALL(KEY("k/a", "1", "e")), KIT_END }, "k/", true },
		{ { ALL(""), KIT_END }, "k/", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		bool there = !cases[i].there;

		begin(&w, cases[i].steps);
		assert_int_equal(w.c->ops->has(w.c, cases[i].key, &there,
		                     &w.err),
		    0);
		assert_int_equal(there, cases[i].there);
		end(&w);
	}
}

/* --- backup */

static void
tags_that_may_not_be_read_degrade_it(void **state)
{
	static const struct httpd_step steps[] = { ALL(KEY("k", "5", "e")),
		GET("ETag: \"e\"\r\nx-amz-tagging-count: 1\r\n", "value"),
		KIT_ERROR("GET", "/bucket/k?tagging", 403, "AccessDenied"),
		KIT_END };
	struct world w;

	(void)state;
	begin(&w, steps);
	if (backup(&w))
		fail_msg("%s", w.err.msg);
	assert_true(w.saver.ended);
	assert_int_equal(w.saver.objects.count, 1);
	assert_non_null(strstr(w.saver.degraded.data,
	    "the tags of 1 objects could not be read (access denied)"));
	end(&w);
}

static void
an_object_that_changes_is_read_as_it_is_now(void **state)
{
	static const struct httpd_step steps[] = { ALL(KEY("k", "5", "e")),
		/* longer than it was listed */
		GET("ETag: \"e\"\r\n", "longer"), ALL(KEY("k", "6", "f")),
		GET("ETag: \"f\"\r\n", "longer"), KIT_END };
	struct world w;

	(void)state;
	begin(&w, steps);
	if (backup(&w))
		fail_msg("%s", w.err.msg);
	assert_int_equal(w.saver.changed, 1);
	assert_int_equal(w.saver.objects.count, 1);
	assert_string_equal(w.saver.objects.item[0].data, "longer");
	end(&w);
}

static void
an_object_that_is_gone_is_told_from_a_bucket_that_is(void **state)
{
	static const struct {
		struct httpd_step steps[4];
		enum err_code code;
		const char *says;
	} cases[] = {
		{ { ALL(KEY("k", "5", "e")),
		      KIT_ERROR("GET", "/bucket/k", 404, "NoSuchKey"), ALL(""),
		      KIT_END },
		    ERR_NONE, "" },
		{ { ALL(KEY("k", "5", "e")),
		      KIT_ERROR("GET", "/bucket/k", 404, "NoSuchKey"),
		      ALL(KEY("k", "5", "e")), KIT_END },
		    ERR_REMOTE, "it is listed, and cannot be found" },
		{ { ALL(KEY("k", "5", "e")),
		      KIT_ERROR("GET", "/bucket/k", 404, "NoSuchKey"),
		      KIT_ERROR("GET", "/bucket", 404, "NoSuchBucket"),
		      KIT_END },
		    ERR_TRANSIENT, "" },
		{ { ALL(KEY("k", "5", "e")),
		      KIT_ERROR("GET", "/bucket/k", 403, "AccessDenied"),
		      KIT_END },
		    ERR_DENIED, "" },
		{ { KIT_ERROR("GET", "/bucket", 403, "AccessDenied"), KIT_END },
		    ERR_DENIED, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		int rc;

		begin(&w, cases[i].steps);
		rc = backup(&w);
		if (cases[i].code == ERR_NONE) {
			assert_int_equal(rc, 0);
			assert_int_equal(w.saver.gone, 1);
		} else {
			fails(&w, rc, cases[i].code, cases[i].says);
			assert_false(w.saver.ended);
		}
		end(&w);
	}
}

/* --- restore */

static void
a_bucket_that_is_missing_is_made_unless_dry(void **state)
{
	static const struct httpd_step dry[] = {
		KIT_ERROR("GET", "/bucket", 404, "NoSuchBucket"), KIT_END
	};
	static const struct httpd_step wet[] = { KIT_ERROR("GET", "/bucket",
		                                     404, "NoSuchBucket"),
		{ "PUT", "/bucket", 200, NULL, NULL, 0, HTTPD_FINE }, ALL(""),
		KIT_END };
	struct world w;

	(void)state;
	begin(&w, dry);
	w.loader.base.dry_run = true;
	assert_int_equal(restore(&w), 0);
	assert_string_equal(w.loader.notes.data,
	    "bucket 'bucket' would be made\n");
	end(&w);
	begin(&w, wet);
	assert_int_equal(restore(&w), 0);
	assert_string_equal(w.loader.notes.data, "bucket 'bucket' is made\n");
	end(&w);
}

static void
a_bucket_that_may_not_be_listed_is_not_restored_to(void **state)
{
	static const struct httpd_step steps[] = { KIT_ERROR("GET", "/bucket",
		                                       403, "AccessDenied"),
		KIT_ERROR("GET", "/bucket", 403, "AccessDenied"), KIT_END };
	struct world w;

	(void)state;
	begin(&w, steps);
	fails(&w, restore(&w), ERR_DENIED, "");
	end(&w);
}

/* The saver has "value" under k, of another ETag than the bucket's. */
static void
restore_over(const struct httpd_step *steps, const char *etag, size_t same,
    int rc)
{
	struct object o = { .key = (char[]){ "k" }, .size = 5 };
	char copy[64];
	struct world w;

	begin(&w, steps);
	(void)snprintf(copy, sizeof copy, "%s", etag);
	o.etag = copy;
	assert_int_equal(fake_objects_add(&w.saver.objects, &o, "value", 5,
	                     &w.err),
	    0);
	if (restore(&w) != rc)
		fail_msg("%s", w.err.msg);
	assert_int_equal(w.loader.same, same);
	end(&w);
}

#define PUT                                                          \
	{                                                            \
		"PUT", "/bucket/k", 200, "ETag: \"n\"\r\n", NULL, 0, \
		    HTTPD_FINE                                       \
	}
#define MD5_A "00000000000000000000000000000001"
#define PARTS "00000000000000000000000000000002-2"

static void
only_bytes_tell_where_etags_cannot(void **state)
{
	static const struct httpd_step equal[] = { EXISTS,
		ALL(KEY("k", "5", "00000000000000000000000000000009-1")),
		GET("ETag: \"00000000000000000000000000000009-1\"\r\n",
		    "value"),
		KIT_END };
	static const struct httpd_step other[] = { EXISTS,
		ALL(KEY("k", "5", "00000000000000000000000000000009-1")),
		GET("ETag: \"00000000000000000000000000000009-1\"\r\n",
		    "VALUE"),
		PUT, KIT_END };
	static const struct httpd_step gone[] = { EXISTS,
		ALL(KEY("k", "5", "00000000000000000000000000000009-1")),
		KIT_ERROR("GET", "/bucket/k", 404, "NoSuchKey"), PUT, KIT_END };
	static const struct httpd_step denied[] = { EXISTS,
		ALL(KEY("k", "5", "00000000000000000000000000000009-1")),
		KIT_ERROR("GET", "/bucket/k", 403, "AccessDenied"), KIT_END };

	(void)state;
	restore_over(equal, PARTS, 1, 0);
	restore_over(other, PARTS, 0, 0);
	restore_over(gone, PARTS, 0, 0);
	restore_over(denied, PARTS, 0, -1);
}

static void
what_etags_tell_is_not_read(void **state)
{
	static const struct httpd_step differs[] = { EXISTS,
		ALL(KEY("k", "5", "00000000000000000000000000000009")), PUT,
		KIT_END };
	static const struct httpd_step longer[] = { EXISTS,
		ALL(KEY("k", "6", "00000000000000000000000000000001")), PUT,
		KIT_END };

	(void)state;
	restore_over(differs, MD5_A, 0, 0);
	restore_over(longer, MD5_A, 0, 0);
}

static void
what_is_not_in_the_set_is_removed_if_wanted(void **state)
{
	static const struct httpd_step steps[] = { EXISTS,
		ALL(KEY("k", "5", "e")),
		{ "DELETE", "/bucket/k", 204, NULL, NULL, 0, HTTPD_FINE },
		KIT_END };
	struct world w;

	(void)state;
	begin(&w, steps);
	w.loader.exact = true;
	assert_int_equal(restore(&w), 0);
	assert_int_equal(w.loader.removed, 1);
	end(&w);
}

static void
every_allocation_may_fail(void **state)
{
	static const struct httpd_step steps[3][6] = {
		{ EXISTS, ALL(KEY("k", "5", "e")), HEAD(200), KIT_END },
		{ ALL(KEY("k", "5", "e")),
		    GET("ETag: \"e\"\r\nx-amz-tagging-count: 1\r\n", "value"),
		    KIT_XML("GET", "/bucket/k?tagging",
		        "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value>"
		        "</Tag></TagSet></Tagging>"),
		    KIT_END },
		{ EXISTS, ALL(""), KIT_END },
	};

	(void)state;
	for (int what = 0; what < 3; what++) {
		bool hit = true;
		long n = 0;

		for (; hit; n = sparse_next(n)) {
			struct world w;
			int rc;

			begin(&w, steps[what]);
			failalloc_at(n);
			rc = what == 0   ? check(&w, false)
			     : what == 1 ? backup(&w)
			                 : restore(&w);
			hit = failalloc_count() > n;
			failalloc_at(-1);
			assert_true(rc == 0 || err_is(&w.err, ERR_NOMEM));
			leave(&w);
		}
		assert_true(n > 20);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_lists_and_reads),
		cmocka_unit_test(a_check_alone_asks_for_one_key),
		cmocka_unit_test(a_key_is_there_or_a_folder_of_that_name),
		cmocka_unit_test(tags_that_may_not_be_read_degrade_it),
		cmocka_unit_test(an_object_that_changes_is_read_as_it_is_now),
		cmocka_unit_test(
		    an_object_that_is_gone_is_told_from_a_bucket_that_is),
		cmocka_unit_test(a_bucket_that_is_missing_is_made_unless_dry),
		cmocka_unit_test(
		    a_bucket_that_may_not_be_listed_is_not_restored_to),
		cmocka_unit_test(only_bytes_tell_where_etags_cannot),
		cmocka_unit_test(what_etags_tell_is_not_read),
		cmocka_unit_test(what_is_not_in_the_set_is_removed_if_wanted),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("component_bucket", tests, NULL,
	    NULL);
}
