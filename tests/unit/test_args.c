#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "cmd/args.h"

static int
parse(const char *line, struct args *a, struct err *err)
{
	static char copy[512]; /* the words are borrowed from it */
	char *argv[32], *save = NULL;
	int argc = 0;

	assert_true(strlen(line) < sizeof copy);
	memcpy(copy, line, strlen(line) + 1);
	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	return args_parse(argc, argv, a, err);
}

static void
options_may_stand_anywhere(void **state)
{
	AUTO(args) struct args a = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(parse("pb restore -c f.yaml ID --component x --exact "
	                       "--component=y --to x=/y --json",
	                     &a, &err),
	    0);
	assert_string_equal(a.command, "restore");
	assert_string_equal(a.id, "ID");
	assert_string_equal(a.config, "f.yaml");
	assert_int_equal(a.ncomponents, 2);
	assert_string_equal(a.components[1], "y");
	assert_int_equal(a.nto, 1);
	assert_string_equal(a.to[0], "x=/y");
	assert_true(a.exact && a.json && !a.full && !a.dry_run);
	assert_int_equal(a.given,
	    ARGS_CONFIG | ARGS_COMPONENT | ARGS_EXACT | ARGS_TO | ARGS_JSON);
}

static void
share_may_stand_behind_its_option_or_be_left_out(void **state)
{
	static const struct {
		const char *line, *read, *id;
	} cases[] = {
		{ "pb verify --read 10% ID", "10%", "ID" },
		{ "pb verify ID --read 10%", "10%", "ID" },
		{ "pb verify --read=10% ID", "10%", "ID" },
		{ "pb verify --read ID", "all", "ID" },
		{ "pb verify ID --read", "all", "ID" },
		{ "pb verify --read 10 --all", "all", "10" },
		{ "pb verify --all", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO(args) struct args a = { 0 };
		struct err err = { 0 };

		assert_int_equal(parse(cases[i].line, &a, &err), 0);
		assert_int_equal(!a.read, !cases[i].read);
		assert_int_equal(!a.id, !cases[i].id);
		if (a.read)
			assert_string_equal(a.read, cases[i].read);
		if (a.id)
			assert_string_equal(a.id, cases[i].id);
	}
}

static const struct {
	const char *line, *message;
} bad[] = {
	{ "pb create --frobnicate",
	    "unknown option '--frobnicate'; see 'platform-backup help'" },
	{ "pb -vx create", "unknown option '-x'; see 'platform-backup help'" },
	{ "pb -x", "unknown option '-x'; see 'platform-backup help'" },
	{ "pb create --label", "option '--label' needs a value" },
	{ "pb restore a b", "a word too many: 'b'" },
};

static void
what_is_not_understood_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO(args) struct args a = { 0 };
		struct err err = { 0 };

		assert_int_equal(parse(bad[i].line, &a, &err), -1);
		assert_string_equal(err.msg, bad[i].message);
		assert_true(err_is(&err, ERR_USAGE));
	}
}

static void
options_are_described(void **state)
{
	AUTO(free) char *text = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(args_describe(ARGS_CONFIG | ARGS_FULL, &text, &err),
	    0);
	assert_non_null(strstr(text, "  -c, --config FILE"));
	assert_non_null(strstr(text, "      --full "));
	assert_null(strstr(text, "--json"));
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;

	(void)state;
	for (long i = 0;; i++) {
		AUTO(args) struct args a = { 0 };
		AUTO(free) char *text = NULL;
		struct err err = { 0 };
		int rc;

		failalloc_at(i);
		rc = parse("pb list --json", &a, &err);
		if (rc == 0)
			rc = args_describe(ARGS_JSON, &text, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
		fails++;
	}
	assert_true(fails >= 3);
}

static void
what_is_allowed_may_be_given_again(void **state)
{
	AUTO(args) struct args a = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(parse("pb prune --allow half --now --allow=clock", &a,
	                     &err),
	    0);
	assert_int_equal(a.nallow, 2);
	assert_string_equal(a.allow[0], "half");
	assert_string_equal(a.allow[1], "clock");
	assert_true(a.now);
	assert_int_equal(a.given, ARGS_ALLOW | ARGS_NOW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_allowed_may_be_given_again),
		cmocka_unit_test(options_may_stand_anywhere),
		cmocka_unit_test(what_is_not_understood_is_named),
		cmocka_unit_test(
		    share_may_stand_behind_its_option_or_be_left_out),
		cmocka_unit_test(options_are_described),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}
