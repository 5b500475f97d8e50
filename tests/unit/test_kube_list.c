#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../lib/failalloc.h"
#include "../lib/kube_kit.h"
#include "kube/kube_list.h"

#define POD(ns, name) \
	"{\"metadata\":{\"namespace\":\"" ns "\",\"name\":\"" name "\"}}"
#define PAGE(token, ...)                                            \
	"{\"kind\":\"PodList\",\"metadata\":{\"continue\":\"" token \
	"\"},\"items\":[" __VA_ARGS__ "]}"
#define FIRST "/api/v1/pods?limit=250"
#define GONE                                                \
	{                                                   \
		"GET", FIRST "&continue=t1", 410, NULL,     \
		    KUBE_STATUS("Expired", "too old"), 0, 0 \
	}

struct seen {
	struct buf names;
	const char *refuse;
};

static int
see(void *arg, struct tree *t, struct err *err)
{
	struct seen *s = arg;
	const char *name = tree_text(tree_get(t, "metadata"), "name");

	s->names.max = 4096;
	if (s->refuse && strcmp(name, s->refuse) == 0)
		return err_set(err, ERR_NOROOM, "no room");
	return buf_printf(&s->names, err, "%s ", name);
}

static struct kube_list
list_of(const struct kube_kit *k, struct seen *s)
{
	return (struct kube_list){ .path = "/api/v1/pods",
		.resource = "pods",
		.clock = &k->clock,
		.object = see,
		.arg = s };
}

/* NULL: it fails with the code. */
static void
assert_list(const struct httpd_step *steps, const char *names,
    enum err_code code)
{
	AUTO(kube_kit) struct kube_kit k = { 0 };
	struct seen s = { 0 };
	struct kube_list o = list_of(&k, &s);
	struct err err = { 0 };

	kube_kit_start(&k, steps);
	assert_int_equal(kube_list_run(k.k, &o, &err),
	    code == ERR_NONE ? 0 : -1);
	assert_int_equal(err.code, code);
	kube_kit_check(&k);
	assert_string_equal(s.names.data ? s.names.data : "", names);
	buf_done(&s.names);
}

static void
pages_follow_each_other(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", FIRST " ", 200, NULL,
		    PAGE("t1", POD("a", "x") "," POD("a-b", "y")), 0, 0 },
		{ "GET", FIRST "&continue=t1 ", 200, NULL,
		    PAGE("t%2", POD("b", "a")), 0, 0 },
		{ "GET", FIRST "&continue=t%252 ", 200, NULL, PAGE("", ""), 0,
		    0 },
		{ 0 }
	};

	(void)state;
	assert_list(steps, "x y a ", ERR_NONE);
}

static void
labels_are_the_servers_to_choose(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", FIRST "&labelSelector=a%3Db%2Cc%21%3Dd ", 200, NULL,
		    "{\"items\":null}", 0, 0 },
		{ 0 }
	};
	AUTO(kube_kit) struct kube_kit k = { 0 };
	struct seen s = { 0 };
	struct kube_list o = list_of(&k, &s);
	struct err err = { 0 };

	(void)state;
	o.labels = "a=b,c!=d";
	kube_kit_start(&k, steps);
	assert_int_equal(kube_list_run(k.k, &o, &err), 0);
	kube_kit_check(&k);
}

static void
a_forgotten_list_begins_again_and_hands_nothing_out_twice(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", FIRST " ", 200, NULL,
		    PAGE("t1", POD("a", "x") "," POD("a", "y")), 0, 0 },
		GONE,
		{ "GET", FIRST " ", 200, NULL,
		    PAGE("t2", POD("a", "w") "," POD("a", "x") "," POD("a",
		                   "y") "," POD("a", "z")),
		    0, 0 },
		{ "GET", FIRST "&continue=t2 ", 200, NULL,
		    PAGE("", POD("b", "a")), 0, 0 },
		{ 0 }
	};

	(void)state;
	assert_list(steps, "x y z a ", ERR_NONE);
}

static void
a_cut_page_is_asked_for_again(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", FIRST " ", 200, NULL,
		    PAGE("t1",
		        POD("a", "x") "," POD("a", "y") "," POD("a", "z")),
		    0, HTTPD_CUT },
		{ "GET", FIRST " ", 200, NULL,
		    PAGE("", POD("a", "x") "," POD("a", "y") "," POD("a", "z")),
		    0, 0 },
		{ 0 }
	};

	(void)state;
	assert_list(steps, "x y z ", ERR_NONE);
}

static void
a_list_that_is_forgotten_again_and_again_fails(void **state)
{
	const struct httpd_step first = { "GET", FIRST " ", 200, NULL,
		PAGE("t1", POD("a", "x")), 0, 0 };
	const struct httpd_step gone = GONE;
	const struct httpd_step steps[] = { first, gone, first, gone, first,
		gone, first, gone, first, gone, first, gone, { 0 } };

	(void)state;
	assert_list(steps, "x ", ERR_CHANGED);
}

static void
what_is_not_sorted_cannot_go_on(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", FIRST " ", 200, NULL,
		    PAGE("t1", POD("a", "y") "," POD("a", "x")), 0, 0 },
		GONE, { 0 }
	};

	(void)state;
	assert_list(steps, "y x ", ERR_CHANGED);
}

static void
a_server_that_goes_in_circles_is_refused(void **state)
{
	const struct httpd_step steps[] = { { "GET", FIRST " ", 200, NULL,
		                                PAGE("t1", ""), 0, 0 },
		{ "GET", FIRST "&continue=t1 ", 200, NULL, PAGE("t1", ""), 0,
		    0 },
		{ 0 } };

	(void)state;
	assert_list(steps, "", ERR_REMOTE);
}

static void
what_is_no_list_of_objects_is_refused(void **state)
{
	static const struct {
		const char *body;
		enum err_code code;
	} cases[] = { { "{\"kind\":\"Pod\"}", ERR_CORRUPT },
		{ "{\"items\":[{}]}", ERR_CORRUPT },
		{ "{\"items\":[{\"a\":01}]}", ERR_CORRUPT },
		{ "{\"items\":[],\"metadata\":{nonsense}}", ERR_CORRUPT } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct httpd_step steps[] = {
			{ "GET", FIRST " ", 200, NULL, cases[i].body, 0, 0 },
			{ 0 }
		};

		assert_list(steps, "", cases[i].code);
	}
}

static void
a_refusal_is_told(void **state)
{
	const struct httpd_step steps[] = { { "GET", FIRST " ", 403, NULL,
		                                KUBE_STATUS("Forbidden", "no"),
		                                0, 0 },
		{ 0 } };

	(void)state;
	assert_list(steps, "", ERR_DENIED);
}

static void
who_takes_the_objects_may_end_it(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", FIRST " ", 200, NULL,
		    PAGE("t1", POD("a", "x") "," POD("a", "y")), 0, 0 },
		{ 0 }
	};
	AUTO(kube_kit) struct kube_kit k = { 0 };
	struct seen s = { .refuse = "y" };
	struct kube_list o = list_of(&k, &s);
	struct err err = { 0 };

	(void)state;
	kube_kit_start(&k, steps);
	assert_int_equal(kube_list_run(k.k, &o, &err), -1);
	assert_int_equal(err.code, ERR_NOROOM);
	assert_string_equal(err.msg, "no room");
	assert_string_equal(s.names.data, "x ");
	buf_done(&s.names);
}

static void
every_allocation_may_fail(void **state)
{
	const struct httpd_step steps[] = {
		{ "GET", NULL, 200, NULL, PAGE("t1", POD("a", "x")), 0, 0 },
		{ "GET", NULL, 200, NULL, PAGE("", POD("a", "y")), 0, 0 }, { 0 }
	};
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(kube_kit) struct kube_kit k = { 0 };
		struct seen s = { 0 };
		struct kube_list o = list_of(&k, &s);
		struct err err = { 0 };

		kube_kit_start(&k, steps);
		failalloc_at(fails);
		rc = kube_list_run(k.k, &o, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
		buf_done(&s.names);
	}
	assert_true(fails >= 15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_follow_each_other),
		cmocka_unit_test(labels_are_the_servers_to_choose),
		cmocka_unit_test(
		    a_forgotten_list_begins_again_and_hands_nothing_out_twice),
		cmocka_unit_test(a_cut_page_is_asked_for_again),
		cmocka_unit_test(
		    a_list_that_is_forgotten_again_and_again_fails),
		cmocka_unit_test(what_is_not_sorted_cannot_go_on),
		cmocka_unit_test(a_server_that_goes_in_circles_is_refused),
		cmocka_unit_test(what_is_no_list_of_objects_is_refused),
		cmocka_unit_test(a_refusal_is_told),
		cmocka_unit_test(who_takes_the_objects_may_end_it),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("kube_list", tests, NULL, NULL);
}
