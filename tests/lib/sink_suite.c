#include "sink_suite.h"

#include <string.h>

#include "failalloc.h"
#include "sink_spy.h"

enum { LIMIT = 64 << 20 };

/* Text that compresses a little and never repeats exactly. */
static void
fill(struct buf *b, size_t n)
{
	struct err err = { 0 };
	uint32_t x = 1;

	b->max = LIMIT;
	while (b->len < n) {
		char c;

		x = x * 1103515245 + 12345;
		c = (char)(x >> 16 & 63);
		assert_int_equal(buf_add(b, &c, 1, &err), 0);
	}
}

static void
encode(const struct sink_suite *t, const struct buf *content, struct buf *out)
{
	struct err err = { 0 };

	out->max = LIMIT;
	if (t->encode)
		t->encode(content, out);
	else
		assert_int_equal(buf_add(out, content->data, content->len,
		                     &err),
		    0);
}

static void
assert_went_through(const struct sink_suite *t, const struct sink_spy *spy,
    const struct buf *content)
{
	struct buf plain = { .max = LIMIT };
	const struct buf *got = &spy->got;

	if (t->decode) {
		t->decode(got, &plain);
		got = &plain;
	}
	assert_int_equal(got->len, content->len);
	if (got->len > 0)
		assert_memory_equal(got->data, content->data, got->len);
	buf_done(&plain);
}

/* Pass so many bytes through, in pieces of that size. */
static void
pass(const struct sink_suite *t, size_t size, size_t piece)
{
	struct sink_spy spy = { .got = { .max = LIMIT } };
	struct buf content = { 0 }, in = { 0 };
	struct err err = { 0 };
	struct sink *s = NULL;

	fill(&content, size);
	encode(t, &content, &in);
	assert_int_equal(sink_spy_new(&spy, &s, &err), 0);
	assert_int_equal(t->make(&content, s, &s, &err), 0);
	for (size_t at = 0; at < in.len; at += piece) {
		size_t n = in.len - at < piece ? in.len - at : piece;

		assert_int_equal(sink_write(s, in.data + at, n, &err), 0);
	}
	assert_int_equal(s->bytes, in.len);
	assert_int_equal(sink_finish(s, &err), 0);
	assert_int_equal(spy.finishes, 1);
	assert_went_through(t, &spy, &content);
	sink_free(s);
	assert_int_equal(spy.frees, 1);
	buf_done(&spy.got);
	buf_done(&content);
	buf_done(&in);
}

static void
passes_nothing(void **state)
{
	pass(*state, 0, 1);
}

static void
passes_single_bytes(void **state)
{
	pass(*state, 5000, 1);
}

static void
passes_odd_pieces(void **state)
{
	pass(*state, 700001, 4093);
}

static void
passes_all_at_once(void **state)
{
	pass(*state, 3 << 20, LIMIT);
}

static void
free_without_finish_is_an_abort(void **state)
{
	const struct sink_suite *t = *state;
	struct sink_spy spy = { .got = { .max = LIMIT } };
	struct buf content = { 0 }, in = { 0 };
	struct err err = { 0 };
	struct sink *s = NULL;

	fill(&content, 100000);
	encode(t, &content, &in);
	assert_int_equal(sink_spy_new(&spy, &s, &err), 0);
	assert_int_equal(t->make(&content, s, &s, &err), 0);
	assert_int_equal(sink_write(s, in.data, in.len, &err), 0);
	sink_free(s);
	assert_int_equal(spy.finishes, 0);
	assert_int_equal(spy.frees, 1);
	buf_done(&spy.got);
	buf_done(&content);
	buf_done(&in);
}

static int
write_and_finish(struct sink *s, const struct buf *in, struct err *err)
{
	if (in->len > 0 && sink_write(s, in->data, in->len, err))
		return -1;
	return sink_finish(s, err);
}

static void
next_ones_error_comes_back(void **state)
{
	const struct sink_suite *t = *state;
	struct buf content = { 0 }, in = { 0 };

	fill(&content, 700001);
	encode(t, &content, &in);
	for (int in_finish = 0; in_finish < 2; in_finish++) {
		struct sink_spy spy = { .got = { .max = LIMIT },
			.fail_after = in_finish ? 0 : 1000,
			.fail_finish = in_finish,
			.code = ERR_NOROOM };
		struct err err = { 0 };
		struct sink *s = NULL;

		assert_int_equal(sink_spy_new(&spy, &s, &err), 0);
		assert_int_equal(t->make(&content, s, &s, &err), 0);
		assert_int_equal(write_and_finish(s, &in, &err), -1);
		assert_true(err_is(&err, ERR_NOROOM));
		assert_non_null(strstr(err.msg, "spy: broken"));
		sink_free(s);
		assert_int_equal(spy.finishes, (unsigned)in_finish);
		assert_int_equal(spy.frees, 1);
		buf_done(&spy.got);
	}
	buf_done(&content);
	buf_done(&in);
}

static int
scenario(const struct sink_suite *t, const struct buf *content,
    const struct buf *in, struct sink_spy *spy, struct err *err)
{
	AUTO(sink) struct sink *s = NULL;

	if (sink_spy_new(spy, &s, err) || t->make(content, TAKE(s), &s, err))
		return -1;
	return write_and_finish(s, in, err);
}

static void
every_allocation_may_fail(void **state)
{
	const struct sink_suite *t = *state;
	struct buf content = { 0 }, in = { 0 };
	long fails = 0;
	int rc = -1;

	fill(&content, 1000);
	encode(t, &content, &in);
	while (rc) {
		struct sink_spy spy = { .got = { .max = LIMIT } };
		struct err err = { 0 };

		failalloc_at(fails);
		rc = scenario(t, &content, &in, &spy, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		assert_true(rc == 0 || spy.finishes == 0);
		buf_done(&spy.got);
		fails += rc != 0;
	}
	assert_true(fails >= 3); /* the spy, its buffer, the sink */
	buf_done(&content);
	buf_done(&in);
}

void
sink_suite_tests(struct sink_suite *suite, struct CMUnitTest *to)
{
	const struct CMUnitTest tests[SINK_SUITE_TESTS] = {
		cmocka_unit_test_prestate(passes_nothing, suite),
		cmocka_unit_test_prestate(passes_single_bytes, suite),
		cmocka_unit_test_prestate(passes_odd_pieces, suite),
		cmocka_unit_test_prestate(passes_all_at_once, suite),
		cmocka_unit_test_prestate(free_without_finish_is_an_abort,
		    suite),
		cmocka_unit_test_prestate(next_ones_error_comes_back, suite),
		cmocka_unit_test_prestate(every_allocation_may_fail, suite),
	};

	memcpy(to, tests, sizeof tests);
}
