#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "s3/reply.h"

/* The text of a literal as a buffer that nobody frees. */
static struct buf
text(const char *s)
{
	return (struct buf){ .data = (char *)(uintptr_t)s, .len = strlen(s) };
}

static const char list[] =
    "<ListBucketResult><Name>b</Name><Prefix>&#x1;</Prefix>"
    "<Contents><Key>a%2Fb+c%2B%01</Key><LastModified>2026-11-20T16:28:00.000Z"
    "</LastModified><ETag>&quot;e1&quot;</ETag><Size>12</Size>"
    "<Owner><ID>x</ID></Owner></Contents>"
    "<CommonPrefixes><Prefix>d+d/</Prefix></CommonPrefixes>"
    "<IsTruncated>true</IsTruncated>"
    "<NextContinuationToken>t+%2B</NextContinuationToken>"
    "<EncodingType>url</EncodingType></ListBucketResult>";

static void
a_page_of_a_list_is_read(void **state)
{
	const struct buf b = text(list);
	AUTO(reply_page) struct reply_page p = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(reply_page(&b, &p, &err), 0);
	assert_int_equal(p.count, 2);
	assert_string_equal(p.entry[0].o.key, "a/b c+\x01");
	assert_int_equal(p.entry[0].o.size, 12);
	assert_string_equal(p.entry[0].o.etag, "e1");
	assert_string_equal(p.entry[0].o.modified, "2026-11-20T16:28:00.000Z");
	assert_false(p.entry[0].folder);
	assert_string_equal(p.entry[1].o.key, "d d/");
	assert_true(p.entry[1].folder);
	assert_true(p.truncated);
	assert_string_equal(p.token, "t+%2B");
}

static void
keys_are_raw_where_the_server_does_not_encode(void **state)
{
	const struct buf b =
	    text("<ListBucketResult><Contents><Key>a%2F+b</Key><Size>0</Size>"
	         "</Contents></ListBucketResult>");
	AUTO(reply_page) struct reply_page p = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(reply_page(&b, &p, &err), 0);
	assert_string_equal(p.entry[0].o.key, "a%2F+b");
	assert_false(p.truncated);
	assert_null(p.token);
}

static void
pages_that_make_no_sense_are_corrupt(void **state)
{
	static const char *const bad[] = {
		"<ListBucketResult><Contents><Size>1</Size></Contents>"
		"</ListBucketResult>",
		"<ListBucketResult><Contents><Key>a</Key><Size>x</Size>"
		"</Contents></ListBucketResult>",
		"<ListBucketResult><Contents><Key>a</Key><Size>-1</Size>"
		"</Contents></ListBucketResult>",
		"<ListBucketResult><EncodingType>url</EncodingType><Contents>"
		"<Key>a%zz</Key></Contents></ListBucketResult>",
		"<ListBucketResult><EncodingType>url</EncodingType><Contents>"
		"<Key>a%00b</Key></Contents></ListBucketResult>",
		"<ListBucketResult><Contents>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const struct buf b = text(bad[i]);
		AUTO(reply_page) struct reply_page p = { 0 };
		struct err err = { 0 };

		if (reply_page(&b, &p, &err) == 0)
			fail_msg("%s", bad[i]);
		assert_true(err_is(&err, ERR_CORRUPT));
		assert_int_equal(p.count, 0);
	}
}

static void
errors_are_read_as_far_as_they_go(void **state)
{
	struct reply_error e;
	struct buf b = text("<Error><Code>AuthorizationHeaderMalformed</Code>"
	                    "<Message>m</Message><Region>eu-west-1</Region>"
	                    "<Endpoint>h</Endpoint></Error>");

	(void)state;
	reply_error(&b, &e);
	assert_string_equal(e.code, "AuthorizationHeaderMalformed");
	assert_string_equal(e.message, "m");
	assert_string_equal(e.region, "eu-west-1");
	assert_string_equal(e.endpoint, "h");
	b = text("<Error><Code>NoSuchKey</Code><Key>\xff</Key></Error>");
	reply_error(&b, &e);
	assert_string_equal(e.code, "NoSuchKey");
	b = text("<html><Code>x</Code></html>");
	reply_error(&b, &e);
	assert_string_equal(e.code, "");
	b = (struct buf){ 0 };
	reply_error(&b, &e);
	assert_string_equal(e.code, "");
}

static void
long_texts_of_errors_are_cut(void **state)
{
	char xml[4096];
	struct reply_error e;
	struct buf b;

	(void)state;
	(void)snprintf(xml, sizeof xml,
	    "<Error><Code>%0200d</Code><Message>%02000d</Message></Error>", 0,
	    0);
	b = text(xml);
	reply_error(&b, &e);
	assert_int_equal(strlen(e.code), sizeof e.code - 1);
	assert_int_equal(strlen(e.message), sizeof e.message - 1);
}

static void
uploads_are_read(void **state)
{
	const struct buf b =
	    text("<ListMultipartUploadsResult><NextKeyMarker>k2</NextKeyMarker>"
	         "<NextUploadIdMarker>i2</NextUploadIdMarker>"
	         "<IsTruncated>true</IsTruncated>"
	         "<Upload><Owner/><Key>k 1</Key><UploadId>i1</UploadId>"
	         "<Initiated>2026-11-20T16:28:00.000Z</Initiated></Upload>"
	         "<Upload><Key>k2</Key><UploadId>i2</UploadId></Upload>"
	         "</ListMultipartUploadsResult>");
	AUTO(reply_uploads) struct reply_uploads u = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(reply_uploads(&b, &u, &err), 0);
	assert_int_equal(u.count, 2);
	assert_string_equal(u.upload[0].key, "k 1");
	assert_string_equal(u.upload[0].id, "i1");
	assert_int_equal(u.upload[0].begun, 1795192080);
	/* young for ever: nobody aborts it */
	assert_true(u.upload[1].begun == INT64_MAX);
	assert_true(u.truncated);
	assert_string_equal(u.next_key, "k2");
	assert_string_equal(u.next_id, "i2");
}

static void
encoded_and_broken_uploads_are_told_apart(void **state)
{
	struct buf b =
	    text("<ListMultipartUploadsResult><EncodingType>url</EncodingType>"
	         "<NextKeyMarker>k%20</NextKeyMarker>"
	         "<Upload><Key>k%201</Key><UploadId>i</UploadId></Upload>"
	         "</ListMultipartUploadsResult>");
	AUTO(reply_uploads) struct reply_uploads u = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(reply_uploads(&b, &u, &err), 0);
	assert_string_equal(u.upload[0].key, "k 1");
	assert_string_equal(u.next_key, "k ");
	reply_uploads_done(&u);
	b = text("<ListMultipartUploadsResult><Upload><Key>k</Key></Upload>"
	         "</ListMultipartUploadsResult>");
	assert_int_equal(reply_uploads(&b, &u, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	b = text("<ListMultipartUploadsResult><Upload><Key>k</Key>"
	         "<Initiated>yesterday</Initiated></Upload>"
	         "</ListMultipartUploadsResult>");
	assert_int_equal(reply_uploads(&b, &u, &err), -1);
}

static void
tags_are_read(void **state)
{
	const struct buf b =
	    text("<Tagging><TagSet><Tag><Key>a</Key><New>n</New>"
	         "<Value>1 &amp; 2</Value></Tag>"
	         "<Tag><Key>b</Key><Value/></Tag></TagSet></Tagging>");
	const struct buf bad =
	    text("<Tagging><TagSet><Tag><Value>v</Value></Tag></TagSet>"
	         "</Tagging>");
	AUTO(object) struct object o = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(reply_tags(&b, &o.tags, &err), 0);
	assert_int_equal(o.tags.count, 2);
	assert_string_equal(o.tags.pair[0].name, "a");
	assert_string_equal(o.tags.pair[0].value, "1 & 2");
	assert_string_equal(o.tags.pair[1].name, "b");
	assert_string_equal(o.tags.pair[1].value, "");
	assert_int_equal(reply_tags(&bad, &o.tags, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
}

static void
one_element_must_be_there_and_not_empty(void **state)
{
	const struct buf b = text("<R><A>x</A><B/></R>");
	AUTO(free) char *got = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(reply_text(&b, "R/A", &got, &err), 0);
	assert_string_equal(got, "x");
	free(TAKE(got));
	assert_int_equal(reply_text(&b, "R/B", &got, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	assert_int_equal(reply_text(&b, "R/C", &got, &err), -1);
	assert_null(got);
}

static void
quotes_of_an_etag_are_taken_off(void **state)
{
	static const char *const t[][2] = { { "\"e\"", "e" }, { "e", "e" },
		{ "\"", "\"" }, { "\"\"", "" }, { "W/\"e\"", "W/\"e\"" } };

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO(free) char *etag = NULL;
		struct err err = { 0 };

		assert_int_equal(reply_etag(t[i][0], &etag, &err), 0);
		assert_string_equal(etag, t[i][1]);
	}
}

static int
scenario(struct err *err)
{
	const struct buf b = text(list);
	const struct buf u =
	    text("<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>i"
	         "</UploadId></Upload></ListMultipartUploadsResult>");
	const struct buf t = text("<Tagging><TagSet><Tag><Key>a</Key><Value>1"
	                          "</Value></Tag></TagSet></Tagging>");
	AUTO(reply_page) struct reply_page p = { 0 };
	AUTO(reply_uploads) struct reply_uploads up = { 0 };
	AUTO(object) struct object o = { 0 };

	if (reply_page(&b, &p, err) || reply_uploads(&u, &up, err))
		return -1;
	return reply_tags(&t, &o.tags, err);
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(failalloc_each(scenario) >= 10);
}

static void
lists_have_a_limit(void **state)
{
	enum { MANY = 20001 };
	AUTO(buf) struct buf page = { .max = 2 << 20 };
	AUTO(buf) struct buf uploads = { .max = 2 << 20 };
	AUTO(reply_page) struct reply_page p = { 0 };
	AUTO(reply_uploads) struct reply_uploads u = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(buf_puts(&page, "<ListBucketResult>", &err), 0);
	assert_int_equal(buf_puts(&uploads, "<ListMultipartUploadsResult>",
	                     &err),
	    0);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(buf_puts(&page,
		                     "<Contents><Key>k</Key></Contents>",
		                     &err) ||
		                     buf_puts(&uploads,
		                         "<Upload><Key>k</Key><UploadId>i"
		                         "</UploadId></Upload>",
		                         &err),
		    0);
	assert_int_equal(buf_puts(&page, "</ListBucketResult>", &err), 0);
	assert_int_equal(buf_puts(&uploads, "</ListMultipartUploadsResult>",
	                     &err),
	    0);
	assert_int_equal(reply_page(&page, &p, &err), -1);
	assert_string_equal(err.msg,
	    "LIST: more than 20000 entries in one page");
	assert_int_equal(reply_uploads(&uploads, &u, &err), -1);
	assert_string_equal(err.msg, "more than 20000 uploads in one page");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_of_a_list_is_read),
		cmocka_unit_test(keys_are_raw_where_the_server_does_not_encode),
		cmocka_unit_test(pages_that_make_no_sense_are_corrupt),
		cmocka_unit_test(errors_are_read_as_far_as_they_go),
		cmocka_unit_test(long_texts_of_errors_are_cut),
		cmocka_unit_test(uploads_are_read),
		cmocka_unit_test(encoded_and_broken_uploads_are_told_apart),
		cmocka_unit_test(tags_are_read),
		cmocka_unit_test(one_element_must_be_there_and_not_empty),
		cmocka_unit_test(quotes_of_an_etag_are_taken_off),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(lists_have_a_limit),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
