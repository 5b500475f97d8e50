#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../lib/failalloc.h"
#include "base/clock.h"
#include "base/thread.h"
#include "stream/pipe.h"

/* A writer on a thread of its own: text in pieces, then perhaps a finish. */
struct writer {
	struct thread thread;
	struct pipe *pipe;
	size_t size, piece;
	bool finish;
	int rc;
	struct err err;
};

static char
byte_at(size_t i)
{
	return (char)(i * 7 + i / 251);
}

static void *
write_all(void *arg)
{
	struct writer *w = arg;
	AUTO(sink) struct sink *s = NULL;
	char piece[1000];

	w->rc = pipe_sink(w->pipe, &s, &w->err);
	for (size_t at = 0; w->rc == 0 && at < w->size; at += w->piece) {
		for (size_t i = 0; i < w->piece; i++)
			piece[i] = byte_at(at + i);
		w->rc = sink_write(s, piece, w->piece, &w->err);
	}
	if (w->rc == 0 && w->finish)
		w->rc = sink_finish(s, &w->err);
	return NULL;
}

/* Read to the end or the error; *total: how many bytes. */
static int
read_all(struct pipe *p, size_t chunk, size_t *total, struct err *err)
{
	char buf[1000];
	size_t n = 1;

	*total = 0;
	while (n > 0) {
		if (pipe_read(p, buf, chunk, &n, err))
			return -1;
		assert_true(n <= chunk);
		for (size_t i = 0; i < n; i++)
			if (buf[i] != byte_at(*total + i))
				fail_msg("byte %zu", *total + i);
		*total += n;
	}
	return 0;
}

static void
move(size_t cap, size_t piece, size_t chunk)
{
	AUTO(pipe) struct pipe *p = NULL;
	struct writer w = {
		.size = piece * 100, .piece = piece, .finish = true
	};
	struct err err = { 0 };
	size_t total;

	assert_int_equal(pipe_new(cap, &p, &err), 0);
	w.pipe = p;
	assert_int_equal(thread_start(&w.thread, write_all, &w, &err), 0);
	assert_int_equal(read_all(p, chunk, &total, &err), 0);
	thread_join(&w.thread);
	assert_int_equal(w.rc, 0);
	assert_int_equal(total, w.size);
}

static void
bytes_come_out_in_order_whatever_the_sizes(void **state)
{
	(void)state;
	move(1, 3, 2);
	move(10, 7, 3);
	move(64, 1000, 1000);
	move(5000, 999, 1);
	move(100000, 1000, 1000);
}

static void
an_empty_stream_ends_at_once(void **state)
{
	AUTO(pipe) struct pipe *p = NULL;
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };
	size_t n = 9;
	char c;

	(void)state;
	assert_int_equal(pipe_new(10, &p, &err), 0);
	assert_int_equal(pipe_sink(p, &s, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	assert_int_equal(pipe_read(p, &c, 1, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(pipe_read(p, &c, 1, &n, &err), 0);
	assert_int_equal(n, 0);
	sink_free(TAKE(s));
	assert_int_equal(pipe_read(p, &c, 1, &n, &err), 0);
}

static void
a_writer_that_gives_up_cuts_the_stream_short(void **state)
{
	AUTO(pipe) struct pipe *p = NULL;
	struct writer w = { .size = 5000, .piece = 100 };
	struct err err = { 0 };
	size_t total;

	(void)state;
	assert_int_equal(pipe_new(64, &p, &err), 0);
	w.pipe = p;
	assert_int_equal(thread_start(&w.thread, write_all, &w, &err), 0);
	assert_int_equal(read_all(p, 50, &total, &err), -1);
	thread_join(&w.thread);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg, "cut short");
	assert_true(total <= w.size);
}

static void
the_reader_gets_the_failure_told_first(void **state)
{
	AUTO(pipe) struct pipe *p = NULL;
	struct sink *s = NULL;
	struct err why = { 0 }, other = { 0 }, err = { 0 };
	size_t n = 9;
	char c;

	(void)state;
	(void)err_set(&why, ERR_DENIED, "no");
	(void)err_set(&other, ERR_IO, "later");
	assert_int_equal(pipe_new(10, &p, &err), 0);
	assert_int_equal(pipe_sink(p, &s, &err), 0);
	assert_int_equal(sink_write(s, "abc", 3, &err), 0);
	pipe_fail(p, &why);
	pipe_fail(p, &other);
	sink_free(s);
	assert_int_equal(pipe_read(p, &c, 1, &n, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	assert_string_equal(err.msg, "no");
	assert_int_equal(n, 9);
}

static void *
close_soon(void *arg)
{
	clock_sleep_ms(clock_real(), 5);
	pipe_close(arg);
	return NULL;
}

static void
a_writer_that_waits_is_told_that_the_reader_has_gone(void **state)
{
	AUTO(pipe) struct pipe *p = NULL;
	AUTO(sink) struct sink *s = NULL;
	struct thread t = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(pipe_new(2, &p, &err), 0);
	assert_int_equal(pipe_sink(p, &s, &err), 0);
	assert_int_equal(thread_start(&t, close_soon, p, &err), 0);
	assert_int_equal(sink_write(s, "abc", 3, &err), -1);
	thread_join(&t);
	assert_int_equal(err.code, ERR_IO);
	assert_string_equal(err.msg, "pipe: nobody reads this any more");
	assert_int_equal(sink_write(s, "abc", 3, &err), -1);
}

static void
a_reader_may_go_when_it_has_everything(void **state)
{
	AUTO(pipe) struct pipe *p = NULL;
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };
	char text[4] = "";
	size_t n = 0;

	(void)state;
	assert_int_equal(pipe_new(10, &p, &err), 0);
	assert_int_equal(pipe_sink(p, &s, &err), 0);
	assert_int_equal(sink_write(s, "abc", 3, &err), 0);
	assert_int_equal(pipe_read(p, text, 3, &n, &err), 0);
	assert_string_equal(text, "abc");
	pipe_close(p);
	assert_int_equal(sink_finish(s, &err), 0);
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(pipe) struct pipe *p = NULL;
		struct sink *s = NULL;
		struct err err = { 0 };

		failalloc_at(fails);
		rc = pipe_new(10, &p, &err) || pipe_sink(p, &s, &err);
		failalloc_at(-1);
		sink_free(s);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
	}
	assert_int_equal(fails, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_in_order_whatever_the_sizes),
		cmocka_unit_test(an_empty_stream_ends_at_once),
		cmocka_unit_test(a_writer_that_gives_up_cuts_the_stream_short),
		cmocka_unit_test(the_reader_gets_the_failure_told_first),
		cmocka_unit_test(
		    a_writer_that_waits_is_told_that_the_reader_has_gone),
		cmocka_unit_test(a_reader_may_go_when_it_has_everything),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("pipe", tests, NULL, NULL);
}
