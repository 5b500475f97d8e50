#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/sink_spy.h"
#include "stream/sink.h"

enum { CAP = 1000, SIZE = 1 << 20 };

static void
make(struct sink_spy *spy, struct sink **s)
{
	struct err err = { 0 };

	spy->got.max = 4 * SIZE;
	assert_int_equal(sink_spy_new(spy, s, &err), 0);
	assert_int_equal(sink_queue_new(TAKE(*s), CAP, s, &err), 0);
}

static void
bytes_arrive_in_order_whatever_their_pieces(void **state)
{
	static char text[SIZE];

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		text[i] = (char)(i * 7 + i / 251);
	for (size_t piece = 1; piece < SIZE; piece = piece * 37 + 1) {
		AUTO(sink) struct sink *s = NULL;
		struct sink_spy spy = { 0 };
		struct err err = { 0 };

		make(&spy, &s);
		for (size_t i = 0; i < SIZE; i += piece)
			assert_int_equal(sink_write(s, text + i,
			                     SIZE - i < piece ? SIZE - i
			                                      : piece,
			                     &err),
			    0);
		assert_int_equal(sink_finish(s, &err), 0);
		assert_int_equal(spy.finishes, 1);
		assert_int_equal(spy.got.len, SIZE);
		assert_memory_equal(spy.got.data, text, SIZE);
		sink_free(TAKE(s));
		assert_int_equal(spy.frees, 1);
		buf_done(&spy.got);
	}
}

static void
a_failure_behind_it_reaches_the_writer(void **state)
{
	static const char text[CAP];

	(void)state;
	for (int late = 0; late < 2; late++) {
		AUTO(sink) struct sink *s = NULL;
		struct sink_spy spy = { .fail_after = late ? 10 : 5000,
			.code = ERR_NOROOM };
		struct err err = { 0 };
		int rc = 0;

		make(&spy, &s);
		for (int i = 0; i < (late ? 1 : 1000) && rc == 0; i++)
			rc = sink_write(s, text, sizeof text, &err);
		if (late && rc == 0)
			rc = sink_finish(s, &err);
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, ERR_NOROOM);
		assert_non_null(strstr(err.msg, "spy"));
		assert_int_equal(spy.finishes, 0);
		sink_free(TAKE(s));
		buf_done(&spy.got);
	}
}

static void
without_a_finish_nothing_is_finished(void **state)
{
	struct sink_spy spy = { 0 };
	struct sink *s = NULL;
	struct err err = { 0 };

	(void)state;
	make(&spy, &s);
	assert_int_equal(sink_write(s, "abc", 3, &err), 0);
	sink_free(s);
	assert_int_equal(spy.finishes, 0);
	assert_int_equal(spy.frees, 1);
	buf_done(&spy.got);
}

static void
a_finish_that_fails_is_told(void **state)
{
	AUTO(sink) struct sink *s = NULL;
	struct sink_spy spy = { .fail_finish = true, .code = ERR_IO };
	struct err err = { 0 };

	(void)state;
	make(&spy, &s);
	assert_int_equal(sink_finish(s, &err), -1);
	assert_int_equal(err.code, ERR_IO);
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	for (long n = 0;; n++) {
		struct sink *s = NULL;
		struct err err = { 0 };
		int rc;

		assert_int_equal(sink_null_new(&s, &err), 0);
		failalloc_at(n);
		rc = sink_queue_new(TAKE(s), CAP, &s, &err);
		failalloc_at(-1);
		sink_free(s);
		if (rc == 0)
			break;
		assert_int_equal(err.code, ERR_NOMEM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_arrive_in_order_whatever_their_pieces),
		cmocka_unit_test(a_failure_behind_it_reaches_the_writer),
		cmocka_unit_test(without_a_finish_nothing_is_finished),
		cmocka_unit_test(a_finish_that_fails_is_told),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
