#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "repo/manifest.h"

static const uint8_t digest[SHA256_SIZE] = { 7 };

static void
path_of(unsigned n, char out[32])
{
	(void)snprintf(out, 32, "file-%08u", n);
}

/* Every number below total once, far from sorted: total is a prime. */
static unsigned
shuffled(unsigned i, unsigned total)
{
	return (unsigned)((uint64_t)i * 7919 % total);
}

static int
add(struct manifest_files *f, unsigned n, struct err *err)
{
	char path[32];

	path_of(n, path);
	return manifest_files_add(f, path, n, digest, err);
}

static void
assert_all_there(const struct manifest_files *f, unsigned total)
{
	char path[32];

	assert_int_equal(f->count, total);
	for (unsigned i = 0; i < total; i++) {
		const struct manifest_file *one;

		path_of(i, path);
		one = manifest_files_find(f, path);
		assert_non_null(one);
		assert_string_equal(one->path, path);
		assert_int_equal(one->size, i);
		assert_memory_equal(one->sha256, digest, sizeof digest);
	}
	assert_null(manifest_files_find(f, "file-"));
	assert_null(manifest_files_find(f, "file-99999999"));
}

static void
files_are_found_in_whatever_order_they_came(void **state)
{
	struct manifest_files f = { 0 };
	struct err err = { 0 };
	const unsigned total = 10007;

	(void)state;
	assert_null(manifest_files_find(&f, "x"));
	for (unsigned i = 0; i < total; i++)
		assert_int_equal(add(&f, shuffled(i, total), &err), 0);
	assert_all_there(&f, total);
	assert_int_equal(manifest_files_sort(&f, &err), 0);
	assert_all_there(&f, total);
	for (size_t i = 1; i < f.count; i++)
		assert_true(strcmp(f.file[i - 1].path, f.file[i].path) < 0);
	manifest_files_done(&f);
	assert_int_equal(f.count, 0);
}

static void
ascending_files_need_no_sorting(void **state)
{
	struct manifest_files f = { 0 };
	struct err err = { 0 };

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		assert_int_equal(add(&f, i, &err), 0);
		assert_int_equal(f.sorted, f.count);
	}
	assert_all_there(&f, 5000);
	manifest_files_done(&f);
}

static void
file_that_is_there_is_not_added_again(void **state)
{
	struct manifest_files f = { 0 };
	struct err err = { 0 };

	(void)state;
	for (int twice = 0; twice < 2; twice++)
		for (unsigned i = 3; i-- > 0;)
			assert_int_equal(add(&f, i, &err), 0);
	assert_all_there(&f, 3);
	manifest_files_done(&f);
}

static void
every_allocation_may_fail(void **state)
{
	long n = 0;
	bool done = false;

	(void)state;
	for (; !done; n++) {
		struct manifest_files f = { 0 };
		struct err err = { 0 };

		failalloc_at(n);
		done = true;
		for (unsigned i = 0; i < 12 && done; i++)
			done = add(&f, shuffled(i, 13), &err) == 0;
		done = done && manifest_files_sort(&f, &err) == 0;
		failalloc_at(-1);
		if (!done)
			assert_true(err_is(&err, ERR_NOMEM));
		manifest_files_done(&f);
	}
	assert_true(n > 12);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_found_in_whatever_order_they_came),
		cmocka_unit_test(ascending_files_need_no_sorting),
		cmocka_unit_test(file_that_is_there_is_not_added_again),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("manifest_files", tests, NULL, NULL);
}
