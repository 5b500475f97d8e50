#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/sample.h"
#include "base/str.h"

enum { TEXT_MAX = 1 << 20 };

static void
encode_sample(struct buf *out)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	struct err err = { 0 };

	assert_int_equal(sample_entry(&e, &err), 0);
	assert_int_equal(inventory_encode(&e, out, &err), 0);
}

static void
assert_same(const struct inventory_entry *a, const struct inventory_entry *b)
{
	const struct object *x = &a->object, *y = &b->object;

	assert_string_equal(x->key, y->key);
	assert_true(object_unchanged(x, y));
	assert_true(object_same_headers(x, y));
	assert_string_equal(x->version, y->version);
	assert_memory_equal(a->sha256, b->sha256, SHA256_SIZE);
	assert_string_equal(a->file, b->file);
	assert_int_equal(a->packed, b->packed);
	assert_int_equal(a->offset, b->offset);
}

static void
every_byte_of_an_entry_comes_back(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	AUTO(inventory_entry) struct inventory_entry want = { 0 };
	AUTO(inventory_entry) struct inventory_entry got = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sample_entry(&want, &err), 0);
	assert_int_equal(buf_puts(&b, "before\n", &err), 0);
	assert_int_equal(inventory_encode(&want, &b, &err), 0);
	assert_memory_equal(b.data, "before\n{\"key-base64\":\"", 22);
	assert_ptr_equal(strchr(b.data + 7, '\n'), b.data + b.len - 1);
	assert_non_null(strstr(b.data, "\"x-base64-base64\":\"ZUE9PQ==\""));
	assert_non_null(strstr(b.data, "\"offset\":512,\"length\":5}"));
	assert_int_equal(inventory_decode(b.data + 7, b.len - 8, &got, &err),
	    0);
	assert_same(&want, &got);
}

static void
plain_object_makes_a_plain_line(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	AUTO(inventory_entry) struct inventory_entry got = { 0 };
	char key[] = "a/b", etag[] = "e", date[] = "d";
	struct inventory_entry e = {
		.object = { .key = key, .etag = etag, .modified = date }
	};
	struct err err = { 0 };

	(void)state;
	assert_int_equal(inventory_encode(&e, &b, &err), 0);
	assert_string_equal(b.data,
	    "{\"key\":\"a/b\",\"size\":0,\"etag\":\"e\",\"last-modified\":"
	    "\"d\",\"sha256\":\"00000000000000000000000000000000000000000000000"
	    "00000000000000000\"}\n");
	assert_int_equal(inventory_decode(b.data, b.len - 1, &got, &err), 0);
	assert_null(got.file);
	assert_null(got.object.version);
	assert_false(got.packed);
}

static void
key_of_any_bytes_comes_back(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 256; c++) {
		AUTO(buf) struct buf b = { .max = TEXT_MAX };
		AUTO(inventory_entry) struct inventory_entry got = { 0 };
		char key[] = { 'x', (char)c, '\0' };
		struct inventory_entry e = { .object = { .key = key } };
		struct err err = { 0 };

		assert_int_equal(inventory_encode(&e, &b, &err), 0);
		assert_true(str_is_utf8(b.data, b.len));
		assert_int_equal(inventory_decode(b.data, b.len - 1, &got,
		                     &err),
		    0);
		assert_string_equal(got.object.key, key);
	}
}

static void
line_that_is_too_long_is_not_written(void **state)
{
	static char value[INVENTORY_LINE_MAX];
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	struct err err = { 0 };

	(void)state;
	memset(value, 'v', sizeof value - 1);
	assert_int_equal(sample_entry(&e, &err), 0);
	assert_int_equal(object_pairs_add(&e.object.meta, "long", value, &err),
	    0);
	assert_int_equal(buf_puts(&b, "before", &err), 0);
	assert_int_equal(inventory_encode(&e, &b, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg, "object 'a/"));
	assert_string_equal(b.data, "before");
}

static void
name_that_is_no_text_is_refused(void **state)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sample_entry(&e, &err), 0);
	assert_int_equal(object_pairs_add(&e.object.tags, "\xff", "v", &err),
	    0);
	assert_int_equal(inventory_encode(&e, &b, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_int_equal(b.len, 0);
}

#define HASH "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
#define FILE_AT "\"file\":\"sets/" SAMPLE_FOLDER "/b/pack-000001.tar.zst\""

static void
line_that_is_too_long_is_not_looked_at(void **state)
{
	struct inventory_entry got = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(inventory_decode("{", INVENTORY_LINE_MAX + 1, &got,
	                     &err),
	    -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg, "longer than the limit of"));
}

static void
what_cannot_be_is_refused(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "7", "null",
		"{\"size\":0,\"sha256\":\"" HASH "\"}",
		"{\"key\":\"\",\"size\":0,\"sha256\":\"" HASH "\"}",
		"{\"key\":7,\"size\":0,\"sha256\":\"" HASH "\"}",
		"{\"key\":\"a\",\"key-base64\":\"YQ==\",\"size\":0,"
		"\"sha256\":\"" HASH "\"}",
		"{\"key-base64\":\"YQ\",\"size\":0,\"sha256\":\"" HASH "\"}",
		"{\"key-base64\":\"YQBh\",\"size\":0,\"sha256\":\"" HASH "\"}",
		"{\"key\":\"a\",\"sha256\":\"" HASH "\"}",
		"{\"key\":\"a\",\"size\":-1,\"sha256\":\"" HASH "\"}",
		"{\"key\":\"a\",\"size\":0,\"sha256\":\"5a\"}",
		"{\"key\":\"a\",\"size\":0}",
		"{\"key\":\"a\",\"size\":5,\"sha256\":\"" HASH "\"}",
		"{\"key\":\"a\",\"size\":0,\"sha256\":\"" HASH "\","
		"\"offset\":1,\"length\":0}",
		"{\"key\":\"a\",\"size\":5,\"sha256\":\"" HASH "\"," FILE_AT
		",\"offset\":1}",
		"{\"key\":\"a\",\"size\":5,\"sha256\":\"" HASH "\"," FILE_AT
		",\"length\":5}",
		"{\"key\":\"a\",\"size\":5,\"sha256\":\"" HASH "\"," FILE_AT
		",\"offset\":1,\"length\":4}",
		"{\"key\":\"a\",\"size\":5,\"sha256\":\"" HASH "\","
		"\"file\":\"/etc/passwd\"}",
		"{\"key\":\"a\",\"size\":0,\"sha256\":\"" HASH "\","
		"\"meta\":[]}",
		"{\"key\":\"a\",\"size\":0,\"sha256\":\"" HASH "\","
		"\"tags\":{\"a\":1}}",
		"{\"key\":\"a\",\"size\":0,\"sha256\":\"" HASH "\","
		"\"meta\":{\"a-base64\":\"?\"}}" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct inventory_entry e = { 0 };
		struct err err = { 0 };

		if (inventory_decode(bad[i], strlen(bad[i]), &e, &err) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_true(err_is(&err, ERR_CORRUPT));
		assert_null(e.object.key);
	}
}

/* A flipped bit is refused or gives another entry, but harms nothing. */
static void
damaged_line_is_no_danger(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	size_t refused = 0;

	(void)state;
	encode_sample(&b);
	for (size_t i = 0; i < 8 * (b.len - 1); i++) {
		AUTO(inventory_entry) struct inventory_entry e = { 0 };
		struct err err = { 0 };
		char *at = b.data + i / 8, bit = (char)(1 << i % 8);

		*at = (char)(*at ^ bit);
		if (inventory_decode(b.data, b.len - 1, &e, &err)) {
			assert_true(err_is(&err, ERR_CORRUPT));
			assert_null(e.object.key);
			refused++;
		}
		*at = (char)(*at ^ bit);
	}
	assert_true(refused > b.len);
}

static void
every_allocation_may_fail(void **state)
{
	long n = 0;
	bool done = false;

	(void)state;
	for (; !done; n++) {
		AUTO(buf) struct buf b = { .max = TEXT_MAX };
		AUTO(inventory_entry) struct inventory_entry from = { 0 };
		AUTO(inventory_entry) struct inventory_entry to = { 0 };
		struct err err = { 0 };

		failalloc_at(n);
		done = sample_entry(&from, &err) == 0 &&
		       inventory_encode(&from, &b, &err) == 0 &&
		       inventory_decode(b.data, b.len - 1, &to, &err) == 0;
		failalloc_at(-1);
		if (done)
			assert_same(&from, &to);
		else
			assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(n > 40);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_of_an_entry_comes_back),
		cmocka_unit_test(plain_object_makes_a_plain_line),
		cmocka_unit_test(key_of_any_bytes_comes_back),
		cmocka_unit_test(line_that_is_too_long_is_not_written),
		cmocka_unit_test(name_that_is_no_text_is_refused),
		cmocka_unit_test(line_that_is_too_long_is_not_looked_at),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(damaged_line_is_no_danger),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("inventory", tests, NULL, NULL);
}
