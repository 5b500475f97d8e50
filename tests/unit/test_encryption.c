#include "juju/encryption.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/age_kit.h"
#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "base/tree.h"

#define SECRET "secret:d2kjc8n1kf3s7a0000aa"

static int
setup(void **state)
{
	(void)state;
	faketool_setup();
	faketool_add("secret-get",
	    "printf '{\"identity\":\"" AGE_KIT_IDENTITY "\"}'");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	faketool_teardown();
	return 0;
}

struct result {
	struct tree *map;
	struct relation_gap gap;
	struct err err;
	int rc;
};

static inline void
scope_result(struct result *r)
{
	tree_free(r->map);
}

static struct result
read_it(const char *recipients, const char *identity)
{
	const struct encryption e = { recipients, identity, "pb" };
	struct result r = { 0 };

	r.rc = encryption_read(&e, &r.gap, &r.map, &r.err);
	return r;
}

static void
nothing_set_is_nothing_said(void **state)
{
	AUTO(result) struct result r = read_it(NULL, NULL);

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_null(r.map);
	assert_int_equal(r.gap.state, RELATION_READY);
}

static void
recipients_are_words(void **state)
{
	AUTO(result)
	struct result r = read_it(" age1a,age1b \n age1c\n", NULL);
	const struct tree *t;

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_null(tree_get(r.map, "identity"));
	t = tree_get(r.map, "recipients")->child;
	assert_string_equal(t->text, "age1a");
	assert_string_equal(t->next->text, "age1b");
	assert_string_equal(t->next->next->text, "age1c");
	assert_null(t->next->next->next);
	assert_string_equal(t->origin, "charm option 'encryption-recipients'");
}

static void
in_the_clear_may_be_wanted(void **state)
{
	AUTO(result) struct result r = read_it("none", SECRET);

	(void)state;
	assert_int_equal(r.map->kind, TREE_SCALAR);
	assert_string_equal(r.map->text, "none");
}

static void
the_identity_is_the_newest_of_the_secret(void **state)
{
	AUTO(result) struct result r = read_it(AGE_KIT_RECIPIENT, SECRET);
	AUTO(free) char *calls = faketool_calls();

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_string_equal(tree_text(r.map, "identity"), AGE_KIT_IDENTITY);
	assert_string_equal(calls,
	    "secret-get [--format=json] [" SECRET
	    "] [--label] [encryption-identity] [--refresh]\n");
}

static void
a_secret_that_is_not_granted_is_asked_for(void **state)
{
	static const char *const answers[] = {
		"echo 'ERROR permission denied' >&2; exit 1",
		"echo 'ERROR secret \"x\" not found' >&2; exit 1"
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		faketool_add("secret-get", answers[i]);
		AUTO(result)
		struct result r = read_it(AGE_KIT_RECIPIENT, SECRET);

		assert_int_equal(r.rc, 0);
		assert_null(r.map);
		assert_int_equal(r.gap.state, RELATION_BLOCKED);
		assert_string_equal(r.gap.text,
		    "the secret of option 'encryption-identity' cannot be "
		    "read: juju grant-secret " SECRET " pb");
	}
}

static void
another_secret_is_a_mistake_that_is_not_quoted(void **state)
{
	(void)state;
	faketool_add("secret-get", "echo '{\"password\":\"TOPSECRET\"}'");
	AUTO(result) struct result r = read_it(NULL, SECRET);

	assert_int_equal(r.rc, -1);
	assert_int_equal(r.err.code, ERR_USAGE);
	assert_non_null(strstr(r.err.msg, "has no key 'identity'"));
	assert_null(strstr(r.err.msg, "TOPSECRET"));
}

static void
every_allocation_may_fail(void **state)
{
	long n = 0;
	int rc = -1;

	(void)state;
	for (; rc; n++) {
		failalloc_at(n);
		AUTO(result) struct result r = read_it("age1a age1b", NULL);

		failalloc_at(-1);
		rc = r.rc;
		assert_true(rc == 0 || err_is(&r.err, ERR_NOMEM));
	}
	assert_true(n > 6);
	faketool_add("secret-get", "echo '{\"identity\":\"AGE\"}'");
	for (n = 0, rc = -1; rc; n++) {
		failalloc_at(n);
		AUTO(result) struct result r = read_it(NULL, "secret:d2k");

		failalloc_at(-1);
		rc = r.rc;
		assert_true(rc == 0 || err_is(&r.err, ERR_NOMEM));
		assert_true(rc == 0 || !r.map);
	}
	assert_true(n > 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_set_is_nothing_said),
		cmocka_unit_test(recipients_are_words),
		cmocka_unit_test(in_the_clear_may_be_wanted),
		cmocka_unit_test_setup_teardown(
		    the_identity_is_the_newest_of_the_secret, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_secret_that_is_not_granted_is_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    another_secret_is_a_mistake_that_is_not_quoted, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(every_allocation_may_fail,
		    setup, teardown),
	};

	return cmocka_run_group_tests_name("encryption", tests, NULL, NULL);
}
