#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "repo/manifest.h"

/*
 * Most files come in the order of their names, or nearly.  For the others the
 * end of the table is a run of its own that takes them, and that is merged
 * into the rest when it has become long: no file costs more than a short move
 * and its share of a merge.
 */
enum { RUN_MAX = 1024 };

/* Where path is in file[from, to), or would be. */
static size_t
search(const struct manifest_files *f, size_t from, size_t to, const char *path,
    bool *found)
{
	*found = false;
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int c = strcmp(path, f->file[mid].path);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return from;
}

const struct manifest_file *
manifest_files_find(const struct manifest_files *f, const char *path)
{
	bool found;
	size_t at = search(f, 0, f->sorted, path, &found);

	if (!found)
		at = search(f, f->sorted, f->count, path, &found);
	return found ? &f->file[at] : NULL;
}

static int
grow(struct manifest_files *f, struct err *err)
{
	size_t cap = f->cap ? f->cap * 2 : 8;
	struct manifest_file *p;

	if (f->count < f->cap)
		return 0;
	p = realloc(f->file, cap * sizeof *p);
	if (!p)
		return err_nomem(err);
	f->file = p;
	f->cap = cap;
	return 0;
}

int
manifest_files_sort(struct manifest_files *f, struct err *err)
{
	size_t run = f->count - f->sorted, left = f->sorted, to = f->count;
	struct manifest_file *aside;

	if (run == 0)
		return 0;
	aside = malloc(run * sizeof *aside);
	if (!aside)
		return err_nomem(err);
	memcpy(aside, f->file + f->sorted, run * sizeof *aside);
	/* From the end, so that nothing is written over before it moved. */
	while (run > 0) {
		bool old = left > 0 && strcmp(f->file[left - 1].path,
		                           aside[run - 1].path) > 0;

		f->file[--to] = old ? f->file[--left] : aside[--run];
	}
	free(aside);
	f->sorted = f->count;
	return 0;
}

/* Room for one more, and a run that is not too long to move. */
static int
prepare(struct manifest_files *f, struct err *err)
{
	if (f->count - f->sorted >= RUN_MAX && manifest_files_sort(f, err))
		return -1;
	return grow(f, err);
}

int
manifest_files_add(struct manifest_files *f, const char *path, uint64_t size,
    const uint8_t sha256[SHA256_SIZE], struct err *err)
{
	struct manifest_file one = { .size = size };
	size_t at;
	bool found;

	if (manifest_files_find(f, path))
		return 0;
	if (prepare(f, err) || str_dup(path, &one.path, err))
		return -1;
	memcpy(one.sha256, sha256, SHA256_SIZE);
	at = search(f, f->sorted, f->count, path, &found);
	assert(f->file);
	memmove(f->file + at + 1, f->file + at,
	    (f->count - at) * sizeof *f->file);
	f->file[at] = one;
	f->count++;
	/* Still one run: it goes on where the sorted part ends. */
	if (at == f->sorted && f->count == at + 1 &&
	    (at == 0 || strcmp(f->file[at - 1].path, path) < 0))
		f->sorted = f->count;
	return 0;
}

void
manifest_files_done(struct manifest_files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->file[i].path);
	free(f->file);
	*f = (struct manifest_files){ 0 };
}

void
manifest_files_forget(struct manifest *m)
{
	manifest_files_done(&m->files);
	for (size_t i = 0; i < m->ncomponents; i++) {
		manifest_files_done(&m->component[i].files);
		manifest_files_done(&m->component[i].needs);
	}
}
