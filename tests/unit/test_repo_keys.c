#include "repo/repo_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/age_kit.h"
#include "../lib/failalloc.h"
#include "../lib/repo_kit.h"
#include "base/str.h"

static const char *const nobody[] = { NULL };
static const char *const first[] = { AGE_KIT_RECIPIENT, NULL };
static const char *const both[] = { AGE_KIT_OTHER, AGE_KIT_RECIPIENT, NULL };

struct bench {
	struct kit kit;
	struct age_keys keys;
	char id[LAYOUT_ID_SIZE];
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct err err = { 0 };

	*state = b;
	if (!b || kit_open(&b->kit, &err))
		return -1;
	repo_set_keys(b->kit.repo, &b->keys);
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	kit_done(&b->kit);
	free(b);
	return 0;
}

/* A set for these recipients; then the keys are those. */
static void
save(struct bench *b, const char *const *recipients, struct age_keys then)
{
	struct err err = { 0 };

	b->keys = age_kit_keys(recipients, NULL);
	if (kit_save(&b->kit, b->id, &err))
		fail_msg("%s", err.msg);
	b->keys = then;
}

static struct manifest *
load(struct bench *b)
{
	struct manifest *m = NULL;
	struct err err = { 0 };

	if (repo_manifest(b->kit.repo, b->id, &m, &err))
		fail_msg("%s", err.msg);
	return m;
}

static void
a_set_is_written_and_read_encrypted(void **state)
{
	struct bench *b = *state;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	save(b, first, age_kit_reader());
	if (kit_check(&b->kit, b->id, &err))
		fail_msg("%s", err.msg);
	m = load(b);
	assert_int_equal(m->nrecipients, 1);
	assert_string_equal(m->recipients[0], AGE_KIT_RECIPIENT);
	for (size_t i = 0; i < m->ncomponents; i++)
		for (size_t k = 0; k < m->component[i].files.count; k++)
			assert_true(layout_is_age(m->component[i]
			                              .files.file[k]
			                              .path));
	assert_int_equal(m->files.count, 2);
	assert_true(layout_ends(m->files.file[1].path, "/names.json"));
}

static void
each_of_several_can_read_it(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	save(b, both, age_kit_keys(nobody, AGE_KIT_OTHER_IDENTITY));
	assert_int_equal(kit_check(&b->kit, b->id, &err), 0);
	b->keys = age_kit_reader();
	assert_int_equal(kit_check(&b->kit, b->id, &err), 0);
}

static void
what_is_missing_is_named_before_anything_is_read(void **state)
{
	struct bench *b = *state;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	save(b, first, age_kit_writer());
	m = load(b);
	assert_int_equal(repo_keys_check(b->kit.repo, m, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "give 'identity-file'"));
	assert_non_null(strstr(err.msg, AGE_KIT_RECIPIENT));
	b->keys = age_kit_keys(first, AGE_KIT_OTHER_IDENTITY);
	assert_int_equal(repo_keys_check(b->kit.repo, m, &err), -1);
	assert_non_null(strstr(err.msg, "to none of the identities given"));
	assert_non_null(strstr(err.msg, AGE_KIT_RECIPIENT));
	assert_int_equal(repo_keys_reveal(b->kit.repo, m, &err), -1);
	assert_true(m->hidden);
	/* who reads all the same is told so, and it is not called damage */
	assert_int_equal(kit_check(&b->kit, b->id, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	b->keys = age_kit_reader();
	assert_int_equal(repo_keys_check(b->kit.repo, m, &err), 0);
	assert_int_equal(repo_keys_reveal(b->kit.repo, m, &err), 0);
	assert_false(m->hidden);
}

static void
a_set_in_the_clear_needs_no_key(void **state)
{
	struct bench *b = *state;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	save(b, nobody, age_kit_both());
	m = load(b);
	assert_int_equal(m->nrecipients, 0);
	assert_false(m->hidden);
	assert_int_equal(repo_keys_check(b->kit.repo, m, &err), 0);
	assert_int_equal(repo_keys_reveal(b->kit.repo, m, &err), 0);
	assert_int_equal(kit_check(&b->kit, b->id, &err), 0);
	assert_false(repo_keys_same(b->kit.repo, m));
	b->keys = age_kit_reader();
	assert_true(repo_keys_same(b->kit.repo, m));
}

static void
the_same_recipients_are_the_same_in_any_order(void **state)
{
	static const char *const turned[] = { AGE_KIT_RECIPIENT, AGE_KIT_OTHER,
		NULL };
	struct bench *b = *state;
	AUTO(manifest) struct manifest *m = NULL;

	save(b, both, age_kit_keys(turned, NULL));
	m = load(b);
	assert_true(repo_keys_same(b->kit.repo, m));
	b->keys = age_kit_keys(first, NULL);
	assert_false(repo_keys_same(b->kit.repo, m));
	b->keys = age_kit_reader();
	assert_false(repo_keys_same(b->kit.repo, m));
}

/* Also in the header, where a wrong key looks the same. */
static void
a_flipped_bit_anywhere_is_damage(void **state)
{
	static const char *const files[] = { "mlmd.sqlite.zst.age",
		".tar.zst.age", ".jsonl.zst.age" };
	static const uint64_t at[] = { 0, 40, 100, 150, 175, 190, 210 };
	struct bench *b = *state;

	save(b, first, age_kit_reader());
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
			struct err err = { 0 };

			kit_reset(&b->kit);
			b->kit.flip_key = files[i];
			b->kit.flip_at = at[k];
			b->kit.flip = 4;
			assert_int_equal(kit_check(&b->kit, b->id, &err), -1);
			assert_int_equal(err.code, ERR_CORRUPT);
			assert_non_null(strstr(err.msg, files[i]));
		}
}

static void
names_that_were_not_decrypted_are_no_names(void **state)
{
	struct bench *b = *state;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	save(b, first, age_kit_reader());
	m = load(b);
	assert_true(m->hidden);
	assert_int_equal(repo_keys_check_open(b->kit.repo, m, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_non_null(strstr(err.msg, "its names were not decrypted"));
	assert_int_equal(repo_keys_reveal(b->kit.repo, m, &err), 0);
	assert_int_equal(repo_keys_check_open(b->kit.repo, m, &err), 0);
}

static void
names_that_are_not_there_are_damage(void **state)
{
	struct bench *b = *state;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	save(b, first, age_kit_reader());
	m = load(b);
	assert_int_equal(m->files.count, 2);
	*strstr(m->files.file[1].path, "names.json") = 'N';
	assert_int_equal(repo_keys_reveal(b->kit.repo, m, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg, "has no file 'names.json"));
}

/* A newest set that cannot be looked into says nothing on encryption. */
static void
the_newest_set_tells_whether_it_is_encrypted(void **state)
{
	struct bench *b = *state;
	struct store *st = repo_store(b->kit.repo);
	AUTO(repo_sets) struct repo_sets s = { 0 };
	char id[LAYOUT_ID_SIZE], key[LAYOUT_KEY_SIZE];
	bool encrypted = false;
	struct err err = { 0 };

	save(b, first, age_kit_reader());
	assert_int_equal(repo_list(b->kit.repo, &s, &err), 0);
	assert_int_equal(repo_keys_newest(b->kit.repo, &s, id, &encrypted,
	                     &err),
	    0);
	assert_true(encrypted);
	assert_string_equal(id, b->id);
	assert_int_equal(layout_key(s.set[0].folder, LAYOUT_OPEN, key, &err),
	    0);
	assert_int_equal(st->ops->remove(st, key, &err), 0);
	assert_int_equal(repo_keys_newest(b->kit.repo, &s, id, &encrypted,
	                     &err),
	    0);
	assert_false(encrypted);
	b->kit.fail_code = ERR_REMOTE;
	b->kit.ops = 0;
	b->kit.fail_at = 0;
	assert_int_equal(repo_keys_newest(b->kit.repo, &s, id, &encrypted,
	                     &err),
	    -1);
	assert_true(err_is(&err, ERR_REMOTE));
	kit_reset(&b->kit);
}

static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	long n = 0;
	int rc = -1;

	save(b, first, age_kit_both());
	for (; rc; n++) {
		AUTO(manifest) struct manifest *m = NULL;

		err = (struct err){ 0 };
		failalloc_at(n);
		rc = repo_manifest(b->kit.repo, b->id, &m, &err);
		if (rc == 0)
			rc = repo_keys_reveal(b->kit.repo, m, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
	}
	assert_true(n > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_set_is_written_and_read_encrypted, setup, teardown),
		cmocka_unit_test_setup_teardown(each_of_several_can_read_it,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_is_missing_is_named_before_anything_is_read, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_set_in_the_clear_needs_no_key,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_same_recipients_are_the_same_in_any_order, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_flipped_bit_anywhere_is_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    names_that_were_not_decrypted_are_no_names, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    names_that_are_not_there_are_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_newest_set_tells_whether_it_is_encrypted, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(every_allocation_may_fail,
		    setup, teardown),
	};

	return cmocka_run_group_tests_name("repo_keys", tests, NULL, NULL);
}
