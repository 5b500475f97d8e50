#include "../lib/sink_suite.h"

#include <string.h>

#include "../lib/failcall.h"
#include "../lib/sink_spy.h"

static int
make(const struct buf *content, struct sink *next, struct sink **out,
    struct err *err)
{
	AUTO(sink) struct sink *owned = next;
	uint8_t digest[SHA256_SIZE];

	if (sha256_of(content->data, content->len, digest, err))
		return -1;
	return sink_expect_new(TAKE(owned), "the file", content->len, digest,
	    out, err);
}

/* What a sink that expects "abc" says to text. */
static struct err
give(const char *text)
{
	struct sink_spy spy = { .got = { .max = 100 } };
	struct err err = { 0 };
	AUTO(sink) struct sink *s = NULL;
	uint8_t digest[SHA256_SIZE];

	assert_int_equal(sha256_of("abc", 3, digest, &err), 0);
	assert_int_equal(sink_spy_new(&spy, &s, &err), 0);
	assert_int_equal(sink_expect_new(TAKE(s), "item 'x'", 3, digest, &s,
	                     &err),
	    0);
	if (sink_write(s, text, strlen(text), &err) == 0)
		(void)!sink_finish(s, &err);
	assert_int_equal(spy.finishes, err_is(&err, ERR_NONE));
	buf_done(&spy.got);
	return err;
}

static void
the_right_bytes_are_passed(void **state)
{
	(void)state;
	assert_int_equal(give("abc").code, ERR_NONE);
}

static void
other_bytes_are_damage(void **state)
{
	struct err err = give("abd");

	(void)state;
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg, "expect: item 'x' is damaged: its SHA-256 "
	                             "is not the one recorded");
}

static void
fewer_bytes_are_told(void **state)
{
	struct err err = give("ab");

	(void)state;
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg,
	    "expect: item 'x' has 2 bytes, not the 3 it should have");
}

static void
more_bytes_are_refused_before_they_are_passed(void **state)
{
	struct err err = give("abcd");

	(void)state;
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg,
	    "expect: item 'x' is longer than the 3 bytes it should have");
}

static void
a_digest_that_cannot_be_made_finishes_nothing(void **state)
{
	static const char *const calls[] = { "EVP_DigestUpdate",
		"EVP_DigestFinal_ex" };

	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct err err;

		failcall_at(calls[i], 0, 1);
		err = give("abc");
		assert_true(failcall_end());
		assert_int_equal(err.code, ERR_NOMEM);
	}
}

int
main(void)
{
	static struct sink_suite suite = { .make = make };
	struct CMUnitTest tests[SINK_SUITE_TESTS + 5] = {
		[SINK_SUITE_TESTS] =
		    cmocka_unit_test(the_right_bytes_are_passed),
		cmocka_unit_test(other_bytes_are_damage),
		cmocka_unit_test(fewer_bytes_are_told),
		cmocka_unit_test(more_bytes_are_refused_before_they_are_passed),
		cmocka_unit_test(a_digest_that_cannot_be_made_finishes_nothing),
	};

	sink_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("sink_expect", tests, NULL, NULL);
}
