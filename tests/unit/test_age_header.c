#include "crypto/age_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/age_kit.h"
#include "../lib/failalloc.h"
#include "base/str.h"

enum { NONCE = 16 };

static struct err
read_it(const struct age_keys *k, const void *p, size_t n)
{
	uint8_t key[AGE_CHUNK_KEY];
	struct err err = { 0 };

	if (age_header_read(k, p, n, key, &err) == 0)
		assert_int_equal(err.code, ERR_NONE);
	return err;
}

/* Header and nonce of the age program's file. */
static void
sample_header(struct buf *b)
{
	struct err err = { 0 };
	size_t size = 0;

	age_kit_sample(b);
	assert_int_equal(age_header_size(b->data, b->len, &size, &err), 0);
	assert_int_equal(size, b->len - 26); /* ten letters and a tag */
	b->len = size;
}

static void
what_the_age_program_wrote_is_read_by_each_identity(void **state)
{
	static const char *const identity[] = { AGE_KIT_IDENTITY,
		AGE_KIT_OTHER_IDENTITY };
	static const char *const none[] = { NULL };
	AUTO(buf) struct buf b = { 0 };
	struct err err = { 0 };

	(void)state;
	age_kit_sample(&b);
	for (size_t i = 0; i < 2; i++) {
		struct age_keys k = age_kit_keys(none, identity[i]);
		AUTO(age_chunk) struct age_chunk *c = NULL;
		uint8_t key[AGE_CHUNK_KEY], plain[10];

		assert_int_equal(age_header_read(&k, b.data, b.len - 26, key,
		                     &err),
		    0);
		assert_int_equal(age_chunk_new(key, false, &c, &err), 0);
		assert_int_equal(age_chunk_open(c, 0, true, b.data + b.len - 26,
		                     26, plain, &err),
		    0);
		assert_memory_equal(plain, "hello, age", 10);
	}
}

static void
what_is_written_is_read_with_the_same_key(void **state)
{
	static const char *const two[] = { AGE_KIT_RECIPIENT, AGE_KIT_OTHER,
		NULL };
	struct age_keys w = age_kit_keys(two, NULL), r = age_kit_reader();
	AUTO(buf) struct buf b = { .max = AGE_HEADER_MAX };
	uint8_t key[AGE_CHUNK_KEY], again[AGE_CHUNK_KEY];
	struct err err = { 0 };
	size_t size = 0;

	(void)state;
	assert_int_equal(age_header_write(&w, &b, key, &err), 0);
	assert_int_equal(age_header_size(b.data, b.len, &size, &err), 0);
	assert_int_equal(size, b.len);
	assert_int_equal(b.len, 22 + 2 * (54 + 44) + 48 + NONCE);
	assert_int_equal(age_header_read(&r, b.data, b.len, again, &err), 0);
	assert_memory_equal(key, again, sizeof key);
}

static void
no_two_files_have_the_same_key(void **state)
{
	struct age_keys w = age_kit_writer();
	uint8_t key[2][AGE_CHUNK_KEY];
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		AUTO(buf) struct buf b = { .max = AGE_HEADER_MAX };

		assert_int_equal(age_header_write(&w, &b, key[i], &err), 0);
	}
	assert_memory_not_equal(key[0], key[1], AGE_CHUNK_KEY);
}

static void
as_many_recipients_as_may_be_fit(void **state)
{
	struct age_keys k = { 0 };
	AUTO(buf) struct buf b = { .max = AGE_HEADER_MAX };
	uint8_t key[AGE_CHUNK_KEY];
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < AGE_KEYS_MAX; i++) {
		char identity[AGE_KEYS_IDENTITY_SIZE];
		char recipient[AGE_KEYS_RECIPIENT_SIZE];

		assert_int_equal(age_keys_generate(identity, recipient, &err),
		    0);
		assert_int_equal(age_keys_add_recipient(&k, recipient, &err),
		    0);
		assert_int_equal(age_keys_add_identities(&k, identity, &err),
		    0);
	}
	assert_int_equal(age_header_write(&k, &b, key, &err), 0);
	for (; k.nidentities > 0; k.nidentities--)
		assert_int_equal(read_it(&k, b.data, b.len).code, ERR_NONE);
}

static void
keys_that_are_not_there_are_told_apart_from_damage(void **state)
{
	static const char *const none[] = { NULL };
	struct age_keys w = age_kit_writer(), nobody = { 0 };
	struct age_keys other = age_kit_keys(none, AGE_KIT_OTHER_IDENTITY);
	AUTO(buf) struct buf b = { .max = AGE_HEADER_MAX };
	uint8_t key[AGE_CHUNK_KEY];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(age_header_write(&w, &b, key, &err), 0);
	err = read_it(&w, b.data, b.len);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "there is no identity"));
	err = read_it(&other, b.data, b.len);
	assert_int_equal(err.code, ERR_DENIED);
	assert_non_null(strstr(err.msg, "none of the identities"));
	assert_int_equal(age_header_write(&nobody, &b, key, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
}

static void
every_bit_of_the_header_counts(void **state)
{
	struct age_keys k = age_kit_both();
	AUTO(buf) struct buf b = { .max = AGE_HEADER_MAX };
	uint8_t key[AGE_CHUNK_KEY], again[AGE_CHUNK_KEY];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(age_header_write(&k, &b, key, &err), 0);
	for (size_t i = 0; i < b.len; i++) {
		char was = b.data[i];
		int rc;

		b.data[i] = (char)(was ^ 1 << i % 8);
		rc = age_header_read(&k, b.data, b.len, again, &err);
		/* the nonce shows in the key of the payload */
		assert_true(i < b.len - NONCE
		                ? rc && (err_is(&err, ERR_CORRUPT) ||
		                            err_is(&err, ERR_DENIED))
		                : rc == 0 && memcmp(key, again, sizeof key));
		b.data[i] = was;
	}
}

static void
every_cut_needs_more_and_is_no_header(void **state)
{
	struct age_keys k = age_kit_reader();
	AUTO(buf) struct buf b = { 0 };
	struct err err = { 0 };
	size_t size = 9;

	(void)state;
	sample_header(&b);
	for (size_t n = 0; n < b.len; n++) {
		assert_int_equal(age_header_size(b.data, n, &size, &err), 0);
		assert_int_equal(size, 0);
		assert_int_equal(read_it(&k, b.data, n).code, ERR_CORRUPT);
	}
}

#define V1 "age-encryption.org/v1\n"
#define SHARE "r0uq5sN/iQJF11fuZoFcuX7RuDqo2gcRI7coYs0aAwI"
#define STANZA                      \
	"-> X25519 " SHARE "\n"     \
	"6qifKWyu6NyQ3QKqT/QkagDjF" \
	"lRKZOl7uQnoQJi+fBQ\n"
#define MAC "--- bXWUUuHAAUxyo1mXW/bAx8DgbqE9hdT9clQ74tmXh5w\n"
#define LINE64 \
	"AAAABBBBAAAABBBBAAAABBBBAAAABBBBAAAABBBBAAAABBBBAAAABBBBAAAABBBB"

static struct err
read_text(const char *text)
{
	struct age_keys k = age_kit_reader();
	char with_nonce[4096] = "";
	size_t n = strlen(text);

	memcpy(with_nonce, text, n);
	return read_it(&k, with_nonce, n + NONCE);
}

static void
what_is_no_header_is_damage(void **state)
{
	static const char *const wrong[] = {
		"age-encryption.org/v2\n" STANZA MAC,
		"PK\003\004\n" STANZA MAC,
		V1 MAC, /* for nobody */
		V1 STANZA "--- abc\n",
		V1 STANZA "---bXWUUuHAAUxyo1mXW/bAx8DgbqE9hdT9clQ74tmXh5w\n",
		V1 STANZA "--- bXWUUuHAAUxyo1mXW/bAx8DgbqE9hdT9clQ74tmXh5x\n",
		V1 STANZA "--- bXWUUuHAAUxyo1mXW/bAx8DgbqE9hdT9clQ74tmXh5w=\n",
		V1 STANZA "nonsense\n" MAC,
		V1 "->\n\n" MAC,
		V1 "-> \n\n" MAC,
		V1 "->  X25519\n\n" MAC,
		V1 "-> X25519 \n\n" MAC,
		V1 "-> X25519\n\n" MAC,
		V1 "-> X25519 " SHARE "\n\n" MAC,
		V1 "-> X25519 " SHARE " more\n" SHARE "\n" MAC,
		V1 "-> X25519 " SHARE "=\n" SHARE "\n" MAC,
		/* the same bytes, otherwise written */
		V1 "-> X25519 r0uq5sN/iQJF11fuZoFcuX7RuDqo2gcRI7coYs0aAwJ\n"
		   "6qifKWyu6NyQ3QKqT/QkagDjFlRKZOl7uQnoQJi+fBQ\n" MAC,
		V1 "-> X25519 " SHARE "\nAAAA\n" MAC,
		V1 "-> X25519 " SHARE "\n" LINE64 "\n\n" MAC,
		V1 "-> other\n" LINE64 "\n" MAC, /* no short line */
		V1 "-> other\n" LINE64 "A\n" MAC,
		V1 "-> other\nAAAAA\n" MAC,
		V1 "-> other\nAB\n" MAC,
		V1 "-> other\nAAB\n" MAC,
		V1 "-> other\nA-A\n" MAC,
		V1 "-> ot\001her\n\n" MAC,
		V1 "-> scrypt ajMFur+EJLGaohv/dLRGnw 18\n"
		   "8SHBz/ldWnjyGFQqfjat6uNBarWqqEMDS7W8X7+Xq5Q\n" MAC,
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct err err = read_text(wrong[i]);

		assert_int_equal(err.code, ERR_CORRUPT);
		assert_non_null(strstr(err.msg, "no age file, or damaged: "));
	}
}

static void
stanzas_of_other_kinds_are_passed_over(void **state)
{
	struct err err;

	(void)state;
	err = read_text(V1 "-> other a b\n" LINE64 "\n" LINE64
	                   "\n\n-> X25519x\nAA\n-> x\n\n" MAC);
	assert_int_equal(err.code,
	    ERR_DENIED); /* understood, for nobody here */
	/* and they are under the MAC all the same */
	err = read_text(V1 "-> other\n\n" STANZA MAC);
	assert_int_equal(err.code, ERR_DENIED);
}

static void
a_share_that_keeps_nothing_secret_opens_nothing(void **state)
{
	struct err err = read_text(V1
	    "-> X25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" SHARE
	    "\n" MAC);

	(void)state;
	assert_int_equal(err.code, ERR_DENIED);
}

static void
absurd_lengths_are_refused(void **state)
{
	AUTO(buf) struct buf b = { .max = 1 << 20 };
	struct age_keys k = age_kit_reader();
	struct err err = { 0 };
	size_t size = 0;

	(void)state;
	assert_int_equal(buf_puts(&b, V1, &err), 0);
	for (int i = 0; i <= AGE_HEADER_STANZAS; i++)
		assert_int_equal(buf_puts(&b, "-> x\n\n", &err), 0);
	assert_int_equal(buf_puts(&b, MAC "0123456789abcdef", &err), 0);
	err = read_it(&k, b.data, b.len);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "too many recipients"));
	b.len -= 48 + NONCE;
	while (b.len < AGE_HEADER_MAX)
		assert_int_equal(buf_puts(&b, "-> x\n\n", &err), 0);
	assert_int_equal(age_header_size(b.data, b.len, &size, &err), -1);
	assert_non_null(strstr(err.msg, "its header is too long"));
}

static void
every_allocation_may_fail(void **state)
{
	struct age_keys k = age_kit_both();
	long n = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(buf) struct buf b = { .max = AGE_HEADER_MAX };
		uint8_t key[AGE_CHUNK_KEY];
		struct err err = { 0 };

		failalloc_at(n);
		rc = age_header_write(&k, &b, key, &err);
		if (rc == 0)
			rc = age_header_read(&k, b.data, b.len, key, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		n += rc != 0;
	}
	assert_true(n >= 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_the_age_program_wrote_is_read_by_each_identity),
		cmocka_unit_test(what_is_written_is_read_with_the_same_key),
		cmocka_unit_test(no_two_files_have_the_same_key),
		cmocka_unit_test(as_many_recipients_as_may_be_fit),
		cmocka_unit_test(
		    keys_that_are_not_there_are_told_apart_from_damage),
		cmocka_unit_test(every_bit_of_the_header_counts),
		cmocka_unit_test(every_cut_needs_more_and_is_no_header),
		cmocka_unit_test(what_is_no_header_is_damage),
		cmocka_unit_test(stanzas_of_other_kinds_are_passed_over),
		cmocka_unit_test(
		    a_share_that_keeps_nothing_secret_opens_nothing),
		cmocka_unit_test(absurd_lengths_are_refused),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("age_header", tests, NULL, NULL);
}
