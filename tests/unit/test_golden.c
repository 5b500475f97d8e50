/*
 * test_golden.c - the repositories in tests/golden were written once, by the
 * first program that could, and every later one must be able to read them: one
 * in the clear, and one encrypted, to the key beside it and to another.
 *
 *     build/…/unit/test_golden FOLDER [KEY]    writes such a repository
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "../lib/age_kit.h"
#include "../lib/repo_kit.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "repo/inventory.h"
#include "repo/pack.h"
#include "repo/repo_keys.h"

#define GOLDEN "tests/golden/format-1"
#define GOLDEN_AGE "tests/golden/format-1-age"
#define GOLDEN_KEY "tests/golden/format-1-age.key"
#define FIRST "2026-11-19T16:28:00Z"
#define SECOND "2026-11-20T16:28:00Z"

enum { TEXT_MAX = 4 << 20, LONG = 200000 };

static struct age_keys keys;
static const int64_t first_time = 1795105680; /* FIRST */

/* What the bucket holds, in the order of the keys' bytes. */
static const struct {
	const char *key;
	const char *text; /* NULL: LONG bytes that compress */
	bool alone;       /* in a file of its own */
	bool changed;     /* between the first set and the second */
} thing[] = {
	{ "a", "the first object", false, false },
	{ "a/b", "an object below another", false, true },
	{ "a/empty", "", false, false },
	{ "artifacts/../odd//key ?&=+%.txt", "odd key", false, false },
	{ "latin-\xe9\n", "a key that is no text", false, true },
	{ "model.bin", NULL, true, false },
	{ "raw.bin", "12345678", true, true },
	{ "\xc3\xa9t\xc3\xa9", "a key in French", false, false },
};
enum { THINGS = sizeof thing / sizeof *thing };

static void
content(size_t i, bool second, struct buf *out)
{
	struct err err = { 0 };

	assert_int_equal(buf_reserve(out, 0, &err), 0);
	if (thing[i].text)
		assert_int_equal(buf_puts(out, thing[i].text, &err), 0);
	for (unsigned n = 0; !thing[i].text && n < LONG; n++)
		assert_int_equal(buf_add(out,
		                     &"0123456789abcdef"[n / 1000 % 16], 1,
		                     &err),
		    0);
	if (second && thing[i].changed)
		assert_int_equal(buf_puts(out, ", changed", &err), 0);
}

/* --- writing it */

static int
describe(struct object *o, size_t i, struct err *err)
{
	if (str_dup(thing[i].key, &o->key, err) ||
	    str_printf(&o->etag, err, "%032zx", i) ||
	    str_dup("2026-11-01T00:00:00.000Z", &o->modified, err))
		return -1;
	if (i > 0)
		return 0;
	return str_dup("text/plain; charset=utf-8",
	           &o->header[OBJECT_CONTENT_TYPE], err) ||
	               str_dup("no-cache", &o->header[OBJECT_CACHE_CONTROL],
	                   err) ||
	               str_dup("attachment; filename=\"a \\\\ b\"",
	                   &o->header[OBJECT_CONTENT_DISPOSITION], err) ||
	               object_pairs_add(&o->meta, "run", "17", err) ||
	               object_pairs_add(&o->meta, "x-base64", "plain", err) ||
	               object_pairs_add(&o->tags, "team", "ml + ops: a/b",
	                   err) ||
	               object_pairs_add(&o->tags, "x-base64", "a=b", err)
	           ? -1
	           : 0;
}

struct writing {
	struct set *set;
	struct manifest_component *c;
	struct pack_writer *w;
	const struct manifest *before;
	struct inventory *old; /* of before; NULL: none */
	struct buf lines;
	unsigned alone;
};

static int
store_new(struct writing *g, size_t i, struct inventory_entry *e,
    struct err *err)
{
	AUTO(buf) struct buf text = { .max = TEXT_MAX };
	char name[64], path[LAYOUT_KEY_SIZE];

	content(i, g->before != NULL, &text);
	e->object.size = text.len;
	g->c->new_objects++;
	if (sha256_of(text.data, text.len, e->sha256, err))
		return -1;
	if (text.len == 0)
		return 0;
	e->packed = !thing[i].alone;
	g->alone += thing[i].alone;
	(void)snprintf(name, sizeof name, "mlpipeline/object-%06u", g->alone);
	if (e->packed ? pack_add(g->w, text.data, text.len, e->sha256, path,
	                    &e->offset, err)
	              : kit_file(g->set, g->c, name, SET_PROBE, text.data,
	                    text.len, path, err))
		return -1;
	return str_dup(path, &e->file, err);
}

static int
keep_old(struct writing *g, const struct inventory_entry *e, struct err *err)
{
	const struct manifest_file *f;

	if (!e->file)
		return 0;
	f = manifest_file_of(manifest_find(g->before, "mlpipeline"), e->file);
	assert_non_null(f);
	return manifest_files_add(&g->c->needs, f->path, f->size, f->sha256,
	    err);
}

static int
store_thing(struct writing *g, size_t i, struct err *err)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	bool more;

	if (g->old && inventory_next(g->old, &e, &more, err))
		return -1;
	if (g->old && !thing[i].changed) {
		if (keep_old(g, &e, err))
			return -1;
	} else {
		inventory_entry_done(&e);
		if (describe(&e.object, i, err) || store_new(g, i, &e, err))
			return -1;
	}
	g->c->objects++;
	g->c->bytes += e.object.size;
	return inventory_encode(&e, &g->lines, err);
}

static const struct manifest_component *
bucket_of(const struct manifest *m)
{
	const struct manifest_component *c = manifest_find(m, "mlpipeline");

	assert_non_null(c);
	assert_non_null(manifest_inventory_of(c));
	return c;
}

static int
save_bucket(struct kit *k, struct writing *g, struct err *err)
{
	_Atomic unsigned number = 0;

	if (set_component(g->set, "mlpipeline", "bucket", &g->c, err) ||
	    str_dup(
	        "{\"endpoint\":\"http://minio:9000\",\"bucket\":\"golden\"}",
	        &g->c->facts, err) ||
	    pack_writer_new(g->set, g->c, &number, &g->w, err) ||
	    (g->before &&
	        inventory_open(k->repo, bucket_of(g->before), &g->old, err)))
		return -1;
	for (size_t i = 0; i < THINGS; i++)
		if (store_thing(g, i, err))
			return -1;
	if (pack_writer_end(g->w, err))
		return -1;
	return kit_file(g->set, g->c, "mlpipeline.inventory.jsonl", SET_ZSTD,
	    g->lines.data, g->lines.len, NULL, err);
}

/* A small database, the same in both sets. */
static int
save_database(struct kit *k, struct set *set, struct err *err)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	const char *path = k->arg;
	struct manifest_component *c;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db,
	        "pragma page_size=512; create table Artifact (id integer "
	        "primary key, uri text); insert into Artifact (uri) values "
	        "('s3://golden/a'), ('s3://golden/a/b')",
	        NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	if (file_read(path, &b, err) ||
	    set_component(set, "mlmd", "sqlite", &c, err) ||
	    str_dup("{\"tables\":{\"Artifact\":2}}", &c->facts, err))
		return -1;
	assert_int_equal(unlink(path), 0);
	c->objects = 1;
	c->bytes = b.len;
	return kit_file(set, c, "mlmd.sqlite", SET_ZSTD, b.data, b.len, NULL,
	    err);
}

static int
save(struct kit *k, const struct manifest *before, char id[LAYOUT_ID_SIZE],
    struct err *err)
{
	const struct set_options o = { .name = "kubeflow",
		.label = before ? NULL : "the first",
		.tool = "platform-backup 0.1.0",
		.by = "golden",
		.clock = &k->clock };
	struct writing g = { .before = before, .lines = { .max = TEXT_MAX } };
	int rc;

	if (set_begin(k->repo, &o, &g.set, err))
		return -1;
	memcpy(id, set_id(g.set), LAYOUT_ID_SIZE);
	rc = (before && set_parent(g.set, before->id, err)) ||
	     save_database(k, g.set, err) || save_bucket(k, &g, err) ||
	     set_missing(g.set, "Kubernetes objects", err) ||
	     set_commit(g.set, err);
	inventory_free(g.old);
	pack_writer_free(g.w);
	set_free(g.set);
	buf_done(&g.lines);
	return rc ? -1 : 0;
}

/* The key's own recipient and, for a new repository, another. */
static int
read_keys(const char *path, bool others, struct err *err)
{
	AUTO(buf) struct buf text = { .max = 4096 };
	char recipient[AGE_KEYS_RECIPIENT_SIZE];

	if (file_read(path, &text, err) ||
	    age_keys_add_identities(&keys, text.data, err))
		return -1;
	if (!others)
		return 0;
	age_keys_recipient_text(keys.identity[0].recipient, recipient);
	return age_keys_add_recipient(&keys, recipient, err) ||
	               age_keys_add_recipient(&keys, AGE_KIT_OTHER, err)
	           ? -1
	           : 0;
}

static int
write_repository(const char *folder, const char *key)
{
	struct kit k;
	struct store *inner = NULL;
	AUTO(manifest) struct manifest *m = NULL;
	char id[LAYOUT_ID_SIZE], scratch[] = "golden.sqlite";
	struct err err = { 0 };
	int rc;

	rc = store_dir_new(folder, true, &inner, &err) ||
	     kit_open_on(&k, inner, &err) ||
	     (key && read_keys(key, true, &err));
	repo_set_keys(k.repo, &keys);
	k.now = first_time;
	k.arg = scratch;
	rc = rc || save(&k, NULL, id, &err) ||
	     repo_manifest(k.repo, id, &m, &err);
	k.now += 24 * 3600;
	rc = rc || save(&k, m, id, &err);
	kit_done(&k);
	if (rc)
		(void)fprintf(stderr, "%s\n", err.msg);
	return rc;
}

/* --- reading it */

static int
open_it(void **state, const char *folder)
{
	struct store *st;
	struct repo *r = NULL;
	struct err err = { 0 };

	if (store_dir_new(folder, false, &st, &err) ||
	    repo_open(st, false, &r, &err))
		(void)fprintf(stderr, "%s\n", err.msg);
	*state = r;
	return r ? 0 : -1;
}

static int
setup(void **state)
{
	return open_it(state, GOLDEN);
}

static int
setup_age(void **state)
{
	struct err err = { 0 };

	if (open_it(state, GOLDEN_AGE) || read_keys(GOLDEN_KEY, false, &err))
		return -1;
	repo_set_keys(*state, &keys);
	return 0;
}

static int
teardown(void **state)
{
	repo_free(*state);
	return 0;
}

static void
both_sets_are_there(void **state)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	struct err err = { 0 };

	assert_int_equal(repo_list(*state, &s, &err), 0);
	assert_int_equal(s.count, 2);
	assert_string_equal(s.set[0].id, FIRST);
	assert_string_equal(s.set[1].id, SECOND);
	assert_true(s.set[0].committed && s.set[1].committed);
}

static void
verify_all(struct repo *r, const struct manifest_files *f, unsigned *n)
{
	struct err err = { 0 };

	for (size_t i = 0; i < f->count; i++, ++*n) {
		assert_int_equal(repo_stat(r, &f->file[i], &err), 0);
		assert_int_equal(repo_verify(r, &f->file[i], &err), 0);
	}
}

static void
every_file_is_as_its_manifest_says(void **state)
{
	for (int second = 0; second < 2; second++) {
		AUTO(manifest) struct manifest *m = NULL;
		unsigned n = 0;
		struct err err = { 0 };

		assert_int_equal(repo_manifest(*state, second ? SECOND : FIRST,
		                     &m, &err),
		    0);
		verify_all(*state, &m->files, &n);
		for (size_t i = 0; i < m->ncomponents; i++) {
			verify_all(*state, &m->component[i].files, &n);
			verify_all(*state, &m->component[i].needs, &n);
		}
		assert_int_equal(n, (second ? 7 : 6) + m->hidden);
		assert_int_equal(m->nrecipients, m->hidden ? 2 : 0);
		assert_string_equal(manifest_status(m), "finished");
	}
}

static void
manifest_says_what_it_said(void **state)
{
	AUTO(manifest) struct manifest *m = NULL;
	const struct manifest_component *c;
	struct err err = { 0 };

	assert_int_equal(repo_manifest(*state, SECOND, &m, &err), 0);
	assert_true(!m->hidden || !manifest_find(m, "mlpipeline")->facts);
	assert_int_equal(repo_keys_reveal(*state, m, &err), 0);
	assert_string_equal(m->parent, FIRST);
	assert_string_equal(m->name, "kubeflow");
	assert_string_equal(m->tool, "platform-backup 0.1.0");
	assert_string_equal(m->missing[0], "Kubernetes objects");
	assert_int_equal(m->started, first_time + 24 * 3600);
	c = manifest_find(m, "mlpipeline");
	assert_non_null(c);
	assert_int_equal(c->objects, THINGS);
	assert_int_equal(c->new_objects, 3);
	assert_int_equal(c->needs.count, 2);
	assert_non_null(strstr(c->facts, "\"golden\""));
}

/* The content of an entry is what it was, whichever way it is kept. */
static void
assert_content(struct repo *r, struct pack_reader *p,
    const struct manifest_component *c, const struct inventory_entry *e,
    const struct buf *want)
{
	const struct manifest_file *f = manifest_file_of(c, e->file);
	AUTO(sink) struct sink *mem = NULL;
	AUTO(free) char *got = malloc(want->len);
	const char *data;
	size_t n;
	struct err err = { 0 };

	assert_non_null(f);
	assert_non_null(got);
	if (e->packed) {
		assert_int_equal(pack_read(p, f, e->offset, got, want->len,
		                     &err),
		    0);
		assert_memory_equal(got, want->data, want->len);
		return;
	}
	assert_int_equal(sink_mem_new(TEXT_MAX, &mem, &err), 0);
	assert_int_equal(repo_read(r, f, mem, &err), 0);
	data = sink_mem_data(mem, &n);
	assert_int_equal(n, want->len);
	assert_memory_equal(data, want->data, n);
}

static void
assert_entry(struct repo *r, struct pack_reader *p,
    const struct manifest_component *c, size_t i,
    const struct inventory_entry *e, bool second)
{
	AUTO(object) struct object o = { 0 };
	AUTO(buf) struct buf want = { .max = TEXT_MAX };
	uint8_t digest[SHA256_SIZE];
	struct err err = { 0 };

	content(i, second, &want);
	assert_int_equal(describe(&o, i, &err), 0);
	o.size = want.len;
	assert_string_equal(e->object.key, o.key);
	assert_true(object_unchanged(&e->object, &o));
	assert_true(object_same_headers(&e->object, &o));
	assert_int_equal(sha256_of(want.data, want.len, digest, &err), 0);
	assert_memory_equal(digest, e->sha256, sizeof digest);
	assert_int_equal(e->packed, want.len > 0 && !thing[i].alone);
	if (want.len > 0)
		assert_content(r, p, c, e, &want);
}

static void
assert_objects(struct repo *r, bool second)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(inventory) struct inventory *inv = NULL;
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	AUTO(pack_reader) struct pack_reader *p = NULL;
	bool more;
	struct err err = { 0 };

	assert_int_equal(repo_manifest(r, second ? SECOND : FIRST, &m, &err),
	    0);
	assert_int_equal(pack_reader_new(r, &(struct pack_scratch){ 0 }, &p,
	                     &err),
	    0);
	assert_int_equal(inventory_open(r, bucket_of(m), &inv, &err), 0);
	for (size_t i = 0; i < THINGS; i++) {
		assert_int_equal(inventory_next(inv, &e, &more, &err), 0);
		assert_true(more);
		assert_entry(r, p, manifest_find(m, "mlpipeline"), i, &e,
		    second);
	}
	assert_int_equal(inventory_next(inv, &e, &more, &err), 0);
	assert_false(more);
}

static void
every_object_comes_back(void **state)
{
	assert_objects(*state, false);
	assert_objects(*state, true);
}

static void
database_comes_back(void **state)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(sink) struct sink *mem = NULL;
	const struct manifest_component *c;
	const char *data;
	size_t n;
	struct err err = { 0 };

	assert_int_equal(repo_manifest(*state, FIRST, &m, &err), 0);
	c = manifest_find(m, "mlmd");
	assert_non_null(c);
	assert_int_equal(sink_mem_new(TEXT_MAX, &mem, &err), 0);
	assert_int_equal(repo_read(*state, &c->files.file[0], mem, &err), 0);
	data = sink_mem_data(mem, &n);
	assert_int_equal(n, c->bytes);
	assert_string_equal(data, "SQLite format 3");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sets_are_there),
		cmocka_unit_test(every_file_is_as_its_manifest_says),
		cmocka_unit_test(manifest_says_what_it_said),
		cmocka_unit_test(every_object_comes_back),
		cmocka_unit_test(database_comes_back),
	};

	if (argc > 1)
		return write_repository(argv[1], argv[2]);
	return cmocka_run_group_tests_name("golden", tests, setup, teardown) ||
	       cmocka_run_group_tests_name("golden, encrypted", tests,
	           setup_age, teardown);
}
