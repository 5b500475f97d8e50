#include "crypto/bech32.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/age_kit.h"

static void
the_examples_of_the_specification_come_out(void **state)
{
	uint8_t bytes[BECH32_BYTES];
	char text[100];

	(void)state;
	/* c2sp.org/age: an identity of 32 times 0x42 */
	memset(bytes, 0x42, sizeof bytes);
	bech32_encode("AGE-SECRET-KEY-", bytes, text);
	assert_string_equal(text, AGE_KIT_IDENTITY);
	memset(bytes, 0, sizeof bytes);
	assert_true(bech32_decode(text, "AGE-SECRET-KEY-", bytes));
	for (size_t i = 0; i < sizeof bytes; i++)
		assert_int_equal(bytes[i], 0x42);
	assert_true(bech32_decode(AGE_KIT_RECIPIENT, "age", bytes));
	bech32_encode("age", bytes, text);
	assert_string_equal(text, AGE_KIT_RECIPIENT);
}

static void
what_is_encoded_is_decoded(void **state)
{
	uint8_t bytes[BECH32_BYTES] = { 0 }, back[BECH32_BYTES];
	char text[100];

	(void)state;
	for (unsigned i = 0; i < 8 * sizeof bytes; i++) {
		bytes[i / 8] = (uint8_t)(bytes[i / 8] ^ 1U << i % 8);
		bech32_encode("x", bytes, text);
		assert_int_equal(strlen(text), 1 + BECH32_TAIL);
		assert_true(bech32_decode(text, "x", back));
		assert_memory_equal(back, bytes, sizeof bytes);
	}
}

static void
every_changed_letter_is_seen(void **state)
{
	static const char letters[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7lb1Q ";
	uint8_t bytes[BECH32_BYTES] = { 7 };
	char text[] = AGE_KIT_RECIPIENT;

	(void)state;
	for (size_t i = 0; i < sizeof text - 1; i++) {
		char was = text[i];

		for (const char *c = letters; *c; c++) {
			text[i] = *c;
			assert_int_equal(bech32_decode(text, "age", bytes),
			    *c == was);
		}
		text[i] = was;
	}
}

static void
other_texts_are_refused(void **state)
{
	static const char *const wrong[] = { "", "age", "age1", "1", "AGE1",
		AGE_KIT_RECIPIENT "q", AGE_KIT_RECIPIENT " ",
		" " AGE_KIT_RECIPIENT, AGE_KIT_IDENTITY,
		/* upper case: age knows only the lower for recipients */
		"AGE1ZVKYG2LQZRAA2LNJVQEJ32NKUU0UES2S82HZRYE869XEEXVN73EQUNUJWJ",
		/* valid for BIP 173, and of other lengths */
		"age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
		"A12UEL5L" };
	uint8_t bytes[BECH32_BYTES] = { 7 };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(bech32_decode(wrong[i], "age", bytes));
	assert_int_equal(bytes[0], 7); /* nothing was written */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_specification_come_out),
		cmocka_unit_test(what_is_encoded_is_decoded),
		cmocka_unit_test(every_changed_letter_is_seen),
		cmocka_unit_test(other_texts_are_refused),
	};

	return cmocka_run_group_tests_name("bech32", tests, NULL, NULL);
}
