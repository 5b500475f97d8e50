#include "engine/inventory_check.h"

#include <inttypes.h>
#include <string.h>

#include "repo/inventory.h"
#include "repo/pack.h"

struct walk {
	struct repo *repo;
	const struct manifest_component *mc;
	const struct manifest_file *file;
	/* How long the tar of each pack is, as far as one was asked for; by
	 * the places of mc's files, then of its needs.  0: not asked yet. */
	uint64_t *length;
};

/* A pack that cannot say how long it is has damage of its own, and is looked
 * at by itself. */
static int
ask_length(struct walk *w, const struct manifest_file *f, uint64_t *ret,
    struct err *err)
{
	if (pack_length(w->repo, f, ret, err) == 0)
		return 0;
	*ret = UINT64_MAX;
	return err_is(err, ERR_CORRUPT) || err_is(err, ERR_NOTFOUND) ? 0 : -1;
}

static int
length_of(struct walk *w, const struct manifest_file *f, uint64_t *ret,
    struct err *err)
{
	const struct manifest_files *own = &w->mc->files;
	bool is_own = f >= own->file && f < own->file + own->count;
	size_t i = is_own ? (size_t)(f - own->file)
	                  : own->count + (size_t)(f - w->mc->needs.file);

	if (w->length[i] == 0 && ask_length(w, f, &w->length[i], err))
		return -1;
	*ret = w->length[i];
	return 0;
}

static int
check_entry(struct walk *w, const struct inventory_entry *e, struct err *err)
{
	const struct manifest_file *f;
	uint64_t length;

	if (!e->file)
		return 0;
	f = manifest_file_of(w->mc, e->file);
	if (!f)
		return err_set(err, ERR_CORRUPT,
		    "it names '%s', which the manifest does not know", e->file);
	if (!e->packed)
		return 0;
	if (length_of(w, f, &length, err))
		return -1;
	if (e->offset > length || e->object.size > length - e->offset)
		return err_set(err, ERR_CORRUPT,
		    "key '%s' has %" PRIu64 " bytes at %" PRIu64
		    " of '%s', which has %" PRIu64,
		    e->object.key, e->object.size, e->offset, e->file, length);
	return 0;
}

static int
check_all(struct walk *w, struct inventory *i, struct err *err)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	bool more = true;

	for (;;) {
		if (inventory_next(i, &e, &more, err))
			return -1;
		if (!more)
			return 0;
		if (check_entry(w, &e, err))
			return err_wrap(err, "'%s'", w->file->path);
	}
}

int
inventory_check(struct repo *repo, const struct manifest_component *mc,
    const struct manifest_file *f, struct err *err)
{
	AUTO(inventory) struct inventory *i = NULL;
	AUTO(free)
	uint64_t *length =
	    calloc(mc->files.count + mc->needs.count + 1, sizeof *length);
	struct walk w = { .repo = repo, .mc = mc, .file = f, .length = length };

	if (!length)
		return err_nomem(err);
	if (inventory_open_segment(repo, mc, f, &i, err))
		return -1;
	return check_all(&w, i, err);
}
