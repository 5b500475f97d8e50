#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "../lib/s3_kit.h"
#include "../lib/sparse.h"
#include "base/pool.h"

#define BEGIN                                              \
	KIT_XML("POST", "/bucket/k?uploads= ",             \
	    "<InitiateMultipartUploadResult><UploadId>u/1" \
	    "</UploadId></InitiateMultipartUploadResult>")
#define PART(n, fault)                                                    \
	{                                                                 \
		"PUT", "/bucket/k?partNumber=" n "&uploadId=u%2F1 ", 200, \
		    "ETag: \"p" n "\"\r\n", NULL, 0, fault                \
	}
#define COMPLETE "/bucket/k?uploadId=u%2F1 "
#define DONE                                                  \
	"<CompleteMultipartUploadResult><ETag>\"x-2\"</ETag>" \
	"</CompleteMultipartUploadResult>"
#define ABORT                                                                \
	{                                                                    \
		"DELETE", "/bucket/k?uploadId=u%2F1 ", 204, NULL, NULL, 0, 0 \
	}
#define HEAD_IS(etag, body)                                                    \
	{                                                                      \
		"HEAD", "/bucket/k", 200, "ETag: \"" etag "\"\r\n", body, 0, 0 \
	}

/* Parts of four bytes. */
static const struct s3_upload k4 = { .key = "k", .size = S3_ALL, .part = 4 };

static int
upload_as(struct s3 *s, const struct s3_upload *to, const char *text,
    struct err *err)
{
	AUTO(sink) struct sink *up = NULL;

	if (s3_upload_new(s, to, &up, err) ||
	    sink_write(up, text, strlen(text), err))
		return -1;
	return sink_finish(up, err);
}

static int
upload(struct s3 *s, const char *text, const struct object *o, uint64_t size,
    struct err *err)
{
	struct s3_upload to = k4;

	to.o = o;
	to.size = size;
	return upload_as(s, &to, text, err);
}

static void
expect_ok(const struct httpd_step *steps, const char *text,
    const struct object *o)
{
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	s3_kit_start(&k, steps, NULL);
	if (upload(k.s, text, o, S3_ALL, &err))
		fail_msg("%s", err.msg);
	s3_kit_check(&k);
}

static void
expect_error(const struct httpd_step *steps, const char *text,
    enum err_code code)
{
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	s3_kit_start(&k, steps, NULL);
	assert_int_equal(upload(k.s, text, NULL, S3_ALL, &err), -1);
	if (!err_is(&err, code))
		fail_msg("%d: %s", err.code, err.msg);
	s3_kit_check(&k);
}

static void
what_fits_into_one_part_is_one_put(void **state)
{
	static const char *const text[] = { "", "abc", "abcd" };
	const struct httpd_step steps[] = { { "PUT", "/bucket/k ", 200,
		                                "ETag: \"e\"\r\n", NULL, 0, 0 },
		KIT_END };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		AUTO(s3_kit) struct s3_kit k;
		struct err err = { 0 };

		s3_kit_start(&k, steps, NULL);
		assert_int_equal(upload(k.s, text[i], NULL, strlen(text[i]),
		                     &err),
		    0);
		s3_kit_check(&k);
		assert_string_equal(httpd_body(k.d, 0), text[i]);
	}
}

static void
more_is_sent_in_parts(void **state)
{
	const struct httpd_step steps[] = { BEGIN, PART("1", 0), PART("2", 0),
		PART("3", 0), KIT_XML("POST", COMPLETE, DONE), KIT_END };
	struct object_pair pair[] = { { (char[]){ "a" }, (char[]){ "1" } } };
	const struct object o = { .meta = { pair, 1 },
		.header = { (char[]){ "text/plain" } } };
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(upload(k.s, "abcdefghij", &o, S3_ALL, &err), 0);
	s3_kit_check(&k);
	assert_non_null(strstr(httpd_head(k.d, 0), "x-amz-meta-a: 1\r\n"));
	assert_non_null(strstr(httpd_head(k.d, 0),
	    "content-type: text/plain\r\n"));
	assert_null(strstr(httpd_head(k.d, 1), "x-amz-meta-a"));
	assert_string_equal(httpd_body(k.d, 1), "abcd");
	assert_string_equal(httpd_body(k.d, 2), "efgh");
	assert_string_equal(httpd_body(k.d, 3), "ij");
	assert_non_null(strstr(httpd_body(k.d, 4),
	    "<Part><PartNumber>1</PartNumber><ETag>&#34;p1&#34;</ETag></Part>"
	    "<Part><PartNumber>2</PartNumber><ETag>&#34;p2&#34;</ETag></Part>"
	    "<Part><PartNumber>3</PartNumber><ETag>&#34;p3&#34;</ETag></Part>"
	    "</CompleteMultipartUpload>"));
}

/* SHA-256 of "abcd" and of "ef", in base64 */
#define ABCD "iNQmb9TmM40TuEX88olXnSCciXgjuSF9o+Fhk28DFYk="
#define EF "TKZprDcT0fSuoH2ujcwNHJhn0n6oKjuk5hWKQiBvlZs="

/* What a bucket with a default retention wants of an upload. */
static void
expect_checksums(const struct s3_kit *k, unsigned first)
{
	assert_non_null(strstr(httpd_head(k->d, first),
	    "x-amz-checksum-algorithm: SHA256\r\n"));
	assert_non_null(strstr(httpd_head(k->d, first + 1),
	    "x-amz-checksum-sha256: " ABCD "\r\n"));
	assert_non_null(strstr(httpd_head(k->d, first + 1),
	    "x-amz-checksum-sha256;x-amz-content-sha256;x-amz-date,"));
	assert_non_null(strstr(httpd_head(k->d, first + 2),
	    "x-amz-checksum-sha256: " EF "\r\n"));
	assert_non_null(strstr(httpd_body(k->d, first + 3),
	    "&#34;p1&#34;</ETag><ChecksumSHA256>" ABCD
	    "</ChecksumSHA256></Part>"));
	assert_non_null(strstr(httpd_body(k->d, first + 3),
	    "<ChecksumSHA256>" EF "</ChecksumSHA256></Part>"));
}

static void
an_upload_begins_again_where_checksums_are_wanted(void **state)
{
	const struct httpd_step steps[] = { BEGIN,
		KIT_NO_CHECKSUM("/bucket/k?partNumber=1&"), ABORT, BEGIN,
		PART("1", 0), PART("2", 0), KIT_XML("POST", COMPLETE, DONE),
		/* what was learned stays */
		BEGIN, PART("1", 0), PART("2", 0),
		KIT_XML("POST", COMPLETE, DONE), KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	for (int i = 0; i < 2; i++)
		if (upload(k.s, "abcdef", NULL, S3_ALL, &err))
			fail_msg("%s", err.msg);
	s3_kit_check(&k);
	assert_null(strstr(httpd_head(k.d, 0), "x-amz-checksum"));
	expect_checksums(&k, 3);
	expect_checksums(&k, 7);
}

static void
checksums_that_do_not_help_are_no_loop(void **state)
{
	const struct httpd_step again[] = { BEGIN,
		KIT_NO_CHECKSUM("/bucket/k?partNumber=1&"), ABORT, BEGIN,
		KIT_NO_CHECKSUM("/bucket/k?partNumber=1&"), ABORT, KIT_END };
	/* the retention came while the upload went on */
	const struct httpd_step late[] = { BEGIN, PART("1", 0),
		KIT_NO_CHECKSUM("/bucket/k?partNumber=2&"), ABORT, KIT_END };

	(void)state;
	expect_error(again, "abcdef", ERR_REMOTE);
	expect_error(late, "abcdef", ERR_REMOTE);
}

static void
an_upload_that_is_not_finished_is_aborted(void **state)
{
	const struct httpd_step steps[] = { BEGIN, PART("1", 0), ABORT,
		KIT_END };
	const struct httpd_step fails[] = { BEGIN, PART("1", 0),
		KIT_ERROR("DELETE", "/bucket/k?", 503, "SlowDown"), KIT_END };
	const struct httpd_step *const both[] = { steps, fails };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		AUTO(s3_kit) struct s3_kit k;
		struct sink *up;
		struct err err = { 0 };

		s3_kit_start(&k, both[i], NULL);
		assert_int_equal(s3_upload_new(k.s, &k4, &up, &err), 0);
		assert_int_equal(sink_write(up, "abcde", 5, &err), 0);
		sink_free(up);
		s3_kit_check(&k);
		assert_int_equal(k.slept, 0);
	}
}

static void
nothing_sent_means_nothing_to_abort(void **state)
{
	const struct httpd_step steps[] = { KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	struct sink *up;
	struct err err = { 0 };

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_upload_new(k.s, &k4, &up, &err), 0);
	assert_int_equal(sink_write(up, "abcd", 4, &err), 0);
	sink_free(up);
	s3_kit_check(&k);
}

static void
parts_and_completion_are_tried_again(void **state)
{
	const struct httpd_step steps[] = { BEGIN,
		KIT_ERROR("PUT", "/bucket/k?partNumber=1", 503, "SlowDown"),
		PART("1", HTTPD_RESET), PART("1", 0), PART("2", 0),
		KIT_XML("POST", COMPLETE,
		    "<Error><Code>InternalError</Code></Error>"),
		KIT_XML("POST", COMPLETE, "  "),
		KIT_XML("POST", COMPLETE, DONE), KIT_END };

	(void)state;
	expect_ok(steps, "abcdef", NULL);
}

static void
a_success_with_an_error_inside_is_a_failure(void **state)
{
	const struct httpd_step steps[] = { BEGIN, PART("1", 0), PART("2", 0),
		KIT_XML("POST", COMPLETE,
		    "<Error><Code>InvalidPart</Code></Error>"),
		ABORT, KIT_END };

	(void)state;
	expect_error(steps, "abcdef", ERR_REMOTE);
}

static void
a_part_without_an_etag_is_a_failure(void **state)
{
	const struct httpd_step steps[] = { BEGIN,
		{ "PUT", "/bucket/k?partNumber=1&", 200, NULL, NULL, 0, 0 },
		ABORT, KIT_END };

	(void)state;
	expect_error(steps, "abcdef", ERR_REMOTE);
}

static void
a_lost_confirmation_is_looked_up(void **state)
{
	const struct httpd_step good[] = { BEGIN, PART("1", 0), PART("2", 0),
		{ "POST", COMPLETE, 200, NULL, DONE, 0, HTTPD_RESET },
		KIT_ERROR("POST", COMPLETE, 404, "NoSuchUpload"),
		HEAD_IS("x-2", "123456"), KIT_END };
	const struct httpd_step size[] = { BEGIN, PART("1", 0), PART("2", 0),
		{ "POST", COMPLETE, 200, NULL, DONE, 0, HTTPD_CUT },
		KIT_ERROR("POST", COMPLETE, 404, "NoSuchUpload"),
		HEAD_IS("x-2", "12345"), ABORT, KIT_END };
	const struct httpd_step etag[] = { BEGIN, PART("1", 0), PART("2", 0),
		KIT_ERROR("POST", COMPLETE, 500, "InternalError"),
		KIT_ERROR("POST", COMPLETE, 404, "NoSuchUpload"),
		HEAD_IS("x", "123456"), ABORT, KIT_END };
	const struct httpd_step none[] = { BEGIN, PART("1", 0), PART("2", 0),
		{ "POST", COMPLETE, 200, NULL, DONE, 0, HTTPD_RESET },
		KIT_ERROR("POST", COMPLETE, 404, "NoSuchUpload"),
		{ "HEAD", "/bucket/k", 404, NULL, NULL, 0, 0 }, ABORT,
		KIT_END };
	/* nothing was lost: somebody else has aborted it */
	const struct httpd_step gone[] = { BEGIN, PART("1", 0), PART("2", 0),
		KIT_ERROR("POST", COMPLETE, 404, "NoSuchUpload"), ABORT,
		KIT_END };

	(void)state;
	expect_ok(good, "abcdef", NULL);
	expect_error(size, "abcdef", ERR_NOTFOUND);
	expect_error(etag, "abcdef", ERR_NOTFOUND);
	expect_error(none, "abcdef", ERR_NOTFOUND);
	expect_error(gone, "abcdef", ERR_NOTFOUND);
}

static void
a_confirmation_without_an_etag_is_looked_up(void **state)
{
	const char *empty = "<CompleteMultipartUploadResult><ETag></ETag>"
	                    "</CompleteMultipartUploadResult>";
	const struct httpd_step good[] = { BEGIN, PART("1", 0), PART("2", 0),
		KIT_XML("POST", COMPLETE, empty), HEAD_IS("x-2", "123456"),
		KIT_END };
	const struct httpd_step bad[] = { BEGIN, PART("1", 0), PART("2", 0),
		KIT_XML("POST", COMPLETE, empty), HEAD_IS("x-3", "123456"),
		ABORT, KIT_END };

	(void)state;
	expect_ok(good, "abcdef", NULL);
	expect_error(bad, "abcdef", ERR_REMOTE);
}

static void
tags_are_put_again_where_the_server_lost_them(void **state)
{
	struct object_pair pair[] = { { (char[]){ "a" }, (char[]){ "1" } } };
	const struct object o = { .tags = { pair, 1 } };
	const struct httpd_step lost[] = { BEGIN, PART("1", 0), PART("2", 0),
		KIT_XML("POST", COMPLETE, DONE), HEAD_IS("x-2", "123456"),
		{ "PUT", "/bucket/k?tagging=", 200, NULL, NULL, 0, 0 },
		KIT_END };
	const struct httpd_step kept[] = { BEGIN, PART("1", 0), PART("2", 0),
		KIT_XML("POST", COMPLETE, DONE),
		{ "HEAD", "/bucket/k", 200, "x-amz-tagging-count: 1\r\n", NULL,
		    0, 0 },
		KIT_END };

	(void)state;
	expect_ok(lost, "abcdef", &o);
	expect_ok(kept, "abcdef", &o);
}

/* Parts of one byte: 2000 of them, then of two, of four and of eight. */
static void
expect_growing(struct pool *spare)
{
	enum { PARTS = 6003 };
	const struct s3_upload to = {
		.key = "k", .size = 2000 * 7 + 8 * 3, .part = 1, .spare = spare
	};
	static struct httpd_step steps[PARTS + 3];
	static char target[PARTS][48], text[2000 * 7 + 8 * 3];
	AUTO(s3_kit) struct s3_kit k;
	AUTO(sink) struct sink *up = NULL;
	struct err err = { 0 };

	steps[0] = (struct httpd_step)BEGIN;
	for (int i = 0; i < PARTS; i++) {
		(void)snprintf(target[i], sizeof target[i],
		    "/bucket/k?partNumber=%d&", i + 1);
		steps[i + 1] = (struct httpd_step){ "PUT", target[i], 200,
			"ETag: \"e\"\r\n", NULL, 0, 0 };
	}
	steps[PARTS + 1] = (struct httpd_step)KIT_XML("POST", COMPLETE, DONE);
	memset(text, 'x', sizeof text);
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_upload_new(k.s, &to, &up, &err), 0);
	assert_int_equal(sink_write(up, text, sizeof text, &err), 0);
	assert_int_equal(sink_finish(up, &err), 0);
	s3_kit_check(&k);
	assert_int_equal(httpd_body_len(k.d, 2000), 1);
	assert_int_equal(httpd_body_len(k.d, 2001), 2);
	assert_int_equal(httpd_body_len(k.d, 4000), 2);
	assert_int_equal(httpd_body_len(k.d, 4001), 4);
	assert_int_equal(httpd_body_len(k.d, 6001), 8);
	assert_int_equal(httpd_body_len(k.d, 6003), 8);
}

static void
parts_grow_when_they_become_many(void **state)
{
	AUTO(pool) struct pool *one = NULL;
	struct err err = { 0 };

	(void)state;
	if (!sparse_not())
		skip(); /* too long there, and each request is like the others
		         */
	expect_growing(NULL);
	/* one on its way, which comes before the next */
	assert_int_equal(pool_new(&(struct pool_size){ .workers = 1,
	                              .budget = (128 << 10) + 15 },
	                     &one, &err),
	    0);
	expect_growing(one);
	assert_true(pool_try(one, (128 << 10) + 15));
	pool_give(one, (128 << 10) + 15);
}

/* --- parts beside one another */

/* Memory for so many parts of four bytes on their way. */
static void
pool_of(unsigned parts, struct pool **ret)
{
	/* with a thread and a connection, of 128 KiB */
	const struct pool_size size = { .workers = 1,
		.budget = (uint64_t)parts * ((128 << 10) + 4) };
	struct err err = { 0 };

	assert_int_equal(pool_new(&size, ret, &err), 0);
}

/* What was taken is there again. */
static void
expect_whole(struct pool *p, unsigned parts)
{
	const uint64_t all = (uint64_t)parts * ((128 << 10) + 4);

	assert_false(pool_try(p, all + 1));
	assert_true(pool_try(p, all));
	pool_give(p, all);
}

/* A server, and uploads that have memory for so many. */
static void
start_beside(struct s3_kit *k, const struct httpd_step *steps, unsigned parts,
    struct pool **pool, struct s3_upload *to)
{
	pool_of(parts, pool);
	*to = k4;
	to->spare = *pool;
	s3_kit_start(k, steps, NULL);
}

static int
upload_beside(const struct httpd_step *steps, const char *text, unsigned spare,
    struct err *err)
{
	AUTO(s3_kit) struct s3_kit k;
	AUTO(pool) struct pool *pool = NULL;
	struct s3_upload to;
	int rc;

	start_beside(&k, steps, spare, &pool, &to);
	rc = upload_as(k.s, &to, text, err);
	s3_kit_check(&k);
	expect_whole(pool, spare);
	if (rc == 0)
		assert_non_null(strstr(httpd_body(k.d, httpd_requests(k.d) - 1),
		    "<PartNumber>1</PartNumber><ETag>&#34;p1&#34;</ETag></Part>"
		    "<Part><PartNumber>2</PartNumber><ETag>&#34;p2&#34;</ETag></Part>"
		    "<Part><PartNumber>3</PartNumber><ETag>&#34;p3&#34;</ETag>"));
	return rc;
}

/* The server answers when all of them are there. */
static void
parts_go_beside_one_another_where_there_is_memory(void **state)
{
	const struct httpd_step two[] = { BEGIN, PART("1", 0),
		PART("2", HTTPD_BESIDE), PART("3", HTTPD_BESIDE), PART("4", 0),
		KIT_XML("POST", COMPLETE, DONE), KIT_END };
	const struct httpd_step three[] = { BEGIN, PART("1", 0),
		PART("2", HTTPD_BESIDE), PART("3", HTTPD_BESIDE),
		PART("4", HTTPD_BESIDE), KIT_XML("POST", COMPLETE, DONE),
		KIT_END };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(upload_beside(two, "1111222233334", 2, &err), 0);
	assert_int_equal(upload_beside(three, "1111222233334", 3, &err), 0);
}

/* More than four would be connections that others need. */
static void
no_more_than_four_are_on_their_way(void **state)
{
	const struct httpd_step steps[] = { BEGIN, PART("1", 0),
		PART("2", HTTPD_BESIDE), PART("3", HTTPD_BESIDE),
		PART("4", HTTPD_BESIDE), PART("5", HTTPD_BESIDE), PART("6", 0),
		KIT_XML("POST", COMPLETE, DONE), KIT_END };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(upload_beside(steps, "111122223333444455556", 9, &err),
	    0);
}

static void
without_memory_one_comes_after_the_other(void **state)
{
	const struct httpd_step steps[] = { BEGIN, PART("1", 0), PART("2", 0),
		PART("3", 0), PART("4", 0), KIT_XML("POST", COMPLETE, DONE),
		KIT_END };
	struct err err = { 0 };

	(void)state;
	for (unsigned memory = 0; memory < 2; memory++)
		assert_int_equal(upload_beside(steps, "1111222233334", memory,
		                     &err),
		    0);
}

/* A line that is slow is not quicker for several, and the source would wait for
 * all of them. */
static void
parts_that_take_long_go_alone(void **state)
{
	const struct httpd_step steps[] = { BEGIN,
		{ "PUT", "/bucket/k?partNumber=1&", 503, "Retry-After: 11\r\n",
		    "<Error><Code>SlowDown</Code></Error>", 0, 0 },
		PART("1", 0),
		{ "PUT", "/bucket/k?partNumber=2&", 503, "Retry-After: 11\r\n",
		    "<Error><Code>SlowDown</Code></Error>", 0, 0 },
		PART("2", 0), PART("3", 0), PART("4", HTTPD_BESIDE),
		PART("5", HTTPD_BESIDE), KIT_XML("POST", COMPLETE, DONE),
		KIT_END };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(upload_beside(steps, "11112222333344445", 4, &err), 0);
}

/* Without a thread it is sent by the caller's. */
static void
no_thread_is_no_failure(void **state)
{
	const struct httpd_step steps[] = { BEGIN, PART("1", 0), PART("2", 0),
		PART("3", 0), KIT_XML("POST", COMPLETE, DONE), KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	AUTO(pool) struct pool *pool = NULL;
	struct s3_upload to;
	struct err err = { 0 };

	(void)state;
	start_beside(&k, steps, 1, &pool, &to);
	failcall_at("pthread_create", 0, EAGAIN);
	assert_int_equal(upload_as(k.s, &to, "111122223", &err), 0);
	assert_true(failcall_end());
	s3_kit_check(&k);
}

/* The others arrive before the upload ends, so that nothing stays behind. */
static void
a_part_that_fails_beside_others_ends_the_upload(void **state)
{
	const struct httpd_step early[] = { BEGIN, PART("1", 0),
		{ "PUT", "/bucket/k?partNumber=2&", 403, NULL, NULL, 0,
		    HTTPD_BESIDE },
		PART("3", HTTPD_BESIDE), ABORT, KIT_END };
	const struct httpd_step late[] = { BEGIN, PART("1", 0),
		PART("2", HTTPD_BESIDE),
		{ "PUT", "/bucket/k?partNumber=3&", 403, NULL, NULL, 0,
		    HTTPD_BESIDE },
		ABORT, KIT_END };
	const struct httpd_step *const both[] = { early, late };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct err err = { 0 };

		assert_int_equal(upload_beside(both[i], "111122223333", 2,
		                     &err),
		    -1);
		assert_int_equal(err.code, ERR_DENIED);
	}
}

static void
an_upload_without_one_of_its_parts_is_never_completed(void **state)
{
	const struct httpd_step steps[] = { BEGIN, PART("1", 0),
		{ "PUT", "/bucket/k?partNumber=2&", 403, NULL, NULL, 0, 0 },
		ABORT, KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	AUTO(pool) struct pool *pool = NULL;
	struct s3_upload to;
	struct sink *up = NULL;
	struct err err = { 0 };

	(void)state;
	start_beside(&k, steps, 0, &pool, &to);
	assert_int_equal(s3_upload_new(k.s, &to, &up, &err), 0);
	assert_int_equal(sink_write(up, "1111222233334444", 16, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	err = (struct err){ 0 };
	assert_int_equal(sink_write(up, "4", 1, &err), -1);
	assert_string_equal(err.msg, "upload: a part of 'k' was not stored");
	err = (struct err){ 0 };
	assert_int_equal(sink_finish(up, &err), -1);
	assert_string_equal(err.msg, "upload: a part of 'k' was not stored");
	sink_free(up);
	s3_kit_check(&k);
}

static void
parts_on_their_way_are_waited_for_before_an_abort(void **state)
{
	const struct httpd_step steps[] = { BEGIN, PART("1", 0),
		PART("2", HTTPD_BESIDE), PART("3", HTTPD_BESIDE), ABORT,
		KIT_END };
	AUTO(s3_kit) struct s3_kit k;
	AUTO(pool) struct pool *pool = NULL;
	struct s3_upload to;
	struct sink *up = NULL;
	struct err err = { 0 };

	(void)state;
	start_beside(&k, steps, 2, &pool, &to);
	assert_int_equal(s3_upload_new(k.s, &to, &up, &err), 0);
	assert_int_equal(sink_write(up, "1111222233334", 13, &err), 0);
	sink_free(up);
	s3_kit_check(&k);
	expect_whole(pool, 2);
}

#define UPLOAD(k, id, at)                                     \
	"<Upload><Key>" k "</Key><UploadId>" id "</UploadId>" \
	"<Initiated>" at "</Initiated></Upload>"
#define UPLOADS "/bucket?uploads=&prefix=p%2F"

static void
a_sweep_aborts_what_is_old(void **state)
{
	const struct httpd_step steps[] = {
		KIT_XML("GET", UPLOADS " ",
		    "<ListMultipartUploadsResult>" UPLOAD("p/1", "a",
		        "2026-11-20T10:00:00.000Z") UPLOAD("p/2", "b",
		        "2026-11-20T16:00:00.000Z") "<IsTruncated>true</IsTruncated>"
		                                    "<NextKeyMarker>p/2</NextKeyMarker>"
		                                    "<NextUploadIdMarker>b</NextUploadIdMarker>"
		                                    "</ListMultipartUploadsResult>"),
		{ "DELETE", "/bucket/p/1?uploadId=a ", 204, NULL, NULL, 0, 0 },
		KIT_XML("GET", UPLOADS "&key-marker=p%2F2&upload-id-marker=b ",
		    "<ListMultipartUploadsResult>" UPLOAD("p/3", "c",
		        "2026-11-20T10:00:00.000Z") UPLOAD("p/4", "d",
		        "2026-11-20T10:00:00.000Z") "</ListMultipartUploadsResult>"),
		KIT_ERROR("DELETE", "/bucket/p/3?uploadId=c", 404,
		    "NoSuchUpload"),
		{ "DELETE", "/bucket/p/4?uploadId=d ", 204, NULL, NULL, 0, 0 },
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };
	unsigned n = 99;

	(void)state;
	s3_kit_start(&k, steps, NULL);
	if (s3_upload_sweep(k.s, "p/", S3_KIT_NOW - 3600, &n, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(n, 2);
	s3_kit_check(&k);
}

static void
a_sweep_ends_where_the_list_does_not_go_on(void **state)
{
	const struct httpd_step steps[] = {
		KIT_XML("GET", UPLOADS " ",
		    "<ListMultipartUploadsResult>"
		    "<IsTruncated>true</IsTruncated>"
		    "</ListMultipartUploadsResult>"),
		KIT_END
	};
	const struct httpd_step denied[] = {
		KIT_ERROR("GET", UPLOADS, 403, "AccessDenied"), KIT_END
	};
	struct err err = { 0 };
	unsigned n = 99;

	(void)state;
	{
		AUTO(s3_kit) struct s3_kit k;

		s3_kit_start(&k, steps, NULL);
		assert_int_equal(s3_upload_sweep(k.s, "p/", S3_KIT_NOW, &n,
		                     &err),
		    0);
		assert_int_equal(n, 0);
		s3_kit_check(&k);
	}
	{
		AUTO(s3_kit) struct s3_kit k;

		s3_kit_start(&k, denied, NULL);
		assert_int_equal(s3_upload_sweep(k.s, "p/", S3_KIT_NOW, &n,
		                     &err),
		    -1);
		assert_string_equal(err.msg,
		    "access denied: the key may not list uploads in bucket "
		    "'bucket'");
	}
}

/* After a PUT, if it has a body. */
static void
fail_each_allocation(const struct httpd_step *steps, const char *put,
    const struct object *o, struct pool *spare)
{
	struct s3_upload to = k4;
	long fails = 0;
	int rc;

	to.o = o;
	to.spare = spare;
	for (;; fails = sparse_next(fails)) {
		AUTO(s3_kit) struct s3_kit k;
		struct err err = { 0 };

		s3_kit_start(&k, steps, NULL);
		if (*put &&
		    s3_put(k.s, "k", put, strlen(put), NULL, NULL, &err))
			fail_msg("%s", err.msg);
		failalloc_at(fails);
		rc = upload_as(k.s, &to, "abcdef", &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		if (!err_is(&err, ERR_NOMEM))
			fail_msg("%ld: %s", fails, err.msg);
	}
	assert_true(fails >= 40);
}

static void
every_allocation_may_fail(void **state)
{
	/* any of them may be the last before the abort */
	const struct httpd_step tags[] = { BEGIN, PART("1", 0), PART("2", 0),
		KIT_XML("POST", COMPLETE, DONE), HEAD_IS("x-2", "123456"),
		{ "PUT", "/bucket/k?tagging=", 200, NULL, NULL, 0, 0 },
		KIT_END };
	const struct httpd_step checksums[] = { KIT_NO_CHECKSUM("/bucket/k "),
		{ "PUT", "/bucket/k ", 200, "ETag: e\r\n", NULL, 0, 0 }, BEGIN,
		PART("1", 0), PART("2", 0), KIT_XML("POST", COMPLETE, DONE),
		KIT_END };
	struct object_pair pair[] = { { (char[]){ "a" }, (char[]){ "1" } } };
	const struct object o = { .tags = { pair, 1 } };
	AUTO(pool) struct pool *spare = NULL;

	(void)state;
	pool_of(1, &spare);
	fail_each_allocation(tags, "", &o, NULL);
	fail_each_allocation(tags, "", &o, spare);
	fail_each_allocation(checksums, "abcd", NULL, NULL);
}

static void
every_allocation_of_a_sweep_may_fail(void **state)
{
	const struct httpd_step steps[] = {
		KIT_XML("GET", UPLOADS " ",
		    "<ListMultipartUploadsResult>" UPLOAD("p/1", "a",
		        "2026-11-20T10:00:00.000Z") "<IsTruncated>true</IsTruncated>"
		                                    "<NextKeyMarker>p/1</NextKeyMarker>"
		                                    "<NextUploadIdMarker>a</NextUploadIdMarker>"
		                                    "</ListMultipartUploadsResult>"),
		{ "DELETE", "/bucket/p/1?uploadId=a ", 204, NULL, NULL, 0, 0 },
		/* the same again: it does not go on */
		KIT_XML("GET", UPLOADS "&key-marker=p%2F1&upload-id-marker=a ",
		    "<ListMultipartUploadsResult>" UPLOAD("p/1", "a",
		        "2026-11-20T16:28:00.000Z") "<IsTruncated>true</IsTruncated>"
		                                    "<NextKeyMarker>p/1</NextKeyMarker>"
		                                    "<NextUploadIdMarker>a</NextUploadIdMarker>"
		                                    "</ListMultipartUploadsResult>"),
		KIT_END
	};
	long fails = 0;
	int rc = -1;

	(void)state;
	for (; rc; fails = sparse_next(fails)) {
		AUTO(s3_kit) struct s3_kit k;
		struct err err = { 0 };
		unsigned n = 0;

		s3_kit_start(&k, steps, NULL);
		failalloc_at(fails);
		rc = s3_upload_sweep(k.s, "p/", S3_KIT_NOW - 3600, &n, &err);
		failalloc_at(-1);
		if (rc && !err_is(&err, ERR_NOMEM))
			fail_msg("%ld: %s", fails, err.msg);
		assert_true(rc || n == 1);
	}
	assert_true(fails >= 30);
}

static void
a_sweep_that_is_refused_says_so(void **state)
{
	const struct httpd_step steps[] = {
		KIT_XML("GET", UPLOADS " ",
		    "<ListMultipartUploadsResult>" UPLOAD("p/1", "a",
		        "2026-11-20T10:00:00.000Z") "</ListMultipartUploadsResult>"),
		KIT_ERROR("DELETE", "/bucket/p/1?uploadId=a", 403,
		    "AccessDenied"),
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };
	unsigned n = 99;

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_upload_sweep(k.s, "p/", S3_KIT_NOW, &n, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	s3_kit_check(&k);
}

static void
the_first_page_says_whether_there_is_one(void **state)
{
	const struct httpd_step steps[] = {
		KIT_XML("GET", UPLOADS " ",
		    "<ListMultipartUploadsResult>" UPLOAD("p/1", "a",
		        "2026-11-20T10:00:00.000Z") "<IsTruncated>true</IsTruncated>"
		                                    "<NextKeyMarker>p/1</NextKeyMarker>"
		                                    "<NextUploadIdMarker>a</NextUploadIdMarker>"
		                                    "</ListMultipartUploadsResult>"),
		KIT_XML("GET", UPLOADS " ",
		    "<ListMultipartUploadsResult></ListMultipartUploadsResult>"),
		KIT_ERROR("GET", "/bucket?uploads", 403, "AccessDenied"),
		KIT_END
	};
	AUTO(s3_kit) struct s3_kit k;
	struct err err = { 0 };
	bool any = false;

	(void)state;
	s3_kit_start(&k, steps, NULL);
	assert_int_equal(s3_upload_any(k.s, "p/", &any, &err), 0);
	assert_true(any);
	assert_int_equal(s3_upload_any(k.s, "p/", &any, &err), 0);
	assert_false(any);
	assert_int_equal(s3_upload_any(k.s, "p/", &any, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	s3_kit_check(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_into_one_part_is_one_put),
		cmocka_unit_test(more_is_sent_in_parts),
		cmocka_unit_test(
		    an_upload_begins_again_where_checksums_are_wanted),
		cmocka_unit_test(checksums_that_do_not_help_are_no_loop),
		cmocka_unit_test(an_upload_that_is_not_finished_is_aborted),
		cmocka_unit_test(nothing_sent_means_nothing_to_abort),
		cmocka_unit_test(parts_and_completion_are_tried_again),
		cmocka_unit_test(a_success_with_an_error_inside_is_a_failure),
		cmocka_unit_test(a_part_without_an_etag_is_a_failure),
		cmocka_unit_test(a_lost_confirmation_is_looked_up),
		cmocka_unit_test(a_confirmation_without_an_etag_is_looked_up),
		cmocka_unit_test(tags_are_put_again_where_the_server_lost_them),
		cmocka_unit_test(parts_grow_when_they_become_many),
		cmocka_unit_test(
		    parts_go_beside_one_another_where_there_is_memory),
		cmocka_unit_test(no_more_than_four_are_on_their_way),
		cmocka_unit_test(without_memory_one_comes_after_the_other),
		cmocka_unit_test(parts_that_take_long_go_alone),
		cmocka_unit_test(no_thread_is_no_failure),
		cmocka_unit_test(
		    a_part_that_fails_beside_others_ends_the_upload),
		cmocka_unit_test(
		    an_upload_without_one_of_its_parts_is_never_completed),
		cmocka_unit_test(
		    parts_on_their_way_are_waited_for_before_an_abort),
		cmocka_unit_test(a_sweep_aborts_what_is_old),
		cmocka_unit_test(a_sweep_ends_where_the_list_does_not_go_on),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(every_allocation_of_a_sweep_may_fail),
		cmocka_unit_test(a_sweep_that_is_refused_says_so),
		cmocka_unit_test(the_first_page_says_whether_there_is_one),
	};

	return cmocka_run_group_tests_name("s3_upload", tests, NULL, NULL);
}
