#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "repo/repo_files.h"
#include "store/store.h"

static const char *const paths[] = {
	"sets/2026-11-19T00:00:00Z-00000000/b/pack-000001.tar.zst",
	"sets/2026-11-19T00:00:00Z-00000000/b/pack-000003.tar.zst",
	"sets/2026-11-20T00:00:00Z-00000000/b.inventory.jsonl.zst",
	"sets/2026-11-20T00:00:00Z-00000000/b/object-000001",
};

enum { PATHS = sizeof paths / sizeof *paths };

struct fixture {
	struct repo *repo;
	struct manifest_files files;
};

static void
put(struct fixture *f, const char *path, const char *text)
{
	struct err err = { 0 };

	assert_int_equal(store_put_bytes(repo_store(f->repo), path, text,
	                     strlen(text), &err),
	    0);
}

static void
take(struct fixture *f, const char *path)
{
	struct store *st = repo_store(f->repo);
	struct err err = { 0 };

	assert_int_equal(st->ops->remove(st, path, &err), 0);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	const uint8_t digest[SHA256_SIZE] = { 0 };
	struct store *st = NULL;
	struct err err = { 0 };

	assert_non_null(f);
	assert_int_equal(store_mem_new(&st, &err), 0);
	assert_int_equal(repo_open(st, true, &f->repo, &err), 0);
	for (size_t i = 0; i < PATHS; i++) {
		put(f, paths[i], "12345");
		assert_int_equal(manifest_files_add(&f->files, paths[i], 5,
		                     digest, &err),
		    0);
	}
	assert_int_equal(manifest_files_sort(&f->files, &err), 0);
	/* what nobody asks for does not matter */
	put(f, "sets/2026-11-19T00:00:00Z-00000000/b/pack-000002.tar.zst", "");
	put(f, "sets/2026-11-20T00:00:00Z-00000000/zzz", "");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	manifest_files_done(&f->files);
	repo_free(f->repo);
	free(f);
	return 0;
}

static void
files_that_are_there_are_found(void **state)
{
	struct fixture *f = *state;
	struct manifest_files none = { 0 };
	struct err err = { 0 };

	assert_int_equal(repo_files_there(f->repo, &f->files, &err), 0);
	assert_int_equal(repo_files_there(f->repo, &none, &err), 0);
}

static void
each_that_is_missing_is_named(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < PATHS; i++) {
		struct err err = { 0 };

		take(f, paths[i]);
		assert_int_equal(repo_files_there(f->repo, &f->files, &err),
		    -1);
		assert_true(err_is(&err, ERR_NOTFOUND));
		assert_non_null(strstr(err.msg, paths[i]));
		put(f, paths[i], "12345");
	}
}

static void
one_of_another_size_is_named(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };

	take(f, paths[3]);
	put(f, paths[3], "1234");
	assert_int_equal(repo_files_there(f->repo, &f->files, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_string_equal(err.msg,
	    "'sets/2026-11-20T00:00:00Z-00000000/b/object-000001' has 4 bytes, "
	    "not the 5 it should have");
}

static void
every_allocation_may_fail(void **state)
{
	struct fixture *f = *state;
	long fails = 0;

	for (;; fails++) {
		struct err err = { 0 };
		int rc;

		failalloc_at(fails);
		rc = repo_files_there(f->repo, &f->files, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(fails >= 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_that_are_there_are_found),
		TEST(each_that_is_missing_is_named),
		TEST(one_of_another_size_is_named),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("repo_files", tests, NULL, NULL);
}
