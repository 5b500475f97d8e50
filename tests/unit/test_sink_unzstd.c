#include "../lib/sink_suite.h"

#include <string.h>
#include <zstd_errors.h>

#include "../lib/failcall.h"

/* A frame that announces a window of 2^41 bytes (descriptor 0xf8). */
static const char huge_window[] = "\x28\xb5\x2f\xfd\x00\xf8\x01\x00\x00";
/* A skippable frame of three bytes. */
static const char skippable[] = "\x50\x2a\x4d\x18\x03\x00\x00\x00xyz";

static int
make(const struct buf *content, struct sink *next, struct sink **out,
    struct err *err)
{
	(void)content;
	return sink_unzstd_new(next, out, err);
}

static void
encode(const struct buf *content, struct buf *out)
{
	struct err err = { 0 };
	AUTO(sink) struct sink *s = NULL;
	struct sink *mem = NULL;
	const char *data;
	size_t n;

	assert_int_equal(sink_mem_new(out->max, &mem, &err), 0);
	assert_int_equal(sink_zstd_new(mem, 1, &s, &err), 0);
	assert_int_equal(sink_write(s, content->data, content->len, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	data = sink_mem_data(mem, &n);
	assert_int_equal(buf_add(out, data, n, &err), 0);
}

static void
encode_text(const char *text, struct buf *out)
{
	struct buf content = { .max = 1000 };
	struct err err = { 0 };

	out->max = 100000;
	assert_int_equal(buf_puts(&content, text, &err), 0);
	encode(&content, out);
	buf_done(&content);
}

/* Decompress: what comes out is in got. */
static struct err
give(const char *p, size_t n, char got[100])
{
	struct err err = { 0 };
	AUTO(sink) struct sink *s = NULL;
	struct sink *mem = NULL;
	const char *data;
	size_t len;

	assert_int_equal(sink_mem_new(99, &mem, &err), 0);
	assert_int_equal(sink_unzstd_new(mem, &s, &err), 0);
	if (sink_write(s, p, n, &err) == 0 && sink_finish(s, &err) == 0)
		assert_true(mem->finished);
	data = sink_mem_data(mem, &len);
	memset(got, 0, 100);
	if (len > 0)
		memcpy(got, data, len);
	return err;
}

static void
several_frames_are_one_stream(void **state)
{
	struct buf b = { 0 };
	struct err err = { 0 };
	char got[100];

	(void)state;
	encode_text("one ", &b);
	assert_int_equal(buf_add(&b, skippable, 11, &err), 0);
	encode_text("two", &b);
	assert_int_equal(buf_add(&b, skippable, 11, &err), 0);
	assert_int_equal(give(b.data, b.len, got).code, ERR_NONE);
	assert_string_equal(got, "one two");
	buf_done(&b);
}

static void
every_cut_is_told(void **state)
{
	struct buf b = { 0 };
	char got[100];

	(void)state;
	encode_text("hello, hello, hello", &b);
	for (size_t n = 0; n < b.len; n++) {
		struct err err = give(b.data, n, got);

		assert_int_equal(err.code, ERR_CORRUPT);
		assert_string_equal(err.msg, "unzstd: zstd data is cut short");
	}
	buf_done(&b);
}

static void
no_flipped_bit_changes_the_content(void **state)
{
	struct buf b = { 0 };
	char got[100];

	(void)state;
	encode_text("hello, hello, hello", &b);
	for (size_t i = 0; i < 8 * b.len; i++) {
		b.data[i / 8] = (char)(b.data[i / 8] ^ 1 << i % 8);
		if (give(b.data, b.len, got).code != ERR_CORRUPT)
			assert_string_equal(got, "hello, hello, hello");
		b.data[i / 8] = (char)(b.data[i / 8] ^ 1 << i % 8);
	}
	buf_done(&b);
}

static void
text_behind_the_frames_is_refused(void **state)
{
	struct buf b = { 0 };
	struct err err = { 0 };
	char got[100];

	(void)state;
	encode_text("hello", &b);
	assert_int_equal(buf_puts(&b, "garbage", &err), 0);
	err = give(b.data, b.len, got);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "not zstd data, or damaged"));
	buf_done(&b);
}

/* libzstd itself sees it only where the frame comes whole */
static void
a_frame_holds_what_its_header_says(void **state)
{
	/* 252 bytes announced, then a last block that is empty */
	static const char frame[] = "\x28\xb5\x2f\xfd\x20\xfc\x01\0";

	(void)state;
	for (size_t piece = 1; piece <= sizeof frame; piece++) {
		struct sink *mem = NULL;
		AUTO(sink) struct sink *s = NULL;
		struct err err = { 0 };
		int rc = 0;

		assert_int_equal(sink_mem_new(1000, &mem, &err), 0);
		assert_int_equal(sink_unzstd_new(mem, &s, &err), 0);
		for (size_t at = 0; rc == 0 && at < sizeof frame; at += piece) {
			size_t left = sizeof frame - at;

			rc = sink_write(s, frame + at,
			    left < piece ? left : piece, &err);
		}
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_non_null(strstr(err.msg, "not zstd data, or damaged"));
	}
}

static void
absurd_windows_are_refused(void **state)
{
	char got[100];
	struct err err = give(huge_window, sizeof huge_window - 1, got);

	(void)state;
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "too much memory"));
}

static void
no_memory_for_a_window_is_no_damage(void **state)
{
	AUTO(buf) struct buf b = { 0 };
	char got[100];
	struct err err;

	(void)state;
	encode_text("text", &b);
	failcall_at("ZSTD_decompressStream", 0, ZSTD_error_memory_allocation);
	err = give(b.data, b.len, got);
	assert_true(failcall_end());
	assert_int_equal(err.code, ERR_NOMEM);
	assert_string_equal(got, "");
}

int
main(void)
{
	static struct sink_suite suite = { .make = make, .encode = encode };
	struct CMUnitTest tests[SINK_SUITE_TESTS + 7] = {
		[SINK_SUITE_TESTS] =
		    cmocka_unit_test(several_frames_are_one_stream),
		cmocka_unit_test(every_cut_is_told),
		cmocka_unit_test(no_flipped_bit_changes_the_content),
		cmocka_unit_test(text_behind_the_frames_is_refused),
		cmocka_unit_test(a_frame_holds_what_its_header_says),
		cmocka_unit_test(absurd_windows_are_refused),
		cmocka_unit_test(no_memory_for_a_window_is_no_damage),
	};

	sink_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("sink_unzstd", tests, NULL, NULL);
}
