#include "repo_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "repo/inventory.h"
#include "repo/pack.h"

enum { FILE_MAX = 1 << 20, DATABASE = 20000 };

/* --- the store in front */

static struct kit *
kit_of(struct store *st)
{
	return (struct kit *)st;
}

/* Count it; -1: this is the one that fails. */
static int
pass(struct kit *k, enum kit_op op, struct err *err)
{
	(void)atomic_fetch_add(&k->count[op], 1);
	if (atomic_fetch_add(&k->ops, 1) != atomic_load(&k->fail_at))
		return 0;
	k->failed = op;
	return err_set(err, k->fail_code, "injected failure");
}

static int
kit_store_open(struct store *st, struct err *err)
{
	struct kit *k = kit_of(st);

	return pass(k, KIT_OPEN, err) ? -1 : k->inner->ops->open(k->inner, err);
}

struct kit_sink {
	struct sink sink;
	struct kit *kit;
	struct sink *inner;
	bool fails;
};

static int
kit_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct kit_sink *ks = (struct kit_sink *)s;

	return pass(ks->kit, KIT_WRITE, err) ? -1
	                                     : sink_write(ks->inner, p, n, err);
}

static int
kit_finish(struct sink *s, struct err *err)
{
	struct kit_sink *ks = (struct kit_sink *)s;

	if (pass(ks->kit, KIT_FINISH, err))
		return -1;
	if (ks->fails && !ks->kit->fail_late)
		return err_set(err, ERR_IO, "injected failure");
	if (sink_finish(ks->inner, err))
		return -1;
	return ks->fails ? err_set(err, ERR_IO, "injected failure") : 0;
}

static void
kit_sink_free(struct sink *s)
{
	sink_free(((struct kit_sink *)s)->inner);
	free(s);
}

static const struct sink_ops kit_sink_ops = {
	.name = "kit",
	.write = kit_write,
	.finish = kit_finish,
	.free = kit_sink_free,
};

static int
kit_put(struct store *st, const char *key, struct pool *spare,
    struct sink **ret, struct err *err)
{
	struct kit *k = kit_of(st);
	struct kit_sink *s;

	if (k->on_put)
		k->on_put(k, key);
	if (pass(k, KIT_PUT, err))
		return -1;
	s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem(err);
	s->kit = k;
	s->fails = k->fail_key && str_ends(key, k->fail_key);
	if (k->inner->ops->put(k->inner, key, spare, &s->inner, err)) {
		free(s);
		return -1;
	}
	*ret = sink_init(&s->sink, &kit_sink_ops, NULL);
	return 0;
}

/* One byte of what comes from off on is another. */
static void
damage(const struct kit *k, const char *key, uint64_t off, struct buf *b)
{
	if (k->flip_key && str_ends(key, k->flip_key) && k->flip_at >= off &&
	    k->flip_at - off < b->len)
		b->data[k->flip_at - off] =
		    (char)(b->data[k->flip_at - off] ^ k->flip);
}

static int
kit_get(struct store *st, const char *key, uint64_t off, uint64_t len,
    struct sink *to, struct err *err)
{
	struct kit *k = kit_of(st);
	AUTO(sink) struct sink *mem = NULL;
	AUTO(buf) struct buf b = { .max = SIZE_MAX / 4 };
	const char *data;
	size_t n;

	if (len == STORE_ALL)
		(void)atomic_fetch_add(&k->whole_gets, 1);
	if (pass(k, KIT_GET, err) || sink_mem_new(SIZE_MAX / 4, &mem, err) ||
	    k->inner->ops->get(k->inner, key, off, len, mem, err))
		return -1;
	data = sink_mem_data(mem, &n);
	if (buf_add(&b, data, n, err))
		return -1;
	damage(k, key, off, &b);
	return sink_write(to, b.data, b.len, err);
}

static int
kit_stat(struct store *st, const char *key, struct store_stat *ret,
    struct err *err)
{
	struct kit *k = kit_of(st);

	return pass(k, KIT_STAT, err)
	           ? -1
	           : k->inner->ops->stat(k->inner, key, ret, err);
}

static int
kit_list(struct store *st, const char *prefix, bool deep, store_list_fn *fn,
    void *arg, struct err *err)
{
	struct kit *k = kit_of(st);

	return pass(k, KIT_LIST, err)
	           ? -1
	           : k->inner->ops->list(k->inner, prefix, deep, fn, arg, err);
}

static int
kit_remove(struct store *st, const char *key, struct err *err)
{
	struct kit *k = kit_of(st);

	return pass(k, KIT_REMOVE, err)
	           ? -1
	           : k->inner->ops->remove(k->inner, key, err);
}

/* Pretends to have found one thing each time. */
static int
kit_sweep(struct store *st, const char *prefix, int64_t before, unsigned *n,
    struct err *err)
{
	struct kit *k = kit_of(st);

	(void)prefix;
	(void)before;
	*n = 1;
	return pass(k, KIT_SWEEP, err);
}

static int
kit_unfinished(struct store *st, const char *prefix, bool *any, struct err *err)
{
	struct kit *k = kit_of(st);

	(void)prefix;
	*any = k->unfinished;
	return pass(k, KIT_UNFINISHED, err);
}

static int
kit_room(struct store *st, uint64_t *bytes, struct err *err)
{
	struct kit *k = kit_of(st);

	return k->inner->ops->room(k->inner, bytes, err);
}

static int64_t
kit_now(struct store *st)
{
	struct kit *k = kit_of(st);

	return (k->now ? k->now : k->inner->ops->now(k->inner)) + k->late;
}

static const char *
kit_where(const struct store *st)
{
	(void)st;
	return "the folder '/srv/backups'";
}

static void
kit_free(struct store *st)
{
	(void)st; /* kit_done does it: a failed repo_open keeps the files */
}

static const struct store_ops kit_ops = {
	.type = "kit",
	.open = kit_store_open,
	.put = kit_put,
	.get = kit_get,
	.stat = kit_stat,
	.list = kit_list,
	.remove = kit_remove,
	.sweep = kit_sweep,
	.unfinished = kit_unfinished,
	.room = kit_room,
	.now = kit_now,
	.where = kit_where,
	.free = kit_free,
};

/* --- the clock */

static int64_t
clock_now_of(void *ctx)
{
	struct kit *k = ctx;

	return k->now ? k->now * 1000 : clock_now_ms(clock_real());
}

static int64_t
clock_mono_of(void *ctx)
{
	(void)ctx;
	return clock_mono_ms(clock_real());
}

static void
clock_sleep_of(void *ctx, unsigned ms)
{
	((struct kit *)ctx)->slept_ms += ms;
}

/* --- the kit */

void
kit_reset(struct kit *k)
{
	for (int i = 0; i < KIT_OPS; i++)
		atomic_store(&k->count[i], 0);
	atomic_store(&k->whole_gets, 0);
	atomic_store(&k->ops, 0);
	atomic_store(&k->fail_at, -1);
	k->fail_code = ERR_IO;
	k->failed = KIT_OPS;
	k->fail_key = k->flip_key = NULL;
	k->on_put = NULL;
}

int
kit_open_on(struct kit *k, struct store *inner, struct err *err)
{
	*k = (struct kit){ .store = { &kit_ops },
		.inner = inner,
		.clock = { clock_now_of, clock_mono_of, clock_sleep_of, k } };
	kit_reset(k);
	return repo_open(&k->store, true, &k->repo, err);
}

int
kit_open(struct kit *k, struct err *err)
{
	struct store *inner;

	if (store_mem_new(&inner, err))
		return -1;
	return kit_open_on(k, inner, err);
}

void
kit_done(struct kit *k)
{
	repo_free(k->repo);
	store_free(k->inner);
	*k = (struct kit){ 0 };
}

int
kit_setup(void **state)
{
	struct kit *k = calloc(1, sizeof *k);
	struct err err = { 0 };

	*state = k;
	return k ? kit_open(k, &err) : -1;
}

int
kit_teardown(void **state)
{
	kit_done(*state);
	free(*state);
	return 0;
}

void
kit_segment(struct set *set, struct manifest_component *mc, unsigned place,
    unsigned from, unsigned to)
{
	AUTO(buf) struct buf b = { .max = 4 << 20 };
	char name[64], key[16];
	struct err err = { 0 };

	assert_int_equal(buf_puts(&b, "", &err), 0);
	for (unsigned i = from; i < to; i++) {
		struct inventory_entry e = { .object = { .key = key } };

		(void)snprintf(key, sizeof key, "%06u", i);
		assert_int_equal(inventory_encode(&e, &b, &err), 0);
	}
	(void)snprintf(name, sizeof name, "b.inventory-%05u-0123abcd.jsonl",
	    place);
	assert_int_equal(kit_file(set, mc, name, SET_ZSTD, b.data, b.len, NULL,
	                     &err),
	    0);
}

void
kit_text(struct kit *k, const char *key, const char *text)
{
	struct err err = { 0 };

	assert_int_equal(store_put_bytes(k->inner, key, text, strlen(text),
	                     &err),
	    0);
}

int
kit_begin(struct kit *k, struct set **ret, struct err *err)
{
	const struct set_options o = { .name = "kubeflow",
		.label = "a label",
		.tool = "platform-backup 0.1.0",
		.by = "unit/0",
		.clock = &k->clock };

	return set_begin(k->repo, &o, ret, err);
}

int
kit_file(struct set *set, struct manifest_component *c, const char *name,
    enum set_coding coding, const void *p, size_t n, char path[LAYOUT_KEY_SIZE],
    struct err *err)
{
	AUTO(sink) struct sink *s = NULL;
	uint8_t want[SHA256_SIZE], got[SHA256_SIZE] = { 0 };

	if (set_file(set, c, name, coding, path, &s, err))
		return -1;
	if (coding == SET_PROBE)
		set_file_hash(s, got);
	if (sink_write(s, p, n, err) || sink_finish(s, err) ||
	    sha256_of(p, n, want, err))
		return -1;
	return coding == SET_PROBE && memcmp(want, got, sizeof want) != 0
	           ? err_set(err, ERR_CORRUPT, "test: the hash of '%s'", name)
	           : 0;
}

/* Text that compresses, but is nowhere the same. */
static void
database(char out[DATABASE])
{
	for (unsigned i = 0; i < DATABASE; i++)
		out[i] = (char)('a' + i * i / 7 % 16);
}

static const struct {
	const char *key, *text;
} thing[] = { { "a", "small" }, { "a/b", "another" } };

static int
add_thing(struct pack_writer *w, size_t i, struct buf *line, struct err *err)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	size_t n = strlen(thing[i].text);
	char path[LAYOUT_KEY_SIZE];

	e.object.size = n;
	e.packed = true;
	if (sha256_of(thing[i].text, n, e.sha256, err) ||
	    pack_add(w, thing[i].text, n, e.sha256, path, &e.offset, err) ||
	    str_dup(path, &e.file, err) ||
	    str_dup(thing[i].key, &e.object.key, err))
		return -1;
	return inventory_encode(&e, line, err);
}

static int
save_bucket(struct set *set, struct err *err)
{
	AUTO(pack_writer) struct pack_writer *w = NULL;
	AUTO(buf) struct buf lines = { .max = FILE_MAX };
	struct manifest_component *c;
	_Atomic unsigned number = 0;

	if (set_component(set, "mlpipeline", "bucket", &c, err) ||
	    pack_writer_new(set, c, &number, &w, err) ||
	    add_thing(w, 0, &lines, err) || add_thing(w, 1, &lines, err) ||
	    pack_writer_end(w, err))
		return -1;
	c->objects = 2;
	return kit_file(set, c, "mlpipeline.inventory.jsonl", SET_ZSTD,
	    lines.data, lines.len, NULL, err);
}

int
kit_save(struct kit *k, char id[LAYOUT_ID_SIZE], struct err *err)
{
	AUTO(set) struct set *set = NULL;
	struct manifest_component *c;
	char text[DATABASE];

	database(text);
	if (kit_begin(k, &set, err) ||
	    set_component(set, "mlmd", "sqlite", &c, err) ||
	    kit_file(set, c, "mlmd.sqlite", SET_ZSTD, text, sizeof text, NULL,
	        err) ||
	    save_bucket(set, err) || set_missing(set, "secrets", err))
		return -1;
	memcpy(id, set_id(set), LAYOUT_ID_SIZE);
	return set_commit(set, err);
}

static int
differs(struct err *err, const char *what)
{
	return err_set(err, ERR_REMOTE, "test: another %s came back", what);
}

static int
check_database(struct kit *k, const struct manifest_component *c,
    struct err *err)
{
	AUTO(sink) struct sink *mem = NULL;
	char text[DATABASE];
	const char *data;
	size_t n;

	database(text);
	if (!c || c->files.count != 1)
		return differs(err, "number of files");
	if (sink_mem_new(FILE_MAX, &mem, err) ||
	    repo_read(k->repo, &c->files.file[0], mem, err))
		return -1;
	data = sink_mem_data(mem, &n);
	return n == sizeof text && memcmp(data, text, n) == 0
	           ? 0
	           : differs(err, "database");
}

static int
check_thing(struct pack_reader *r, const struct manifest_component *c, size_t i,
    const struct inventory_entry *e, struct err *err)
{
	const struct manifest_file *f = manifest_file_of(c, e->file);
	size_t n = strlen(thing[i].text);
	char text[16];

	if (strcmp(e->object.key, thing[i].key) != 0 || e->object.size != n ||
	    !f)
		return differs(err, "object");
	if (pack_read(r, f, e->offset, text, n, err))
		return -1;
	return memcmp(text, thing[i].text, n) == 0 ? 0
	                                           : differs(err, "content");
}

static int
check_bucket(struct kit *k, const struct manifest_component *c, struct err *err)
{
	AUTO(inventory) struct inventory *inv = NULL;
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	AUTO(pack_reader) struct pack_reader *r = NULL;
	bool more = true;
	size_t i = 0;

	if (!c || c->files.count != 2 || !manifest_inventory_of(c))
		return differs(err, "number of files");
	if (pack_reader_new(k->repo, &(struct pack_scratch){ 0 }, &r, err) ||
	    inventory_open(k->repo, c, &inv, err))
		return -1;
	for (; more; i++) {
		if (inventory_next(inv, &e, &more, err) ||
		    (more && i < 2 && check_thing(r, c, i, &e, err)))
			return -1;
	}
	return i == 3 ? 0 : differs(err, "number of objects");
}

int
kit_check(struct kit *k, const char *id, struct err *err)
{
	AUTO(manifest) struct manifest *m = NULL;

	if (repo_manifest(k->repo, id, &m, err) ||
	    check_database(k, manifest_find(m, "mlmd"), err))
		return -1;
	return check_bucket(k, manifest_find(m, "mlpipeline"), err);
}
