#include "../lib/sink_suite.h"

#include <string.h>

#include "../lib/age_kit.h"
#include "base/proc.h"
#include "crypto/age_chunk.h"

enum { LIMIT = 64 << 20 };

static struct age_keys writer;

static int
make(const struct buf *content, struct sink *next, struct sink **out,
    struct err *err)
{
	(void)content;
	return sink_age_new(next, &writer, out, err);
}

static void
decode(const struct buf *got, struct buf *content)
{
	age_kit_open(got, content);
}

static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 128 << 10,
	(128 << 10) + 1 };

enum { SIZES = sizeof sizes / sizeof *sizes };

static void
all_edges_of_chunks_are_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZES; i++) {
		AUTO(buf) struct buf content = { .max = LIMIT };
		AUTO(buf) struct buf file = { .max = LIMIT };
		AUTO(buf) struct buf back = { .max = LIMIT };
		size_t chunks = sizes[i] / AGE_CHUNK +
		                (sizes[i] % AGE_CHUNK > 0 || sizes[i] == 0);

		age_kit_fill(&content, sizes[i]);
		age_kit_seal(&content, &file);
		/* one recipient: 168 bytes, and 16 of nonce */
		assert_int_equal(file.len, 184 + sizes[i] + 16 * chunks);
		age_kit_open(&file, &back);
		assert_int_equal(back.len, content.len);
		assert_memory_equal(back.data, content.data, content.len);
	}
}

static void
the_age_program_reads_it(void **state)
{
	static const char *const argv[] = { "age", "-d", "-i",
		"/proc/self/fd/3", NULL };
	static const struct proc_file identity = { AGE_KIT_IDENTITY,
		sizeof AGE_KIT_IDENTITY - 1 };

	(void)state;
	for (size_t i = 0; i < SIZES; i++) {
		AUTO(buf) struct buf content = { .max = LIMIT };
		AUTO(buf) struct buf file = { .max = LIMIT };
		AUTO(buf) struct buf back = { .max = LIMIT };
		struct proc p = {
			.argv = argv, .files = &identity, .nfiles = 1
		};
		struct err err = { 0 };

		age_kit_fill(&content, sizes[i]);
		age_kit_seal(&content, &file);
		p.in = file.data;
		p.in_len = file.len;
		if (proc_run(&p, &back, NULL, &err)) {
			assert_int_equal(err.code, ERR_NOTFOUND);
			print_message("age is not installed\n");
			return;
		}
		assert_int_equal(p.status, 0);
		assert_int_equal(back.len, content.len);
		if (content.len > 0)
			assert_memory_equal(back.data, content.data,
			    content.len);
	}
}

static void
nobody_to_encrypt_to_is_a_mistake(void **state)
{
	struct age_keys nobody = { 0 };
	struct sink *s = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sink_null_new(&s, &err), 0);
	assert_int_equal(sink_age_new(s, &nobody, &s, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
}

int
main(void)
{
	static struct sink_suite suite = { .make = make, .decode = decode };
	struct CMUnitTest tests[SINK_SUITE_TESTS + 3] = {
		[SINK_SUITE_TESTS] =
		    cmocka_unit_test(all_edges_of_chunks_are_right),
		cmocka_unit_test(the_age_program_reads_it),
		cmocka_unit_test(nobody_to_encrypt_to_is_a_mistake),
	};

	writer = age_kit_writer();
	sink_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("sink_age", tests, NULL, NULL);
}
