#include "component/kube_tally.h"

#include <string.h>

#include "base/jsonw.h"
#include "base/str.h"

/* The first that is not less than name. */
static size_t
place(const struct kube_tally *t, const char *name)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(t->item[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
is_at(const struct kube_tally *t, size_t at, const char *name)
{
	return at < t->count && strcmp(t->item[at].name, name) == 0;
}

static int
insert(struct kube_tally *t, size_t at, const char *name, struct err *err)
{
	char *copy = NULL;

	if (t->count == t->room) {
		size_t room = t->room ? 2 * t->room : 16;
		struct kube_tally_item *more =
		    realloc(t->item, room * sizeof *more);

		if (!more)
			return err_nomem(err);
		t->item = more;
		t->room = room;
	}
	if (str_dup(name, &copy, err))
		return -1;
	memmove(t->item + at + 1, t->item + at,
	    (t->count - at) * sizeof *t->item);
	t->item[at] = (struct kube_tally_item){ .name = copy };
	t->count++;
	return 0;
}

int
kube_tally_add(struct kube_tally *t, const char *name, uint64_t n,
    struct err *err)
{
	size_t at = place(t, name);

	if (!is_at(t, at, name) && insert(t, at, name, err))
		return -1;
	t->item[at].count += n;
	t->total += n;
	return 0;
}

uint64_t
kube_tally_of(const struct kube_tally *t, const char *name)
{
	size_t at = place(t, name);

	return is_at(t, at, name) ? t->item[at].count : 0;
}

void
kube_tally_write(const struct kube_tally *t, const char *name, struct jsonw *w)
{
	jsonw_object(w, name);
	for (size_t i = 0; i < t->count; i++)
		jsonw_u64(w, t->item[i].name, t->item[i].count);
	jsonw_close(w);
}

void
kube_tally_done(struct kube_tally *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->item[i].name);
	free(t->item);
	*t = (struct kube_tally){ 0 };
}
