#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"

#include "base/clock.h"
#include "stream/child.h"

static int
explain(void *arg, const struct proc *p, const struct buf *errors,
    struct err *err)
{
	(void)arg;
	return err_set(err, ERR_REMOTE, "ended with %d: %s", p->status,
	    errors->data ? errors->data : "");
}

/* A shell as a filter into memory. */
struct world {
	const char *argv[4];
	struct proc proc;
	struct buf errors;
	struct sink *mem, *s;
	struct err err;
};

static int
begin(struct world *w, const char *script)
{
	struct child_options o = { &w->proc, &w->errors, explain, NULL };

	*w = (struct world){ .argv = { "sh", "-c", script, NULL },
		.errors = { .max = 100 } };
	w->proc.argv = w->argv;
	assert_int_equal(sink_mem_new(8 << 20, &w->mem, &w->err), 0);
	return child_sink_new(&o, w->mem, &w->s, &w->err);
}

static void
end(struct world *w)
{
	sink_free(w->s);
	buf_done(&w->errors);
}

static void
bytes_go_through_a_program(void **state)
{
	static char block[1 << 20];
	struct world w;
	size_t n;

	(void)state;
	assert_int_equal(begin(&w, "tr a b; printf end"), 0);
	(void)memset(block, 'a', sizeof block);
	for (int i = 0; i < 4; i++)
		assert_int_equal(sink_write(w.s, block, sizeof block, &w.err),
		    0);
	assert_int_equal(sink_finish(w.s, &w.err), 0);
	assert_true(w.mem->finished);
	assert_memory_equal(sink_mem_data(w.mem, &n), "bbbb", 4);
	assert_int_equal(n, (4 << 20) + 3);
	end(&w);
}

static void
a_program_that_fails_finishes_nothing(void **state)
{
	struct world w;

	(void)state;
	assert_int_equal(begin(&w, "cat >/dev/null; echo bad >&2; exit 3"), 0);
	assert_int_equal(sink_write(w.s, "x", 1, &w.err), 0);
	assert_int_equal(sink_finish(w.s, &w.err), -1);
	assert_int_equal(w.err.code, ERR_REMOTE);
	assert_string_equal(w.err.msg, "child: ended with 3: bad\n");
	assert_false(w.mem->finished);
	end(&w);
}

static void
a_program_that_ends_early_says_why(void **state)
{
	static char block[1 << 20];
	struct world w;
	int rc = 0;

	(void)state;
	assert_int_equal(begin(&w, "echo early >&2; exit 4"), 0);
	for (int i = 0; i < 4 && rc == 0; i++)
		rc = sink_write(w.s, block, sizeof block, &w.err);
	assert_int_equal(rc, -1);
	assert_string_equal(w.err.msg, "child: ended with 4: early\n");
	end(&w);
}

static void
freed_before_its_end_it_is_killed(void **state)
{
	struct world w;
	int64_t begun = clock_mono_ms(clock_real());

	(void)state;
	assert_int_equal(begin(&w, "sleep 20"), 0);
	end(&w);
	assert_true(clock_mono_ms(clock_real()) - begun < 5000);
	assert_int_equal(begin(&w, "exec no-such-program-here"), 0);
	assert_int_equal(sink_finish(w.s, &w.err), -1);
	end(&w);
}

static void
output_that_cannot_be_taken_ends_it(void **state)
{
	const char *const argv[] = { "sh", "-c", "yes", NULL };
	AUTO(sink) struct sink *to = NULL;
	AUTO(buf) struct buf errors = { .max = 100 };
	struct proc p = { .argv = argv };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sink_mem_new(100000, &to, &err), 0);
	assert_int_equal(child_run(&p, to, &errors, &err), -1);
	assert_null(strstr(err.msg, "program"));
}

static void
silence_has_a_limit(void **state)
{
	const char *const argv[] = { "sh", "-c", "sleep 20", NULL };
	AUTO(sink) struct sink *to = NULL;
	struct proc p = { .argv = argv, .quiet_s = 1 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sink_null_new(&to, &err), 0);
	assert_int_equal(child_run(&p, to, NULL, &err), -1);
	assert_int_equal(err.code, ERR_TRANSIENT);
	assert_string_equal(err.msg,
	    "program 'sh': nothing came or went for 1 s");
}

/* Read twice, from its start each time; nobody else may read it. */
static void
files_and_environment_reach_it(void **state)
{
	const char *const argv[] = { "sh", "-c",
		"cat /proc/self/fd/3 /proc/self/fd/3 /proc/self/fd/4; env | "
		"grep -v ^_ | grep -v ^PWD; ls /proc/self/fd | wc -l; "
		"stat -Lc %a /proc/self/fd/3",
		NULL };
	const char *const env[] = { "PATH=/usr/bin:/bin", "A=b", NULL };
	const struct proc_file files[] = { { "one ", 4 }, { "two\n", 4 } };
	AUTO(buf) struct buf out = { .max = 1000 };
	struct proc p = {
		.argv = argv, .env = env, .files = files, .nfiles = 2
	};
	struct err err = { 0 };

	(void)state;
	assert_int_equal(proc_run(&p, &out, NULL, &err), 0);
	/* its three, two files, and the folder itself */
	assert_non_null(strstr(out.data, "one one two\n"));
	assert_non_null(strstr(out.data, "A=b\n"));
	assert_null(strstr(out.data, "HOME="));
	assert_non_null(strstr(out.data, "\n6\n600\n"));
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	for (long n = 0;; n++) {
		const char *argv[] = { "cat", NULL };
		struct proc p = { .argv = argv };
		struct child_options o = { &p, NULL, explain, NULL };
		struct sink *mem = NULL, *s = NULL;
		struct err err = { 0 };
		int rc;

		assert_int_equal(sink_mem_new(100, &mem, &err), 0);
		failalloc_at(n);
		rc = child_sink_new(&o, mem, &s, &err);
		if (rc == 0)
			rc = sink_write(s, "x", 1, &err);
		if (rc == 0)
			rc = sink_finish(s, &err);
		failalloc_at(-1);
		sink_free(s);
		if (rc == 0)
			return;
		assert_int_equal(err.code, ERR_NOMEM);
	}
}

/* It wanted no more, and that was no failure of its own. */
static void
a_program_that_leaves_input_unread_is_told(void **state)
{
	static char block[1 << 20];
	struct world w;
	int rc = 0;

	(void)state;
	assert_int_equal(begin(&w, "exit 0"), 0);
	for (int i = 0; i < 4 && rc == 0; i++)
		rc = sink_write(w.s, block, sizeof block, &w.err);
	assert_int_equal(rc, -1);
	assert_int_equal(w.err.code, ERR_CHANGED);
	assert_non_null(strstr(w.err.msg, "it does not read any more"));
	end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_through_a_program),
		cmocka_unit_test(a_program_that_fails_finishes_nothing),
		cmocka_unit_test(a_program_that_ends_early_says_why),
		cmocka_unit_test(freed_before_its_end_it_is_killed),
		cmocka_unit_test(output_that_cannot_be_taken_ends_it),
		cmocka_unit_test(silence_has_a_limit),
		cmocka_unit_test(files_and_environment_reach_it),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(a_program_that_leaves_input_unread_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
