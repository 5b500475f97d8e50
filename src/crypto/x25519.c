#include "crypto/x25519.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

static void
scope_pkey(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static void
scope_ctx(EVP_PKEY_CTX **c)
{
	EVP_PKEY_CTX_free(*c);
}

static int
failed(struct err *err)
{
	return err_set(err, ERR_NOMEM, "OpenSSL cannot compute X25519");
}

int
x25519_public(const uint8_t secret[X25519_SIZE], uint8_t out[X25519_SIZE],
    struct err *err)
{
	AUTO(pkey)
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL,
	    secret, X25519_SIZE);
	size_t n = X25519_SIZE;

	if (!k || EVP_PKEY_get_raw_public_key(k, out, &n) != 1)
		return failed(err);
	return 0;
}

int
x25519_shared(const uint8_t secret[X25519_SIZE],
    const uint8_t other[X25519_SIZE], uint8_t out[X25519_SIZE], struct err *err)
{
	static const uint8_t zero[X25519_SIZE];
	AUTO(pkey)
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL,
	    secret, X25519_SIZE);
	AUTO(pkey)
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL,
	    other, X25519_SIZE);
	AUTO(ctx) EVP_PKEY_CTX *c = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;
	size_t n = X25519_SIZE;

	if (!peer || !c || EVP_PKEY_derive_init(c) != 1 ||
	    EVP_PKEY_derive_set_peer(c, peer) != 1)
		return failed(err);
	/* OpenSSL itself refuses a secret of zeroes, by failing. */
	if (EVP_PKEY_derive(c, out, &n) != 1 ||
	    CRYPTO_memcmp(out, zero, sizeof zero) == 0)
		return err_set(err, ERR_CORRUPT,
		    "a public key that keeps nothing secret");
	return 0;
}
