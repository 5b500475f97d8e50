#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/repo_kit.h"
#include "../lib/sparse.h"
#include "base/buf.h"
#include "base/date.h"
#include "base/str.h"
#include "crypto/rand.h"

enum { TEXT_MAX = 1 << 20 };

static const int64_t noon = 1795176000; /* 2026-11-20T12:00:00Z */

static bool
is_there(struct kit *k, const char *folder, const char *file)
{
	char key[LAYOUT_KEY_SIZE];
	struct store_stat st;
	struct err err = { 0 };

	assert_int_equal(layout_key(folder, file, key, &err), 0);
	return k->inner->ops->stat(k->inner, key, &st, &err) == 0;
}

static void
set_is_running_until_its_manifest_is_written(void **state)
{
	struct kit *k = *state;
	AUTO(set) struct set *set = NULL;
	AUTO(repo_sets) struct repo_sets before = { 0 };
	AUTO(repo_sets) struct repo_sets after = { 0 };
	struct err err = { 0 };

	assert_int_equal(kit_begin(k, &set, &err), 0);
	assert_true(is_there(k, set_folder(set), LAYOUT_OPEN));
	assert_int_equal(repo_list(k->repo, &before, &err), 0);
	assert_int_equal(before.count, 1);
	assert_string_equal(before.set[0].id, set_id(set));
	assert_true(before.set[0].running);
	assert_int_equal(set_commit(set, &err), 0);
	assert_int_equal(repo_list(k->repo, &after, &err), 0);
	assert_true(after.set[0].committed);
	assert_true(is_there(k, set_folder(set), LAYOUT_GUIDE ".md"));
	assert_int_equal(set_commit(set, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
}

static void
give_up(struct kit *k)
{
	struct set *set = NULL;
	struct err err = { 0 };

	assert_int_equal(kit_begin(k, &set, &err), 0);
	set_free(set);
}

static bool
is_running(struct kit *k)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	struct err err = { 0 };

	assert_int_equal(repo_list(k->repo, &s, &err), 0);
	assert_int_equal(s.count, 1);
	assert_false(s.set[0].committed);
	return s.set[0].running;
}

static void
set_that_was_given_up_is_shown_as_failed(void **state)
{
	give_up(*state);
	assert_false(is_running(*state));
}

static void
set_that_could_not_even_say_so_is_shown_as_failed_later(void **state)
{
	struct kit *k = *state;

	k->fail_key = LAYOUT_FAILED;
	give_up(k);
	assert_true(is_running(k));
	k->late = REPO_DEAD_S + 1;
	assert_false(is_running(k));
}

static void
what_was_saved_comes_back(void **state)
{
	struct kit *k = *state;
	AUTO(manifest) struct manifest *m = NULL;
	char id[LAYOUT_ID_SIZE];
	struct err err = { 0 };

	assert_int_equal(kit_save(k, id, &err), 0);
	assert_int_equal(kit_check(k, id, &err), 0);
	assert_int_equal(repo_manifest(k->repo, id, &m, &err), 0);
	assert_string_equal(m->label, "a label");
	assert_null(m->parent);
	assert_string_equal(m->by, "unit/0");
	assert_string_equal(m->missing[0], "secrets");
	assert_int_equal(m->files.count, 1);
	assert_int_equal(repo_verify(k->repo, &m->files.file[0], &err), 0);
}

static void
two_sets_of_one_second_have_two_ids(void **state)
{
	struct kit *k = *state;
	AUTO(set) struct set *a = NULL;
	AUTO(set) struct set *b = NULL;
	struct err err = { 0 };

	k->now = noon;
	assert_int_equal(kit_begin(k, &a, &err), 0);
	assert_int_equal(kit_begin(k, &b, &err), 0);
	assert_string_equal(set_id(a), "2026-11-20T12:00:00Z");
	assert_string_equal(set_id(b), "2026-11-20T12:00:01Z");
	assert_int_equal(k->slept_ms, 0);
}

/* Another writer opens a set of the same id, just before this one does. */
static void
rival(struct kit *k, const char *key)
{
	char other[LAYOUT_KEY_SIZE];
	struct err err = { 0 };

	if (!str_ends(key, LAYOUT_OPEN))
		return;
	if (!k->arg)
		k->on_put = NULL;
	(void)snprintf(other, sizeof other, "%.25s-ffffffff/open.json", key);
	assert_int_equal(store_put_bytes(k->inner, other, "{}", 2, &err), 0);
}

static void
writers_who_meet_give_way(void **state)
{
	struct kit *k = *state;
	AUTO(set) struct set *set = NULL;
	AUTO(repo_sets) struct repo_sets s = { 0 };
	struct err err = { 0 };

	k->now = noon;
	k->on_put = rival;
	assert_int_equal(kit_begin(k, &set, &err), 0);
	assert_string_equal(set_id(set), "2026-11-20T12:00:01Z");
	assert_in_range(k->slept_ms, 1000, 3000);
	assert_int_equal(repo_list(k->repo, &s, &err), 0);
	assert_int_equal(s.count, 2);
	assert_string_equal(s.set[0].folder, "2026-11-20T12:00:00Z-ffffffff");
	assert_string_equal(s.set[1].folder, set_folder(set));
}

static void
writers_who_always_meet_say_so(void **state)
{
	struct kit *k = *state;
	struct set *set = NULL;
	struct err err = { 0 };

	k->now = noon;
	k->on_put = rival;
	k->arg = k;
	assert_int_equal(kit_begin(k, &set, &err), -1);
	assert_true(err_is(&err, ERR_EXISTS));
	assert_null(set);
}

static void
an_hour_of_ids_that_are_taken_is_the_end(void **state)
{
	struct kit *k = *state;
	struct set *set = NULL;
	struct err err = { 0 };

	k->now = noon;
	for (int i = 0; i < 3600; i++) {
		char id[DATE_ISO_SIZE], key[LAYOUT_KEY_SIZE];

		date_iso(noon + i, id);
		(void)snprintf(key, sizeof key, "sets/%s-ffffffff/open.json",
		    id);
		kit_text(k, key, "{}");
	}
	assert_int_equal(kit_begin(k, &set, &err), -1);
	assert_true(err_is(&err, ERR_EXISTS));
	assert_non_null(strstr(err.msg, "every backup id of the next hour"));
	k->now = noon + 1;
	assert_int_equal(kit_begin(k, &set, &err), 0);
	assert_string_equal(set_id(set), "2026-11-20T13:00:00Z");
	set_free(set);
}

static void
wait_for(struct kit *k, const char *folder, const char *file)
{
	for (int i = 0; i < 2000 && !is_there(k, folder, file); i++)
		clock_sleep_ms(clock_real(), 1);
	assert_true(is_there(k, folder, file));
}

static int
begin_lively(struct kit *k, struct set **set, struct err *err)
{
	const struct set_options o = { .name = "n",
		.tool = "t",
		.by = "b",
		.clock = &k->clock,
		.alive_ms = 2 };

	return set_begin(k->repo, &o, set, err);
}

static void
running_set_gives_signs_of_life(void **state)
{
	struct kit *k = *state;
	AUTO(set) struct set *set = NULL;
	unsigned puts;
	struct err err = { 0 };

	assert_int_equal(begin_lively(k, &set, &err), 0);
	wait_for(k, set_folder(set), "alive-2.json");
	assert_int_equal(set_commit(set, &err), 0);
	puts = k->count[KIT_PUT];
	clock_sleep_ms(clock_real(), 20);
	assert_int_equal(k->count[KIT_PUT], puts);
}

static void
sign_of_life_that_fails_is_no_reason_to_stop(void **state)
{
	struct kit *k = *state;
	AUTO(set) struct set *set = NULL;
	char first[] = "alive-1.json";
	struct err err = { 0 };

	k->fail_key = first;
	assert_int_equal(begin_lively(k, &set, &err), 0);
	wait_for(k, set_folder(set), "alive-3.json");
	assert_false(is_there(k, set_folder(set), first));
	assert_int_equal(set_commit(set, &err), 0);
}

static void
assert_reads(struct kit *k, const struct manifest_component *c,
    const char *path, const void *want, size_t n)
{
	AUTO(sink) struct sink *mem = NULL;
	const struct manifest_file *f = manifest_files_find(&c->files, path);
	const char *data;
	size_t len;
	struct err err = { 0 };

	assert_non_null(f);
	assert_int_equal(sink_mem_new(TEXT_MAX, &mem, &err), 0);
	assert_int_equal(repo_read(k->repo, f, mem, &err), 0);
	data = sink_mem_data(mem, &len);
	assert_int_equal(len, n);
	if (n > 0)
		assert_memory_equal(data, want, n);
}

/* Store it by each coding; say whether it was compressed. */
static void
store_as(struct kit *k, enum set_coding coding, const void *p, size_t n,
    bool zstd)
{
	AUTO(set) struct set *set = NULL;
	struct manifest_component *c;
	char path[LAYOUT_KEY_SIZE];
	struct err err = { 0 };

	assert_int_equal(kit_begin(k, &set, &err), 0);
	assert_int_equal(set_component(set, "b", "bucket", &c, &err), 0);
	assert_int_equal(kit_file(set, c, "b/object-000001", coding, p, n, path,
	                     &err),
	    0);
	assert_int_equal(str_ends(path, ".zst"), zstd);
	assert_reads(k, c, path, p, n);
	assert_int_equal(c->stored_bytes,
	    manifest_files_find(&c->files, path)->size);
	if (!zstd)
		assert_int_equal(c->stored_bytes, n);
	assert_int_equal(set_commit(set, &err), 0);
}

static void
file_is_compressed_where_it_is_worth_it(void **state)
{
	enum { LONG = 200000 };
	struct kit *k = *state;
	char *noise = malloc(LONG), *text = malloc(LONG);
	struct err err = { 0 };

	assert_non_null(noise);
	assert_non_null(text);
	assert_int_equal(rand_bytes(noise, LONG, &err), 0);
	memset(text, 'x', LONG);
	store_as(k, SET_RAW, text, LONG, false);
	store_as(k, SET_ZSTD, text, LONG, true);
	store_as(k, SET_ZSTD, noise, LONG, true);
	store_as(k, SET_PROBE, text, LONG, true);
	store_as(k, SET_PROBE, text, 64 << 10, true);
	store_as(k, SET_PROBE, text, 1000, true);
	store_as(k, SET_PROBE, noise, LONG, false);
	store_as(k, SET_PROBE, noise, 64 << 10, false);
	store_as(k, SET_PROBE, noise, 10, false);
	free(noise);
	free(text);
}

static void
empty_file_is_a_file(void **state)
{
	store_as(*state, SET_RAW, "", 0, false);
	store_as(*state, SET_ZSTD, "", 0, true);
	store_as(*state, SET_PROBE, "", 0, false);
}

static void
file_that_is_not_finished_is_in_no_table(void **state)
{
	struct kit *k = *state;
	AUTO(set) struct set *set = NULL;
	struct manifest_component *c;
	struct sink *s = NULL;
	char path[LAYOUT_KEY_SIZE] = "";
	struct err err = { 0 };

	assert_int_equal(kit_begin(k, &set, &err), 0);
	assert_int_equal(set_component(set, "a", "bucket", &c, &err), 0);
	assert_int_equal(set_file(set, c, "a.x", SET_RAW, path, &s, &err), 0);
	assert_string_equal(strrchr(path, '/'), "/a.x");
	assert_int_equal(sink_write(s, "text", 4, &err), 0);
	sink_free(s);
	assert_int_equal(c->files.count, 0);
	assert_int_equal(c->stored_bytes, 0);
	assert_false(is_there(k, set_folder(set), "a.x"));
}

static void
same_file_twice_is_refused(void **state)
{
	struct kit *k = *state;
	AUTO(set) struct set *set = NULL;
	struct manifest_component *c;
	struct err err = { 0 };

	assert_int_equal(kit_begin(k, &set, &err), 0);
	assert_int_equal(set_component(set, "a", "bucket", &c, &err), 0);
	assert_int_equal(kit_file(set, c, "a.x", SET_RAW, "1", 1, NULL, &err),
	    0);
	assert_int_equal(kit_file(set, c, "a.x", SET_RAW, "2", 1, NULL, &err),
	    -1);
	assert_true(err_is(&err, ERR_EXISTS));
	assert_int_equal(c->files.count, 1);
	assert_int_equal(c->stored_bytes, 1);
}

static void
names_that_cannot_be_are_refused(void **state)
{
	static const char *const bad[] = { "open.json", "manifest.json",
		"RESTORE.md", "alive-1.json", "failed.json", "../x", "a/b/c",
		"", "a b" };
	struct kit *k = *state;
	AUTO(set) struct set *set = NULL;
	struct manifest_component *c, *d;
	char longest[LAYOUT_KEY_SIZE];
	struct err err = { 0 };

	assert_int_equal(kit_begin(k, &set, &err), 0);
	assert_int_equal(set_component(set, "a", "bucket", &c, &err), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct sink *s = NULL;

		assert_int_equal(set_file(set, c, bad[i], SET_RAW, NULL, &s,
		                     &err),
		    -1);
		assert_true(err_is(&err, ERR_USAGE));
		assert_null(s);
	}
	/* only what would have the set's own name in the end */
	assert_int_equal(kit_file(set, c, "names.json", SET_ZSTD, "", 0, NULL,
	                     &err),
	    -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_int_equal(kit_file(set, c, "open.json", SET_ZSTD, "", 0, NULL,
	                     &err),
	    0);
	memset(longest, 'x', sizeof longest);
	/* sets/<folder>/ takes 35 of the 255 bytes; ".zst" has no room */
	longest[100] = '/';
	longest[255 - 35] = '\0';
	assert_int_equal(kit_file(set, c, longest, SET_RAW, "", 0, NULL, &err),
	    0);
	assert_int_equal(kit_file(set, c, longest, SET_ZSTD, "", 0, NULL, &err),
	    -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_int_equal(set_component(set, "a", "mysql", &d, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_int_equal(set_component(set, "A", "mysql", &d, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_int_equal(set_component(set, "b", "files", &d, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
}

static void
component_stays_where_it_is(void **state)
{
	struct kit *k = *state;
	AUTO(set) struct set *set = NULL;
	struct manifest_component *first, *c;
	struct err err = { 0 };
	char name[16];

	assert_int_equal(kit_begin(k, &set, &err), 0);
	assert_int_equal(set_component(set, "first", "t", &first, &err), 0);
	for (int i = 1; i < MANIFEST_COMPONENTS; i++) {
		(void)snprintf(name, sizeof name, "c%d", i);
		assert_int_equal(set_component(set, name, "t", &c, &err), 0);
	}
	assert_ptr_equal(manifest_find(set_manifest(set), "first"), first);
	assert_int_equal(set_component(set, "last", "t", &c, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_int_equal(set_commit(set, &err), 0);
}

static void
list_of_what_is_missing_has_an_end(void **state)
{
	struct kit *k = *state;
	AUTO(set) struct set *set = NULL;
	struct err err = { 0 };

	assert_int_equal(kit_begin(k, &set, &err), 0);
	for (int i = 0; i < MANIFEST_TEXTS; i++)
		assert_int_equal(set_missing(set, "secrets", &err), 0);
	assert_int_equal(set_missing(set, "one more", &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_int_equal(set_commit(set, &err), 0);
}

/* A set with one file, on whose commit something happened. */
static int
commit_after(struct kit *k, const char *lost, const char *text, struct err *err)
{
	AUTO(set) struct set *set = NULL;
	struct manifest_component *c;
	char key[LAYOUT_KEY_SIZE];
	int rc;

	assert_int_equal(kit_begin(k, &set, err), 0);
	assert_int_equal(set_component(set, "a", "bucket", &c, err), 0);
	assert_int_equal(kit_file(set, c, "a.x", SET_RAW, "text", 4, NULL, err),
	    0);
	assert_int_equal(layout_key(set_folder(set), lost, key, err), 0);
	assert_int_equal(k->inner->ops->remove(k->inner, key, err), 0);
	if (text)
		assert_int_equal(store_put_bytes(k->inner, key, text,
		                     strlen(text), err),
		    0);
	rc = set_commit(set, err);
	assert_int_equal(is_there(k, set_folder(set), LAYOUT_MANIFEST), !rc);
	return rc;
}

static void
store_that_lost_a_file_gets_no_manifest(void **state)
{
	struct err err = { 0 };

	assert_int_equal(commit_after(*state, "a.x", NULL, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_non_null(strstr(err.msg, "/a.x'"));
	assert_int_equal(commit_after(*state, "a.x", "te", &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg, "/a.x'"));
}

static int
list_nothing(struct store *s, const char *prefix, bool deep, store_list_fn *fn,
    void *arg, struct err *err)
{
	(void)s;
	(void)prefix;
	(void)deep;
	(void)fn;
	(void)arg;
	(void)err;
	return 0;
}

static void
store_that_lists_late_has_lost_nothing(void **state)
{
	struct kit *k = *state;
	AUTO(set) struct set *set = NULL;
	struct manifest_component *c;
	struct store_ops late = *k->store.ops;
	const struct store_ops *usual = k->store.ops;
	struct err err = { 0 };

	assert_int_equal(kit_begin(k, &set, &err), 0);
	assert_int_equal(set_component(set, "a", "bucket", &c, &err), 0);
	assert_int_equal(kit_file(set, c, "a.x", SET_RAW, "1", 1, NULL, &err),
	    0);
	late.list = list_nothing;
	k->store.ops = &late;
	assert_int_equal(set_commit(set, &err), 0);
	k->store.ops = usual;
	assert_true(is_there(k, set_folder(set), LAYOUT_MANIFEST));
}

static void
set_that_somebody_removed_gets_no_manifest(void **state)
{
	struct err err = { 0 };

	assert_int_equal(commit_after(*state, "open.json", NULL, &err), -1);
	assert_true(err_is(&err, ERR_CHANGED));
}

static void
manifest_whose_answer_was_lost_counts(void **state)
{
	struct kit *k = *state;
	char id[LAYOUT_ID_SIZE];
	struct err err = { 0 };

	k->fail_key = LAYOUT_MANIFEST;
	assert_int_equal(kit_save(k, id, &err), -1);
	assert_true(err_is(&err, ERR_IO));
	k->fail_late = true;
	assert_int_equal(kit_save(k, id, &err), 0);
	k->fail_key = NULL;
	assert_int_equal(kit_check(k, id, &err), 0);
}

static size_t
committed(struct kit *k)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	struct err err = { 0 };
	size_t n = 0;

	assert_int_equal(repo_list(k->repo, &s, &err), 0);
	for (size_t i = 0; i < s.count; i++)
		n += s.set[i].committed;
	return n;
}

/* Saved and said so, or not saved at all: nothing in between. */
static void
every_operation_of_the_store_may_fail(void **state)
{
	struct kit *k = *state;
	long n = 0, most;
	size_t saved = 0;

	do {
		char id[LAYOUT_ID_SIZE];
		struct err err = { 0 };
		int rc;

		kit_done(k);
		assert_int_equal(kit_open(k, &err), 0);
		kit_reset(k);
		atomic_store(&k->fail_at, n);
		rc = kit_save(k, id, &err);
		most = atomic_load(&k->ops);
		if (rc)
			assert_non_null(strstr(err.msg, "injected failure"));
		kit_reset(k);
		assert_int_equal(committed(k), rc == 0);
		if (rc == 0)
			assert_int_equal(kit_check(k, id, &err), 0);
		saved += rc == 0;
	} while (n++ < most);
	assert_true(n > 20);
	assert_true(saved > 0);
}

static void
every_operation_of_a_restore_may_fail(void **state)
{
	struct kit *k = *state;
	char id[LAYOUT_ID_SIZE];
	long n = 0, most;
	struct err err = { 0 };

	assert_int_equal(kit_save(k, id, &err), 0);
	do {
		err = (struct err){ 0 };
		kit_reset(k);
		atomic_store(&k->fail_at, n);
		if (kit_check(k, id, &err))
			assert_non_null(strstr(err.msg, "injected failure"));
		most = atomic_load(&k->ops);
	} while (n++ < most);
	assert_true(n > 8);
}

static void
every_allocation_may_fail(void **state)
{
	struct kit *k = *state;
	long n = 0;
	bool hit = true;

	for (; hit; n = sparse_next(n)) {
		char id[LAYOUT_ID_SIZE];
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = kit_save(k, id, &err) || kit_check(k, id, &err);
		hit = failalloc_count() > n;
		failalloc_at(-1);
		if (rc)
			assert_true(err_is(&err, ERR_NOMEM));
		/* otherwise the listing becomes long */
		kit_done(k);
		assert_int_equal(kit_open(k, &err), 0);
	}
	assert_true(n > 200);
}

#define WITH_KIT(test) \
	cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

static void
set_without_what_it_needs_is_not_committed(void **state)
{
	struct kit *k = *state;
	AUTO(set) struct set *set = NULL;
	struct manifest_component *c;
	const uint8_t digest[SHA256_SIZE] = { 0 };
	const char *gone = "sets/2026-11-01T00:00:00Z-00000000/b/object-000001";
	struct err err = { 0 };

	assert_int_equal(kit_begin(k, &set, &err), 0);
	assert_int_equal(set_component(set, "b", "bucket", &c, &err), 0);
	assert_int_equal(manifest_files_add(&c->needs, gone, 1, digest, &err),
	    0);
	assert_int_equal(set_commit(set, &err), -1);
	assert_non_null(strstr(err.msg, gone));
	assert_non_null(strstr(err.msg, "deleted"));
	set_free(TAKE(set));
	assert_int_equal(store_put_bytes(k->inner, gone, "x", 1, &err), 0);
	assert_int_equal(kit_begin(k, &set, &err), 0);
	assert_int_equal(set_component(set, "b", "bucket", &c, &err), 0);
	assert_int_equal(manifest_files_add(&c->needs, gone, 1, digest, &err),
	    0);
	assert_int_equal(set_commit(set, &err), 0);
}

static void
parent_is_told_after_the_begin(void **state)
{
	struct kit *k = *state;
	AUTO(set) struct set *set = NULL;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	assert_int_equal(kit_begin(k, &set, &err), 0);
	assert_int_equal(set_parent(set, "2026-11-01T00:00:00Z", &err), 0);
	assert_int_equal(set_parent(set, "2026-11-02T00:00:00Z", &err), 0);
	assert_int_equal(set_commit(set, &err), 0);
	assert_int_equal(repo_manifest(k->repo, set_folder(set), &m, &err), 0);
	assert_string_equal(m->parent, "2026-11-02T00:00:00Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KIT(set_without_what_it_needs_is_not_committed),
		WITH_KIT(parent_is_told_after_the_begin),
		WITH_KIT(set_is_running_until_its_manifest_is_written),
		WITH_KIT(set_that_was_given_up_is_shown_as_failed),
		WITH_KIT(
		    set_that_could_not_even_say_so_is_shown_as_failed_later),
		WITH_KIT(what_was_saved_comes_back),
		WITH_KIT(two_sets_of_one_second_have_two_ids),
		WITH_KIT(writers_who_meet_give_way),
		WITH_KIT(writers_who_always_meet_say_so),
		WITH_KIT(running_set_gives_signs_of_life),
		WITH_KIT(sign_of_life_that_fails_is_no_reason_to_stop),
		WITH_KIT(file_is_compressed_where_it_is_worth_it),
		WITH_KIT(empty_file_is_a_file),
		WITH_KIT(file_that_is_not_finished_is_in_no_table),
		WITH_KIT(same_file_twice_is_refused),
		WITH_KIT(names_that_cannot_be_are_refused),
		WITH_KIT(component_stays_where_it_is),
		WITH_KIT(list_of_what_is_missing_has_an_end),
		WITH_KIT(store_that_lost_a_file_gets_no_manifest),
		WITH_KIT(store_that_lists_late_has_lost_nothing),
		WITH_KIT(an_hour_of_ids_that_are_taken_is_the_end),
		WITH_KIT(set_that_somebody_removed_gets_no_manifest),
		WITH_KIT(manifest_whose_answer_was_lost_counts),
		WITH_KIT(every_operation_of_the_store_may_fail),
		WITH_KIT(every_operation_of_a_restore_may_fail),
		WITH_KIT(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("set", tests, NULL, NULL);
}
