#include "../lib/sink_suite.h"

#include <string.h>

#include <zstd_errors.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "base/proc.h"
#include "stream/frames.h"

enum { FRAME = 4096 };

static int
make(const struct buf *content, struct sink *next, struct sink **out,
    struct err *err)
{
	(void)content;
	return frames_sink_new(next, 3, FRAME, out, err);
}

static void
scope_table(struct frames_table *t)
{
	frames_table_done(t);
}

static int
read_table(const struct buf *file, struct frames_table *t, struct err *err)
{
	const char *end = file->data + file->len;
	uint64_t size;

	if (frames_table_size((const uint8_t *)end - FRAMES_FOOTER, &size, err))
		return -1;
	if (size > file->len)
		return err_set(err, ERR_CORRUPT, "test: too large");
	return frames_table_read(end - size, size, file->len, t, err);
}

/* As a restore does it: table, then frames. */
static void
decode(const struct buf *got, struct buf *content)
{
	AUTO(table) struct frames_table t = { 0 };
	struct err err = { 0 };
	size_t n;

	if (read_table(got, &t, &err))
		fail_msg("%s", err.msg);
	n = t.entry[t.count].out;
	assert_int_equal(buf_reserve(content, n, &err), 0);
	if (frames_unpack(got->data, t.entry[t.count].in, content->data, n,
	        &err))
		fail_msg("%s", err.msg);
	content->len = n;
}

/* 10000 bytes in frames of 4096. */
static void
make_file(struct buf *content, struct buf *file)
{
	struct err err = { 0 };
	AUTO(sink) struct sink *s = NULL;
	struct sink *mem = NULL;
	const char *data;
	size_t n;

	content->max = file->max = 1 << 20;
	for (int i = 0; i < 2000; i++)
		assert_int_equal(buf_printf(content, &err, "%04d\n",
		                     i * 7 % 10000),
		    0);
	assert_int_equal(sink_mem_new(1 << 20, &mem, &err), 0);
	assert_int_equal(frames_sink_new(mem, 3, FRAME, &s, &err), 0);
	assert_int_equal(sink_write(s, content->data, content->len, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	data = sink_mem_data(mem, &n);
	assert_int_equal(buf_add(file, data, n, &err), 0);
}

static void
the_table_leads_to_any_byte(void **state)
{
	AUTO(buf) struct buf content = { 0 };
	AUTO(buf) struct buf file = { 0 };
	AUTO(table) struct frames_table t = { 0 };
	struct err err = { 0 };
	char out[FRAME];

	(void)state;
	make_file(&content, &file);
	assert_int_equal(read_table(&file, &t, &err), 0);
	assert_int_equal(t.count, 3);
	assert_int_equal(t.entry[0].in, 0);
	assert_int_equal(t.entry[3].out, 10000);
	assert_int_equal(frames_find(&t, 0), 0);
	assert_int_equal(frames_find(&t, 4095), 0);
	assert_int_equal(frames_find(&t, 4096), 1);
	assert_int_equal(frames_find(&t, 9999), 2);
	assert_int_equal(frames_find(&t, 10000), 3);
	assert_int_equal(frames_find(&t, UINT64_MAX), 3);
	for (size_t i = 0; i < t.count; i++) {
		const struct frames_entry *e = &t.entry[i];
		size_t n = e[1].out - e[0].out;

		assert_int_equal(frames_unpack(file.data + e[0].in,
		                     e[1].in - e[0].in, out, n, &err),
		    0);
		assert_memory_equal(out, content.data + e[0].out, n);
	}
}

static void
no_frame_is_found_in_an_empty_table(void **state)
{
	const struct frames_table none = { 0 };

	(void)state;
	assert_int_equal(frames_find(&none, 0), 0);
}

/* The bytes are those of zstd_seekable_compression_format.md. */
static void
the_table_is_that_of_the_seekable_format(void **state)
{
	AUTO(buf) struct buf content = { 0 };
	AUTO(buf) struct buf file = { 0 };
	const char *table;

	(void)state;
	make_file(&content, &file);
	table = file.data + file.len - (8 + 3 * 8 + 9);
	assert_memory_equal(table, "\x5e\x2a\x4d\x18\x21\0\0\0", 8);
	assert_memory_equal(table + 8 + 4, "\x00\x10\0\0", 4);
	assert_memory_equal(table + 8 + 20, "\x10\x07\0\0", 4);
	assert_memory_equal(table + 8 + 24, "\x03\0\0\0\0\xb1\xea\x92\x8f", 9);
}

static void
the_zstd_program_reads_it(void **state)
{
	AUTO(buf) struct buf content = { 0 };
	AUTO(buf) struct buf file = { 0 };
	AUTO(buf) struct buf out = { .max = 1 << 20 };
	const char *const argv[] = { "zstd", "-dcq", NULL };
	struct proc p = { .argv = argv };
	struct err err = { 0 };

	(void)state;
	make_file(&content, &file);
	p.in = file.data;
	p.in_len = file.len;
	if (proc_run(&p, &out, NULL, &err)) {
		assert_int_equal(err.code, ERR_NOTFOUND);
		print_message("zstd is not installed\n");
		return;
	}
	assert_int_equal(p.status, 0);
	assert_int_equal(out.len, content.len);
	assert_string_equal(out.data, content.data);
}

static void
our_own_decompressor_reads_it(void **state)
{
	AUTO(buf) struct buf content = { 0 };
	AUTO(buf) struct buf file = { 0 };
	AUTO(sink) struct sink *s = NULL;
	struct sink *mem = NULL;
	struct err err = { 0 };
	size_t n;

	(void)state;
	make_file(&content, &file);
	assert_int_equal(sink_mem_new(1 << 20, &mem, &err), 0);
	assert_int_equal(sink_unzstd_new(mem, &s, &err), 0);
	assert_int_equal(sink_write(s, file.data, file.len, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	assert_string_equal(sink_mem_data(mem, &n), content.data);
	assert_int_equal(n, content.len);
}

static void
assert_bad_table(const struct buf *file)
{
	struct frames_table t = { 0 };
	struct err err = { 0 };

	assert_int_equal(read_table(file, &t, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_null(t.entry);
}

static void
a_table_that_does_not_agree_is_refused(void **state)
{
	/* from the end: magic, descriptor, count, a compressed size, the
	 * length and the magic in front */
	static const size_t from_end[] = { 1, 4, 5, 9, 6, 17, 37, 41 };
	AUTO(buf) struct buf content = { 0 };
	AUTO(buf) struct buf file = { 0 };
	struct frames_table t = { 0 };
	struct err err = { 0 };

	(void)state;
	make_file(&content, &file);
	for (size_t i = 0; i < sizeof from_end / sizeof from_end[0]; i++) {
		char *p = file.data + file.len - from_end[i];

		*p ^= 1;
		assert_bad_table(&file);
		*p ^= 1;
	}
	/* another file's size, less than the table itself, no table at all */
	assert_int_equal(frames_table_read(file.data + file.len - 41, 41,
	                     file.len + 1, &t, &err),
	    -1);
	assert_int_equal(frames_table_read(file.data + file.len - 41, 41, 40,
	                     &t, &err),
	    -1);
	assert_int_equal(frames_table_read("", 0, 0, &t, &err), -1);
	assert_string_equal(err.msg, "bad table of zstd frames: cut short");
	assert_int_equal(frames_table_read(content.data, 100, 100, &t, &err),
	    -1);
	assert_string_equal(err.msg, "bad table of zstd frames: there is none");
}

static void
an_absurd_number_of_frames_is_refused(void **state)
{
	const uint8_t footer[FRAMES_FOOTER] = { 1, 0, 0x10, 0, 0, 0xb1, 0xea,
		0x92, 0x8f };
	const uint8_t most[FRAMES_FOOTER] = { 0, 0, 0x10, 0, 0, 0xb1, 0xea,
		0x92, 0x8f };
	uint64_t size = 0;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(frames_table_size(footer, &size, &err), -1);
	assert_string_equal(err.msg,
	    "bad table of zstd frames: too many frames");
	assert_int_equal(frames_table_size(most, &size, &err), 0);
	assert_int_equal(size, 17 + 8 * (1 << 20));
}

static void
damaged_frames_are_refused(void **state)
{
	AUTO(buf) struct buf content = { 0 };
	AUTO(buf) struct buf file = { 0 };
	AUTO(table) struct frames_table t = { 0 };
	struct err err = { 0 };
	char out[10001];
	size_t n;

	(void)state;
	make_file(&content, &file);
	assert_int_equal(read_table(&file, &t, &err), 0);
	n = t.entry[3].in;
	assert_int_equal(frames_unpack(file.data, n, out, 9999, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(frames_unpack(file.data, n, out, 10001, &err), -1);
	assert_string_equal(err.msg,
	    "zstd frames hold 10000 bytes, not the expected 10001");
	assert_int_equal(frames_unpack(file.data, n - 1, out, 10000, &err), -1);
	file.data[t.entry[1].in - 1] ^= 1; /* its checksum */
	assert_int_equal(frames_unpack(file.data, n, out, 10000, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
}

static void
no_memory_for_the_table_is_told(void **state)
{
	AUTO(buf) struct buf content = { 0 };
	AUTO(buf) struct buf file = { 0 };
	struct frames_table t = { 0 };
	struct err err = { 0 };
	int rc;

	(void)state;
	make_file(&content, &file);
	failalloc_at(0);
	rc = read_table(&file, &t, &err);
	failalloc_at(-1);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_NOMEM);
}

static void
what_zstd_cannot_do_is_told(void **state)
{
	struct err err = { 0 };
	AUTO(sink) struct sink *s = NULL;
	struct sink *null = NULL;
	char out[1];

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		assert_int_equal(sink_null_new(&null, &err), 0);
		failcall_at("ZSTD_CCtx_setParameter", n, 42);
		assert_int_equal(frames_sink_new(null, 7, 1, &s, &err), -1);
		assert_true(failcall_end());
		assert_string_equal(err.msg, "zstd cannot compress at level 7");
		assert_null(s);
	}
	assert_int_equal(sink_null_new(&null, &err), 0);
	assert_int_equal(frames_sink_new(null, 1, 1, &s, &err), 0);
	failcall_at("ZSTD_compress2", 0, ZSTD_error_memory_allocation);
	assert_int_equal(sink_write(s, "x", 1, &err), -1);
	assert_true(failcall_end());
	assert_int_equal(err.code, ERR_NOMEM);
	err = (struct err){ 0 };
	failcall_at("ZSTD_decompress", 0, ZSTD_error_memory_allocation);
	assert_int_equal(frames_unpack("", 0, out, 1, &err), -1);
	assert_true(failcall_end());
	assert_int_equal(err.code, ERR_NOMEM);
}

/* They would be more than a table may have. */
static void
no_more_frames_are_written_than_can_be_read(void **state)
{
	static char block[FRAMES_MAX];
	struct err err = { 0 };
	AUTO(sink) struct sink *s = NULL;
	struct sink *null = NULL;

	(void)state;
	assert_int_equal(sink_null_new(&null, &err), 0);
	assert_int_equal(frames_sink_new(null, 1, 1, &s, &err), 0);
	/* each frame has one byte: zstd itself would take too long */
	failcall_from("ZSTD_compress2", 0, -1);
	assert_int_equal(sink_write(s, block, sizeof block, &err), 0);
	assert_int_equal(sink_write(s, block, 1, &err), -1);
	assert_true(failcall_end());
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "longer than 1048576 frames"));
}

int
main(void)
{
	static struct sink_suite suite = { .make = make, .decode = decode };
	struct CMUnitTest tests[SINK_SUITE_TESTS + 11] = {
		[SINK_SUITE_TESTS] =
		    cmocka_unit_test(the_table_leads_to_any_byte),
		cmocka_unit_test(no_frame_is_found_in_an_empty_table),
		cmocka_unit_test(the_table_is_that_of_the_seekable_format),
		cmocka_unit_test(the_zstd_program_reads_it),
		cmocka_unit_test(our_own_decompressor_reads_it),
		cmocka_unit_test(a_table_that_does_not_agree_is_refused),
		cmocka_unit_test(an_absurd_number_of_frames_is_refused),
		cmocka_unit_test(damaged_frames_are_refused),
		cmocka_unit_test(no_memory_for_the_table_is_told),
		cmocka_unit_test(what_zstd_cannot_do_is_told),
		cmocka_unit_test(no_more_frames_are_written_than_can_be_read),
	};

	sink_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
