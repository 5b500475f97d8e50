/* rand.h - random bytes that nobody can foresee. */
#ifndef CRYPTO_RAND_H
#define CRYPTO_RAND_H

#include <stddef.h>

#include "base/err.h"
#include "base/scope.h"

MUST_CHECK int rand_bytes(void *, size_t, struct err *);

#endif
