#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/repo_kit.h"
#include "repo/notes.h"

#define ONE "2026-11-19T00:00:00Z-00000001"
#define TWO "2026-11-20T00:00:00Z-00000002"

enum { NOW = 1795192080 }; /* 2026-11-20T16:28:00Z */

static int
setup(void **state)
{
	if (kit_setup(state))
		return -1;
	((struct kit *)*state)->now = NOW;
	return 0;
}

static int
say(struct kit *k, const char *folder, enum note_kind kind, const char *details,
    struct err *err)
{
	return notes_add(k->repo,
	    &(struct note_new){ .folder = folder,
	        .kind = kind,
	        .details = details,
	        .by = "unit/0",
	        .tool = "platform-backup 0" },
	    err);
}

static void
add(struct kit *k, const char *folder, enum note_kind kind)
{
	struct err err = { 0 };

	assert_int_equal(say(k, folder, kind, NULL, &err), 0);
}

static struct notes
list(struct kit *k, const char *folder)
{
	struct notes n = { 0 };
	struct err err = { 0 };

	assert_int_equal(notes_list(k->repo, folder, &n, &err), 0);
	return n;
}

static struct notes_state
state_of(struct kit *k, const char *folder)
{
	AUTO(notes) struct notes n = list(k, NULL);
	struct notes_state s;

	notes_state(&n, folder, &s);
	return s;
}

static void
a_note_tells_kind_and_time_by_its_name(void **state)
{
	struct kit *k = *state;
	AUTO(notes) struct notes n = { 0 };

	add(k, TWO, NOTE_VERIFY_FAILED);
	n = list(k, NULL);
	assert_int_equal(n.count, 1);
	assert_string_equal(n.note[0].folder, TWO);
	assert_int_equal(n.note[0].kind, NOTE_VERIFY_FAILED);
	assert_int_equal(n.note[0].time, NOW);
	assert_memory_equal(n.note[0].key,
	    "notes/" TWO "/verify-failed-2026-11-20T16:28:00Z-",
	    sizeof "notes/" TWO "/verify-failed-2026-11-20T16:28:00Z-" - 1);
}

static void
each_kind_has_a_name_that_is_read_again(void **state)
{
	struct kit *k = *state;

	for (int i = NOTE_VERIFIED; i <= NOTE_DELETED; i++) {
		AUTO(notes) struct notes n = { 0 };

		add(k, ONE, (enum note_kind)i);
		n = list(k, ONE);
		assert_int_equal(n.count, i + 1);
		assert_int_equal(n.note[i].kind, i);
		assert_non_null(strstr(n.note[i].key,
		    notes_kind_name((enum note_kind)i)));
	}
}

static void
notes_come_by_set_and_then_by_time(void **state)
{
	struct kit *k = *state;
	AUTO(notes) struct notes n = { 0 }, one = { 0 };

	add(k, TWO, NOTE_VERIFIED);
	k->now = NOW + 10;
	add(k, ONE, NOTE_HELD);
	k->now = NOW + 20;
	add(k, ONE, NOTE_DRILLED);
	n = list(k, NULL);
	assert_int_equal(n.count, 3);
	assert_int_equal(n.note[0].kind, NOTE_HELD);
	assert_int_equal(n.note[1].kind, NOTE_DRILLED);
	assert_string_equal(n.note[2].folder, TWO);
	one = list(k, TWO);
	assert_int_equal(one.count, 1);
	assert_int_equal(one.note[0].kind, NOTE_VERIFIED);
}

static void
what_is_said_in_one_second_keeps_its_order(void **state)
{
	struct kit *k = *state;
	struct notes_state s;

	for (int i = 0; i < 5; i++) {
		add(k, ONE, NOTE_HELD);
		assert_true(state_of(k, ONE).held);
		add(k, ONE, NOTE_RELEASED);
		assert_false(state_of(k, ONE).held);
	}
	add(k, TWO, NOTE_DELETED);
	s = state_of(k, TWO);
	assert_int_equal(s.deleted, NOW); /* by its own set's notes only */
}

static void
a_note_from_far_ahead_is_not_followed(void **state)
{
	struct kit *k = *state;
	AUTO(notes) struct notes n = { 0 };

	kit_text(k, "notes/" ONE "/held-9999-12-31T23:59:59Z-00000000.json",
	    "{}");
	add(k, ONE, NOTE_VERIFIED);
	n = list(k, ONE);
	assert_int_equal(n.count, 2);
	assert_int_equal(n.note[0].time, NOW);
}

static void
the_newest_of_a_kind_counts(void **state)
{
	struct kit *k = *state;
	struct notes_state s = state_of(k, ONE);

	assert_false(s.held);
	assert_int_equal(s.verified + s.verify_failed + s.drilled +
	                     s.drill_failed + s.deleted,
	    0);
	add(k, ONE, NOTE_VERIFIED);
	add(k, ONE, NOTE_VERIFY_FAILED);
	add(k, ONE, NOTE_VERIFIED);
	add(k, ONE, NOTE_DRILLED);
	add(k, ONE, NOTE_DRILL_FAILED);
	add(k, ONE, NOTE_DELETED);
	s = state_of(k, ONE);
	assert_int_equal(s.verify_failed, NOW + 1);
	assert_int_equal(s.verified, NOW + 2);
	assert_int_equal(s.drilled, NOW + 3);
	assert_int_equal(s.drill_failed, NOW + 4);
	assert_int_equal(s.deleted, NOW + 5);
}

static void
a_hold_takes_back_the_mark_before_it(void **state)
{
	struct kit *k = *state;
	struct notes_state s;

	add(k, ONE, NOTE_DELETED);
	assert_int_equal(state_of(k, ONE).deleted, NOW);
	add(k, ONE, NOTE_HELD);
	s = state_of(k, ONE);
	assert_int_equal(s.deleted, 0);
	assert_true(s.held);
	add(k, ONE, NOTE_RELEASED);
	assert_int_equal(state_of(k, ONE).deleted, 0);
	add(k, ONE, NOTE_DELETED);
	assert_int_equal(state_of(k, ONE).deleted, NOW + 3);
}

static void
of_one_second_the_hold_counts_last(void **state)
{
	struct kit *k = *state;
	struct notes_state s;

	kit_text(k, "notes/" ONE "/deleted-2026-11-20T00:00:00Z-00000000.json",
	    "{}");
	kit_text(k, "notes/" ONE "/held-2026-11-20T00:00:00Z-00000000.json",
	    "{}");
	kit_text(k, "notes/" ONE "/released-2026-11-20T00:00:00Z-00000000.json",
	    "{}");
	s = state_of(k, ONE);
	assert_true(s.held);
	assert_int_equal(s.deleted, 0);
}

static void
other_names_are_left_out(void **state)
{
	struct kit *k = *state;
	AUTO(notes) struct notes n = { 0 };

	kit_text(k, "notes/readme", "");
	kit_text(k, "notes/" ONE "/held.json", "{}");
	kit_text(k, "notes/" ONE "/seen-2026-11-20T00:00:00Z-00000000.json",
	    "{}");
	kit_text(k, "notes/" ONE "/held-2026-11-20T00:00:00Z-00000000.txt",
	    "{}");
	kit_text(k, "notes/" ONE "/held-2026-11-31T00:00:00Z-00000000.json",
	    "{}");
	kit_text(k, "notes/" ONE "/x/held-2026-11-20T00:00:00Z-00000000.json",
	    "{}");
	n = list(k, NULL);
	assert_int_equal(n.count, 0);
	assert_null(n.note);
}

static void
details_come_back_as_they_were(void **state)
{
	struct kit *k = *state;
	AUTO(notes) struct notes n = { 0 };
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	assert_int_equal(say(k, ONE, NOTE_DRILLED,
	                     "{\"objects\":3,\"why\":\"caf\xc3\xa9\"}", &err),
	    0);
	add(k, ONE, NOTE_HELD);
	n = list(k, ONE);
	assert_int_equal(notes_details(k->repo, &n.note[0], &b, &err), 0);
	assert_string_equal(b.data, "{\"objects\":3,\"why\":\"caf\xc3\xa9\"}");
	buf_clear(&b);
	assert_int_equal(notes_details(k->repo, &n.note[1], &b, &err), 0);
	assert_int_equal(b.len, 0);
}

static void
the_file_says_of_which_set_it_is_and_who_wrote_it(void **state)
{
	struct kit *k = *state;
	AUTO(notes) struct notes n = { 0 };
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err err = { 0 };

	add(k, TWO, NOTE_DELETED);
	n = list(k, TWO);
	assert_int_equal(store_get_bytes(k->inner, n.note[0].key, &b, &err), 0);
	assert_string_equal(b.data,
	    "{\n"
	    "  \"format\": 1,\n"
	    "  \"kind\": \"deleted\",\n"
	    "  \"time\": \"2026-11-20T16:28:00Z\",\n"
	    "  \"backup-id\": \"2026-11-20T00:00:00Z\",\n"
	    "  \"folder\": \"" TWO "\",\n"
	    "  \"by\": \"unit/0\",\n"
	    "  \"tool\": \"platform-backup 0\"\n"
	    "}\n");
}

static void
a_damaged_note_is_named(void **state)
{
	static const char *const bad[] = { "{", "[]", "{\"details\": 1}", "" };
	struct kit *k = *state;
	const char *key =
	    "notes/" ONE "/held-2026-11-20T00:00:00Z-00000000.json";

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO(notes) struct notes n = { 0 };
		AUTO(buf) struct buf b = { .max = 4096 };
		struct err err = { 0 };

		assert_int_equal(k->inner->ops->remove(k->inner, key, &err), 0);
		kit_text(k, key, bad[i]);
		n = list(k, ONE);
		assert_int_equal(n.count, 1); /* its name is enough */
		assert_int_equal(notes_details(k->repo, &n.note[0], &b, &err),
		    -1);
		assert_true(err_is(&err, ERR_CORRUPT));
		assert_non_null(strstr(err.msg, key));
	}
}

static void
a_note_on_what_is_no_set_is_refused(void **state)
{
	struct kit *k = *state;
	struct err err = { 0 };

	assert_int_equal(say(k, "../../etc", NOTE_HELD, NULL, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
}

static void
errors_of_the_store_come_through(void **state)
{
	struct kit *k = *state;
	bool done = false;

	k->fail_code = ERR_REMOTE;
	for (long n = 0; !done; n++) {
		struct err err = { 0 };

		k->ops = 0;
		k->fail_at = n;
		done = say(k, ONE, NOTE_HELD, NULL, &err) == 0;
		k->fail_at = -1;
		assert_true(done || err_is(&err, ERR_REMOTE));
		assert_true(done || strstr(err.msg, "held"));
		assert_true(n > 1 || !done);
	}
}

/* So that the next time is the same again. */
static void
forget(struct kit *k)
{
	AUTO(notes) struct notes n = list(k, NULL);
	struct err err = { 0 };

	for (size_t i = 0; i < n.count; i++)
		assert_int_equal(k->inner->ops->remove(k->inner, n.note[i].key,
		                     &err),
		    0);
}

static int
all_of_it(struct kit *k, struct err *err)
{
	AUTO(notes) struct notes n = { 0 };
	AUTO(buf) struct buf b = { .max = 4096 };

	if (say(k, ONE, NOTE_VERIFIED, "{\"a\":1}", err) ||
	    notes_list(k->repo, NULL, &n, err))
		return -1;
	return notes_details(k->repo, &n.note[0], &b, err);
}

static void
every_allocation_may_fail(void **state)
{
	struct kit *k = *state;
	long fails = 0;

	for (;; fails++) {
		struct err err = { 0 };
		int rc;

		failalloc_at(fails);
		rc = all_of_it(k, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
		forget(k);
	}
	assert_true(fails >= 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_note_tells_kind_and_time_by_its_name),
		TEST(each_kind_has_a_name_that_is_read_again),
		TEST(notes_come_by_set_and_then_by_time),
		TEST(what_is_said_in_one_second_keeps_its_order),
		TEST(a_note_from_far_ahead_is_not_followed),
		TEST(the_newest_of_a_kind_counts),
		TEST(a_hold_takes_back_the_mark_before_it),
		TEST(of_one_second_the_hold_counts_last),
		TEST(other_names_are_left_out),
		TEST(details_come_back_as_they_were),
		TEST(the_file_says_of_which_set_it_is_and_who_wrote_it),
		TEST(a_damaged_note_is_named),
		TEST(a_note_on_what_is_no_set_is_refused),
		TEST(errors_of_the_store_come_through),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("notes", tests, NULL, NULL);
}
