#include "crypto/age_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failcall.h"

#include "../lib/age_kit.h"
#include "crypto/bech32.h"

static void
an_identity_gives_its_recipient(void **state)
{
	struct age_keys k = age_kit_reader();
	char text[AGE_KEYS_RECIPIENT_SIZE];

	(void)state;
	age_keys_recipient_text(k.identity[0].recipient, text);
	assert_string_equal(text, AGE_KIT_RECIPIENT);
	assert_true(age_keys_opens(&k, AGE_KIT_RECIPIENT));
	assert_false(age_keys_opens(&k, AGE_KIT_OTHER));
	assert_false(age_keys_opens(&k, "age1nonsense"));
}

static void
a_new_pair_fits_together_and_is_never_the_same(void **state)
{
	char identity[2][AGE_KEYS_IDENTITY_SIZE],
	    recipient[2][AGE_KEYS_RECIPIENT_SIZE];
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *to[] = { recipient[i], NULL };
		struct age_keys k;

		assert_int_equal(age_keys_generate(identity[i], recipient[i],
		                     &err),
		    0);
		k = age_kit_keys(to, identity[i]);
		assert_true(age_keys_opens_own(&k));
		age_keys_wipe(&k);
		assert_int_equal(k.nidentities, 0);
		assert_int_equal(k.identity[0].secret[0], 0);
	}
	assert_string_not_equal(identity[0], identity[1]);
	assert_string_not_equal(recipient[0], recipient[1]);
}

static void
recipients_are_a_set(void **state)
{
	static const char *const one[] = { AGE_KIT_RECIPIENT, AGE_KIT_OTHER,
		AGE_KIT_RECIPIENT, NULL };
	static const char *const two[] = { AGE_KIT_OTHER, AGE_KIT_RECIPIENT,
		NULL };
	struct age_keys a = age_kit_keys(one, NULL),
	                b = age_kit_keys(two, NULL);

	(void)state;
	assert_int_equal(a.nrecipients, 2);
	assert_int_equal(b.nrecipients, 2);
	assert_memory_equal(a.recipient, b.recipient, sizeof a.recipient);
	assert_false(age_keys_opens_own(&a));
}

/* What one recipient's refusal says. */
static struct err
refused(const char *text)
{
	struct age_keys k = { 0 };
	struct err err = { 0 };

	assert_int_equal(age_keys_add_recipient(&k, text, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(k.nrecipients, 0);
	return err;
}

static void
other_recipients_are_named_and_refused(void **state)
{
	uint8_t zero[X25519_SIZE] = { 0 };
	char weak[100];
	struct err err;

	(void)state;
	err = refused("ssh-ed25519 AAAA");
	assert_non_null(strstr(err.msg, "'ssh-ed25519 AAAA' is no recipient"));
	err = refused("");
	bech32_encode("age", zero, weak);
	err = refused(weak);
	assert_non_null(strstr(err.msg, "is no recipient"));
}

static void
a_secret_in_the_wrong_place_is_not_quoted(void **state)
{
	struct err err = refused(AGE_KIT_IDENTITY);

	(void)state;
	assert_string_equal(err.msg,
	    "an identity, which is secret, stands where a recipient (age1…) "
	    "belongs");
	err = refused("age-secret-key-1abc");
	assert_null(strstr(err.msg, "abc"));
}

static void
an_identity_file_may_have_comments_and_several(void **state)
{
	struct age_keys k = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(age_keys_add_identities(&k,
	                     "# created: 2026-11-20T16:28:00Z\r\n"
	                     "\n"
	                     "  \t\n"
	                     " " AGE_KIT_IDENTITY " \r\n"
	                     "  # indented\n" AGE_KIT_OTHER_IDENTITY,
	                     &err),
	    0);
	assert_int_equal(k.nidentities, 2);
	assert_true(age_keys_opens(&k, AGE_KIT_RECIPIENT));
	assert_true(age_keys_opens(&k, AGE_KIT_OTHER));
	age_keys_wipe(&k);
}

static void
a_bad_line_is_numbered_and_never_quoted(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "", "no identity: no line with AGE-SECRET-KEY-1…" },
		{ "# only words\n",
		    "no identity: no line with AGE-SECRET-KEY-1…" },
		{ AGE_KIT_IDENTITY "\nsecret\n",
		    "line 2: no identity: 'AGE-SECRET-KEY-1' and 58 letters "
		    "and digits" },
		{ "\n\n" AGE_KIT_RECIPIENT,
		    "line 3: no identity: 'AGE-SECRET-KEY-1' and 58 letters "
		    "and digits" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct age_keys k = { 0 };
		struct err err = { 0 };

		assert_int_equal(age_keys_add_identities(&k, wrong[i].text,
		                     &err),
		    -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_string_equal(err.msg, wrong[i].says);
	}
}

static void
there_are_limits(void **state)
{
	struct age_keys k = { 0 };
	struct err err = { 0 };
	char identity[AGE_KEYS_IDENTITY_SIZE], long_line[2000];
	char recipient[AGE_KEYS_RECIPIENT_SIZE];

	(void)state;
	for (int i = 0; i <= AGE_KEYS_MAX; i++) {
		bool last = i == AGE_KEYS_MAX;

		assert_int_equal(age_keys_generate(identity, recipient, &err),
		    0);
		assert_int_equal(age_keys_add_recipient(&k, recipient, &err),
		    last ? -1 : 0);
		if (last)
			assert_string_equal(err.msg, "more than 16 recipients");
		assert_int_equal(age_keys_add_identities(&k, identity, &err),
		    last ? -1 : 0);
	}
	assert_string_equal(err.msg, "line 1: more than 16 identities");
	memset(long_line, 'x', sizeof long_line);
	long_line[sizeof long_line - 1] = '\0';
	assert_int_equal(age_keys_add_identities(&k, long_line, &err), -1);
	assert_string_equal(err.msg, "line 1: too long for an identity");
	long_line[0] = '#';
	assert_int_equal(age_keys_add_identities(&k, long_line, &err), -1);
	assert_non_null(strstr(err.msg, "no line with"));
	age_keys_wipe(&k);
}

static void
an_identity_whose_recipient_cannot_be_made_is_not_taken(void **state)
{
	struct age_keys k = { 0 };
	struct err err = { 0 };

	(void)state;
	failcall_at("EVP_PKEY_new_raw_private_key", 0, 1);
	assert_int_equal(age_keys_add_identities(&k, AGE_KIT_IDENTITY, &err),
	    -1);
	assert_true(failcall_end());
	assert_int_equal(err.code, ERR_NOMEM);
	assert_int_equal(k.nidentities, 0);
	assert_null(strstr(err.msg, "SECRET"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_identity_gives_its_recipient),
		cmocka_unit_test(
		    a_new_pair_fits_together_and_is_never_the_same),
		cmocka_unit_test(recipients_are_a_set),
		cmocka_unit_test(other_recipients_are_named_and_refused),
		cmocka_unit_test(a_secret_in_the_wrong_place_is_not_quoted),
		cmocka_unit_test(
		    an_identity_file_may_have_comments_and_several),
		cmocka_unit_test(a_bad_line_is_numbered_and_never_quoted),
		cmocka_unit_test(there_are_limits),
		cmocka_unit_test(
		    an_identity_whose_recipient_cannot_be_made_is_not_taken),
	};

	return cmocka_run_group_tests_name("age_keys", tests, NULL, NULL);
}
