#include "crypto/x25519.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failcall.h"
#include "base/str.h"
#include "crypto/rand.h"

static void
unhex(const char *hex, uint8_t out[X25519_SIZE])
{
	struct err err = { 0 };

	assert_int_equal(str_unhex(hex, out, X25519_SIZE, &err), 0);
}

/* RFC 7748, 5.2 */
static void
the_examples_of_the_rfc_come_out(void **state)
{
	static const char *const example[][3] = {
		{ "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba"
		  "449ac4",
		    "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0"
		    "ab1c4c",
		    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577"
		    "a28552" },
		{ "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e79"
		  "18ba0d",
		    "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c7"
		    "15a493",
		    "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647a"
		    "ac7957" },
	};
	uint8_t secret[X25519_SIZE], other[X25519_SIZE], want[X25519_SIZE],
	    got[X25519_SIZE];
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		unhex(example[i][0], secret);
		unhex(example[i][1], other);
		unhex(example[i][2], want);
		assert_int_equal(x25519_shared(secret, other, got, &err), 0);
		assert_memory_equal(got, want, sizeof want);
	}
}

static void
the_public_key_is_that_of_the_base_point(void **state)
{
	uint8_t nine[X25519_SIZE] = { 9 }, got[X25519_SIZE], want[X25519_SIZE];
	struct err err = { 0 };

	(void)state;
	unhex("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae307"
	      "9",
	    want);
	assert_int_equal(x25519_public(nine, got, &err), 0);
	assert_memory_equal(got, want, sizeof want);
}

static void
both_sides_come_to_the_same(void **state)
{
	uint8_t a[X25519_SIZE], b[X25519_SIZE], pa[X25519_SIZE],
	    pb[X25519_SIZE], one[X25519_SIZE], two[X25519_SIZE];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(rand_bytes(a, sizeof a, &err), 0);
	assert_int_equal(rand_bytes(b, sizeof b, &err), 0);
	assert_int_equal(x25519_public(a, pa, &err), 0);
	assert_int_equal(x25519_public(b, pb, &err), 0);
	assert_int_equal(x25519_shared(a, pb, one, &err), 0);
	assert_int_equal(x25519_shared(b, pa, two, &err), 0);
	assert_memory_equal(one, two, sizeof one);
}

static void
points_that_keep_nothing_secret_are_refused(void **state)
{
	uint8_t secret[X25519_SIZE] = { 8 }, got[X25519_SIZE];
	uint8_t zero[X25519_SIZE] = { 0 }, one[X25519_SIZE] = { 1 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(x25519_shared(secret, zero, got, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(x25519_shared(secret, one, got, &err), -1);
	assert_string_equal(err.msg, "a public key that keeps nothing secret");
}

static void
what_openssl_cannot_do_is_told(void **state)
{
	static const char *const calls[] = { "EVP_PKEY_new_raw_private_key",
		"EVP_PKEY_new_raw_public_key" };
	const uint8_t secret[X25519_SIZE] = { 8 }, other[X25519_SIZE] = { 9 };
	uint8_t out[X25519_SIZE];
	struct err err = { 0 };

	(void)state;
	failcall_at(calls[0], 0, 1);
	assert_int_equal(x25519_public(secret, out, &err), -1);
	assert_true(failcall_end());
	assert_int_equal(err.code, ERR_NOMEM);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		err = (struct err){ 0 };
		failcall_at(calls[i], 0, 1);
		assert_int_equal(x25519_shared(secret, other, out, &err), -1);
		assert_true(failcall_end());
		assert_int_equal(err.code, ERR_NOMEM);
		assert_string_equal(err.msg, "OpenSSL cannot compute X25519");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfc_come_out),
		cmocka_unit_test(the_public_key_is_that_of_the_base_point),
		cmocka_unit_test(both_sides_come_to_the_same),
		cmocka_unit_test(points_that_keep_nothing_secret_are_refused),
		cmocka_unit_test(what_openssl_cannot_do_is_told),
	};

	return cmocka_run_group_tests_name("x25519", tests, NULL, NULL);
}
