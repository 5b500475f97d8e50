#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/s3_kit.h"
#include "base/buf.h"

#define FIRST "/bucket?list-type=2&encoding-type=url&max-keys=1000&prefix="
#define OPEN "<ListBucketResult><EncodingType>url</EncodingType>"
#define CLOSE "</ListBucketResult>"
#define KEY(k) "<Contents><Key>" k "</Key><Size>1</Size></Contents>"
#define FOLDER(k) "<CommonPrefixes><Prefix>" k "</Prefix></CommonPrefixes>"
#define MORE(t)                           \
	"<IsTruncated>true</IsTruncated>" \
	"<NextContinuationToken>" t "</NextContinuationToken>"
#define PAGE(target, xml) KIT_XML("GET", target, OPEN xml CLOSE)

/* All keys, a space between them; folders as they are. */
static int
list(struct s3 *s, const char *prefix, const char *delimiter, const char *after,
    struct buf *out, struct err *err)
{
	AUTO(s3_list) struct s3_list *l = NULL;
	AUTO(object) struct object o = { 0 };
	bool more, folder;

	out->max = 1 << 20;
	if (s3_list_new(s, prefix, delimiter, after, &l, err) ||
	    buf_puts(out, "", err))
		return -1;
	for (;;) {
		if (s3_list_next(l, &o, &folder, &more, err))
			return -1;
		if (!more)
			break;
		if (buf_printf(out, err, "%s%s ", o.key, folder ? "*" : ""))
			return -1;
	}
	/* the end stays the end */
	return s3_list_next(l, &o, &folder, &more, err) || more ? -1 : 0;
}

static void
expect(const struct httpd_step *steps, const char *prefix,
    const char *delimiter, const char *after, const char *want)
{
	AUTO(s3_kit) struct s3_kit k;
	AUTO(buf) struct buf out = { 0 };
	struct err err = { 0 };

	s3_kit_start(&k, steps, NULL);
	if (list(k.s, prefix, delimiter, after, &out, &err))
		fail_msg("%s", err.msg);
	s3_kit_check(&k);
	assert_string_equal(out.data, want);
}

static void
expect_refused(const struct httpd_step *steps, const char *after,
    const char *words)
{
	AUTO(s3_kit) struct s3_kit k;
	AUTO(buf) struct buf out = { 0 };
	struct err err = { 0 };

	s3_kit_start(&k, steps, NULL);
	assert_int_equal(list(k.s, "p", NULL, after, &out, &err), -1);
	s3_kit_check(&k);
	assert_true(err_is(&err, ERR_REMOTE));
	if (!strstr(err.msg, words))
		fail_msg("%s", err.msg);
}

static void
pages_follow_each_other(void **state)
{
	const struct httpd_step steps[] = { PAGE(FIRST "p%20%2F",
		                                KEY("p%20/a+b") KEY("p+%2Fc")
		                                    MORE("t+&amp;=%")),
		PAGE(FIRST "p%20%2F&continuation-token=t%2B%26%3D%25",
		    MORE("u")),
		PAGE(FIRST "p%20%2F&continuation-token=u ", KEY("p+/d")),
		KIT_END };

	(void)state;
	expect(steps, "p /", NULL, NULL, "p /a b p /c p /d ");
}

static void
an_empty_bucket_has_nothing(void **state)
{
	const struct httpd_step steps[] = { PAGE(FIRST " ", ""), KIT_END };

	(void)state;
	expect(steps, NULL, NULL, NULL, "");
}

static void
it_begins_behind_a_key(void **state)
{
	const struct httpd_step steps[] = {
		PAGE(FIRST "p&start-after=p%2Fb%20 ", KEY("p/c")), KIT_END
	};

	(void)state;
	expect(steps, "p", NULL, "p/b ", "p/c ");
}

static void
folders_stand_among_the_keys_in_order(void **state)
{
	const struct httpd_step steps[] = { PAGE(FIRST "&delimiter=%2F ",
		                                KEY("a") KEY("b.txt") KEY("c")
		                                    FOLDER("b/") FOLDER("bb/")
		                                        MORE("t")),
		/* a folder at the edge may come twice */
		PAGE(FIRST "&delimiter=%2F&continuation-token=t ",
		    FOLDER("d/") MORE("u")),
		PAGE(FIRST "&delimiter=%2F&continuation-token=u ",
		    FOLDER("d/") KEY("e")),
		KIT_END };

	(void)state;
	expect(steps, "", "/", NULL, "a b.txt b/* bb/* c d/* e ");
}

static void
a_folder_may_hold_the_key_to_begin_behind(void **state)
{
	const struct httpd_step steps[] = {
		PAGE(FIRST "p&delimiter=%2F&start-after=p%2Fb ",
		    FOLDER("p/") KEY("pq")),
		KIT_END
	};
	const struct httpd_step again[] = {
		PAGE(FIRST "p&delimiter=%2F&start-after=p%2F ",
		    FOLDER("p/") KEY("pq")),
		KIT_END
	};

	(void)state;
	expect(steps, "p", "/", "p/b", "p/* pq ");
	expect(again, "p", "/", "p/", "pq ");
}

static void
lists_that_are_not_in_order_are_refused(void **state)
{
	static const char *const page[] = { OPEN KEY("pb") KEY("pa") CLOSE,
		OPEN KEY("pa") KEY("pa") CLOSE,
		OPEN KEY("pc") KEY("pb") FOLDER("pd/") CLOSE };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct httpd_step steps[] = {
			KIT_XML("GET", FIRST "p ", page[i]), KIT_END
		};

		expect_refused(steps, NULL, "not in order");
	}
	const struct httpd_step behind[] = { PAGE(FIRST "p", KEY("pa")),
		KIT_END };

	expect_refused(behind, "pb", "not in order");
}

static void
lists_that_go_round_in_circles_are_refused(void **state)
{
	const struct httpd_step again[] = { PAGE(FIRST "p ",
		                                KEY("pa") MORE("t")),
		PAGE(FIRST "p&continuation-token=t ", KEY("pa") MORE("u")),
		KIT_END };
	const struct httpd_step token[] = { PAGE(FIRST "p ", MORE("t")),
		PAGE(FIRST "p&continuation-token=t ", MORE("t")), KIT_END };
	const struct httpd_step none[] = {
		PAGE(FIRST "p ", KEY("pa") "<IsTruncated>true</IsTruncated>"),
		KIT_END
	};
	const struct httpd_step empty[] = { PAGE(FIRST "p ", MORE("")),
		KIT_END };

	(void)state;
	expect_refused(again, NULL, "not in order");
	expect_refused(token, NULL, "the same page");
	expect_refused(none, NULL, "but not where");
	expect_refused(empty, NULL, "but not where");
}

static void
empty_pages_have_an_end(void **state)
{
	enum { PAGES = 1000 };
	static struct httpd_step steps[PAGES + 1];
	static char page[PAGES][160];

	(void)state;
	for (int i = 0; i < PAGES; i++) {
		(void)snprintf(page[i], sizeof page[i],
		    "<ListBucketResult>" MORE("t%d") "</ListBucketResult>", i);
		steps[i] =
		    (struct httpd_step)KIT_XML("GET", FIRST "p", page[i]);
	}
	expect_refused(steps, NULL, "empty pages without end");
}

static void
a_key_without_the_prefix_is_refused(void **state)
{
	const struct httpd_step steps[] = { PAGE(FIRST "p ", KEY("q")),
		KIT_END };

	(void)state;
	expect_refused(steps, NULL, "prefix");
}

static void
a_token_that_is_the_key_keeps_its_carriage_returns(void **state)
{
	const struct httpd_step steps[] = {
		PAGE(FIRST "p ", KEY("p%0D%0Aa%0D") MORE("p&#x1;x")),
		PAGE(FIRST "p&continuation-token=p%01x ",
		    KEY("p%0D%0Ab%0D") MORE("p\r\nb\r")),
		PAGE(FIRST "p&continuation-token=p%0D%0Ab%0D ",
		    KEY("p%0D%0Ac") MORE("p\r\nd")),
		PAGE(FIRST "p&continuation-token=p%0Ad ", ""), KIT_END
	};

	(void)state;
	expect(steps, "p", NULL, NULL, "p\r\na\r p\r\nb\r p\r\nc ");
}

static void
a_bucket_that_is_missing_or_closed_is_said(void **state)
{
	const struct httpd_step steps[] = { KIT_ERROR("GET", FIRST, 404,
		                                "NoSuchBucket"),
		KIT_ERROR("GET", FIRST, 403, "AccessDenied"), KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	AUTO(buf) struct buf out = { 0 };
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(list(k.s, "", NULL, NULL, &out, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_int_equal(list(k.s, "", NULL, NULL, &out, &err), -1);
	assert_string_equal(err.msg,
	    "access denied: the key may not list bucket 'bucket'");
}

static void
every_allocation_may_fail(void **state)
{
	const struct httpd_step steps[] = { PAGE(FIRST, KEY("a") FOLDER("b/")
		                                            MORE("t")),
		PAGE(FIRST, KEY("c")), KIT_END };
	long fails = 0;
	int rc;

	(void)state;
	for (;; fails++) {
		AUTO(s3_kit) struct s3_kit k;
		AUTO(buf) struct buf out = { 0 };
		struct err err = { 0 };

		s3_kit_start(&k, steps, NULL);
		failalloc_at(fails);
		rc = list(k.s, "", "/", NULL, &out, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		if (!err_is(&err, ERR_NOMEM))
			fail_msg("%ld: %s", fails, err.msg);
	}
	assert_true(fails >= 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_follow_each_other),
		cmocka_unit_test(an_empty_bucket_has_nothing),
		cmocka_unit_test(it_begins_behind_a_key),
		cmocka_unit_test(folders_stand_among_the_keys_in_order),
		cmocka_unit_test(a_folder_may_hold_the_key_to_begin_behind),
		cmocka_unit_test(lists_that_are_not_in_order_are_refused),
		cmocka_unit_test(lists_that_go_round_in_circles_are_refused),
		cmocka_unit_test(empty_pages_have_an_end),
		cmocka_unit_test(a_key_without_the_prefix_is_refused),
		cmocka_unit_test(
		    a_token_that_is_the_key_keeps_its_carriage_returns),
		cmocka_unit_test(a_bucket_that_is_missing_or_closed_is_said),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("s3_list", tests, NULL, NULL);
}
