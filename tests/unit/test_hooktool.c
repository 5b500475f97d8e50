#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "../lib/faketool.h"
#include "base/json.h"
#include "juju/hooktool.h"

static int
setup(void **state)
{
	(void)state;
	faketool_setup();
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
was_called(const char *want)
{
	AUTO(free) char *calls = faketool_calls();

	assert_string_equal(calls, want);
}

static void
options_are_asked_for_as_json(void **state)
{
	struct err err = { 0 };
	AUTO(json) struct json *j = NULL;

	(void)state;
	faketool_add("config-get", "echo '{\"path\":\"a/b\",\"n\":3}'");
	assert_int_equal(hooktool_config(&j, &err), 0);
	assert_string_equal(json_opt_str(j, "path"), "a/b");
	was_called("config-get [--format=json]\n");
}

static void
leadership_is_true_or_false(void **state)
{
	struct err err = { 0 };
	bool leader = false;

	(void)state;
	faketool_add("is-leader", "echo true");
	assert_int_equal(hooktool_is_leader(&leader, &err), 0);
	assert_true(leader);
	faketool_add("is-leader", "echo false");
	assert_int_equal(hooktool_is_leader(&leader, &err), 0);
	assert_false(leader);
}

static void
bags_of_units_and_applications_are_asked_for_apart(void **state)
{
	struct err err = { 0 };
	AUTO(json) struct json *app = NULL, *unit = NULL, *ids = NULL;
	AUTO(json) struct json *units = NULL;
	AUTO(free) char *name = NULL;

	(void)state;
	faketool_add("relation-get", "echo '{}'");
	faketool_add("relation-ids", "echo '[\"s3-parameters:7\"]'");
	faketool_add("relation-list",
	    "case $2 in --app) echo '\"s3\"';; *) echo '[\"s3/0\"]';; esac");
	assert_int_equal(hooktool_relation_ids("s3-parameters", &ids, &err), 0);
	assert_int_equal(hooktool_relation_units("x:7", &units, &err), 0);
	assert_int_equal(hooktool_relation_app("x:7", &name, &err), 0);
	assert_int_equal(hooktool_relation_get("x:7", "s3", &app, &err), 0);
	assert_int_equal(hooktool_relation_get("x:7", "s3/0", &unit, &err), 0);
	assert_string_equal(name, "s3");
	assert_string_equal(json_text(json_first(ids)), "s3-parameters:7");
	assert_string_equal(json_text(json_first(units)), "s3/0");
	was_called("relation-ids [s3-parameters] [--format=json]\n"
	           "relation-list [--format=json] [-r] [x:7]\n"
	           "relation-list [--format=json] [--app] [-r] [x:7]\n"
	           "relation-get [--format=json] [-r] [x:7] [--app] [-] [s3]\n"
	           "relation-get [--format=json] [-r] [x:7] [-] [s3/0]\n");
}

static void
relation_without_other_side_is_not_found(void **state)
{
	struct err err = { 0 };
	char *app = NULL;

	(void)state;
	faketool_add("relation-list", "echo null");
	assert_int_equal(hooktool_relation_app("x:7", &app, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_string_equal(err.msg,
	    "relation x:7 has no application on its other side");
}

static void
values_are_written_by_stdin(void **state)
{
	struct err err = { 0 };
	const struct hooktool_pair pairs[] = {
		{ "requested-secrets", "[\"a\"]" },
		{ "bucket", "" },
	};

	(void)state;
	faketool_add("relation-set", "");
	faketool_add("state-set", "");
	assert_int_equal(hooktool_relation_set("x:7", true, pairs, 2, &err), 0);
	assert_int_equal(hooktool_relation_set("x:7", false, pairs, 1, &err),
	    0);
	assert_int_equal(hooktool_state_set("last", "a\nb", &err), 0);
	was_called("relation-set [-r] [x:7] [--app] [--file] [-]\n"
	           "{\"requested-secrets\":\"[\\\"a\\\"]\",\"bucket\":\"\"}"
	           "relation-set [-r] [x:7] [--file] [-]\n"
	           "{\"requested-secrets\":\"[\\\"a\\\"]\"}"
	           "state-set [--file] [-]\n{\"last\":\"a\\u000ab\"}");
}

static void
secret_is_read_anew_and_labelled(void **state)
{
	struct err err = { 0 };
	AUTO(json) struct json *j = NULL;

	(void)state;
	faketool_add("secret-get", "echo '{\"access-key\":\"K\"}'");
	assert_int_equal(hooktool_secret_get("secret:d2k", "s3.7", &j, &err),
	    0);
	assert_string_equal(json_opt_str(j, "access-key"), "K");
	was_called("secret-get [--format=json] [secret:d2k] [--label] [s3.7] "
	           "[--refresh]\n");
}

static void
refusals_have_codes(void **state)
{
	static const struct {
		const char *said;
		enum err_code code;
	} cases[] = {
		{ "permission denied", ERR_DENIED },
		{ "\\\"a/0\\\" is not allowed to read this secret",
		    ERR_DENIED },
		{ "cannot write relation settings", ERR_DENIED },
		{ "secret \\\"d2k\\\" not found", ERR_NOTFOUND },
		{ "leadership status unknown", ERR_REMOTE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err = { 0 };
		char body[256];
		struct json *j = NULL;

		(void)snprintf(body, sizeof body,
		    "echo noise >&2; echo \"ERROR %s\" >&2; exit 1",
		    cases[i].said);
		faketool_add("secret-get", body);
		assert_int_equal(hooktool_secret_get("u", "l", &j, &err), -1);
		assert_int_equal(err.code, cases[i].code);
		assert_null(j);
	}
}

static void
refusal_is_told_in_jujus_words(void **state)
{
	struct err err = { 0 };
	struct json *j = NULL;

	(void)state;
	faketool_add("config-get", "echo 'ERROR no such thing' >&2; exit 2");
	assert_int_equal(hooktool_config(&j, &err), -1);
	assert_string_equal(err.msg, "config-get: no such thing");
	faketool_add("config-get", "exit 1");
	assert_int_equal(hooktool_config(&j, &err), -1);
	assert_string_equal(err.msg, "config-get: no reason given");
}

static void
answer_that_is_no_json_is_not_shown(void **state)
{
	struct err err = { 0 };
	struct json *j = NULL;

	(void)state;
	faketool_add("secret-get", "echo 'my-secret-words'");
	assert_int_equal(hooktool_secret_get("u", "l", &j, &err), -1);
	assert_string_equal(err.msg, "secret-get: the answer is not JSON");
	faketool_add("secret-get", "");
	assert_int_equal(hooktool_secret_get("u", "l", &j, &err), -1);
	assert_string_equal(err.msg, "secret-get: no answer");
}

static void
missing_tool_means_no_juju(void **state)
{
	struct err err = { 0 };
	struct json *j = NULL;

	(void)state;
	assert_int_equal(hooktool_action_get(&j, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_string_equal(err.msg,
	    "no 'action-get' in PATH: only Juju can run this");
}

static void
state_that_was_never_set_is_null(void **state)
{
	struct err err = { 0 };
	AUTO(free) char *value = NULL;
	AUTO(free) char *again = NULL;

	(void)state;
	faketool_add("state-get", "echo null");
	assert_int_equal(hooktool_state_get("last", &value, &err), 0);
	assert_null(value);
	faketool_add("state-get", "echo '\"words\"'");
	assert_int_equal(hooktool_state_get("last", &again, &err), 0);
	assert_string_equal(again, "words");
}

static void
storage_is_asked_where_it_is(void **state)
{
	struct err err = { 0 };
	AUTO(free) char *path = NULL;
	AUTO(free) char *none = NULL;

	(void)state;
	faketool_add("storage-list", "echo '[\"scratch/3\"]'");
	faketool_add("storage-get",
	    "echo '{\"kind\":\"filesystem\",\"location\":\"/s/3\"}'");
	assert_int_equal(hooktool_storage("scratch", &path, &err), 0);
	assert_string_equal(path, "/s/3");
	was_called("storage-list [--format=json] [scratch]\n"
	           "storage-get [--format=json] [-s] [scratch/3]\n");
	faketool_add("storage-list", "echo '[]'");
	assert_int_equal(hooktool_storage("scratch", &none, &err), 0);
	assert_null(none);
	faketool_add("storage-list", "echo '[\"scratch/3\"]'");
	faketool_add("storage-get", "echo '{}'");
	assert_int_equal(hooktool_storage("scratch", &none, &err), -1);
	assert_string_equal(err.msg, "storage-get: no field 'location'");
}

static void
words_that_begin_with_a_hyphen_are_no_options(void **state)
{
	struct err err = { 0 };

	(void)state;
	faketool_add("status-set", "");
	faketool_add("action-fail", "");
	faketool_add("action-log", "");
	faketool_add("juju-log", "");
	faketool_add("application-version-set", "");
	assert_int_equal(hooktool_status_set(HOOKTOOL_BLOCKED, "-x", &err), 0);
	assert_int_equal(hooktool_status_set(HOOKTOOL_ACTIVE, "", &err), 0);
	assert_int_equal(hooktool_status_set(HOOKTOOL_WAITING, "w", &err), 0);
	assert_int_equal(hooktool_status_set(HOOKTOOL_MAINTENANCE, "m", &err),
	    0);
	assert_int_equal(hooktool_action_fail("-f", &err), 0);
	assert_int_equal(hooktool_action_log("-l", &err), 0);
	assert_int_equal(hooktool_log(LOG_WARNING, "-w", &err), 0);
	assert_int_equal(hooktool_version_set("0.1.0", &err), 0);
	was_called("status-set [--application=False] [blocked] [--] [-x]\n"
	           "status-set [--application=False] [active] [--] []\n"
	           "status-set [--application=False] [waiting] [--] [w]\n"
	           "status-set [--application=False] [maintenance] [--] [m]\n"
	           "action-fail [--] [-f]\naction-log [--] [-l]\n"
	           "juju-log [--log-level] [WARNING] [--] [-w]\n"
	           "application-version-set [--] [0.1.0]\n");
}

static void
long_line_is_logged_in_pieces(void **state)
{
	static char line[300000];
	struct err err = { 0 };
	AUTO(free) char *calls = NULL;
	size_t n = 0;

	(void)state;
	while (n < sizeof line - 3) { /* two bytes a character */
		line[n++] = '\xc3';
		line[n++] = '\xa4';
	}
	line[n] = '\0';
	/* how long each is, and whether a character was cut in two */
	faketool_add("juju-log",
	    "printf '%s' \"$4\" | wc -c >>\"${0%/*}/calls\"; "
	    "printf '%s' \"$4\" | iconv -f UTF-8 >/dev/null || exit 1");
	assert_int_equal(hooktool_log(LOG_DEBUG, line, &err), 0);
	calls = faketool_calls();
	assert_non_null(strstr(calls, "\n131070\n"));
	assert_non_null(strstr(calls, "\n37858\n"));
	failcall_at("strndup", 0, ENOMEM);
	assert_int_equal(hooktool_log(LOG_DEBUG, line, &err), -1);
	assert_true(failcall_end());
	assert_int_equal(err.code, ERR_NOMEM);
}

static void
message_is_cut_and_result_is_refused_when_too_long(void **state)
{
	static char text[200000];
	struct err err = { 0 };
	AUTO(free) char *calls = NULL;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	faketool_add("action-fail", "echo ${#2} >>\"${0%/*}/calls\"");
	faketool_add("action-set", "");
	assert_int_equal(hooktool_action_fail(text, &err), 0);
	calls = faketool_calls();
	assert_non_null(strstr(calls, "\n131071\n"));
	assert_int_equal(hooktool_action_set("backups", text, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_string_equal(err.msg,
	    "result 'backups' is longer than 131071 bytes");
	assert_int_equal(hooktool_action_set("a.b", "c=d", &err), 0);
	was_called("action-set [a.b=c=d]\n");
}

static int
ask_and_tell(struct err *err)
{
	AUTO(json) struct json *config = NULL, *secret = NULL;
	AUTO(free) char *path = NULL, *app = NULL;
	const struct hooktool_pair pair = { "a", "b" };

	if (hooktool_config(&config, err) ||
	    hooktool_relation_app("x:7", &app, err) ||
	    hooktool_secret_get("u", "l", &secret, err) ||
	    hooktool_storage("scratch", &path, err) ||
	    hooktool_relation_set("x:7", true, &pair, 1, err) ||
	    hooktool_log(LOG_INFO, "line", err) ||
	    hooktool_action_set("k", "v", err))
		return -1;
	return 0;
}

static void
every_allocation_may_fail(void **state)
{
	long n = 0;

	(void)state;
	faketool_add("config-get", "echo '{\"a\":[1,\"x\"]}'");
	faketool_add("relation-list", "echo '\"app\"'");
	faketool_add("secret-get", "echo '{\"k\":\"v\"}'");
	faketool_add("storage-list", "echo '[\"scratch/0\"]'");
	faketool_add("storage-get", "echo '{\"location\":\"/s\"}'");
	faketool_add("relation-set", "");
	faketool_add("juju-log", "");
	faketool_add("action-set", "");
	for (;; n++) {
		struct err err = { 0 };
		int rc;

		failalloc_at(n);
		rc = ask_and_tell(&err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(n > 10);
}

int
main(void)
{
#define TOOL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TOOL_TEST(options_are_asked_for_as_json),
		TOOL_TEST(leadership_is_true_or_false),
		TOOL_TEST(bags_of_units_and_applications_are_asked_for_apart),
		TOOL_TEST(relation_without_other_side_is_not_found),
		TOOL_TEST(values_are_written_by_stdin),
		TOOL_TEST(secret_is_read_anew_and_labelled),
		TOOL_TEST(refusals_have_codes),
		TOOL_TEST(refusal_is_told_in_jujus_words),
		TOOL_TEST(answer_that_is_no_json_is_not_shown),
		TOOL_TEST(missing_tool_means_no_juju),
		TOOL_TEST(state_that_was_never_set_is_null),
		TOOL_TEST(storage_is_asked_where_it_is),
		TOOL_TEST(words_that_begin_with_a_hyphen_are_no_options),
		TOOL_TEST(long_line_is_logged_in_pieces),
		TOOL_TEST(message_is_cut_and_result_is_refused_when_too_long),
		TOOL_TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
