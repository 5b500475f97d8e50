/* Objects into a set (save_objects) and out of it again (load_objects). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/fake_bucket.h"
#include "../lib/store_fault.h"
#include "base/buf.h"
#include "base/str.h"
#include "engine/cut_ahead.h"
#include "engine/load_objects.h"
#include "engine/save_objects.h"
#include "repo/pack.h"
#include "store/store.h"

struct fixture {
	struct fake_bucket source, target;
	struct store_fault fault;
	struct repo *repo;
	struct set *set;
	struct manifest *before; /* the set before */
	struct manifest *saved;
	struct progress_meter meter;
	struct load_counts counts;
	atomic_uint packs, files;
	bool exact, dry_run, no_scratch;
	bool asks_cuts, tight; /* tight: no memory for lanes */
};

static void
new_repo(struct fixture *f)
{
	struct store *st = NULL;
	struct err err = { 0 };

	repo_free(TAKE(f->repo));
	f->fault = (struct store_fault){ .at = -1 };
	assert_int_equal(store_mem_new(&st, &err), 0);
	assert_int_equal(store_fault_new(st, &f->fault, &st, &err), 0);
	assert_int_equal(repo_open(st, true, &f->repo, &err), 0);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	fake_bucket_init(&f->source);
	fake_bucket_init(&f->target);
	new_repo(f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	manifest_free(f->before);
	manifest_free(f->saved);
	repo_free(f->repo);
	fake_bucket_done(&f->source);
	fake_bucket_done(&f->target);
	free(f);
	return 0;
}

static int
add_all(struct fixture *f, struct save_objects *s, struct err *err)
{
	struct object_source source = fake_bucket_source(&f->source);

	for (size_t i = 0;; i++) {
		AUTO(object) struct object o = { 0 };
		int rc = 0;

		monitor_enter(&f->source.m);
		if (i < f->source.count)
			rc = object_copy_listed(&o, &f->source.item[i].o, err);
		monitor_leave(&f->source.m);
		if (rc || !o.key)
			return rc;
		if (save_objects_add(s, &source, &o, err))
			return -1;
	}
}

/* An inventory as short as ours has none. */
static int
ask_cuts(struct save_objects *s, struct err *err)
{
	AUTO(free) char *key = NULL;
	int rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++)
		rc = save_objects_next_cut(s, &key, err);
	assert_null(key);
	return rc;
}

static int
save_into(struct fixture *f, struct manifest_component *mc, bool *broken,
    struct err *err)
{
	AUTO(save_objects) struct save_objects *s = NULL;
	struct save_env env = {
		.repo = f->repo,
		.set = f->set,
		.mc = mc,
		.before = f->before ? manifest_find(f->before, "b") : NULL,
		.meter = &f->meter,
		.limits = { .transfers = 4,
		    .budget = 8 << 20,
		    .pack = 1 << 20,
		    .lanes = f->tight ? 1 << 20 : 0,
		    .large = f->asks_cuts ? 8 << 20 : 9 << 20 },
		.pack_number = &f->packs,
		.object_number = &f->files,
	};
	int rc;

	if (save_objects_new(&env, &s, err))
		return -1;
	rc = f->asks_cuts ? ask_cuts(s, err) : 0;
	if (rc == 0)
		rc = add_all(f, s, err);
	if (rc == 0)
		rc = save_objects_end(s, err);
	*broken = save_objects_before_broken(s);
	return rc;
}

/* One set of the source; f->saved is its manifest. */
static int
save(struct fixture *f, bool *broken, struct err *err)
{
	struct set_options o = {
		.name = "p", .tool = "test", .by = "test", .clock = clock_real()
	};
	struct manifest_component *mc;
	int rc;

	manifest_free(TAKE(f->saved));
	f->source.fetched = 0;
	atomic_store(&f->packs, 0);
	atomic_store(&f->files, 0);
	assert_int_equal(set_begin(f->repo, &o, &f->set, err), 0);
	if (f->before)
		assert_int_equal(set_parent(f->set, f->before->id, err), 0);
	assert_int_equal(set_component(f->set, "b", "bucket", &mc, err), 0);
	assert_int_equal(progress_start(&f->meter, NULL, "b", err), 0);
	rc = save_into(f, mc, broken, err);
	if (rc == 0) {
		assert_int_equal(set_commit(f->set, err), 0);
		assert_int_equal(repo_manifest(f->repo, set_id(f->set),
		                     &f->saved, err),
		    0);
	}
	(void)progress_stop(&f->meter);
	set_free(TAKE(f->set));
	return rc;
}

static void
save_well(struct fixture *f)
{
	struct err err = { 0 };
	bool broken;

	assert_int_equal(save(f, &broken, &err), 0);
	assert_false(broken);
}

static int
load(struct fixture *f, struct err *err)
{
	struct object_target target = fake_bucket_target(&f->target);
	struct load_env env = {
		.repo = f->repo,
		.scratch = f->no_scratch ? NULL : "/tmp",
		.mc = manifest_find(f->saved, "b"),
		.meter = &f->meter,
		.counts = &f->counts,
		.limits = { .transfers = 4,
		    .budget = 16 << 20,
		    .large = 9 << 20 },
		.exact = f->exact,
		.dry_run = f->dry_run,
	};
	int rc;

	f->counts = (struct load_counts){ 0 };
	f->target.put = f->target.removed = 0;
	f->target.next = 0;
	assert_int_equal(progress_start(&f->meter, NULL, "b", err), 0);
	rc = load_objects(&env, &target, err);
	(void)progress_stop(&f->meter);
	return rc;
}

static void
load_well(struct fixture *f)
{
	struct err err = { 0 };

	assert_int_equal(load(f, &err), 0);
}

/* Small ones, empty ones, large ones, keys that are no file names. */
static void
fill(struct fake_bucket *b)
{
	char key[64];
	struct err err = { 0 };
	struct fake_bucket_object *i;

	for (unsigned n = 0; n < 100; n++) {
		(void)snprintf(key, sizeof key, "runs/%03u/out.json", n);
		(void)fake_bucket_set(b, key, 100 + n * 37, n);
	}
	(void)fake_bucket_set(b, "a", 10, 201);
	(void)fake_bucket_set(b, "a/b", 20, 202);
	(void)fake_bucket_set(b, "a//b", 0, 203);
	(void)fake_bucket_set(b, "../x", 30, 204);
	(void)fake_bucket_set(b, "\xff\xfe", 40, 205);
	(void)fake_bucket_set(b, "line\nfeed\x01", 50, 206);
	(void)fake_bucket_set(b, "large", (3 << 20) + 17, 207);
	(void)fake_bucket_set(b, "edge", PACK_OBJECT_MAX, 208);
	(void)fake_bucket_set(b, "edge+1", PACK_OBJECT_MAX + 1, 209);
	i = fake_bucket_set(b, "dressed", 60, 210);
	i->o.header[OBJECT_CONTENT_TYPE] = strdup("text/plain");
	assert_int_equal(object_pairs_add(&i->o.meta, "who", "caf\xc3\xa9",
	                     &err),
	    0);
	assert_int_equal(object_pairs_add(&i->o.tags, "team", "a b=c", &err),
	    0);
}

static void
what_is_saved_comes_back(void **state)
{
	struct fixture *f = *state;
	const struct manifest_component *mc;

	fill(&f->source);
	save_well(f);
	mc = manifest_find(f->saved, "b");
	assert_int_equal(mc->objects, f->source.count);
	assert_int_equal(mc->new_objects, f->source.count);
	assert_int_equal(mc->status, MANIFEST_OK);
	load_well(f);
	fake_bucket_assert_same(&f->source, &f->target);
	assert_int_equal(atomic_load(&f->counts.written), f->source.count);
	load_well(f);
	assert_int_equal(f->target.put, 0);
	assert_int_equal(atomic_load(&f->counts.unchanged), f->source.count);
}

/* Two packs fill side by side, so neighbours lie in both by turns. */
static void
each_pack_is_read_once(void **state)
{
	struct fixture *f = *state;
	const struct manifest_component *mc;
	char key[64];
	long before;

	for (unsigned n = 0; n < 500; n++) {
		(void)snprintf(key, sizeof key, "%04u", n);
		(void)fake_bucket_set(&f->source, key, 8000 + n, n);
	}
	save_well(f);
	mc = manifest_find(f->saved, "b");
	before = atomic_load(&f->fault.seen);
	load_well(f);
	fake_bucket_assert_same(&f->source, &f->target);
	/* beside the inventory, which is one of the files */
	assert_int_equal(atomic_load(&f->fault.seen) - before, mc->files.count);
}

static void
only_what_changed_is_read_again(void **state)
{
	struct fixture *f = *state;
	const struct manifest_component *mc;

	fill(&f->source);
	save_well(f);
	f->before = TAKE(f->saved);
	save_well(f);
	assert_int_equal(f->source.fetched, 0);
	manifest_free(f->before);
	f->before = TAKE(f->saved);
	(void)fake_bucket_set(&f->source, "runs/050/out.json", 99, 999);
	(void)fake_bucket_set(&f->source, "zzz", 99, 998);
	fake_bucket_drop(&f->source, "a");
	save_well(f);
	assert_int_equal(f->source.fetched, 2);
	mc = manifest_find(f->saved, "b");
	assert_int_equal(mc->new_objects, 2);
	assert_int_equal(mc->objects, f->source.count);
	load_well(f); /* the third set alone */
	fake_bucket_assert_same(&f->source, &f->target);
}

static void
what_vanishes_is_counted_and_what_changes_is_read_again(void **state)
{
	struct fixture *f = *state;
	const struct manifest_component *mc;

	fill(&f->source);
	fake_bucket_find(&f->source, "a/b")->mood = FAKE_GONE;
	fake_bucket_find(&f->source, "../x")->mood = FAKE_CHANGES;
	fake_bucket_find(&f->source, "large")->mood = FAKE_CHANGES;
	save_well(f);
	mc = manifest_find(f->saved, "b");
	assert_int_equal(mc->gone, 1);
	assert_int_equal(mc->objects, f->source.count - 1);
	assert_int_equal(mc->status, MANIFEST_OK);
	load_well(f);
	fake_bucket_drop(&f->source, "a/b");
	fake_bucket_assert_same(&f->source, &f->target);
}

static void
what_may_not_be_read_is_named(void **state)
{
	struct fixture *f = *state;
	const struct manifest_component *mc;

	fill(&f->source);
	fake_bucket_find(&f->source, "dressed")->mood = FAKE_DENIED;
	save_well(f);
	mc = manifest_find(f->saved, "b");
	assert_int_equal(mc->status, MANIFEST_DEGRADED);
	assert_int_equal(mc->nunread, 1);
	assert_string_equal(mc->unread[0], "dressed");
	assert_string_equal(mc->message,
	    "1 of its objects could not be read, the first: 'dressed'");
	assert_string_equal(manifest_status(f->saved), "incomplete");
}

static void
what_changes_whenever_it_is_read_is_named(void **state)
{
	struct fixture *f = *state;
	const struct manifest_component *mc;

	fill(&f->source);
	fake_bucket_find(&f->source, "large")->mood = FAKE_NEVER_RESTS;
	save_well(f);
	mc = manifest_find(f->saved, "b");
	assert_int_equal(mc->status, MANIFEST_DEGRADED);
	assert_int_equal(mc->nunread, 1);
	assert_string_equal(mc->unread[0], "large");
	assert_int_equal(mc->objects, f->source.count - 1);
}

static void
a_source_that_breaks_off_makes_no_set(void **state)
{
	struct fixture *f = *state;
	AUTO(repo_sets) struct repo_sets sets = { 0 };
	struct err err = { 0 };
	bool broken;

	fill(&f->source);
	fake_bucket_find(&f->source, "large")->mood = FAKE_CUT;
	assert_int_equal(save(f, &broken, &err), -1);
	assert_true(err_is(&err, ERR_TRANSIENT));
	assert_null(f->saved);
	assert_int_equal(repo_list(f->repo, &sets, &err), 0);
	assert_int_equal(sets.count, 1);
	assert_false(sets.set[0].committed);
	assert_false(sets.set[0].running);
}

/* Calls of the store for a set of which nothing is new. */
static long
calls_of_a_set(struct fixture *f)
{
	long before = atomic_load(&f->fault.seen);

	save_well(f);
	return atomic_load(&f->fault.seen) - before;
}

static void
cuts_are_read_where_there_is_room(void **state)
{
	struct fixture *f = *state;
	long first;

	(void)fake_bucket_set(&f->source, "a", 100, 1);
	f->asks_cuts = true; /* there is no set before */
	save_well(f);
	f->before = TAKE(f->saved);

	/* each set in the repository is a call more for the next */
	first = calls_of_a_set(f); /* there are too few for a cut */
	f->before->component[0].objects = CUT_EVERY + 1;
	f->tight = true;
	assert_int_equal(calls_of_a_set(f), first + 1);
	f->tight = false;
	assert_true(calls_of_a_set(f) > first + 2);
}

static void
a_listing_out_of_order_is_refused(void **state)
{
	struct fixture *f = *state;
	struct fake_bucket_object i;
	struct err err = { 0 };
	bool broken;

	fill(&f->source);
	i = f->source.item[3];
	f->source.item[3] = f->source.item[4];
	f->source.item[4] = i;
	assert_int_equal(save(f, &broken, &err), -1);
	assert_true(err_is(&err, ERR_REMOTE));
	assert_non_null(strstr(err.msg, "not in the order of keys"));
}

/* Flip one byte of the first stored file whose key ends so; its key. */
static void
damage(struct fixture *f, const char *suffix, char key[LAYOUT_KEY_SIZE])
{
	const struct manifest_component *mc =
	    manifest_find(f->saved ? f->saved : f->before, "b");
	struct store *st = repo_store(f->repo);
	AUTO(buf) struct buf b = { .max = 1 << 26 };
	struct err err = { 0 };
	size_t i = 0;

	while (!str_ends(mc->files.file[i].path, suffix))
		i++;
	(void)snprintf(key, LAYOUT_KEY_SIZE, "%s", mc->files.file[i].path);
	assert_int_equal(store_get_bytes(st, key, &b, &err), 0);
	b.data[b.len / 2] ^= 1;
	assert_int_equal(st->ops->remove(st, key, &err), 0);
	assert_int_equal(store_put_bytes(st, key, b.data, b.len, &err), 0);
}

static void
a_damaged_inventory_is_not_built_on(void **state)
{
	struct fixture *f = *state;
	char key[LAYOUT_KEY_SIZE];
	struct err err = { 0 };
	bool broken;

	fill(&f->source);
	save_well(f);
	f->before = TAKE(f->saved);
	damage(f, ".jsonl.zst", key);
	assert_int_equal(save(f, &broken, &err), -1);
	assert_true(broken);
}

static void
nothing_of_a_damaged_file_is_written(void **state)
{
	static const char *const kind[] = { ".tar.zst", "/object-000001",
		".jsonl.zst" };
	struct fixture *f = *state;

	fill(&f->source);
	for (size_t i = 0; i < 3; i++) {
		char key[LAYOUT_KEY_SIZE];
		struct err err = { 0 };

		save_well(f);
		damage(f, kind[i], key);
		while (f->target.count > 0)
			fake_bucket_drop(&f->target, f->target.item[0].o.key);
		assert_int_equal(load(f, &err), -1);
		assert_true(err_is(&err, ERR_CORRUPT));
		assert_non_null(strstr(err.msg, key));
		for (size_t k = 0; k < f->target.count; k++) {
			const struct fake_bucket_object *t = &f->target.item[k];
			const struct fake_bucket_object *s =
			    fake_bucket_find(&f->source, t->o.key);

			assert_non_null(s);
			assert_int_equal(s->o.size, t->o.size);
			assert_memory_equal(s->data, t->data, t->o.size);
			/* a second pack, if there was one, is sound */
			if (i == 0 && atomic_load(&f->packs) == 1)
				assert_true(t->o.size == 0 ||
				            t->o.size > PACK_OBJECT_MAX);
		}
	}
}

static void
extra_objects_stay_unless_exact(void **state)
{
	struct fixture *f = *state;

	fill(&f->source);
	save_well(f);
	(void)fake_bucket_set(&f->target, "!first", 5, 1);
	(void)fake_bucket_set(&f->target, "middle", 5, 2);
	(void)fake_bucket_set(&f->target, "~last", 5, 3);
	load_well(f);
	assert_int_equal(f->counts.extra, 3);
	assert_int_equal(f->target.removed, 0);
	assert_int_equal(f->target.count, f->source.count + 3);
	f->exact = true;
	load_well(f);
	assert_int_equal(f->target.removed, 3);
	assert_int_equal(atomic_load(&f->counts.removed), 3);
	assert_int_equal(f->target.put, 0);
	fake_bucket_assert_same(&f->source, &f->target);
}

static void
a_dry_run_counts_and_changes_nothing(void **state)
{
	struct fixture *f = *state;

	fill(&f->source);
	save_well(f);
	(void)fake_bucket_set(&f->target, "extra", 5, 1);
	f->exact = f->dry_run = true;
	load_well(f);
	assert_int_equal(f->target.put + f->target.removed, 0);
	assert_int_equal(f->target.count, 1);
	assert_int_equal(atomic_load(&f->counts.written), f->source.count);
	assert_int_equal(atomic_load(&f->counts.removed), 1);
}

static void
headers_that_differ_are_put_right(void **state)
{
	struct fixture *f = *state;
	struct fake_bucket_object *i;

	fill(&f->source);
	save_well(f);
	load_well(f);
	i = fake_bucket_find(&f->target, "dressed");
	free(i->o.header[OBJECT_CONTENT_TYPE]);
	i->o.header[OBJECT_CONTENT_TYPE] = strdup("text/html");
	load_well(f);
	assert_int_equal(f->target.put, 1);
	fake_bucket_assert_same(&f->source, &f->target);
}

static void
an_empty_bucket_is_a_set_too(void **state)
{
	struct fixture *f = *state;

	save_well(f);
	assert_int_equal(manifest_find(f->saved, "b")->objects, 0);
	f->before = TAKE(f->saved);
	save_well(f);
	load_well(f);
	assert_int_equal(f->target.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* --- each operation of the store goes wrong once */

enum { OPERATIONS = 500 }; /* more than a run has */

static void
fill_little(struct fake_bucket *b)
{
	char key[64];

	for (unsigned n = 0; n < 8; n++) {
		(void)snprintf(key, sizeof key, "runs/%03u/out.json", n);
		(void)fake_bucket_set(b, key, 100 + n * 37, n);
	}
	(void)fake_bucket_set(b, "large", PACK_OBJECT_MAX + 1, 207);
}

/* What has come to the target so far is right. */
static void
assert_only_good(struct fixture *f)
{
	for (size_t i = 0; i < f->target.count; i++) {
		struct fake_bucket_object *got = &f->target.item[i];
		struct fake_bucket_object *want =
		    fake_bucket_find(&f->source, got->o.key);

		assert_non_null(want);
		assert_int_equal(got->o.size, want->o.size);
		if (got->o.size)
			assert_memory_equal(got->data, want->data, got->o.size);
	}
}

static void
empty_target(struct fixture *f)
{
	while (f->target.count > 0)
		fake_bucket_drop(&f->target, f->target.item[0].o.key);
}

static void
load_or_fail(struct fixture *f)
{
	struct err err = { 0 };

	empty_target(f);
	if (load(f, &err) == 0)
		fake_bucket_assert_same(&f->source, &f->target);
	else
		assert_only_good(f);
}

/* As save, for a store that fails.  -1: no set was made. */
static int
save_faulty(struct fixture *f, const struct store_fault *fault, struct err *err)
{
	struct set_options o = {
		.name = "p", .tool = "test", .by = "test", .clock = clock_real()
	};
	struct manifest_component *mc;
	bool broken;
	int rc;

	manifest_free(TAKE(f->saved));
	new_repo(f);
	assert_int_equal(set_begin(f->repo, &o, &f->set, err), 0);
	assert_int_equal(set_component(f->set, "b", "bucket", &mc, err), 0);
	assert_int_equal(progress_start(&f->meter, NULL, "b", err), 0);
	f->fault = *fault;
	rc = save_into(f, mc, &broken, err);
	if (rc == 0)
		rc = set_commit(f->set, err);
	(void)progress_stop(&f->meter);
	f->fault.at = -1;
	if (rc == 0) {
		rc = repo_manifest(f->repo, set_id(f->set), &f->saved, err);
		/* the manifest was hit: seen by whoever reads it */
		assert_true(rc == 0 || err_is(err, ERR_CORRUPT));
		assert_true(rc == 0 || fault->kind >= FAULT_SHORT);
	}
	set_free(TAKE(f->set));
	return rc;
}

static void
each_operation_may_go_wrong_while_objects_are_saved(void **state)
{
	static const enum fault_kind kinds[] = { FAULT_FAIL, FAULT_LATE,
		FAULT_SHORT, FAULT_CORRUPT };
	struct fixture *f = *state;

	fill_little(&f->source);
	for (size_t k = 0; k < 4; k++) {
		long hits = 1, n = 0;

		for (; hits > 0 && n < OPERATIONS; n++) {
			const struct store_fault fault = {
				.at = n, .kind = kinds[k], .code = ERR_TRANSIENT
			};
			struct err err = { 0 };
			int rc = save_faulty(f, &fault, &err);

			hits = atomic_load(&f->fault.hits);
			assert_true(rc == 0 || hits > 0);
			if (rc == 0)
				load_or_fail(f);
		}
		assert_in_range(n, 5, OPERATIONS - 1);
	}
}

static void
each_operation_may_go_wrong_while_objects_are_loaded(void **state)
{
	static const enum fault_kind kinds[] = { FAULT_FAIL, FAULT_SHORT,
		FAULT_CORRUPT };
	struct fixture *f = *state;

	fill_little(&f->source);
	save_well(f);
	for (size_t k = 0; k < 6; k++) {
		long hits = 1, n = 0;

		f->no_scratch = k >= 3;
		for (; hits > 0 && n < OPERATIONS; n++) {
			f->fault = (struct store_fault){ .at = n,
				.kind = kinds[k % 3],
				.code = ERR_TRANSIENT };
			load_or_fail(f);
			hits = atomic_load(&f->fault.hits);
		}
		assert_in_range(n, 3, OPERATIONS - 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_saved_comes_back),
		TEST(each_pack_is_read_once),
		TEST(only_what_changed_is_read_again),
		TEST(what_vanishes_is_counted_and_what_changes_is_read_again),
		TEST(what_may_not_be_read_is_named),
		TEST(what_changes_whenever_it_is_read_is_named),
		TEST(a_source_that_breaks_off_makes_no_set),
		TEST(cuts_are_read_where_there_is_room),
		TEST(a_listing_out_of_order_is_refused),
		TEST(a_damaged_inventory_is_not_built_on),
		TEST(nothing_of_a_damaged_file_is_written),
		TEST(extra_objects_stay_unless_exact),
		TEST(a_dry_run_counts_and_changes_nothing),
		TEST(headers_that_differ_are_put_right),
		TEST(an_empty_bucket_is_a_set_too),
		cmocka_unit_test_setup_teardown(
		    each_operation_may_go_wrong_while_objects_are_saved, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    each_operation_may_go_wrong_while_objects_are_loaded, setup,
		    teardown),
	};

	return cmocka_run_group_tests_name("save_objects", tests, NULL, NULL);
}
