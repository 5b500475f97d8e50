#include "repo/repo_files.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "store/store.h"

/* Files of one folder, looked for in its listing: both are sorted. */
struct search {
	const struct manifest_files *files;
	size_t at, end;
	repo_files_fn *tell;
	void *arg;
};

static int
missing(struct search *s, struct err *err)
{
	struct err why = { 0 };
	size_t i = s->at++;

	(void)err_set(&why, ERR_NOTFOUND, "'%s' is missing in the repository",
	    s->files->file[i].path);
	return s->tell(s->arg, i, &why, err);
}

static int
found(struct search *s, const struct store_stat *st, struct err *err)
{
	size_t i = s->at++;
	const struct manifest_file *f = &s->files->file[i];
	struct err why = { 0 };

	if (st->size == f->size)
		return 0;
	(void)err_set(&why, ERR_CORRUPT,
	    "'%s' has %ju bytes, not the %ju it should have", f->path,
	    (uintmax_t)st->size, (uintmax_t)f->size);
	return s->tell(s->arg, i, &why, err);
}

static int
on_key(void *arg, const char *key, const struct store_stat *st, struct err *err)
{
	struct search *s = arg;

	while (s->at < s->end) {
		int order = strcmp(s->files->file[s->at].path, key);

		if (order > 0)
			return 0;
		if (order == 0)
			return found(s, st, err);
		if (missing(s, err))
			return -1;
	}
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
	while (s->at < s->end)
		if (missing(s, err))
			return -1;
	return 0;
}

int
repo_files_look(struct repo *r, const struct manifest_files *f,
    repo_files_fn *tell, void *arg, struct err *err)
{
	struct search s = { .files = f, .tell = tell, .arg = arg };

	assert(f->sorted == f->count);
	while (s.at < f->count)
		if (look_in_folder(r, &s, err))
			return -1;
	return 0;
}

static int
fail(void *arg, size_t i, const struct err *why, struct err *err)
{
	(void)arg;
	(void)i;
	*err = *why;
	return -1;
}

int
repo_files_there(struct repo *r, const struct manifest_files *f,
    struct err *err)
{
	return repo_files_look(r, f, fail, NULL, err);
}
