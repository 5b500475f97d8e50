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
	struct manifest_file file; /* a copy */
	struct pipe *pipe;
	struct sink *sink; /* the reading thread's, until it has ended */
	struct thread thread;
	struct err fail; /* told again and again */
	char *last;      /* key of the entry before */
	uint64_t line;
	size_t from, to; /* what of the chunk is still to come */
	char chunk[CHUNK];
};

void
inventory_entry_done(struct inventory_entry *e)
{
	object_done(&e->object);
	free(e->file);
	*e = (struct inventory_entry){ 0 };
}

/* Of sets/<folder>/<component>.inventory.jsonl.zst.age. */
static void
component_of(const char *path, char component[LAYOUT_KEY_SIZE])
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *end = name;

	for (const char *p = name; (p = strstr(p, ".inventory.jsonl")); p++)
		end = p;
	memcpy(component, name, (size_t)(end - name));
	component[end - name] = '\0';
}

static bool
has_copy(const struct repo *r, const struct manifest_file *f)
{
	const struct copies *c = repo_copies(r);
	char component[LAYOUT_KEY_SIZE];

	component_of(f->path, component);
	return c && copies_has(c, f->sha256, component);
}

int
inventory_readable(struct repo *r, const struct manifest *m,
    const struct manifest_file *f, struct err *err)
{
	return has_copy(r, f) ? 0 : repo_keys_check(r, m, err);
}

static int
read_it(struct inventory *i, struct err *err)
{
	char component[LAYOUT_KEY_SIZE];

	if (!has_copy(i->repo, &i->file))
		return repo_read(i->repo, &i->file, i->sink, err);
	component_of(i->file.path, component);
	return copies_read(repo_copies(i->repo), i->file.sha256, component,
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

static int
start(struct inventory *i, const struct manifest_file *f, struct err *err)
{
	i->file = *f;
	i->file.path = NULL;
	if (str_dup(f->path, &i->file.path, err) ||
	    pipe_new(READ_AHEAD, &i->pipe, err) ||
	    pipe_sink(i->pipe, &i->sink, err))
		return -1;
	return thread_start(&i->thread, read_all, i, err);
}

int
inventory_open(struct repo *r, const struct manifest_file *f,
    struct inventory **ret, struct err *err)
{
	AUTO(inventory) struct inventory *i = calloc(1, sizeof *i);

	if (!i)
		return err_nomem(err);
	i->repo = r;
	if (start(i, f, err))
		return -1;
	*ret = TAKE(i);
	return 0;
}

void
inventory_free(struct inventory *i)
{
	if (!i)
		return;
	if (i->pipe)
		pipe_close(i->pipe);
	thread_join(&i->thread);
	sink_free(i->sink);
	pipe_free(i->pipe);
	free(i->file.path);
	free(i->last);
	free(i);
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
			i->from += *len + 1;
			return 0;
		}
		if (have > INVENTORY_LINE_MAX)
			return err_set(err, ERR_CORRUPT,
			    "'%s': line %ju is too long", i->file.path,
			    (uintmax_t)i->line + 1);
		memmove(i->chunk, at, have);
		i->from = 0;
		i->to = have;
		if (pipe_read(i->pipe, i->chunk + have, CHUNK - have, &got,
		        err))
			return -1;
		if (got == 0 && have > 0)
			return err_set(err, ERR_CORRUPT,
			    "'%s': the last line is cut short", i->file.path);
		*line = NULL;
		if (got == 0)
			return 0;
		i->to += got;
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

	if (next_line(i, &line, &len, err))
		return -1;
	*more = line != NULL;
	if (!line)
		return 0;
	i->line++;
	if (inventory_decode(line, len, e, err) ||
	    check_order(i, e->object.key, err))
		return err_wrap(err, "'%s': line %ju", i->file.path,
		    (uintmax_t)i->line);
	return 0;
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
