#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
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

static void
a_name_longer_than_a_hundred_bytes_is_refused(void **state)
{
	AUTO(sink) struct sink *mem = NULL;
	AUTO(tar) struct tar *t = NULL;
	struct err err = { 0 };
	char name[102];
	uint64_t offset = 0;
	const char *p;
	size_t n;

	(void)state;
	memset(name, 'n', sizeof name);
	name[101] = '\0';
	assert_int_equal(sink_mem_new(1 << 20, &mem, &err), 0);
	assert_int_equal(tar_new(mem, &t, &err), 0);
	assert_int_equal(tar_add(t, name, "hello", 5, &offset, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	name[100] = '\0';
	assert_int_equal(tar_add(t, name, "hello", 5, &offset, &err), 0);
	assert_int_equal(tar_end(t, &err), 0);
	p = sink_mem_data(mem, &n);
	assert_memory_equal(p, name, 100);
	assert_memory_equal(p + offset, "hello\0", 6);
	assert_int_equal(offset, 512);
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

static void
what_libarchive_cannot_do_is_told(void **state)
{
	static const struct {
		const char *call;
		enum err_code code;
	} cases[] = {
		{ "archive_write_new", ERR_NOMEM },
		{ "archive_write_set_format_ustar", ERR_IO },
		{ "archive_entry_new", ERR_NOMEM },
		{ "archive_write_data", ERR_IO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO(sink) struct sink *s = NULL;
		AUTO(tar) struct tar *t = NULL;
		struct err err = { 0 };
		uint64_t offset = 7;

		assert_int_equal(sink_null_new(&s, &err), 0);
		failcall_at(cases[i].call, 0, 1);
		assert_true(tar_new(s, &t, &err) ||
		            tar_add(t, "a", "x", 1, &offset, &err));
		assert_true(failcall_end());
		assert_int_equal(err.code, cases[i].code);
		assert_int_equal(offset, 7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_lead_to_the_content),
		cmocka_unit_test(the_same_content_gives_the_same_bytes),
		cmocka_unit_test(the_tar_program_reads_it),
		cmocka_unit_test(a_name_longer_than_a_hundred_bytes_is_refused),
		cmocka_unit_test(the_sinks_error_comes_back),
		cmocka_unit_test(free_without_end_writes_nothing_more),
		cmocka_unit_test(no_memory_is_told),
		cmocka_unit_test(what_libarchive_cannot_do_is_told),
	};

	return cmocka_run_group_tests_name("tar", tests, NULL, NULL);
}
