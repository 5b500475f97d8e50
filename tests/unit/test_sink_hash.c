#include "../lib/sink_suite.h"

#include "../lib/failcall.h"
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

static void
a_digest_that_cannot_be_made_passes_nothing_on(void **state)
{
	struct err err = { 0 };
	AUTO(sink) struct sink *s = NULL;
	uint8_t digest[SHA256_SIZE] = { 0 };
	struct sink *next = NULL;

	(void)state;
	assert_int_equal(sink_null_new(&next, &err), 0);
	assert_int_equal(sink_hash_new(next, digest, &s, &err), 0);
	failcall_at("EVP_DigestUpdate", 0, 1);
	assert_int_equal(sink_write(s, "a", 1, &err), -1);
	assert_true(failcall_end());
	assert_int_equal(err.code, ERR_NOMEM);
	assert_int_equal(next->bytes, 0);
}

int
main(void)
{
	static struct sink_suite suite = { .make = make };
	struct CMUnitTest tests[SINK_SUITE_TESTS + 2] = {
		[SINK_SUITE_TESTS] =
		    cmocka_unit_test(finish_tells_the_digest_of_all_bytes),
		cmocka_unit_test(
		    a_digest_that_cannot_be_made_passes_nothing_on),
	};

	sink_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("sink_hash", tests, NULL, NULL);
}
