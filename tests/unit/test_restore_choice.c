#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "base/tree.h"
#include "cmd/restore_choice.h"

static void
nothing_given_is_everything(void **state)
{
	const struct restore_texts in = { .selector = "",
		.policy = "none",
		.mapping = "",
		.include_resources = "" };
	AUTO(restore_choice) struct restore_choice c = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(restore_choice_read(&in, &c, &err), 0);
	assert_null(c.kube.select.include_resources);
	assert_null(c.kube.labels);
	assert_null(c.kube.namespaces);
	assert_false(c.kube.update);
}

static const struct restore_texts all = { .include_namespaces = "a, b",
	.exclude_namespaces = "c",
	.include_resources = "pods",
	.exclude_resources = "secrets,",
	.or_selector = "a=b,c==d or e=f",
	.mapping = "a:x,b:y",
	.policy = "update" };

static void
words_are_cut_and_trimmed(void **state)
{
	AUTO(restore_choice) struct restore_choice c = { 0 };
	struct err err = { 0 };
	const struct tree *t;

	(void)state;
	assert_int_equal(restore_choice_read(&all, &c, &err), 0);
	t = c.kube.select.include_namespaces->child;
	assert_string_equal(t->text, "a");
	assert_string_equal(t->next->text, "b");
	assert_null(t->next->next);
	assert_string_equal(c.kube.select.exclude_namespaces->child->text, "c");
	assert_string_equal(c.kube.select.include_resources->child->text,
	    "pods");
	assert_null(c.kube.select.exclude_resources->child->next);
	t = c.kube.labels->child;
	assert_string_equal(tree_text(t, "a"), "b");
	assert_string_equal(tree_text(t, "c"), "d");
	assert_string_equal(tree_text(t->next, "e"), "f");
	assert_string_equal(tree_text(c.kube.namespaces, "b"), "y");
	assert_true(c.kube.update);
}

static void
what_makes_no_sense_is_refused(void **state)
{
	static const struct restore_texts bad[] = {
		{ .policy = "all" },
		{ .selector = "a" },
		{ .selector = "=b" },
		{ .or_selector = "a=b or c" },
		{ .selector = "a=b", .or_selector = "c=d" },
		{ .mapping = "a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO(restore_choice) struct restore_choice c = { 0 };
		struct err err = { 0 };

		assert_int_equal(restore_choice_read(&bad[i], &c, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
	}
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(restore_choice) struct restore_choice c = { 0 };
		struct err err = { 0 };

		failalloc_at(fails);
		rc = restore_choice_read(&all, &c, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
	}
	assert_true(fails >= 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_is_everything),
		cmocka_unit_test(words_are_cut_and_trimmed),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("restore_choice", tests, NULL, NULL);
}
