#include "crypto/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

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
	if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1 ||
	    EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1)
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

int
sha256_hmac(const void *key, size_t keylen, const void *p, size_t n,
    uint8_t out[SHA256_SIZE], struct err *err)
{
	if (keylen > INT32_MAX ||
	    !HMAC(EVP_sha256(), key, (int)keylen, p, n, out, NULL))
		return failed(err);
	return 0;
}
