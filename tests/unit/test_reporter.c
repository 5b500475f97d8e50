#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/faketool.h"
#include "cmd/reporter.h"

static int64_t
mono(void *ctx)
{
	return *(int64_t *)ctx;
}

static void
tell(struct reporter *r, const char *component, uint64_t objects, bool last)
{
	const struct progress_state p = {
		.component = component,
		.objects = objects,
		.last = last,
	};

	r->progress.tell(r->progress.ctx, &p);
}

static void
lines_are_sparse(void **state)
{
	int64_t now = 0;
	const struct clock clock = { .mono_ms = mono, .ctx = &now };
	struct reporter r;
	AUTO(free) char *calls = NULL;
	static const char *const want[] = {
		"status-set [--application=False] [maintenance] [--] [saving: "
		"mlmd]",
		"action-log [--] [mlmd                 3 objects",
		"status-set [--application=False] [maintenance] [--] [saving: "
		"mlpipeline]",
		"action-log [--] [mlpipeline           2 objects",
		"action-log [--] [mlpipeline           9 objects",
	};
	const char *at;

	(void)state;
	faketool_setup();
	faketool_add("status-set", "");
	faketool_add("action-log", "");
	reporter_init(&r, "saving", &clock);
	tell(&r, "mlmd", 1, false);
	now = 29999;
	tell(&r, "mlmd", 2, false);
	tell(&r, "mlmd", 3, true);
	tell(&r, "mlpipeline", 1, false);
	now += 30000;
	tell(&r, "mlpipeline", 2, false);
	tell(&r, "mlpipeline", 3, false);
	tell(&r, "mlpipeline", 9, true);
	calls = faketool_calls();
	faketool_teardown();
	at = calls;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		assert_int_equal(strncmp(at, want[i], strlen(want[i])), 0);
		at = strchr(at, '\n') + 1;
	}
	assert_string_equal(at, "");
}

static void
juju_that_does_not_listen_is_no_reason_to_stop(void **state)
{
	int64_t now = 0;
	const struct clock clock = { .mono_ms = mono, .ctx = &now };
	struct reporter r;

	(void)state;
	faketool_setup();
	faketool_add("status-set", "exit 1");
	faketool_add("action-log", "exit 1");
	reporter_init(&r, "saving", &clock);
	tell(&r, "mlmd", 1, true);
	faketool_teardown();
	assert_string_equal(r.component, "mlmd");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_sparse),
		cmocka_unit_test(
		    juju_that_does_not_listen_is_no_reason_to_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
