#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "base/clock.h"
#include "base/proc.h"
#include "base/thread.h"

struct ran {
	struct proc proc;
	struct buf out, errors;
	struct err err;
	int rc;
};

static void
scope_ran(struct ran *r)
{
	buf_done(&r->out);
	buf_done(&r->errors);
}

static struct ran
sh(const char *script, const char *in, unsigned timeout)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct ran r = { .proc = { .argv = argv,
		             .in = in,
		             .in_len = in ? strlen(in) : 0,
		             .timeout_s = timeout },
		.out = { .max = 1 << 20 },
		.errors = { .max = 20 } };

	r.rc = proc_run(&r.proc, &r.out, &r.errors, &r.err);
	return r;
}

static void
the_end_of_the_messages_may_be_kept(void **state)
{
	const char *const argv[] = { "sh", "-c",
		"for i in $(seq 1000); do echo line $i; done >&2", NULL };
	AUTO(buf) struct buf errors = { .max = 19 };
	struct proc p = { .argv = argv, .errors_end = true };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(proc_run(&p, NULL, &errors, &err), 0);
	assert_string_equal(errors.data, "line 999\nline 1000\n");
}

static void
input_goes_through(void **state)
{
	AUTO(ran) struct ran r = sh("cat; echo problem >&2", "hello", 5);

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.proc.status, 0);
	assert_string_equal(r.out.data, "hello");
	assert_string_equal(r.errors.data, "problem\n");
}

static void
the_exit_status_is_told(void **state)
{
	AUTO(ran) struct ran a = sh("exit 3", NULL, 0);
	AUTO(ran) struct ran b = sh("kill -TERM $$", NULL, 5);

	(void)state;
	assert_int_equal(a.rc, 0);
	assert_int_equal(a.proc.status, 3);
	assert_int_equal(b.rc, 0);
	assert_int_equal(b.proc.status, 128 + SIGTERM);
}

static void
no_input_is_an_empty_one(void **state)
{
	AUTO(ran) struct ran a = sh("cat", NULL, 5);
	AUTO(ran) struct ran b = sh("cat", "", 5);

	(void)state;
	assert_int_equal(a.rc, 0);
	assert_int_equal(a.out.len, 0);
	assert_int_equal(b.rc, 0);
	assert_int_equal(b.out.len, 0);
}

static void
large_input_and_output_do_not_block_each_other(void **state)
{
	AUTO(free) char *in = malloc(500001);

	(void)state;
	assert_non_null(in);
	memset(in, 'x', 500000);
	in[500000] = '\0';
	{
		AUTO(ran) struct ran r = sh("cat", in, 10);

		assert_int_equal(r.rc, 0);
		assert_int_equal(r.out.len, 500000);
		assert_string_equal(r.out.data, in);
	}
}

static void
input_that_is_not_read_is_no_error(void **state)
{
	AUTO(free) char *in = calloc(500001, 1);

	(void)state;
	assert_non_null(in);
	memset(in, 'x', 500000);
	{
		AUTO(ran) struct ran r = sh("exit 0", in, 10);
		sigset_t pending;

		assert_int_equal(r.rc, 0);
		assert_int_equal(r.proc.status, 0);
		assert_int_equal(sigpending(&pending), 0);
		assert_false(sigismember(&pending, SIGPIPE));
	}
}

static void
a_timeout_kills(void **state)
{
	int64_t before = clock_mono_ms(clock_real());
	AUTO(ran) struct ran r = sh("sleep 20", NULL, 1);

	(void)state;
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.err.code, ERR_TRANSIENT);
	assert_string_equal(r.err.msg, "program 'sh': took longer than 1 s");
	assert_true(clock_mono_ms(clock_real()) - before < 5000);
}

static void
too_much_output_is_refused(void **state)
{
	AUTO(ran) struct ran r = sh("yes", NULL, 10);

	(void)state;
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.err.code, ERR_CORRUPT);
	assert_string_equal(r.err.msg,
	    "program 'sh': longer than the limit of 1048576 bytes");
}

static void
of_too_many_messages_the_beginning_is_kept(void **state)
{
	AUTO(ran)
	struct ran r =
	    sh("for i in 1 2 3 4 5 6 7 8 9; do echo message >&2; done", NULL,
	        10);

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.errors.data, "message\nmessage\nmess");
}

static void
a_missing_program_is_not_found(void **state)
{
	const char *const argv[] = { "no-such-program-anywhere", NULL };
	struct proc p = { .argv = argv };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(proc_run(&p, NULL, NULL, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_string_equal(err.msg,
	    "program 'no-such-program-anywhere': not installed");
}

static void
what_cannot_be_run_says_why(void **state)
{
	const char *const argv[] = { "/etc/passwd", NULL };
	struct proc p = { .argv = argv };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(proc_run(&p, NULL, NULL, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	assert_string_equal(err.msg,
	    "program '/etc/passwd': cannot be run: Permission denied");
}

/* Whatever our own is, as others have left it to us. */
static void
the_child_has_three_files_and_sigpipe_kills_it(void **state)
{
	AUTO(close) int leaked = open("/dev/null", O_RDONLY); /* no CLOEXEC */
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	AUTO(ran)
	struct ran r = sh("ls /proc/self/fd | wc -l; "
	                  "grep -E 'Sig(Blk|Ign)' /proc/self/status",
	    NULL, 10);
	const char *ignored;

	(void)state;
	(void)signal(SIGPIPE, before);
	assert_true(leaked >= 0);
	assert_int_equal(r.rc, 0);
	assert_memory_equal(r.out.data, "4\n", 2); /* the 4th is that of ls */
	assert_non_null(strstr(r.out.data, "SigBlk:\t0000000000000000"));
	ignored = strstr(r.out.data, "SigIgn:\t");
	assert_non_null(ignored);
	assert_int_equal(strtoul(ignored + 8, NULL, 16) >> (SIGPIPE - 1) & 1,
	    0);
}

/* Dead, if not buried yet by whoever has inherited it; soon. */
static bool
dies(long pid)
{
	char path[64], line[256];

	(void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	for (int i = 0; i < 200; i++) {
		FILE *f = fopen(path, "r");
		bool alive =
		    f && fgets(line, sizeof line, f) && !strstr(line, ") Z");

		if (f)
			(void)fclose(f);
		if (!alive)
			return true;
		clock_sleep_ms(clock_real(), 10);
	}
	return false;
}

static void
nothing_is_left_running(void **state)
{
	int64_t before = clock_mono_ms(clock_real());
	AUTO(ran) struct ran r = sh("sleep 30 & echo $!", NULL, 20);
	long pid = r.out.data ? strtol(r.out.data, NULL, 10) : 0;

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_true(pid > 1);
	assert_true(clock_mono_ms(clock_real()) - before < 5000);
	assert_true(dies(pid));
}

static void
a_child_that_closes_its_output_is_waited_for(void **state)
{
	AUTO(ran)
	struct ran r = sh("exec >&- 2>&-; sleep 0.2; exit 4", NULL, 10);

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.proc.status, 4);
}

static void
an_old_kernel_does_as_well(void **state)
{
	(void)state;
	/* before 5.3 */
	failcall_from("pidfd_open", 0, ENOSYS);
	input_goes_through(state);
	a_child_that_closes_its_output_is_waited_for(state);
	a_timeout_kills(state);
	/* before 5.11 */
	failcall_from("close_range", 0, ENOSYS);
	the_child_has_three_files_and_sigpipe_kills_it(state);
	assert_true(failcall_end());
}

/* The parent in this test is one of our own, which is killed. */
static void
the_child_dies_with_its_parent(void **state)
{
	char path[] = "/tmp/proc-test-XXXXXX", text[32] = "";
	AUTO(close) int fd = mkostemp(path, O_CLOEXEC);
	const char *const argv[] = { "sh", "-c", "echo $$ >$0; exec sleep 30",
		path, NULL };
	struct proc p = { .argv = argv };
	struct err err;
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(proc_run(&p, NULL, NULL, &err) ? 1 : 0);
	for (int i = 0; i < 500 && !strchr(text, '\n'); i++) {
		clock_sleep_ms(clock_real(), 10);
		assert_true(pread(fd, text, sizeof text - 1, 0) >= 0);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(strtol(text, NULL, 10) > 1);
	assert_true(dies(strtol(text, NULL, 10)));
}

static void *
run_ten(void *arg)
{
	int *bad = arg;

	for (int i = 0; i < 10; i++) {
		AUTO(ran) struct ran r = sh("cat", "hello", 10);

		if (r.rc || r.proc.status || r.out.len != 5)
			++*bad;
	}
	return NULL;
}

static void
threads_may_run_programs_at_once(void **state)
{
	struct thread t[3] = { 0 };
	struct err err = { 0 };
	int bad[3] = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(thread_start(&t[i], run_ten, &bad[i], &err),
		    0);
	for (int i = 0; i < 3; i++)
		thread_join(&t[i]);
	assert_int_equal(bad[0] + bad[1] + bad[2], 0);
}

static void
no_memory_for_the_output_is_told(void **state)
{
	const char *const argv[] = { "echo", "hello", NULL };
	struct proc p = { .argv = argv };
	struct buf out = { .max = 100 };
	struct err err = { 0 };
	int rc;

	(void)state;
	failalloc_at(0);
	rc = proc_run(&p, &out, NULL, &err);
	failalloc_at(-1);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_int_equal(proc_run(&p, &out, NULL, &err), 0);
	assert_string_equal(out.data, "hello\n");
	buf_done(&out);
}

static unsigned
open_files(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* What goes wrong in the child is told by the parent. */
static void
each_call_may_fail(void **state)
{
	static const char *const calls[] = { "pipe2", "fcntl64", "open64",
		"memfd_create", "fchmod", "fork", "prctl", "dup2", "poll" };
	const struct proc_file secret = { "secret", 6 };

	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		unsigned failed = 0;

		for (unsigned n = 0; failed == n; n++) {
			const char *const argv[] = { "cat", "/proc/self/fd/3",
				NULL };
			struct proc p = {
				.argv = argv, .files = &secret, .nfiles = 1
			};
			AUTO(buf) struct buf out = { .max = 100 };
			struct err err = { 0 };
			unsigned before = open_files();
			int rc;

			failcall_at(calls[i], n, EIO);
			rc = proc_run(&p, &out, NULL, &err);
			if (failcall_end() && rc)
				failed++;
			assert_int_equal(open_files(), before);
			assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
			if (rc == 0)
				assert_string_equal(out.data, "secret");
			else
				assert_int_equal(err.sys, EIO);
		}
		assert_true(failed > 0);
	}
}

static void
what_cannot_be_given_is_told(void **state)
{
	static const struct {
		const char *call, *says;
		unsigned n;
	} cases[] = {
		{ "write", "cannot make a file in memory", 0 },
		{ "read", "cannot read what it prints", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *const argv[] = { "cat", NULL };
		const struct proc_file file = { "text", 4 };
		struct proc p = { .argv = argv, .files = &file, .nfiles = 1 };
		AUTO(buf) struct buf out = { .max = 100 };
		struct err err = { 0 };

		failcall_at(cases[i].call, cases[i].n, EIO);
		assert_int_equal(proc_run(&p, &out, NULL, &err), -1);
		assert_true(failcall_end());
		assert_int_equal(err.sys, EIO);
		assert_non_null(strstr(err.msg, cases[i].says));
	}
}

static void
a_signal_changes_nothing(void **state)
{
	static const char *const calls[] = { "read", "write", "poll" };

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		for (unsigned n = 0; n < 3; n++) {
			failcall_at(calls[i], n, EINTR);
			input_goes_through(state);
			assert_true(failcall_end() || n > 0);
		}
}

/* Its parent died before it could ask to die with it. */
static void
an_orphan_does_not_begin(void **state)
{
	(void)state;
	failcall_at("getppid", 0, 1);
	AUTO(ran) struct ran r = sh("echo begun", NULL, 5);

	assert_true(failcall_end());
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.proc.status, 127);
	assert_int_equal(r.out.len, 0);
}

static void
with_many_files_open_all_is_the_same(void **state)
{
	int fd[20];

	for (int i = 0; i < 20; i++)
		assert_true((fd[i] = open("/dev/null", O_RDONLY)) >= 0);
	input_goes_through(state);
	for (int i = 0; i < 20; i++)
		assert_int_equal(close(fd[i]), 0);
}

static void
a_stream_that_cannot_go_on_is_named(void **state)
{
	const char *const argv[] = { "cat", NULL };
	struct proc p = { .argv = argv };
	struct proc_child *c = NULL;
	struct err err = { 0 };

	(void)state;
	failcall_at("pipe2", 0, EMFILE);
	assert_int_equal(proc_start(&p, NULL, NULL, &c, &err), -1);
	assert_true(failcall_end());
	assert_int_equal(err.sys, EMFILE);
	assert_non_null(strstr(err.msg, "program 'cat': "));
	assert_null(c);
	assert_int_equal(proc_start(&p, NULL, NULL, &c, &err), 0);
	failcall_at("poll", 0, EIO);
	assert_int_equal(proc_write(c, "x", 1, &err), -1);
	assert_true(failcall_end());
	assert_int_equal(err.sys, EIO);
	assert_non_null(strstr(err.msg, "program 'cat': "));
	proc_free(c);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_the_messages_may_be_kept),
		cmocka_unit_test(input_goes_through),
		cmocka_unit_test(the_exit_status_is_told),
		cmocka_unit_test(no_input_is_an_empty_one),
		cmocka_unit_test(
		    large_input_and_output_do_not_block_each_other),
		cmocka_unit_test(input_that_is_not_read_is_no_error),
		cmocka_unit_test(a_timeout_kills),
		cmocka_unit_test(too_much_output_is_refused),
		cmocka_unit_test(of_too_many_messages_the_beginning_is_kept),
		cmocka_unit_test(a_missing_program_is_not_found),
		cmocka_unit_test(what_cannot_be_run_says_why),
		cmocka_unit_test(
		    the_child_has_three_files_and_sigpipe_kills_it),
		cmocka_unit_test(nothing_is_left_running),
		cmocka_unit_test(a_child_that_closes_its_output_is_waited_for),
		cmocka_unit_test(an_old_kernel_does_as_well),
		cmocka_unit_test(the_child_dies_with_its_parent),
		cmocka_unit_test(threads_may_run_programs_at_once),
		cmocka_unit_test(no_memory_for_the_output_is_told),
		cmocka_unit_test(each_call_may_fail),
		cmocka_unit_test(what_cannot_be_given_is_told),
		cmocka_unit_test(a_signal_changes_nothing),
		cmocka_unit_test(an_orphan_does_not_begin),
		cmocka_unit_test(with_many_files_open_all_is_the_same),
		cmocka_unit_test(a_stream_that_cannot_go_on_is_named),
	};

	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
