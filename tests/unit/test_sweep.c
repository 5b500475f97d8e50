#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/repo_kit.h"
#include "base/date.h"
#include "base/str.h"
#include "repo/notes.h"
#include "repo/sweep.h"

enum { NOW = 1795192080, DAY = 86400, FILES = 3, SETS = 12, PATH = 256 };

static int
setup(void **state)
{
	if (kit_setup(state))
		return -1;
	((struct kit *)*state)->now = NOW;
	return 0;
}

/* --- a repository by hand: set i is i days after the first */

static char *
id_of(unsigned i, char id[LAYOUT_ID_SIZE])
{
	date_iso(NOW - 30 * DAY + (int64_t)i * DAY, id);
	return id;
}

static char *
folder_of(unsigned i, char folder[LAYOUT_FOLDER_SIZE])
{
	char id[LAYOUT_ID_SIZE];

	(void)snprintf(folder, LAYOUT_FOLDER_SIZE, "%s-%08x", id_of(i, id), i);
	return folder;
}

static char *
path_of(unsigned i, const char *file, char path[PATH])
{
	char folder[LAYOUT_FOLDER_SIZE];

	(void)snprintf(path, PATH, "sets/%s/%s", folder_of(i, folder), file);
	return path;
}

static char *
pack_of(unsigned i, unsigned n, char path[PATH])
{
	char file[32];

	(void)snprintf(file, sizeof file, "b/pack-%06u.tar.zst", n);
	return path_of(i, file, path);
}

static bool
there(struct kit *k, const char *key)
{
	struct store_stat st;
	struct err err = { 0 };

	return k->inner->ops->stat(k->inner, key, &st, &err) == 0;
}

/* needs[n]: set whose packs are needed, FILES of them; -1 ends. */
static void
put_manifest(struct kit *k, unsigned i, const int *needs)
{
	AUTO(manifest) struct manifest *m = calloc(1, sizeof *m);
	AUTO(buf) struct buf b = { .max = 1 << 20 };
	const uint8_t digest[SHA256_SIZE] = { 0 };
	char path[PATH], id[LAYOUT_ID_SIZE], folder[LAYOUT_FOLDER_SIZE];
	struct manifest_component *c = calloc(1, sizeof *c);
	struct err err = { 0 };

	assert_non_null(m);
	assert_non_null(c);
	m->component = c;
	m->ncomponents = 1;
	m->id = strdup(id_of(i, id));
	m->folder = strdup(folder_of(i, folder));
	m->name = strdup("p");
	m->tool = strdup("t");
	m->by = strdup("t");
	c->name = strdup("b");
	c->type = strdup("bucket");
	for (unsigned n = 1; n <= FILES; n++)
		assert_int_equal(manifest_files_add(&c->files,
		                     pack_of(i, n, path), 4, digest, &err),
		    0);
	for (; *needs >= 0; needs++)
		for (unsigned n = 1; n <= FILES; n++)
			assert_int_equal(manifest_files_add(&c->needs,
			                     pack_of((unsigned)*needs, n, path),
			                     4, digest, &err),
			    0);
	assert_int_equal(manifest_files_sort(&c->files, &err), 0);
	assert_int_equal(manifest_files_sort(&c->needs, &err), 0);
	assert_int_equal(manifest_encode(m, &b, &err), 0);
	kit_text(k, path_of(i, "manifest.json", path), b.data);
}

static void
put_files(struct kit *k, unsigned i)
{
	char path[PATH];

	kit_text(k, path_of(i, "open.json", path), "{}");
	for (unsigned n = 1; n <= FILES; n++)
		kit_text(k, pack_of(i, n, path), "pack");
}

static void
put_set(struct kit *k, unsigned i, const int *needs)
{
	char path[PATH];

	put_files(k, i);
	kit_text(k, path_of(i, "RESTORE.md", path), "#");
	put_manifest(k, i, needs);
}

#define NEEDS(...) ((const int[]){ __VA_ARGS__, -1 })
#define NOTHING ((const int[]){ -1 })

static void
say(struct kit *k, unsigned i, enum note_kind kind)
{
	char folder[LAYOUT_FOLDER_SIZE];
	struct err err = { 0 };

	assert_int_equal(notes_add(k->repo,
	                     &(struct note_new){ .folder = folder_of(i, folder),
	                         .kind = kind,
	                         .by = "t",
	                         .tool = "t" },
	                     &err),
	    0);
}

static int
try_sweep(struct kit *k, int64_t grace, struct sweep_result *r, struct err *err)
{
	*err = (struct err){ 0 };
	return sweep_run(k->repo, &(struct sweep_options){ .grace_s = grace },
	    r, err);
}

static struct sweep_result
sweep(struct kit *k, int64_t grace)
{
	struct sweep_result r;
	struct err err;

	assert_int_equal(try_sweep(k, grace, &r, &err), 0);
	return r;
}

static int
on_any(void *arg, const char *key, const struct store_stat *st, struct err *err)
{
	(void)key;
	(void)st;
	(void)err;
	++*(unsigned *)arg;
	return 0;
}

static unsigned
count(struct kit *k, const char *prefix)
{
	unsigned n = 0;
	struct err err = { 0 };

	assert_int_equal(k->inner->ops->list(k->inner, prefix, true, on_any, &n,
	                     &err),
	    0);
	return n;
}

/* Files of set i, its manifest and notes included. */
static unsigned
files_of(struct kit *k, unsigned i)
{
	char path[PATH];

	return count(k, path_of(i, "", path));
}

/* --- one thing at a time */

static void
nothing_goes_without_a_mark(void **state)
{
	struct kit *k = *state;
	struct sweep_result r;

	put_set(k, 1, NOTHING);
	put_set(k, 2, NEEDS(1));
	kit_reset(k);
	r = sweep(k, 0);
	assert_int_equal(r.sets + r.files, 0);
	assert_int_equal(k->count[KIT_REMOVE], 0);
	assert_int_equal(k->count[KIT_GET], 0);
}

static void
a_marked_set_goes_when_its_time_has_come(void **state)
{
	struct kit *k = *state;
	struct sweep_result r;

	put_set(k, 1, NOTHING);
	put_set(k, 2, NOTHING);
	say(k, 1, NOTE_DELETED);
	k->now = NOW + DAY - 1;
	r = sweep(k, DAY);
	assert_int_equal(r.sets, 0);
	assert_int_equal(files_of(k, 1), FILES + 3);
	k->now = NOW + DAY;
	r = sweep(k, DAY);
	assert_int_equal(r.sets, 1);
	assert_int_equal(r.files, FILES + 3);
	assert_int_equal(files_of(k, 1), 0);
	assert_int_equal(files_of(k, 2), FILES + 3);
	assert_int_equal(count(k, "notes/"), 0);
}

static void
what_later_sets_need_stays_and_goes_with_them(void **state)
{
	struct kit *k = *state;
	AUTO(repo_sets) struct repo_sets s = { 0 };
	struct sweep_result r;
	char path[PATH];
	struct err err = { 0 };

	put_set(k, 1, NOTHING);
	put_set(k, 2, NEEDS(1));
	put_set(k, 3, NOTHING);
	say(k, 1, NOTE_DELETED);
	r = sweep(k, 0);
	assert_int_equal(r.sets, 1);
	assert_int_equal(r.needed, FILES);
	assert_int_equal(files_of(k, 1), FILES);
	assert_false(there(k, path_of(1, "manifest.json", path)));
	assert_int_equal(repo_list(k->repo, &s, &err), 0);
	assert_int_equal(s.count, 3);
	assert_true(s.set[0].deleted && !s.set[0].running);
	r = sweep(k, 0); /* no change */
	assert_int_equal(r.files, 0);
	assert_int_equal(r.needed, FILES);
	say(k, 2, NOTE_DELETED);
	r = sweep(k, 0);
	assert_int_equal(r.sets, 1);
	assert_int_equal(files_of(k, 1) + files_of(k, 2), 0);
	assert_int_equal(count(k, "notes/"), 0);
	assert_int_equal(files_of(k, 3), FILES + 3);
}

static void
a_held_set_stays(void **state)
{
	struct kit *k = *state;

	put_set(k, 1, NOTHING);
	say(k, 1, NOTE_DELETED);
	say(k, 1, NOTE_HELD);
	assert_int_equal(sweep(k, 0).sets, 0);
	say(k, 1, NOTE_RELEASED);
	assert_int_equal(sweep(k, 0).sets, 0); /* the mark was taken back */
	say(k, 1, NOTE_DELETED); /* dated ahead, by a second each */
	assert_int_equal(sweep(k, 0).sets, 1);
}

/* Somebody is faster by one operation: what does it at the n-th listing. */
struct meddler {
	const struct store_ops *usual;
	struct kit *kit;
	void (*what)(struct kit *);
	unsigned n;
};

static struct meddler meddler;

static int
list_and_meddle(struct store *s, const char *prefix, bool deep,
    store_list_fn *fn, void *arg, struct err *err)
{
	if (meddler.n-- == 0)
		meddler.what(meddler.kit);
	return meddler.usual->list(s, prefix, deep, fn, arg, err);
}

/* True: the sweep had so many listings. */
static bool
sweep_meddled_with(struct kit *k, void (*what)(struct kit *), unsigned n,
    int64_t grace)
{
	const struct store_ops *usual = k->store.ops;
	struct store_ops ops = *usual;
	struct sweep_result r;
	struct err err;

	ops.list = list_and_meddle;
	meddler = (struct meddler){ usual, k, what, n };
	k->store.ops = &ops;
	assert_int_equal(try_sweep(k, grace, &r, &err), 0);
	k->store.ops = usual;
	return meddler.n > n;
}

static void
hold_it(struct kit *k)
{
	say(k, 1, NOTE_HELD);
}

/* All of set 1, or nothing but its notes: never a manifest without files. */
static void
a_hold_saves_all_or_comes_too_late(void **state)
{
	unsigned whole = 0;
	bool reached = true;

	(void)state;
	for (unsigned n = 0; reached; n++) {
		void *mine = NULL;
		struct kit *k;
		char path[PATH];

		assert_int_equal(setup(&mine), 0);
		k = mine;
		put_set(k, 1, NOTHING);
		say(k, 1, NOTE_DELETED);
		reached = sweep_meddled_with(k, hold_it, n, 0);
		if (there(k, path_of(1, "manifest.json", path))) {
			for (unsigned i = 1; i <= FILES; i++)
				assert_true(there(k, pack_of(1, i, path)));
			whole++;
		}
		assert_int_equal(kit_teardown(&mine), 0);
	}
	/* before it began, and again while it was at it */
	assert_true(whole > 1);
}

static void
a_manifest_that_cannot_be_read_stops_all(void **state)
{
	struct kit *k = *state;
	struct sweep_result r;
	struct err err;
	char path[PATH];

	put_set(k, 1, NOTHING);
	put_files(k, 2);
	kit_text(k, path_of(2, "manifest.json", path), "{}");
	say(k, 1, NOTE_DELETED);
	assert_int_equal(try_sweep(k, 0, &r, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg, "nothing is removed"));
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(files_of(k, 1), FILES + 3);
	/* it may go itself: nobody has to read it for that */
	say(k, 2, NOTE_DELETED);
	assert_int_equal(try_sweep(k, 0, &r, &err), 0);
	assert_int_equal(r.sets, 2);
	assert_int_equal(count(k, "sets/"), 0);
}

static void
a_run_that_was_there_before_the_mark_keeps_the_set(void **state)
{
	struct kit *k = *state;
	struct sweep_result r;
	char id[LAYOUT_ID_SIZE];

	put_set(k, 1, NOTHING);
	/* the store in memory dates files by the machine */
	k->now = (int64_t)time(NULL) - REPO_DEAD_S / 2;
	say(k, 1, NOTE_DELETED);
	put_files(k, 5);
	k->now = (int64_t)time(NULL) + 10;
	r = sweep(k, 0);
	assert_int_equal(r.sets, 1);
	put_set(k, 2, NOTHING);
	say(k, 2, NOTE_DELETED);
	r = sweep(k, 0);
	assert_int_equal(r.sets, 0);
	assert_int_equal(r.waiting, 1);
	assert_string_equal(r.run, id_of(5, id));
	assert_int_equal(files_of(k, 2), FILES + 3);
	k->now += REPO_DEAD_S;
	r = sweep(k, 0);
	assert_int_equal(r.sets, 1);
}

static void
a_silent_run_is_waited_for_as_long_as_the_grace_period(void **state)
{
	struct kit *k = *state;
	struct sweep_result r;

	k->now = (int64_t)time(NULL);
	put_set(k, 1, NOTHING);
	say(k, 1, NOTE_DELETED);
	put_files(k, 5);
	k->now += 2 * DAY - 10;
	r = sweep(k, 2 * DAY);
	assert_int_equal(r.sets + r.runs, 0);
	k->now += 20;
	r = sweep(k, 2 * DAY);
	assert_int_equal(r.sets, 1);
	assert_int_equal(r.runs, 1);
	assert_int_equal(count(k, "sets/"), 0);
}

static void
what_failed_runs_left_goes(void **state)
{
	struct kit *k = *state;
	struct sweep_result r;
	char path[PATH];

	put_files(k, 1);
	kit_text(k, path_of(1, "failed.json", path), "{}");
	k->now = (int64_t)time(NULL) + DAY - 10;
	r = sweep(k, DAY);
	assert_int_equal(r.runs, 0);
	k->now += 20;
	r = sweep(k, DAY);
	assert_int_equal(r.runs, 1);
	assert_int_equal(r.files, FILES + 2);
	assert_int_equal(count(k, "sets/"), 0);
}

static void
files_of_a_set_that_lost_its_manifest_stay_where_needed(void **state)
{
	struct kit *k = *state;
	struct sweep_result r;

	put_files(k, 1);
	put_set(k, 2, NEEDS(1));
	k->now = (int64_t)time(NULL) + DAY;
	r = sweep(k, 0);
	assert_int_equal(r.runs, 0);
	assert_int_equal(r.needed, FILES);
	assert_int_equal(files_of(k, 1), FILES);
}

static void
strangers_are_left_alone(void **state)
{
	struct kit *k = *state;

	put_set(k, 1, NOTHING);
	kit_text(k, "sets/readme", "x");
	kit_text(k, "sets/2026/x", "x");
	kit_text(k, "other/x", "x");
	kit_text(k, "notes/x", "x");
	say(k, 1, NOTE_DELETED);
	assert_int_equal(sweep(k, 0).sets, 1);
	assert_true(there(k, "sets/readme") && there(k, "sets/2026/x") &&
	            there(k, "other/x") && there(k, "notes/x") &&
	            there(k, "repository.json"));
	assert_int_equal(count(k, ""), 5);
}

static void
only_one_is_swept_where_one_is_named(void **state)
{
	struct kit *k = *state;
	char folder[LAYOUT_FOLDER_SIZE];
	struct sweep_result r;
	struct err err = { 0 };

	put_set(k, 1, NOTHING);
	put_set(k, 2, NOTHING);
	say(k, 1, NOTE_DELETED);
	say(k, 2, NOTE_DELETED);
	assert_int_equal(sweep_run(k->repo,
	                     &(struct sweep_options){
	                         .only = folder_of(2, folder) },
	                     &r, &err),
	    0);
	assert_int_equal(r.sets, 1);
	assert_int_equal(files_of(k, 1), FILES + 3);
	assert_int_equal(files_of(k, 2), 0);
}

static void
what_one_needed_of_removed_sets_goes_with_it(void **state)
{
	struct kit *k = *state;
	char folder[LAYOUT_FOLDER_SIZE];
	struct sweep_result r;
	struct err err = { 0 };

	put_set(k, 1, NOTHING);
	put_set(k, 2, NEEDS(1));
	put_set(k, 3, NOTHING);
	say(k, 1, NOTE_DELETED);
	assert_int_equal(sweep(k, 0).needed, FILES);
	say(k, 2, NOTE_DELETED);
	say(k, 3, NOTE_DELETED);
	assert_int_equal(sweep_run(k->repo,
	                     &(struct sweep_options){
	                         .only = folder_of(2, folder) },
	                     &r, &err),
	    0);
	assert_int_equal(files_of(k, 1) + files_of(k, 2), 0);
	assert_int_equal(files_of(k, 3), FILES + 3);
}

static void
notes_on_nothing_go(void **state)
{
	struct kit *k = *state;

	put_set(k, 1, NOTHING);
	say(k, 1, NOTE_VERIFIED);
	say(k, 7, NOTE_VERIFIED);
	say(k, 7, NOTE_DELETED);
	(void)sweep(k, 0);
	assert_int_equal(count(k, "notes/"), 1);
}

/* --- a store that does not let go */

static struct store_ops stubborn_ops;
static const struct store_ops *plain_ops;
static const char *stubborn_key;
static enum err_code stubborn_code;

static int
stubborn_remove(struct store *st, const char *key, struct err *err)
{
	if (str_ends(key, stubborn_key))
		return err_set(err, stubborn_code, "test: '%s' stays", key);
	return plain_ops->remove(st, key, err);
}

static void
refuse(struct kit *k, const char *key, enum err_code code)
{
	plain_ops = k->store.ops;
	stubborn_ops = *plain_ops;
	stubborn_ops.remove = stubborn_remove;
	k->store.ops = &stubborn_ops;
	stubborn_key = key;
	stubborn_code = code;
}

static void
what_the_store_retains_is_counted_and_left(void **state)
{
	struct kit *k = *state;
	struct sweep_result r;

	put_set(k, 1, NOTHING);
	say(k, 1, NOTE_DELETED);
	refuse(k, "pack-000002.tar.zst", ERR_RETAINED);
	r = sweep(k, 0);
	assert_int_equal(r.sets, 1);
	assert_int_equal(r.retained, 1);
	assert_non_null(strstr(r.why_retained, "pack-000002"));
	assert_int_equal(files_of(k, 1), 1);
	assert_int_equal(count(k, "notes/"), 1);
	k->store.ops = plain_ops;
	r = sweep(k, 0);
	assert_int_equal(r.retained, 0);
	assert_int_equal(count(k, "sets/") + count(k, "notes/"), 0);
}

static void
a_set_whose_manifest_is_retained_stays_whole(void **state)
{
	struct kit *k = *state;
	struct sweep_result r;

	put_set(k, 1, NOTHING);
	put_set(k, 2, NEEDS(1));
	say(k, 1, NOTE_DELETED);
	say(k, 2, NOTE_DELETED);
	refuse(k, "00000002/manifest.json", ERR_RETAINED);
	r = sweep(k, 0);
	assert_int_equal(r.sets, 1);
	assert_int_equal(r.retained, 1);
	assert_int_equal(r.needed, FILES);
	assert_int_equal(files_of(k, 1), FILES);
	assert_int_equal(files_of(k, 2), FILES + 3);
	k->store.ops = plain_ops;
	assert_int_equal(sweep(k, 0).sets, 1);
	assert_int_equal(count(k, "sets/") + count(k, "notes/"), 0);
}

static void
a_right_that_is_missing_is_an_error(void **state)
{
	struct kit *k = *state;
	struct sweep_result r;
	struct err err;

	put_set(k, 1, NOTHING);
	say(k, 1, NOTE_DELETED);
	refuse(k, "", ERR_DENIED);
	assert_int_equal(try_sweep(k, 0, &r, &err), -1);
	assert_true(err_is(&err, ERR_DENIED));
	assert_int_equal(r.files, 0);
	assert_int_equal(files_of(k, 1), FILES + 3);
	k->store.ops = plain_ops;
}

/* --- killed anywhere */

/* Whatever has a manifest has all that it names. */
static void
check_whole(struct kit *k)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	struct err err = { 0 };

	assert_int_equal(repo_list(k->repo, &s, &err), 0);
	for (size_t i = 0; i < s.count; i++) {
		AUTO(manifest) struct manifest *m = NULL;
		const struct manifest_component *c;

		if (!s.set[i].committed)
			continue;
		assert_int_equal(repo_manifest(k->repo, s.set[i].folder, &m,
		                     &err),
		    0);
		c = &m->component[0];
		for (size_t n = 0; n < c->files.count; n++)
			assert_true(there(k, c->files.file[n].path));
		for (size_t n = 0; n < c->needs.count; n++)
			assert_true(there(k, c->needs.file[n].path));
	}
}

/* No set is shown as failed that was deleted. */
static void
check_honest(struct kit *k)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	struct err err = { 0 };

	assert_int_equal(repo_list(k->repo, &s, &err), 0);
	for (size_t i = 0; i < s.count; i++)
		assert_true(s.set[i].committed || s.set[i].deleted);
}

static void
a_sweep_may_end_at_any_operation(void **state)
{
	struct kit *k = *state;
	bool done = false;

	for (long n = 0; !done; n++) {
		struct sweep_result r;
		struct err err;

		put_set(k, 1, NOTHING);
		put_set(k, 2, NEEDS(1));
		put_set(k, 3, NEEDS(1, 2));
		put_set(k, 4, NEEDS(2));
		say(k, 1, NOTE_DELETED);
		say(k, 2, NOTE_HELD);
		say(k, 2, NOTE_RELEASED);
		say(k, 2, NOTE_DELETED);
		say(k, 3, NOTE_DELETED);
		k->now += 10;
		k->ops = 0;
		k->fail_code = ERR_TRANSIENT;
		k->fail_at = n;
		done = try_sweep(k, 0, &r, &err) == 0;
		k->fail_at = -1;
		check_whole(k);
		check_honest(k);
		(void)sweep(k, 0);
		assert_int_equal(files_of(k, 1) + files_of(k, 3), 0);
		assert_int_equal(files_of(k, 2), FILES);
		say(k, 4, NOTE_DELETED);
		k->now += 10;
		(void)sweep(k, 0);
		assert_int_equal(count(k, "sets/") + count(k, "notes/"), 0);
	}
}

/* --- a model: many sets, any order of marks, sweeps and deaths */

struct world {
	bool made[SETS], marked[SETS];
	bool needs[SETS][SETS];
};

static uint32_t
draw(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

/* On the newest set that is not marked: all that it has, or some of it. */
static void
make_set(struct kit *k, struct world *w, unsigned i, uint32_t *seed)
{
	int needs[SETS + 1], n = 0;
	unsigned base = i;

	while (base-- > 0)
		if (w->made[base] && !w->marked[base])
			break;
	for (unsigned b = 0; b <= base && base < i; b++) {
		if (b != base && !w->needs[base][b])
			continue;
		if (draw(seed, 3) == 0)
			continue;
		w->needs[i][b] = true;
		needs[n++] = (int)b;
	}
	needs[n] = -1;
	put_set(k, i, needs);
	w->made[i] = true;
}

static bool
is_needed(const struct world *w, unsigned b)
{
	for (unsigned i = 0; i < SETS; i++)
		if (w->made[i] && !w->marked[i] && w->needs[i][b])
			return true;
	return false;
}

static void
check_model(struct kit *k, const struct world *w)
{
	check_whole(k);
	check_honest(k);
	for (unsigned i = 0; i < SETS; i++) {
		unsigned want = !w->made[i]       ? 0
		                : !w->marked[i]   ? FILES + 3
		                : is_needed(w, i) ? FILES
		                                  : 0;

		assert_int_equal(files_of(k, i), want);
	}
}

static void
live(struct kit *k, uint32_t seed)
{
	struct world w = { 0 };
	struct sweep_result r;
	struct err err;

	for (unsigned i = 0; i < SETS; i++) {
		make_set(k, &w, i, &seed);
		for (unsigned n = draw(&seed, 3); n > 0; n--) {
			unsigned m = draw(&seed, i + 1);

			if (w.marked[m])
				continue;
			w.marked[m] = true;
			say(k, m, NOTE_DELETED);
		}
		k->now += 100;
		k->ops = 0;
		k->fail_at = (long)draw(&seed, 120);
		(void)try_sweep(k, 0, &r, &err);
		k->fail_at = -1;
		check_whole(k);
		if (draw(&seed, 2) == 0)
			continue;
		(void)sweep(k, 0);
		check_model(k, &w);
	}
}

static void
any_life_ends_as_the_model_says(void **state)
{
	struct kit *k = *state;

	k->fail_code = ERR_TRANSIENT;
	for (uint32_t seed = 1; seed <= 20; seed++) {
		struct err err = { 0 };

		live(k, seed);
		kit_done(k);
		assert_int_equal(kit_open(k, &err), 0);
		k->now = NOW;
	}
}

static void
every_allocation_may_fail(void **state)
{
	struct kit *k = *state;
	long fails = 0;

	for (;; fails++) {
		struct sweep_result r;
		struct err err;
		int rc;

		if (count(k, "sets/") == 0) {
			put_set(k, 1, NOTHING);
			put_set(k, 2, NEEDS(1));
			say(k, 1, NOTE_DELETED);
		}
		failalloc_at(fails);
		rc = try_sweep(k, 0, &r, &err);
		failalloc_at(-1);
		check_whole(k);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(fails > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_goes_without_a_mark),
		TEST(a_marked_set_goes_when_its_time_has_come),
		TEST(what_later_sets_need_stays_and_goes_with_them),
		TEST(a_held_set_stays),
		TEST(a_hold_saves_all_or_comes_too_late),
		TEST(a_manifest_that_cannot_be_read_stops_all),
		TEST(a_run_that_was_there_before_the_mark_keeps_the_set),
		TEST(a_silent_run_is_waited_for_as_long_as_the_grace_period),
		TEST(what_failed_runs_left_goes),
		TEST(files_of_a_set_that_lost_its_manifest_stay_where_needed),
		TEST(strangers_are_left_alone),
		TEST(only_one_is_swept_where_one_is_named),
		TEST(what_one_needed_of_removed_sets_goes_with_it),
		TEST(notes_on_nothing_go),
		TEST(what_the_store_retains_is_counted_and_left),
		TEST(a_set_whose_manifest_is_retained_stays_whole),
		TEST(a_right_that_is_missing_is_an_error),
		TEST(a_sweep_may_end_at_any_operation),
		TEST(any_life_ends_as_the_model_says),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
