/*
 * test_workers.c - workers and the join, of a set that has no bucket: who waits
 * for whom, what is said, and each operation of the store failing once.
 */
#include "engine/workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/age_kit.h"
#include "../lib/share_kit.h"
#include "../lib/sqlite_kit.h"
#include "../lib/store_fault.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/yaml.h"
#include "config/config.h"
#include "engine/join.h"
#include "repo/share_files.h"

enum { MOST = 500 };

struct bench {
	char dir[KIT_PATH], db[KIT_PATH];
	struct config *config;
	struct plan plan;
	struct store_fault fault;
	struct clock clock; /* moves when somebody sleeps */
	int64_t ms;
	unsigned slept;
	struct repo *repo;
	void (*on_sleep)(struct bench *); /* what another does meanwhile */
};

static int64_t
mono(void *ctx)
{
	return ((struct bench *)ctx)->ms;
}

static int64_t
now_ms(void *ctx)
{
	(void)ctx;
	return clock_now_ms(clock_real());
}

static void
sleep_ms(void *ctx, unsigned ms)
{
	struct bench *b = ctx;
	void (*then)(struct bench *) = b->on_sleep;

	b->ms += ms;
	b->slept++;
	b->on_sleep = NULL;
	if (then)
		then(b);
}

static void
read_config(struct bench *b, const char *component)
{
	char text[3 * KIT_PATH];
	struct tree *tree = NULL;
	struct err err = { 0 };
	const struct plan_choice all = { 0 };

	(void)snprintf(text, sizeof text,
	    "scratch: %s\n"
	    "repository: {path: /nowhere}\n"
	    "components: [%s]\n",
	    b->dir, component);
	assert_int_equal(yaml_parse(text, strlen(text), "f", &tree, &err), 0);
	if (config_decode(tree, &b->config, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(plan_backup(b->config, &all, &b->plan, &err), 0);
}

static void
open_repo(struct bench *b)
{
	struct store *st = NULL;
	struct err err = { 0 };

	repo_free(TAKE(b->repo));
	b->fault = (struct store_fault){ .at = -1 };
	assert_int_equal(store_mem_new(&st, &err), 0);
	assert_int_equal(store_fault_new(st, &b->fault, &st, &err), 0);
	assert_int_equal(repo_open(st, true, &b->repo, &err), 0);
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	const struct kit_db db = { .page_size = 1024, .rows = 20, .pad = 400 };
	char component[KIT_PATH + 64];

	*state = b;
	if (!b)
		return -1;
	b->clock = (struct clock){ now_ms, mono, sleep_ms, b };
	kit_dir(b->dir);
	kit_path(b->db, b->dir, "a.db");
	kit_make(b->db, db);
	(void)snprintf(component, sizeof component,
	    "{name: db, type: sqlite, path: %s}", b->db);
	read_config(b, component);
	open_repo(b);
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	repo_free(b->repo);
	plan_done(&b->plan);
	config_free(b->config);
	kit_remove(b->dir);
	free(b);
	return 0;
}

static struct backup_options
backup_options(struct bench *b)
{
	return (struct backup_options){ .repo = b->repo,
		.config = b->config,
		.plan = &b->plan,
		.tool = "test",
		.by = "unit/0",
		.clock = &b->clock };
}

/* Worker i of n, who waits so long. */
static int
save(struct bench *b, unsigned i, unsigned n, uint64_t wait_s,
    struct workers_result *ret, struct err *err)
{
	const struct backup_options backup = backup_options(b);
	const struct workers_options o = { .backup = &backup,
		.run = "run",
		.worker = i,
		.workers = n,
		.wait_s = wait_s };

	return workers_save(&o, ret, err);
}

static int
join(struct bench *b, unsigned n, uint64_t wait_s, struct manifest **ret,
    struct err *err)
{
	const struct backup_options backup = backup_options(b);
	const struct workers_options o = {
		.backup = &backup, .run = "run", .workers = n, .wait_s = wait_s
	};

	return join_run(&o, ret, err);
}

static void
saves(struct bench *b, unsigned i, unsigned n, bool was_there)
{
	AUTO(workers_result) struct workers_result r = { 0 };
	struct err err = { 0 };

	if (save(b, i, n, 0, &r, &err))
		fail_msg("%s", err.msg);
	assert_non_null(r.share);
	assert_int_equal(r.share->worker, i);
	assert_int_equal(r.was_there, was_there);
}

static void
shares_of_all_are_joined(void **state)
{
	struct bench *b = *state;
	AUTO(manifest) struct manifest *m = NULL, *again = NULL;
	AUTO(workers_result) struct workers_result r = { 0 };
	struct err err = { 0 };

	saves(b, 0, 3, false);
	saves(b, 2, 3, false);
	saves(b, 1, 3, false);
	saves(b, 2, 3, true);
	saves(b, 0, 3, true);
	assert_int_equal(join(b, 3, 0, &m, &err), 0);
	assert_string_equal(manifest_status(m), "finished");
	assert_int_equal(m->ncomponents, 1);
	assert_true(m->component[0].bytes > 0);
	/* once more it is the same, and there is nothing to do */
	assert_int_equal(join(b, 3, 0, &again, &err), 0);
	assert_string_equal(m->folder, again->folder);
	assert_int_equal(save(b, 1, 3, 0, &r, &err), 0);
	assert_null(r.share);
	assert_string_equal(r.id, m->id);
}

static void
join_refuses_while_shares_are_missing(void **state)
{
	struct bench *b = *state;
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(repo_sets) struct repo_sets sets = { 0 };
	struct err err = { 0 };

	assert_int_equal(join(b, 4, 0, &m, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg, "worker 0 has not begun it"));
	saves(b, 0, 4, false);
	saves(b, 2, 4, false);
	assert_int_equal(join(b, 4, 0, &m, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg, "2 of 4 workers"));
	assert_non_null(strstr(err.msg, "share: 1, 3;"));
	assert_int_equal(repo_list(b->repo, &sets, &err), 0);
	assert_int_equal(sets.count, 1);
	assert_false(sets.set[0].committed);
	assert_true(sets.set[0].running);
	saves(b, 1, 4, false);
	saves(b, 3, 4, false);
	assert_int_equal(join(b, 4, 0, &m, &err), 0);
}

static void
late_worker(struct bench *b)
{
	saves(b, 1, 2, false);
}

static void
join_may_wait_for_shares(void **state)
{
	struct bench *b = *state;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	saves(b, 0, 2, false);
	b->on_sleep = late_worker;
	assert_int_equal(join(b, 2, 60, &m, &err), 0);
	assert_true(b->slept >= 1);
}

static void
worker_zero(struct bench *b)
{
	saves(b, 0, 2, false);
}

static void
workers_wait_for_the_plan_as_long_as_they_are_told(void **state)
{
	struct bench *b = *state;
	AUTO(workers_result) struct workers_result r = { 0 };
	struct err err = { 0 };

	assert_int_equal(save(b, 1, 2, 100, &r, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg, "is worker 0 running"));
	assert_in_range(b->ms, 100000, 111000);
	b->on_sleep = worker_zero;
	assert_int_equal(save(b, 1, 2, 100, &r, &err), 0);
	assert_non_null(r.share);
}

static void
workers_that_do_not_fit_the_plan_are_refused(void **state)
{
	struct bench *b = *state;
	AUTO(workers_result) struct workers_result r = { 0 };
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	saves(b, 0, 2, false);
	assert_int_equal(save(b, 1, 3, 0, &r, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "for 2 workers, not 3"));
	assert_int_equal(join(b, 3, 0, &m, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
}

/* What one can read the others can: the recipients are the same for all. */
static void
workers_that_encrypt_to_others_are_refused(void **state)
{
	static const char *const first[] = { AGE_KIT_RECIPIENT, NULL };
	static const char *const both[] = { AGE_KIT_RECIPIENT, AGE_KIT_OTHER,
		NULL };
	struct age_keys keys = age_kit_keys(first, AGE_KIT_OTHER_IDENTITY);
	struct bench *b = *state;
	AUTO(workers_result) struct workers_result r = { 0 };
	struct err err = { 0 };

	repo_set_keys(b->repo, &keys);
	saves(b, 0, 2, false);
	keys = age_kit_keys(both, AGE_KIT_OTHER_IDENTITY);
	assert_int_equal(save(b, 1, 2, 0, &r, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg,
	    "does not encrypt to the same 'recipients'"));
	/* nor is the plan found by one that does not encrypt */
	repo_set_keys(b->repo, NULL);
	assert_int_equal(save(b, 1, 2, 0, &r, &err), -1);
}

/* What worker 0 begins; with a plan or without. */
static void
begin(struct bench *b, const char *run, unsigned workers, bool planned,
    char folder[LAYOUT_FOLDER_SIZE])
{
	const struct set_options o = {
		.name = "n", .tool = "t", .by = "b", .clock = &b->clock
	};
	AUTO(share_plan) struct share_plan *p = NULL;
	struct set *set = NULL;
	struct err err = { 0 };

	assert_int_equal(set_begin(b->repo, &o, &set, &err), 0);
	memcpy(folder, set_folder(set), LAYOUT_FOLDER_SIZE);
	assert_int_equal(share_files_begin(set, run, workers, &err), 0);
	if (planned) {
		assert_int_equal(share_kit_plan(&p, &err), 0);
		assert_int_equal(share_files_put_plan(b->repo, p,
		                     set_manifest(set), &err),
		    0);
	}
	set_leave(set);
}

static void
a_silent_worker_zero_is_told_from_none(void **state)
{
	struct bench *b = *state;
	AUTO(workers_result) struct workers_result r = { 0 };
	char folder[LAYOUT_FOLDER_SIZE];
	struct err err = { 0 };

	begin(b, "run", 2, false, folder);
	assert_int_equal(save(b, 1, 2, 0, &r, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg, "has no plan, and worker 0 has been "
	                                "silent for 0 s"));
}

static void
put_plan(struct bench *b)
{
	saves(b, 0, 2, false);
}

/* It may take as long as its databases need. */
static void
a_worker_zero_that_is_alive_is_waited_for(void **state)
{
	struct bench *b = *state;
	AUTO(workers_result) struct workers_result r = { 0 };
	char folder[LAYOUT_FOLDER_SIZE];
	struct err err = { 0 };

	begin(b, "run", 2, false, folder);
	b->on_sleep = put_plan;
	if (save(b, 1, 2, 100, &r, &err))
		fail_msg("%s", err.msg);
	assert_non_null(r.share);
	assert_true(b->slept >= 1);
}

static void
put_share(struct bench *b, const char *folder, unsigned worker)
{
	AUTO(share) struct share *s = NULL;
	char name[LAYOUT_SHARE_SIZE];
	struct err err = { 0 };

	assert_int_equal(share_kit_share(worker, &s, &err), 0);
	free(TAKE(s->manifest->folder));
	assert_int_equal(str_dup(folder, &s->manifest->folder, &err), 0);
	memcpy(s->manifest->id, folder, LAYOUT_ID_SIZE - 1);
	manifest_files_forget(s->manifest);
	(void)snprintf(name, sizeof name, "%05u-%08x", worker % 1000, 7U);
	assert_int_equal(share_files_put(b->repo, name, s, s->manifest, &err),
	    0);
}

/* Each left an object out; the list of references is missing. */
static void
what_parts_of_a_bucket_lack_the_whole_lacks(void **state)
{
	struct bench *b = *state;
	struct backup_options backup;
	const struct workers_options o = {
		.backup = &backup, .run = "nightly-1", .workers = 3
	};
	AUTO(manifest) struct manifest *m = NULL;
	char folder[LAYOUT_FOLDER_SIZE];
	const struct manifest_component *c;
	struct err err = { 0 };

	plan_done(&b->plan);
	config_free(TAKE(b->config));
	read_config(b, "{name: mlpipeline, type: bucket, bucket: bbb, "
	               "endpoint: 'http://127.0.0.1:9', "
	               "access-key: a, secret-key: s}");
	backup = backup_options(b);
	begin(b, "nightly-1", 3, true, folder);
	for (unsigned i = 0; i < 3; i++)
		put_share(b, folder, i);
	if (join_run(&o, &m, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(m->ncomponents, 1);
	c = &m->component[0];
	assert_int_equal(c->status, MANIFEST_DEGRADED);
	assert_string_equal(c->message, "1 object could not be read");
	assert_int_equal(c->nunread, 3);
	assert_string_equal(c->unread[2], "secret/key");
	assert_int_equal(c->objects, 36);
	assert_false(m->references.checked);
}

/* Whatever fails, a later try of the same goes on, and the set is whole. */
static void
try_again(struct bench *b)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(workers_result) struct workers_result r = { 0 };
	struct err err = { 0 };

	b->fault.at = -1;
	for (unsigned i = 0; i < 2; i++) {
		workers_result_done(&r);
		if (save(b, i, 2, 0, &r, &err))
			fail_msg("%s", err.msg);
	}
	if (join(b, 2, 0, &m, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(manifest_status(m), "finished");
}

/* step 0, 1: a worker; 2: the join. */
static int
step(struct bench *b, int i, struct err *err)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(workers_result) struct workers_result r = { 0 };

	if (i < 2)
		return save(b, (unsigned)i, 2, 0, &r, err);
	if (join(b, 2, 0, &m, err))
		return -1;
	/* as create has it: a component that failed is in the set as such */
	return strcmp(manifest_status(m), "finished") == 0 ? 0 : 1;
}

static void
fail_once(struct bench *b, int at, struct store_fault fault, long *hits)
{
	struct err err = { 0 };
	int rc;

	open_repo(b);
	for (int i = 0; i < at; i++)
		assert_int_equal(step(b, i, &err), 0);
	b->fault.kind = fault.kind;
	b->fault.code = fault.code;
	b->fault.seen = 0;
	b->fault.at = fault.at;
	rc = step(b, at, &err);
	*hits = atomic_load(&b->fault.hits);
	assert_true(rc == 0 || *hits > 0);
	assert_true(rc >= 0 || err.msg[0] != '\0');
	/* what worker 0 could not save has failed in the set for good */
	if (at > 0 || rc)
		try_again(b);
}

static void
each_operation_of_the_store_may_fail(void **state)
{
	static const enum fault_kind kinds[] = { FAULT_FAIL, FAULT_LATE };
	static const enum err_code codes[] = { ERR_TRANSIENT, ERR_IO,
		ERR_DENIED, ERR_NOROOM };
	struct bench *b = *state;

	for (int at = 0; at < 3; at++)
		for (size_t k = 0; k < 2; k++) {
			long n = 0, hits;

			do {
				fail_once(b, at,
				    (struct store_fault){ .at = n,
				        .kind = kinds[k],
				        .code = codes[n % 4] },
				    &hits);
			} while (hits > 0 && ++n < MOST);
			assert_in_range(n, 5, MOST - 1);
		}
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(shares_of_all_are_joined),
		WITH_BENCH(join_refuses_while_shares_are_missing),
		WITH_BENCH(join_may_wait_for_shares),
		WITH_BENCH(workers_wait_for_the_plan_as_long_as_they_are_told),
		WITH_BENCH(workers_that_do_not_fit_the_plan_are_refused),
		WITH_BENCH(workers_that_encrypt_to_others_are_refused),
		WITH_BENCH(a_silent_worker_zero_is_told_from_none),
		WITH_BENCH(a_worker_zero_that_is_alive_is_waited_for),
		WITH_BENCH(what_parts_of_a_bucket_lack_the_whole_lacks),
		WITH_BENCH(each_operation_of_the_store_may_fail),
	};

	return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
