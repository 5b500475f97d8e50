#include "repo/share_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/age_kit.h"
#include "../lib/failalloc.h"
#include "../lib/repo_kit.h"
#include "../lib/share_kit.h"
#include "base/str.h"

static int
setup(void **state)
{
	struct kit *k = calloc(1, sizeof *k);
	struct err err = { 0 };

	*state = k;
	return k && kit_open(k, &err) == 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	repo_set_keys(k->repo, NULL);
	kit_done(k);
	free(k);
	return 0;
}

/* A set of that run, left to others, with a plan or without. */
static void
begin(struct kit *k, const char *run, bool planned,
    char folder[LAYOUT_FOLDER_SIZE])
{
	AUTO(set) struct set *set = NULL;
	AUTO(share_plan) struct share_plan *p = NULL;
	struct err err = { 0 };

	assert_int_equal(kit_begin(k, &set, &err), 0);
	memcpy(folder, set_folder(set), LAYOUT_FOLDER_SIZE);
	assert_int_equal(share_files_begin(set, run, 3, &err), 0);
	set_leave(set);
	if (!planned)
		return;
	assert_int_equal(share_kit_plan(&p, &err), 0);
	free(p->run);
	p->run = NULL;
	assert_int_equal(str_dup(run, &p->run, &err), 0);
	assert_int_equal(share_files_put_plan(k->repo, p, set_manifest(set),
	                     &err),
	    0);
}

static enum share_files_state
state_of(struct kit *k, const char *run, char folder[LAYOUT_FOLDER_SIZE])
{
	struct share_files_found f = { 0 };
	struct err err = { 0 };

	assert_int_equal(share_files_find(k->repo, run, &f, &err), 0);
	memcpy(folder, f.folder, sizeof f.folder);
	return f.state;
}

static void
a_run_is_found_by_its_name(void **state)
{
	struct kit *k = *state;
	char a[LAYOUT_FOLDER_SIZE], b[LAYOUT_FOLDER_SIZE],
	    got[LAYOUT_FOLDER_SIZE];

	assert_int_equal(state_of(k, "one", got), SHARE_FILES_NONE);
	begin(k, "one", false, a);
	begin(k, "one.plan", true, b);
	assert_int_equal(state_of(k, "one", got), SHARE_FILES_BEGUN);
	assert_string_equal(got, a);
	assert_int_equal(state_of(k, "one.plan", got), SHARE_FILES_PLANNED);
	assert_string_equal(got, b);
	assert_int_equal(state_of(k, "on", got), SHARE_FILES_NONE);
	assert_int_equal(state_of(k, "one.", got), SHARE_FILES_NONE);
}

static void
a_plan_counts_more_than_a_set_without_one(void **state)
{
	struct kit *k = *state;
	char a[LAYOUT_FOLDER_SIZE], b[LAYOUT_FOLDER_SIZE],
	    c[LAYOUT_FOLDER_SIZE], got[LAYOUT_FOLDER_SIZE];

	begin(k, "run", true, a);
	begin(k, "run", false, b);
	begin(k, "run", true, c);
	assert_int_equal(state_of(k, "run", got), SHARE_FILES_PLANNED);
	/* of the same second the first; of others, that of the earlier */
	assert_string_equal(got, a);
}

static void
a_set_that_was_silent_for_long_is_not_gone_on_with(void **state)
{
	struct kit *k = *state;
	char a[LAYOUT_FOLDER_SIZE], got[LAYOUT_FOLDER_SIZE];

	begin(k, "run", true, a);
	k->late = SHARE_FILES_SILENT_S - 60;
	assert_int_equal(state_of(k, "run", got), SHARE_FILES_PLANNED);
	k->late = SHARE_FILES_SILENT_S + 60;
	assert_int_equal(state_of(k, "run", got), SHARE_FILES_NONE);
}

static void
put_small(struct kit *k, const char *folder, const char *name)
{
	char key[LAYOUT_KEY_SIZE];
	struct err err = { 0 };

	assert_int_equal(layout_key(folder, name, key, &err), 0);
	assert_int_equal(store_put_bytes(k->inner, key, "x", 1, &err), 0);
}

static void
a_set_that_failed_or_is_finished_is_no_more_worked_on(void **state)
{
	struct kit *k = *state;
	char a[LAYOUT_FOLDER_SIZE], got[LAYOUT_FOLDER_SIZE];

	begin(k, "run", true, a);
	put_small(k, a, LAYOUT_FAILED);
	assert_int_equal(state_of(k, "run", got), SHARE_FILES_NONE);
	begin(k, "run", true, a);
	put_small(k, a, LAYOUT_MANIFEST);
	assert_int_equal(state_of(k, "run", got), SHARE_FILES_FINISHED);
	assert_string_equal(got, a);
	/* a new one counts more; later the old one is forgotten */
	k->late = REPO_DEAD_S + 60;
	assert_int_equal(state_of(k, "run", got), SHARE_FILES_NONE);
	k->late = 0;
	begin(k, "run", false, a);
	assert_int_equal(state_of(k, "run", got), SHARE_FILES_BEGUN);
	assert_string_equal(got, a);
}

/* What was looked at once and is of no run is not looked at again. */
static void
old_sets_are_looked_at_once(void **state)
{
	struct kit *k = *state;
	char a[LAYOUT_FOLDER_SIZE], id[LAYOUT_ID_SIZE];
	struct share_files_found f = { 0 };
	struct err err = { 0 };
	unsigned first;

	for (int i = 0; i < 5; i++)
		assert_int_equal(kit_save(k, id, &err), 0);
	k->late = 2 * 3600;
	begin(k, "run", false, a);
	kit_reset(k);
	k->late = 2 * 3600;
	assert_int_equal(share_files_find(k->repo, "run", &f, &err), 0);
	first = k->count[KIT_LIST];
	assert_int_equal(share_files_find(k->repo, "run", &f, &err), 0);
	assert_int_equal(f.state, SHARE_FILES_BEGUN);
	assert_true(k->count[KIT_LIST] - first + 5 == first);
	/* nor those that are a month old */
	kit_reset(k);
	k->late = INT64_C(31) * 86400;
	f = (struct share_files_found){ 0 };
	assert_int_equal(share_files_find(k->repo, "run", &f, &err), 0);
	assert_int_equal(k->count[KIT_LIST], 1);
	assert_int_equal(f.state, SHARE_FILES_NONE);
}

static void
names_that_cannot_be_are_refused(void **state)
{
	char longest[65] = "";
	const char *const bad[] = { "", "a/b", ".a", "-a", "a b", "ä",
		longest };
	struct kit *k = *state;

	memset(longest, 'a', 64);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct share_files_found f = { 0 };
		struct err err = { 0 };

		assert_int_equal(share_files_find(k->repo, bad[i], &f, &err),
		    -1);
		assert_int_equal(err.code, ERR_USAGE);
	}
	assert_false(layout_is_share("00003-0123abc"));
	assert_false(layout_is_share("0000x-0123abcd"));
	assert_false(layout_is_share("00003-0123abcg"));
	assert_true(layout_is_share("00003-0123abcd"));
}

/* A share of that worker, under another name each time. */
static void
put_share(struct kit *k, const char *folder, unsigned worker, unsigned try)
{
	AUTO(share) struct share *s = NULL;
	char name[LAYOUT_SHARE_SIZE];
	struct err err = { 0 };

	assert_int_equal(share_kit_share(worker, &s, &err), 0);
	free(s->manifest->folder);
	s->manifest->folder = NULL;
	assert_int_equal(str_dup(folder, &s->manifest->folder, &err), 0);
	memcpy(s->manifest->id, folder, LAYOUT_ID_SIZE - 1);
	manifest_files_forget(s->manifest);
	(void)snprintf(name, sizeof name, "%05u-%08x", worker % 1000, try);
	assert_int_equal(share_files_put(k->repo, name, s, s->manifest, &err),
	    0);
}

static void
shares_are_named_and_read(void **state)
{
	struct kit *k = *state;
	AUTO(share_files_names) struct share_files_names n = { 0 };
	AUTO(share) struct share *s = NULL;
	AUTO(share_plan) struct share_plan *p = NULL;
	char a[LAYOUT_FOLDER_SIZE];
	struct err err = { 0 };

	begin(k, "nightly-1", true, a);
	put_share(k, a, 2, 7);
	put_share(k, a, 0, 9);
	put_share(k, a, 0, 8);
	put_small(k, a, "run-nightly-1.share-00001-short.json.zst");
	put_small(k, a, "run-nightly-1.share-0");
	put_small(k, a, "run-nightly-1.share-00001-0123abcd.txt");
	assert_int_equal(share_files_names(k->repo, a, "nightly-1", &n, &err),
	    0);
	assert_int_equal(n.count, 3);
	assert_string_equal(n.name[0], "00000-00000008");
	assert_int_equal(share_files_worker(n.name[2]), 2);
	assert_int_equal(share_files_share(k->repo, a, "nightly-1", n.name[2],
	                     &s, &err),
	    0);
	assert_int_equal(s->worker, 2);
	assert_int_equal(share_files_plan(k->repo, a, "nightly-1", &p, &err),
	    0);
	assert_int_equal(p->workers, 3);
	assert_int_equal(share_files_share(k->repo, a, "nightly-1",
	                     "00001-0123abcd", &s, &err),
	    -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void
what_is_of_another_set_is_refused(void **state)
{
	struct kit *k = *state;
	AUTO(share_plan) struct share_plan *p = NULL;
	AUTO(buf) struct buf b = { .max = 1 << 20 };
	char a[LAYOUT_FOLDER_SIZE], other[LAYOUT_FOLDER_SIZE],
	    from[LAYOUT_KEY_SIZE], to[LAYOUT_KEY_SIZE];
	struct err err = { 0 };

	begin(k, "run", true, a);
	begin(k, "run", false, other);
	assert_int_equal(layout_key(a, "run-run.plan.json.zst", from, &err), 0);
	assert_int_equal(layout_key(other, "run-run.plan.json.zst", to, &err),
	    0);
	assert_int_equal(store_get_bytes(k->inner, from, &b, &err), 0);
	assert_int_equal(store_put_bytes(k->inner, to, b.data, b.len, &err), 0);
	assert_int_equal(share_files_plan(k->repo, other, "run", &p, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	/* and one that is cut */
	assert_int_equal(k->inner->ops->remove(k->inner, to, &err), 0);
	assert_int_equal(store_put_bytes(k->inner, to, b.data, b.len / 2, &err),
	    0);
	assert_int_equal(share_files_plan(k->repo, other, "run", &p, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, to));
}

static void
encrypted_ones_are_for_the_workers_alone(void **state)
{
	struct kit *k = *state;
	struct age_keys keys = age_kit_writer(), both = age_kit_both();
	AUTO(share_plan) struct share_plan *p = NULL;
	AUTO(sink) struct sink *to = NULL, *mem = NULL;
	char a[LAYOUT_FOLDER_SIZE];
	struct err err = { 0 };
	const char *text;
	size_t n;

	repo_set_keys(k->repo, &keys);
	assert_int_equal(share_files_check(k->repo, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "identity-file"));
	assert_int_equal(share_files_references_new(k->repo, "x", "run", &to,
	                     &err),
	    -1);
	repo_set_keys(k->repo, &both);
	assert_int_equal(share_files_check(k->repo, &err), 0);
	begin(k, "run", true, a);
	assert_int_equal(share_files_references_new(k->repo, a, "run", &to,
	                     &err),
	    0);
	assert_int_equal(sink_write(to, "lines", 5, &err), 0);
	assert_int_equal(sink_finish(to, &err), 0);
	assert_int_equal(sink_mem_new(100, &mem, &err), 0);
	assert_int_equal(share_files_references(k->repo, a, "run", mem, &err),
	    0);
	text = sink_mem_data(mem, &n);
	assert_int_equal(n, 5);
	assert_memory_equal(text, "lines", 5);
	assert_int_equal(share_files_plan(k->repo, a, "run", &p, &err), 0);
	assert_int_equal(p->manifest->nrecipients, 1);
	assert_false(p->manifest->hidden);
	/* whoever has no identity reads none of it */
	share_plan_free(p);
	p = NULL;
	repo_set_keys(k->repo, &keys);
	assert_int_equal(share_files_plan(k->repo, a, "run", &p, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
}

static int
all_of_it(struct kit *k, const char *folder, struct err *err)
{
	AUTO(share_files_names) struct share_files_names n = { 0 };
	AUTO(share_plan) struct share_plan *p = NULL;
	AUTO(share) struct share *s = NULL;
	struct share_files_found f = { 0 };

	return share_files_find(k->repo, "nightly-1", &f, err) ||
	               share_files_plan(k->repo, folder, "nightly-1", &p,
	                   err) ||
	               share_files_names(k->repo, folder, "nightly-1", &n,
	                   err) ||
	               share_files_share(k->repo, folder, "nightly-1",
	                   n.name[0], &s, err)
	           ? -1
	           : 0;
}

static void
every_allocation_may_fail(void **state)
{
	struct kit *k = *state;
	char a[LAYOUT_FOLDER_SIZE];
	long n = 0;
	int rc;

	begin(k, "nightly-1", true, a);
	put_share(k, a, 1, 1);
	do {
		struct err err = { 0 };

		failalloc_at(n);
		rc = all_of_it(k, a, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
	} while (rc && ++n < 5000);
	assert_in_range(n, 50, 4999);
}

#define WITH_KIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KIT(a_run_is_found_by_its_name),
		WITH_KIT(a_plan_counts_more_than_a_set_without_one),
		WITH_KIT(a_set_that_was_silent_for_long_is_not_gone_on_with),
		WITH_KIT(a_set_that_failed_or_is_finished_is_no_more_worked_on),
		WITH_KIT(old_sets_are_looked_at_once),
		WITH_KIT(names_that_cannot_be_are_refused),
		WITH_KIT(shares_are_named_and_read),
		WITH_KIT(what_is_of_another_set_is_refused),
		WITH_KIT(encrypted_ones_are_for_the_workers_alone),
		WITH_KIT(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("share_files", tests, NULL, NULL);
}
