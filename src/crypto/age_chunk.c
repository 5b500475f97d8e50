#include "crypto/age_chunk.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { NONCE = 12 };

struct age_chunk {
	EVP_CIPHER_CTX *ctx; /* has the key; a chunk brings its nonce */
};

static int
failed(struct err *err)
{
	return err_set(err, ERR_NOMEM,
	    "OpenSSL cannot compute ChaCha20-Poly1305");
}

int
age_chunk_new(const uint8_t key[AGE_CHUNK_KEY], bool seal,
    struct age_chunk **ret, struct err *err)
{
	AUTO(age_chunk) struct age_chunk *c = calloc(1, sizeof *c);

	if (!c)
		return err_nomem(err);
	c->ctx = EVP_CIPHER_CTX_new();
	if (!c->ctx || EVP_CipherInit_ex(c->ctx, EVP_chacha20_poly1305(), NULL,
	                   key, NULL, seal) != 1)
		return failed(err);
	*ret = TAKE(c);
	return 0;
}

void
age_chunk_free(struct age_chunk *c)
{
	if (c)
		EVP_CIPHER_CTX_free(c->ctx); /* wipes the key too */
	free(c);
}

/* Eleven bytes of number, big-endian; then 1 in the last chunk. */
static int
begin(struct age_chunk *c, uint64_t number, bool last, bool seal)
{
	uint8_t nonce[NONCE] = { 0 };

	nonce[NONCE - 1] = last;
	for (int i = NONCE - 2; number; i--, number >>= 8)
		nonce[i] = (uint8_t)(number & 0xff);
	return EVP_CipherInit_ex(c->ctx, NULL, NULL, NULL, nonce, seal);
}

int
age_chunk_seal(struct age_chunk *c, uint64_t number, bool last, const void *in,
    size_t n, void *out, struct err *err)
{
	uint8_t *to = out;
	int len = 0, end = 0;

	assert(n <= AGE_CHUNK);
	if (begin(c, number, last, true) != 1 ||
	    EVP_EncryptUpdate(c->ctx, to, &len, in, (int)n) != 1 ||
	    EVP_EncryptFinal_ex(c->ctx, to + len, &end) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_GET_TAG, AGE_CHUNK_TAG,
	        to + n) != 1)
		return failed(err);
	return 0;
}

int
age_chunk_open(struct age_chunk *c, uint64_t number, bool last, const void *in,
    size_t n, void *out, struct err *err)
{
	const uint8_t *from = in;
	uint8_t tag[AGE_CHUNK_TAG], *to = out;
	int len = 0, end = 0;

	assert(n <= AGE_CHUNK_SEALED);
	if (n < AGE_CHUNK_TAG)
		return err_set(err, ERR_CORRUPT, "cut short");
	n -= AGE_CHUNK_TAG;
	for (size_t i = 0; i < sizeof tag; i++)
		tag[i] = from[n + i];
	if (begin(c, number, last, false) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_TAG, AGE_CHUNK_TAG,
	        tag) != 1 ||
	    EVP_DecryptUpdate(c->ctx, to, &len, from, (int)n) != 1)
		return failed(err);
	if (EVP_DecryptFinal_ex(c->ctx, to + len, &end) == 1)
		return 0;
	OPENSSL_cleanse(to, n);
	return err_set(err, ERR_CORRUPT, "not what was encrypted");
}
