#include "component/bucket_lanes.h"

#include <string.h>

#include "base/str.h"

/* One lane begins to list all.  Where its first page is not there soon, it is
 * shortened, and others list what is behind it. */
enum { LANES = 4 };

struct lane {
	struct bucket_ahead *list;
	char *last; /* NULL: to the end of all */
};

struct bucket_lanes {
	struct bucket_source source;
	struct saver *saver;
	bool begun;
	/* A ring: all behind one another; the first is being emptied.  One
	 * more, so that the next is on its way before the first is gone. */
	struct lane lane[LANES + 1];
	size_t first, count;
};

static struct lane *
lane_at(struct bucket_lanes *l, size_t i)
{
	return &l->lane[(l->first + i) % (LANES + 1)];
}

static void
drop_first(struct bucket_lanes *l)
{
	struct lane *lane = lane_at(l, 0);

	bucket_ahead_free(TAKE(lane->list));
	free(TAKE(lane->last));
	l->first = (l->first + 1) % (LANES + 1);
	l->count--;
}

/* The next cut behind that key; NULL: none.  The set before may be one of
 * other keys: of another prefix, or all before this one. */
static int
cut_behind(struct bucket_lanes *l, const char *key, char **ret, struct err *err)
{
	const char *last = l->saver->range.last;

	for (;;) {
		AUTO(free) char *cut = NULL;

		*ret = NULL;
		if (l->saver->ops->next_cut(l->saver, &cut, err))
			return -1;
		if (!cut || (last && strcmp(cut, last) >= 0))
			return 0;
		if (strcmp(cut, key) > 0 && str_starts(cut, l->source.prefix)) {
			*ret = TAKE(cut);
			return 0;
		}
	}
}

/* Owns last, also on failure. */
static int
add_lane(struct bucket_lanes *l, const char *after, char *last, struct err *err)
{
	struct lane *lane = lane_at(l, l->count);
	const struct key_range r = { after,
		last ? last : l->saver->range.last };

	if (bucket_ahead_new(&l->source, &r, &lane->list, err)) {
		free(last);
		return -1;
	}
	lane->last = last;
	l->count++;
	return 0;
}

/* Up to so many, unless the last one goes to the end of all. */
static int
add_lanes(struct bucket_lanes *l, size_t most, struct err *err)
{
	while (l->count < most) {
		const char *after = lane_at(l, l->count - 1)->last;
		char *last;

		if (!after)
			return 0;
		if (cut_behind(l, after, &last, err) ||
		    add_lane(l, after, last, err))
			return -1;
	}
	return 0;
}

/* Where the server is slow the only lane, whose thread is at its first pages,
 * ends at the first cut. */
static int
begin(struct bucket_lanes *l, struct err *err)
{
	const char *after = l->saver->range.after;
	struct lane *lane = lane_at(l, 0);

	l->begun = true;
	if (!bucket_ahead_slow(lane->list))
		return 0;
	if (cut_behind(l, after ? after : "", &lane->last, err))
		return -1;
	if (!lane->last)
		return 0;
	bucket_ahead_end(lane->list, lane->last);
	return add_lanes(l, LANES, err);
}

int
bucket_lanes_next(struct bucket_lanes *l, struct object *o, bool *more,
    struct err *err)
{
	if (!l->begun && begin(l, err))
		return -1;
	for (;;) {
		struct lane *lane = lane_at(l, 0);

		if (bucket_ahead_next(lane->list, o, more, err))
			return -1;
		if (*more || !lane->last)
			return 0;
		if (add_lanes(l, LANES + 1, err))
			return -1;
		drop_first(l);
	}
}

int
bucket_lanes_new(const struct bucket_source *s, struct saver *saver,
    struct bucket_lanes **ret, struct err *err)
{
	AUTO(bucket_lanes) struct bucket_lanes *l = calloc(1, sizeof *l);

	if (!l)
		return err_nomem(err);
	l->source = *s;
	l->saver = saver;
	if (add_lane(l, saver->range.after, NULL, err))
		return -1;
	*ret = TAKE(l);
	return 0;
}

void
bucket_lanes_free(struct bucket_lanes *l)
{
	if (!l)
		return;
	while (l->count > 0)
		drop_first(l);
	free(l);
}
