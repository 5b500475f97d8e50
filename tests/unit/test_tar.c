#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../lib/failalloc.h"
#include "../lib/sink_spy.h"
#include "base/proc.h"
#include "stream/tar.h"

static void
three_files(struct sink *to, uint64_t offset[3])
{
	AUTO(tar) struct tar *t = NULL;
	struct err err = { 0 };
	char large[3000];

	memset(large, 'x', sizeof large);
	assert_int_equal(tar_new(to, &t, &err), 0);
	assert_int_equal(tar_add(t, "a", "hello", 5, &offset[0], &err), 0);
	assert_int_equal(tar_add(t, "empty", "", 0, &offset[1], &err), 0);
	assert_int_equal(tar_add(t, "c", large, sizeof large, &offset[2], &err),
	    0);
	assert_int_equal(tar_end(t, &err), 0);
	assert_int_equal(sink_finish(to, &err), 0);
}

static void
offsets_lead_to_the_content(void **state)
{
	AUTO(sink) struct sink *mem = NULL;
	struct err err = { 0 };
	uint64_t offset[3];
	const char *p;
	size_t n;

	(void)state;
	assert_int_equal(sink_mem_new(1 << 20, &mem, &err), 0);
	three_files(mem, offset);
	p = sink_mem_data(mem, &n);
	assert_int_equal(offset[0], 512);
	assert_memory_equal(p + offset[0], "hello\0", 6);
	assert_int_equal(offset[1], 1536);
	assert_int_equal(offset[2], 2048);
	assert_int_equal(p[offset[2]], 'x');
	assert_int_equal(p[offset[2] + 2999], 'x');
	assert_int_equal(p[offset[2] + 3000], '\0');
	/* content, and two closing blocks: no more */
	assert_int_equal(n, 2048 + 3072 + 1024);
}

static void
the_same_content_gives_the_same_bytes(void **state)
{
	AUTO(sink) struct sink *first = NULL;
	AUTO(sink) struct sink *second = NULL;
	struct err err = { 0 };
	uint64_t offset[3];
	const char *a, *b;
	size_t n, m;

	(void)state;
	assert_int_equal(sink_mem_new(1 << 20, &first, &err), 0);
	assert_int_equal(sink_mem_new(1 << 20, &second, &err), 0);
	three_files(first, offset);
	three_files(second, offset);
	a = sink_mem_data(first, &n);
	b = sink_mem_data(second, &m);
	assert_int_equal(n, m);
	assert_memory_equal(a, b, n);
	/* mode, uid, gid, time; type; ustar; no names */
	assert_memory_equal(a + 100, "000600 \0", 8);
	assert_memory_equal(a + 108,
	    "000000 \0"
	    "000000 \0",
	    16);
	assert_memory_equal(a + 136, "00000000000", 11);
	assert_int_equal(a[156], '0');
	assert_memory_equal(a + 257, "ustar\00000", 8);
	assert_int_equal(a[265], '\0');
	assert_int_equal(a[297], '\0');
}

static void
the_tar_program_reads_it(void **state)
{
	AUTO(sink) struct sink *mem = NULL;
	AUTO(buf) struct buf out = { .max = 1000 };
	const char *const argv[] = { "tar", "-tvf", "-", "--numeric-owner",
		"--utc", NULL };
	struct proc p = { .argv = argv };
	struct err err = { 0 };
	uint64_t offset[3];

	(void)state;
	assert_int_equal(sink_mem_new(1 << 20, &mem, &err), 0);
	three_files(mem, offset);
	p.in = sink_mem_data(mem, &p.in_len);
	if (proc_run(&p, &out, NULL, &err)) {
		assert_int_equal(err.code, ERR_NOTFOUND);
		print_message("tar is not installed\n");
		return;
	}
	assert_int_equal(p.status, 0);
	assert_string_equal(out.data,
	    "-rw------- 0/0               5 1970-01-01 00:00 a\n"
	    "-rw------- 0/0               0 1970-01-01 00:00 empty\n"
	    "-rw------- 0/0            3000 1970-01-01 00:00 c\n");
}

/* What tar says are the names of files that were added by these. */
static void
list_names(const char *const names[], size_t n, struct buf *ret)
{
	AUTO(sink) struct sink *mem = NULL;
	AUTO(tar) struct tar *t = NULL;
	const char *const argv[] = { "tar", "-tf", "-", NULL };
	struct proc p = { .argv = argv };
	struct err err = { 0 };

	assert_int_equal(sink_mem_new(1 << 20, &mem, &err), 0);
	assert_int_equal(tar_new(mem, &t, &err), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(tar_add(t, names[i], "hello", 5, NULL, &err),
		    0);
	assert_int_equal(tar_end(t, &err), 0);
	p.in = sink_mem_data(mem, &p.in_len);
	if (proc_run(&p, ret, NULL, &err)) {
		assert_int_equal(err.code, ERR_NOTFOUND);
		print_message("tar is not installed\n");
	}
	assert_int_equal(p.status, 0);
}

static void
long_names_are_cut_at_a_slash_or_written_as_pax(void **state)
{
	AUTO(buf) struct buf want = { .max = 10000 };
	AUTO(buf) struct buf got = { .max = 10000 };
	struct err err = { 0 };
	char hundred[101], cut[259], whole[256], longest[TAR_NAME_MAX + 1];
	const char *const names[] = { hundred, cut, "short", whole, longest,
		"last" };

	(void)state;
	memset(hundred, 'h', 100);
	hundred[100] = '\0';
	(void)snprintf(cut, sizeof cut, "%.55s/%.99s/%.100s", hundred, hundred,
	    hundred);
	memset(whole, 'w', 255);
	whole[255] = '\0';
	memset(longest, 'l', TAR_NAME_MAX);
	longest[TAR_NAME_MAX] = '\0';
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_int_equal(buf_join(&want, &err, names[i], "\n", NULL),
		    0);
	list_names(names, sizeof names / sizeof *names, &got);
	if (got.data)
		assert_string_equal(got.data, want.data);
}

static void
what_a_tar_cannot_hold_is_refused(void **state)
{
	AUTO(sink) struct sink *null = NULL;
	AUTO(tar) struct tar *t = NULL;
	struct err err = { 0 };
	char name[TAR_NAME_MAX + 2];
	uint64_t offset = 7;

	(void)state;
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(sink_null_new(&null, &err), 0);
	assert_int_equal(tar_new(null, &t, &err), 0);
	assert_int_equal(tar_add(t, name, "hello", 5, &offset, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(tar_add(t, "", "hello", 5, &offset, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(tar_add(t, "a", "", (size_t)1 << 33, &offset, &err),
	    -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(offset, 7);
}

/* Wherever the sink fails. */
static void
each_failure_of_the_sink_comes_back(void **state)
{
	char name[201];

	(void)state;
	memset(name, 'n', 200);
	name[200] = '\0';
	for (size_t at = 1; at <= 2048; at += 300) {
		struct sink_spy spy = { .got = { .max = 10000 },
			.fail_after = at,
			.code = ERR_NOROOM };
		AUTO(sink) struct sink *s = NULL;
		AUTO(tar) struct tar *t = NULL;
		struct err err = { 0 };
		uint64_t offset = 7;

		assert_int_equal(sink_spy_new(&spy, &s, &err), 0);
		assert_int_equal(tar_new(s, &t, &err), 0);
		assert_int_equal(tar_add(t, name, "hello", 5, &offset, &err),
		    -1);
		assert_int_equal(err.code, ERR_NOROOM);
		assert_int_equal(offset, 7);
		buf_done(&spy.got);
	}
}

static void
the_sinks_error_comes_back(void **state)
{
	struct sink_spy spy = {
		.got = { .max = 10000 }, .fail_after = 1000, .code = ERR_NOROOM
	};
	AUTO(sink) struct sink *s = NULL;
	AUTO(tar) struct tar *t = NULL;
	struct err err = { 0 };
	uint64_t offset = 77;

	(void)state;
	assert_int_equal(sink_spy_new(&spy, &s, &err), 0);
	assert_int_equal(tar_new(s, &t, &err), 0);
	assert_int_equal(tar_add(t, "a", "hello", 5, &offset, &err), -1);
	assert_int_equal(err.code, ERR_NOROOM);
	assert_string_equal(err.msg, "spy: broken");
	assert_int_equal(offset, 77);
	buf_done(&spy.got);
}

static void
free_without_end_writes_nothing_more(void **state)
{
	AUTO(sink) struct sink *mem = NULL;
	struct tar *t = NULL;
	struct err err = { 0 };
	uint64_t offset = 0;
	size_t n;

	(void)state;
	assert_int_equal(sink_mem_new(1 << 20, &mem, &err), 0);
	assert_int_equal(tar_new(mem, &t, &err), 0);
	assert_int_equal(tar_add(t, "a", "hello", 5, &offset, &err), 0);
	tar_free(t);
	(void)sink_mem_data(mem, &n);
	assert_int_equal(n, 1024);
}

static void
no_memory_is_told(void **state)
{
	AUTO(sink) struct sink *s = NULL;
	struct tar *t = NULL;
	struct err err = { 0 };
	int rc;

	(void)state;
	assert_int_equal(sink_null_new(&s, &err), 0);
	failalloc_at(0);
	rc = tar_new(s, &t, &err);
	failalloc_at(-1);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_null(t);
	tar_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_lead_to_the_content),
		cmocka_unit_test(the_same_content_gives_the_same_bytes),
		cmocka_unit_test(the_tar_program_reads_it),
		cmocka_unit_test(
		    long_names_are_cut_at_a_slash_or_written_as_pax),
		cmocka_unit_test(what_a_tar_cannot_hold_is_refused),
		cmocka_unit_test(each_failure_of_the_sink_comes_back),
		cmocka_unit_test(the_sinks_error_comes_back),
		cmocka_unit_test(free_without_end_writes_nothing_more),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests_name("tar", tests, NULL, NULL);
}
