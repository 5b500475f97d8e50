#include "crypto/sha256.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

enum { BLOCK = 64 };

struct sha256 {
	EVP_MD_CTX *ctx;
};

static int
failed(struct err *err)
{
	return err_set(err, ERR_NOMEM, "OpenSSL cannot compute SHA-256");
}

int
sha256_new(struct sha256 **out, struct err *err)
{
	AUTO(sha256) struct sha256 *h = calloc(1, sizeof *h);

	if (!h)
		return err_nomem(err);
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1)
		return failed(err);
	*out = TAKE(h);
	return 0;
}

int
sha256_add(struct sha256 *h, const void *p, size_t n, struct err *err)
{
	return EVP_DigestUpdate(h->ctx, p, n) == 1 ? 0 : failed(err);
}

int
sha256_end(struct sha256 *h, uint8_t out[SHA256_SIZE], struct err *err)
{
	/* NULL: the implementation that it has; naming it would be a search
	 * among the providers, under a lock */
	if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1 ||
	    EVP_DigestInit_ex(h->ctx, NULL, NULL) != 1)
		return failed(err);
	return 0;
}

void
sha256_free(struct sha256 *h)
{
	if (h)
		EVP_MD_CTX_free(h->ctx);
	free(h);
}

int
sha256_of(const void *p, size_t n, uint8_t out[SHA256_SIZE], struct err *err)
{
	return EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL) == 1
	           ? 0
	           : failed(err);
}

/* H(key ^ pad, message) */
static int
padded(struct sha256 *h, const uint8_t key[BLOCK], uint8_t pad, const void *p,
    size_t n, uint8_t out[SHA256_SIZE], struct err *err)
{
	uint8_t block[BLOCK];
	int rc;

	for (size_t i = 0; i < BLOCK; i++)
		block[i] = key[i] ^ pad;
	rc = sha256_add(h, block, sizeof block, err) ||
	             sha256_add(h, p, n, err) || sha256_end(h, out, err)
	         ? -1
	         : 0;
	explicit_bzero(block, sizeof block);
	return rc;
}

/* By hand: OpenSSL's takes four times the two digests that it is made of. */
int
sha256_hmac_by(struct sha256 *h, const void *key, size_t keylen, const void *p,
    size_t n, uint8_t out[SHA256_SIZE], struct err *err)
{
	uint8_t block[BLOCK] = { 0 }, inner[SHA256_SIZE];
	int rc = 0;

	if (keylen <= BLOCK)
		memcpy(block, key, keylen);
	else if (sha256_add(h, key, keylen, err) || sha256_end(h, block, err))
		rc = -1;
	if (rc == 0 &&
	    (padded(h, block, 0x36, p, n, inner, err) ||
	        padded(h, block, 0x5c, inner, sizeof inner, out, err)))
		rc = -1;
	explicit_bzero(block, sizeof block);
	return rc;
}

int
sha256_hmac(const void *key, size_t keylen, const void *p, size_t n,
    uint8_t out[SHA256_SIZE], struct err *err)
{
	AUTO(sha256) struct sha256 *h = NULL;

	if (sha256_new(&h, err))
		return -1;
	assert(h);
	return sha256_hmac_by(h, key, keylen, p, n, out, err);
}
