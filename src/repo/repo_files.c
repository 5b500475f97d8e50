#include "repo/repo_files.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "store/store.h"

/* Files of one folder, looked for in its listing: both are sorted. */
struct search {
	const struct manifest_files *files;
	size_t at, end;
};

static int
missing(const struct search *s, struct err *err)
{
	return err_set(err, ERR_NOTFOUND, "'%s' is missing in the repository",
	    s->files->file[s->at].path);
}

static int
on_key(void *arg, const char *key, const struct store_stat *st, struct err *err)
{
	struct search *s = arg;
	const struct manifest_file *f;
	int order;

	if (s->at == s->end)
		return 0;
	f = &s->files->file[s->at];
	order = strcmp(f->path, key);
	if (order < 0)
		return missing(s, err);
	if (order > 0)
		return 0;
	if (st->size != f->size)
		return err_set(err, ERR_CORRUPT,
		    "'%s' has %ju bytes, not the %ju it should have", key,
		    (uintmax_t)st->size, (uintmax_t)f->size);
	s->at++;
	return 0;
}

/* Length of "sets/<folder>/". */
static size_t
folder_length(const char *path)
{
	const char *first = strchr(path, '/');
	const char *second = first ? strchr(first + 1, '/') : NULL;

	return second ? (size_t)(second + 1 - path) : strlen(path);
}

static int
look_in_folder(struct repo *r, struct search *s, struct err *err)
{
	struct store *st = repo_store(r);
	const char *path = s->files->file[s->at].path;
	size_t n = folder_length(path);
	AUTO(free) char *prefix = NULL;

	for (s->end = s->at; s->end < s->files->count; s->end++)
		if (strncmp(s->files->file[s->end].path, path, n) != 0)
			break;
	if (str_printf(&prefix, err, "%.*s", (int)n, path) ||
	    st->ops->list(st, prefix, true, on_key, s, err))
		return -1;
	return s->at < s->end ? missing(s, err) : 0;
}

int
repo_files_there(struct repo *r, const struct manifest_files *f,
    struct err *err)
{
	struct search s = { .files = f };

	assert(f->sorted == f->count);
	while (s.at < f->count)
		if (look_in_folder(r, &s, err))
			return -1;
	return 0;
}
