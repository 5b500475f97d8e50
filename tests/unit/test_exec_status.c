#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "kube/exec_status.h"

#define FAILURE(rest) "{\"metadata\":{},\"status\":\"Failure\"," rest "}"
#define CODE(n)                                                   \
	FAILURE("\"reason\":\"NonZeroExitCode\",\"details\":"     \
	        "{\"causes\":[{\"reason\":\"ExitCode\",\"message" \
	        "\":\"" n "\"}]}")

static void
how_it_ended_is_read(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
		int status;
	} t[] = {
		{ "{\"metadata\":{},\"status\":\"Success\"}", ERR_NONE, 0 },
		{ CODE("3"), ERR_NONE, 3 },
		{ CODE("137"), ERR_NONE, 137 },
		{ CODE("0"), ERR_REMOTE, -1 },
		{ CODE("256"), ERR_REMOTE, -1 },
		{ CODE("three"), ERR_REMOTE, -1 },
		{ FAILURE("\"reason\":\"NonZeroExitCode\""), ERR_REMOTE, -1 },
		{ FAILURE("\"message\":\"exec: \\\"sh\\\": executable file "
		          "not found in $PATH\""),
		    ERR_NOTFOUND, -1 },
		{ FAILURE("\"message\":\"no such file or directory\""),
		    ERR_NOTFOUND, -1 },
		{ FAILURE("\"message\":\"oh\""), ERR_REMOTE, -1 },
		{ FAILURE("\"code\":500"), ERR_REMOTE, -1 },
		{ "{}", ERR_REMOTE, -1 },
		{ "[1]", ERR_REMOTE, -1 },
		{ "exit", ERR_REMOTE, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct err err = { 0 };
		int status = -1;
		int rc = exec_status_read(t[i].text, strlen(t[i].text), &status,
		    &err);

		assert_int_equal(rc, t[i].code == ERR_NONE ? 0 : -1);
		assert_int_equal(err.code, t[i].code);
		assert_int_equal(status, t[i].status);
	}
}

static void
every_allocation_may_fail(void **state)
{
	static const char text[] = CODE("3");

	(void)state;
	for (long n = 0;; n++) {
		struct err err = { 0 };
		int rc, status;

		failalloc_at(n);
		rc = exec_status_read(text, sizeof text - 1, &status, &err);
		failalloc_at(-1);
		if (rc == 0)
			return;
		assert_int_equal(err.code, ERR_NOMEM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_it_ended_is_read),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("exec_status", tests, NULL, NULL);
}
