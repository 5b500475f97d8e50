#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "base/json.h"
#include "cmd/report.h"

static char name_a[] = "mlmd", type_a[] = "sqlite", name_b[] = "mlpipeline",
            type_b[] = "bucket", id[] = "2026-11-20T16:28:00Z",
            label[] = "before upgrade", parent[] = "2026-11-19T16:28:00Z",
            message[] = "2 of its objects could not be read",
            missing_a[] = "SQL databases", set_name[] = "kubeflow";
static char *missing[] = { missing_a };

static struct manifest_component components[] = {
	{ .name = name_a,
	    .type = type_a,
	    .objects = 1,
	    .bytes = 8192,
	    .stored_bytes = 1000,
	    .seconds = 0.25,
	    .new_objects = 1 },
	{ .name = name_b,
	    .type = type_b,
	    .status = MANIFEST_DEGRADED,
	    .message = message,
	    .objects = 20000,
	    .bytes = 336000000,
	    .stored_bytes = 1,
	    .seconds = 7,
	    .gone = 3 },
};

static struct manifest set = {
	.id = id,
	.name = set_name,
	.label = label,
	.parent = parent,
	.started = 1795192080,
	.finished = 1795192087,
	.component = components,
	.ncomponents = 2,
	.missing = missing,
	.nmissing = 1,
};

static void
a_set_has_the_words_of_the_interface(void **state)
{
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	AUTO(json) struct json *j = NULL;
	const struct json *c;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_set_json(&set, &out, &err), 0);
	assert_int_equal(json_parse(out.data, out.len, &j, &err), 0);
	assert_string_equal(json_opt_str(j, "backup-id"), id);
	assert_string_equal(json_opt_str(j, "backup-type"), "incremental");
	assert_string_equal(json_opt_str(j, "backup-status"), "incomplete");
	assert_string_equal(json_opt_str(j, "label"), "before upgrade");
	assert_string_equal(json_opt_str(j, "started"), "2026-11-20T16:28:00Z");
	c = json_next(json_first(json_opt(j, "components")));
	assert_string_equal(json_opt_str(c, "name"), "mlpipeline");
	assert_string_equal(json_opt_str(c, "type"), "bucket");
	assert_string_equal(json_opt_str(c, "status"), "degraded");
	assert_string_equal(json_opt_str(c, "message"), message);
	assert_int_equal(json_opt_u64(c, "objects"), 20000);
	assert_int_equal(json_opt_u64(c, "bytes"), 336000000);
	assert_int_equal(json_opt_u64(c, "stored-bytes"), 1);
	assert_int_equal(json_opt_u64(c, "seconds"), 7);
	assert_string_equal(json_text(json_first(json_opt(j, "not-in-set"))),
	    "SQL databases");
}

static struct listing_line lines[] = {
	{ .id = "2026-11-18T00:00:00Z", .status = "failed" },
	{ .id = "2026-11-20T16:28:00Z",
	    .status = "incomplete",
	    .manifest = &set },
	{ .id = "2026-11-21T00:00:00Z", .status = "in progress" },
};

static const struct listing listing = { .line = lines, .count = 3 };

static void
the_table_is_that_of_the_database_charms(void **state)
{
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_list_table(&listing, false, &out, &err), 0);
	assert_string_equal(out.data,
	    "backup-id             | backup-type  | backup-status\n"
	    "----------------------------------------------------\n"
	    "2026-11-18T00:00:00Z  | -            | failed\n"
	    "2026-11-20T16:28:00Z  | incremental  | incomplete\n"
	    "2026-11-21T00:00:00Z  | -            | in progress\n");
}

static void
a_list_is_an_array_with_the_newest_last(void **state)
{
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	AUTO(json) struct json *j = NULL;
	const struct json *v;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_list_json(&listing, &out, &err), 0);
	assert_int_equal(json_parse(out.data, out.len, &j, &err), 0);
	assert_true(json_is_array(j));
	assert_int_equal(json_count(j), 3);
	v = json_first(j);
	assert_string_equal(json_opt_str(v, "backup-status"), "failed");
	assert_int_equal(json_count(json_opt(v, "components")), 0);
	v = json_next(v);
	assert_int_equal(json_count(json_opt(v, "components")), 2);
	v = json_next(v);
	assert_string_equal(json_opt_str(v, "backup-status"), "in progress");
}

static void
what_was_said_since_stands_in_the_list(void **state)
{
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	AUTO(buf) struct buf json = { .max = REPORT_MAX };
	AUTO(buf) struct buf text = { .max = REPORT_MAX };
	const int64_t now = 1795192080;
	struct listing_line line = { .id = "2026-11-20T16:28:00Z",
		.status = "incomplete",
		.manifest = &set,
		.notes = { .verified = now - 200000,
		    .drilled = now - 7300,
		    .drill_failed = now - 200 } };
	const struct listing one = { .line = &line, .count = 1, .now = now };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_list_table(&one, true, &out, &err), 0);
	assert_non_null(strstr(out.data,
	    "mlpipeline (before upgrade) | verified 2 d ago, drilled FAILED "
	    "3 min ago\n"));
	assert_int_equal(report_list_json(&one, &json, &err), 0);
	assert_non_null(strstr(json.data,
	    "\"verified\": \"2026-11-18T08:54:40Z\""));
	assert_non_null(strstr(json.data,
	    "\"drill-failed\": \"2026-11-20T16:24:40Z\""));
	assert_null(strstr(json.data, "verify-failed"));
	line.notes.drill_failed = line.notes.verified = 0;
	assert_int_equal(report_notes_text(&line.notes, now, &text, &err), 0);
	assert_string_equal(text.data, "  drilled 2 h ago\n");
	buf_clear(&text);
	line.notes.drilled = 0;
	assert_int_equal(report_notes_text(&line.notes, now, &text, &err), 0);
	assert_int_equal(text.len, 0);
}

static void
a_verification_names_what_is_damaged(void **state)
{
	static char file_a[] = "sets/x/a", why_a[] = "'sets/x/a' is missing",
	            file_b[] = "sets/x/manifest.json", why_b[] = "damaged";
	struct verify_problem p[] = { { file_a, name_b, why_a },
		{ file_b, NULL, why_b } };
	struct verify_set s[] = { { .id = "2026-11-19T16:28:00Z", .files = 2 },
		{ .id = "2026-11-20T16:28:00Z",
		    .files = 7,
		    .bytes = 1024,
		    .problem = p,
		    .named = 2,
		    .problems = 5 } };
	struct verify_result r = { .set = s, .count = 2, .problems = 5 };
	AUTO(buf) struct buf json = { .max = REPORT_MAX };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	AUTO(json) struct json *j = NULL;
	const struct json *v;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_verify_text(&r, &out, &err), 0);
	assert_string_equal(out.data,
	    "2026-11-19T16:28:00Z  ok       2 files (0 B), 0 of them read "
	    "(0 B)\n"
	    "2026-11-20T16:28:00Z  DAMAGED  7 files (1.0 KiB), 0 of them read "
	    "(0 B)\n"
	    "  mlpipeline: 'sets/x/a' is missing\n"
	    "  the set: damaged\n"
	    "  and 3 more\n");
	assert_int_equal(report_verify_json(&r, &json, &err), 0);
	assert_int_equal(json_parse(json.data, json.len, &j, &err), 0);
	assert_string_equal(json_opt_str(j, "verify-status"), "damaged");
	v = json_next(json_first(json_opt(j, "sets")));
	assert_int_equal(json_opt_u64(v, "problem-count"), 5);
	v = json_first(json_opt(v, "problems"));
	assert_string_equal(json_opt_str(v, "file"), file_a);
	assert_string_equal(json_opt_str(v, "component"), name_b);
	assert_string_equal(json_opt_str(v, "problem"), why_a);
}

static void
a_drill_says_what_was_seen(void **state)
{
	static char seen[] = "integrity_check says ok", bad[] = "it is cut",
	            refs[] = "7 found";
	struct drill_part p[] = { { name_a, type_a, DRILL_OK, seen, 0.5 },
		{ name_b, type_b, DRILL_FAILED, bad, 1 } };
	const struct drill_result r = { .part = p,
		.count = 2,
		.references = DRILL_SKIPPED,
		.references_words = refs };
	AUTO(buf) struct buf json = { .max = REPORT_MAX };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	AUTO(json) struct json *j = NULL;
	const struct json *c;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_drill_text(id, &r, &out, &err), 0);
	assert_string_equal(out.data,
	    "2026-11-20T16:28:00Z  drill FAILED\n"
	    "  mlmd                 sqlite     ok      integrity_check says "
	    "ok\n"
	    "  mlpipeline           bucket     failed  it is cut\n"
	    "  references                      skipped 7 found\n");
	assert_int_equal(report_drill_json(id, &r, &json, &err), 0);
	assert_int_equal(json_parse(json.data, json.len, &j, &err), 0);
	assert_string_equal(json_opt_str(j, "drill-status"), "failed");
	c = json_next(json_first(json_opt(j, "components")));
	assert_string_equal(json_opt_str(c, "status"), "failed");
	assert_string_equal(json_opt_str(c, "result"), "it is cut");
	c = json_opt(j, "references");
	assert_string_equal(json_opt_str(c, "status"), "skipped");
}

static void
a_restore_that_failed_says_how_far_it_came(void **state)
{
	struct restore_part parts[] = {
		{ .name = name_b, .type = type_b, .begun = true, .written = 7 },
		{ .name = name_a, .type = type_a },
	};
	struct restore_result r = { .part = parts, .count = 2 };
	struct err why = { .msg = "component 'mlpipeline': broken" };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	AUTO(json) struct json *j = NULL;
	const struct json *c;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_restore_json(id, false, &r, &why, &out, &err),
	    0);
	assert_int_equal(json_parse(out.data, out.len, &j, &err), 0);
	assert_string_equal(json_opt_str(j, "restore-status"), "failed");
	assert_string_equal(json_opt_str(j, "message"), why.msg);
	c = json_first(json_opt(j, "components"));
	assert_string_equal(json_opt_str(c, "status"), "failed");
	assert_int_equal(json_opt_u64(c, "written"), 7);
	assert_string_equal(json_opt_str(json_next(c), "status"), "not begun");
}

static void
a_check_tells_each_line(void **state)
{
	static char repo[] = "repository", text[] = "room for 3 GiB",
	            bad[] = "access denied";
	struct check_line line[] = {
		{ .name = repo, .ok = true, .message = text },
		{ .name = name_b, .ok = false, .message = bad },
	};
	struct check_result r = { .line = line, .count = 2 };
	AUTO(buf) struct buf json = { .max = REPORT_MAX };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	AUTO(json) struct json *j = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_check_text(&r, &out, &err), 0);
	assert_string_equal(out.data,
	    "ok      repository           room for 3 GiB\n"
	    "FAILED  mlpipeline           access denied\n");
	assert_int_equal(report_check_json(&r, &json, &err), 0);
	assert_int_equal(json_parse(json.data, json.len, &j, &err), 0);
	assert_string_equal(json_opt_str(j, "check-status"), "failed");
	assert_int_equal(json_count(json_opt(j, "checks")), 2);
}

/* --- memory and room that are not there */

static char words[] = "words", uri[] = "s3://b/k";
static char *uris[] = { uri };
static struct manifest whole;
static const struct notes_state said = {
	.verified = 7, .drill_failed = 8, .deleted = 9, .held = true
};
static struct verify_problem problem[] = { { words, words, words } };
static struct verify_set verified_set[] = { { .id = "2026-11-19T16:28:00Z",
    .problem = problem,
    .named = 1,
    .problems = 2 } };
static const struct verify_result verified = {
	.set = verified_set, .count = 1, .problems = 2
};
static struct drill_part drilled_part[] = { { words, words, DRILL_OK, words,
    1 } };
static const struct drill_result drilled = { .part = drilled_part,
	.count = 1,
	.references = DRILL_OK,
	.references_words = words };
static struct restore_part restored_part[] = { { .name = words,
    .type = words,
    .done = true,
    .notes = { words },
    .nnotes = 1 } };
static const struct restore_result restored = { .part = restored_part,
	.count = 1 };
static struct check_line checked_line[] = { { words, true, words } };
static const struct check_result checked = {
	.line = checked_line, .count = 1, .ok = true
};

static int
set_json(struct buf *b, struct err *err)
{
	return report_noted_json(&whole, &said, b, err);
}

static int
set_text(struct buf *b, struct err *err)
{
	return report_noted_text(&whole, &said, b, err);
}

static int
notes_text(struct buf *b, struct err *err)
{
	return report_notes_text(&said, 100, b, err);
}

static int
list_json(struct buf *b, struct err *err)
{
	return report_list_json(&listing, b, err);
}

static int
list_table(struct buf *b, struct err *err)
{
	struct listing_line line = { .status = "failed",
		.manifest = &whole,
		.notes = said,
		.message = words };
	const struct listing one = { .line = &line, .count = 1, .now = 100 };

	return report_list_table(&one, true, b, err);
}

static int
verify_json(struct buf *b, struct err *err)
{
	return report_verify_json(&verified, b, err);
}

static int
verify_text(struct buf *b, struct err *err)
{
	return report_verify_text(&verified, b, err);
}

static int
drill_json(struct buf *b, struct err *err)
{
	return report_drill_json(id, &drilled, b, err);
}

static int
drill_text(struct buf *b, struct err *err)
{
	return report_drill_text(id, &drilled, b, err);
}

static int
restore_json(struct buf *b, struct err *err)
{
	return report_restore_json(id, false, &restored, NULL, b, err);
}

static int
restore_text(struct buf *b, struct err *err)
{
	return report_restore_text(id, true, &restored, b, err);
}

static int
check_json(struct buf *b, struct err *err)
{
	return report_check_json(&checked, b, err);
}

static int
check_text(struct buf *b, struct err *err)
{
	return report_check_text(&checked, b, err);
}

static int
manifest_json(struct buf *b, struct err *err)
{
	static char text[] = "{\n  \"backup-status\": \"finished\",\n}\n";
	const struct buf m = { .data = text, .len = sizeof text - 1 };

	return report_noted_manifest(&m, &said, b, err);
}

static int (*const reports[])(struct buf *, struct err *) = { set_json,
	set_text, notes_text, list_json, list_table, verify_json, verify_text,
	drill_json, drill_text, restore_json, restore_text, check_json,
	check_text, manifest_json };

enum { REPORTS = sizeof reports / sizeof *reports };

static int
setup(void **state)
{
	(void)state;
	whole = set;
	whole.references = (struct manifest_references){ .checked = true,
		.found = 1,
		.dangling_uris = uris,
		.ndangling_uris = 1,
		.lost_uris = uris,
		.nlost_uris = 1 };
	return 0;
}

static void
references_that_lead_nowhere_are_listed(void **state)
{
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(set_text(&out, &err), 0);
	assert_non_null(strstr(out.data, "    lost: s3://b/k\n"));
	assert_non_null(strstr(out.data, "    dangling: s3://b/k\n"));
}

static void
each_allocation_of_each_report_may_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < REPORTS; i++) {
		int rc = -1;

		for (long n = 0; rc; n++) {
			AUTO(buf) struct buf out = { .max = REPORT_MAX };
			struct err err = { 0 };

			failalloc_at(n);
			rc = reports[i](&out, &err);
			failalloc_at(-1);
			assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
			assert_true(rc || n > 0);
		}
	}
}

/* Wherever the limit is met, it is told, and kept to. */
static void
each_report_keeps_to_its_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < REPORTS; i++) {
		AUTO(buf) struct buf all = { .max = REPORT_MAX };
		struct err err = { 0 };

		assert_int_equal(reports[i](&all, &err), 0);
		for (size_t max = 0; max < all.len; max++) {
			AUTO(buf) struct buf out = { .max = max };

			err = (struct err){ 0 };
			assert_int_equal(reports[i](&out, &err), -1);
			assert_true(err_is(&err, ERR_CORRUPT));
			assert_true(out.len <= max);
		}
	}
}

static void
a_marked_or_held_set_says_so(void **state)
{
	const struct notes_state marked = { .deleted = 1 },
	                         held = { .held = true }, none = { 0 };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_noted_json(&set, &marked, &out, &err), 0);
	assert_non_null(strstr(out.data, "\"backup-status\": \"deleted\""));
	assert_null(strstr(out.data, "\"held\""));
	buf_clear(&out);
	assert_int_equal(report_noted_json(&set, &held, &out, &err), 0);
	assert_non_null(strstr(out.data, "\"held\": true"));
	assert_non_null(strstr(out.data, "\"incomplete\""));
	buf_clear(&out);
	assert_int_equal(report_noted_text(&set, &held, &out, &err), 0);
	assert_non_null(strstr(out.data, "incomplete, held"));
	buf_clear(&out);
	assert_int_equal(report_noted_text(&set, &none, &out, &err), 0);
	assert_null(strstr(out.data, "held"));
}

static void
a_manifest_is_shown_as_it_is_unless_there_is_more_to_say(void **state)
{
	static char text[] = "{\n  \"format\": 1,\n"
	                     "  \"backup-status\": \"finished\",\n"
	                     "  \"x\": 1\n}\n";
	const struct buf m = { .data = text, .len = sizeof text - 1 };
	const struct notes_state both = { .deleted = 1, .held = true },
	                         none = { 0 }, held = { .held = true };
	AUTO(buf) struct buf out = { .max = 4096 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(report_noted_manifest(&m, &none, &out, &err), 0);
	assert_string_equal(out.data, text);
	buf_clear(&out);
	assert_int_equal(report_noted_manifest(&m, &held, &out, &err), 0);
	assert_string_equal(out.data,
	    "{\n  \"format\": 1,\n  \"backup-status\": \"finished\",\n"
	    "  \"held\": true,\n  \"x\": 1\n}\n");
	buf_clear(&out);
	assert_int_equal(report_noted_manifest(&m, &both, &out, &err), 0);
	assert_string_equal(out.data,
	    "{\n  \"format\": 1,\n  \"backup-status\": \"deleted\",\n"
	    "  \"held\": true,\n  \"x\": 1\n}\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_marked_or_held_set_says_so),
		cmocka_unit_test(
		    a_manifest_is_shown_as_it_is_unless_there_is_more_to_say),
		cmocka_unit_test(a_set_has_the_words_of_the_interface),
		cmocka_unit_test(the_table_is_that_of_the_database_charms),
		cmocka_unit_test(a_list_is_an_array_with_the_newest_last),
		cmocka_unit_test(what_was_said_since_stands_in_the_list),
		cmocka_unit_test(a_verification_names_what_is_damaged),
		cmocka_unit_test(a_drill_says_what_was_seen),
		cmocka_unit_test(a_restore_that_failed_says_how_far_it_came),
		cmocka_unit_test(a_check_tells_each_line),
		cmocka_unit_test(references_that_lead_nowhere_are_listed),
		cmocka_unit_test(each_allocation_of_each_report_may_fail),
		cmocka_unit_test(each_report_keeps_to_its_limit),
	};

	return cmocka_run_group_tests_name("report", tests, setup, NULL);
}
