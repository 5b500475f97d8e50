#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/pod_kit.h"
#include "component/pod_helper.h"
#include "stream/sink.h"

#define MACHINE "x86_64"
#define UNAME "command=sh&command=-c&command=uname%20-m"
#define HELLO "ok platform-backup-sqlite 1\n"
#define SEND_TO(folder) \
	"command=sh&command=" folder "&command=.platform-backup-"

static int
set_up(struct pod_kit *k, struct pod_helper **h, struct err *err)
{
	*err = (struct err){ 0 };
	return pod_helper_new(&k->cfg, h, err);
}

static void
is_refused(struct pod_kit *k, enum err_code code, const char *words)
{
	AUTO(pod_helper) struct pod_helper *h = NULL;
	struct err err;

	assert_int_equal(set_up(k, &h, &err), -1);
	if (!err_is(&err, code) || !strstr(err.msg, words))
		fail_msg("%d %s", err.code, err.msg);
	pod_kit_check(k);
}

static void
comes_and_goes(const struct pod_run *runs)
{
	AUTO(pod_kit) struct pod_kit k;
	AUTO(pod_helper) struct pod_helper *h = NULL;
	struct err err;

	pod_kit_begin(&k, runs);
	pod_kit_put_helper(&k, MACHINE);
	if (set_up(&k, &h, &err))
		fail_msg("%s", err.msg);
	pod_helper_free(TAKE(h));
	pod_kit_check(&k);
}

/* --- what it is */

static void
where_there_is_no_shell_the_charm_s_is_used(void **state)
{
	static const struct pod_run runs[] = {
		{ .target = "container=main&" UNAME, .status = "126" },
		{ .target = "container=charm&" UNAME,
		    .prints = { MACHINE "\n" } },
		{ .target = "container=charm&command=sh",
		    .reads = POD_KIT_HELPER,
		    .waits = true,
		    .prints = { HELLO } },
		{ .target = "container=charm&command=rm", .refused = "no" },
		{ 0 }
	};

	(void)state;
	comes_and_goes(runs);
}

static void
where_nothing_has_a_shell_that_is_told(void **state)
{
	static const struct pod_run both[] = {
		{ .target = "container=main&" UNAME, .refused = "not found" },
		{ .target = "container=charm&" UNAME, .status = "127" }, { 0 }
	};
	static const struct pod_run one[] = {
		{ .target = "container=main&" UNAME, .status = "127" }, { 0 }
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		AUTO(pod_kit) struct pod_kit k;

		pod_kit_begin(&k, i == 0 ? both : one);
		if (i == 1) /* in no volume */
			k.cfg.sqlite.path = "/m.db";
		is_refused(&k, ERR_NOTFOUND,
		    "container 'main' of pod 'p' has no shell");
	}
}

static void
a_machine_that_is_not_known_is_told(void **state)
{
	static const struct {
		struct pod_run runs[2];
		enum err_code code;
		const char *words;
	} t[] = {
		{ { { .target = UNAME, .prints = { "riscv64\n" } }, { 0 } },
		    ERR_REMOTE, "a 'riscv64'; there are helpers for" },
		{ { { .target = UNAME, .status = "1" }, { 0 } }, ERR_REMOTE,
		    "does not say what machine it is" },
		{ { { .target = UNAME }, { 0 } }, ERR_REMOTE,
		    "does not say what machine it is" },
		{ { { .target = UNAME,
		        .prints = { "a-machine-with-a-name-that-is-long\n" } },
		      { 0 } },
		    ERR_REMOTE, "does not say what machine it is" },
		{ { { .target = UNAME, .refused = "a fault" }, { 0 } },
		    ERR_REMOTE, "could not be run there: a fault" },
		{ { { .target = UNAME, .prints = { MACHINE "\n" } }, { 0 } },
		    ERR_NOTFOUND,
		    "no program 'platform-backup-sqlite.amd64' beside this" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO(pod_kit) struct pod_kit k;

		pod_kit_begin(&k, t[i].runs);
		is_refused(&k, t[i].code, t[i].words);
	}
}

/* --- send it */

static void
the_first_folder_where_it_runs_is_used(void **state)
{
	static const struct pod_run runs[] = { { .target = UNAME,
		                                   .prints = { MACHINE "\n" } },
		{ .target = SEND_TO("%2Ftmp"),
		    .reads = POD_KIT_HELPER,
		    .open = true,
		    .status = "11" },
		{ .target = SEND_TO("%2Fvar%2Ftmp"),
		    .reads = POD_KIT_HELPER,
		    .open = true,
		    .prints = { "no such word\n" } },
		{ .target = SEND_TO("%2Fdev%2Fshm"),
		    .reads = POD_KIT_HELPER,
		    .waits = true,
		    .prints = { HELLO } },
		{ .target = "command=rm&command=-f&command=%2Fdev%2Fshm%2F."
		            "platform-backup-" },
		{ 0 } };

	(void)state;
	comes_and_goes(runs);
}

static void
without_a_folder_the_last_reason_is_told(void **state)
{
	static const char *const path[] = { "/data/m.db", "/m.db" };
	static const char *const last[] = { SEND_TO("%2Fdata"),
		SEND_TO("%2F") };

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct pod_run runs[] = {
			{ .target = UNAME, .prints = { MACHINE "\n" } },
			{ .target = SEND_TO("%2Ftmp"), .status = "11" },
			{ .target = SEND_TO("%2Fvar%2Ftmp"), .status = "11" },
			{ .target = SEND_TO("%2Fdev%2Fshm"), .status = "11" },
			{ .target = last[i],
			    .complains = i == 0 ? "read-only" : NULL,
			    .status = "11" },
			{ 0 }
		};
		AUTO(pod_kit) struct pod_kit k;

		pod_kit_begin(&k, runs);
		pod_kit_put_helper(&k, MACHINE);
		k.cfg.sqlite.path = path[i];
		is_refused(&k, ERR_NOROOM,
		    i == 0 ? "/data (read-only)" : "/ (no reason was given)");
	}
}

/* --- run it */

static int
run(struct pod_kit *k, int in, struct err *err)
{
	AUTO(pod_helper) struct pod_helper *h = NULL;
	AUTO(sink) struct sink *out = NULL;
	struct pod_helper_call c = { .word = "restore", .in = in };

	assert_int_equal(sink_mem_new(100, &out, err), 0);
	c.out = out;
	if (set_up(k, &h, err))
		fail_msg("%s", err->msg);
	return pod_helper_run(h, &c, err);
}

/* Its number is that of enum err_code; only its first line is told. */
static void
an_error_of_the_helper_becomes_ours(void **state)
{
	static const struct {
		const char *status, *complains;
		enum err_code code;
		const char *msg;
	} t[] = {
		{ "1", "3 no room for it\nand more\n", ERR_NOROOM,
		    "in pod 'p': no room for it" },
		{ "1", "0 none", ERR_TRANSIENT,
		    "the helper in pod 'p' ended with status 1: 0 none" },
		{ "1", "99 unknown", ERR_TRANSIENT,
		    "the helper in pod 'p' ended with status 1: 99 unknown" },
		{ "2", "3 no room", ERR_TRANSIENT,
		    "the helper in pod 'p' ended with status 2: 3 no room" },
		{ "137", NULL, ERR_TRANSIENT,
		    "the helper in pod 'p' ended with status 137" },
	};

	(void)state;
	assert_int_equal(ERR_NOROOM, 3);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const struct pod_run runs[] = { { .target = "command=restore",
			                            .complains = t[i].complains,
			                            .status = t[i].status },
			POD_KIT_REMOVED, { 0 } };
		AUTO(pod_kit) struct pod_kit k;
		struct err err;

		pod_kit_begin_with_helper(&k, MACHINE, runs);
		assert_int_equal(run(&k, -1, &err), -1);
		pod_kit_check(&k);
		assert_int_equal(err.code, t[i].code);
		assert_string_equal(err.msg, t[i].msg);
	}
}

/* It reads nothing of what fills every buffer on the way. */
static void
one_that_ends_before_it_has_read_all_says_why(void **state)
{
	static const struct pod_run runs[] = { { .target = "command=restore",
		                                   .complains =
		                                       "3 no room for it",
		                                   .status = "1" },
		POD_KIT_REMOVED, { 0 } };
	AUTO(pod_kit) struct pod_kit k;
	FILE *f = tmpfile();
	struct err err;

	(void)state;
	assert_non_null(f);
	assert_int_equal(ftruncate(fileno(f), 32 << 20), 0);
	pod_kit_begin_with_helper(&k, MACHINE, runs);
	assert_int_equal(run(&k, fileno(f), &err), -1);
	assert_int_equal(fclose(f), 0);
	pod_kit_check(&k);
	assert_int_equal(err.code, ERR_NOROOM);
	assert_string_equal(err.msg, "in pod 'p': no room for it");
}

static void
input_that_cannot_be_read_ends_it(void **state)
{
	static const struct pod_run runs[] = {
		{ .target = "command=restore", .reads = "all of it" }, { 0 }
	};
	AUTO(pod_kit) struct pod_kit k;
	struct err err;
	int folder = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_true(folder >= 0);
	pod_kit_begin_with_helper(&k, MACHINE, runs);
	assert_int_equal(run(&k, folder, &err), -1);
	assert_int_equal(close(folder), 0);
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.msg, "cannot read the database"));
}

static void
every_allocation_may_fail(void **state)
{
	static const struct pod_run runs[] = { POD_KIT_REMOVED, { 0 } };
	long n = 0;

	(void)state;
	for (;; n++) {
		AUTO(pod_kit) struct pod_kit k;
		AUTO(pod_helper) struct pod_helper *h = NULL;
		struct err err = { 0 };
		int rc;

		pod_kit_begin_with_helper(&k, MACHINE, runs);
		failalloc_at(n);
		rc = pod_helper_new(&k.cfg, &h, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_null(h);
		if (!err_is(&err, ERR_NOMEM))
			fail_msg("%ld: %d %s", n, err.code, err.msg);
	}
	assert_true(n > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_there_is_no_shell_the_charm_s_is_used),
		cmocka_unit_test(where_nothing_has_a_shell_that_is_told),
		cmocka_unit_test(a_machine_that_is_not_known_is_told),
		cmocka_unit_test(the_first_folder_where_it_runs_is_used),
		cmocka_unit_test(without_a_folder_the_last_reason_is_told),
		cmocka_unit_test(an_error_of_the_helper_becomes_ours),
		cmocka_unit_test(one_that_ends_before_it_has_read_all_says_why),
		cmocka_unit_test(input_that_cannot_be_read_ends_it),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("pod_helper", tests, NULL, NULL);
}
