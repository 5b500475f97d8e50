#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "s3/s3_keys.h"

static void
the_newest_keys_stand_in_front(void **state)
{
	struct s3_keyring *ring = NULL, *first;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(s3_keys_add(&ring, "a", "s", "", &err), 0);
	first = ring;
	assert_null(ring->keys.session_token);
	assert_int_equal(s3_keys_add(&ring, "b", "s", "t", &err), 0);
	assert_ptr_equal(ring->older, first);
	assert_string_equal(ring->keys.access_key, "b");
	assert_string_equal(ring->keys.session_token, "t");
	assert_string_equal(first->keys.access_key, "a");
	s3_keys_free(ring);
	s3_keys_free(NULL);
}

static void
what_is_no_key_is_not_added(void **state)
{
	static const char *const wrong[3][3] = { { "a\n", "s", NULL },
		{ "a", "s s", NULL }, { "a", "s", "\xc3\xbc" } };
	struct s3_keyring *ring = NULL;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(s3_keys_add(&ring, wrong[i][0], wrong[i][1],
		                     wrong[i][2], &err),
		    -1);
		assert_true(err_is(&err, ERR_USAGE));
		assert_null(ring);
	}
}

static void
keys_are_the_same_if_all_three_are(void **state)
{
	char a[] = "a", b[] = "b", none[] = "";
	const struct s3_keys one = { a, b, NULL }, same = { a, b, none },
	                     token = { a, b, a }, access = { b, b, NULL },
	                     secret = { a, a, NULL };

	(void)state;
	assert_true(s3_keys_same(&one, &same));
	assert_false(s3_keys_same(&one, &token));
	assert_false(s3_keys_same(&one, &access));
	assert_false(s3_keys_same(&one, &secret));
}

static void
every_allocation_may_fail(void **state)
{
	struct err err = { 0 };
	long n = 0;

	(void)state;
	for (;; n++) {
		struct s3_keyring *ring = NULL;
		int rc;

		failalloc_at(n);
		rc = s3_keys_add(&ring, "a", "s", "t", &err);
		failalloc_at(-1);
		s3_keys_free(ring);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_int_equal(n, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_keys_stand_in_front),
		cmocka_unit_test(what_is_no_key_is_not_added),
		cmocka_unit_test(keys_are_the_same_if_all_three_are),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("s3_keys", tests, NULL, NULL);
}
