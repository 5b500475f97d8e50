#include "cmd/action_prune.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "../lib/repo_kit.h"
#include "base/str.h"

enum { NOW = 1795192080, DAY = 86400 };

struct bench {
	struct kit kit;
	struct config config;
	struct session s;
	struct json *params;
	char id[3][LAYOUT_ID_SIZE];
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct err err = { 0 };

	assert_non_null(b);
	assert_int_equal(kit_open(&b->kit, &err), 0);
	for (size_t i = 0; i < 3; i++) {
		b->kit.now = NOW - (int64_t)(3 - i) * DAY;
		assert_int_equal(kit_save(&b->kit, b->id[i], &err), 0);
	}
	b->kit.now = NOW;
	b->config = (struct config){ .retention_given = true,
		.retention = { .last = 1, .grace = DAY } };
	b->s = (struct session){ .config = &b->config,
		.repo = b->kit.repo,
		.clock = &b->kit.clock,
		.by = "pb/0" };
	faketool_setup();
	faketool_add("action-set", "");
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	faketool_teardown();
	json_free(b->params);
	kit_done(&b->kit);
	free(b);
	return 0;
}

/* {"key": "value", …}: '%' stands for the id of the oldest set. */
static void
give(struct bench *b, const char *params)
{
	AUTO(buf) struct buf text = { .max = 4096 };
	struct err err = { 0 };

	for (; *params; params++)
		assert_int_equal(*params == '%'
		                     ? buf_puts(&text, b->id[0], &err)
		                     : buf_add(&text, params, 1, &err),
		    0);
	json_free(b->params);
	b->params = NULL;
	assert_int_equal(json_parse(text.data, text.len, &b->params, &err), 0);
}

enum what { PRUNE, DELETE, HOLD, RELEASE };

static int
act(struct bench *b, enum what what, struct err *err)
{
	switch (what) {
	case PRUNE:
		return action_prune_run(&b->s, b->params, err);
	case DELETE:
		return action_prune_delete(&b->s, b->params, err);
	case HOLD:
	case RELEASE:
		break;
	}
	return action_prune_hold(&b->s, b->params, what == HOLD, err);
}

static char *
done(struct bench *b, enum what what)
{
	struct err err = { 0 };

	free(faketool_calls());
	if (act(b, what, &err))
		fail_msg("%s", err.msg);
	return faketool_calls();
}

static void
refused(struct bench *b, enum what what, enum err_code code, const char *words)
{
	AUTO(free) char *calls = NULL;
	struct err err = { 0 };

	free(faketool_calls());
	assert_int_equal(act(b, what, &err), -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.msg, words))
		fail_msg("'%s'", err.msg);
	calls = faketool_calls();
	assert_string_equal(calls, ""); /* no result */
}

static void
has(const char *calls, const char *words)
{
	if (!strstr(calls, words))
		fail_msg("'%s' is not in '%s'", words, calls);
}

static void
prune_says_what_went_and_why(void **state)
{
	struct bench *b = *state;
	AUTO(free) char *dry = NULL, *calls = NULL;

	give(b, "{}");
	refused(b, PRUNE, ERR_REFUSED, "2 of 3");
	give(b, "{\"dry-run\":true,\"allow\":\"half\"}");
	dry = done(b, PRUNE);
	has(dry, "action-set [prune-status=dry run]\n");
	has(dry, "  delete  no rule keeps it\n");
	assert_int_equal(b->kit.count[KIT_REMOVE], 0);
	give(b, "{\"allow\":\"clock, half\",\"now\":true}");
	calls = done(b, PRUNE);
	has(calls, "action-set [prune-status=finished]\n");
	has(calls, "removed: 2 sets");
}

static void
delete_says_when_the_files_go(void **state)
{
	struct bench *b = *state;
	AUTO(free) char *marked = NULL, *gone = NULL;

	give(b, "{\"backup-id\":\"%\"}");
	marked = done(b, DELETE);
	has(marked, b->id[0]);
	has(marked, "[delete-status=marked]");
	has(marked, "[files-go=2026-11-21T16:28:00Z]");
	give(b, "{\"backup-id\":\"%\",\"now\":true}");
	gone = done(b, DELETE);
	has(gone, "[delete-status=deleted]");
	assert_null(strstr(gone, "files-go"));
}

static void
a_hold_is_said_and_released(void **state)
{
	struct bench *b = *state;
	AUTO(free) char *held = NULL, *released = NULL;

	give(b, "{\"backup-id\":\"%\"}");
	held = done(b, HOLD);
	has(held, "[held=true]");
	refused(b, DELETE, ERR_REFUSED, "is held");
	released = done(b, RELEASE);
	has(released, "[held=false]");
	has(released, b->id[0]);
}

static void
latest_is_an_id(void **state)
{
	struct bench *b = *state;
	AUTO(free) char *held = NULL, *marked = NULL;

	give(b, "{\"backup-id\":\"latest\"}");
	held = done(b, HOLD);
	has(held, b->id[2]);
	refused(b, DELETE, ERR_REFUSED, "is held");
	free(done(b, RELEASE));
	marked = done(b, DELETE);
	has(marked, b->id[2]);
}

static void
mistakes_are_told(void **state)
{
	struct bench *b = *state;

	give(b, "{\"allow\":\"half, all\"}");
	refused(b, PRUNE, ERR_USAGE, "'all' cannot be allowed");
	give(b, "{}");
	refused(b, DELETE, ERR_USAGE, "'backup-id' is empty");
	refused(b, HOLD, ERR_USAGE, "'backup-id' is empty");
	give(b, "{\"backup-id\":\"\"}");
	refused(b, RELEASE, ERR_USAGE, "'backup-id' is empty");
	give(b, "{\"backup-id\":\"%\",\"allow\":\"any\"}");
	refused(b, DELETE, ERR_USAGE, "'any' cannot be allowed");
	give(b, "{\"backup-id\":\"2020-01-01T00:00:00Z\"}");
	refused(b, DELETE, ERR_NOTFOUND, "there is no backup");
	refused(b, HOLD, ERR_NOTFOUND, "there is no backup");
}

static void
each_result_that_juju_refuses_is_told(void **state)
{
	struct bench *b = *state;

	give(b, "{\"backup-id\":\"%\",\"dry-run\":true}");
	for (enum what what = PRUNE; what <= RELEASE; what++) {
		int rc = -1, n;

		for (n = 1; rc; n++) {
			struct err err = { 0 };
			char body[256];

			assert_true(n < 10);
			(void)snprintf(body, sizeof body,
			    "[ $(grep -c ^action-set \"${0%%/*}/calls\") -ne "
			    "%d ] || { echo 'ERROR lost' >&2; exit 1; }",
			    n);
			faketool_add("action-set", body);
			free(faketool_calls());
			rc = act(b, what, &err);
			if (rc)
				assert_string_equal(err.msg,
				    "action-set: lost");
		}
		assert_true(n > 3); /* two results at least */
	}
}

/* A dry run, or what may be said again: nothing has to be put back. */
static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	const struct session before = b->s;

	give(b, "{\"backup-id\":\"%\",\"dry-run\":true}");
	b->kit.fail_key = ".json"; /* a note more each time would be no end */
	for (enum what what = PRUNE; what <= DELETE; what++) {
		long n = -1, all;

		do {
			struct err err = { 0 };
			int rc;

			failalloc_at(++n);
			rc = act(b, what, &err);
			all = failalloc_count();
			failalloc_at(-1);
			assert_true(rc == 0 || err_is(&err, ERR_NOMEM) ||
			            (what == DELETE && err_is(&err, ERR_IO)));
		} while (all > n);
		assert_true(n > 20);
	}
	assert_memory_equal(&before, &b->s, sizeof before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(prune_says_what_went_and_why),
		TEST(delete_says_when_the_files_go),
		TEST(a_hold_is_said_and_released),
		TEST(latest_is_an_id),
		TEST(mistakes_are_told),
		TEST(each_result_that_juju_refuses_is_told),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("action_prune", tests, NULL, NULL);
}
