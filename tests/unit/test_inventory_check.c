#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/repo_kit.h"
#include "base/buf.h"
#include "engine/inventory_check.h"
#include "repo/inventory.h"
#include "repo/pack.h"

/* A component with one pack of one object, and an inventory. */
struct bench {
	struct kit kit;
	struct set *set;
	struct manifest_component *c;
	struct buf lines;
	char pack[LAYOUT_KEY_SIZE];
	uint64_t offset;
};

static const char content[] = "content";

static int
add_pack(struct bench *b, struct err *err)
{
	AUTO(pack_writer) struct pack_writer *w = NULL;
	_Atomic unsigned number = 0;
	const uint8_t digest[SHA256_SIZE] = { 0 };

	return pack_writer_new(b->set, b->c, &number, &w, err) ||
	               pack_add(w, content, sizeof content, digest, b->pack,
	                   &b->offset, err) ||
	               pack_writer_end(w, err)
	           ? -1
	           : 0;
}

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
	b->lines.max = 1 << 20;
	return add_pack(b, &err);
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	buf_done(&b->lines);
	set_free(b->set);
	kit_done(&b->kit);
	free(b);
	return 0;
}

struct line {
	const char *key, *file;
	uint64_t size, offset;
	bool packed;
};

static void
add_line(struct bench *b, struct line l)
{
	char key[16], file[LAYOUT_KEY_SIZE];
	struct inventory_entry e = { .object = { .key = key, .size = l.size },
		.file = l.file ? file : NULL,
		.packed = l.packed,
		.offset = l.offset };
	struct err err = { 0 };

	(void)snprintf(key, sizeof key, "%s", l.key);
	(void)snprintf(file, sizeof file, "%s", l.file ? l.file : "");
	assert_int_equal(inventory_encode(&e, &b->lines, &err), 0);
}

static int
check(struct bench *b, struct err *err)
{
	assert_int_equal(kit_file(b->set, b->c, "b.inventory.jsonl", SET_ZSTD,
	                     b->lines.data ? b->lines.data : "", b->lines.len,
	                     NULL, err),
	    0);
	assert_int_equal(manifest_files_sort(&b->c->files, err), 0);
	return inventory_check(b->kit.repo, b->c, manifest_inventory_of(b->c),
	    err);
}

static void
is_wrong(struct bench *b, const char *words)
{
	struct err err = { 0 };

	assert_int_equal(check(b, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg, words));
	assert_non_null(strstr(err.msg, "b.inventory.jsonl"));
}

static void
right_inventory_passes(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	add_line(b, (struct line){ "empty", NULL, 0, 0, false });
	add_line(b, (struct line){
	                "packed", b->pack, sizeof content, b->offset, true });
	assert_int_equal(check(b, &err), 0);
}

static void
keys_out_of_order_are_wrong(void **state)
{
	struct bench *b = *state;

	add_line(b, (struct line){ "b", NULL, 0, 0, false });
	add_line(b, (struct line){ "a", NULL, 0, 0, false });
	is_wrong(b, "is not behind");
}

static void
file_that_the_manifest_does_not_know_is_wrong(void **state)
{
	struct bench *b = *state;

	add_line(b, (struct line){ "a",
	                "sets/2026-11-19T00:00:00Z-00000000/b/object-000001", 5,
	                0, false });
	is_wrong(b, "which the manifest does not know");
}

static void
object_that_leaves_its_pack_is_wrong(void **state)
{
	struct bench *b = *state;
	const struct manifest_file *f = &b->c->files.file[0];
	struct err err = { 0 };
	uint64_t length = 0;

	assert_int_equal(pack_length(b->kit.repo, f, &length, &err), 0);
	assert_true(length >= b->offset + sizeof content);
	add_line(b, (struct line){ "a", b->pack, 2, length - 2, true });
	add_line(b, (struct line){ "b", b->pack, 3, length - 2, true });
	is_wrong(b, "key 'b' has 3 bytes");
}

static void
object_behind_its_pack_is_wrong(void **state)
{
	struct bench *b = *state;

	add_line(b, (struct line){ "a", b->pack, 1, 1 << 30, true });
	is_wrong(b, "key 'a' has 1 bytes");
}

static void
damage_of_a_pack_is_not_the_inventory_s(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	add_line(b, (struct line){
	                "packed", b->pack, sizeof content, b->offset, true });
	b->kit.flip_key = "pack-000001.tar.zst";
	b->kit.flip_at = b->c->files.file[0].size - 1;
	b->kit.flip = 1;
	assert_int_equal(check(b, &err), 0);
}

static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	long n;

	add_line(b, (struct line){
	                "packed", b->pack, sizeof content, b->offset, true });
	assert_int_equal(check(b, &err), 0);
	for (n = 0;; n++) {
		struct err e = { 0 };
		int rc;

		failalloc_at(n);
		rc = inventory_check(b->kit.repo, b->c,
		    manifest_inventory_of(b->c), &e);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&e, ERR_NOMEM));
	}
	assert_true(n > 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(right_inventory_passes),
		TEST(keys_out_of_order_are_wrong),
		TEST(file_that_the_manifest_does_not_know_is_wrong),
		TEST(object_that_leaves_its_pack_is_wrong),
		TEST(object_behind_its_pack_is_wrong),
		TEST(damage_of_a_pack_is_not_the_inventory_s),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("inventory_check", tests, NULL,
	    NULL);
}
