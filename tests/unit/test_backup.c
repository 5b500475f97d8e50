/*
 * A whole backup and a whole restore of a database, in which each operation of
 * the store goes wrong once, in each way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/sqlite_kit.h"
#include "../lib/store_fault.h"
#include "base/clock.h"
#include "base/yaml.h"
#include "config/config.h"
#include "engine/backup.h"
#include "engine/restore.h"

enum { MOST = 500 }; /* operations of a run: far less */

struct bench {
	char dir[KIT_PATH], db[KIT_PATH];
	struct config *config;
	struct plan plan;
	struct store_fault fault;
	struct clock clock; /* the machine's, but nobody waits */
	struct repo *repo;
	struct manifest *saved;
};

static void
no_sleep(void *ctx, unsigned ms)
{
	(void)ctx;
	(void)ms;
}

static void
read_config(struct bench *b)
{
	char text[3 * KIT_PATH];
	struct tree *tree = NULL;
	struct err err = { 0 };
	const struct plan_choice all = { 0 };

	(void)snprintf(text, sizeof text,
	    "scratch: %s\n"
	    "repository: {path: /nowhere}\n"
	    "components: [{name: db, type: sqlite, path: %s}]\n",
	    b->dir, b->db);
	assert_int_equal(yaml_parse(text, strlen(text), "f", &tree, &err), 0);
	assert_int_equal(config_decode(tree, &b->config, &err), 0);
	assert_int_equal(plan_backup(b->config, &all, &b->plan, &err), 0);
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	const struct kit_db db = { .page_size = 1024, .rows = 50, .pad = 400 };

	*state = b;
	if (!b)
		return -1;
	b->clock = *clock_real();
	b->clock.sleep_ms = no_sleep;
	kit_dir(b->dir);
	kit_path(b->db, b->dir, "a.db");
	kit_make(b->db, db);
	read_config(b);
	return 0;
}

static void
forget(struct bench *b)
{
	manifest_free(TAKE(b->saved));
	repo_free(TAKE(b->repo));
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	forget(b);
	plan_done(&b->plan);
	config_free(b->config);
	kit_remove(b->dir);
	free(b);
	return 0;
}

/* A new store in memory in which the n-th operation goes wrong. */
static int
open_repo(struct bench *b, struct store_fault fault, struct err *err)
{
	struct store *st = NULL;

	forget(b);
	b->fault = fault;
	assert_int_equal(store_mem_new(&st, err), 0);
	assert_int_equal(store_fault_new(st, &b->fault, &st, err), 0);
	return repo_open(st, true, &b->repo, err);
}

static int
backup(struct bench *b, struct err *err)
{
	const struct backup_options o = { .repo = b->repo,
		.config = b->config,
		.plan = &b->plan,
		.tool = "test",
		.by = "unit/0",
		.clock = &b->clock };

	return backup_run(&o, &b->saved, err);
}

static int
restore(struct bench *b, struct err *err)
{
	AUTO(restore_result) struct restore_result r = { 0 };
	const struct restore_options o = { .repo = b->repo,
		.config = b->config,
		.plan = &b->plan,
		.manifest = b->saved,
		.clock = &b->clock };

	return restore_run(&o, &r, err);
}

static long long
rows(const struct bench *b)
{
	assert_int_equal(kit_sum(b->db), KIT_SUM);
	return kit_number(b->db, "select count(*) from extra");
}

/* As another hand leaves it; and without the copies that restores keep. */
static void
change(const struct bench *b)
{
	char copy[KIT_PATH];

	while (kit_find(b->dir, "a.db.before", copy))
		assert_int_equal(unlink(copy), 0);
	kit_sql(b->db, "delete from extra");
}

static void
new_rows(const struct bench *b)
{
	kit_sql(b->db, "create table if not exists extra(x)");
	kit_sql(b->db, "delete from extra");
	kit_sql(b->db, "insert into extra values (1), (2), (3)");
}

/* What the repository holds now gives the database back, or says that it is
 * not finished. */
static void
check_sets(struct bench *b)
{
	AUTO(repo_sets) struct repo_sets sets = { 0 };
	struct err err = { 0 };

	b->fault.at = -1;
	assert_int_equal(repo_list(b->repo, &sets, &err), 0);
	for (size_t i = 0; i < sets.count; i++) {
		if (!sets.set[i].committed)
			continue;
		manifest_free(TAKE(b->saved));
		assert_int_equal(repo_manifest(b->repo, sets.set[i].folder,
		                     &b->saved, &err),
		    0);
		if (strcmp(manifest_status(b->saved), "finished") != 0)
			continue;
		change(b);
		assert_int_equal(restore(b, &err), 0);
		assert_int_equal(rows(b), 3);
	}
}

static void
backup_with(struct bench *b, struct store_fault fault)
{
	struct err err = { 0 };
	bool finished;

	new_rows(b);
	if (open_repo(b, fault, &err) == 0 && backup(b, &err) == 0) {
		finished = strcmp(manifest_status(b->saved), "finished") == 0;
		assert_true(finished || atomic_load(&b->fault.hits) > 0);
		b->fault.at = -1;
		change(b);
		if (finished) {
			assert_int_equal(restore(b, &err), 0);
			assert_int_equal(rows(b), 3);
		}
	} else {
		assert_true(err.msg[0] != '\0');
		assert_true(atomic_load(&b->fault.hits) > 0);
	}
	if (b->repo)
		check_sets(b);
}

static int
restore_of_type(struct bench *b, const char *type, struct err *err)
{
	char *was = b->saved->component[0].type;
	char other[16];
	int rc;

	(void)snprintf(other, sizeof other, "%s", type);
	b->saved->component[0].type = other;
	rc = restore(b, err);
	b->saved->component[0].type = was;
	return rc;
}

static void
what_is_of_another_type_now_is_not_restored(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	new_rows(b);
	assert_int_equal(open_repo(b, (struct store_fault){ .at = -1 }, &err),
	    0);
	assert_int_equal(backup(b, &err), 0);
	change(b);
	assert_int_equal(restore_of_type(b, "mysql", &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "it is of type 'mysql' in the set and "
	                                "of type 'sqlite' in the "
	                                "configuration"));
	assert_int_equal(rows(b), 0);
	assert_int_equal(restore_of_type(b, "sqlite", &err), 0);
	assert_int_equal(rows(b), 3);
}

static void
each_operation_of_the_store_may_fail_in_a_backup(void **state)
{
	static const enum fault_kind kinds[] = { FAULT_FAIL, FAULT_LATE };
	static const enum err_code codes[] = { ERR_TRANSIENT, ERR_IO,
		ERR_DENIED, ERR_NOROOM };
	struct bench *b = *state;

	for (size_t k = 0; k < 2; k++) {
		long n = 0;

		do {
			backup_with(b, (struct store_fault){ .at = n,
			                   .kind = kinds[k],
			                   .code = codes[n % 4] });
		} while (atomic_load(&b->fault.hits) > 0 && ++n < MOST);
		assert_in_range(n, 10, MOST - 1);
	}
}

static void
each_operation_of_the_store_may_fail_in_a_restore(void **state)
{
	static const enum fault_kind kinds[] = { FAULT_FAIL, FAULT_SHORT,
		FAULT_CORRUPT };
	struct bench *b = *state;
	struct err err = { 0 };
	int rc;

	new_rows(b);
	assert_int_equal(open_repo(b, (struct store_fault){ .at = -1 }, &err),
	    0);
	assert_int_equal(backup(b, &err), 0);
	for (size_t k = 0; k < 3; k++) {
		long n = 0, hits;

		do {
			change(b);
			b->fault = (struct store_fault){
				.at = n, .kind = kinds[k], .code = ERR_TRANSIENT
			};
			rc = restore(b, &err);
			hits = atomic_load(&b->fault.hits);
			assert_int_equal(rows(b), rc == 0 ? 3 : 0);
			assert_true(rc == 0 || hits > 0);
		} while (hits > 0 && ++n < MOST);
		assert_in_range(n, 1, MOST - 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_is_of_another_type_now_is_not_restored, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    each_operation_of_the_store_may_fail_in_a_backup, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    each_operation_of_the_store_may_fail_in_a_restore, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
