#include "s3/s3_keys.h"

#include <string.h>

#include "base/str.h"
#include "s3/s3_request.h"

static void
wipe(char **secret)
{
	if (*secret)
		explicit_bzero(*secret, strlen(*secret));
	free(TAKE(*secret));
}

void
s3_keys_wipe(struct s3_keys *k)
{
	wipe(&k->access_key);
	wipe(&k->secret_key);
	wipe(&k->session_token);
}

static int
copy_key(const char *name, const char *text, char **to, struct err *err)
{
	if (s3_options_text(name, text, err))
		return -1;
	return text && *text ? str_dup(text, to, err) : 0;
}

int
s3_keys_add(struct s3_keyring **ring, const char *access, const char *secret,
    const char *token, struct err *err)
{
	struct s3_keyring *new = calloc(1, sizeof *new);

	if (!new)
		return err_nomem(err);
	if (copy_key("access-key", access, &new->keys.access_key, err) ||
	    copy_key("secret-key", secret, &new->keys.secret_key, err) ||
	    copy_key("session-token", token, &new->keys.session_token, err)) {
		s3_keys_free(new);
		return -1;
	}
	new->older = *ring;
	*ring = new;
	return 0;
}

static bool
same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

bool
s3_keys_same(const struct s3_keys *a, const struct s3_keys *b)
{
	return same(a->access_key, b->access_key) &&
	       same(a->secret_key, b->secret_key) &&
	       same(a->session_token, b->session_token);
}

void
s3_keys_free(struct s3_keyring *ring)
{
	while (ring) {
		struct s3_keyring *older = ring->older;

		s3_keys_wipe(&ring->keys);
		explicit_bzero(&ring->day, sizeof ring->day);
		free(ring);
		ring = older;
	}
}
