#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "repo/layout.h"

#define FOLDER "2026-11-20T16:28:00Z-0123abcd"

static void
id_is_a_second_in_utc_and_nothing_else(void **state)
{
	static const char *const bad[] = { "", "2026-11-20T16:28:00",
		"2026-11-20T16:28:00z", " 2026-11-20T16:28:00Z",
		"2026-11-20 16:28:00Z", "2026-02-30T16:28:00Z",
		"2026-11-20T24:00:00Z", "2026-11-20T16:28:00.1Z",
		"2026-11-20T16:28:00Z ", "2026-1-020T16:28:00Z", "latest",
		"../../etc/passwd" };

	(void)state;
	assert_true(layout_is_id("2026-11-20T16:28:00Z"));
	assert_true(layout_is_id("2028-02-29T00:00:00Z"));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(layout_is_id(bad[i]));
}

static void
folder_is_an_id_and_eight_hex_digits(void **state)
{
	static const char *const bad[] = { "", "2026-11-20T16:28:00Z",
		"2026-11-20T16:28:00Z-0123abc",
		"2026-11-20T16:28:00Z-0123abcde",
		"2026-11-20T16:28:00Z-0123ABCD",
		"2026-11-20T16:28:00Z_0123abcd",
		"2026-13-20T16:28:00Z-0123abcd" };
	char id[LAYOUT_ID_SIZE] = "untouched";

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(layout_folder_id(bad[i], id));
	assert_string_equal(id, "untouched");
	assert_true(layout_folder_id(FOLDER, id));
	assert_string_equal(id, "2026-11-20T16:28:00Z");
}

static void
component_name_is_lower_case_and_short(void **state)
{
	char longest[65];

	(void)state;
	memset(longest, 'a', sizeof longest);
	longest[64] = '\0';
	assert_false(layout_is_name(longest));
	longest[63] = '\0';
	assert_true(layout_is_name(longest));
	assert_true(layout_is_name("kfp-db"));
	assert_true(layout_is_name("0.a_b"));
	assert_false(layout_is_name(""));
	assert_false(layout_is_name("-a"));
	assert_false(layout_is_name(".a"));
	assert_false(layout_is_name("Mlmd"));
	assert_false(layout_is_name("a/b"));
	assert_false(layout_is_name("a b"));
	assert_false(layout_is_name("caf\xc3\xa9"));
}

static void
file_cannot_lead_out_of_its_set(void **state)
{
	static const char *const good[] = { "sets/" FOLDER "/manifest.json",
		"sets/" FOLDER "/mlmd.sqlite.zst",
		"sets/" FOLDER "/mlpipeline/pack-000001.tar.zst" };
	static const char *const bad[] = { "", "sets/", "sets/" FOLDER,
		"sets/" FOLDER "/", "sets/" FOLDER "/..",
		"sets/" FOLDER "/../x", "sets/" FOLDER "/a/../b",
		"sets/" FOLDER "/a//b", "sets/" FOLDER "/a/b/c",
		"sets/" FOLDER "/a/", "sets/" FOLDER "//a",
		"sets/" FOLDER "/a b", "sets/" FOLDER "/a\nb",
		"sets/" FOLDER "/.a", "/sets/" FOLDER "/a", "sets/../a/b",
		"sets/2026-11-20T16:28:00Z-0123abcg/a", "notes/" FOLDER "/a",
		"repository.json" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(layout_is_file(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(layout_is_file(bad[i]));
	assert_true(layout_in_folder(good[0], FOLDER));
	assert_false(layout_in_folder(good[0],
	    "2026-11-20T16:28:00Z-0123abce"));
}

static void
names_say_how_a_file_is_stored(void **state)
{
	(void)state;
	assert_true(layout_is_age("a.zst.age"));
	assert_false(layout_is_age("a.age.zst"));
	assert_true(layout_is_zstd("a.zst.age"));
	assert_true(layout_is_zstd("a.zst"));
	assert_false(layout_is_zstd("a.age"));
	assert_false(layout_is_zstd("zst"));
	assert_true(layout_ends("sets/x/b.inventory.jsonl.zst.age",
	    ".inventory.jsonl"));
	assert_true(layout_ends("b.inventory.jsonl.zst", ".inventory.jsonl"));
	assert_true(layout_ends("b.inventory.jsonl", ".inventory.jsonl"));
	assert_false(layout_ends("b.inventory.jsonl.zst.x",
	    ".inventory.jsonl"));
	assert_false(layout_ends("jsonl.zst.age", ".inventory.jsonl"));
}

static void
key_is_built_or_refused_as_a_whole(void **state)
{
	struct err err = { 0 };
	char key[LAYOUT_KEY_SIZE] = "untouched", name[LAYOUT_KEY_SIZE];

	(void)state;
	assert_int_equal(layout_key(FOLDER, "../x", key, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	memset(name, 'a', sizeof name);
	name[sizeof name - 1] = '\0';
	assert_int_equal(layout_key(FOLDER, name, key, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_non_null(strstr(err.msg, "too long"));
	assert_string_equal(key, "untouched");
	assert_int_equal(layout_key(FOLDER, "open.json", key, &err), 0);
	assert_string_equal(key, "sets/" FOLDER "/open.json");
}

static void
a_note_is_read_from_its_name_and_built_again(void **state)
{
	const char *key =
	    "notes/" FOLDER "/verify-failed-2026-11-21T00:00:00Z-89abcdef.json";
	struct layout_note n = { 0 };
	char again[LAYOUT_NOTE_SIZE];
	struct err err = { 0 };

	(void)state;
	assert_true(layout_note_parse(key, &n));
	assert_string_equal(n.folder, FOLDER);
	assert_string_equal(n.kind, "verify-failed");
	assert_string_equal(n.time, "2026-11-21T00:00:00Z");
	assert_string_equal(n.random, "89abcdef");
	assert_int_equal(layout_note_key(&n, again, &err), 0);
	assert_string_equal(again, key);
}

static void
what_is_no_note_is_not_taken_for_one(void **state)
{
	static const char *const bad[] = { "", "notes/", "notes/" FOLDER,
		"notes/" FOLDER "/", "notes/" FOLDER "/held",
		"notes/" FOLDER "/-2026-11-21T00:00:00Z-89abcdef.json",
		"notes/" FOLDER "/held-2026-11-31T00:00:00Z-89abcdef.json",
		"notes/" FOLDER "/held-2026-11-21T00:00:00Z-89abcdeg.json",
		"notes/" FOLDER "/held-2026-11-21T00:00:00Z-89abcdef.jsonl",
		"notes/" FOLDER "/held-2026-11-21T00:00:00Z_89abcdef.json",
		"notes/" FOLDER "/Held-2026-11-21T00:00:00Z-89abcdef.json",
		"notes/" FOLDER "/a/ld-2026-11-21T00:00:00Z-89abcdef.json",
		"notes/" FOLDER "/abcdefghijklmnopq-2026-11-21T00:00:00Z-"
		"89abcdef.json",
		"notes/../held-2026-11-21T00:00:00Z-89abcdef.json",
		"sets/" FOLDER "/held-2026-11-21T00:00:00Z-89abcdef.json" };
	struct layout_note n = { .kind = "untouched" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(layout_note_parse(bad[i], &n));
	assert_string_equal(n.kind, "untouched");
}

static void
a_note_that_could_not_be_read_again_is_refused(void **state)
{
	struct layout_note n = { .folder = FOLDER,
		.kind = "held",
		.time = "2026-11-21T00:00:00Z",
		.random = "89abcdeg" };
	char key[LAYOUT_NOTE_SIZE];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(layout_note_key(&n, key, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	memcpy(n.random, "89abcdef", sizeof n.random);
	assert_int_equal(layout_note_key(&n, key, &err), 0);
	memcpy(n.kind, "../held", sizeof "../held");
	assert_int_equal(layout_note_key(&n, key, &err), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_is_a_second_in_utc_and_nothing_else),
		cmocka_unit_test(folder_is_an_id_and_eight_hex_digits),
		cmocka_unit_test(component_name_is_lower_case_and_short),
		cmocka_unit_test(file_cannot_lead_out_of_its_set),
		cmocka_unit_test(names_say_how_a_file_is_stored),
		cmocka_unit_test(key_is_built_or_refused_as_a_whole),
		cmocka_unit_test(a_note_is_read_from_its_name_and_built_again),
		cmocka_unit_test(what_is_no_note_is_not_taken_for_one),
		cmocka_unit_test(
		    a_note_that_could_not_be_read_again_is_refused),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
