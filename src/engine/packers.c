#include "engine/packers.h"

int
packers_init(struct packers *p, struct set *set, struct manifest_component *mc,
    _Atomic unsigned *number, struct err *err)
{
	*p = (struct packers){ 0 };
	monitor_init(&p->m);
	for (size_t i = 0; i < PACKERS; i++)
		if (pack_writer_new(set, mc, number, &p->slot[i].writer, err))
			return -1;
	return 0;
}

/* The first that is free, so that one pack fills before another is begun. */
static size_t
take_slot(struct packers *p)
{
	size_t i;

	monitor_enter(&p->m);
	for (;;) {
		for (i = 0; i < PACKERS && p->slot[i].busy; i++)
			;
		if (i < PACKERS)
			break;
		monitor_wait(&p->m);
	}
	p->slot[i].busy = true;
	monitor_leave(&p->m);
	return i;
}

static void
give_slot(struct packers *p, size_t i)
{
	monitor_enter(&p->m);
	p->slot[i].busy = false;
	monitor_wake(&p->m);
	monitor_leave(&p->m);
}

int
packers_add(struct packers *p, const void *data, size_t n,
    const uint8_t sha256[SHA256_SIZE], char path[LAYOUT_KEY_SIZE],
    uint64_t *offset, struct err *err)
{
	size_t i = take_slot(p);
	int rc =
	    pack_add(p->slot[i].writer, data, n, sha256, path, offset, err);

	give_slot(p, i);
	return rc;
}

int
packers_end(struct packers *p, struct err *err)
{
	for (size_t i = 0; i < PACKERS; i++)
		if (pack_writer_end(p->slot[i].writer, err))
			return -1;
	return 0;
}

void
packers_done(struct packers *p)
{
	bool used = p->slot[0].writer != NULL;

	for (size_t i = 0; i < PACKERS; i++)
		pack_writer_free(p->slot[i].writer);
	if (used)
		monitor_done(&p->m);
}
