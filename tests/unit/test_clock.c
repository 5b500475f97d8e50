#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "base/clock.h"

static void
the_machines_clock_is_the_time(void **state)
{
	int64_t before = (int64_t)time(NULL), now;

	(void)state;
	now = clock_now(clock_real());
	assert_in_range(now, before, before + 2);
	assert_in_range(clock_now_ms(clock_real()), before * 1000,
	    before * 1000 + 3000);
}

static void
sleeping_takes_that_long(void **state)
{
	int64_t before = clock_mono_ms(clock_real()), took;

	(void)state;
	clock_sleep_ms(clock_real(), 30);
	took = clock_mono_ms(clock_real()) - before;
	assert_in_range(took, 29, 5000);
}

struct fake {
	int64_t now;
};

static int64_t
fake_now(void *ctx)
{
	return ((struct fake *)ctx)->now;
}

static int64_t
fake_mono(void *ctx)
{
	return ((struct fake *)ctx)->now - 1000;
}

static void
fake_sleep(void *ctx, unsigned ms)
{
	((struct fake *)ctx)->now += ms;
}

static void
a_test_can_decide_the_time(void **state)
{
	struct fake fake = { 5999 };
	const struct clock c = { fake_now, fake_mono, fake_sleep, &fake };

	(void)state;
	assert_int_equal(clock_now(&c), 5);
	assert_int_equal(clock_mono_ms(&c), 4999);
	clock_sleep_ms(&c, 1);
	assert_int_equal(clock_now(&c), 6);
	assert_int_equal(clock_now_ms(&c), 6000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_machines_clock_is_the_time),
		cmocka_unit_test(sleeping_takes_that_long),
		cmocka_unit_test(a_test_can_decide_the_time),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
