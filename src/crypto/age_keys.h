/*
 * age_keys.h - to whom is encrypted, and who may decrypt: X25519 keys of age.
 *
 *     age1…             a recipient: public
 *     AGE-SECRET-KEY-1… an identity: secret
 *
 * Source: https://c2sp.org/age, "The X25519 recipient type".
 */
#ifndef CRYPTO_AGE_KEYS_H
#define CRYPTO_AGE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"
#include "crypto/x25519.h"

enum {
	AGE_KEYS_MAX = 16,            /* of each kind */
	AGE_KEYS_RECIPIENT_SIZE = 63, /* of the text, with its end */
	AGE_KEYS_IDENTITY_SIZE = 75
};

struct age_keys_identity {
	uint8_t secret[X25519_SIZE], recipient[X25519_SIZE];
};

/* { 0 }: none.  Recipients are sorted and none is there twice. */
struct age_keys {
	uint8_t recipient[AGE_KEYS_MAX][X25519_SIZE];
	size_t nrecipients;
	struct age_keys_identity identity[AGE_KEYS_MAX];
	size_t nidentities;
};

/* A new identity; both texts may be handed to the age program. */
MUST_CHECK int age_keys_generate(char identity[AGE_KEYS_IDENTITY_SIZE],
    char recipient[AGE_KEYS_RECIPIENT_SIZE], struct err *);
/* One text.  ERR_USAGE names what is wrong, and quotes it only where it is
 * not an identity that came to the wrong place. */
MUST_CHECK int age_keys_add_recipient(struct age_keys *, const char *text,
    struct err *);
/* The text of an identity file: one a line, empty lines and '#' comments.
 * ERR_USAGE names the line, and quotes nothing. */
MUST_CHECK int age_keys_add_identities(struct age_keys *, const char *text,
    struct err *);
void age_keys_wipe(struct age_keys *);

void age_keys_recipient_text(const uint8_t recipient[X25519_SIZE],
    char out[AGE_KEYS_RECIPIENT_SIZE]);
/* Does one of the identities belong to this recipient, given as text? */
bool age_keys_opens(const struct age_keys *, const char *recipient);
/* And to one of those that are encrypted to? */
bool age_keys_opens_own(const struct age_keys *);

#endif
