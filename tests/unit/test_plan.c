#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "plan/plan.h"

static struct config_component components[] = {
	{ .name = "artifacts", .type = CONFIG_BUCKET },
	{ .name = "mlmd", .type = CONFIG_SQLITE },
	{ .name = "models", .type = CONFIG_BUCKET },
	{ .name = "notes", .type = CONFIG_SQLITE },
};

static const struct config config = {
	.components = components,
	.ncomponents = 4,
};

static void
assert_names(const struct plan *p, const char *const *names, size_t n)
{
	assert_int_equal(p->count, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(p->job[i].component->name, names[i]);
}

static void
what_refers_is_saved_before_what_is_referred_to(void **state)
{
	const char *const want[] = { "mlmd", "notes", "artifacts", "models" };
	struct plan_choice all = { 0 };
	struct err err = { 0 };
	AUTO(plan) struct plan p = { 0 };

	(void)state;
	assert_int_equal(plan_backup(&config, &all, &p, &err), 0);
	assert_names(&p, want, 4);
}

static void
objects_of_clusters_are_saved_last_and_come_back_first_in_order(void **state)
{
	struct config_component some[] = {
		{ .name = "profiles", .type = CONFIG_KUBERNETES },
		{ .name = "users", .type = CONFIG_KUBERNETES },
		{ .name = "b", .type = CONFIG_BUCKET },
		{ .name = "f", .type = CONFIG_SQLITE },
	};
	const struct config c = { .components = some, .ncomponents = 4 };
	const char *const saved[] = { "f", "b", "profiles", "users" };
	const char *const back[] = { "profiles", "users", "b", "f" };
	struct plan_choice all = { 0 };
	struct err err = { 0 };
	AUTO(plan) struct plan p = { 0 };
	AUTO(plan) struct plan r = { 0 };

	(void)state;
	assert_int_equal(plan_backup(&c, &all, &p, &err), 0);
	assert_names(&p, saved, 4);
	assert_int_equal(plan_restore(&c, &all, saved, 4, &r, &err), 0);
	assert_names(&r, back, 4);
}

static void
databases_stand_between_files_and_buckets(void **state)
{
	struct config_component some[] = {
		{ .name = "b", .type = CONFIG_BUCKET },
		{ .name = "pg", .type = CONFIG_POSTGRESQL },
		{ .name = "my", .type = CONFIG_MYSQL },
		{ .name = "f", .type = CONFIG_SQLITE },
	};
	const struct config c = { .components = some, .ncomponents = 4 };
	const char *const want[] = { "f", "pg", "my", "b" };
	struct plan_choice all = { 0 };
	struct err err = { 0 };
	AUTO(plan) struct plan p = { 0 };

	(void)state;
	assert_int_equal(plan_backup(&c, &all, &p, &err), 0);
	assert_names(&p, want, 4);
}

static void
only_what_is_named_is_saved(void **state)
{
	const char *const only[] = { "models", "mlmd" };
	const char *const want[] = { "mlmd", "models" };
	struct plan_choice choice = { .only = only, .nonly = 2 };
	struct err err = { 0 };
	AUTO(plan) struct plan p = { 0 };

	(void)state;
	assert_int_equal(plan_backup(&config, &choice, &p, &err), 0);
	assert_names(&p, want, 2);
}

static void
a_name_that_is_not_configured_is_refused(void **state)
{
	const char *const only[] = { "mlmd2" };
	struct plan_choice choice = { .only = only, .nonly = 1 };
	struct err err = { 0 };
	AUTO(plan) struct plan p = { 0 };

	(void)state;
	assert_int_equal(plan_backup(&config, &choice, &p, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_string_equal(err.msg,
	    "no component 'mlmd2' in the configuration");
	err = (struct err){ 0 };
	assert_int_equal(plan_wanted(&config, &choice, &p, &err), -1);
	assert_string_equal(err.msg,
	    "no component 'mlmd2' in the configuration");
	assert_int_equal(p.count, 0);
}

static void
nothing_to_save_is_refused(void **state)
{
	const char *const only[] = { "mlmd" };
	const struct config none = { 0 };
	const struct plan_choice choices[] = { { 0 },
		{ .only = only, .nonly = 1 } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct err err = { 0 };
		AUTO(plan) struct plan p = { 0 };

		assert_int_equal(plan_backup(&none, &choices[i], &p, &err), -1);
		assert_true(err_is(&err, ERR_USAGE));
		assert_string_equal(err.msg,
		    "no components are configured: name what is to be saved "
		    "in 'components'");
	}
}

static void
restore_goes_the_other_way(void **state)
{
	const char *const in_set[] = { "mlmd", "artifacts", "models" };
	const char *const want[] = { "models", "artifacts", "mlmd" };
	struct plan_choice all = { 0 };
	struct err err = { 0 };
	AUTO(plan) struct plan p = { 0 };

	(void)state;
	assert_int_equal(plan_restore(&config, &all, in_set, 3, &p, &err), 0);
	assert_names(&p, want, 3);
}

static void
a_target_chooses_its_component_alone(void **state)
{
	const char *const in_set[] = { "mlmd", "artifacts" };
	const char *const to[] = { "mlmd=/tmp/copy.db" };
	const char *const want[] = { "mlmd" };
	struct plan_choice choice = { .to = to, .nto = 1 };
	struct err err = { 0 };
	AUTO(plan) struct plan p = { 0 };

	(void)state;
	assert_int_equal(plan_restore(&config, &choice, in_set, 2, &p, &err),
	    0);
	assert_names(&p, want, 1);
	assert_string_equal(p.job[0].to, "/tmp/copy.db");
}

static void
what_is_wanted_is_chosen_by_name_or_target(void **state)
{
	const char *const to[] = { "models=copy" };
	const char *const only[] = { "notes" };
	const char *const want[] = { "notes", "models" };
	struct plan_choice choice = {
		.to = to, .nto = 1, .only = only, .nonly = 1
	};
	struct err err = { 0 };
	AUTO(plan) struct plan p = { 0 };

	(void)state;
	assert_int_equal(plan_wanted(&config, &choice, &p, &err), 0);
	assert_names(&p, want, 2);
}

static void
one_component_has_one_target(void **state)
{
	const char *const in_set[] = { "models", "mlmd" };
	const char *const to[] = { "models=a", "mlmd=/b", "models=c" };
	struct plan_choice choice = { .to = to, .nto = 3 };
	struct err err = { 0 };
	AUTO(plan) struct plan p = { 0 };

	(void)state;
	assert_int_equal(plan_restore(&config, &choice, in_set, 2, &p, &err),
	    -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_string_equal(err.msg,
	    "'--to models=c': the component has a target already");
}

static const struct {
	const char *only, *to, *message;
} bad[] = {
	{ NULL, "mlmd", "'--to mlmd' must be NAME=TARGET" },
	{ NULL, "mlmd=", "'--to mlmd=' must be NAME=TARGET" },
	{ NULL, "=x", "'--to =x' must be NAME=TARGET" },
	{ NULL, "other=x",
	    "'--to other=x': no such component in the configuration" },
	{ NULL, "notes=/x", "'--to notes=/x': the set has no such component" },
	{ "notes", NULL, "the set has no component 'notes'" },
	{ "other", NULL, "no component 'other' in the configuration" },
	{ NULL, NULL,
	    "the set has a component 'gone' that is not in the configuration: "
	    "add it there, or choose others with --component" },
};

static void
restores_that_cannot_be_meant_are_refused(void **state)
{
	const char *const in_set[] = { "mlmd", "gone" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct plan_choice choice = {
			.only = &bad[i].only,
			.nonly = bad[i].only ? 1 : 0,
			.to = &bad[i].to,
			.nto = bad[i].to ? 1 : 0,
		};
		struct err err = { 0 };
		AUTO(plan) struct plan p = { 0 };

		assert_int_equal(plan_restore(&config, &choice, in_set, 2, &p,
		                     &err),
		    -1);
		assert_string_equal(err.msg, bad[i].message);
		assert_true(err_is(&err, ERR_USAGE));
	}
}

static void
no_memory_is_said(void **state)
{
	struct plan_choice all = { 0 };
	struct err err = { 0 };
	AUTO(plan) struct plan p = { 0 };

	(void)state;
	failalloc_at(0);
	assert_int_equal(plan_backup(&config, &all, &p, &err), -1);
	failalloc_at(-1);
	assert_true(err_is(&err, ERR_NOMEM));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_refers_is_saved_before_what_is_referred_to),
		cmocka_unit_test(databases_stand_between_files_and_buckets),
		cmocka_unit_test(
		    objects_of_clusters_are_saved_last_and_come_back_first_in_order),
		cmocka_unit_test(only_what_is_named_is_saved),
		cmocka_unit_test(a_name_that_is_not_configured_is_refused),
		cmocka_unit_test(nothing_to_save_is_refused),
		cmocka_unit_test(restore_goes_the_other_way),
		cmocka_unit_test(a_target_chooses_its_component_alone),
		cmocka_unit_test(what_is_wanted_is_chosen_by_name_or_target),
		cmocka_unit_test(one_component_has_one_target),
		cmocka_unit_test(restores_that_cannot_be_meant_are_refused),
		cmocka_unit_test(no_memory_is_said),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
