#include "../lib/sink_suite.h"

#include <string.h>

#include "../lib/age_kit.h"
#include "../lib/sink_spy.h"
#include "base/proc.h"
#include "crypto/age_chunk.h"

enum { LIMIT = 64 << 20, HEADER = 184 };

static struct age_keys reader;

static int
make(const struct buf *content, struct sink *next, struct sink **out,
    struct err *err)
{
	(void)content;
	return sink_unage_new(next, &reader, out, err);
}

static void
encode(const struct buf *content, struct buf *out)
{
	age_kit_seal(content, out);
}

/* Give it these bytes; got: what came through.  Finished only if right. */
static struct err
give(const char *p, size_t n, struct buf *got)
{
	struct sink_spy spy = { .got = { .max = LIMIT } };
	struct err err = { 0 };
	struct sink *s = NULL;

	assert_int_equal(sink_spy_new(&spy, &s, &err), 0);
	assert_int_equal(sink_unage_new(s, &reader, &s, &err), 0);
	if (sink_write(s, p, n, &err) == 0)
		(void)!sink_finish(s, &err);
	assert_int_equal(spy.finishes, err_is(&err, ERR_NONE));
	sink_free(s);
	buf_done(got);
	*got = spy.got;
	return err;
}

/* Three chunks, the last of them short. */
static void
make_file(struct buf *content, struct buf *file)
{
	content->max = file->max = LIMIT;
	age_kit_fill(content, 2 * AGE_CHUNK + 100);
	age_kit_seal(content, file);
}

static void
what_the_age_program_wrote_is_read(void **state)
{
	AUTO(buf) struct buf file = { 0 };
	AUTO(buf) struct buf got = { 0 };

	(void)state;
	age_kit_sample(&file);
	assert_int_equal(give(file.data, file.len, &got).code, ERR_NONE);
	assert_int_equal(got.len, 10);
	assert_memory_equal(got.data, "hello, age", 10);
}

static void
the_age_programs_files_of_all_sizes_are_read(void **state)
{
	static const char *const argv[] = { "age", "-r", AGE_KIT_OTHER, "-r",
		AGE_KIT_RECIPIENT, NULL };
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 128 << 10 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		AUTO(buf) struct buf content = { .max = LIMIT };
		AUTO(buf) struct buf file = { .max = LIMIT };
		AUTO(buf) struct buf got = { 0 };
		struct proc p = { .argv = argv };
		struct err err = { 0 };

		age_kit_fill(&content, sizes[i]);
		p.in = content.data;
		p.in_len = content.len;
		if (proc_run(&p, &file, NULL, &err)) {
			assert_int_equal(err.code, ERR_NOTFOUND);
			print_message("age is not installed\n");
			return;
		}
		assert_int_equal(p.status, 0);
		assert_int_equal(give(file.data, file.len, &got).code,
		    ERR_NONE);
		assert_int_equal(got.len, content.len);
		if (content.len > 0)
			assert_memory_equal(got.data, content.data,
			    content.len);
	}
}

static void
every_cut_is_told(void **state)
{
	static const size_t at[] = { 0, 1, 21, 22, 100, HEADER - 1, HEADER,
		HEADER + 1, HEADER + 15, HEADER + 16, HEADER + 17,
		HEADER + AGE_CHUNK_SEALED - 1, HEADER + AGE_CHUNK_SEALED,
		HEADER + AGE_CHUNK_SEALED + 1, HEADER + AGE_CHUNK_SEALED + 16,
		HEADER + 2 * AGE_CHUNK_SEALED,
		HEADER + 2 * AGE_CHUNK_SEALED + 16,
		HEADER + 2 * AGE_CHUNK_SEALED + 115 };
	AUTO(buf) struct buf content = { 0 };
	AUTO(buf) struct buf file = { 0 };
	AUTO(buf) struct buf got = { 0 };

	(void)state;
	make_file(&content, &file);
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		assert_int_equal(give(file.data, at[i], &got).code,
		    ERR_CORRUPT);
		assert_true(got.len % AGE_CHUNK == 0);
		if (got.len > 0)
			assert_memory_equal(got.data, content.data, got.len);
	}
}

static void
nothing_that_was_changed_goes_on(void **state)
{
	AUTO(buf) struct buf content = { 0 };
	AUTO(buf) struct buf file = { 0 };
	AUTO(buf) struct buf got = { 0 };

	(void)state;
	make_file(&content, &file);
	for (size_t i = HEADER - 16; i < file.len; i += 7919) {
		struct err err;
		size_t chunk = i < HEADER ? 0 : (i - HEADER) / AGE_CHUNK_SEALED;

		file.data[i] = (char)(file.data[i] ^ 64);
		err = give(file.data, file.len, &got);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_non_null(strstr(err.msg, "encrypted data is damaged"));
		assert_int_equal(got.len, chunk * AGE_CHUNK);
		file.data[i] = (char)(file.data[i] ^ 64);
	}
}

static void
chunks_cannot_change_places(void **state)
{
	static char aside[AGE_CHUNK_SEALED];
	AUTO(buf) struct buf content = { 0 };
	AUTO(buf) struct buf file = { 0 };
	AUTO(buf) struct buf got = { 0 };
	char *first, *second;

	(void)state;
	make_file(&content, &file);
	first = file.data + HEADER;
	second = first + AGE_CHUNK_SEALED;
	memcpy(aside, first, sizeof aside);
	memcpy(first, second, sizeof aside);
	memcpy(second, aside, sizeof aside);
	assert_int_equal(give(file.data, file.len, &got).code, ERR_CORRUPT);
	assert_int_equal(got.len, 0);
	/* nor be there twice, nor be left out */
	memcpy(first, second, sizeof aside);
	assert_int_equal(give(file.data, file.len, &got).code, ERR_CORRUPT);
	assert_int_equal(got.len, AGE_CHUNK);
	memmove(second, second + AGE_CHUNK_SEALED, 116);
	assert_int_equal(give(file.data, file.len - AGE_CHUNK_SEALED, &got)
	                     .code,
	    ERR_CORRUPT);
}

static void
nothing_may_stand_behind_the_end(void **state)
{
	static const size_t sizes[] = { 0, 10, AGE_CHUNK, 2 * AGE_CHUNK };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		AUTO(buf) struct buf content = { .max = LIMIT };
		AUTO(buf) struct buf file = { .max = LIMIT };
		AUTO(buf) struct buf got = { 0 };
		struct err err = { 0 };
		size_t n;

		age_kit_fill(&content, sizes[i]);
		age_kit_seal(&content, &file);
		n = file.len;
		for (int k = 0; k < 20; k++)
			assert_int_equal(buf_add(&file, "x", 1, &err), 0);
		assert_int_equal(give(file.data, n, &got).code, ERR_NONE);
		for (; n++ < file.len;)
			assert_int_equal(give(file.data, n, &got).code,
			    ERR_CORRUPT);
	}
}

/* STREAM: an empty last chunk belongs to content of no bytes alone. */
static void
an_empty_last_chunk_is_refused(void **state)
{
	AUTO(buf) struct buf content = { .max = LIMIT };
	AUTO(buf) struct buf file = { .max = LIMIT };
	AUTO(buf) struct buf got = { 0 };
	struct err err = { 0 };

	(void)state;
	age_kit_fill(&content, AGE_CHUNK);
	age_kit_seal(&content, &file);
	for (int k = 0; k < AGE_CHUNK_TAG; k++)
		assert_int_equal(buf_add(&file, "x", 1, &err), 0);
	err = give(file.data, file.len, &got);
	assert_int_equal(err.code, ERR_CORRUPT);
}

static void
without_the_right_identity_nothing_is_read(void **state)
{
	static const char *const none[] = { NULL };
	struct age_keys keep = reader;
	AUTO(buf) struct buf content = { 0 };
	AUTO(buf) struct buf file = { 0 };
	AUTO(buf) struct buf got = { 0 };

	(void)state;
	make_file(&content, &file);
	reader = age_kit_keys(none, NULL);
	assert_int_equal(give(file.data, file.len, &got).code, ERR_USAGE);
	reader = age_kit_keys(none, AGE_KIT_OTHER_IDENTITY);
	assert_int_equal(give(file.data, file.len, &got).code, ERR_DENIED);
	assert_int_equal(got.len, 0);
	reader = keep;
}

int
main(void)
{
	static struct sink_suite suite = { .make = make, .encode = encode };
	struct CMUnitTest tests[SINK_SUITE_TESTS + 8] = {
		[SINK_SUITE_TESTS] =
		    cmocka_unit_test(what_the_age_program_wrote_is_read),
		cmocka_unit_test(the_age_programs_files_of_all_sizes_are_read),
		cmocka_unit_test(every_cut_is_told),
		cmocka_unit_test(nothing_that_was_changed_goes_on),
		cmocka_unit_test(chunks_cannot_change_places),
		cmocka_unit_test(nothing_may_stand_behind_the_end),
		cmocka_unit_test(an_empty_last_chunk_is_refused),
		cmocka_unit_test(without_the_right_identity_nothing_is_read),
	};

	reader = age_kit_reader();
	sink_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("sink_unage", tests, NULL, NULL);
}
