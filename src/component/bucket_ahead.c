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
	const char *last; /* of the range; NULL: all */
	struct monitor m;
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

static int
fill(struct bucket_ahead *a, struct batch *b, bool *more, struct err *err)
{
	for (b->count = 0; b->count < BATCH; b->count++) {
		struct object *o = &b->object[b->count];

		if (s3_list_next(a->list, o, NULL, more, err))
			return -1;
		if (*more && a->last && strcmp(o->key, a->last) > 0)
			*more = false;
		if (!*more)
			return 0;
	}
	return 0;
}

/* NULL: nobody wants any more. */
static struct batch *
free_batch(struct bucket_ahead *a)
{
	struct batch *b = NULL;

	monitor_enter(&a->m);
	while (a->full == BATCHES && !a->quit)
		monitor_wait(&a->m);
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
		struct batch *b = free_batch(a);
		struct err why = { 0 };

		if (!b)
			break;
		if (fill(a, b, &more, &why))
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

int
bucket_ahead_new(struct s3 *s, const char *prefix, const struct key_range *r,
    struct bucket_ahead **ret, struct err *err)
{
	AUTO(bucket_ahead) struct bucket_ahead *a = calloc(1, sizeof *a);

	if (!a)
		return err_nomem(err);
	monitor_init(&a->m);
	a->last = r->last;
	if (s3_list_new(s, prefix, NULL, r->after, &a->list, err) ||
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
