#include "crypto/sha1.h"

#include <openssl/evp.h>

int
sha1_of(const void *p, size_t n, uint8_t out[SHA1_SIZE], struct err *err)
{
	if (EVP_Digest(p, n, out, NULL, EVP_sha1(), NULL) != 1)
		return err_set(err, ERR_NOMEM, "OpenSSL cannot compute SHA-1");
	return 0;
}
