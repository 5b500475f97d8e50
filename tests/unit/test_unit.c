#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "cmd/unit.h"
#include "config/config.h"

static const struct env update = {
	.kind = ENV_HOOK,
	.name = "update-status",
	.unit = "pb/0",
	.model = "kubeflow",
};

static int
setup(void **state)
{
	(void)state;
	faketool_setup();
	faketool_add("status-set", "");
	faketool_add("state-set", "echo >>\"${0%/*}/calls\"");
	faketool_add("state-get", "echo null");
	faketool_add("storage-list", "echo '[]'");
	faketool_add("config-get", "echo '{}'");
	faketool_add("relation-ids", "echo '[]'");
	faketool_add("relation-list", "echo '\"s3\"'");
	faketool_add("relation-get",
	    "printf '%s' '{\"access-key\":\"AK\",\"secret-key\":\"SK\","
	    "\"bucket\":\"backups\"}'");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	faketool_teardown();
	return 0;
}

static void
related(const char *components)
{
	char body[512];

	faketool_add("relation-ids",
	    "case $1 in s3-parameters) echo '[\"s3-parameters:1\"]';; "
	    "*) echo '[]';; esac");
	(void)snprintf(body, sizeof body,
	    "printf '%%s' '{\"components\":\"%s\",\"create-bucket\":true}'",
	    components);
	faketool_add("config-get", body);
}

static void
was_called(const char *want)
{
	AUTO(free) char *calls = faketool_calls();

	assert_string_equal(calls, want);
}

static int
read_unit(struct unit *u, struct err *err)
{
	AUTO(charm_asked) struct charm_asked asked = { 0 };

	return unit_read(&update, &asked, u, err);
}

static void
unrelated_unit_has_a_gap_and_no_configuration(void **state)
{
	struct err err = { 0 };
	AUTO(unit) struct unit u = { 0 };

	(void)state;
	assert_int_equal(read_unit(&u, &err), 0);
	assert_null(u.config);
	assert_int_equal(u.gap.state, RELATION_BLOCKED);
	assert_string_equal(u.gap.text,
	    "no place for backups: juju integrate pb s3-integrator");
}

static void
related_unit_has_a_configuration(void **state)
{
	struct err err = { 0 };
	AUTO(unit) struct unit u = { 0 };

	(void)state;
	related("[{name: mlmd, type: sqlite, path: /data/mlmd.db}]");
	assert_int_equal(read_unit(&u, &err), 0);
	assert_non_null(u.config);
	assert_int_equal(u.gap.state, RELATION_READY);
	assert_int_equal(u.config->ncomponents, 1);
	assert_string_equal(u.config->repository.name, "kubeflow");
}

static void
mistake_in_an_option_is_a_gap(void **state)
{
	static const struct {
		const char *option, *text;
	} cases[] = {
		{ "[{name: mlmd, type: sqlite}]",
		    "charm option 'components':1: 'path' is missing" },
		{ "[{name: x", "charm option 'components':" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err = { 0 };
		AUTO(unit) struct unit u = { 0 };

		related(cases[i].option);
		assert_int_equal(read_unit(&u, &err), 0);
		assert_null(u.config);
		assert_int_equal(u.gap.state, RELATION_BLOCKED);
		assert_non_null(strstr(u.gap.text, cases[i].text));
	}
}

static void
unit_without_components_is_told_so(void **state)
{
	struct err err = { 0 };
	AUTO(unit) struct unit u = { 0 };

	(void)state;
	related("");
	assert_int_equal(read_unit(&u, &err), 0);
	assert_non_null(u.config);
	assert_int_equal(u.config->ncomponents, 0);
	assert_int_equal(u.gap.state, RELATION_BLOCKED);
	assert_non_null(strstr(u.gap.text, "nothing to save"));
}

static void
juju_that_does_not_answer_is_an_error(void **state)
{
	struct err err = { 0 };
	AUTO(unit) struct unit u = { 0 };

	(void)state;
	faketool_add("config-get", "echo 'ERROR connection lost' >&2; exit 1");
	assert_int_equal(read_unit(&u, &err), -1);
	assert_string_equal(err.msg, "config-get: connection lost");
}

static void
gap_is_shown(void **state)
{
	struct err err = { 0 };
	struct unit u = { 0 };

	(void)state;
	relation_gap_set(&u.gap, RELATION_WAITING, "waiting for x");
	assert_int_equal(unit_show(&u, &err), 0);
	was_called("status-set [--application=False] [waiting] [--] "
	           "[waiting for x]\n");
	u.gap.state = RELATION_BLOCKED;
	assert_int_equal(unit_show(&u, &err), 0);
	was_called("status-set [--application=False] [blocked] [--] "
	           "[waiting for x]\n");
}

#define ASKED                                               \
	"state-get [--format=json] [last-backup]\n"         \
	"state-get [--format=json] [last-failure]\n"        \
	"state-get [--format=json] [last-verify-trouble]\n" \
	"state-get [--format=json] [last-drill-trouble]\n"
#define ACTIVE "status-set [--application=False] [active] [--] "

static void
backups_are_shown_as_remembered(void **state)
{
	struct err err = { 0 };
	struct unit u = { 0 };

	(void)state;
	assert_int_equal(unit_show(&u, &err), 0);
	was_called(ASKED ACTIVE "[ready, no backup yet]\n");
	faketool_add("state-get",
	    "case $2 in last-backup) echo '\"last backup x\"';; "
	    "*) echo '\"\"';; esac");
	assert_int_equal(unit_show(&u, &err), 0);
	was_called(ASKED ACTIVE "[last backup x]\n");
	faketool_add("state-get",
	    "case $2 in last-failure) echo '\"a backup failed\"';; "
	    "*) echo null;; esac");
	assert_int_equal(unit_show(&u, &err), 0);
	was_called(ASKED ACTIVE "[ready, no backup yet; a backup failed]\n");
	faketool_add("state-get",
	    "case $2 in last-verify-trouble) echo '\"a set is damaged\"';; "
	    "*) echo null;; esac");
	assert_int_equal(unit_show(&u, &err), 0);
	was_called(ASKED ACTIVE "[ready, no backup yet; a set is damaged]\n");
}

#define SET "state-set [--file] [-]\n"

static void
newest_backup_is_remembered(void **state)
{
	const struct unit_backups none = { 0 };
	struct unit_backups b = { "2026-11-20T16:28:00Z", "finished", 1 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(unit_remember(&b, &err), 0);
	was_called(SET "{\"last-backup\":\"last backup 2026-11-20T16:28:00Z "
	               "finished, 1 set\"}\n");
	b.count = 3;
	b.status = "incomplete";
	assert_int_equal(unit_remember(&b, &err), 0);
	was_called(SET "{\"last-backup\":\"last backup 2026-11-20T16:28:00Z "
	               "incomplete, 3 sets\"}\n");
	assert_int_equal(unit_remember(&none, &err), 0);
	was_called(SET "{\"last-backup\":\"\"}\n");
}

static void
failure_is_remembered_with_its_time(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(unit_remember_failure(1795192080, &err), 0);
	was_called(SET "{\"last-failure\":\"a backup failed at "
	               "2026-11-20T16:28:00Z\"}\n");
	assert_int_equal(unit_remember_failure(0, &err), 0);
	was_called(SET "{\"last-failure\":\"\"}\n");
}

static void
trouble_is_remembered_until_it_is_over(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(unit_remember_trouble(UNIT_VERIFY, "a set is damaged",
	                     &err),
	    0);
	was_called(SET "{\"last-verify-trouble\":\"a set is damaged\"}\n");
	assert_int_equal(unit_remember_trouble(UNIT_DRILL, NULL, &err), 0);
	was_called(SET "{\"last-drill-trouble\":\"\"}\n");
}

static int
remember_and_show(struct err *err)
{
	const struct unit_backups b = { "x", "finished", 1 };
	struct unit u = { 0 };

	if (unit_remember(&b, err) || unit_remember_failure(1, err))
		return -1;
	return unit_show(&u, err);
}

static void
every_allocation_may_fail(void **state)
{
	long n = 0;

	(void)state;
	for (;; n++) {
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = remember_and_show(&err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(n > 5);
}

#define TOOL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TOOL_TEST(unrelated_unit_has_a_gap_and_no_configuration),
		TOOL_TEST(related_unit_has_a_configuration),
		TOOL_TEST(mistake_in_an_option_is_a_gap),
		TOOL_TEST(unit_without_components_is_told_so),
		TOOL_TEST(juju_that_does_not_answer_is_an_error),
		TOOL_TEST(gap_is_shown),
		TOOL_TEST(backups_are_shown_as_remembered),
		TOOL_TEST(newest_backup_is_remembered),
		TOOL_TEST(failure_is_remembered_with_its_time),
		TOOL_TEST(trouble_is_remembered_until_it_is_over),
		TOOL_TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
