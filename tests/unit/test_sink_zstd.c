#include "../lib/sink_suite.h"

#include <string.h>

#include "../lib/failcall.h"

static int
make(const struct buf *content, struct sink *next, struct sink **out,
    struct err *err)
{
	(void)content;
	return sink_zstd_new(next, 3, out, err);
}

static void
decode(const struct buf *got, struct buf *content)
{
	struct err err = { 0 };
	AUTO(sink) struct sink *s = NULL;
	struct sink *mem = NULL;
	const char *data;
	size_t n;

	assert_int_equal(sink_mem_new(content->max, &mem, &err), 0);
	assert_int_equal(sink_unzstd_new(mem, &s, &err), 0);
	assert_int_equal(sink_write(s, got->data, got->len, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	data = sink_mem_data(mem, &n);
	assert_int_equal(buf_add(content, data, n, &err), 0);
}

static void
same_bytes_compress_to_the_same_bytes(void **state)
{
	struct err err = { 0 };
	char first[1000];
	size_t first_len = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		AUTO(sink) struct sink *s = NULL;
		struct sink *mem = NULL;
		const char *data;
		size_t n;

		assert_int_equal(sink_mem_new(sizeof first, &mem, &err), 0);
		assert_int_equal(sink_zstd_new(mem, 3, &s, &err), 0);
		assert_int_equal(sink_write(s, "hello hello", 11, &err), 0);
		assert_int_equal(sink_finish(s, &err), 0);
		data = sink_mem_data(mem, &n);
		if (i == 1) {
			assert_int_equal(n, first_len);
			assert_memory_equal(data, first, n);
		}
		memcpy(first, data, n);
		first_len = n;
	}
	/* RFC 8878: magic; descriptor with its checksum bit set */
	assert_memory_equal(first, "\x28\xb5\x2f\xfd", 4);
	assert_int_equal(first[4] & 4, 4);
}

static void
a_level_that_zstd_refuses_is_told(void **state)
{
	struct err err = { 0 };
	AUTO(sink) struct sink *s = NULL;
	struct sink *null = NULL;

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(sink_null_new(&null, &err), 0);
		failcall_at("ZSTD_CCtx_setParameter", n, 42);
		assert_int_equal(sink_zstd_new(null, 7, &s, &err), -1);
		assert_true(failcall_end());
		assert_int_equal(err.code, ERR_USAGE);
		assert_string_equal(err.msg, "zstd cannot compress at level 7");
		assert_null(s);
	}
}

int
main(void)
{
	static struct sink_suite suite = { .make = make, .decode = decode };
	struct CMUnitTest tests[SINK_SUITE_TESTS + 2] = {
		[SINK_SUITE_TESTS] =
		    cmocka_unit_test(same_bytes_compress_to_the_same_bytes),
		cmocka_unit_test(a_level_that_zstd_refuses_is_told),
	};

	sink_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("sink_zstd", tests, NULL, NULL);
}
