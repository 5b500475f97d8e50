#include "repo/pack.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/monitor.h"
#include "base/str.h"
#include "repo/repo.h"
#include "repo/spool.h"
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

enum {
	TABLES = 64,
	TABLE_MAX = 16 << 20,
	FRAME_MAX = 16 << 20, /* both ways; ours are PACK_FRAME */
};

/* What of the file is the pack: all of it, or the content of an age file. */
struct content {
	bool age;
	struct age_range range;
	uint64_t size;
	struct spool *spool; /* the stored file; NULL: only the store has it */
};

struct pack {
	char *path; /* NULL: the place is free */
	struct content content;
	struct frames_table table;
	uint64_t spooled; /* bytes that the spool takes, or will */
	uint64_t used;    /* when; the smallest is the one to give up */
	unsigned users;
	bool ready;
};

struct pack_reader {
	struct repo *repo;
	struct pack_scratch scratch;
	struct monitor m;
	uint64_t uses;
	uint64_t spooled; /* of all packs */
	struct pack pack[TABLES];
	/* What was read as a whole, also when its table is gone by now. */
	struct manifest_files good, bad;
};

int
pack_reader_new(struct repo *repo, const struct pack_scratch *scratch,
    struct pack_reader **ret, struct err *err)
{
	struct pack_reader *r = calloc(1, sizeof *r);

	if (!r)
		return err_nomem(err);
	r->repo = repo;
	r->scratch = *scratch;
	monitor_init(&r->m);
	*ret = r;
	return 0;
}

static void
drop_spool(struct pack_reader *r, struct pack *p)
{
	spool_free(TAKE(p->content.spool));
	r->spooled -= p->spooled;
	p->spooled = 0;
}

/* The place is free again. */
static void
vacate(struct pack_reader *r, struct pack *p)
{
	drop_spool(r, p);
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
		vacate(r, &r->pack[i]);
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

static const struct sink_ops into_ops = {
	.name = "into",
	.write = into_write,
};

static int
get_stored(struct pack_reader *r, const struct manifest_file *f,
    const struct spool *spool, uint64_t off, void *to, size_t n,
    struct err *err)
{
	struct store *st = repo_store(r->repo);
	struct into i = { .to = to, .room = n };

	if (spool)
		return spool_read(spool, off, to, n, err);
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
	if (get_stored(r, f, c->spool, 0, head, n, err) ||
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
		return get_stored(r, f, c->spool, off, to, n, err);
	if (age_range_stored(&c->range, off, n, &from, &len, err))
		return -1;
	stored = malloc((size_t)len + 1);
	if (!stored)
		return err_nomem(err);
	if (get_stored(r, f, c->spool, from, stored, (size_t)len, err))
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

/* Once as a whole; kept, if it may be. */
static int
fetch(struct pack_reader *r, const struct manifest_file *f, bool keep,
    struct content *c, struct err *err)
{
	AUTO(spool) struct spool *s = NULL;

	if (!keep)
		return repo_verify(r->repo, f, err);
	if (spool_new(r->scratch.folder, &s, err) ||
	    repo_fetch(r->repo, f, spool_sink(s), err))
		return -1;
	if (spool_whole(s, f->size))
		c->spool = TAKE(s);
	return 0;
}

/* Outside the monitor: it takes a while. */
static int
load(struct pack_reader *r, const struct manifest_file *f, bool verified,
    struct pack *ret, struct err *err)
{
	if (!verified && fetch(r, f, ret->spooled > 0, &ret->content, err))
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
		vacate(r, best);
	return best;
}

/* Inside the monitor: those not used for longest go, until another fits. */
static bool
make_room(struct pack_reader *r, uint64_t bytes)
{
	while (r->spooled + bytes > r->scratch.bytes) {
		struct pack *best = NULL;

		for (size_t i = 0; i < TABLES; i++) {
			struct pack *p = &r->pack[i];

			if (p->spooled > 0 && p->users == 0 &&
			    (!best || p->used < best->used))
				best = p;
		}
		if (!best)
			return false;
		drop_spool(r, best);
	}
	return true;
}

/* Inside the monitor: what its spool will take. */
static void
reserve(struct pack_reader *r, struct pack *p, uint64_t bytes)
{
	if (!r->scratch.folder || bytes > r->scratch.bytes ||
	    !make_room(r, bytes))
		return;
	p->spooled = bytes;
	r->spooled += bytes;
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

	if (!verified)
		reserve(r, p, f->size);
	loaded.spooled = p->spooled;
	monitor_leave(&r->m);
	rc = load(r, f, verified, &loaded, err);
	monitor_enter(&r->m);
	p->content = loaded.content;
	p->table = loaded.table;
	if (!p->content.spool)
		drop_spool(r, p);
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
		vacate(r, p);
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

/* What is wanted of a pack. */
struct want {
	uint64_t off;
	size_t len;
	char *out;
};

static bool
inside(const struct frames_entry *e, const struct want *w)
{
	return e[0].out >= w->off && e[1].out <= w->off + w->len;
}

static int
too_large(struct err *err)
{
	return err_set(err, ERR_CORRUPT, "a frame is too large");
}

/* The frame at e, of which a part is wanted: in is as it is stored. */
static int
unpack_part(const struct frames_entry *e, const char *in, const struct want *w,
    struct err *err)
{
	size_t inlen = (size_t)(e[1].in - e[0].in),
	       outlen = (size_t)(e[1].out - e[0].out);
	AUTO(free) char *out = NULL;
	uint64_t from = e[0].out > w->off ? e[0].out : w->off,
	         end = w->off + w->len;

	if (outlen > FRAME_MAX)
		return too_large(err);
	out = malloc(outlen + 1);
	if (!out)
		return err_nomem(err);
	if (frames_unpack(in, inlen, out, outlen, err))
		return -1;
	if (end > e[1].out)
		end = e[1].out;
	memcpy(w->out + (from - w->off), out + (from - e[0].out),
	    (size_t)(end - from));
	return 0;
}

static int
unpack(const struct frames_entry *e, const char *in, const struct want *w,
    struct err *err)
{
	if (!inside(e, w))
		return unpack_part(e, in, w, err);
	return frames_unpack(in, (size_t)(e[1].in - e[0].in),
	    w->out + (e[0].out - w->off), (size_t)(e[1].out - e[0].out), err);
}

/* One more frame than e: as long as they are wanted, and small together. */
static bool
goes_on(const struct frames_entry *first, const struct frames_entry *e,
    const struct want *w)
{
	return e->out < w->off + w->len && e[1].in - first->in <= PACK_RUN;
}

/* Wanted frames from first on, so many as are read at once; *end: the one
 * behind them. */
static int
read_run(struct pack_reader *r, const struct manifest_file *f,
    const struct content *c, const struct frames_entry *first,
    const struct want *w, const struct frames_entry **end, struct err *err)
{
	const struct frames_entry *e = first + 1;
	AUTO(free) char *in = NULL;
	int rc;

	if (e->in - first->in > FRAME_MAX)
		return too_large(err);
	while (goes_on(first, e, w))
		e++;
	in = malloc((size_t)(e->in - first->in) + 1);
	if (!in)
		return err_nomem(err);
	rc = get(r, f, c, first->in, in, (size_t)(e->in - first->in), err);
	*end = e;
	for (e = first; rc == 0 && e < *end; e++)
		rc = unpack(e, in + (e->in - first->in), w, err);
	return rc;
}

static int
read_range(struct pack_reader *r, const struct manifest_file *f,
    const struct pack *p, const struct want *w, struct err *err)
{
	const struct frames_table *t = &p->table;
	uint64_t total = t->entry[t->count].out;
	const struct frames_entry *e;

	if (w->off > total || w->len > total - w->off)
		return err_set(err, ERR_CORRUPT, "it has no %zu bytes at %ju",
		    w->len, (uintmax_t)w->off);
	if (w->len == 0)
		return 0;
	e = &t->entry[frames_find(t, w->off)];
	while (e->out < w->off + w->len)
		if (read_run(r, f, &p->content, e, w, &e, err))
			return -1;
	return 0;
}

/* A pack with its table, held for the caller; NULL: an error. */
static struct pack *
enter(struct pack_reader *r, const struct manifest_file *f, struct err *err)
{
	struct pack *p;

	monitor_enter(&r->m);
	p = hold(r, f, err);
	monitor_leave(&r->m);
	return p;
}

int
pack_load(struct pack_reader *r, const struct manifest_file *f, struct err *err)
{
	struct pack *p = enter(r, f, err);

	if (!p)
		return -1;
	release(r, p);
	return 0;
}

int
pack_read(struct pack_reader *r, const struct manifest_file *f, uint64_t off,
    void *out, size_t len, struct err *err)
{
	const struct want w = { off, len, out };
	struct pack *p = enter(r, f, err);
	int rc;

	if (!p)
		return -1;
	rc = read_range(r, f, p, &w, err);
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

	if (pack_reader_new(repo, &(struct pack_scratch){ 0 }, &r, err))
		return -1;
	assert(r);
	rc = load(r, f, true, &p, err);
	assert(rc || p.table.entry);
	if (rc == 0)
		*ret = p.table.entry[p.table.count].out;
	vacate(r, &p);
	return rc;
}
