#include "engine/cut_ahead.h"

#include <string.h>

#include "base/buf.h"
#include "base/monitor.h"
#include "base/str.h"
#include "repo/inventory.h"

struct cut_ahead {
	struct inventory *inventory;
	uint64_t skip; /* lines before the first that counts */
	struct thread thread;
	struct monitor m;
	struct buf keys; /* each with its NUL */
	size_t at;       /* the next to be taken */
	bool over, quit;
};

/* --- the thread */

/* False: nobody wants it, or there is no room. */
static bool
keep(struct cut_ahead *c, const char *key)
{
	struct err ignored = { 0 };
	bool kept;

	monitor_enter(&c->m);
	kept =
	    !c->quit && buf_add(&c->keys, key, strlen(key) + 1, &ignored) == 0;
	monitor_wake(&c->m);
	monitor_leave(&c->m);
	return kept;
}

static void *
read_all(void *arg)
{
	struct cut_ahead *c = arg;
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	struct err ignored = { 0 };
	uint64_t skip = c->skip + CUT_EVERY - 1;
	bool more = true;

	/* the last lines are too few: an error, too */
	while (inventory_skip(c->inventory, skip, &ignored) == 0 &&
	       inventory_next(c->inventory, &e, &more, &ignored) == 0 && more &&
	       keep(c, e.object.key))
		skip = CUT_EVERY - 1;
	monitor_enter(&c->m);
	c->over = true;
	monitor_wake(&c->m);
	monitor_leave(&c->m);
	return NULL;
}

/* --- who takes them */

int
cut_ahead_next(struct cut_ahead *c, char **key, struct err *err)
{
	int rc = 0;

	*key = NULL;
	monitor_enter(&c->m);
	while (c->at == c->keys.len && !c->over)
		monitor_wait(&c->m);
	if (c->at < c->keys.len)
		rc = str_dup(c->keys.data + c->at, key, err);
	if (*key)
		c->at += strlen(*key) + 1;
	monitor_leave(&c->m);
	return rc;
}

int
cut_ahead_new(struct repo *repo, const struct manifest_component *mc,
    const struct share_at *begin, struct cut_ahead **ret, struct err *err)
{
	AUTO(cut_ahead) struct cut_ahead *c = calloc(1, sizeof *c);

	if (!c)
		return err_nomem(err);
	monitor_init(&c->m);
	c->keys.max = CUT_AHEAD_MAX;
	c->skip = begin ? begin->line : 0;
	if (inventory_open_from(repo, mc, begin ? begin->segment : 0,
	        &c->inventory, err) ||
	    thread_start(&c->thread, read_all, c, err))
		return -1;
	*ret = TAKE(c);
	return 0;
}

void
cut_ahead_free(struct cut_ahead *c)
{
	if (!c)
		return;
	monitor_enter(&c->m);
	c->quit = true;
	monitor_leave(&c->m);
	thread_join(&c->thread);
	inventory_free(c->inventory);
	buf_done(&c->keys);
	monitor_done(&c->m);
	free(c);
}
