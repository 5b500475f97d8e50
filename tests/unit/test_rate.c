#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rate.h"

/* A clock that stands still but for sleeping. */
static int64_t slept_ms;

static int64_t
still(void *ctx)
{
	(void)ctx;
	return 1000000 + slept_ms;
}

static void
sleep_on(void *ctx, unsigned ms)
{
	(void)ctx;
	slept_ms += ms;
}

static void
a_limit_of_bytes_a_second_holds(void **state)
{
	const struct clock clock = {
		.now_ms = still, .mono_ms = still, .sleep_ms = sleep_on
	};
	struct rate r;

	(void)state;
	rate_init(&r, 1000, &clock);
	for (int i = 0; i < 101; i++)
		rate_take(&r, 100);
	assert_in_range(slept_ms, 9900, 10000);
	rate_done(&r);
	rate_init(&r, 0, &clock);
	slept_ms = 0;
	rate_take(&r, UINT64_MAX);
	rate_take(&r, UINT64_MAX);
	assert_int_equal(slept_ms, 0);
	rate_done(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_of_bytes_a_second_holds),
	};

	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
