#include "engine/progress.h"

#include "base/clock.h"

enum { TICK_MS = 500 };

static double
elapsed(const struct progress_meter *p)
{
	return (double)(clock_mono_ms(clock_real()) - p->began_ms) / 1000;
}

static void
tell(struct progress_meter *p, bool last)
{
	struct progress_state s = {
		.component = p->component,
		.objects = atomic_load(&p->objects),
		.bytes = atomic_load(&p->bytes),
		.all_objects = atomic_load(&p->all_objects),
		.all_bytes = atomic_load(&p->all_bytes),
		.seconds = elapsed(p),
		.last = last,
	};

	p->to->tell(p->to->ctx, &s);
}

static void *
tick(void *arg)
{
	struct progress_meter *p = arg;

	monitor_enter(&p->m);
	while (!p->stop) {
		if (monitor_wait_ms(&p->m, TICK_MS))
			continue;
		monitor_leave(&p->m);
		tell(p, false);
		monitor_enter(&p->m);
	}
	monitor_leave(&p->m);
	return NULL;
}

int
progress_start(struct progress_meter *p, const struct progress *to,
    const char *component, struct err *err)
{
	*p = (struct progress_meter){ .to = to, .component = component };
	p->began_ms = clock_mono_ms(clock_real());
	monitor_init(&p->m);
	return to ? thread_start(&p->ticker, tick, p, err) : 0;
}

void
progress_add(struct progress_meter *p, uint64_t objects, uint64_t bytes)
{
	atomic_fetch_add(&p->objects, objects);
	atomic_fetch_add(&p->bytes, bytes);
}

void
progress_expect(struct progress_meter *p, uint64_t objects, uint64_t bytes)
{
	atomic_store(&p->all_objects, objects);
	atomic_store(&p->all_bytes, bytes);
}

double
progress_stop(struct progress_meter *p)
{
	monitor_enter(&p->m);
	p->stop = true;
	monitor_wake(&p->m);
	monitor_leave(&p->m);
	thread_join(&p->ticker);
	if (p->to)
		tell(p, true);
	monitor_done(&p->m);
	return elapsed(p);
}
