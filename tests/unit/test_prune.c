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
#include "../lib/sparse.h"
#include "base/buf.h"
#include "base/date.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/prune.h"

enum { NOW = 1795192080, DAY = 86400, MOST = 2000, KEY = 128 };

/* A repository of so many sets, a day between them, the last a day ago. */
struct bench {
	struct kit kit;
	struct config config;
	struct prune_options o;
	struct prune_result r;
	char id[8][LAYOUT_ID_SIZE];
	size_t count;
	struct buf said; /* warnings */
};

static void
hear(void *ctx, enum log_level level, const char *line)
{
	struct bench *b = ctx;
	struct err err = { 0 };

	(void)level;
	/* what is said without memory is not heard */
	(void)(buf_puts(&b->said, line, &err) ||
	       buf_puts(&b->said, "\n", &err));
}

static void
save(struct bench *b, int64_t when)
{
	struct err err = { 0 };

	b->kit.now = when;
	assert_int_equal(kit_save(&b->kit, b->id[b->count++], &err), 0);
	b->kit.now = NOW;
}

static void
start(struct bench *b, size_t sets)
{
	struct err err = { 0 };

	b->count = 0;
	assert_int_equal(kit_open(&b->kit, &err), 0);
	for (size_t i = sets; i > 0; i--)
		save(b, NOW - (int64_t)i * DAY);
	b->kit.now = NOW;
	b->config = (struct config){ .retention_given = true,
		.retention = { .last = 2, .grace = DAY } };
	b->o = (struct prune_options){ .repo = b->kit.repo,
		.config = &b->config,
		.clock = &b->kit.clock,
		.tool = "test",
		.by = "unit/0" };
}

static void
stop(struct bench *b)
{
	prune_result_done(&b->r);
	kit_done(&b->kit);
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	assert_non_null(b);
	b->said.max = 1 << 16;
	log_to(hear, b, LOG_WARNING);
	start(b, 3);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	stop(b);
	buf_done(&b->said);
	free(b);
	return 0;
}

static int
run(struct bench *b, struct err *err)
{
	prune_result_done(&b->r);
	*err = (struct err){ 0 };
	return prune_run(&b->o, &b->r, err);
}

static void
prune(struct bench *b)
{
	struct err err;

	if (run(b, &err))
		fail_msg("%s", err.msg);
}

static void
refused(struct bench *b, enum err_code code, const char *words)
{
	struct err err;

	assert_int_equal(run(b, &err), -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.msg, words))
		fail_msg("'%s'", err.msg);
	assert_int_equal(b->r.marked, 0);
}

static void
decides(const struct bench *b, size_t i, bool keep, const char *reason)
{
	assert_true(i < b->r.count);
	assert_int_equal(b->r.line[i].keep, keep);
	if (!strstr(b->r.line[i].reason, reason))
		fail_msg("'%s'", b->r.line[i].reason);
}

static bool
marked(struct bench *b, size_t i)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	struct err err = { 0 };

	assert_int_equal(repo_list(b->kit.repo, &s, &err), 0);
	for (size_t k = 0; k < s.count; k++)
		if (strcmp(s.set[k].id, b->id[i]) == 0)
			return s.set[k].deleted;
	return false;
}

static bool
whole(struct bench *b, size_t i)
{
	struct err err = { 0 };

	return kit_check(&b->kit, b->id[i], &err) == 0;
}

static void
folder_of(struct bench *b, size_t i, char ret[LAYOUT_FOLDER_SIZE])
{
	struct err err = { 0 };

	assert_int_equal(repo_folder(b->kit.repo, b->id[i], ret, &err), 0);
}

static void
key_of(struct bench *b, size_t i, const char *file, char key[KEY])
{
	char folder[LAYOUT_FOLDER_SIZE];

	folder_of(b, i, folder);
	(void)snprintf(key, KEY, "sets/%s/%s", folder, file);
}

static void
put(struct bench *b, const char *key, const char *text)
{
	struct store *st = b->kit.inner;
	struct err err = { 0 };

	assert_int_equal(st->ops->remove(st, key, &err), 0);
	assert_int_equal(store_put_bytes(st, key, text, strlen(text), &err), 0);
}

static void
say(struct bench *b, size_t i, enum note_kind kind)
{
	char folder[LAYOUT_FOLDER_SIZE];
	struct err err = { 0 };
	const struct note_new n = {
		.folder = folder, .kind = kind, .by = "t", .tool = "t"
	};

	folder_of(b, i, folder);
	assert_int_equal(notes_add(b->kit.repo, &n, &err), 0);
}

/* A run that began `ago` seconds before the machine's time, which is the
 * store's from now on. */
static void
begin_run(struct bench *b, int64_t ago, char key[KEY])
{
	char id[LAYOUT_ID_SIZE];

	b->kit.now = (int64_t)time(NULL);
	date_iso(b->kit.now - ago, id);
	(void)snprintf(key, KEY, "sets/%s-0123abcd/open.json", id);
	put(b, key, "{}");
}

/* --- by rules */

static void
a_retention_without_rules_deletes_nothing(void **state)
{
	struct bench *b = *state;

	b->config.retention = (struct config_retention){ 0 };
	refused(b, ERR_USAGE, "'retention' has no rule that keeps a set");
	assert_int_equal(b->r.count, 0);
}

static void
without_a_retention_every_set_stays(void **state)
{
	struct bench *b = *state;

	b->config = (struct config){ 0 };
	prune(b);
	assert_int_equal(b->r.count, 3);
	for (size_t i = 0; i < 3; i++)
		decides(b, i, true, "there are no rules");
	assert_int_equal(b->r.marked + b->r.swept.sets, 0);
}

static void
what_no_rule_keeps_is_marked_and_goes_after_the_grace_period(void **state)
{
	struct bench *b = *state;

	prune(b);
	assert_int_equal(b->r.count, 3);
	assert_string_equal(b->r.line[0].id, b->id[0]);
	decides(b, 0, false, "no rule keeps it");
	decides(b, 1, true, "last");
	decides(b, 2, true, "last");
	assert_int_equal(b->r.marked, 1);
	assert_int_equal(b->r.swept.sets, 0);
	assert_true(marked(b, 0) && !marked(b, 1));
	assert_true(whole(b, 0));

	prune(b); /* again: it is marked already */
	assert_int_equal(b->r.marked, 0);
	decides(b, 0, false, "marked, its files go from 2026-11-21T16:28:00Z");
	b->kit.now += DAY + 2;
	prune(b);
	assert_int_equal(b->r.swept.sets, 1);
	assert_false(whole(b, 0));
	assert_true(whole(b, 1) && whole(b, 2));
	prune(b);
	assert_int_equal(b->r.count, 2);
}

static void
now_does_without_the_grace_period(void **state)
{
	struct bench *b = *state;

	b->o.now = true;
	prune(b);
	assert_int_equal(b->r.marked, 1);
	assert_int_equal(b->r.swept.sets, 1);
	assert_false(whole(b, 0));
}

static void
a_dry_run_says_the_same_and_changes_nothing(void **state)
{
	struct bench *b = *state;

	b->o.dry_run = true;
	kit_reset(&b->kit);
	prune(b);
	decides(b, 0, false, "no rule keeps it");
	assert_int_equal(b->r.marked, 1);
	assert_string_equal(b->r.refused, "");
	assert_false(marked(b, 0));
	assert_int_equal(b->kit.count[KIT_PUT] + b->kit.count[KIT_REMOVE] +
	                     b->kit.count[KIT_SWEEP],
	    0);
}

static void
a_dry_run_tells_why_it_would_be_refused(void **state)
{
	struct bench *b = *state;

	b->config.retention.last = 1; /* two of three would go */
	b->o.dry_run = true;
	prune(b);
	assert_non_null(strstr(b->r.refused, "2 of 3"));
	assert_int_equal(b->r.marked, 2);
	b->o.dry_run = false;
	refused(b, ERR_REFUSED, "2 of 3");
	assert_int_equal(b->r.count, 3); /* and still says why */
	assert_false(marked(b, 0) || marked(b, 1));
	b->o.allow = RETENTION_HALF;
	prune(b);
	assert_int_equal(b->r.marked, 2);
	assert_true(marked(b, 0) && marked(b, 1) && !marked(b, 2));
}

static void
a_note_from_the_future_stops_all(void **state)
{
	struct bench *b = *state;

	b->kit.now = NOW + 2 * DAY;
	say(b, 2, NOTE_VERIFIED);
	b->kit.now = NOW;
	refused(b, ERR_REFUSED, "the newest note");
	b->o.allow = RETENTION_CLOCK;
	prune(b);
	assert_true(marked(b, 0));
}

static void
what_was_proved_last_stays(void **state)
{
	struct bench *b = *state;

	say(b, 0, NOTE_VERIFIED);
	b->o.dry_run = true;
	prune(b);
	decides(b, 0, true, "");
	b->kit.now += 10;
	say(b, 0, NOTE_DRILL_FAILED);
	prune(b);
	decides(b, 0, false, "no rule keeps it");
	b->kit.now += 10;
	say(b, 0, NOTE_DRILLED);
	prune(b);
	decides(b, 0, true, "");
	b->kit.now += 10;
	say(b, 0, NOTE_VERIFY_FAILED);
	prune(b);
	decides(b, 0, false, "no rule keeps it");
	say(b, 0, NOTE_HELD);
	prune(b);
	decides(b, 0, true, "held");
}

static void
an_unreadable_manifest_stops_all_and_is_named(void **state)
{
	struct bench *b = *state;
	char key[KEY], folder[LAYOUT_FOLDER_SIZE], words[200];
	struct prune_deleted d;
	struct err err = { 0 };

	key_of(b, 0, "manifest.json", key);
	folder_of(b, 0, folder);
	put(b, key, "{");
	(void)snprintf(words, sizeof words,
	    "nothing is deleted, as the manifest of set %s cannot be read "
	    "('delete %s' takes it away)",
	    b->id[0], folder);
	refused(b, ERR_CORRUPT, words);
	assert_int_equal(prune_delete(&b->o, folder, &d, &err), 0);
	prune(b);
	decides(b, 0, false, "marked");
}

static void
what_a_failed_run_left_is_told(void **state)
{
	struct bench *b = *state;
	char key[KEY];

	b->config = (struct config){ .retention.grace = DAY };
	begin_run(b, DAY, key);
	prune(b);
	assert_int_equal(b->r.count, 4);
	decides(b, 3, true, "there are no rules"); /* in progress */
	b->kit.now += REPO_DEAD_S + 10;
	prune(b);
	decides(b, 3, false, "left over by a failed run, its files go from ");
	assert_int_equal(b->r.swept.runs, 0);
	b->kit.now += DAY;
	prune(b);
	assert_int_equal(b->r.swept.runs, 1);
}

static void
a_key_that_may_not_remove_still_marks(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	bool denied = false;

	b->o.now = true;
	b->kit.fail_code = ERR_DENIED;
	for (long n = 0; !denied && n < MOST; n++) {
		unsigned before = b->kit.count[KIT_REMOVE];

		b->kit.ops = 0;
		b->kit.fail_at = n;
		if (run(b, &err) == 0)
			fail_msg("no removal was denied");
		denied = b->kit.count[KIT_REMOVE] > before;
	}
	assert_true(err_is(&err, ERR_DENIED));
	assert_non_null(strstr(err.msg,
	    "sets are marked, but their files cannot be removed: prune with a "
	    "key that may delete"));
	assert_true(marked(b, 0));
}

static void
unfinished_uploads_of_dead_runs_are_thrown_away(void **state)
{
	struct bench *b = *state;
	char key[KEY];

	b->config = (struct config){ .retention.grace = DAY };
	begin_run(b, DAY, key);
	b->kit.now += REPO_DEAD_S + 10;
	kit_reset(&b->kit);
	prune(b);
	assert_int_equal(b->r.uploads, 0);
	assert_int_equal(b->kit.count[KIT_SWEEP], 0); /* nobody looks */
	b->kit.unfinished = true;
	b->kit.ops = 0;
	prune(b);
	assert_int_equal(b->r.uploads, 1);
	b->kit.fail_at = b->kit.ops - 1; /* the last operation */
	b->kit.ops = 0;
	prune(b); /* no failure */
	assert_int_equal(b->r.uploads, 0);
	assert_non_null(strstr(b->said.data, "left-over uploads stay: set '"));
}

/* --- one set */

static int
delete_of(struct bench *b, const char *id, struct prune_deleted *d,
    struct err *err)
{
	*err = (struct err){ 0 };
	return prune_delete(&b->o, id, d, err);
}

static void
not_deleted(struct bench *b, const char *id, enum err_code code,
    const char *words)
{
	struct prune_deleted d;
	struct err err;

	assert_int_equal(delete_of(b, id, &d, &err), -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.msg, words))
		fail_msg("'%s'", err.msg);
}

static void
a_set_deleted_by_hand_goes_after_the_grace_period(void **state)
{
	struct bench *b = *state;
	struct prune_deleted d;
	struct err err;

	assert_int_equal(delete_of(b, b->id[1], &d, &err), 0);
	assert_string_equal(d.id, b->id[1]);
	assert_int_equal(d.files_go, NOW + DAY);
	assert_true(marked(b, 1) && whole(b, 1));
	b->o.now = true; /* a second thought */
	assert_int_equal(delete_of(b, b->id[1], &d, &err), 0);
	assert_int_equal(d.files_go, 0);
	assert_int_equal(d.swept.sets, 1);
	assert_false(whole(b, 1));
	not_deleted(b, b->id[1], ERR_NOTFOUND, "there is no backup");
	assert_true(whole(b, 0) && whole(b, 2));
}

static void
a_set_that_is_not_there_is_not_deleted(void **state)
{
	not_deleted(*state, "2020-01-01T00:00:00Z", ERR_NOTFOUND,
	    "there is no backup '2020-01-01T00:00:00Z'");
}

static void
of_two_sets_with_one_id_the_folder_decides(void **state)
{
	struct bench *b = *state;
	char key[KEY], other[KEY], words[200];
	char folder[LAYOUT_FOLDER_SIZE];
	struct prune_deleted d;
	struct err err;

	key_of(b, 0, "manifest.json", key);
	folder_of(b, 0, folder);
	(void)snprintf(other, sizeof other, "sets/%s-ffffffff/manifest.json",
	    b->id[0]);
	put(b, other, "{}");
	(void)snprintf(words, sizeof words,
	    "there are two backups '%s': say '%s' or '%s-ffffffff'", b->id[0],
	    folder, b->id[0]);
	not_deleted(b, b->id[0], ERR_USAGE, words);
	assert_int_equal(delete_of(b, folder, &d, &err), 0);
	assert_string_equal(d.id, b->id[0]);
}

static void
a_held_set_is_not_deleted(void **state)
{
	struct bench *b = *state;
	char id[LAYOUT_ID_SIZE], words[100];
	struct prune_deleted d;
	struct err err = { 0 };

	assert_int_equal(prune_hold(&b->o, b->id[0], true, id, &err), 0);
	assert_string_equal(id, b->id[0]);
	(void)snprintf(words, sizeof words, "set %s is held: 'release %s'", id,
	    id);
	not_deleted(b, id, ERR_REFUSED, words);
	assert_int_equal(prune_hold(&b->o, id, false, id, &err), 0);
	assert_int_equal(delete_of(b, id, &d, &err), 0);
	/* and a hold takes it back */
	assert_int_equal(prune_hold(&b->o, id, true, id, &err), 0);
	assert_false(marked(b, 0));
}

static void
a_run_in_progress_is_neither_deleted_nor_held(void **state)
{
	struct bench *b = *state;
	char key[KEY], id[LAYOUT_ID_SIZE], folder[LAYOUT_FOLDER_SIZE];
	struct store_stat st;
	struct prune_deleted d;
	struct err err = { 0 };

	begin_run(b, 60, key);
	(void)snprintf(folder, sizeof folder, "%.29s", key + strlen("sets/"));
	not_deleted(b, folder, ERR_REFUSED, "is in progress");
	assert_int_equal(prune_hold(&b->o, folder, true, id, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_non_null(strstr(err.msg, "is in progress"));
	b->kit.now += REPO_DEAD_S + 10;
	assert_int_equal(prune_hold(&b->o, folder, true, id, &err), -1);
	assert_non_null(strstr(err.msg, "is failed"));
	b->o.now = true;
	assert_int_equal(delete_of(b, folder, &d, &err), 0);
	assert_int_equal(d.swept.files, 1);
	assert_int_equal(b->kit.inner->ops->stat(b->kit.inner, key, &st, &err),
	    -1);
}

/* One that is marked, unfinished, damaged or of a newer program is no other. */
static void
the_last_finished_set_is_deleted_only_by_name(void **state)
{
	struct bench *b = *state;
	char key[KEY];
	struct prune_deleted d;
	struct err err;

	assert_int_equal(delete_of(b, b->id[0], &d, &err), 0);
	key_of(b, 2, "manifest.json", key);
	put(b, key, "{");
	begin_run(b, 60, key);
	not_deleted(b, b->id[1], ERR_REFUSED,
	    "is the last finished set; say '--allow last' to delete it");
	assert_false(marked(b, 1));
	b->o.allow = RETENTION_LAST;
	assert_int_equal(delete_of(b, b->id[1], &d, &err), 0);
	assert_true(marked(b, 1));
}

/* A sweep was quicker. */
static void
take_manifest(struct kit *k, const char *key)
{
	struct err err = { 0 };

	(void)key;
	assert_int_equal(k->inner->ops->remove(k->inner, k->arg, &err), 0);
}

static void
a_hold_that_comes_too_late_is_told(void **state)
{
	struct bench *b = *state;
	char key[KEY], id[LAYOUT_ID_SIZE], words[64];
	struct err err = { 0 };

	(void)snprintf(words, sizeof words,
	    "set %s is being deleted: ", b->id[0]);
	key_of(b, 0, "manifest.json", key);
	put(b, key, "{"); /* damaged, yet there */
	assert_int_equal(prune_hold(&b->o, b->id[0], true, id, &err), 0);
	b->kit.on_put = take_manifest;
	b->kit.arg = key;
	assert_int_equal(prune_hold(&b->o, b->id[0], true, id, &err), -1);
	assert_true(str_starts(err.msg, words));
}

/* --- what goes wrong */

enum what { RUN, DELETE, DELETE_LATER, HOLD, RELEASE };

static int
act(struct bench *b, enum what what, struct err *err)
{
	char id[LAYOUT_ID_SIZE];
	struct prune_deleted d;

	switch (what) {
	case RUN:
		return run(b, err);
	case DELETE:
	case DELETE_LATER:
		return delete_of(b, b->id[0], &d, err);
	case HOLD:
	case RELEASE:
		break;
	}
	return prune_hold(&b->o, b->id[0], what == HOLD, id, err);
}

/* Whatever happened: who comes next finishes it, and the others are whole. */
static void
finish(struct bench *b, enum what what)
{
	struct err err = { 0 };

	kit_reset(&b->kit);
	b->kit.now += 10;
	if (act(b, what, &err) && !err_is(&err, ERR_NOTFOUND))
		fail_msg("%s", err.msg);
	assert_int_equal(whole(b, 0), what > DELETE);
	assert_true(whole(b, 1) && whole(b, 2));
}

static void
anew(struct bench *b)
{
	stop(b);
	start(b, 3);
	kit_reset(&b->kit);
}

/* Before the next attempt: what was taken away is there again. */
static void
again(struct bench *b, enum what what)
{
	if (b->kit.count[KIT_PUT] > 0 && what != DELETE_LATER) {
		finish(b, what);
		anew(b);
	}
	kit_reset(&b->kit);
	buf_clear(&b->said);
	b->o.now = what <= DELETE;
}

static void
each_operation_of_the_store_may_fail(void **state)
{
	struct bench *b = *state;

	for (enum what what = RUN; what <= RELEASE; what++) {
		bool over = false;

		anew(b);
		for (long n = 0; !over; n = sparse_next(n)) {
			struct err err = { 0 };
			bool quiet;
			int rc;

			again(b, what);
			b->kit.fail_at = n;
			rc = act(b, what, &err);
			over = b->kit.ops <= n;
			/* then all runs are looked at */
			quiet = over || b->kit.failed == KIT_UNFINISHED;
			assert_int_equal(rc == 0, quiet || b->said.len > 0);
			assert_true(rc == 0 || err_is(&err, ERR_IO));
			assert_in_range(n, 0, MOST);
		}
		finish(b, what);
	}
}

static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;

	for (enum what what = RUN; what <= RELEASE; what++) {
		long n = 0;
		int rc = -1;

		anew(b);
		for (; (rc || b->said.len > 0) && n < MOST;
		     n = sparse_next(n)) {
			struct err err = { 0 };

			again(b, what);
			failalloc_at(n);
			rc = act(b, what, &err);
			failalloc_at(-1);
			assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		}
		assert_in_range(n, 10, MOST - 1);
		finish(b, what);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_retention_without_rules_deletes_nothing),
		TEST(without_a_retention_every_set_stays),
		TEST(
		    what_no_rule_keeps_is_marked_and_goes_after_the_grace_period),
		TEST(now_does_without_the_grace_period),
		TEST(a_dry_run_says_the_same_and_changes_nothing),
		TEST(a_dry_run_tells_why_it_would_be_refused),
		TEST(a_note_from_the_future_stops_all),
		TEST(what_was_proved_last_stays),
		TEST(an_unreadable_manifest_stops_all_and_is_named),
		TEST(what_a_failed_run_left_is_told),
		TEST(a_key_that_may_not_remove_still_marks),
		TEST(unfinished_uploads_of_dead_runs_are_thrown_away),
		TEST(a_set_deleted_by_hand_goes_after_the_grace_period),
		TEST(a_set_that_is_not_there_is_not_deleted),
		TEST(of_two_sets_with_one_id_the_folder_decides),
		TEST(a_held_set_is_not_deleted),
		TEST(a_run_in_progress_is_neither_deleted_nor_held),
		TEST(the_last_finished_set_is_deleted_only_by_name),
		TEST(a_hold_that_comes_too_late_is_told),
		TEST(each_operation_of_the_store_may_fail),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("prune", tests, NULL, NULL);
}
