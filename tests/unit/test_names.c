#include "repo/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/sample.h"

enum { TEXT_MAX = 1 << 20 };

static struct manifest *
sample(void)
{
	struct manifest *m = NULL;
	struct err err = { 0 };

	assert_int_equal(sample_manifest(&m, &err), 0);
	return m;
}

static void
encode(const struct manifest *m, struct buf *b)
{
	struct err err = { 0 };

	buf_clear(b);
	b->max = TEXT_MAX;
	assert_int_equal(manifest_encode_bare(m, b, &err), 0);
}

static void
what_was_hidden_comes_back(void **state)
{
	AUTO(manifest) struct manifest *m = sample();
	AUTO(buf) struct buf names = { .max = TEXT_MAX };
	AUTO(buf) struct buf before = { 0 };
	AUTO(buf) struct buf after = { 0 };
	struct err err = { 0 };

	(void)state;
	encode(m, &before);
	assert_int_equal(names_encode(m, &names, &err), 0);
	assert_int_equal(names_hide(m, &err), 0);
	assert_true(m->hidden);
	assert_int_equal(names_apply(m, names.data, names.len, &err), 0);
	assert_false(m->hidden);
	encode(m, &after);
	assert_string_equal(before.data, after.data);
	/* and again: nothing is there twice */
	assert_int_equal(names_apply(m, names.data, names.len, &err), 0);
	encode(m, &after);
	assert_string_equal(before.data, after.data);
}

static void
nothing_of_it_is_left_in_the_manifest(void **state)
{
	static const char *const secret[] = { "secret/key", "s3://b/gone",
		"s3://b/lost", "could not be read", "no replica", "Artifact" };
	AUTO(manifest) struct manifest *m = sample();
	AUTO(buf) struct buf text = { 0 };
	struct err err = { 0 };

	(void)state;
	encode(m, &text);
	for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
		assert_non_null(strstr(text.data, secret[i]));
	assert_int_equal(names_hide(m, &err), 0);
	encode(m, &text);
	for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
		assert_null(strstr(text.data, secret[i]));
	/* who looks is told where to look */
	assert_non_null(strstr(text.data, "why is said in names.json"));
	assert_null(m->component[0].message);
}

static void
other_texts_are_damage(void **state)
{
	static const char *const wrong[] = { "", "{", "{}", "[]",
		"{\"components\": {}}",
		"{\"components\": [], \"dangling-uris\": []}",
		"{\"components\": [{}], \"dangling-uris\": [], \"lost-uris\": "
		"[]}",
		"{\"components\": [{\"name\": \"else\", \"unread\": []}], "
		"\"dangling-uris\": [], \"lost-uris\": []}",
		"{\"components\": [{\"name\": \"mlmd\", \"unread\": [1]}], "
		"\"dangling-uris\": [], \"lost-uris\": []}",
		"{\"components\": [{\"name\": \"mlmd\", \"unread\": [], "
		"\"facts\": 3}], \"dangling-uris\": [], \"lost-uris\": []}" };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		AUTO(manifest) struct manifest *m = sample();
		struct err err = { 0 };

		m->hidden = true;
		assert_int_equal(names_apply(m, wrong[i], strlen(wrong[i]),
		                     &err),
		    -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_true(m->hidden);
	}
}

static void
its_file_is_found_by_its_name(void **state)
{
	AUTO(manifest) struct manifest *m = sample();
	const uint8_t digest[SHA256_SIZE] = { 1 };
	struct err err = { 0 };

	(void)state;
	assert_null(names_file(m));
	assert_int_equal(manifest_files_add(&m->files,
	                     "sets/" SAMPLE_FOLDER "/names.json.zst.age", 7,
	                     digest, &err),
	    0);
	assert_non_null(names_file(m));
	assert_int_equal(names_file(m)->size, 7);
}

static int
scenario(struct manifest *m, struct buf *names, struct err *err)
{
	return names_encode(m, names, err) || names_hide(m, err) ||
	               names_apply(m, names->data, names->len, err)
	           ? -1
	           : 0;
}

static void
every_allocation_may_fail(void **state)
{
	long n = 0;
	int rc = -1;

	(void)state;
	for (; rc; n++) {
		AUTO(manifest) struct manifest *m = sample();
		AUTO(buf) struct buf names = { .max = TEXT_MAX };
		struct err err = { 0 };

		failalloc_at(n);
		rc = scenario(m, &names, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
	}
	assert_true(n > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_hidden_comes_back),
		cmocka_unit_test(nothing_of_it_is_left_in_the_manifest),
		cmocka_unit_test(other_texts_are_damage),
		cmocka_unit_test(its_file_is_found_by_its_name),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
