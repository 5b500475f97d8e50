#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "base/buf.h"
#include "base/jsonw.h"
#include "component/kube_tally.h"

static void
names_are_counted_and_sorted(void **state)
{
	AUTO(kube_tally) struct kube_tally t = { 0 };
	AUTO(buf) struct buf b = { .max = 1000 };
	struct err err = { 0 };
	struct jsonw w;

	(void)state;
	assert_int_equal(kube_tally_add(&t, "pods", 1, &err), 0);
	assert_int_equal(kube_tally_add(&t, "b", 2, &err), 0);
	assert_int_equal(kube_tally_add(&t, "pods", 3, &err), 0);
	assert_int_equal(kube_tally_of(&t, "pods"), 4);
	assert_int_equal(kube_tally_of(&t, "a"), 0);
	assert_int_equal(t.total, 6);
	jsonw_begin(&w, &b, 0);
	kube_tally_write(&t, NULL, &w);
	assert_int_equal(jsonw_end(&w, &err), 0);
	assert_string_equal(b.data, "{\"b\":2,\"pods\":4}");
}

static void
many_names_stay_in_order(void **state)
{
	AUTO(kube_tally) struct kube_tally t = { 0 };
	struct err err = { 0 };
	char name[8];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof name, "%02u", i * 37 % 100);
		assert_int_equal(kube_tally_add(&t, name, i, &err), 0);
	}
	assert_int_equal(t.count, 100);
	for (size_t i = 1; i < t.count; i++)
		assert_true(strcmp(t.item[i - 1].name, t.item[i].name) < 0);
}

static void
every_allocation_may_fail(void **state)
{
	long fails = 0;
	int rc = -1;

	(void)state;
	while (rc) {
		AUTO(kube_tally) struct kube_tally t = { 0 };
		struct err err = { 0 };

		failalloc_at(fails);
		rc = kube_tally_add(&t, "a", 1, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		fails += rc != 0;
	}
	assert_int_equal(fails, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_counted_and_sorted),
		cmocka_unit_test(many_names_stay_in_order),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("kube_tally", tests, NULL, NULL);
}
