#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/sqlite_kit.h"
#include "base/clock.h"
#include "base/json.h"
#include "component/sqlite_copy.h"
#include "component/sqlite_proof.h"

struct world {
	char dir[KIT_PATH], file[KIT_PATH], from[16];
	struct sqlite_copy copy;
	struct err err;
};

static void
begin(struct world *w, struct kit_db k)
{
	*w = (struct world){ .from = "/data/mlmd.db" };
	kit_dir(w->dir);
	kit_make(kit_path(w->file, w->dir, "copy"), k);
	w->copy = (struct sqlite_copy){
		.from = w->from, .to = w->file, .locked_ms = 7
	};
}

static uint64_t
member(const char *facts, const char *in, const char *name)
{
	AUTO(json) struct json *j = NULL;
	struct err err = { 0 };

	assert_int_equal(json_parse(facts, strlen(facts), &j, &err), 0);
	return json_opt_u64(in ? json_opt(j, in) : j, name);
}

static void
a_whole_copy_has_facts(void **state)
{
	AUTO(sqlite_proof) struct sqlite_proof *p = NULL;
	const char *facts = NULL;
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ .rows = 12, .page_size = 1024 });
	assert_int_equal(sqlite_proof_begin(&w.copy, &p, &w.err), 0);
	assert_int_equal(sqlite_proof_end(p, &facts, &w.err), 0);
	assert_false(sqlite_proof_failed(p));
	assert_int_equal(member(facts, NULL, "page-size"), 1024);
	assert_int_equal(member(facts, NULL, "writers-locked-ms"), 7);
	assert_int_equal(member(facts, "tables", "a"), 12);
	sqlite_proof_free(TAKE(p));
	kit_remove(w.dir);
}

static void
damage(const char *file)
{
	size_t n;
	uint8_t *p = kit_read(file, &n);

	memset(p + 5 * 4096, 0xa5, 4096);
	kit_write(file, p, n);
	free(p);
}

static void
damage_is_known_before_the_end(void **state)
{
	AUTO(sqlite_proof) struct sqlite_proof *p = NULL;
	const char *facts = NULL;
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ .rows = 2000 });
	damage(w.file);
	assert_int_equal(sqlite_proof_begin(&w.copy, &p, &w.err), 0);
	while (!sqlite_proof_failed(p))
		clock_sleep_ms(clock_real(), 1);
	assert_int_equal(sqlite_proof_end(p, &facts, &w.err), -1);
	assert_true(err_is(&w.err, ERR_CORRUPT));
	assert_non_null(strstr(w.err.msg,
	    "the copy of database '/data/mlmd.db': quick_check says: "));
	assert_null(facts);
	sqlite_proof_free(TAKE(p));
	kit_remove(w.dir);
}

static void
a_copy_that_is_not_there_is_named(void **state)
{
	AUTO(sqlite_proof) struct sqlite_proof *p = NULL;
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ 0 });
	assert_int_equal(unlink(w.file), 0);
	assert_int_equal(sqlite_proof_begin(&w.copy, &p, &w.err), -1);
	assert_non_null(strstr(w.err.msg, "the copy of database '/data/mlmd"));
	assert_null(p);
	kit_remove(w.dir);
}

/* Whoever gives up does not wait for the rest: the thread is gone, and so is
 * its hold on the file, wherever it was. */
static void
one_that_nobody_waits_for_is_broken_off(void **state)
{
	struct world w;

	(void)state;
	begin(&w, (struct kit_db){ .rows = 20000, .pad = 200 });
	for (unsigned ms = 0; ms < 12; ms += 2) {
		struct sqlite_proof *p = NULL;

		assert_int_equal(sqlite_proof_begin(&w.copy, &p, &w.err), 0);
		clock_sleep_ms(clock_real(), ms);
		sqlite_proof_free(p);
		kit_sql(w.file, "PRAGMA locking_mode=EXCLUSIVE; BEGIN "
		                "EXCLUSIVE; ROLLBACK");
	}
	assert_int_equal(kit_sum(w.file), KIT_SUM);
	kit_remove(w.dir);
}

static int
prove(const struct sqlite_copy *c, struct err *err)
{
	AUTO(sqlite_proof) struct sqlite_proof *p = NULL;
	const char *facts;

	if (sqlite_proof_begin(c, &p, err))
		return -1;
	return sqlite_proof_end(p, &facts, err);
}

static void
every_allocation_may_fail(void **state)
{
	struct world w;
	long n = 0;
	int rc;

	(void)state;
	begin(&w, (struct kit_db){ .rows = 5 });
	do {
		w.err = (struct err){ 0 };
		failalloc_at(n);
		rc = prove(&w.copy, &w.err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&w.err, ERR_NOMEM));
		n += rc != 0;
	} while (rc);
	assert_true(n >= 4);
	kit_remove(w.dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_copy_has_facts),
		cmocka_unit_test(damage_is_known_before_the_end),
		cmocka_unit_test(a_copy_that_is_not_there_is_named),
		cmocka_unit_test(one_that_nobody_waits_for_is_broken_off),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sqlite_proof", tests, NULL, NULL);
}
