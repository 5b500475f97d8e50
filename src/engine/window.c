#include "engine/window.h"

#include "base/monitor.h"

struct slot {
	bool done;
	void *item;
	size_t bytes;
};

struct window {
	struct monitor m;
	window_fn *leave;
	void *ctx;
	uint64_t first, next; /* places from first to next - 1 are in use */
	bool leaving;         /* somebody is calling leave */
	struct err failed;
	size_t max;
	size_t held, most; /* bytes that wait to leave */
	struct slot slot[];
};

int
window_new(const struct window_size *size, window_fn *leave, void *ctx,
    struct window **out, struct err *err)
{
	struct window *w = calloc(1, sizeof *w + size->max * sizeof w->slot[0]);

	if (!w)
		return err_nomem(err);
	monitor_init(&w->m);
	w->leave = leave;
	w->ctx = ctx;
	w->max = size->max;
	w->most = size->bytes;
	*out = w;
	return 0;
}

static int
failed(const struct window *w, struct err *err)
{
	if (err_is(&w->failed, ERR_NONE))
		return 0;
	*err = w->failed;
	return -1;
}

/* What waits does so for one that is under way: it comes to an end. */
static bool
full(const struct window *w)
{
	return w->next - w->first == w->max || w->held > w->most;
}

int
window_enter(struct window *w, uint64_t *place, struct err *err)
{
	int rc;

	monitor_enter(&w->m);
	while (full(w) && err_is(&w->failed, ERR_NONE))
		monitor_wait(&w->m);
	rc = failed(w, err);
	if (rc == 0)
		*place = w->next++;
	monitor_leave(&w->m);
	return rc;
}

/* Inside the monitor, which is left while leave runs. */
static void
drain(struct window *w)
{
	w->leaving = true;
	while (w->first < w->next && w->slot[w->first % w->max].done &&
	       err_is(&w->failed, ERR_NONE)) {
		struct slot *s = &w->slot[w->first % w->max];
		void *item = TAKE(s->item);
		struct err err = { 0 };
		int rc = 0;

		if (item) {
			monitor_leave(&w->m);
			rc = w->leave(w->ctx, item, &err);
			monitor_enter(&w->m);
		}
		if (rc)
			w->failed = err;
		w->held -= s->bytes;
		s->done = false;
		w->first++;
		monitor_wake(&w->m);
	}
	w->leaving = false;
}

static void
fill(struct window *w, uint64_t place, void *item, size_t bytes)
{
	w->slot[place % w->max] =
	    (struct slot){ .done = true, .item = item, .bytes = bytes };
	w->held += bytes;
	if (!w->leaving)
		drain(w);
}

int
window_done(struct window *w, uint64_t place, void *item, size_t bytes,
    struct err *err)
{
	int rc;

	monitor_enter(&w->m);
	fill(w, place, item, bytes);
	rc = failed(w, err);
	monitor_leave(&w->m);
	return rc;
}

void
window_skip(struct window *w, uint64_t place)
{
	monitor_enter(&w->m);
	fill(w, place, NULL, 0);
	monitor_leave(&w->m);
}

void
window_free(struct window *w, void (*drop)(void *item))
{
	if (!w)
		return;
	for (size_t i = 0; i < w->max; i++)
		if (w->slot[i].item)
			drop(w->slot[i].item);
	monitor_done(&w->m);
	free(w);
}
