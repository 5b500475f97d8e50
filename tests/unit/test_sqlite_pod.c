#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "../lib/pod_kit.h"
#include "../lib/sqlite_kit.h"
#include "base/file.h"
#include "component/sqlite_pod.h"

#define MACHINE "aarch64"
#define LINE64 \
	"ok 1234567890123456789012345678901234567890123456789012345678901"

struct world {
	char dir[KIT_PATH], file[KIT_PATH];
	struct pod_kit kit;
	int64_t locked_ms;
	struct err err;
};

static void
begin(struct world *w, const struct pod_run *runs)
{
	*w = (struct world){ 0 };
	kit_dir(w->dir);
	(void)kit_path(w->file, w->dir, "copy");
	pod_kit_begin_with_helper(&w->kit, MACHINE, runs);
}

static void
scope_world(struct world *w)
{
	pod_kit_end(&w->kit);
	kit_remove(w->dir);
}

static int
copy(struct world *w)
{
	return sqlite_pod_copy(&w->kit.cfg, w->file, &w->locked_ms, &w->err);
}

static void
fails_with(const struct world *w, int rc, enum err_code code, const char *words)
{
	assert_int_equal(rc, -1);
	if (!err_is(&w->err, code) || !strstr(w->err.msg, words))
		fail_msg("%d %s", w->err.code, w->err.msg);
}

/* --- a copy that comes */

static void
a_copy_comes_in_pieces_of_any_size(void **state)
{
	static const char *const prints[][POD_KIT_PRINTS] = {
		{ "ok 5 7\nhelloend\n" },
		{ "ok 5 7\n", "hel", "lo", "end\n" },
		{ "ok ", "5 7\nhelloe", "nd", "\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof prints / sizeof *prints; i++) {
		struct pod_run runs[2] = { { .target =
			                         "command=backup&command="
			                         "%2Fdata%2Fm.db&command="
			                         "2000&command=%2Ftmp" } };
		AUTO(buf) struct buf got = { .max = 100 };
		AUTO(world) struct world w;

		memcpy(runs->prints, prints[i], sizeof runs->prints);
		begin(&w, runs);
		if (copy(&w))
			fail_msg("%zu: %s", i, w.err.msg);
		pod_kit_check(&w.kit);
		assert_int_equal(w.locked_ms, 7);
		assert_int_equal(file_read(w.file, &got, &w.err), 0);
		assert_int_equal(got.len, 5);
		assert_memory_equal(got.data, "hello", 5);
	}
}

static void
what_is_no_copy_is_refused(void **state)
{
	static const char *const prints[] = {
		"hello\n",
		"ok 5\n",
		"ok five 7\n",
		"ok 5 seven\n",
		"ok 0 7\n",
		LINE64 " 7\n",
		"ok 5 7\nhelloend\nmore",
	};

	(void)state;
	for (size_t i = 0; i < sizeof prints / sizeof *prints; i++) {
		const struct pod_run runs[] = { { .target = "command=backup",
			                            .prints = { prints[i] } },
			POD_KIT_REMOVED, { 0 } };
		AUTO(world) struct world w;

		begin(&w, runs);
		fails_with(&w, copy(&w), ERR_REMOTE,
		    "what comes from the pod is not a copy of a database");
		pod_kit_check(&w.kit);
	}
}

static void
half_of_a_copy_is_not_taken_for_one(void **state)
{
	static const char *const prints[] = { NULL, "ok 5 7", "ok 5 7\nhel",
		"ok 5 7\nhello", "ok 5 7\nhelloEND\n" };

	(void)state;
	for (size_t i = 0; i < sizeof prints / sizeof *prints; i++) {
		const struct pod_run runs[] = { { .target = "command=backup",
			                            .prints = { prints[i] } },
			{ 0 } };
		AUTO(world) struct world w;

		begin(&w, runs);
		fails_with(&w, copy(&w), ERR_TRANSIENT,
		    "the copy from the pod is not whole");
		pod_kit_check(&w.kit);
	}
}

static void
a_copy_that_has_no_room_here_is_told(void **state)
{
	static const struct pod_run runs[] = {
		{ .target = "command=backup",
		    .prints = { "ok 5 7\nhelloend\n" } },
		POD_KIT_REMOVED, { 0 }
	};
	AUTO(world) struct world w;

	(void)state;
	begin(&w, runs);
	kit_write(w.file, "", 0);
	fails_with(&w, copy(&w), ERR_EXISTS, "cannot make ");
	assert_int_equal(unlink(w.file), 0);
	failcall_from("write", 0, ENOSPC);
	fails_with(&w, copy(&w), ERR_NOROOM, "the copy");
	assert_true(failcall_end());
	pod_kit_check(&w.kit);
}

/* --- one that goes */

static void
a_database_goes_whole_and_its_note_comes_back(void **state)
{
	static const struct pod_run runs[] = {
		{ .target = "command=restore&command=%2Fdata%2Fm.db&command="
		            "2000&command=5&command=%2Ftmp",
		    .reads = "hello",
		    .reads_more = "end\n",
		    .prints = { "ok the old one ", "was damaged\n" } },
		{ 0 }
	};
	AUTO(buf) struct buf note = { .max = 100 };
	AUTO(world) struct world w;

	(void)state;
	begin(&w, runs);
	kit_write(w.file, "hello", 5);
	if (sqlite_pod_load(&w.kit.cfg, w.file, &note, &w.err))
		fail_msg("%s", w.err.msg);
	pod_kit_check(&w.kit);
	assert_string_equal(note.data, "the old one was damaged");
}

static void
a_file_that_is_not_there_is_named(void **state)
{
	static const struct pod_run none[] = { { 0 } };
	AUTO(buf) struct buf note = { .max = 100 };
	AUTO(world) struct world w;
	int rc;

	(void)state;
	begin(&w, none);
	rc = sqlite_pod_load(&w.kit.cfg, w.file, &note, &w.err);
	fails_with(&w, rc, ERR_NOTFOUND, w.file);
}

/* --- one line */

static void
what_would_be_saved_or_replaced_is_told(void **state)
{
	static const struct pod_run saved[] = {
		{ .target = "command=check&command=%2Fdata%2Fm.db&command=%2Ft",
		    .prints = { "ok 28.0 KiB\n" } },
		{ 0 }
	};
	static const struct pod_run replaced[] = {
		{ .target = "command=accept&command=%2Fdata%2Fm.db HTTP/",
		    .prints = { "ok 9 tables\n" } },
		{ 0 }
	};

	(void)state;
	for (int restore = 0; restore < 2; restore++) {
		AUTO(buf) struct buf detail = { .max = 100 };
		AUTO(world) struct world w;

		begin(&w, restore ? replaced : saved);
		if (sqlite_pod_check(&w.kit.cfg, restore, &detail, &w.err))
			fail_msg("%s", w.err.msg);
		pod_kit_check(&w.kit);
		assert_string_equal(detail.data,
		    restore ? "9 tables" : "28.0 KiB");
	}
}

static void
half_of_an_answer_is_refused(void **state)
{
	static const char *const prints[] = { NULL, "ok", "ok 28.0",
		"no answer\n" };

	(void)state;
	for (size_t i = 0; i < sizeof prints / sizeof *prints; i++) {
		const struct pod_run runs[] = { { .target = "command=check",
			                            .prints = { prints[i] } },
			{ 0 } };
		AUTO(buf) struct buf detail = { .max = 100 };
		AUTO(world) struct world w;
		int rc;

		begin(&w, runs);
		rc = sqlite_pod_check(&w.kit.cfg, false, &detail, &w.err);
		fails_with(&w, rc, ERR_REMOTE, "half of an answer");
		assert_int_equal(detail.len, 0);
	}
}

static void
every_allocation_may_fail(void **state)
{
	static const struct pod_run runs[] = {
		{ .target = "command=check", .prints = { "ok x\n" } }, { 0 }
	};
	long n = 0;

	(void)state;
	for (;; n++) {
		AUTO(buf) struct buf detail = { .max = 100 };
		AUTO(world) struct world w;
		int rc;

		begin(&w, runs);
		failalloc_at(n);
		rc = sqlite_pod_check(&w.kit.cfg, false, &detail, &w.err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		if (!err_is(&w.err, ERR_NOMEM))
			fail_msg("%ld: %d %s", n, w.err.code, w.err.msg);
	}
	assert_true(n > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_comes_in_pieces_of_any_size),
		cmocka_unit_test(what_is_no_copy_is_refused),
		cmocka_unit_test(half_of_a_copy_is_not_taken_for_one),
		cmocka_unit_test(a_copy_that_has_no_room_here_is_told),
		cmocka_unit_test(a_database_goes_whole_and_its_note_comes_back),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(what_would_be_saved_or_replaced_is_told),
		cmocka_unit_test(half_of_an_answer_is_refused),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sqlite_pod", tests, NULL, NULL);
}
