#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../lib/failalloc.h"
#include "base/buf.h"
#include "repo/inventory_impl.h"

#define SHA "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define FILE_NAME "sets/2026-11-20T16:28:00Z-0123abcd/b/pack-000001.tar.zst"
#define FACTS "\"etag\":\"e\",\"last-modified\":\"d\",\"version-id\":\"v\","
#define PLACE "\"file\":\"" FILE_NAME "\",\"offset\":512,\"length\":7}"
#define LINE                                                            \
	"{\"key\":\"a/\xc3\xa4\",\"size\":7," FACTS "\"sha256\":\"" SHA \
	"\",\"content-type\":\"text/plain\",\"expires\":\"\"," PLACE

static bool
is_plain(const char *line, size_t len, struct inventory_entry *e)
{
	struct err err = { 0 };
	bool plain = true;

	assert_int_equal(inventory_plain(line, len, e, &plain, &err), 0);
	return plain;
}

static void
assert_same(const char *a, const char *b)
{
	if (a && b)
		assert_string_equal(a, b);
	else
		assert_true(a == b);
}

static void
an_ordinary_line_means_what_it_means_as_json(void **state)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	AUTO(inventory_entry) struct inventory_entry want = { 0 };
	static const char spaced[] = " " LINE;
	struct err err = { 0 };

	(void)state;
	assert_true(is_plain(LINE, strlen(LINE), &e));
	assert_int_equal(inventory_decode(spaced, strlen(spaced), &want, &err),
	    0);
	assert_string_equal(e.object.key, want.object.key);
	assert_string_equal(e.object.etag, want.object.etag);
	assert_string_equal(e.object.modified, want.object.modified);
	assert_string_equal(e.object.version, want.object.version);
	for (int i = 0; i < OBJECT_HEADERS; i++)
		assert_same(e.object.header[i], want.object.header[i]);
	assert_string_equal(e.object.header[OBJECT_CONTENT_TYPE], "text/plain");
	assert_int_equal(e.object.size, 7);
	assert_memory_equal(e.sha256, want.sha256, SHA256_SIZE);
	assert_string_equal(e.file, FILE_NAME);
	assert_true(e.packed);
	assert_int_equal(e.offset, 512);
}

static void
an_object_without_bytes_or_in_a_file_of_its_own_is_plain(void **state)
{
	static const char empty[] =
	    "{\"key\":\"k\",\"size\":0,\"sha256\":\"" SHA "\"}";
	static const char large[] =
	    "{\"key\":\"k\",\"size\":999999999999999,"
	    "\"sha256\":\"" SHA "\",\"file\":\"" FILE_NAME "\"}";
	AUTO(inventory_entry) struct inventory_entry e = { 0 };

	(void)state;
	assert_true(is_plain(empty, strlen(empty), &e));
	assert_null(e.file);
	inventory_entry_done(&e);
	assert_true(is_plain(large, strlen(large), &e));
	assert_int_equal(e.object.size, 999999999999999);
	assert_false(e.packed);
}

static void
what_else_may_stand_in_a_line_is_left_to_json(void **state)
{
	static const char *const left[] = { "", "{", "[]", "{}",
		"{\"key\":\"\",\"size\":0,\"sha256\":\"" SHA "\"}",
		"{\"size\":0,\"sha256\":\"" SHA "\"}",
		"{\"key\":\"k\",\"sha256\":\"" SHA "\"}",
		"{\"key\":\"k\",\"size\":0}",
		"{\"key\":\"k\",\"size\":\"0\",\"sha256\":\"" SHA "\"}",
		"{\"key\":7,\"size\":0,\"sha256\":\"" SHA "\"}",
		"{\"key\":\"k\",\"size\":00,\"sha256\":\"" SHA "\"}",
		"{\"key\":\"k\",\"size\":-1,\"sha256\":\"" SHA "\"}",
		"{\"key\":\"k\",\"size\":0.5,\"sha256\":\"" SHA "\"}",
		"{\"key\":\"k\",\"size\":0,\"sha256\":\"0\"}",
		"{\"key\":\"k\",\"size\":0,\"sha256\":\"x0112233445566778899a"
		"abbccddeeff00112233445566778899aabbccddeeff\"}",
		"{\"key\":\"k\",\"key\":\"k\",\"size\":0,\"sha256\":\"" SHA
		"\"}",
		"{\"key\":\"\\u0041\",\"size\":0,\"sha256\":\"" SHA "\"}",
		"{\"key\":\"\t\",\"size\":0,\"sha256\":\"" SHA "\"}",
		"{\"key\":\"\xff\",\"size\":0,\"sha256\":\"" SHA "\"}",
		"{\"key-base64\":\"aw==\",\"size\":0,\"sha256\":\"" SHA "\"}",
		"{\"key\":\"k\",\"size\":0,\"sha256\":\"" SHA "\",\"meta\":{}}",
		"{\"key\":\"k\",\"size\":0,\"sha256\":\"" SHA
		"\",\"more\":\"x\"}",
		"{\"key\":\"k\",\"size\":0,\"sha256\":\"" SHA "\"}x",
		"{\"key\":\"k\",\"size\":0,\"sha256\":\"" SHA "\",}",
		"{ \"key\":\"k\",\"size\":0,\"sha256\":\"" SHA "\"}",
		"{\"key\":\"k\",\"size\":7,\"sha256\":\"" SHA "\"}",
		"{\"key\":\"k\",\"size\":0,\"sha256\":\"" SHA
		"\",\"offset\":0,\"length\":0}",
		"{\"key\":\"k\",\"size\":7,\"sha256\":\"" SHA
		"\",\"file\":\"../x\"}",
		"{\"key\":\"k\",\"size\":7,\"sha256\":\"" SHA
		"\",\"file\":\"" FILE_NAME "\",\"offset\":0}",
		"{\"key\":\"k\",\"size\":8,\"sha256\":\"" SHA "\"," PLACE };
	AUTO(inventory_entry) struct inventory_entry e = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
		if (is_plain(left[i], strlen(left[i]), &e))
			fail_msg("'%s' was taken", left[i]);
	/* nor is anything read behind the end */
	for (size_t n = 0; n < strlen(LINE); n++) {
		AUTO(free) char *cut = malloc(n + 1);

		assert_non_null(cut);
		memcpy(cut, LINE, n);
		assert_false(is_plain(cut, n, &e));
	}
	assert_null(e.object.key);
}

static void
every_allocation_may_fail(void **state)
{
	int rc = -1;

	(void)state;
	for (int n = 0; rc; n++) {
		AUTO(inventory_entry) struct inventory_entry e = { 0 };
		struct err err = { 0 };
		bool plain;

		failalloc_at(n);
		rc = inventory_plain(LINE, strlen(LINE), &e, &plain, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_line_means_what_it_means_as_json),
		cmocka_unit_test(
		    an_object_without_bytes_or_in_a_file_of_its_own_is_plain),
		cmocka_unit_test(what_else_may_stand_in_a_line_is_left_to_json),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("inventory_plain", tests, NULL,
	    NULL);
}
