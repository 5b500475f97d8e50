#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "base/str.h"
#include "crypto/sha256.h"

static void
assert_hex(const uint8_t digest[SHA256_SIZE], const char *want)
{
	char hex[SHA256_HEX];

	str_hex(digest, SHA256_SIZE, hex);
	assert_string_equal(hex, want);
}

/* FIPS 180-4's examples. */
static void
digests_are_those_of_the_standard(void **state)
{
	uint8_t d[SHA256_SIZE];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sha256_of("abc", 3, d, &err), 0);
	assert_hex(d, "ba7816bf8f01cfea414140de5dae2223"
	              "b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(sha256_of("", 0, d, &err), 0);
	assert_hex(d, "e3b0c44298fc1c149afbf4c8996fb924"
	              "27ae41e4649b934ca495991b7852b855");
	assert_int_equal(sha256_of(NULL, 0, d, &err), 0);
	assert_hex(d, "e3b0c44298fc1c149afbf4c8996fb924"
	              "27ae41e4649b934ca495991b7852b855");
}

static void
pieces_give_the_digest_of_the_whole_again_and_again(void **state)
{
	AUTO(sha256) struct sha256 *h = NULL;
	uint8_t d[SHA256_SIZE];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sha256_new(&h, &err), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sha256_add(h, "a", 1, &err), 0);
		assert_int_equal(sha256_add(h, "", 0, &err), 0);
		assert_int_equal(sha256_add(h, "bc", 2, &err), 0);
		assert_int_equal(sha256_end(h, d, &err), 0);
		assert_hex(d, "ba7816bf8f01cfea414140de5dae2223"
		              "b00361a396177a9cb410ff61f20015ad");
	}
}

/* RFC 4231, test cases 1, 2 and 6. */
static void
hmacs_are_those_of_rfc_4231(void **state)
{
	static const char what[] = "what do ya want for nothing?";
	static const char large[] =
	    "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t key[131], d[SHA256_SIZE];
	struct err err = { 0 };

	(void)state;
	memset(key, 0x0b, 20);
	assert_int_equal(sha256_hmac(key, 20, "Hi There", 8, d, &err), 0);
	assert_hex(d, "b0344c61d8db38535ca8afceaf0bf12b"
	              "881dc200c9833da726e9376c2e32cff7");
	assert_int_equal(sha256_hmac("Jefe", 4, what, sizeof what - 1, d, &err),
	    0);
	assert_hex(d, "5bdcc146bf60754e6a042426089575c7"
	              "5a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof key);
	assert_int_equal(sha256_hmac(key, sizeof key, large, sizeof large - 1,
	                     d, &err),
	    0);
	assert_hex(d, "60e431591ee0b67f0d8a26aacbf5b77f"
	              "8e0bc6213728c5140546040f0ee37f54");
}

static void
one_context_gives_hmacs_and_digests_in_turn(void **state)
{
	AUTO(sha256) struct sha256 *h = NULL;
	uint8_t key[131], d[SHA256_SIZE], want[SHA256_SIZE];
	struct err err = { 0 };

	(void)state;
	memset(key, 0xaa, sizeof key);
	assert_int_equal(sha256_new(&h, &err), 0);
	for (size_t n = 0; n <= sizeof key; n++) {
		assert_int_equal(sha256_hmac(key, n, "abc", 3, want, &err), 0);
		assert_int_equal(sha256_hmac_by(h, key, n, "abc", 3, d, &err),
		    0);
		assert_memory_equal(d, want, sizeof d);
		assert_int_equal(sha256_add(h, "abc", 3, &err), 0);
		assert_int_equal(sha256_end(h, d, &err), 0);
		assert_hex(d, "ba7816bf8f01cfea414140de5dae2223"
		              "b00361a396177a9cb410ff61f20015ad");
	}
}

static void
no_memory_is_told(void **state)
{
	struct sha256 *h = NULL;
	struct err err = { 0 };
	int rc;

	(void)state;
	failalloc_at(0);
	rc = sha256_new(&h, &err);
	failalloc_at(-1);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_null(h);
	sha256_free(NULL);
}

static void
what_openssl_cannot_do_is_told(void **state)
{
	static const char *const calls[] = { "EVP_MD_CTX_new",
		"EVP_DigestInit_ex", "EVP_DigestUpdate", "EVP_DigestFinal_ex",
		"EVP_Digest" };
	uint8_t d[SHA256_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		AUTO(sha256) struct sha256 *h = NULL;
		struct err err = { 0 };

		failcall_at(calls[i], 0, 1);
		assert_true(sha256_new(&h, &err) ||
		            sha256_add(h, "a", 1, &err) ||
		            sha256_end(h, d, &err) ||
		            sha256_of("a", 1, d, &err) ||
		            sha256_hmac("k", 1, "a", 1, d, &err));
		assert_true(failcall_end());
		assert_int_equal(err.code, ERR_NOMEM);
		assert_string_equal(err.msg, "OpenSSL cannot compute SHA-256");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_those_of_the_standard),
		cmocka_unit_test(
		    pieces_give_the_digest_of_the_whole_again_and_again),
		cmocka_unit_test(hmacs_are_those_of_rfc_4231),
		cmocka_unit_test(one_context_gives_hmacs_and_digests_in_turn),
		cmocka_unit_test(no_memory_is_told),
		cmocka_unit_test(what_openssl_cannot_do_is_told),
	};

	return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
