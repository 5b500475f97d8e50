#include "config/key_files.h"

#include <string.h>

#include "base/str.h"
#include "base/tree.h"
#include "config/fields.h"
#include "s3/s3.h"

static const char *const names[] = { "access-key", "secret-key",
	"session-token" };

enum { NAMES = sizeof names / sizeof *names };

/* As it is now, in a file or as it was written; NULL: not given. */
static int
read_key(const struct tree *map, const char *name, char **ret, struct err *err)
{
	const struct tree *t = tree_given(map, name);
	AUTO(buf) struct buf b = { 0 };

	if (!t)
		return 0;
	if (!t->file)
		return str_dup(t->text, ret, err);
	if (fields_read_file(t->file, &b, err))
		return -1;
	*ret = TAKE(b.data);
	return 0;
}

static int
reload(const void *map, struct s3_keys *ret, struct err *err)
{
	struct s3_keys k = { 0 };
	char **const to[NAMES] = { &k.access_key, &k.secret_key,
		&k.session_token };

	for (size_t i = 0; i < NAMES; i++)
		if (read_key(map, names[i], to[i], err)) {
			s3_keys_wipe(&k);
			return -1;
		}
	*ret = k;
	return 0;
}

void
key_files_watch(const struct tree *map, struct s3_options *o)
{
	for (size_t i = 0; i < NAMES; i++) {
		const struct tree *t = tree_given(map, names[i]);

		if (t && t->file) {
			o->reload = reload;
			o->reload_ctx = map;
		}
	}
}
