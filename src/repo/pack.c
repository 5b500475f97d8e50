#include "repo/pack.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/monitor.h"
#include "base/str.h"
#include "repo/repo.h"
#include "store/store.h"
#include "stream/age_range.h"
#include "stream/frames.h"
#include "stream/tar.h"

/* --- writing */

/* On databases and logs level 1 is as small as 3, at twice the speed. */
enum { LEVEL = 1 };

struct pack_writer {
	struct set *set;
	struct manifest_component *component;
	_Atomic unsigned *number;
	struct sink *frames; /* NULL: no pack is open */
	struct sink *file;   /* the end of that chain; counts stored bytes */
	struct tar *tar;
	char path[LAYOUT_KEY_SIZE];
	struct err fail; /* the first; what is in the pack is lost with it */
};

int
pack_writer_new(struct set *set, struct manifest_component *c,
    _Atomic unsigned *number, struct pack_writer **ret, struct err *err)
{
	struct pack_writer *w = calloc(1, sizeof *w);

	if (!w)
		return err_nomem(err);
	w->set = set;
	w->component = c;
	w->number = number;
	*ret = w;
	return 0;
}

/* Without a finish before it nothing of the pack stays. */
static void
drop(struct pack_writer *w)
{
	tar_free(TAKE(w->tar));
	sink_free(TAKE(w->frames));
	w->file = NULL;
}

void
pack_writer_free(struct pack_writer *w)
{
	if (!w)
		return;
	drop(w);
	free(w);
}

static int
open_pack(struct pack_writer *w, struct err *err)
{
	char stem[96], ending[32], name[LAYOUT_KEY_SIZE];
	struct sink *s = NULL;

	(void)snprintf(stem, sizeof stem, "%s/pack", w->component->name);
	(void)snprintf(ending, sizeof ending, "-%06u.tar.zst",
	    atomic_fetch_add(w->number, 1) + 1);
	if (set_own_name(w->set, stem, ending, name, err) ||
	    set_file(w->set, w->component, name, SET_RAW, w->path, &s, err))
		return -1;
	w->file = s;
	if (frames_sink_new(s, LEVEL, PACK_FRAME, &w->frames, err))
		return -1;
	return tar_new(w->frames, &w->tar, err);
}

static int
seal(struct pack_writer *w, struct err *err)
{
	if (tar_end(w->tar, err) || sink_finish(w->frames, err))
		return -1;
	drop(w);
	return 0;
}

static int
add(struct pack_writer *w, const void *p, size_t n, const char *name,
    uint64_t *offset, struct err *err)
{
	if (!w->tar && open_pack(w, err))
		return -1;
	if (tar_add(w->tar, name, p, n, offset, err))
		return -1;
	return w->file->bytes >= PACK_SIZE || *offset >= PACK_TAR ? seal(w, err)
	                                                          : 0;
}

/* Remember the first failure: what was added before it is in no pack. */
static int
failed(struct pack_writer *w, struct err *err)
{
	if (err_is(&w->fail, ERR_NONE)) {
		w->fail = *err;
		drop(w);
	}
	*err = w->fail;
	return -1;
}

int
pack_add(struct pack_writer *w, const void *p, size_t n,
    const uint8_t sha256[SHA256_SIZE], char path[LAYOUT_KEY_SIZE],
    uint64_t *offset, struct err *err)
{
	char name[SHA256_HEX];
	uint64_t at;

	str_hex(sha256, SHA256_SIZE, name);
	if (!err_is(&w->fail, ERR_NONE) || add(w, p, n, name, &at, err))
		return failed(w, err);
	memcpy(path, w->path, sizeof w->path);
	*offset = at;
	return 0;
}

bool
pack_writer_open(const struct pack_writer *w)
{
	return w->frames != NULL;
}

int
pack_writer_end(struct pack_writer *w, struct err *err)
{
	if (!err_is(&w->fail, ERR_NONE) || (w->tar && seal(w, err)))
		return failed(w, err);
	return 0;
}

/* --- reading */

enum { TABLES = 64, TABLE_MAX = 16 << 20, UNPACKED_MAX = 1 << 30 };

/* What of the file is the pack: all of it, or the content of an age file. */
struct content {
	bool age;
	struct age_range range;
	uint64_t size;
};

struct pack {
	char *path; /* NULL: the place is free */
	struct content content;
	struct frames_table table;
	uint64_t used; /* when; the smallest is the one to give up */
	unsigned users;
	bool ready;
};

struct pack_reader {
	struct repo *repo;
	struct monitor m;
	uint64_t uses;
	struct pack pack[TABLES];
	/* What was read as a whole, also when its table is gone by now. */
	struct manifest_files good, bad;
};

int
pack_reader_new(struct repo *repo, struct pack_reader **ret, struct err *err)
{
	struct pack_reader *r = calloc(1, sizeof *r);

	if (!r)
		return err_nomem(err);
	r->repo = repo;
	monitor_init(&r->m);
	*ret = r;
	return 0;
}

/* The place is free again. */
static void
vacate(struct pack *p)
{
	free(p->path);
	age_range_done(&p->content.range);
	frames_table_done(&p->table);
	*p = (struct pack){ 0 };
}

void
pack_reader_free(struct pack_reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < TABLES; i++)
		vacate(&r->pack[i]);
	manifest_files_done(&r->good);
	manifest_files_done(&r->bad);
	monitor_done(&r->m);
	free(r);
}

/* A sink that fills memory of a known size, which stays the caller's. */
struct into {
	struct sink sink;
	char *to;
	size_t room;
};

static int
into_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct into *i = (struct into *)s;

	if (n > i->room)
		return err_set(err, ERR_CORRUPT,
		    "more bytes came than were wanted");
	memcpy(i->to, p, n);
	i->to += n;
	i->room -= n;
	return 0;
}

static int
into_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
into_free(struct sink *s)
{
	(void)s;
}

static const struct sink_ops into_ops = {
	.name = "into",
	.write = into_write,
	.finish = into_finish,
	.free = into_free,
};

static int
get_stored(struct pack_reader *r, const struct manifest_file *f, uint64_t off,
    void *to, size_t n, struct err *err)
{
	struct store *st = repo_store(r->repo);
	struct into i = { .to = to, .room = n };

	if (st->ops->get(st, f->path, off, n,
	        sink_init(&i.sink, &into_ops, NULL), err))
		return -1;
	return i.room == 0
	           ? 0
	           : err_set(err, ERR_CORRUPT,
	                 "%zu bytes came where %zu were wanted", n - i.room, n);
}

/* The header, once: what it says is kept with the table. */
static int
open_content(struct pack_reader *r, const struct manifest_file *f,
    struct content *c, struct err *err)
{
	AUTO(free) char *head = NULL;
	size_t n =
	    f->size < AGE_HEADER_MAX ? (size_t)f->size : (size_t)AGE_HEADER_MAX;

	c->age = layout_is_age(f->path);
	c->size = f->size;
	if (!c->age)
		return 0;
	head = malloc(n + 1);
	if (!head)
		return err_nomem(err);
	if (get_stored(r, f, 0, head, n, err) ||
	    age_range_begin(&c->range, repo_keys(r->repo), head, n, f->size,
	        err))
		return -1;
	c->size = c->range.size;
	return 0;
}

static int
get(struct pack_reader *r, const struct manifest_file *f,
    const struct content *c, uint64_t off, void *to, size_t n, struct err *err)
{
	AUTO(free) char *stored = NULL;
	uint64_t from, len;

	if (!c->age)
		return get_stored(r, f, off, to, n, err);
	if (age_range_stored(&c->range, off, n, &from, &len, err))
		return -1;
	stored = malloc((size_t)len + 1);
	if (!stored)
		return err_nomem(err);
	if (get_stored(r, f, from, stored, (size_t)len, err))
		return -1;
	return age_range_open(&c->range, off, n, stored, to, err);
}

static int
read_table(struct pack_reader *r, const struct manifest_file *f,
    const struct content *c, struct frames_table *ret, struct err *err)
{
	AUTO(free) void *bytes = NULL;
	uint8_t footer[FRAMES_FOOTER];
	uint64_t size;

	if (c->size < sizeof footer)
		return err_set(err, ERR_CORRUPT, "too short for a pack");
	if (get(r, f, c, c->size - sizeof footer, footer, sizeof footer, err) ||
	    frames_table_size(footer, &size, err))
		return -1;
	if (size > c->size || size > TABLE_MAX)
		return err_set(err, ERR_CORRUPT, "a table longer than itself");
	bytes = malloc((size_t)size);
	if (!bytes)
		return err_nomem(err);
	if (get(r, f, c, c->size - size, bytes, (size_t)size, err))
		return -1;
	return frames_table_read(bytes, (size_t)size, c->size, ret, err);
}

/* Once as a whole, then its table.  Outside the monitor: it takes a while. */
static int
load(struct pack_reader *r, const struct manifest_file *f, bool verified,
    struct pack *ret, struct err *err)
{
	if (!verified && repo_verify(r->repo, f, err))
		return -1;
	if (open_content(r, f, &ret->content, err) ||
	    read_table(r, f, &ret->content, &ret->table, err))
		return err_wrap(err, "'%s'", f->path);
	return 0;
}

/* Inside the monitor: the pack's place, or NULL. */
static struct pack *
find(struct pack_reader *r, const char *path)
{
	for (size_t i = 0; i < TABLES; i++)
		if (r->pack[i].path && strcmp(r->pack[i].path, path) == 0)
			return &r->pack[i];
	return NULL;
}

/* Inside the monitor: a free place, or the one not used for longest; NULL
 * while all are in use. */
static struct pack *
free_place(struct pack_reader *r)
{
	struct pack *best = NULL;

	for (size_t i = 0; i < TABLES; i++) {
		struct pack *p = &r->pack[i];

		if (p->users == 0 && (!best || p->used < best->used))
			best = p;
	}
	if (best)
		vacate(best);
	return best;
}

static int
known_bad(const struct manifest_file *f, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "'%s' is damaged", f->path);
}

/* Inside the monitor, left while the pack is loaded into its place. */
static int
fill(struct pack_reader *r, struct pack *p, const struct manifest_file *f,
    struct err *err)
{
	bool verified = manifest_files_find(&r->good, f->path) != NULL;
	struct pack loaded = { 0 };
	struct err ignored = { 0 };
	int rc;

	monitor_leave(&r->m);
	rc = load(r, f, verified, &loaded, err);
	monitor_enter(&r->m);
	p->content = loaded.content;
	p->table = loaded.table;
	age_range_done(&loaded.content.range);
	/* Where there is no memory to remember, it is read again. */
	if (rc == 0 && !verified)
		(void)!manifest_files_add(&r->good, f->path, f->size, f->sha256,
		    &ignored);
	if (rc && err_is(err, ERR_CORRUPT))
		(void)!manifest_files_add(&r->bad, f->path, f->size, f->sha256,
		    &ignored);
	p->ready = rc == 0;
	p->used = ++r->uses;
	return rc;
}

/* Inside the monitor: load it into a place that is free. */
static struct pack *
take(struct pack_reader *r, struct pack *p, const struct manifest_file *f,
    struct err *err)
{
	int rc;

	p->users = 1;
	rc = str_dup(f->path, &p->path, err);
	if (rc == 0)
		rc = fill(r, p, f, err);
	if (rc)
		vacate(p);
	monitor_wake(&r->m);
	return rc ? NULL : p;
}

/* Inside the monitor: a pack with its table, held for the caller; or NULL. */
static struct pack *
hold(struct pack_reader *r, const struct manifest_file *f, struct err *err)
{
	for (;;) {
		struct pack *p = find(r, f->path), *place;

		if (p && p->ready) {
			p->users++;
			p->used = ++r->uses;
			return p;
		}
		if (manifest_files_find(&r->bad, f->path)) {
			(void)known_bad(f, err);
			return NULL;
		}
		place = p ? NULL : free_place(r);
		if (place)
			return take(r, place, f, err);
		/* Another thread reads it, or all places are in use. */
		monitor_wait(&r->m);
	}
}

static void
release(struct pack_reader *r, struct pack *p)
{
	monitor_enter(&r->m);
	p->users--;
	monitor_wake(&r->m);
	monitor_leave(&r->m);
}

/* The frames from first up to end, unpacked; NULL: an error. */
static char *
read_frames(struct pack_reader *r, const struct manifest_file *f,
    const struct content *c, const struct frames_entry *first,
    const struct frames_entry *end, struct err *err)
{
	AUTO(free) char *in = NULL, *out = NULL;
	size_t inlen = (size_t)(end->in - first->in),
	       outlen = (size_t)(end->out - first->out);

	if (outlen > UNPACKED_MAX) {
		(void)err_set(err, ERR_CORRUPT, "frames are too large");
		return NULL;
	}
	in = malloc(inlen + 1);
	if (!in) {
		(void)err_nomem(err);
		return NULL;
	}
	if (get(r, f, c, first->in, in, inlen, err))
		return NULL;
	/* not before: what is encrypted was in memory twice until now */
	out = malloc(outlen + 1);
	if (!out) {
		(void)err_nomem(err);
		return NULL;
	}
	return frames_unpack(in, inlen, out, outlen, err) ? NULL : TAKE(out);
}

static int
read_range(struct pack_reader *r, const struct manifest_file *f,
    const struct pack *p, uint64_t off, void *out, size_t len, struct err *err)
{
	const struct frames_table *t = &p->table;
	AUTO(free) char *part = NULL;
	uint64_t total = t->entry[t->count].out;
	const struct frames_entry *first, *end;

	if (off > total || len > total - off)
		return err_set(err, ERR_CORRUPT, "it has no %zu bytes at %ju",
		    len, (uintmax_t)off);
	if (len == 0)
		return 0;
	first = &t->entry[frames_find(t, off)];
	end = &t->entry[frames_find(t, off + len - 1) + 1];
	part = read_frames(r, f, &p->content, first, end, err);
	if (!part)
		return -1;
	memcpy(out, part + (off - first->out), len);
	return 0;
}

int
pack_read(struct pack_reader *r, const struct manifest_file *f, uint64_t off,
    void *out, size_t len, struct err *err)
{
	struct pack *p;
	int rc;

	monitor_enter(&r->m);
	p = hold(r, f, err);
	monitor_leave(&r->m);
	if (!p)
		return -1;
	rc = read_range(r, f, p, off, out, len, err);
	release(r, p);
	return rc ? err_wrap(err, "'%s'", f->path) : 0;
}

int
pack_length(struct repo *repo, const struct manifest_file *f, uint64_t *ret,
    struct err *err)
{
	AUTO(pack_reader) struct pack_reader *r = NULL;
	struct pack p = { 0 };
	int rc;

	if (pack_reader_new(repo, &r, err))
		return -1;
	assert(r);
	rc = load(r, f, true, &p, err);
	assert(rc || p.table.entry);
	if (rc == 0)
		*ret = p.table.entry[p.table.count].out;
	vacate(&p);
	return rc;
}
