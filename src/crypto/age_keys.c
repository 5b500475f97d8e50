#include "crypto/age_keys.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/str.h"
#include "crypto/bech32.h"
#include "crypto/rand.h"

static const char recipient_prefix[] = "age";
static const char identity_prefix[] = "AGE-SECRET-KEY-";

enum { LINE_MAX_LEN = 512 };

_Static_assert(sizeof recipient_prefix + BECH32_TAIL == AGE_KEYS_RECIPIENT_SIZE,
    "the text of a recipient");
_Static_assert(sizeof identity_prefix + BECH32_TAIL == AGE_KEYS_IDENTITY_SIZE,
    "the text of an identity");

int
age_keys_generate(char identity[AGE_KEYS_IDENTITY_SIZE],
    char recipient[AGE_KEYS_RECIPIENT_SIZE], struct err *err)
{
	uint8_t secret[X25519_SIZE], open[X25519_SIZE];
	int rc = rand_bytes(secret, sizeof secret, err);

	if (rc == 0)
		rc = x25519_public(secret, open, err);
	if (rc == 0) {
		bech32_encode(identity_prefix, secret, identity);
		bech32_encode(recipient_prefix, open, recipient);
	}
	OPENSSL_cleanse(secret, sizeof secret);
	return rc;
}

void
age_keys_recipient_text(const uint8_t recipient[X25519_SIZE],
    char out[AGE_KEYS_RECIPIENT_SIZE])
{
	bech32_encode(recipient_prefix, recipient, out);
}

/* --- recipients */

static int
bad_recipient(const char *text, struct err *err)
{
	if (strncasecmp(text, identity_prefix, sizeof identity_prefix - 1) == 0)
		return err_set(err, ERR_USAGE,
		    "an identity, which is secret, stands where a recipient "
		    "(age1…) belongs");
	return err_set(err, ERR_USAGE,
	    "'%.80s' is no recipient: 'age1' and 58 letters and digits, as "
	    "'platform-backup keygen' and 'age-keygen' print it",
	    text);
}

/* A point of small order would give everybody the key.  Any secret shows. */
static bool
is_sound(const uint8_t key[X25519_SIZE])
{
	static const uint8_t any[X25519_SIZE] = { 8 };
	uint8_t shared[X25519_SIZE];
	struct err ignored;

	return x25519_shared(any, key, shared, &ignored) == 0;
}

int
age_keys_add_recipient(struct age_keys *k, const char *text, struct err *err)
{
	uint8_t key[X25519_SIZE];
	size_t at = 0;
	int order = 1;

	if (!bech32_decode(text, recipient_prefix, key) || !is_sound(key))
		return bad_recipient(text, err);
	while (at < k->nrecipients &&
	       (order = memcmp(k->recipient[at], key, sizeof key)) < 0)
		at++;
	if (at < k->nrecipients && order == 0)
		return 0;
	if (k->nrecipients == AGE_KEYS_MAX)
		return err_set(err, ERR_USAGE, "more than %d recipients",
		    AGE_KEYS_MAX);
	memmove(k->recipient[at + 1], k->recipient[at],
	    (k->nrecipients - at) * sizeof key);
	memcpy(k->recipient[at], key, sizeof key);
	k->nrecipients++;
	return 0;
}

/* --- identities */

static int
add_identity(struct age_keys *k, const char *text, struct err *err)
{
	struct age_keys_identity *i = &k->identity[k->nidentities];

	if (k->nidentities == AGE_KEYS_MAX)
		return err_set(err, ERR_USAGE, "more than %d identities",
		    AGE_KEYS_MAX);
	if (!bech32_decode(text, identity_prefix, i->secret))
		return err_set(err, ERR_USAGE,
		    "no identity: 'AGE-SECRET-KEY-1' and 58 letters and "
		    "digits");
	if (x25519_public(i->secret, i->recipient, err))
		return -1;
	k->nidentities++;
	return 0;
}

/* Without white space at its ends, into a copy that the caller wipes. */
static int
trim(const char *p, size_t n, char line[LINE_MAX_LEN], struct err *err)
{
	while (n > 0 && strchr(" \t\r", p[n - 1]))
		n--;
	while (n > 0 && strchr(" \t", *p)) {
		p++;
		n--;
	}
	if (n >= LINE_MAX_LEN)
		return err_set(err, ERR_USAGE, "too long for an identity");
	memcpy(line, p, n);
	line[n] = '\0';
	return 0;
}

static int
add_line(struct age_keys *k, const char *p, size_t n, struct err *err)
{
	char line[LINE_MAX_LEN] = "";
	int rc;

	if (n == 0 || *p == '#')
		return 0;
	rc = trim(p, n, line, err);
	if (rc == 0 && *line && *line != '#')
		rc = add_identity(k, line, err);
	OPENSSL_cleanse(line, sizeof line);
	return rc;
}

int
age_keys_add_identities(struct age_keys *k, const char *text, struct err *err)
{
	size_t before = k->nidentities;

	for (unsigned number = 1; *text; number++) {
		size_t n = strcspn(text, "\n");

		if (add_line(k, text, n, err))
			return err_wrap(err, "line %u", number);
		text += n + (text[n] == '\n');
	}
	return k->nidentities > before
	           ? 0
	           : err_set(err, ERR_USAGE,
	                 "no identity: no line with AGE-SECRET-KEY-1…");
}

void
age_keys_wipe(struct age_keys *k)
{
	OPENSSL_cleanse(k, sizeof *k);
}

/* --- who can read what */

static bool
opens(const struct age_keys *k, const uint8_t recipient[X25519_SIZE])
{
	for (size_t i = 0; i < k->nidentities; i++)
		if (memcmp(k->identity[i].recipient, recipient, X25519_SIZE) ==
		    0)
			return true;
	return false;
}

bool
age_keys_opens(const struct age_keys *k, const char *recipient)
{
	uint8_t key[X25519_SIZE];

	return bech32_decode(recipient, recipient_prefix, key) && opens(k, key);
}

bool
age_keys_opens_own(const struct age_keys *k)
{
	for (size_t i = 0; i < k->nrecipients; i++)
		if (opens(k, k->recipient[i]))
			return true;
	return false;
}
