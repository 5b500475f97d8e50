#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/age_kit.h"
#include "../lib/failalloc.h"
#include "../lib/repo_kit.h"
#include "base/buf.h"
#include "base/str.h"
#include "repo/inventory.h"

enum { TEXT_MAX = 16 << 20 };

/* A repository with one inventory, or what was put in its place. */
struct bench {
	struct kit kit;
	struct set *set;
	struct manifest_component *c;
	struct buf text;
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct err err = { 0 };

	*state = b;
	if (!b || kit_open(&b->kit, &err) || kit_begin(&b->kit, &b->set, &err))
		return -1;
	b->text.max = TEXT_MAX;
	return set_component(b->set, "b", "bucket", &b->c, &err);
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	buf_done(&b->text);
	set_free(b->set);
	kit_done(&b->kit);
	free(b);
	return 0;
}

static void
add_key(struct bench *b, const char *key)
{
	char copy[64];
	struct inventory_entry e = { .object = { .key = copy } };
	struct err err = { 0 };

	(void)snprintf(copy, sizeof copy, "%s", key);
	assert_int_equal(inventory_encode(&e, &b->text, &err), 0);
}

static const struct manifest_file *
store(struct bench *b)
{
	struct err err = { 0 };

	assert_int_equal(buf_reserve(&b->text, 0, &err), 0);
	assert_int_equal(kit_file(b->set, b->c, "b.inventory.jsonl", SET_ZSTD,
	                     b->text.data, b->text.len, NULL, &err),
	    0);
	return &b->c->files.file[0];
}

/* The line is as it was written. */
static int
check_line(const struct inventory *i, const struct inventory_entry *e,
    struct err *err)
{
	AUTO(buf) struct buf want = { .max = INVENTORY_LINE_MAX };
	const char *line;
	size_t len;

	if (inventory_encode(e, &want, err))
		return -1;
	line = inventory_line(i, &len);
	assert_int_equal(len, want.len);
	assert_memory_equal(line, want.data, len);
	return 0;
}

/* All of it, or of one file of it; the keys are counted, and must be numbers in
 * order. */
static int
read_all(struct bench *b, const struct manifest_file *f, unsigned *n,
    struct err *err)
{
	AUTO(inventory) struct inventory *i = NULL;
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	bool more = true;

	*n = 0;
	if (f ? inventory_open_segment(b->kit.repo, b->c, f, &i, err)
	      : inventory_open(b->kit.repo, b->c, &i, err))
		return -1;
	for (;;) {
		char want[16];

		if (inventory_next(i, &e, &more, err))
			return -1;
		if (!more)
			return 0;
		(void)snprintf(want, sizeof want, "%08u", *n);
		assert_string_equal(e.object.key, want);
		if (check_line(i, &e, err))
			return -1;
		++*n;
	}
}

static const struct manifest_file *
store_numbers(struct bench *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char key[16];

		(void)snprintf(key, sizeof key, "%08u", i);
		add_key(b, key);
	}
	return store(b);
}

static int
open_stored(struct bench *b, struct inventory **i, struct err *err)
{
	(void)store(b);
	return inventory_open(b->kit.repo, b->c, i, err);
}

static void
entries_come_in_order_and_all_of_them(void **state)
{
	struct bench *b = *state;
	unsigned n;
	struct err err = { 0 };

	assert_int_equal(read_all(b, store_numbers(b, 20000), &n, &err), 0);
	assert_int_equal(n, 20000);
}

static void
empty_inventory_has_no_entries(void **state)
{
	struct bench *b = *state;
	unsigned n;
	struct err err = { 0 };

	assert_int_equal(read_all(b, store(b), &n, &err), 0);
	assert_int_equal(n, 0);
}

/* Numbers from..to - 1 as the segment of that place. */
static const struct manifest_file *
store_segment(struct bench *b, unsigned place, unsigned from, unsigned to)
{
	char name[64], path[LAYOUT_KEY_SIZE];
	const struct manifest_file *f;
	struct err err = { 0 };

	buf_clear(&b->text);
	for (unsigned i = from; i < to; i++) {
		char key[16];

		(void)snprintf(key, sizeof key, "%08u", i);
		add_key(b, key);
	}
	(void)snprintf(name, sizeof name, "b.inventory-%05u-0123abcd.jsonl",
	    place);
	assert_int_equal(buf_reserve(&b->text, 0, &err), 0);
	assert_int_equal(kit_file(b->set, b->c, name, SET_ZSTD, b->text.data,
	                     b->text.len, path, &err),
	    0);
	assert_int_equal(manifest_files_sort(&b->c->files, &err), 0);
	f = manifest_files_find(&b->c->files, path);
	assert_non_null(f);
	return f;
}

static void
segments_are_one_inventory(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	unsigned n;

	(void)store_segment(b, 2, 3000, 5000);
	(void)store_segment(b, 0, 0, 3000);
	(void)store_segment(b, 1, 3000, 3000);
	(void)store_segment(b, 3, 5000, 5000);
	assert_int_equal(kit_file(b->set, b->c, "b/pack-1.tar", SET_ZSTD, "x",
	                     1, NULL, &err),
	    0);
	assert_int_equal(manifest_files_sort(&b->c->files, &err), 0);
	assert_int_equal(read_all(b, NULL, &n, &err), 0);
	assert_int_equal(n, 5000);
	/* and each can be read alone */
	assert_int_equal(read_all(b, manifest_inventory_of(b->c), &n, &err), 0);
	assert_int_equal(n, 3000);
}

static void
segments_that_overlap_are_refused(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	unsigned n;

	(void)store_segment(b, 0, 0, 30);
	(void)store_segment(b, 1, 29, 50);
	assert_int_equal(read_all(b, NULL, &n, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "b.inventory-00001-0123abcd"));
	assert_non_null(strstr(err.msg, "line 1"));
}

static void
a_segment_that_is_gone_is_named(void **state)
{
	struct bench *b = *state;
	const struct manifest_file *f;
	struct err err = { 0 };
	unsigned n;

	(void)store_segment(b, 0, 0, 30);
	f = store_segment(b, 1, 30, 50);
	assert_int_equal(b->kit.inner->ops->remove(b->kit.inner, f->path, &err),
	    0);
	assert_int_equal(read_all(b, NULL, &n, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg, f->path));
	assert_int_equal(n, 30);
}

static void
component_without_an_inventory_has_none_to_read(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	unsigned n;

	assert_int_equal(read_all(b, NULL, &n, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "no inventory of 'b'"));
}

static void
every_allocation_of_segments_may_fail(void **state)
{
	struct bench *b = *state;
	long n = 0;
	bool hit = true;

	(void)store_segment(b, 0, 0, 2);
	(void)store_segment(b, 1, 2, 5);
	for (; hit; n++) {
		struct err err = { 0 };
		unsigned count;

		failalloc_at(n);
		if (read_all(b, NULL, &count, &err))
			assert_true(err_is(&err, ERR_NOMEM));
		else
			assert_int_equal(count, 5);
		hit = failalloc_count() > n;
	}
	failalloc_at(-1);
	assert_true(n > 30);
}

static void
longest_line_can_be_read(void **state)
{
	struct bench *b = *state;
	AUTO(inventory) struct inventory *i = NULL;
	AUTO(inventory_entry) struct inventory_entry got = { 0 };
	struct inventory_entry e = { .object = { .key = malloc(70000) } };
	bool more = false;
	struct err err = { 0 };

	assert_non_null(e.object.key);
	memset(e.object.key, 'k', 70000);
	for (size_t n = 65536; b->text.len == 0; n--) {
		e.object.key[n] = '\0';
		if (inventory_encode(&e, &b->text, &err))
			assert_true(err_is(&err, ERR_CORRUPT));
	}
	assert_int_equal(b->text.len, INVENTORY_LINE_MAX);
	assert_int_equal(open_stored(b, &i, &err), 0);
	assert_int_equal(inventory_next(i, &got, &more, &err), 0);
	assert_true(more);
	assert_string_equal(got.object.key, e.object.key);
	assert_int_equal(inventory_next(i, &got, &more, &err), 0);
	assert_false(more);
	free(e.object.key);
}

static void
assert_corrupt(struct bench *b, const char *why)
{
	const struct manifest_file *f = store(b);
	struct err err = { 0 };
	unsigned n;

	assert_int_equal(read_all(b, f, &n, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg, f->path));
	assert_non_null(strstr(err.msg, why));
}

static void
key_out_of_order_is_refused(void **state)
{
	struct bench *b = *state;

	add_key(b, "00000000");
	add_key(b, "00000001");
	add_key(b, "00000000");
	assert_corrupt(b, "line 3");
}

static void
key_that_comes_twice_is_refused(void **state)
{
	struct bench *b = *state;

	add_key(b, "00000000");
	add_key(b, "00000000");
	assert_corrupt(b, "line 2");
}

/* By bytes: as numbers with a sign it would be the other way round. */
static void
keys_are_in_the_order_of_their_bytes(void **state)
{
	struct bench *b = *state;
	AUTO(inventory) struct inventory *i = NULL;
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	bool more;
	struct err err = { 0 };

	add_key(b, "a\x7f");
	add_key(b, "a\x80");
	assert_int_equal(open_stored(b, &i, &err), 0);
	assert_int_equal(inventory_next(i, &e, &more, &err), 0);
	assert_int_equal(inventory_next(i, &e, &more, &err), 0);
	assert_string_equal(e.object.key, "a\x80");
}

static void
last_line_without_an_end_is_refused(void **state)
{
	struct bench *b = *state;

	add_key(b, "00000000");
	b->text.len--;
	assert_corrupt(b, "cut short");
}

static void
line_without_an_end_is_refused(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	assert_int_equal(buf_reserve(&b->text, 1 << 20, &err), 0);
	memset(b->text.data, ' ', 1 << 20);
	b->text.len = 1 << 20;
	assert_corrupt(b, "line 1 is too long");
}

static void
error_is_told_again(void **state)
{
	struct bench *b = *state;
	AUTO(inventory) struct inventory *i = NULL;
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	bool more;
	struct err err = { 0 };

	assert_int_equal(buf_puts(&b->text, "{}\n", &err), 0);
	add_key(b, "00000000");
	assert_int_equal(open_stored(b, &i, &err), 0);
	for (int twice = 0; twice < 2; twice++) {
		err = (struct err){ 0 };
		assert_int_equal(inventory_next(i, &e, &more, &err), -1);
		assert_true(err_is(&err, ERR_CORRUPT));
		assert_null(e.object.key);
		assert_int_equal(inventory_skip(i, 1, &err), -1);
		assert_true(err_is(&err, ERR_CORRUPT));
	}
}

static void
segment_that_is_not_there_is_an_error(void **state)
{
	struct bench *b = *state;
	AUTO(inventory) struct inventory *i = NULL;
	struct err err = { 0 };

	(void)store_numbers(b, 3);
	assert_int_equal(inventory_open_from(b->kit.repo, b->c, 0, &i, &err),
	    0);
	inventory_free(TAKE(i));
	assert_int_equal(inventory_open_from(b->kit.repo, b->c, 1, &i, &err),
	    -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg, "has 1 segments"));
}

/* Whatever came before, the end of a damaged one is never "no more". */
static void
any_damage_is_seen_by_the_end(void **state)
{
	struct bench *b = *state;
	const struct manifest_file *f = store_numbers(b, 30);

	b->kit.flip_key = ".jsonl.zst";
	for (uint64_t i = 0; i < 8 * f->size; i++) {
		AUTO(inventory) struct inventory *inv = NULL;
		AUTO(inventory_entry) struct inventory_entry e = { 0 };
		bool more = true;
		struct err err = { 0 };

		b->kit.flip_at = i / 8;
		b->kit.flip = (uint8_t)(1 << i % 8);
		assert_int_equal(inventory_open(b->kit.repo, b->c, &inv, &err),
		    0);
		while (more && inventory_next(inv, &e, &more, &err) == 0)
			;
		assert_true(more);
		assert_true(err_is(&err, ERR_CORRUPT));
		assert_non_null(strstr(err.msg, f->path));
	}
}

static void
inventory_that_is_gone_is_named(void **state)
{
	struct bench *b = *state;
	const struct manifest_file *f = store_numbers(b, 1);
	unsigned n;
	struct err err = { 0 };

	assert_int_equal(b->kit.inner->ops->remove(b->kit.inner, f->path, &err),
	    0);
	assert_int_equal(read_all(b, f, &n, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_non_null(strstr(err.msg, f->path));
}

static void
reading_can_be_given_up_at_any_time(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	(void)store_numbers(b, 20000);
	for (unsigned stop = 0; stop < 20000; stop += 3000) {
		AUTO(inventory) struct inventory *i = NULL;
		AUTO(inventory_entry) struct inventory_entry e = { 0 };
		bool more;

		assert_int_equal(inventory_open(b->kit.repo, b->c, &i, &err),
		    0);
		for (unsigned n = 0; n < stop; n++)
			assert_int_equal(inventory_next(i, &e, &more, &err), 0);
	}
}

static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	const struct manifest_file *f = store_numbers(b, 5);
	long n = 0;
	bool hit = true;

	for (; hit; n++) {
		struct err err = { 0 };
		unsigned count;

		failalloc_at(n);
		if (read_all(b, f, &count, &err))
			assert_true(err_is(&err, ERR_NOMEM));
		else
			assert_int_equal(count, 5);
		hit = failalloc_count() > n;
	}
	failalloc_at(-1);
	assert_true(n > 20);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static int
remove_all(const char *folder)
{
	char command[100];
	FILE *p;

	(void)snprintf(command, sizeof command, "rm -rf %s", folder);
	p = popen(command, "r");
	return p ? pclose(p) : -1;
}

/* Who can encrypt and not decrypt reads what it kept itself. */
static void
without_an_identity_a_copy_is_read(void **state)
{
	struct bench *b = *state;
	char folder[] = "/tmp/inventory-XXXXXX", inner[40];
	struct age_keys keys = age_kit_writer();
	char id[] = "2026-11-20T16:28:00Z", recipient[] = AGE_KIT_RECIPIENT;
	char *recipients[] = { recipient };
	const struct manifest m = {
		.id = id, .recipients = recipients, .nrecipients = 1
	};
	const struct manifest_file *f;
	struct err err = { 0 };
	unsigned n;

	assert_non_null(mkdtemp(folder));
	(void)snprintf(inner, sizeof inner, "%s/state", folder);
	repo_set_keys(b->kit.repo, &keys);
	assert_int_equal(repo_keep_copies(b->kit.repo, inner, &err), 0);
	f = store_numbers(b, 2000);
	assert_true(str_ends(f->path, ".inventory.jsonl.zst.age"));
	assert_int_equal(inventory_readable(b->kit.repo, &m, b->c, &err), 0);
	assert_int_equal(read_all(b, f, &n, &err), 0);
	assert_int_equal(n, 2000);
	/* once it is gone, what is missing is said before it is needed */
	assert_int_equal(remove_all(folder), 0);
	assert_int_equal(inventory_readable(b->kit.repo, &m, b->c, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, AGE_KIT_RECIPIENT));
	assert_int_equal(read_all(b, f, &n, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	/* and whoever has an identity needs none */
	keys = age_kit_both();
	assert_int_equal(inventory_readable(b->kit.repo, &m, b->c, &err), 0);
	assert_int_equal(read_all(b, f, &n, &err), 0);
	repo_set_keys(b->kit.repo, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(entries_come_in_order_and_all_of_them),
		WITH_BENCH(empty_inventory_has_no_entries),
		WITH_BENCH(segments_are_one_inventory),
		WITH_BENCH(segments_that_overlap_are_refused),
		WITH_BENCH(a_segment_that_is_gone_is_named),
		WITH_BENCH(component_without_an_inventory_has_none_to_read),
		WITH_BENCH(every_allocation_of_segments_may_fail),
		WITH_BENCH(longest_line_can_be_read),
		WITH_BENCH(key_out_of_order_is_refused),
		WITH_BENCH(key_that_comes_twice_is_refused),
		WITH_BENCH(keys_are_in_the_order_of_their_bytes),
		WITH_BENCH(last_line_without_an_end_is_refused),
		WITH_BENCH(line_without_an_end_is_refused),
		WITH_BENCH(error_is_told_again),
		WITH_BENCH(segment_that_is_not_there_is_an_error),
		WITH_BENCH(any_damage_is_seen_by_the_end),
		WITH_BENCH(inventory_that_is_gone_is_named),
		WITH_BENCH(reading_can_be_given_up_at_any_time),
		WITH_BENCH(without_an_identity_a_copy_is_read),
		WITH_BENCH(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("inventory_read", tests, NULL, NULL);
}
