#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "base/str.h"
#include "object/object.h"

/* An object with one of everything. */
static int
fill(struct object *o, struct err *err)
{
	o->size = 7;
	if (str_dup("a/b", &o->key, err) || str_dup("e1", &o->etag, err) ||
	    str_dup("2026-11-20T16:28:00.000Z", &o->modified, err) ||
	    str_dup("v1", &o->version, err) ||
	    str_dup("text/plain", &o->header[OBJECT_CONTENT_TYPE], err))
		return -1;
	if (object_pairs_add(&o->meta, "colour", "red", err) ||
	    object_pairs_add(&o->meta, "size", "", err))
		return -1;
	return object_pairs_add(&o->tags, "team", "a b", err);
}

static void
listed_copy_has_key_and_facts_only(void **state)
{
	struct err err = { 0 };
	AUTO(object) struct object from = { 0 };
	AUTO(object) struct object to = { 0 };

	(void)state;
	assert_int_equal(fill(&from, &err), 0);
	assert_int_equal(object_copy_listed(&to, &from, &err), 0);
	assert_string_equal(to.key, "a/b");
	assert_ptr_not_equal(to.key, from.key);
	assert_int_equal(to.size, 7);
	assert_string_equal(to.etag, "e1");
	assert_string_equal(to.modified, "2026-11-20T16:28:00.000Z");
	assert_string_equal(to.version, "v1");
	assert_null(to.header[OBJECT_CONTENT_TYPE]);
	assert_int_equal(to.meta.count, 0);
	assert_int_equal(to.tags.count, 0);
}

static void
header_copy_has_headers_only_and_is_the_same(void **state)
{
	struct err err = { 0 };
	AUTO(object) struct object from = { 0 };
	AUTO(object) struct object to = { 0 };

	(void)state;
	assert_int_equal(fill(&from, &err), 0);
	assert_int_equal(object_copy_headers(&to, &from, &err), 0);
	assert_null(to.key);
	assert_int_equal(to.size, 0);
	assert_string_equal(to.meta.pair[0].name, "colour");
	assert_string_equal(to.meta.pair[1].value, "");
	assert_true(object_same_headers(&to, &from));
}

static void
moving_empties_the_source_and_frees_the_target(void **state)
{
	struct err err = { 0 };
	AUTO(object) struct object from = { 0 };
	AUTO(object) struct object to = { 0 };

	(void)state;
	assert_int_equal(fill(&from, &err), 0);
	assert_int_equal(fill(&to, &err), 0);
	object_move(&to, &from);
	assert_null(from.key);
	assert_int_equal(from.meta.count, 0);
	assert_string_equal(to.key, "a/b");
	object_move(&to, &to);
	assert_string_equal(to.key, "a/b");
}

static void
any_different_fact_is_a_change(void **state)
{
	struct object a = { .size = 1,
		.etag = (char[]){ "e" },
		.modified = (char[]){ "m" },
		.version = (char[]){ "v" } };
	struct object b = a;

	(void)state;
	assert_true(object_unchanged(&a, &b));
	b.size = 2;
	assert_false(object_unchanged(&a, &b));
	b = a;
	b.etag = (char[]){ "f" };
	assert_false(object_unchanged(&a, &b));
	b = a;
	b.modified = (char[]){ "n" };
	assert_false(object_unchanged(&a, &b));
	b = a;
	b.version = (char[]){ "w" };
	assert_false(object_unchanged(&a, &b));
	b.version = NULL;
	assert_true(object_unchanged(&a, &b));
}

static void
without_etag_or_time_nothing_is_known_to_be_unchanged(void **state)
{
	struct object a = { .size = 1, .modified = (char[]){ "m" } };
	struct object b = { .size = 1, .etag = (char[]){ "e" } };

	(void)state;
	assert_false(object_unchanged(&a, &a));
	assert_false(object_unchanged(&b, &b));
}

static void
order_of_metadata_and_tags_does_not_matter(void **state)
{
	struct object_pair one[] = { { (char[]){ "a" }, (char[]){ "1" } },
		{ (char[]){ "b" }, (char[]){ "2" } } };
	struct object_pair two[] = { one[1], one[0] };
	struct object_pair twice[] = { one[0], one[0] };
	struct object a = { .meta = { one, 2 }, .tags = { two, 2 } };
	struct object b = { .meta = { two, 2 }, .tags = { one, 2 } };

	(void)state;
	assert_true(object_same_headers(&a, &b));
	b.tags.pair = twice;
	assert_false(object_same_headers(&a, &b));
	assert_false(object_same_headers(&b, &a));
	b.tags = (struct object_pairs){ one, 1 };
	assert_false(object_same_headers(&a, &b));
	b.tags = a.tags;
	b.header[OBJECT_EXPIRES] = (char[]){ "0" };
	assert_false(object_same_headers(&a, &b));
	assert_false(object_same_headers(&b, &a));
	a.header[OBJECT_EXPIRES] = (char[]){ "1" };
	assert_false(object_same_headers(&a, &b));
	a.header[OBJECT_EXPIRES] = (char[]){ "0" };
	assert_true(object_same_headers(&a, &b));
}

static void
every_header_has_the_name_it_has_on_the_wire(void **state)
{
	static const char *const name[] = { "content-type", "content-encoding",
		"content-disposition", "content-language", "cache-control",
		"expires" };

	(void)state;
	for (unsigned i = 0; i < OBJECT_HEADERS; i++)
		assert_string_equal(object_header_name((enum object_header)i),
		    name[i]);
}

static int
scenario(struct err *err)
{
	AUTO(object) struct object a = { 0 };
	AUTO(object) struct object b = { 0 };
	AUTO(object) struct object c = { 0 };

	if (fill(&a, err) || object_copy_listed(&b, &a, err))
		return -1;
	return object_copy_headers(&c, &a, err);
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(failalloc_each(scenario) >= 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listed_copy_has_key_and_facts_only),
		cmocka_unit_test(header_copy_has_headers_only_and_is_the_same),
		cmocka_unit_test(
		    moving_empties_the_source_and_frees_the_target),
		cmocka_unit_test(any_different_fact_is_a_change),
		cmocka_unit_test(
		    without_etag_or_time_nothing_is_known_to_be_unchanged),
		cmocka_unit_test(order_of_metadata_and_tags_does_not_matter),
		cmocka_unit_test(every_header_has_the_name_it_has_on_the_wire),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("object", tests, NULL, NULL);
}
