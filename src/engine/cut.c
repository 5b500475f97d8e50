#include "engine/cut.h"

#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "repo/inventory.h"
#include "repo/repo_keys.h"

/* --- by the inventory before */

/* Behind n of its entries, of which `at` is where the reader stands. */
static int
place_at(struct inventory *inv, uint64_t n, uint64_t *at, struct share_at *ret,
    struct err *err)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	bool more = true;

	if (n > *at) {
		if (inventory_skip(inv, n - *at - 1, err) ||
		    inventory_next(inv, &e, &more, err))
			return -1;
		/* both are hashed: only where they were written wrong */
		if (!more)
			return err_set(err, ERR_CORRUPT,
			    "the inventory has fewer objects than its "
			    "manifest says");
		*at = n;
	}
	inventory_place(inv, &ret->segment, &ret->line);
	return str_dup(e.object.key ? e.object.key : "", &ret->key, err);
}

static int
by_inventory(struct repo *repo, const struct manifest_component *mc,
    unsigned workers, struct share_cut *c, struct err *err)
{
	AUTO(inventory) struct inventory *inv = NULL;
	uint64_t at = 0;

	if (inventory_open(repo, mc, &inv, err))
		return -1;
	for (unsigned i = 1; i < workers; i++) {
		struct share_at *to = &c->at[c->nat++];
		uint64_t n = mc->objects / workers * i +
		             mc->objects % workers * i / workers;

		/* no object between two places: they are the same */
		if (i > 1 && n == at) {
			*to = to[-1];
			to->key = NULL;
			if (str_dup(to[-1].key, &to->key, err))
				return -1;
		} else if (place_at(inv, n, &at, to, err)) {
			return -1;
		}
	}
	return 0;
}

static void
forget(struct share_cut *c)
{
	while (c->nat > 0)
		free(c->at[--c->nat].key);
	memset(c->at, 0, sizeof *c->at);
	free(TAKE(c->before));
}

/* *done false: there is none that can be read. */
static int
try_before(struct run *r, size_t i, unsigned workers, struct share_cut *c,
    bool *done, struct err *err)
{
	const struct manifest *m = r->before[i];
	const struct manifest_component *mc =
	    m ? manifest_find(m, c->component) : NULL;
	struct repo *repo = r->o->repo;
	struct err why = { 0 };

	*done = false;
	if (!mc || !manifest_inventory_of(mc) || !repo_keys_same(repo, m))
		return 0;
	if (str_dup(m->folder, &c->before, err))
		return -1;
	if (inventory_readable(repo, m, mc, &why) == 0 &&
	    by_inventory(repo, mc, workers, c, &why) == 0) {
		*done = true;
		return 0;
	}
	forget(c);
	if (!err_is(&why, ERR_NOTFOUND) && !err_is(&why, ERR_CORRUPT) &&
	    !err_is(&why, ERR_USAGE)) {
		*err = why;
		return -1;
	}
	log_warning("component '%s': set %s cannot be built on, everything is "
	            "read again: %s",
	    c->component, m->id, why.msg);
	return 0;
}

/* --- by the source */

static int
by_source(struct component *source, unsigned workers, struct share_cut *c,
    struct err *err)
{
	char **last = calloc(workers, sizeof *last);
	int rc;

	if (!last)
		return err_nomem(err);
	rc = source->ops->cut(source, workers, last, err);
	for (unsigned i = 0; i + 1 < workers; i++) {
		if (rc == 0)
			c->at[c->nat++].key = TAKE(last[i]);
		free(last[i]);
	}
	free(last);
	return rc;
}

int
cut_make(struct run *r, size_t i, unsigned workers, struct share_cut *c,
    struct err *err)
{
	const char *name = r->o->plan->job[i].component->name;
	bool done;

	c->at = calloc(workers, sizeof *c->at);
	if (!c->at)
		return err_nomem(err);
	if (str_dup(name, &c->component, err) ||
	    try_before(r, i, workers, c, &done, err))
		return -1;
	if (done)
		return 0;
	return by_source(r->component[i], workers, c, err) == 0
	           ? 0
	           : err_wrap(err, "component '%s'", name);
}
