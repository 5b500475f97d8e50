#include "repo/inventory.h"

#include <string.h>

#include "base/str.h"
#include "base/thread.h"
#include "repo/copies.h"
#include "repo/repo.h"
#include "repo/repo_keys.h"
#include "stream/pipe.h"

enum { READ_AHEAD = 256 << 10, CHUNK = 2 * INVENTORY_LINE_MAX };

struct inventory {
	struct repo *repo;
	char *component;
	/* Copies, in order; the one that is read, and how many there are. */
	struct manifest_file *file;
	size_t at, count;
	struct pipe *pipe;
	struct sink *sink; /* the reading thread's, until it has ended */
	struct thread thread;
	struct err fail; /* told again and again */
	char *last;      /* key of the entry before */
	uint64_t line;   /* of the file */
	size_t from, to; /* what of the chunk is still to come */
	size_t length;   /* of the line before that, with its newline */
	char chunk[CHUNK];
};

void
inventory_entry_done(struct inventory_entry *e)
{
	object_done(&e->object);
	free(e->file);
	*e = (struct inventory_entry){ 0 };
}

static bool
has_copy(const struct repo *r, const char *component,
    const struct manifest_file *f)
{
	const struct copies *c = repo_copies(r);

	return c && copies_has(c, f->sha256, component);
}

int
inventory_readable(struct repo *r, const struct manifest *m,
    const struct manifest_component *c, struct err *err)
{
	for (const struct manifest_file *f = manifest_inventory_of(c); f;
	     f = manifest_inventory_next(c, f))
		if (!has_copy(r, c->name, f))
			return repo_keys_check(r, m, err);
	return 0;
}

static int
read_it(struct inventory *i, struct err *err)
{
	const struct manifest_file *f = &i->file[i->at];

	if (!has_copy(i->repo, i->component, f))
		return repo_read(i->repo, f, i->sink, err);
	return copies_read(repo_copies(i->repo), f->sha256, i->component,
	    i->sink, err);
}

static void *
read_all(void *arg)
{
	struct inventory *i = arg;
	struct err err = { 0 };

	if (read_it(i, &err))
		pipe_fail(i->pipe, &err);
	return NULL;
}

/* --- one segment behind the other */

static int
start(struct inventory *i, struct err *err)
{
	i->line = 0;
	i->from = i->to = 0;
	if (pipe_new(READ_AHEAD, &i->pipe, err) ||
	    pipe_sink(i->pipe, &i->sink, err))
		return -1;
	return thread_start(&i->thread, read_all, i, err);
}

static void
stop(struct inventory *i)
{
	if (i->pipe)
		pipe_close(i->pipe);
	thread_join(&i->thread);
	sink_free(TAKE(i->sink));
	pipe_free(TAKE(i->pipe));
}

static int
add_segment(struct inventory *i, const struct manifest_file *f, struct err *err)
{
	struct manifest_file *to =
	    realloc(i->file, (i->count + 1) * sizeof *to);

	if (!to)
		return err_nomem(err);
	i->file = to;
	to[i->count] = *f;
	to[i->count].path = NULL;
	return str_dup(f->path, &to[i->count++].path, err);
}

static struct inventory *
inventory_new(struct repo *r, const struct manifest_component *c,
    struct err *err)
{
	AUTO(inventory) struct inventory *i = calloc(1, sizeof *i);

	if (!i) {
		(void)err_nomem(err);
		return NULL;
	}
	i->repo = r;
	return str_dup(c->name, &i->component, err) ? NULL : TAKE(i);
}

int
inventory_open_segment(struct repo *r, const struct manifest_component *c,
    const struct manifest_file *f, struct inventory **ret, struct err *err)
{
	AUTO(inventory) struct inventory *i = inventory_new(r, c, err);

	if (!i || add_segment(i, f, err) || start(i, err))
		return -1;
	*ret = TAKE(i);
	return 0;
}

int
inventory_open(struct repo *r, const struct manifest_component *c,
    struct inventory **ret, struct err *err)
{
	return inventory_open_from(r, c, 0, ret, err);
}

int
inventory_open_from(struct repo *r, const struct manifest_component *c,
    uint64_t segment, struct inventory **ret, struct err *err)
{
	AUTO(inventory) struct inventory *i = inventory_new(r, c, err);

	if (!i)
		return -1;
	for (const struct manifest_file *f = manifest_inventory_of(c); f;
	     f = manifest_inventory_next(c, f))
		if (add_segment(i, f, err))
			return -1;
	if (i->count == 0)
		return err_set(err, ERR_CORRUPT,
		    "the set has no inventory of '%s'", c->name);
	if (segment >= i->count)
		return err_set(err, ERR_CORRUPT,
		    "the inventory of '%s' has %zu segments", c->name,
		    i->count);
	i->at = (size_t)segment;
	if (start(i, err))
		return -1;
	*ret = TAKE(i);
	return 0;
}

void
inventory_free(struct inventory *i)
{
	if (!i)
		return;
	stop(i);
	for (size_t k = 0; k < i->count; k++)
		free(i->file[k].path);
	free(i->file);
	free(i->component);
	free(i->last);
	free(i);
}

static const char *
path_of(const struct inventory *i)
{
	return i->file[i->at].path;
}

/* One line without its end; *line NULL: there are no more. */
static int
next_line(struct inventory *i, const char **line, size_t *len, struct err *err)
{
	for (;;) {
		char *at = i->chunk + i->from, *end;
		size_t have = i->to - i->from, got;

		end = memchr(at, '\n', have);
		if (end) {
			*line = at;
			*len = (size_t)(end - at);
			i->length = *len + 1;
			i->from += i->length;
			return 0;
		}
		if (have > INVENTORY_LINE_MAX)
			return err_set(err, ERR_CORRUPT,
			    "'%s': line %ju is too long", path_of(i),
			    (uintmax_t)i->line + 1);
		memmove(i->chunk, at, have);
		i->from = 0;
		i->to = have;
		if (pipe_read(i->pipe, i->chunk + have, CHUNK - have, &got,
		        err))
			return -1;
		if (got == 0 && have > 0)
			return err_set(err, ERR_CORRUPT,
			    "'%s': the last line is cut short", path_of(i));
		*line = NULL;
		if (got == 0)
			return 0;
		i->to += got;
	}
}

/* The same, of all segments. */
static int
any_line(struct inventory *i, const char **line, size_t *len, struct err *err)
{
	for (;;) {
		if (next_line(i, line, len, err))
			return -1;
		if (*line || i->at + 1 == i->count)
			return 0;
		stop(i);
		i->at++;
		if (start(i, err))
			return -1;
	}
}

/* The merge that inventories are made for needs every key once, in order. */
static int
check_order(struct inventory *i, const char *key, struct err *err)
{
	char *copy;

	if (i->last && strcmp(i->last, key) >= 0)
		return err_set(err, ERR_CORRUPT,
		    "key '%s' is not behind the one before it", key);
	if (str_dup(key, &copy, err))
		return -1;
	free(i->last);
	i->last = copy;
	return 0;
}

static int
next(struct inventory *i, struct inventory_entry *e, bool *more,
    struct err *err)
{
	const char *line = NULL;
	size_t len = 0;

	if (any_line(i, &line, &len, err))
		return -1;
	*more = line != NULL;
	if (!line)
		return 0;
	i->line++;
	if (inventory_decode(line, len, e, err) ||
	    check_order(i, e->object.key, err))
		return err_wrap(err, "'%s': line %ju", path_of(i),
		    (uintmax_t)i->line);
	return 0;
}

const char *
inventory_line(const struct inventory *i, size_t *len)
{
	*len = i->length;
	return i->chunk + i->from - i->length;
}

int
inventory_next(struct inventory *i, struct inventory_entry *e, bool *more,
    struct err *err)
{
	inventory_entry_done(e);
	if (!err_is(&i->fail, ERR_NONE)) {
		*err = i->fail;
		return -1;
	}
	if (next(i, e, more, err) == 0)
		return 0;
	inventory_entry_done(e);
	i->fail = *err;
	return -1;
}

static int
skip(struct inventory *i, uint64_t n, struct err *err)
{
	const char *line = NULL;
	size_t len;

	for (; n > 0; n--, i->line++) {
		if (any_line(i, &line, &len, err))
			return -1;
		if (!line)
			return err_set(err, ERR_CORRUPT,
			    "'%s' has %ju lines too few", path_of(i),
			    (uintmax_t)n);
	}
	return 0;
}

int
inventory_skip(struct inventory *i, uint64_t n, struct err *err)
{
	if (!err_is(&i->fail, ERR_NONE)) {
		*err = i->fail;
		return -1;
	}
	if (skip(i, n, err) == 0)
		return 0;
	i->fail = *err;
	return -1;
}

int
inventory_drain(struct inventory *i, struct err *err)
{
	size_t got = 1;

	i->from = i->to = 0;
	while (got > 0)
		if (pipe_read(i->pipe, i->chunk, CHUNK, &got, err))
			return -1;
	return 0;
}

void
inventory_place(const struct inventory *i, uint64_t *segment, uint64_t *line)
{
	*segment = i->at;
	*line = i->line;
}
