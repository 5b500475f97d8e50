#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../lib/failalloc.h"
#include "kube/kube_items.h"

struct seen {
	struct buf text; /* the items, with a line end behind each */
	struct buf metadata;
	int refuse; /* the item of this number, from 1 */
	int count;
};

static int
see(void *arg, const char *json, size_t len, struct err *err)
{
	struct seen *s = arg;

	if (++s->count == s->refuse)
		return err_set(err, ERR_REMOTE, "no more");
	return buf_add(&s->text, json, len, err) ||
	               buf_puts(&s->text, "\n", err)
	           ? -1
	           : 0;
}

/* In pieces of n bytes; 0: in one. */
static int
feed(struct seen *s, const char *text, size_t n, struct err *err)
{
	struct kube_items to = { see, s, &s->metadata };
	AUTO(sink) struct sink *sink = NULL;
	size_t len = strlen(text);

	s->text.max = 4096;
	if (kube_items_new(&to, &sink, err))
		return -1;
	for (size_t at = 0; at < len; at += n) {
		n = n == 0 ? len : n;
		if (sink_write(sink, text + at, len - at < n ? len - at : n,
		        err))
			return -1;
	}
	return sink_finish(sink, err);
}

static void
seen_done(struct seen *s)
{
	buf_done(&s->text);
	buf_done(&s->metadata);
	*s = (struct seen){ 0 };
}

static void
items_are_the_same_however_they_arrive(void **state)
{
	static const char text[] =
	    "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{"
	    "\"resourceVersion\":\"7\",\"continue\":\"a\\\"b}\"},\n \"items\" "
	    ": [ {\"metadata\":{\"name\":\"a\"},\"items\":[{}]} ,{\"x\":\"]}\\"
	    "\\\"},{},{\"deep\":[[{\"y\":[]}]],\"t\":\"\\\"{[\"}]}\n";
	static const char expect[] =
	    "{\"metadata\":{\"name\":\"a\"},\"items\":[{}]}\n"
	    "{\"x\":\"]}\\\\\"}\n{}\n{\"deep\":[[{\"y\":[]}]],\"t\":\"\\\"{["
	    "\"}\n";

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		struct seen s = { 0 };
		struct err err = { 0 };

		assert_int_equal(feed(&s, text, n, &err), 0);
		assert_string_equal(s.text.data, expect);
		assert_string_equal(s.metadata.data,
		    "{\"resourceVersion\":\"7\",\"continue\":\"a\\\"b}\"}");
		seen_done(&s);
	}
}

static void
members_may_come_in_any_order(void **state)
{
	struct seen s = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(feed(&s,
	                     "{\"itemsx\":[{}],\"items\":[{\"a\":1}],\"o\":{"
	                     "\"items\":[{\"b\":2}]},\"metadata\":{},\"a very "
	                     "long name indeed\":[1,2],\"x\":[{\"c\":3}]}",
	                     0, &err),
	    0);
	assert_string_equal(s.text.data, "{\"a\":1}\n");
	assert_string_equal(s.metadata.data, "{}");
	seen_done(&s);
}

static void
an_empty_list_is_a_list(void **state)
{
	static const char *const text[] = { "{\"items\":[]}",
		"{\"items\":null}", "{\"items\":null,\"metadata\":{}}",
		"{\"metadata\":null,\"items\":[]}" };

	(void)state;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		struct seen s = { 0 };
		struct err err = { 0 };

		assert_int_equal(feed(&s, text[i], 0, &err), 0);
		assert_int_equal(s.count, 0);
		seen_done(&s);
	}
}

static void
what_is_cut_is_worth_another_try(void **state)
{
	static const char text[] =
	    "{\"metadata\":{\"a\":\"b\"},\"items\":[{\"a\":\"b\"}]}";

	(void)state;
	for (size_t n = 0; n < sizeof text - 1; n++) {
		char cut[sizeof text];
		struct seen s = { 0 };
		struct err err = { 0 };

		memcpy(cut, text, n);
		cut[n] = '\0';
		assert_int_equal(feed(&s, cut, 0, &err), -1);
		assert_int_equal(err.code, ERR_TRANSIENT);
		seen_done(&s);
	}
}

static void
what_is_no_list_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = { { "{}", "it has no items" },
		{ "{\"kind\":\"Status\"}", "it has no items" },
		{ "[]", "it is no map" }, { "}", "a bracket too many" },
		{ "{\"items\":[]}]", "a bracket too many" },
		{ "{\"items\":[]}{", "something behind its end" } };
	char deep[300];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct seen s = { 0 };
		struct err err = { 0 };

		assert_int_equal(feed(&s, cases[i].text, 0, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_non_null(strstr(err.msg, cases[i].why));
		seen_done(&s);
	}
	memset(deep, '{', sizeof deep - 1);
	deep[sizeof deep - 1] = '\0';
	for (int i = 0; i < 1; i++) {
		struct seen s = { 0 };
		struct err err = { 0 };

		assert_int_equal(feed(&s, deep, 0, &err), -1);
		assert_non_null(strstr(err.msg, "too deep"));
		seen_done(&s);
	}
}

static void
who_takes_the_items_may_end_it(void **state)
{
	struct seen s = { .refuse = 2 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(feed(&s, "{\"items\":[{},{},{}]}", 0, &err), -1);
	assert_int_equal(err.code, ERR_REMOTE);
	assert_int_equal(s.count, 2);
	seen_done(&s);
}

static void
one_item_has_a_limit(void **state)
{
	struct seen s = { 0 };
	struct kube_items to = { see, &s, &s.metadata };
	AUTO(sink) struct sink *sink = NULL;
	struct err err = { 0 };
	static char text[1 << 20];
	int rc = 0;

	(void)state;
	memset(text, 'x', sizeof text);
	assert_int_equal(kube_items_new(&to, &sink, &err), 0);
	assert_int_equal(sink_write(sink, "{\"items\":[{\"a\":\"", 16, &err),
	    0);
	for (int i = 0; i < 21 && rc == 0; i++)
		rc = sink_write(sink, text, sizeof text, &err);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	seen_done(&s);
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		struct seen s = { 0 };
		struct err err = { 0 };

		failalloc_at(fails);
		rc = feed(&s, "{\"metadata\":{},\"items\":[{}]}", 3, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
		seen_done(&s);
	}
	assert_true(fails >= 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_the_same_however_they_arrive),
		cmocka_unit_test(members_may_come_in_any_order),
		cmocka_unit_test(an_empty_list_is_a_list),
		cmocka_unit_test(what_is_cut_is_worth_another_try),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(who_takes_the_items_may_end_it),
		cmocka_unit_test(one_item_has_a_limit),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("kube_items", tests, NULL, NULL);
}
