/* s3_keys.h - the keys of a client: those that are used, and those before them,
 * with which requests may still be under way.  Not locked. */
#ifndef S3_S3_KEYS_H
#define S3_S3_KEYS_H

#include "s3/s3.h"
#include "s3/sigv4.h"

struct s3_keyring {
	struct s3_keys keys;
	struct sigv4_key day; /* derived; the last that was used */
	struct s3_keyring *older;
};

/* Copied, in front; ERR_USAGE: what cannot be a key. */
MUST_CHECK int s3_keys_add(struct s3_keyring **, const char *access,
    const char *secret, const char *token, struct err *);
bool s3_keys_same(const struct s3_keys *, const struct s3_keys *);
void s3_keys_free(struct s3_keyring *);

#endif
