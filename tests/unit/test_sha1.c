#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "crypto/sha1.h"

/* FIPS 180-4 and the example of RFC 6455, 1.3 */
static void
the_digests_of_the_standards_come_out(void **state)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
		{ "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-"
		  "C5AB0DC85B11",
		    "b37a4f2cc0624f1690f64606cf385945b2bec4ea" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		uint8_t digest[SHA1_SIZE];
		char hex[2 * SHA1_SIZE + 1];
		struct err err = { 0 };

		assert_int_equal(sha1_of(t[i].text, strlen(t[i].text), digest,
		                     &err),
		    0);
		str_hex(digest, sizeof digest, hex);
		assert_string_equal(hex, t[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_digests_of_the_standards_come_out),
	};

	return cmocka_run_group_tests_name("sha1", tests, NULL, NULL);
}
