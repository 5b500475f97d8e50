#include "cmd/report_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/sample.h"
#include "../lib/share_kit.h"
#include "base/json.h"

enum { TEXT_MAX = 64 << 10 };

static int
setup(void **state)
{
	struct workers_result *r = calloc(1, sizeof *r);
	struct err err = { 0 };

	*state = r;
	if (!r || share_kit_share(1, &r->share, &err))
		return -1;
	memcpy(r->id, SAMPLE_ID, sizeof r->id);
	return 0;
}

static int
teardown(void **state)
{
	workers_result_done(*state);
	free(*state);
	return 0;
}

static const char *
status(const struct workers_result *r, char out[32])
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	AUTO(json) struct json *j = NULL;
	const char *text;
	struct err err = { 0 };

	assert_int_equal(report_worker_json(r, &b, &err), 0);
	assert_int_equal(json_parse(b.data, b.len, &j, &err), 0);
	assert_int_equal(json_str(j, "share-status", &text, &err), 0);
	(void)snprintf(out, 32, "%s", text);
	if (r->share) {
		assert_int_equal(json_opt_u64(j, "worker"), 1);
		assert_int_equal(json_opt_u64(j, "workers"), 3);
		assert_int_equal(json_count(json_opt(j, "components")), 1);
	}
	return out;
}

static void
share_is_told_with_what_is_in_it(void **state)
{
	struct workers_result *r = *state;
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	char out[32];
	struct err err = { 0 };

	assert_string_equal(status(r, out), "saved");
	assert_int_equal(report_worker_text(r, &b, &err), 0);
	assert_non_null(strstr(b.data,
	    "set " SAMPLE_ID ": share 1 of 3 saved\n"));
	assert_non_null(strstr(b.data, "mlpipeline"));
	assert_non_null(strstr(b.data, "12 objects, 5.0 TiB, 2 new"));
	assert_non_null(strstr(b.data, "    1 object could not be read\n"));
	r->was_there = true;
	assert_string_equal(status(r, out), "was there");
}

static void
set_that_is_finished_needs_no_share(void **state)
{
	struct workers_result *r = *state;
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	char out[32];
	struct err err = { 0 };

	share_free(r->share);
	r->share = NULL;
	assert_string_equal(status(r, out), "joined");
	assert_int_equal(report_worker_text(r, &b, &err), 0);
	assert_string_equal(b.data,
	    "set " SAMPLE_ID ": has its manifest already\n");
}

static void
every_allocation_may_fail(void **state)
{
	long n = 0;
	int rc;

	do {
		AUTO(buf) struct buf b = { .max = TEXT_MAX };
		struct err err = { 0 };

		failalloc_at(n);
		rc = report_worker_json(*state, &b, &err) ||
		     report_worker_text(*state, &b, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
	} while (rc && ++n < 100);
	assert_in_range(n, 1, 99);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    share_is_told_with_what_is_in_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    set_that_is_finished_needs_no_share, setup, teardown),
		cmocka_unit_test_setup_teardown(every_allocation_may_fail,
		    setup, teardown),
	};

	return cmocka_run_group_tests_name("report_worker", tests, NULL, NULL);
}
