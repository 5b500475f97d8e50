#include "../lib/sink_suite.h"

#include "base/str.h"

static uint8_t suite_digest[SHA256_SIZE];

static int
make(const struct buf *content, struct sink *next, struct sink **out,
    struct err *err)
{
	(void)content;
	return sink_hash_new(next, suite_digest, out, err);
}

static void
finish_tells_the_digest_of_all_bytes(void **state)
{
	struct err err = { 0 };
	AUTO(sink) struct sink *s = NULL;
	uint8_t digest[SHA256_SIZE] = { 0 };
	char hex[SHA256_HEX];

	(void)state;
	assert_int_equal(sink_null_new(&s, &err), 0);
	assert_int_equal(sink_hash_new(TAKE(s), digest, &s, &err), 0);
	assert_int_equal(sink_write(s, "a", 1, &err), 0);
	assert_int_equal(sink_write(s, "bc", 2, &err), 0);
	assert_int_equal(digest[0], 0);
	assert_int_equal(sink_finish(s, &err), 0);
	str_hex(digest, sizeof digest, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"
	                         "b00361a396177a9cb410ff61f20015ad");
}

int
main(void)
{
	static struct sink_suite suite = { .make = make };
	struct CMUnitTest tests[SINK_SUITE_TESTS + 1] = {
		[SINK_SUITE_TESTS] =
		    cmocka_unit_test(finish_tells_the_digest_of_all_bytes),
	};

	sink_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("sink_hash", tests, NULL, NULL);
}
