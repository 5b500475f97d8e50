#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../lib/failalloc.h"
#include "base/tree.h"

static struct tree *
map(void)
{
	struct err err = { 0 };
	struct tree *t = NULL;

	assert_int_equal(tree_new(TREE_MAP, NULL, "f", 3, &t, &err), 0);
	return t;
}

static void
children_keep_their_order(void **state)
{
	AUTO(tree) struct tree *t = map();
	struct err err = { 0 };

	(void)state;
	assert_int_equal(tree_add_text(t, "b", "1", &err), 0);
	assert_int_equal(tree_add_text(t, "a", "2", &err), 0);
	assert_string_equal(t->child->name, "b");
	assert_string_equal(t->child->next->name, "a");
	assert_string_equal(tree_text(t, "a"), "2");
	assert_int_equal(t->child->line, 3);
	assert_string_equal(t->child->origin, "f");
	assert_false(t->child->quoted);
}

static void
an_empty_text_adds_nothing(void **state)
{
	AUTO(tree) struct tree *t = map();
	struct err err = { 0 };

	(void)state;
	assert_int_equal(tree_add_text(t, "a", NULL, &err), 0);
	assert_int_equal(tree_add_text(t, "a", "", &err), 0);
	assert_null(t->child);
}

static void
what_is_not_there_is_null(void **state)
{
	AUTO(tree) struct tree *t = map();
	struct err err = { 0 };

	(void)state;
	assert_int_equal(tree_add_text(t, "a", "1", &err), 0);
	assert_null(tree_get(t, "b"));
	assert_null(tree_get(NULL, "a"));
	assert_null(tree_get(t->child, "a"));
	assert_null(tree_text(t, "b"));
	assert_int_equal(tree_add(t, "m", map(), &err), 0);
	assert_null(tree_text(t, "m"));
}

static void
a_member_is_put_in_its_place(void **state)
{
	AUTO(tree) struct tree *t = map();
	struct err err = { 0 };

	(void)state;
	assert_int_equal(tree_add_text(t, "a", "1", &err), 0);
	assert_int_equal(tree_add_text(t, "b", "2", &err), 0);
	assert_int_equal(tree_set_text(t, "b", "3", &err), 0);
	assert_int_equal(tree_set(t, "a", map(), &err), 0);
	assert_int_equal(tree_set_text(t, "c", "", &err), 0);
	assert_int_equal(tree_get(t, "a")->kind, TREE_MAP);
	assert_ptr_equal(t->child, tree_get(t, "a"));
	assert_string_equal(t->child->next->text, "3");
	assert_true(t->child->next->quoted);
	assert_string_equal(t->last->name, "c");
	assert_null(t->last->next);
}

static void
what_is_removed_leaves_no_gap(void **state)
{
	AUTO(tree) struct tree *t = map();
	struct err err = { 0 };

	(void)state;
	for (const char *c = "abc"; *c; c++)
		assert_int_equal(tree_add_text(t, (char[]){ *c, 0 }, c, &err),
		    0);
	assert_false(tree_remove(t, "d"));
	assert_true(tree_remove(t, "c"));
	assert_true(tree_remove(t, "a"));
	assert_string_equal(t->child->name, "b");
	assert_int_equal(tree_add_text(t, "d", "4", &err), 0);
	assert_string_equal(t->child->next->name, "d");
	assert_true(tree_remove(t, "b"));
	assert_true(tree_remove(t, "d"));
	assert_null(t->child);
	assert_int_equal(tree_add_text(t, "e", "5", &err), 0);
	assert_string_equal(t->child->name, "e");
}

static void
a_path_leads_from_map_to_map(void **state)
{
	AUTO(tree) struct tree *t = map();
	struct tree *inner = map();
	struct err err = { 0 };

	(void)state;
	assert_int_equal(tree_add_text(inner, "b", "1", &err), 0);
	assert_int_equal(tree_add(t, "a", inner, &err), 0);
	assert_string_equal(tree_in(t, "a", "b", NULL)->text, "1");
	assert_null(tree_in(t, "a", "c", NULL));
	assert_null(tree_in(t, "c", "b", NULL));
	assert_null(tree_in(t, "a", "b", "c", NULL));
	assert_null(tree_in(NULL, "a", NULL));
}

static void
an_origin_lives_as_long_as_one_who_shares_it(void **state)
{
	struct tree *t = map();
	AUTO(tree) struct tree *other = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(tree_new_like(t, TREE_SCALAR, "x", 8, &other, &err),
	    0);
	tree_free(t);
	assert_string_equal(other->origin, "f");
	assert_int_equal(other->line, 8);
}

static void
errors_say_where(void **state)
{
	AUTO(tree) struct tree *t = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(tree_new(TREE_SCALAR, "x", "a.yaml", 7, &t, &err), 0);
	assert_int_equal(tree_err(t, &err, "bad '%s'", t->text), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_string_equal(err.msg, "a.yaml:7: bad 'x'");
	t->line = 0;
	assert_int_equal(tree_err(t, &err, "bad"), -1);
	assert_string_equal(err.msg, "a.yaml: bad");
	t->origin = "";
	assert_int_equal(tree_err(t, &err, "bad"), -1);
	assert_string_equal(err.msg, "bad");
}

static int
scenario(struct err *err)
{
	AUTO(tree) struct tree *t = NULL;
	struct tree *list = NULL, *item = NULL;

	if (tree_new(TREE_MAP, NULL, "f", 1, &t, err) ||
	    tree_add_text(t, "a", "1", err) ||
	    tree_new(TREE_LIST, NULL, "f", 2, &list, err) ||
	    tree_add(t, "l", list, err) ||
	    tree_new(TREE_SCALAR, "x", "f", 3, &item, err))
		return -1;
	return tree_add(list, NULL, item, err);
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(failalloc_each(scenario) >= 9);
}

static void
what_a_file_or_a_variable_gives_is_found_by_its_name(void **state)
{
	static const char *const name[] = { "key-files", "no-key", "key-file",
		"name-env", "plain" };
	AUTO(tree) struct tree *t = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(tree_new(TREE_MAP, NULL, "p.yaml", 1, &t, &err), 0);
	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		assert_int_equal(tree_add_text(t, name[i], "x", &err), 0);
	assert_string_equal(tree_given(t, "key")->name, "key-file");
	assert_string_equal(tree_given(t, "name")->name, "name-env");
	assert_string_equal(tree_given(t, "plain")->name, "plain");
	assert_null(tree_given(t, "pla"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_keep_their_order),
		cmocka_unit_test(an_empty_text_adds_nothing),
		cmocka_unit_test(what_is_not_there_is_null),
		cmocka_unit_test(a_member_is_put_in_its_place),
		cmocka_unit_test(what_is_removed_leaves_no_gap),
		cmocka_unit_test(a_path_leads_from_map_to_map),
		cmocka_unit_test(an_origin_lives_as_long_as_one_who_shares_it),
		cmocka_unit_test(errors_say_where),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(
		    what_a_file_or_a_variable_gives_is_found_by_its_name),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
