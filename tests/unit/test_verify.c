#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/repo_kit.h"
#include "base/buf.h"
#include "base/json.h"
#include "engine/verify.h"
#include "repo/notes.h"

enum { FILES = 4 }; /* of kit_save's set: database, pack, inventory, guide */

struct bench {
	struct kit kit;
	struct config config;
	struct verify_options o;
	char id[LAYOUT_ID_SIZE];
	struct repo_sets sets;
	struct verify_result r;
};

static void
look_up_sets(struct bench *b)
{
	struct err err = { 0 };

	repo_sets_done(&b->sets);
	assert_int_equal(repo_list(b->kit.repo, &b->sets, &err), 0);
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct err err = { 0 };

	*state = b;
	if (!b || kit_open(&b->kit, &err) || kit_save(&b->kit, b->id, &err))
		return -1;
	b->config.limits.transfers = 2;
	b->config.limits.memory = 64 << 20;
	b->o = (struct verify_options){ .repo = b->kit.repo,
		.config = &b->config,
		.tool = "test",
		.by = "unit/0",
		.clock = clock_real() };
	look_up_sets(b);
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	verify_result_done(&b->r);
	repo_sets_done(&b->sets);
	kit_done(&b->kit);
	free(b);
	return 0;
}

static void
verify(struct bench *b, unsigned share)
{
	struct err err = { 0 };

	verify_result_done(&b->r);
	b->o.share = share;
	if (verify_run(&b->o, &b->sets, &b->r, &err))
		fail_msg("%s", err.msg);
}

static const struct verify_problem *
problem_of(const struct bench *b, const char *file)
{
	for (size_t i = 0; i < b->r.count; i++)
		for (size_t k = 0; k < b->r.set[i].named; k++)
			if (strstr(b->r.set[i].problem[k].file, file))
				return &b->r.set[i].problem[k];
	return NULL;
}

/* The file is named, with what it hurts, and says so in words. */
static void
is_named(const struct bench *b, const char *file, const char *component)
{
	const struct verify_problem *p = problem_of(b, file);

	assert_non_null(p);
	if (!p) /* gcc does not know that this cannot be */
		return;
	assert_non_null(strstr(p->problem, file));
	if (component)
		assert_string_equal(p->component, component);
	else
		assert_null(p->component);
}

static void
key_of(const struct bench *b, const char *file, char key[LAYOUT_KEY_SIZE])
{
	struct err err = { 0 };

	assert_int_equal(layout_key(b->sets.set[0].folder, file, key, &err), 0);
}

static void
remove_file(struct bench *b, const char *key)
{
	struct err err = { 0 };

	assert_int_equal(b->kit.inner->ops->remove(b->kit.inner, key, &err), 0);
}

static void
replace_file(struct bench *b, const char *key, const void *p, size_t n)
{
	struct err err = { 0 };

	remove_file(b, key);
	assert_int_equal(store_put_bytes(b->kit.inner, key, p, n, &err), 0);
}

static const struct {
	const char *name, *component;
} file[FILES] = {
	{ "mlmd.sqlite.zst", "mlmd" },
	{ "mlpipeline/pack-000001.tar.zst", "mlpipeline" },
	{ "mlpipeline.inventory.jsonl.zst", "mlpipeline" },
	{ "RESTORE.md", NULL },
};

static void
sound_set_has_no_problems(void **state)
{
	struct bench *b = *state;

	verify(b, VERIFY_PLACES);
	assert_int_equal(b->r.count, 1);
	assert_int_equal(b->r.problems, 0);
	assert_int_equal(b->r.set[0].files, FILES);
	assert_int_equal(b->r.set[0].read_files, FILES);
	assert_int_equal(b->r.set[0].read_bytes, b->r.set[0].bytes);
	assert_true(b->r.set[0].all_read);
	assert_string_equal(b->r.set[0].id, b->id);
}

static void
without_reading_only_listings_are_asked_for(void **state)
{
	struct bench *b = *state;

	kit_reset(&b->kit);
	verify(b, 0);
	assert_int_equal(b->r.problems, 0);
	assert_int_equal(b->r.set[0].files, FILES);
	assert_int_equal(b->r.set[0].read_files, 0);
	assert_false(b->r.set[0].all_read);
	assert_int_equal(b->kit.count[KIT_GET], 1); /* the manifest */
	/* the set's folder; its notes: before, to add one, is it marked? */
	assert_in_range(b->kit.count[KIT_LIST], 2, 4);
}

static void
missing_files_are_all_named(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < FILES; i++) {
		char key[LAYOUT_KEY_SIZE];

		key_of(b, file[i].name, key);
		remove_file(b, key);
	}
	verify(b, VERIFY_PLACES);
	assert_int_equal(b->r.problems, FILES);
	for (size_t i = 0; i < FILES; i++)
		is_named(b, file[i].name, file[i].component);
}

static void
files_of_another_length_are_all_named(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < FILES; i++) {
		char key[LAYOUT_KEY_SIZE];

		key_of(b, file[i].name, key);
		replace_file(b, key, "short", 5);
	}
	verify(b, 0);
	assert_int_equal(b->r.problems, FILES);
	for (size_t i = 0; i < FILES; i++)
		is_named(b, file[i].name, file[i].component);
}

static uint64_t
size_of(struct bench *b, const char *name)
{
	char key[LAYOUT_KEY_SIZE];
	struct store_stat st;
	struct err err = { 0 };

	key_of(b, name, key);
	assert_int_equal(b->kit.inner->ops->stat(b->kit.inner, key, &st, &err),
	    0);
	return st.size;
}

static void
flipped_bits_are_found_by_reading(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < FILES; i++) {
		uint64_t size = size_of(b, file[i].name);
		uint64_t at[] = { 0, size / 2, size - 1 };

		for (size_t k = 0; k < 3; k++) {
			b->kit.flip_key = file[i].name;
			b->kit.flip_at = at[k];
			b->kit.flip = 1;
			verify(b, VERIFY_PLACES);
			assert_int_equal(b->r.problems, 1);
			is_named(b, file[i].name, file[i].component);
			verify(b, 0);
			assert_int_equal(b->r.problems, 0);
		}
	}
}

static void
damaged_manifest_is_a_problem_of_the_set(void **state)
{
	struct bench *b = *state;
	uint64_t size = size_of(b, "manifest.json");
	uint64_t at[] = { 0, size / 2, size - 1 };

	for (size_t k = 0; k < 3; k++) {
		b->kit.flip_key = "manifest.json";
		b->kit.flip_at = at[k];
		b->kit.flip = 1;
		verify(b, 0);
		assert_int_equal(b->r.problems, 1);
		is_named(b, "manifest.json", NULL);
	}
}

static void
manifest_of_another_set_is_named(void **state)
{
	struct bench *b = *state;
	AUTO(buf) struct buf text = { .max = MANIFEST_MAX };
	char other[LAYOUT_ID_SIZE], key[LAYOUT_KEY_SIZE];
	struct err err = { 0 };

	assert_int_equal(kit_save(&b->kit, other, &err), 0);
	assert_int_equal(repo_manifest_text(b->kit.repo, other, &text, &err),
	    0);
	key_of(b, LAYOUT_MANIFEST, key);
	replace_file(b, key, text.data, text.len);
	look_up_sets(b);
	verify(b, 0);
	assert_int_equal(b->r.count, 2);
	assert_int_equal(b->r.set[0].problems, 1);
	assert_int_equal(b->r.set[1].problems, 0);
	is_named(b, "manifest.json", NULL);
}

/* A second set, whose component needs the pack of the first. */
static void
save_second(struct bench *b, const char *component)
{
	AUTO(manifest) struct manifest *first = NULL;
	AUTO(set) struct set *set = NULL;
	struct manifest_component *c;
	struct err err = { 0 };

	assert_int_equal(repo_manifest(b->kit.repo, b->id, &first, &err), 0);
	assert_int_equal(kit_begin(&b->kit, &set, &err), 0);
	for (int i = 0; i < 2; i++) {
		const struct manifest_files *f = &first->component[1].files;
		const char *name = i == 0 ? component : "shares";

		assert_int_equal(set_component(set, name, "bucket", &c, &err),
		    0);
		for (size_t k = 0; k < f->count; k++)
			assert_int_equal(manifest_files_add(&c->needs,
			                     f->file[k].path, f->file[k].size,
			                     f->file[k].sha256, &err),
			    0);
	}
	assert_int_equal(set_commit(set, &err), 0);
}

static void
shared_files_are_read_once_and_hurt_each_who_needs_them(void **state)
{
	struct bench *b = *state;

	save_second(b, "other");
	look_up_sets(b);
	kit_reset(&b->kit);
	verify(b, VERIFY_PLACES);
	assert_int_equal(b->r.problems, 0);
	assert_int_equal(b->r.set[1].files, 3);
	assert_int_equal(b->r.set[1].read_files, 3);
	/* two manifests, the first set's files, the second's guide */
	assert_int_equal(b->kit.whole_gets, 2 + FILES + 1);

	b->kit.flip_key = file[1].name;
	b->kit.flip_at = 1;
	b->kit.flip = 1;
	verify(b, VERIFY_PLACES);
	assert_int_equal(b->r.set[0].problems, 1);
	assert_int_equal(b->r.set[1].problems, 2);
	assert_string_equal(b->r.set[1].problem[0].component, "other");
	assert_string_equal(b->r.set[1].problem[1].component, "shares");
	assert_string_equal(b->r.set[1].problem[0].file,
	    b->r.set[1].problem[1].file);
}

static void
shares_go_on_until_all_was_read(void **state)
{
	struct bench *b = *state;
	uint64_t read = 0, bytes = 0;

	for (int i = 0; i < 10; i++) {
		verify(b, VERIFY_PLACES / 10);
		read += b->r.set[0].read_files;
		bytes += b->r.set[0].read_bytes;
		assert_int_equal(b->r.set[0].all_read, i == 9);
		/* to look without reading loses nothing */
		verify(b, 0);
		assert_int_equal(b->r.set[0].read_files, 0);
	}
	assert_int_equal(read, FILES);
	assert_int_equal(bytes, b->r.set[0].bytes);
	verify(b, VERIFY_PLACES / 10);
	assert_false(b->r.set[0].all_read);
}

static void
failure_begins_the_row_of_shares_anew(void **state)
{
	struct bench *b = *state;

	verify(b, VERIFY_PLACES / 2);
	assert_false(b->r.set[0].all_read);
	b->kit.flip_key = "manifest.json";
	b->kit.flip = 1;
	verify(b, VERIFY_PLACES / 2);
	assert_int_equal(b->r.problems, 1);
	assert_false(b->r.set[0].all_read);
	kit_reset(&b->kit);
	verify(b, VERIFY_PLACES / 2);
	assert_false(b->r.set[0].all_read);
	verify(b, VERIFY_PLACES / 2);
	assert_true(b->r.set[0].all_read);
}

/* A manifest whose components want the same file in two sizes. */
static void
two_sizes_of_one_file_are_a_problem(void **state)
{
	struct bench *b = *state;
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(buf) struct buf text = { .max = MANIFEST_MAX };
	const struct manifest_file *f;
	char key[LAYOUT_KEY_SIZE];
	struct err err = { 0 };

	save_second(b, "other");
	look_up_sets(b);
	assert_int_equal(repo_manifest(b->kit.repo, b->sets.set[1].id, &m,
	                     &err),
	    0);
	assert_int_equal(m->ncomponents, 2);
	f = &m->component[1].needs.file[0];
	((struct manifest_file *)(uintptr_t)f)->size++;
	assert_int_equal(manifest_encode(m, &text, &err), 0);
	assert_int_equal(layout_key(b->sets.set[1].folder, LAYOUT_MANIFEST, key,
	                     &err),
	    0);
	replace_file(b, key, text.data, text.len);
	verify(b, 0);
	assert_true(b->r.problems > 0);
	assert_non_null(strstr(b->r.set[1].problem[0].problem,
	    "has two sizes or hashes in the manifest"));
}

/* All are counted, and so many are named. */
static void
problems_are_named_to_a_limit(void **state)
{
	struct bench *b = *state;
	struct set *set = NULL;
	struct manifest_component *c;
	struct err err = { 0 };
	char name[32], path[LAYOUT_KEY_SIZE];

	assert_int_equal(kit_begin(&b->kit, &set, &err), 0);
	assert_int_equal(set_component(set, "b", "bucket", &c, &err), 0);
	for (int i = 0; i < VERIFY_PROBLEMS + 5; i++) {
		(void)snprintf(name, sizeof name, "b/object-%05d", i);
		assert_int_equal(kit_file(set, c, name, SET_RAW, "x", 1, path,
		                     &err),
		    0);
	}
	assert_int_equal(set_commit(set, &err), 0);
	set_free(set);
	look_up_sets(b);
	for (int i = 0; i < VERIFY_PROBLEMS + 5; i++) {
		(void)snprintf(name, sizeof name, "b/object-%05d", i);
		assert_int_equal(layout_key(b->sets.set[1].folder, name, path,
		                     &err),
		    0);
		remove_file(b, path);
	}
	verify(b, 0);
	assert_int_equal(b->r.problems, VERIFY_PROBLEMS + 5);
	assert_int_equal(b->r.set[1].problems, VERIFY_PROBLEMS + 5);
	assert_int_equal(b->r.named, VERIFY_PROBLEMS);
}

static int
keep_key(void *arg, const char *key, const struct store_stat *st,
    struct err *err)
{
	(void)st;
	(void)err;
	(void)snprintf(arg, LAYOUT_NOTE_SIZE, "%s", key);
	return 0;
}

static void
a_note_that_cannot_be_read_begins_the_row_anew(void **state)
{
	struct bench *b = *state;
	char key[LAYOUT_NOTE_SIZE] = "";
	struct err err = { 0 };

	verify(b, VERIFY_PLACES / 2);
	assert_int_equal(b->kit.inner->ops->list(b->kit.inner, "notes/", true,
	                     keep_key, key, &err),
	    0);
	replace_file(b, key, "no json", 7);
	verify(b, VERIFY_PLACES / 2);
	assert_int_equal(b->r.problems, 0);
	assert_false(b->r.set[0].all_read);
	verify(b, VERIFY_PLACES / 2);
	assert_true(b->r.set[0].all_read);
}

/* It must not be taken for one that is damaged. */
static void
a_note_that_does_not_come_now_is_an_error(void **state)
{
	struct bench *b = *state;
	unsigned failures = 0;
	int rc = -1;

	verify(b, VERIFY_PLACES / 2);
	b->kit.fail_code = ERR_TRANSIENT;
	for (long n = 0; rc || failures == 0; n++) {
		struct err err = { 0 };

		assert_true(n < 100);
		verify_result_done(&b->r);
		b->kit.ops = 0;
		b->kit.failed = KIT_OPS;
		b->kit.fail_at = n;
		rc = verify_run(&b->o, &b->sets, &b->r, &err);
		if (b->kit.failed == KIT_GET) {
			assert_int_equal(rc, -1);
			assert_true(err_is(&err, ERR_TRANSIENT));
			failures++;
		}
	}
	b->kit.fail_at = -1;
	assert_true(failures >= 2); /* the manifest and the note */
}

static void
details_of(struct bench *b, enum note_kind kind, struct buf *text)
{
	AUTO(notes) struct notes n = { 0 };
	struct err err = { 0 };

	assert_int_equal(notes_list(b->kit.repo, b->sets.set[0].folder, &n,
	                     &err),
	    0);
	assert_int_equal(n.count, 1);
	assert_int_equal(n.note[0].kind, kind);
	assert_int_equal(notes_details(b->kit.repo, &n.note[0], text, &err), 0);
}

static void
result_is_kept_with_the_set(void **state)
{
	struct bench *b = *state;
	AUTO(buf) struct buf text = { .max = 4096 };
	AUTO(json) struct json *j = NULL;
	struct err err = { 0 };

	verify(b, VERIFY_PLACES / 5);
	details_of(b, NOTE_VERIFIED, &text);
	assert_int_equal(json_parse(text.data, text.len, &j, &err), 0);
	assert_string_equal(json_opt_str(j, "read"), "20%");
	assert_int_equal(json_opt_u64(j, "files"), FILES);
	assert_int_equal(json_opt_u64(j, "bytes"), b->r.set[0].bytes);
	assert_int_equal(json_opt_u64(j, "problems"), 0);
	assert_int_equal(json_opt_u64(j, "read-to"), VERIFY_PLACES / 5);
}

static void
failure_is_kept_with_the_set(void **state)
{
	struct bench *b = *state;
	AUTO(buf) struct buf text = { .max = 4096 };
	AUTO(json) struct json *j = NULL;
	struct err err = { 0 };
	char key[LAYOUT_KEY_SIZE];

	key_of(b, file[0].name, key);
	remove_file(b, key);
	verify(b, VERIFY_PLACES);
	details_of(b, NOTE_VERIFY_FAILED, &text);
	assert_int_equal(json_parse(text.data, text.len, &j, &err), 0);
	assert_string_equal(json_opt_str(j, "read"), "all");
	assert_int_equal(json_opt_u64(j, "problems"), 1);
}

static void
who_may_not_write_may_verify(void **state)
{
	struct bench *b = *state;
	AUTO(notes) struct notes n = { 0 };
	struct err err = { 0 };

	b->kit.fail_key = ".json";
	verify(b, VERIFY_PLACES);
	assert_int_equal(b->r.problems, 0);
	kit_reset(&b->kit);
	assert_int_equal(notes_list(b->kit.repo, NULL, &n, &err), 0);
	assert_int_equal(n.count, 0);
}

/* A repository that does not answer says nothing about the set. */
static void
every_operation_may_fail(void **state)
{
	struct bench *b = *state;
	long n;
	int errors = 0;

	b->o.share = VERIFY_PLACES;
	for (n = 0;; n++) {
		struct err err = { 0 };
		int rc;

		kit_reset(&b->kit);
		b->kit.fail_at = n;
		b->kit.fail_code = ERR_TRANSIENT;
		verify_result_done(&b->r);
		rc = verify_run(&b->o, &b->sets, &b->r, &err);
		if (b->kit.ops <= n) {
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(b->r.problems, 0);
		if (rc) {
			errors++;
			assert_non_null(strstr(err.msg, "injected"));
		}
	}
	assert_true(errors >= 2 + FILES);
}

/* A disk that cannot be read is damage of that file. */
static void
unreadable_file_is_a_problem(void **state)
{
	struct bench *b = *state;
	unsigned problems = 0;

	b->o.share = VERIFY_PLACES;
	for (long n = 0;; n++) {
		struct err err = { 0 };

		kit_reset(&b->kit);
		b->kit.fail_at = n;
		verify_result_done(&b->r);
		if (verify_run(&b->o, &b->sets, &b->r, &err) == 0)
			problems += b->r.problems == 1;
		if (b->kit.ops <= n)
			break;
	}
	assert_true(problems >= FILES);
}

/* Each run would find one more. */
static void
forget_notes(struct bench *b)
{
	AUTO(notes) struct notes n = { 0 };
	struct err err = { 0 };

	assert_int_equal(notes_list(b->kit.repo, NULL, &n, &err), 0);
	for (size_t i = 0; i < n.count; i++)
		remove_file(b, n.note[i].key);
}

static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	char key[LAYOUT_KEY_SIZE];
	long n;

	key_of(b, file[0].name, key);
	remove_file(b, key);
	save_second(b, "other");
	look_up_sets(b);
	b->o.share = VERIFY_PLACES / 2;
	for (n = 0;; n++) {
		struct err err = { 0 };
		int rc;

		forget_notes(b);
		verify_result_done(&b->r);
		failalloc_at(n);
		rc = verify_run(&b->o, &b->sets, &b->r, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(n > 20);
	assert_int_equal(b->r.problems, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sound_set_has_no_problems),
		TEST(without_reading_only_listings_are_asked_for),
		TEST(missing_files_are_all_named),
		TEST(files_of_another_length_are_all_named),
		TEST(flipped_bits_are_found_by_reading),
		TEST(damaged_manifest_is_a_problem_of_the_set),
		TEST(manifest_of_another_set_is_named),
		TEST(shared_files_are_read_once_and_hurt_each_who_needs_them),
		TEST(shares_go_on_until_all_was_read),
		TEST(failure_begins_the_row_of_shares_anew),
		TEST(two_sizes_of_one_file_are_a_problem),
		TEST(problems_are_named_to_a_limit),
		TEST(a_note_that_cannot_be_read_begins_the_row_anew),
		TEST(a_note_that_does_not_come_now_is_an_error),
		TEST(result_is_kept_with_the_set),
		TEST(failure_is_kept_with_the_set),
		TEST(who_may_not_write_may_verify),
		TEST(every_operation_may_fail),
		TEST(unreadable_file_is_a_problem),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
