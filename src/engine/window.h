/*
 * window.h - work goes out in order, is done in any order, and leaves in
 * order again: inventory lines in the order of the keys, whatever finished
 * first.  Bounded: entering waits while the oldest is too far behind.
 */
#ifndef ENGINE_WINDOW_H
#define ENGINE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

struct window;

/* Takes item over.  Called in order, from one thread at a time. */
typedef int window_fn(void *ctx, void *item, struct err *);

/* max: places; bytes: of items that wait to leave, roughly. */
struct window_size {
	size_t max, bytes;
};
MUST_CHECK int window_new(const struct window_size *, window_fn *leave,
    void *ctx, struct window **, struct err *);
/* The next place.  After leave has failed: -1 with its error. */
MUST_CHECK int window_enter(struct window *, uint64_t *place, struct err *);
/* Done; the item, of so many bytes, is the window's, also on failure. */
MUST_CHECK int window_done(struct window *, uint64_t place, void *item,
    size_t bytes, struct err *);
/* Nothing leaves from this place. */
void window_skip(struct window *, uint64_t place);
/* All places are done already; leave's items that did not leave are lost. */
void window_free(struct window *, void (*drop)(void *item));

#endif
