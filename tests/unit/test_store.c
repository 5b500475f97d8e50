#include "../lib/store_suite.h"

#include <string.h>

#include "../lib/store_fault.h"
#include "base/buf.h"

static int
fresh(void *arg, struct store **ret, struct err *err)
{
	static struct store_fault never = { .at = -1 };
	struct store *mem = NULL;

	(void)arg;
	if (store_mem_new(&mem, err))
		return -1;
	return store_fault_new(mem, &never, ret, err);
}

static struct store *
broken(struct store_fault *plan)
{
	struct err err = { 0 };
	struct store *st = NULL;

	assert_int_equal(store_mem_new(&st, &err), 0);
	assert_int_equal(store_fault_new(st, plan, &st, &err), 0);
	return st;
}

static int
ignore(void *arg, const char *key, const struct store_stat *stat,
    struct err *err)
{
	(void)arg;
	(void)key;
	(void)stat;
	(void)err;
	return 0;
}

/* One of each operation. */
static int
scenario(struct store *st, struct buf *b, struct err *err)
{
	struct store_stat stat;
	uint64_t room;
	unsigned n;
	bool any;

	if (st->ops->open(st, err) || st->ops->room(st, &room, err) ||
	    store_put_bytes(st, "a", "12345678", 8, err) ||
	    st->ops->stat(st, "a", &stat, err) ||
	    store_get_bytes(st, "a", b, err) ||
	    st->ops->list(st, "", true, ignore, NULL, err) ||
	    st->ops->unfinished(st, "", &any, err) ||
	    st->ops->sweep(st, "", 0, &n, err))
		return -1;
	return st->ops->remove(st, "a", err);
}

static void
every_operation_fails_once(void **state)
{
	long n = 0;

	(void)state;
	for (bool hit = true; hit; n += hit) {
		struct store_fault plan = { .at = n, .code = ERR_TRANSIENT };
		AUTO(store) struct store *st = broken(&plan);
		AUTO(buf) struct buf b = { .max = 100 };
		struct err err = { 0 };
		int rc = scenario(st, &b, &err);

		hit = atomic_load(&plan.hits) > 0;
		assert_int_equal(rc, hit ? -1 : 0);
		if (hit)
			assert_non_null(strstr(err.msg, "injected"));
	}
	assert_int_equal(n, 11); /* put counts three times */
}

static void
a_lost_answer_comes_behind_the_deed(void **state)
{
	struct store_fault plan = {
		.at = 2, .kind = FAULT_LATE, .code = ERR_TRANSIENT
	};
	AUTO(store) struct store *st = broken(&plan);
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(store_put_bytes(st, "a", "12345678", 8, &err), -1);
	assert_int_equal(err.code, ERR_TRANSIENT);
	assert_int_equal(store_get_bytes(st, "a", &b, &err), 0);
	assert_string_equal(b.data, "12345678");
}

static void
bytes_are_lost_or_changed_silently(void **state)
{
	static const char *const want[] = {
		[FAULT_SHORT] = "1234", [FAULT_CORRUPT] = "12344678"
	};

	(void)state;
	for (int kind = FAULT_SHORT; kind <= FAULT_CORRUPT; kind++)
		for (int at = 1; at <= 3; at += 2) {
			struct store_fault plan = { .at = at,
				.kind = (enum fault_kind)kind };
			AUTO(store) struct store *st = broken(&plan);
			AUTO(buf) struct buf b = { .max = 100 };
			struct err err = { 0 };

			assert_int_equal(store_put_bytes(st, "a", "12345678", 8,
			                     &err),
			    0);
			assert_int_equal(store_get_bytes(st, "a", &b, &err), 0);
			assert_string_equal(b.data, want[kind]);
		}
}

static void
everything_fails_from_there_on(void **state)
{
	struct store_fault plan = { .at = 1, .code = ERR_IO, .from = true };
	AUTO(store) struct store *st = broken(&plan);
	struct err err = { 0 };
	uint64_t room;

	(void)state;
	assert_int_equal(st->ops->room(st, &room, &err), 0);
	assert_int_equal(st->ops->room(st, &room, &err), -1);
	assert_int_equal(st->ops->room(st, &room, &err), -1);
}

static void
long_keys_are_refused(void **state)
{
	char key[STORE_KEY_MAX + 2];
	struct err err = { 0 };

	(void)state;
	memset(key, 'a', sizeof key);
	for (size_t i = STORE_PART_MAX; i < sizeof key; i += STORE_PART_MAX + 1)
		key[i] = '/';
	key[STORE_KEY_MAX] = '\0';
	assert_int_equal(store_check_key(key, &err), 0);
	key[STORE_KEY_MAX] = 'a';
	key[STORE_KEY_MAX + 1] = '\0';
	assert_int_equal(store_check_key(key, &err), -1);
	memset(key, 'a', STORE_PART_MAX + 1);
	key[STORE_PART_MAX] = '\0';
	assert_int_equal(store_check_key(key, &err), 0);
	key[STORE_PART_MAX] = 'a';
	key[STORE_PART_MAX + 1] = '\0';
	assert_int_equal(store_check_key(key, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
}

static void
get_bytes_keeps_to_the_buffers_limit(void **state)
{
	AUTO(store) struct store *st = NULL;
	AUTO(buf) struct buf b = { .max = 5 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(store_mem_new(&st, &err), 0);
	assert_int_equal(store_put_bytes(st, "a", "123", 3, &err), 0);
	assert_int_equal(store_get_bytes(st, "a", &b, &err), 0);
	assert_int_equal(store_get_bytes(st, "a", &b, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(b.data, "123");
}

int
main(void)
{
	static struct store_suite suite = {
		.fresh = fresh, .big = 1 << 20, .many = 100
	};
	struct CMUnitTest tests[STORE_SUITE_TESTS + 6] = {
		[STORE_SUITE_TESTS] =
		    cmocka_unit_test(every_operation_fails_once),
		cmocka_unit_test(a_lost_answer_comes_behind_the_deed),
		cmocka_unit_test(bytes_are_lost_or_changed_silently),
		cmocka_unit_test(everything_fails_from_there_on),
		cmocka_unit_test(long_keys_are_refused),
		cmocka_unit_test(get_bytes_keeps_to_the_buffers_limit),
	};

	store_suite_tests(&suite, tests);
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
