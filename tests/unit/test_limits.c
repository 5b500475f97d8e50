#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/limits.h"

#define MIB ((uint64_t)1 << 20)

static struct config_limits
of(uint64_t mib, uint64_t transfers)
{
	return (struct config_limits){ .memory = mib * MIB,
		.transfers = transfers };
}

static void
the_least_memory_leaves_room_for_a_large_object(void **state)
{
	const struct config_limits c = of(48, 256);
	struct limits save, load;

	(void)state;
	limits_save(&c, &save);
	limits_load(&c, &load);
	assert_int_equal(save.part, 5 * MIB);
	assert_true(save.budget >= save.large + save.transfers * save.each);
	assert_true(load.budget >= load.large + load.transfers * load.each);
	assert_in_range(save.transfers, 16, 48);
	assert_in_range(load.transfers, 16, save.transfers);
}

static void
the_usual_memory_has_the_usual_transfers(void **state)
{
	const struct config_limits c = of(64, 64);
	struct limits l;

	(void)state;
	limits_save(&c, &l);
	assert_int_equal(l.transfers, 64);
	assert_int_equal(l.part, 5 * MIB);
	/* two large ones and two parts on their way; beside all threads, lanes
	 * and a second pack there is room for a large one */
	assert_true(l.budget >= 2 * (l.large + l.each) + 2 * l.beside);
	assert_true(l.budget >=
	            l.transfers * l.each + l.lanes + l.pack + l.large);
	limits_load(&c, &l);
	assert_in_range(l.transfers, 32, 40);
	assert_true(l.budget >= 3 * (l.large + l.each + l.beside));
}

static void
more_memory_is_more_of_everything_up_to_its_most(void **state)
{
	uint64_t before = 0;

	(void)state;
	for (uint64_t mib = 48; mib <= 1024; mib += 16) {
		const struct config_limits c = of(mib, 256);
		struct limits l;

		limits_save(&c, &l);
		assert_true(l.budget >= before);
		assert_true(l.budget < mib * MIB);
		assert_in_range(l.part, 5 * MIB, 8 * MIB);
		before = l.budget;
	}
	{
		const struct config_limits c = of(1024, 256);
		struct limits l;

		limits_save(&c, &l);
		assert_int_equal(l.transfers, 256);
		assert_int_equal(l.part, 8 * MIB);
	}
}

/* With a limit of bandwidth as well. */
static void
a_large_object_fits_beside_all_threads(void **state)
{
	(void)state;
	for (uint64_t mib = 48; mib <= 1024; mib += 4)
		for (int limited = 0; limited < 2; limited++) {
			struct config_limits c = of(mib, 256);
			struct limits l;

			c.limited = limited;
			limits_save(&c, &l);
			assert_true(l.budget >= l.transfers * l.each + l.large);
			assert_true(!limited == !l.ahead);
			limits_load(&c, &l);
			assert_true(l.budget >= l.transfers * l.each + l.large);
			assert_true(!limited == !l.ahead);
		}
}

static void
no_memory_at_all_is_a_budget_of_nothing(void **state)
{
	const struct config_limits c = of(8, 1);
	struct limits l;

	(void)state;
	limits_save(&c, &l);
	assert_int_equal(l.budget, 0);
	limits_load(&c, &l);
	assert_int_equal(l.budget, 0);
	assert_int_equal(l.transfers, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_least_memory_leaves_room_for_a_large_object),
		cmocka_unit_test(the_usual_memory_has_the_usual_transfers),
		cmocka_unit_test(
		    more_memory_is_more_of_everything_up_to_its_most),
		cmocka_unit_test(a_large_object_fits_beside_all_threads),
		cmocka_unit_test(no_memory_at_all_is_a_budget_of_nothing),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
