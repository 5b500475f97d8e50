#include "stream/age_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/age_kit.h"
#include "../lib/failalloc.h"

enum { LIMIT = 64 << 20 };

struct file {
	struct buf content, sealed;
	struct age_range range;
};

static struct file
make(size_t size)
{
	struct file f = { .content = { .max = LIMIT },
		.sealed = { .max = LIMIT } };
	struct age_keys k = age_kit_reader();
	struct err err = { 0 };
	size_t head;

	age_kit_fill(&f.content, size);
	age_kit_seal(&f.content, &f.sealed);
	head = f.sealed.len < AGE_HEADER_MAX ? f.sealed.len : AGE_HEADER_MAX;
	assert_int_equal(age_range_begin(&f.range, &k, f.sealed.data, head,
	                     f.sealed.len, &err),
	    0);
	return f;
}

static void
done(struct file *f)
{
	age_range_done(&f->range);
	buf_done(&f->content);
	buf_done(&f->sealed);
}

/* Only the stored bytes that were asked for, in memory of their own. */
static int
part(const struct file *f, uint64_t off, size_t len, char *out, struct err *err)
{
	AUTO(free) char *stored = NULL;
	uint64_t from, n;

	if (age_range_stored(&f->range, off, len, &from, &n, err))
		return -1;
	assert_true(from <= f->sealed.len && n <= f->sealed.len - from);
	stored = malloc(n + 1);
	if (!stored)
		return err_nomem(err);
	memcpy(stored, f->sealed.data + from, n);
	return age_range_open(&f->range, off, len, stored, out, err);
}

static void
every_part_is_that_of_the_content(void **state)
{
	static const size_t sizes[] = { 0, 1, AGE_CHUNK - 1, AGE_CHUNK,
		AGE_CHUNK + 1, 3 * AGE_CHUNK, 3 * AGE_CHUNK + 7 };
	static const size_t step[] = { 0, 1, 2, 65534, 65535, 65536, 65537,
		70000, 131071, 131072, 131073, 196607, 196608, 196610, 196615 };
	const size_t steps = sizeof step / sizeof *step;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct file f = make(sizes[i]);

		assert_int_equal(f.range.size, sizes[i]);
		for (size_t a = 0; a < steps; a++)
			for (size_t b = a; b < steps; b++) {
				AUTO(free) char *out = malloc(step[b] + 1);
				size_t n = step[b] - step[a];

				assert_non_null(out);
				if (step[b] > sizes[i])
					continue;
				assert_int_equal(part(&f, step[a], n, out,
				                     &err),
				    0);
				assert_int_equal(memcmp(out,
				                     f.content.data + step[a],
				                     n),
				    0);
			}
		done(&f);
	}
}

static void
no_more_is_fetched_than_the_chunks_that_hold_it(void **state)
{
	struct file f = make(5 * AGE_CHUNK + 10);
	struct err err = { 0 };
	uint64_t from, n, head = f.range.header;

	(void)state;
	assert_int_equal(age_range_stored(&f.range, AGE_CHUNK, AGE_CHUNK, &from,
	                     &n, &err),
	    0);
	assert_int_equal(from, head + AGE_CHUNK_SEALED);
	assert_int_equal(n, AGE_CHUNK_SEALED);
	assert_int_equal(age_range_stored(&f.range, AGE_CHUNK - 1, 2, &from, &n,
	                     &err),
	    0);
	assert_int_equal(from, head);
	assert_int_equal(n, 2 * AGE_CHUNK_SEALED);
	assert_int_equal(age_range_stored(&f.range, f.range.size - 1, 1, &from,
	                     &n, &err),
	    0);
	assert_int_equal(from + n, f.sealed.len);
	assert_int_equal(n, 26);
	done(&f);
}

static void
what_is_behind_the_end_is_refused(void **state)
{
	struct file f = make(100);
	struct err err = { 0 };
	uint64_t from, n;

	(void)state;
	assert_int_equal(age_range_stored(&f.range, 100, 0, &from, &n, &err),
	    0);
	assert_int_equal(age_range_stored(&f.range, 100, 1, &from, &n, &err),
	    -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg, "its content has no 1 bytes at 100");
	assert_int_equal(age_range_stored(&f.range, UINT64_MAX, 2, &from, &n,
	                     &err),
	    -1);
	assert_int_equal(age_range_stored(&f.range, 2, UINT64_MAX, &from, &n,
	                     &err),
	    -1);
	err = (struct err){ 0 };
	assert_int_equal(age_range_open(&f.range, 100, 1, "", &n, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	done(&f);
}

static void
files_that_cannot_be_are_refused(void **state)
{
	struct file f = make(AGE_CHUNK);
	struct age_keys k = age_kit_reader();
	struct age_range r = { 0 };
	struct err err = { 0 };
	uint64_t head = f.range.header;
	const uint64_t wrong[] = { head, head + 1, head + 15,
		head + AGE_CHUNK_SEALED + 1, head + AGE_CHUNK_SEALED + 16 };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(age_range_begin(&r, &k, f.sealed.data,
		                     (size_t)head, wrong[i], &err),
		    -1);
		assert_string_equal(err.msg, "encrypted data is cut short");
	}
	assert_int_equal(age_range_begin(&r, &k, f.sealed.data, 50, 50, &err),
	    -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(age_range_begin(&r, &k, "PK", 2, 50, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	done(&f);
}

static void
a_part_that_was_changed_is_refused(void **state)
{
	struct file f = make(3 * AGE_CHUNK);
	struct err err = { 0 };
	char out[20];

	(void)state;
	f.sealed.data[f.range.header + AGE_CHUNK_SEALED + 5] ^= 1;
	assert_int_equal(part(&f, 0, 20, out, &err), 0);
	assert_int_equal(part(&f, 2 * AGE_CHUNK, 20, out, &err), 0);
	assert_int_equal(part(&f, AGE_CHUNK + 1000, 20, out, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg,
	    "encrypted data is damaged: chunk 1: not what was encrypted");
	done(&f);
}

static void
every_allocation_may_fail(void **state)
{
	struct file f = make(100);
	char out[100];
	long n = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		struct err err = { 0 };

		failalloc_at(n);
		rc = part(&f, 0, sizeof out, out, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		n += rc != 0;
	}
	assert_int_equal(n, 3); /* the stored bytes, a chunk, its key */
	done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_part_is_that_of_the_content),
		cmocka_unit_test(
		    no_more_is_fetched_than_the_chunks_that_hold_it),
		cmocka_unit_test(what_is_behind_the_end_is_refused),
		cmocka_unit_test(files_that_cannot_be_are_refused),
		cmocka_unit_test(a_part_that_was_changed_is_refused),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("age_range", tests, NULL, NULL);
}
