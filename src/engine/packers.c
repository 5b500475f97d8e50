#include "engine/packers.h"

int
packers_init(struct packers *p, const struct packers_env *env, struct err *err)
{
	*p = (struct packers){ .pool = env->pool, .cost = env->cost };
	monitor_init(&p->m);
	for (size_t i = 0; i < PACKERS; i++) {
		p->packer[i].counts = i > 0;
		/* the first's: without it nothing could be saved */
		p->packer[i].paid = i == 0;
		if (pack_writer_new(env->set, env->mc, env->number,
		        &p->packer[i].writer, err))
			return -1;
	}
	return 0;
}

/* Inside the monitor. */
static bool
usable(struct packers *p, struct packer *w)
{
	if (w->busy)
		return false;
	if (!w->paid)
		w->paid = pool_hold(p->pool, p->cost);
	return w->paid;
}

/* Inside the monitor: the first that is free, so that one pack fills before
 * another is begun; NULL. */
static struct packer *
find_free(struct packers *p)
{
	for (size_t i = 0; i < PACKERS; i++)
		if (usable(p, &p->packer[i]))
			return &p->packer[i];
	return NULL;
}

static struct packer *
take(struct packers *p)
{
	struct packer *w;

	monitor_enter(&p->m);
	while ((w = find_free(p)) == NULL)
		monitor_wait(&p->m);
	w->busy = true;
	monitor_leave(&p->m);
	return w;
}

static void
give(struct packers *p, struct packer *w)
{
	monitor_enter(&p->m);
	w->busy = false;
	if (w->counts && !pack_writer_open(w->writer)) {
		w->paid = false;
		pool_drop(p->pool, p->cost);
	}
	monitor_wake(&p->m);
	monitor_leave(&p->m);
}

int
packers_add(struct packers *p, const void *data, size_t n,
    const uint8_t sha256[SHA256_SIZE], char path[LAYOUT_KEY_SIZE],
    uint64_t *offset, struct err *err)
{
	struct packer *w = take(p);
	int rc = pack_add(w->writer, data, n, sha256, path, offset, err);

	give(p, w);
	return rc;
}

int
packers_end(struct packers *p, struct err *err)
{
	for (size_t i = 0; i < PACKERS; i++)
		if (pack_writer_end(p->packer[i].writer, err))
			return -1;
	return 0;
}

void
packers_done(struct packers *p)
{
	bool used = p->packer[0].writer != NULL;

	for (size_t i = 0; i < PACKERS; i++)
		pack_writer_free(p->packer[i].writer);
	if (used)
		monitor_done(&p->m);
}
