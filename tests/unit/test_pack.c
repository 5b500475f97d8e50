#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "../lib/age_kit.h"
#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "../lib/repo_kit.h"
#include "../lib/sparse.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/thread.h"
#include "crypto/rand.h"
#include "repo/pack.h"

enum { TEXT_MAX = 64 << 20, THREADS = 8 };

static const struct pack_scratch no_scratch;
static const struct pack_scratch scratch = { "/tmp", 1 << 20 };

/* Where an object went. */
struct place {
	char path[LAYOUT_KEY_SIZE];
	uint64_t offset;
	size_t size;
};

/* A set being written, with a component for packs. */
struct bench {
	struct kit kit;
	struct set *set;
	struct manifest_component *c;
	struct pack_writer *w;
	_Atomic unsigned number;
	struct place at[2000];
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct err err = { 0 };

	*state = b;
	if (!b || kit_open(&b->kit, &err) ||
	    kit_begin(&b->kit, &b->set, &err) ||
	    set_component(b->set, "b", "bucket", &b->c, &err))
		return -1;
	kit_reset(&b->kit);
	return pack_writer_new(b->set, b->c, &b->number, &b->w, &err);
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	pack_writer_free(b->w);
	set_free(b->set);
	kit_done(&b->kit);
	free(b);
	return 0;
}

static int
add(struct bench *b, const void *p, size_t n, struct place *at, struct err *err)
{
	uint8_t digest[SHA256_SIZE];

	at->size = n;
	return sha256_of(p, n, digest, err) ||
	               pack_add(b->w, p, n, digest, at->path, &at->offset, err)
	           ? -1
	           : 0;
}

/* The n-th object: its text tells which it is. */
static size_t
text_of(unsigned n, char out[64])
{
	int len = snprintf(out, 64, "object %u %*s", n, (int)(n % 40), "");

	return (size_t)len;
}

static void
add_many(struct bench *b, unsigned n, struct place *at)
{
	struct err err = { 0 };

	for (unsigned i = 0; i < n; i++) {
		char text[64];
		size_t len = text_of(i, text);

		assert_int_equal(add(b, text, len, &at[i], &err), 0);
	}
	assert_int_equal(pack_writer_end(b->w, &err), 0);
}

static const struct manifest_file *
file_of(const struct bench *b, const struct place *at)
{
	return manifest_files_find(&b->c->files, at->path);
}

static void
assert_reads(struct bench *b, struct pack_reader *r, unsigned n,
    const struct place *at)
{
	char want[64], got[64];
	size_t len = text_of(n, want);
	struct err err = { 0 };

	assert_non_null(file_of(b, at));
	assert_int_equal(at->size, len);
	assert_int_equal(pack_read(r, file_of(b, at), at->offset, got, len,
	                     &err),
	    0);
	assert_memory_equal(got, want, len);
}

static void
every_object_can_be_read_by_itself(void **state)
{
	struct bench *b = *state;
	AUTO(pack_reader) struct pack_reader *r = NULL;
	struct place *at = b->at;
	struct err err = { 0 };

	add_many(b, 2000, at);
	assert_string_equal(strrchr(at[0].path, '/'), "/pack-000001.tar.zst");
	assert_int_equal(b->c->files.count, 1);
	assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &r, &err),
	    0);
	for (unsigned i = 2000; i-- > 0;)
		assert_reads(b, r, i, &at[i]);
	assert_int_equal(b->kit.whole_gets, 1);
}

/* Chunks of the encryption and frames of the pack have other edges. */
static void
every_object_of_an_encrypted_pack_can_be_read(void **state)
{
	struct bench *b = *state;
	struct age_keys keys = age_kit_both();
	AUTO(pack_reader) struct pack_reader *r = NULL;
	AUTO(free) char *got = malloc(PACK_OBJECT_MAX);
	AUTO(free) char *want = malloc(PACK_OBJECT_MAX);
	struct place *at = b->at;
	struct err err = { 0 };

	assert_true(got && want);
	repo_set_keys(b->kit.repo, &keys);
	for (unsigned i = 0; i < 12; i++) {
		size_t n = 1 + i * 41234;

		assert_int_equal(rand_bytes(want, n, &err), 0);
		assert_int_equal(add(b, want, n, &at[i], &err), 0);
	}
	assert_int_equal(pack_writer_end(b->w, &err), 0);
	assert_string_equal(strrchr(at[0].path, '/'),
	    "/pack-000001.tar.zst.age");
	assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &r, &err),
	    0);
	for (unsigned i = 12; i-- > 0;) {
		uint8_t digest[SHA256_SIZE];
		char name[SHA256_HEX];

		assert_int_equal(pack_read(r, file_of(b, &at[i]), at[i].offset,
		                     got, at[i].size, &err),
		    0);
		/* its name stands in the header before it */
		assert_int_equal(sha256_of(got, at[i].size, digest, &err), 0);
		str_hex(digest, sizeof digest, name);
		assert_int_equal(pack_read(r, file_of(b, &at[i]),
		                     at[i].offset - 512, got, SHA256_HEX - 1,
		                     &err),
		    0);
		assert_memory_equal(got, name, SHA256_HEX - 1);
	}
	assert_int_equal(b->kit.whole_gets, 1);
	repo_set_keys(b->kit.repo, NULL);
}

static void
neighbours_can_be_read_at_once(void **state)
{
	struct bench *b = *state;
	AUTO(pack_reader) struct pack_reader *r = NULL;
	AUTO(free) char *got = NULL;
	struct place *at = b->at;
	size_t len;
	struct err err = { 0 };

	add_many(b, 2000, at);
	len = (size_t)(at[1999].offset + at[1999].size - at[0].offset);
	assert_true(len > 2 * PACK_FRAME);
	got = malloc(len);
	assert_non_null(got);
	assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &r, &err),
	    0);
	assert_int_equal(pack_read(r, file_of(b, &at[0]), at[0].offset, got,
	                     len, &err),
	    0);
	for (unsigned i = 0; i < 2000; i++) {
		char want[64];

		assert_memory_equal(got + (at[i].offset - at[0].offset), want,
		    text_of(i, want));
	}
}

static void
range_that_is_not_there_is_refused(void **state)
{
	struct bench *b = *state;
	AUTO(pack_reader) struct pack_reader *r = NULL;
	struct place *at = b->at;
	char got[64];
	struct err err = { 0 };

	add_many(b, 1, at);
	assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &r, &err),
	    0);
	assert_int_equal(pack_read(r, file_of(b, at), 1 << 20, got, 1, &err),
	    -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg, at[0].path));
	assert_int_equal(pack_read(r, file_of(b, at), UINT64_MAX, got, 2, &err),
	    -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_int_equal(pack_read(r, file_of(b, at), 0, got, 0, &err), 0);
}

static void
pack_that_is_full_is_followed_by_another(void **state)
{
	enum { ONE = 1 << 20, MANY = 40 };
	struct bench *b = *state;
	AUTO(pack_reader) struct pack_reader *r = NULL;
	AUTO(free) char *noise = malloc(ONE + MANY), *got = malloc(ONE);
	struct place *at = b->at;
	struct err err = { 0 };

	assert_true(noise && got);
	assert_int_equal(rand_bytes(noise, ONE + MANY, &err), 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(add(b, noise + i, ONE, &at[i], &err), 0);
	assert_int_equal(pack_writer_end(b->w, &err), 0);
	assert_int_equal(pack_writer_end(b->w, &err), 0);
	assert_int_equal(b->c->files.count, 2);
	assert_string_equal(strrchr(at[MANY - 1].path, '/'),
	    "/pack-000002.tar.zst");
	assert_in_range(file_of(b, &at[0])->size, PACK_SIZE,
	    PACK_SIZE + PACK_OBJECT_MAX + 2 * PACK_FRAME);
	assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &r, &err),
	    0);
	for (unsigned i = 0; i < MANY; i += 13) {
		assert_int_equal(pack_read(r, file_of(b, &at[i]), at[i].offset,
		                     got, ONE, &err),
		    0);
		assert_memory_equal(got, noise + i, ONE);
	}
}

static void
member_is_named_by_the_hash_of_its_content(void **state)
{
	struct bench *b = *state;
	AUTO(sink) struct sink *mem = NULL;
	uint8_t digest[SHA256_SIZE];
	char hex[SHA256_HEX], text[64];
	struct place *at = b->at;
	const char *tar;
	size_t n;
	struct err err = { 0 };

	add_many(b, 2, at);
	assert_int_equal(sink_mem_new(TEXT_MAX, &mem, &err), 0);
	assert_int_equal(repo_read(b->kit.repo, file_of(b, at), mem, &err), 0);
	tar = sink_mem_data(mem, &n);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sha256_of(text, text_of(i, text), digest,
		                     &err),
		    0);
		str_hex(digest, sizeof digest, hex);
		assert_string_equal(tar + at[i].offset - 512, hex);
		assert_memory_equal(tar + at[i].offset - 512 + 257, "ustar", 5);
	}
	assert_int_equal(n % 512, 0);
}

static void
writer_that_failed_says_so_to_the_end(void **state)
{
	struct bench *b = *state;
	struct place at;
	struct err err = { 0 };

	b->kit.fail_key = "pack-000001.tar.zst";
	assert_int_equal(add(b, "text", 4, &at, &err), 0);
	assert_int_equal(pack_writer_end(b->w, &err), -1);
	b->kit.fail_key = NULL;
	err = (struct err){ 0 };
	assert_int_equal(add(b, "more", 4, &at, &err), -1);
	assert_non_null(strstr(err.msg, "injected failure"));
	err = (struct err){ 0 };
	assert_int_equal(pack_writer_end(b->w, &err), -1);
	assert_non_null(strstr(err.msg, "injected failure"));
	assert_int_equal(b->c->files.count, 0);
}

static void
any_damage_of_a_pack_is_seen_and_named(void **state)
{
	struct bench *b = *state;
	const struct manifest_file *f;
	struct place *at = b->at;

	add_many(b, 20, at);
	f = file_of(b, at);
	b->kit.flip_key = ".tar.zst";
	for (long i = 0; i < 8 * (long)f->size; i = sparse_next(i)) {
		AUTO(pack_reader) struct pack_reader *r = NULL;
		struct err err = { 0 };
		char got[64] = "";

		b->kit.flip_at = (uint64_t)i / 8;
		b->kit.flip = (uint8_t)(1 << i % 8);
		assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &r,
		                     &err),
		    0);
		assert_int_equal(pack_read(r, f, at[7].offset, got, at[7].size,
		                     &err),
		    -1);
		assert_true(err_is(&err, ERR_CORRUPT));
		assert_non_null(strstr(err.msg, f->path));
		assert_string_equal(got, "");
	}
}

/* The pack was right as a whole; later single bytes come otherwise. */
static void
damage_behind_the_check_is_seen_too(void **state)
{
	struct bench *b = *state;
	const struct manifest_file *f;
	struct place *at = b->at;

	add_many(b, 20, at);
	f = file_of(b, at);
	for (long i = 0; i < (long)f->size; i = sparse_next(i)) {
		AUTO(pack_reader) struct pack_reader *r = NULL;
		struct err err = { 0 };
		char got[64], want[64];

		assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &r,
		                     &err),
		    0);
		assert_int_equal(pack_read(r, f, 0, got, 1, &err), 0);
		b->kit.flip_key = ".tar.zst";
		b->kit.flip_at = (uint64_t)i;
		b->kit.flip = 0x10;
		if (pack_read(r, f, at[7].offset, got, at[7].size, &err))
			assert_true(err_is(&err, ERR_CORRUPT));
		else
			assert_memory_equal(got, want, text_of(7, want));
		b->kit.flip_key = NULL;
	}
}

static void
failed_check_is_remembered(void **state)
{
	struct bench *b = *state;
	AUTO(pack_reader) struct pack_reader *r = NULL;
	struct place *at = b->at;
	char got[64];
	struct err err = { 0 };

	add_many(b, 1, at);
	assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &r, &err),
	    0);
	b->kit.flip_key = ".tar.zst";
	b->kit.flip = 1;
	for (int i = 0; i < 3; i++) {
		err = (struct err){ 0 };
		assert_int_equal(pack_read(r, file_of(b, at), at[0].offset, got,
		                     1, &err),
		    -1);
		assert_true(err_is(&err, ERR_CORRUPT));
		assert_non_null(strstr(err.msg, at[0].path));
	}
	assert_int_equal(b->kit.whole_gets, 1);
}

static void
failure_that_passes_is_not_remembered(void **state)
{
	struct bench *b = *state;
	AUTO(pack_reader) struct pack_reader *r = NULL;
	struct place *at = b->at;
	char got[64];
	struct err err = { 0 };

	add_many(b, 1, at);
	assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &r, &err),
	    0);
	/* the whole, the end of the table, the table */
	for (long n = 0; n < 3; n++) {
		kit_reset(&b->kit);
		b->kit.fail_code = ERR_TRANSIENT;
		atomic_store(&b->kit.fail_at, n);
		err = (struct err){ 0 };
		assert_int_equal(pack_read(r, file_of(b, at), at[0].offset, got,
		                     1, &err),
		    -1);
		assert_true(err_is(&err, ERR_TRANSIENT));
	}
	kit_reset(&b->kit);
	assert_reads(b, r, 0, at);
	assert_int_equal(b->kit.whole_gets, 1);
}

/* A file of these bytes: its hash is right, but it never was a pack. */
static void
is_refused(struct bench *b, const void *p, size_t n, const char *words)
{
	AUTO(pack_reader) struct pack_reader *r = NULL;
	char name[32], path[LAYOUT_KEY_SIZE], got[1];
	struct err err = { 0 };

	(void)snprintf(name, sizeof name, "b/pack-%06zu.tar.zst",
	    b->c->files.count);
	assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &r, &err),
	    0);
	assert_int_equal(kit_file(b->set, b->c, name, SET_RAW, p, n, path,
	                     &err),
	    0);
	assert_int_equal(pack_read(r, manifest_files_find(&b->c->files, path),
	                     0, got, 1, &err),
	    -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg, path));
	assert_non_null(strstr(err.msg, words));
}

static void
file_that_is_no_pack_is_refused(void **state)
{
	static const char text[] = "long enough, with no table at the end";

	is_refused(*state, "", 0, "too short for a pack");
	is_refused(*state, "short", 5, "too short for a pack");
	is_refused(*state, text, sizeof text - 1, "there is none");
}

/* The footer of a seekable file, of more frames than there can be. */
static void
table_that_is_longer_than_its_pack_is_refused(void **state)
{
	static const char footer[] = { 'x', 'y', 0, 1, 0, 0, 0, (char)0xb1,
		(char)0xea, (char)0x92, (char)0x8f };

	is_refused(*state, footer, sizeof footer, "a table longer than itself");
}

/* A seekable file of one frame of so many bytes, decompressed to so many. */
static size_t
file_of_one_frame(uint32_t csize, uint32_t dsize, char *out)
{
	static const uint8_t footer[] = { 1, 0, 0, 0, 0, 0xb1, 0xea, 0x92,
		0x8f };
	const uint32_t table[] = { 0x184d2a5e, 8 + sizeof footer, csize,
		dsize };
	char *p = out + csize;

	memset(out, 0, csize);
	for (size_t i = 0; i < 16; i++)
		*p++ = (char)(table[i / 4] >> 8 * (i % 4));
	memcpy(p, footer, sizeof footer);
	return csize + 16 + sizeof footer;
}

static void
frame_that_is_too_large_either_way_is_refused(void **state)
{
	enum { LARGE = (16 << 20) + 1 };
	AUTO(free) char *file = malloc(LARGE + 100);
	size_t n;

	assert_non_null(file);
	n = file_of_one_frame(LARGE, 9, file);
	is_refused(*state, file, n, "a frame is too large");
	n = file_of_one_frame(9, LARGE, file);
	is_refused(*state, file, n, "a frame is too large");
}

static void
many_packs_are_each_read_once_as_a_whole(void **state)
{
	enum { MANY = 70 };
	struct bench *b = *state;
	AUTO(pack_reader) struct pack_reader *r = NULL;
	struct place *at = b->at;
	struct err err = { 0 };

	for (unsigned i = 0; i < MANY; i++) {
		char text[64];

		assert_int_equal(add(b, text, text_of(i, text), &at[i], &err),
		    0);
		assert_int_equal(pack_writer_end(b->w, &err), 0);
	}
	assert_int_equal(b->c->files.count, MANY);
	assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &r, &err),
	    0);
	for (int twice = 0; twice < 2; twice++)
		for (unsigned i = 0; i < MANY; i++)
			assert_reads(b, r, i, &at[i]);
	assert_int_equal(b->kit.whole_gets, MANY);
}

static unsigned
gets(const struct bench *b)
{
	return atomic_load(&b->kit.count[KIT_GET]);
}

/* Chunks, header and table come out of the file too. */
static void
what_is_kept_is_read_once_and_no_more(void **state)
{
	struct bench *b = *state;
	struct age_keys keys = age_kit_both();
	struct place *at = b->at;

	add_many(b, 100, at);
	repo_set_keys(b->kit.repo, &keys);
	add_many(b, 100, at + 100);
	for (unsigned half = 0; half < 200; half += 100) {
		AUTO(pack_reader) struct pack_reader *r = NULL;
		struct err err = { 0 };

		kit_reset(&b->kit);
		assert_int_equal(pack_reader_new(b->kit.repo, &scratch, &r,
		                     &err),
		    0);
		for (unsigned i = 0; i < 100; i++)
			assert_reads(b, r, i, &at[half + i]);
		assert_int_equal(gets(b), 1);
	}
	repo_set_keys(b->kit.repo, NULL);
}

static void
what_is_loaded_before_is_not_loaded_again(void **state)
{
	struct bench *b = *state;
	AUTO(pack_reader) struct pack_reader *r = NULL;
	struct place *at = b->at;
	struct err err = { 0 };

	add_many(b, 1, at);
	assert_int_equal(pack_reader_new(b->kit.repo, &scratch, &r, &err), 0);
	for (int twice = 0; twice < 2; twice++)
		assert_int_equal(pack_load(r, file_of(b, at), &err), 0);
	assert_reads(b, r, 0, at);
	assert_int_equal(gets(b), 1);
	b->kit.flip_key = ".tar.zst";
	b->kit.flip = 1;
	pack_reader_free(TAKE(r));
	assert_int_equal(pack_reader_new(b->kit.repo, &scratch, &r, &err), 0);
	assert_int_equal(pack_load(r, file_of(b, at), &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
}

/* Three packs, room for two: the one not used for longest goes, and what is
 * wanted of it then comes from the store, without the rest. */
static void
the_files_of_packs_stay_within_their_bytes(void **state)
{
	enum { SIZE = 100000 };
	struct bench *b = *state;
	struct pack_scratch two = { "/tmp", 2 * (SIZE + 4096) };
	AUTO(pack_reader) struct pack_reader *r = NULL;
	AUTO(free) char *noise = malloc(SIZE), *got = malloc(SIZE);
	struct place *at = b->at;
	unsigned before;
	struct err err = { 0 };

	assert_true(noise && got);
	assert_int_equal(rand_bytes(noise, SIZE, &err), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(add(b, noise, SIZE, &at[i], &err), 0);
		assert_int_equal(pack_writer_end(b->w, &err), 0);
	}
	assert_int_equal(pack_reader_new(b->kit.repo, &two, &r, &err), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pack_load(r, file_of(b, &at[i]), &err), 0);
	before = gets(b);
	assert_int_equal(before, 3);
	for (unsigned i = 3; i-- > 0;) {
		memset(got, 0, SIZE);
		assert_int_equal(pack_read(r, file_of(b, &at[i]), at[i].offset,
		                     got, SIZE, &err),
		    0);
		assert_memory_equal(got, noise, SIZE);
		assert_int_equal(gets(b), i > 0 ? before : before + 1);
	}
	assert_int_equal(b->kit.whole_gets, 3);
}

static void
without_room_the_store_is_asked_again(void **state)
{
	struct bench *b = *state;
	const struct pack_scratch tight = { "/tmp", 10 };
	struct place *at = b->at;

	add_many(b, 10, at);
	for (int i = 0; i < 2; i++) {
		AUTO(pack_reader) struct pack_reader *r = NULL;
		struct err err = { 0 };

		kit_reset(&b->kit);
		assert_int_equal(pack_reader_new(b->kit.repo,
		                     i == 0 ? &tight : &scratch, &r, &err),
		    0);
		failcall_at("write", 0, ENOSPC);
		for (unsigned k = 0; k < 10; k++)
			assert_reads(b, r, k, &at[k]);
		assert_int_equal(failcall_end(), i == 1);
		assert_int_equal(b->kit.whole_gets, 1);
		assert_true(gets(b) > 10);
	}
}

struct reading {
	struct bench *b;
	struct pack_reader *r;
	const struct place *at;
	unsigned wrong;
};

static void *
read_all(void *arg)
{
	struct reading *g = arg;

	for (unsigned i = 0; i < 200; i++) {
		char want[64], got[64];
		size_t n = text_of(i, want);
		struct err err = { 0 };

		if (pack_read(g->r, file_of(g->b, &g->at[i]), g->at[i].offset,
		        got, n, &err) ||
		    memcmp(got, want, n) != 0)
			g->wrong++;
	}
	return NULL;
}

static unsigned
read_by_many(struct bench *b, struct pack_reader *r, const struct place *at)
{
	struct thread thread[THREADS] = { 0 };
	struct reading g[THREADS];
	unsigned wrong = 0;
	struct err err = { 0 };

	for (int i = 0; i < THREADS; i++) {
		g[i] = (struct reading){ b, r, at, 0 };
		assert_int_equal(thread_start(&thread[i], read_all, &g[i],
		                     &err),
		    0);
	}
	for (int i = 0; i < THREADS; i++) {
		thread_join(&thread[i]);
		wrong += g[i].wrong;
	}
	return wrong;
}

static void
many_threads_check_a_pack_once(void **state)
{
	struct bench *b = *state;
	AUTO(pack_reader) struct pack_reader *r = NULL;
	AUTO(pack_reader) struct pack_reader *bad = NULL;
	struct place *at = b->at;
	struct err err = { 0 };

	add_many(b, 200, at);
	assert_int_equal(pack_reader_new(b->kit.repo, &scratch, &r, &err), 0);
	assert_int_equal(read_by_many(b, r, at), 0);
	assert_int_equal(b->kit.whole_gets, 1);
	b->kit.flip_key = ".tar.zst";
	b->kit.flip = 1;
	assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &bad, &err),
	    0);
	assert_int_equal(read_by_many(b, bad, at), THREADS * 200);
	assert_int_equal(b->kit.whole_gets, 2);
}

/* Workers write packs of one component side by side. */
struct writing {
	struct bench *b;
	struct place at[50];
	int rc;
};

static void *
write_all(void *arg)
{
	struct writing *g = arg;
	AUTO(pack_writer) struct pack_writer *w = NULL;
	struct err err = { 0 };

	g->rc = pack_writer_new(g->b->set, g->b->c, &g->b->number, &w, &err);
	for (unsigned i = 0; i < 50 && g->rc == 0; i++) {
		uint8_t digest[SHA256_SIZE] = { 0 };
		char text[64];

		g->at[i].size = text_of(i, text);
		g->rc = pack_add(w, text, g->at[i].size, digest, g->at[i].path,
		    &g->at[i].offset, &err);
		if (g->rc == 0 && i % 10 == 9)
			g->rc = pack_writer_end(w, &err);
	}
	return NULL;
}

static void
many_threads_write_packs_of_their_own(void **state)
{
	struct bench *b = *state;
	AUTO(pack_reader) struct pack_reader *r = NULL;
	struct thread thread[THREADS] = { 0 };
	struct writing *g = calloc(THREADS, sizeof *g);
	struct err err = { 0 };

	assert_non_null(g);
	for (int i = 0; i < THREADS; i++) {
		g[i].b = b;
		assert_int_equal(thread_start(&thread[i], write_all, &g[i],
		                     &err),
		    0);
	}
	for (int i = 0; i < THREADS; i++)
		thread_join(&thread[i]);
	assert_int_equal(b->c->files.count, 5 * THREADS);
	assert_int_equal(pack_reader_new(b->kit.repo, &no_scratch, &r, &err),
	    0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(g[i].rc, 0);
		for (unsigned n = 0; n < 50; n++)
			assert_reads(b, r, n, &g[i].at[n]);
	}
	free(g);
	assert_int_equal(set_commit(b->set, &err), 0);
}

static void
every_allocation_of_a_reader_may_fail(void **state)
{
	struct bench *b = *state;
	struct place *at = b->at;
	long n = 0;
	bool hit = true;

	add_many(b, 20, at);
	for (; hit; n++) {
		AUTO(pack_reader) struct pack_reader *r = NULL;
		struct err err = { 0 };
		char got[64], want[64];
		int rc;

		failalloc_at(n);
		rc = pack_reader_new(b->kit.repo, &scratch, &r, &err) ||
		     pack_read(r, file_of(b, at), at[3].offset, got, at[3].size,
		         &err);
		hit = failalloc_count() > n;
		failalloc_at(-1);
		if (rc)
			assert_true(err_is(&err, ERR_NOMEM));
		else
			assert_memory_equal(got, want, text_of(3, want));
	}
	assert_true(n > 15);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(every_object_can_be_read_by_itself),
		WITH_BENCH(every_object_of_an_encrypted_pack_can_be_read),
		WITH_BENCH(neighbours_can_be_read_at_once),
		WITH_BENCH(range_that_is_not_there_is_refused),
		WITH_BENCH(pack_that_is_full_is_followed_by_another),
		WITH_BENCH(member_is_named_by_the_hash_of_its_content),
		WITH_BENCH(writer_that_failed_says_so_to_the_end),
		WITH_BENCH(any_damage_of_a_pack_is_seen_and_named),
		WITH_BENCH(damage_behind_the_check_is_seen_too),
		WITH_BENCH(failed_check_is_remembered),
		WITH_BENCH(failure_that_passes_is_not_remembered),
		WITH_BENCH(file_that_is_no_pack_is_refused),
		WITH_BENCH(table_that_is_longer_than_its_pack_is_refused),
		WITH_BENCH(frame_that_is_too_large_either_way_is_refused),
		WITH_BENCH(many_packs_are_each_read_once_as_a_whole),
		WITH_BENCH(what_is_kept_is_read_once_and_no_more),
		WITH_BENCH(what_is_loaded_before_is_not_loaded_again),
		WITH_BENCH(the_files_of_packs_stay_within_their_bytes),
		WITH_BENCH(without_room_the_store_is_asked_again),
		WITH_BENCH(many_threads_check_a_pack_once),
		WITH_BENCH(many_threads_write_packs_of_their_own),
		WITH_BENCH(every_allocation_of_a_reader_may_fail),
	};

	return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
