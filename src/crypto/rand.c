#include "crypto/rand.h"

#include <openssl/rand.h>

int
rand_bytes(void *p, size_t n, struct err *err)
{
	if (n > INT32_MAX || RAND_bytes(p, (int)n) != 1)
		return err_set(err, ERR_IO, "no random bytes from OpenSSL");
	return 0;
}
