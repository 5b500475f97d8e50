#include "crypto/age_chunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"

static const uint8_t key[AGE_CHUNK_KEY] = { 1, 2, 3 };

struct pair {
	struct age_chunk *seal, *open;
};

static struct pair
make(void)
{
	struct pair p = { 0 };
	struct err err = { 0 };

	assert_int_equal(age_chunk_new(key, true, &p.seal, &err), 0);
	assert_int_equal(age_chunk_new(key, false, &p.open, &err), 0);
	return p;
}

static void
done(struct pair *p)
{
	age_chunk_free(p->seal);
	age_chunk_free(p->open);
}

static void
what_was_sealed_opens_again_and_again(void **state)
{
	struct pair p = make();
	struct err err = { 0 };
	uint8_t sealed[20 + AGE_CHUNK_TAG], plain[20];

	(void)state;
	for (uint64_t i = 0; i < 1000; i += 37) {
		assert_int_equal(age_chunk_seal(p.seal, i, i > 500,
		                     "abcdefghijklmnopqrst", 20, sealed, &err),
		    0);
		memset(plain, 0, sizeof plain);
		assert_int_equal(age_chunk_open(p.open, i, i > 500, sealed,
		                     sizeof sealed, plain, &err),
		    0);
		assert_memory_equal(plain, "abcdefghijklmnopqrst", 20);
	}
	done(&p);
}

static void
number_and_end_are_part_of_it(void **state)
{
	struct pair p = make();
	struct err err = { 0 };
	uint8_t sealed[3 + AGE_CHUNK_TAG], plain[3];
	static const struct {
		uint64_t number;
		bool last, right;
	} given[] = { { 258, false, true }, { 258, true, false },
		{ 259, false, false }, { 2, false, false }, { 1, false, false },
		{ UINT64_MAX, false, false }, { 258, false, true } };

	(void)state;
	assert_int_equal(age_chunk_seal(p.seal, 258, false, "abc", 3, sealed,
	                     &err),
	    0);
	for (size_t i = 0; i < sizeof given / sizeof *given; i++)
		assert_int_equal(age_chunk_open(p.open, given[i].number,
		                     given[i].last, sealed, sizeof sealed,
		                     plain, &err),
		    given[i].right ? 0 : -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	done(&p);
}

static void
no_bit_can_change_and_nothing_is_left_of_what_is_wrong(void **state)
{
	struct pair p = make();
	struct err err = { 0 };
	uint8_t sealed[3 + AGE_CHUNK_TAG], plain[3];

	(void)state;
	assert_int_equal(age_chunk_seal(p.seal, 0, true, "abc", 3, sealed,
	                     &err),
	    0);
	for (size_t i = 0; i < 8 * sizeof sealed; i++) {
		sealed[i / 8] = (uint8_t)(sealed[i / 8] ^ 1U << i % 8);
		memcpy(plain, "xyz", 3);
		assert_int_equal(age_chunk_open(p.open, 0, true, sealed,
		                     sizeof sealed, plain, &err),
		    -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_memory_equal(plain, "\0\0\0", 3);
		sealed[i / 8] = (uint8_t)(sealed[i / 8] ^ 1U << i % 8);
	}
	assert_int_equal(age_chunk_open(p.open, 0, true, sealed,
	                     AGE_CHUNK_TAG - 1, plain, &err),
	    -1);
	assert_string_equal(err.msg, "cut short");
	done(&p);
}

static void
nothing_and_a_whole_chunk_are_possible(void **state)
{
	static uint8_t in[AGE_CHUNK], sealed[AGE_CHUNK_SEALED], out[AGE_CHUNK];
	static const size_t sizes[] = { 0, 1, AGE_CHUNK - 1, AGE_CHUNK };
	struct pair p = make();
	struct err err = { 0 };

	(void)state;
	memset(in, 'q', sizeof in);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t n = sizes[i];

		memset(out, 0, sizeof out);
		assert_int_equal(age_chunk_seal(p.seal, i, false, in, n, sealed,
		                     &err),
		    0);
		assert_int_equal(age_chunk_open(p.open, i, false, sealed,
		                     n + AGE_CHUNK_TAG, out, &err),
		    0);
		assert_memory_equal(in, out, n);
	}
	done(&p);
}

static void
no_memory_is_told(void **state)
{
	struct age_chunk *c = NULL;
	struct err err = { 0 };

	(void)state;
	failalloc_at(0);
	assert_int_equal(age_chunk_new(key, true, &c, &err), -1);
	failalloc_at(-1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_null(c);
	age_chunk_free(NULL);
}

static int
seal_and_open(struct err *err)
{
	uint8_t sealed[AGE_CHUNK_TAG + 1], opened[1];
	struct pair p = { 0 };
	int rc = age_chunk_new(key, true, &p.seal, err) ||
	                 age_chunk_new(key, false, &p.open, err) ||
	                 age_chunk_seal(p.seal, 0, true, "x", 1, sealed, err) ||
	                 age_chunk_open(p.open, 0, true, sealed, sizeof sealed,
	                     opened, err)
	             ? -1
	             : 0;

	done(&p);
	return rc;
}

static void
what_openssl_cannot_do_is_told(void **state)
{
	static const char *const calls[] = { "EVP_CIPHER_CTX_new",
		"EVP_CipherInit_ex", "EVP_EncryptUpdate", "EVP_DecryptUpdate" };

	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		unsigned n = 0;
		struct err err = { 0 };

		for (;; n++) {
			failcall_at(calls[i], n, 1);
			if (seal_and_open(&err) == 0)
				break;
			assert_true(failcall_end());
			assert_int_equal(err.code, ERR_NOMEM);
			assert_string_equal(err.msg, "OpenSSL cannot compute "
			                             "ChaCha20-Poly1305");
		}
		assert_false(failcall_end());
		assert_true(n > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sealed_opens_again_and_again),
		cmocka_unit_test(number_and_end_are_part_of_it),
		cmocka_unit_test(
		    no_bit_can_change_and_nothing_is_left_of_what_is_wrong),
		cmocka_unit_test(nothing_and_a_whole_chunk_are_possible),
		cmocka_unit_test(no_memory_is_told),
		cmocka_unit_test(what_openssl_cannot_do_is_told),
	};

	return cmocka_run_group_tests_name("age_chunk", tests, NULL, NULL);
}
