#include "component/bucket_ahead.h"

#include <string.h>

#include "base/monitor.h"

/* Handed over so many at a time: half of a page, so that of the next page some
 * are there while it is still read. */
enum { BATCH = 500, BATCHES = 4 };

struct batch {
	struct object object[BATCH];
	size_t count;
};

struct bucket_ahead {
	struct s3_list *list;
	const struct clock *clock;
	int64_t began_ms, came_ms;
	bool came;      /* its first batch, at came_ms */
	bool shortened; /* what is behind the last may be in batches */
	struct monitor m;
	const char *last; /* of the range; NULL: all */
	struct thread thread;
	/* A ring: the thread fills behind those that are full, the caller
	 * empties the first. */
	struct batch batch[BATCHES];
	size_t first, full;
	size_t at; /* in the first one */
	bool over, quit;
	struct err err; /* how it ended, where over */
};

/* --- the thread */

/* Was the end gone past, before it was known? */
static bool
is_over(const struct bucket_ahead *a, const char *last)
{
	const char *at = s3_list_last(a->list);

	return last && at && strcmp(at, last) >= 0;
}

/* Where the last key itself is there, no page behind it is asked for. */
static int
fill(struct bucket_ahead *a, struct batch *b, const char *last, bool *more,
    struct err *err)
{
	*more = !is_over(a, last);
	b->count = 0;
	while (*more && b->count < BATCH) {
		struct object *o = &b->object[b->count];
		int c;

		if (s3_list_next(a->list, o, NULL, more, err))
			return -1;
		if (!*more)
			break;
		c = last ? strcmp(o->key, last) : -1;
		b->count += c <= 0;
		*more = c < 0;
	}
	return 0;
}

/* NULL: nobody wants any more. */
static struct batch *
free_batch(struct bucket_ahead *a, const char **last)
{
	struct batch *b = NULL;

	monitor_enter(&a->m);
	while (a->full == BATCHES && !a->quit)
		monitor_wait(&a->m);
	*last = a->last;
	if (!a->quit)
		b = &a->batch[(a->first + a->full) % BATCHES];
	monitor_leave(&a->m);
	return b;
}

/* What came before an error is handed out as well. */
static void
hand_over(struct bucket_ahead *a, bool over, const struct err *why)
{
	monitor_enter(&a->m);
	if (!a->came)
		a->came_ms = clock_mono_ms(a->clock);
	a->came = true;
	a->full++;
	a->over = over;
	a->err = *why;
	monitor_wake(&a->m);
	monitor_leave(&a->m);
}

static void *
list_all(void *arg)
{
	struct bucket_ahead *a = arg;
	bool more = true;

	while (more) {
		const char *last;
		struct batch *b = free_batch(a, &last);
		struct err why = { 0 };

		if (!b)
			break;
		if (fill(a, b, last, &more, &why))
			more = false;
		hand_over(a, !more, &why);
	}
	return NULL;
}

/* --- who looks at them */

static void
empty_first(struct bucket_ahead *a)
{
	monitor_enter(&a->m);
	a->first = (a->first + 1) % BATCHES;
	a->full--;
	a->at = 0;
	monitor_wake(&a->m);
	monitor_leave(&a->m);
}

/* *over: that was the last of them. */
static struct batch *
first_batch(struct bucket_ahead *a, bool *over)
{
	struct batch *b = NULL;

	monitor_enter(&a->m);
	while (a->full == 0 && !a->over)
		monitor_wait(&a->m);
	if (a->full > 0)
		b = &a->batch[a->first];
	*over = !b;
	monitor_leave(&a->m);
	return b;
}

/* A batch may have been filled before the end was known. */
static bool
behind_end(const struct bucket_ahead *a, const struct object *o)
{
	return a->shortened && strcmp(o->key, a->last) > 0;
}

int
bucket_ahead_next(struct bucket_ahead *a, struct object *o, bool *more,
    struct err *err)
{
	for (;;) {
		bool over = false;
		struct batch *b =
		    a->at > 0 ? &a->batch[a->first] : first_batch(a, &over);

		if (over)
			break;
		if (a->at < b->count && behind_end(a, &b->object[a->at])) {
			*more = false;
			return 0;
		}
		if (a->at < b->count) {
			object_move(o, &b->object[a->at++]);
			*more = true;
			return 0;
		}
		empty_first(a);
	}
	*more = false;
	if (err_is(&a->err, ERR_NONE))
		return 0;
	*err = a->err;
	return -1;
}

void
bucket_ahead_end(struct bucket_ahead *a, const char *last)
{
	monitor_enter(&a->m);
	a->last = last;
	a->shortened = true;
	monitor_leave(&a->m);
}

bool
bucket_ahead_slow(struct bucket_ahead *a)
{
	int64_t ms = 0;

	monitor_enter(&a->m);
	while (!a->came &&
	       (ms = clock_mono_ms(a->clock) - a->began_ms) <= BUCKET_SOON_MS)
		(void)monitor_wait_ms(&a->m,
		    (unsigned)(BUCKET_SOON_MS + 1 - ms));
	if (a->came)
		ms = a->came_ms - a->began_ms;
	monitor_leave(&a->m);
	return ms > BUCKET_SOON_MS;
}

int
bucket_ahead_new(const struct bucket_source *s, const struct key_range *r,
    struct bucket_ahead **ret, struct err *err)
{
	AUTO(bucket_ahead) struct bucket_ahead *a = calloc(1, sizeof *a);

	if (!a)
		return err_nomem(err);
	monitor_init(&a->m);
	a->clock = s->clock;
	a->began_ms = clock_mono_ms(s->clock);
	a->last = r->last;
	if (s3_list_new(s->s3, s->prefix, NULL, r->after, &a->list, err) ||
	    thread_start(&a->thread, list_all, a, err))
		return -1;
	*ret = TAKE(a);
	return 0;
}

void
bucket_ahead_free(struct bucket_ahead *a)
{
	if (!a)
		return;
	monitor_enter(&a->m);
	a->quit = true;
	monitor_wake(&a->m);
	monitor_leave(&a->m);
	thread_join(&a->thread);
	for (size_t i = 0; i < BATCHES; i++)
		for (size_t k = 0; k < BATCH; k++)
			object_done(&a->batch[i].object[k]);
	s3_list_free(a->list);
	monitor_done(&a->m);
	free(a);
}
