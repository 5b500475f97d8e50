#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "base/json.h"
#include "cmd/report_prune.h"

static struct prune_line lines[] = {
	{ .id = "2026-11-19T16:28:00Z", .reason = "no rule keeps it" },
	{ .id = "2026-11-20T16:28:00Z",
	    .keep = true,
	    .reason = "newest finished set" },
};

static const struct prune_result all = {
	.line = lines,
	.count = 2,
	.marked = 1,
	.refused = "a clock",
	.swept = { .sets = 3,
	    .runs = 1,
	    .files = 40,
	    .bytes = 2048,
	    .needed = 5,
	    .retained = 6,
	    .why_retained = "until 2027",
	    .waiting = 2,
	    .run = "2026-11-20T16:30:00Z",
	    .held = 1 },
	.uploads = 9,
};

static const struct prune_result nothing = { .line = lines, .count = 1 };

static void
a_prune_has_the_words_of_the_interface(void **state)
{
	AUTO(buf) struct buf out = { .max = 1 << 20 };
	AUTO(json) struct json *j = NULL;
	const struct json *set;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_prune_json(&all, true, &out, &err), 0);
	assert_int_equal(json_parse(out.data, out.len, &j, &err), 0);
	assert_string_equal(json_opt_str(j, "prune-status"), "dry run");
	assert_string_equal(json_opt_str(j, "refused"), "a clock");
	set = json_first(json_opt(j, "sets"));
	assert_string_equal(json_opt_str(set, "backup-id"),
	    "2026-11-19T16:28:00Z");
	assert_string_equal(json_opt_str(set, "decision"), "delete");
	assert_string_equal(json_opt_str(set, "reason"), "no rule keeps it");
	assert_string_equal(json_opt_str(json_next(set), "decision"), "keep");
	assert_int_equal(json_opt_u64(j, "marked"), 1);
	assert_int_equal(json_opt_u64(j, "removed-sets"), 3);
	assert_int_equal(json_opt_u64(j, "removed-runs"), 1);
	assert_int_equal(json_opt_u64(j, "removed-files"), 40);
	assert_int_equal(json_opt_u64(j, "removed-bytes"), 2048);
	assert_int_equal(json_opt_u64(j, "needed-files"), 5);
	assert_int_equal(json_opt_u64(j, "retained-files"), 6);
	assert_string_equal(json_opt_str(j, "retained"), "until 2027");
	assert_int_equal(json_opt_u64(j, "waiting-sets"), 2);
	assert_string_equal(json_opt_str(j, "waiting-for"),
	    "2026-11-20T16:30:00Z");
	assert_int_equal(json_opt_u64(j, "removed-uploads"), 9);
}

static void
people_read_what_was_done_and_why(void **state)
{
	AUTO(buf) struct buf out = { .max = 1 << 20 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_prune_text(&all, false, &out, &err), 0);
	assert_string_equal(out.data,
	    "2026-11-19T16:28:00Z  delete  no rule keeps it\n"
	    "2026-11-20T16:28:00Z  keep    newest finished set\n"
	    "would be refused: a clock\n"
	    "marked: 1 sets\n"
	    "removed: 3 sets, 40 files, 2.0 KiB\n"
	    "removed: what 1 failed runs left\n"
	    "5 files stay, as later sets need them\n"
	    "2 sets are kept for a run in progress (2026-11-20T16:30:00Z); the "
	    "next prune removes them\n"
	    "1 sets were held meanwhile, and stay\n"
	    "6 files are retained by the store, for a later prune: until 2027\n"
	    "removed: 9 unfinished uploads\n");
	buf_clear(&out);
	assert_int_equal(report_prune_text(&nothing, true, &out, &err), 0);
	assert_string_equal(out.data,
	    "2026-11-19T16:28:00Z  delete  no rule keeps it\n"
	    "dry run, nothing was changed: 0 sets would be marked\n");
}

static void
a_deletion_says_when_the_files_go(void **state)
{
	const struct prune_deleted marked = { .id = "2026-11-20T16:28:00Z",
		.files_go = 1795192080 };
	const struct prune_deleted gone = { .id = "2026-11-20T16:28:00Z",
		.swept = { .sets = 1, .files = 2 } };
	const struct prune_deleted waits = { .swept = { .waiting = 1 } };
	const struct prune_deleted kept = { .swept = { .retained = 1 } };
	AUTO(buf) struct buf out = { .max = 1 << 20 };
	struct err err = { 0 };

	(void)state;
	assert_string_equal(report_prune_deleted_status(&marked), "marked");
	assert_string_equal(report_prune_deleted_status(&gone), "deleted");
	assert_string_equal(report_prune_deleted_status(&waits), "waiting");
	assert_string_equal(report_prune_deleted_status(&kept), "retained");
	assert_int_equal(report_prune_deleted_json(&marked, &out, &err), 0);
	assert_non_null(strstr(out.data,
	    "\"files-go\": \"2026-11-20T16:28:00Z\""));
	buf_clear(&out);
	assert_int_equal(report_prune_deleted_json(&gone, &out, &err), 0);
	assert_null(strstr(out.data, "files-go"));
	buf_clear(&out);
	assert_int_equal(report_prune_deleted_text(&marked, &out, &err), 0);
	assert_non_null(strstr(out.data, "from 2026-11-20T16:28:00Z on"));
	buf_clear(&out);
	assert_int_equal(report_prune_deleted_text(&gone, &out, &err), 0);
	assert_string_equal(out.data,
	    "2026-11-20T16:28:00Z  deleted\nremoved: 1 sets, 2 files, 0 B\n");
}

static void
a_hold_is_told(void **state)
{
	AUTO(buf) struct buf out = { .max = 1 << 20 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_prune_held_json("x", true, &out, &err), 0);
	assert_string_equal(out.data,
	    "{\n  \"backup-id\": \"x\",\n  \"held\": true\n}\n");
	buf_clear(&out);
	assert_int_equal(report_prune_held_text("x", false, &out, &err), 0);
	assert_string_equal(out.data, "x  released\n");
}

static int
text(int which, struct buf *out, struct err *err)
{
	const struct prune_deleted gone = { .swept = all.swept };

	return which < 2 ? report_prune_text(&all, which, out, err)
	                 : report_prune_deleted_text(&gone, out, err);
}

/* Wherever the limit is met, it is told, and kept to. */
static void
each_text_keeps_to_its_limit(void **state)
{
	(void)state;
	for (int which = 0; which < 3; which++) {
		AUTO(buf) struct buf whole = { .max = 1 << 20 };
		struct err err = { 0 };

		assert_int_equal(text(which, &whole, &err), 0);
		for (size_t max = 0; max < whole.len; max++) {
			AUTO(buf) struct buf out = { .max = max };

			assert_int_equal(text(which, &out, &err), -1);
			assert_true(err_is(&err, ERR_CORRUPT));
			assert_true(out.len <= max);
		}
	}
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;

	(void)state;
	for (;; fails++) {
		AUTO(buf) struct buf out = { .max = 1 << 20 };
		struct err err = { 0 };
		int rc;

		failalloc_at(fails);
		rc = report_prune_json(&all, false, &out, &err) ||
		     report_prune_text(&all, false, &out, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(fails >= 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prune_has_the_words_of_the_interface),
		cmocka_unit_test(people_read_what_was_done_and_why),
		cmocka_unit_test(a_deletion_says_when_the_files_go),
		cmocka_unit_test(a_hold_is_told),
		cmocka_unit_test(each_text_keeps_to_its_limit),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("report_prune", tests, NULL, NULL);
}
