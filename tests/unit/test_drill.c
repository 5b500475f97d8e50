#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/faketool.h"
#include "../lib/repo_kit.h"
#include "../lib/sqlite_kit.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/drill.h"
#include "repo/inventory.h"
#include "repo/notes.h"
#include "repo/pack.h"

/* A set of a database of ML Metadata and a bucket, whose sources are gone. */
struct bench {
	struct kit kit;
	struct config config;
	struct config_component component[2];
	struct plan_job job[2];
	struct plan plan;
	struct manifest *m;
	char dir[KIT_PATH], id[LAYOUT_ID_SIZE];
	struct drill_options o;
	struct drill_result r;
};

static const char mlmd[] =
    "CREATE TABLE MLMDEnv(schema_version INTEGER PRIMARY KEY);"
    "INSERT INTO MLMDEnv VALUES (10);"
    "CREATE TABLE Artifact(id INTEGER PRIMARY KEY, type_id INT, uri TEXT);"
    "CREATE TABLE ArtifactProperty(artifact_id INT, name TEXT, "
    "string_value TEXT);"
    "INSERT INTO Artifact(uri) VALUES ('s3://pipe/key'), ('s3://pipe/gone');";

static void
save_database(struct bench *b, struct set *set)
{
	char path[KIT_PATH];
	struct manifest_component *c;
	struct err err = { 0 };
	uint8_t *bytes;
	size_t len;

	kit_make(kit_path(path, b->dir, "db"), (struct kit_db){ .rows = 2 });
	kit_sql(path, mlmd);
	bytes = kit_read(path, &len);
	assert_int_equal(set_component(set, "mlmd", "sqlite", &c, &err), 0);
	assert_int_equal(kit_file(set, c, "mlmd.sqlite", SET_ZSTD, bytes, len,
	                     NULL, &err),
	    0);
	assert_int_equal(str_dup("{\"tables\":{\"a\":2,\"b\":2,\"MLMDEnv\":1,"
	                         "\"Artifact\":2,\"ArtifactProperty\":0}}",
	                     &c->facts, &err),
	    0);
	c->objects = 1;
	free(bytes);
	assert_int_equal(unlink(path), 0);
}

static void
save_bucket(struct set *set)
{
	AUTO(pack_writer) struct pack_writer *w = NULL;
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	AUTO(buf) struct buf line = { .max = 4096 };
	struct manifest_component *c;
	_Atomic unsigned number = 0;
	char path[LAYOUT_KEY_SIZE];
	struct err err = { 0 };

	assert_int_equal(set_component(set, "bucket", "bucket", &c, &err), 0);
	assert_int_equal(pack_writer_new(set, c, &number, &w, &err), 0);
	assert_int_equal(sha256_of("value", 5, e.sha256, &err), 0);
	assert_int_equal(pack_add(w, "value", 5, e.sha256, path, &e.offset,
	                     &err),
	    0);
	assert_int_equal(pack_writer_end(w, &err), 0);
	e.object.size = 5;
	e.packed = true;
	assert_int_equal(str_dup(path, &e.file, &err), 0);
	assert_int_equal(str_dup("key", &e.object.key, &err), 0);
	assert_int_equal(inventory_encode(&e, &line, &err), 0);
	assert_int_equal(kit_file(set, c, "bucket.inventory.jsonl", SET_ZSTD,
	                     line.data, line.len, NULL, &err),
	    0);
	c->objects = 1;
}

static void
save(struct bench *b, uint64_t found)
{
	AUTO(set) struct set *set = NULL;
	struct err err = { 0 };

	assert_int_equal(kit_begin(&b->kit, &set, &err), 0);
	save_database(b, set);
	save_bucket(set);
	set_references(set)->checked = true;
	set_references(set)->found = found;
	set_references(set)->dangling = 1;
	memcpy(b->id, set_id(set), sizeof b->id);
	assert_int_equal(set_commit(set, &err), 0);
	manifest_free(b->m);
	b->m = NULL;
	assert_int_equal(repo_manifest(b->kit.repo, b->id, &b->m, &err), 0);
	b->o.manifest = b->m;
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct err err = { 0 };

	*state = b;
	if (!b || kit_open(&b->kit, &err))
		return -1;
	kit_dir(b->dir);
	b->component[0] = (struct config_component){ .name = "bucket",
		.type = CONFIG_BUCKET,
		.bucket = { .s3 = { .endpoint = "http://127.0.0.1:9",
		                .bucket = "pipe",
		                .access_key = "a",
		                .secret_key = "s" } } };
	b->component[1] = (struct config_component){ .name = "mlmd",
		.type = CONFIG_SQLITE,
		.sqlite = { .path = "/nowhere/at/all" } };
	b->job[0].component = &b->component[0];
	b->job[1].component = &b->component[1];
	b->plan = (struct plan){ b->job, 2 };
	b->config = (struct config){ .components = b->component,
		.ncomponents = 2,
		.scratch = b->dir,
		.limits = { .transfers = 2, .memory = 64 << 20 } };
	b->o = (struct drill_options){ .repo = b->kit.repo,
		.config = &b->config,
		.plan = &b->plan,
		.tool = "test",
		.by = "unit/0",
		.clock = clock_real() };
	save(b, 1);
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	drill_result_done(&b->r);
	manifest_free(b->m);
	kit_done(&b->kit);
	kit_remove(b->dir);
	free(b);
	return 0;
}

static void
drill(struct bench *b)
{
	struct err err = { 0 };

	drill_result_done(&b->r);
	if (drill_run(&b->o, &b->r, &err))
		fail_msg("%s", err.msg);
}

static void
is_noted(struct bench *b, enum note_kind kind, const char *words)
{
	AUTO(notes) struct notes n = { 0 };
	AUTO(buf) struct buf text = { .max = 4096 };
	struct err err = { 0 };

	assert_int_equal(notes_list(b->kit.repo, b->m->folder, &n, &err), 0);
	assert_int_equal(n.count, 1);
	assert_int_equal(n.note[0].kind, kind);
	assert_int_equal(notes_details(b->kit.repo, &n.note[0], &text, &err),
	    0);
	assert_non_null(strstr(text.data, words));
}

static void
a_set_is_proved_without_its_sources(void **state)
{
	struct bench *b = *state;

	drill(b);
	assert_true(b->r.ok);
	assert_int_equal(b->r.count, 2);
	assert_string_equal(b->r.part[0].name, "mlmd");
	assert_string_equal(b->r.part[0].words,
	    "integrity_check says ok, 5 tables with 7 rows as they were saved");
	assert_string_equal(b->r.part[1].words,
	    "1 objects (5 B) as their inventory says");
	assert_int_equal(b->r.references, DRILL_OK);
	assert_string_equal(b->r.references_words,
	    "1 found in the buckets, 1 when it was saved");
	is_noted(b, NOTE_DRILLED, "integrity_check says ok");
	assert_int_equal(kit_count(b->dir), 0);
}

static void
an_encrypted_set_needs_an_identity(void **state)
{
	struct bench *b = *state;
	AUTO(notes) struct notes n = { 0 };
	struct err err = { 0 };

	b->m->recipients = calloc(1, sizeof *b->m->recipients);
	assert_non_null(b->m->recipients);
	assert_int_equal(str_dup("age1x", &b->m->recipients[0], &err), 0);
	b->m->nrecipients = 1;
	assert_int_equal(drill_run(&b->o, &b->r, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_int_equal(notes_list(b->kit.repo, NULL, &n, &err), 0);
	assert_int_equal(n.count, 0);
}

static void
references_that_are_not_found_any_more_fail(void **state)
{
	struct bench *b = *state;

	save(b, 2);
	drill(b);
	assert_false(b->r.ok);
	assert_int_equal(b->r.references, DRILL_FAILED);
	assert_int_equal(b->r.part[0].status, DRILL_OK);
	is_noted(b, NOTE_DRILL_FAILED, "2 when it was saved");
}

static void
each_damaged_component_is_named(void **state)
{
	static const char *const files[] = { "mlmd.sqlite.zst",
		"pack-000001.tar.zst", "bucket.inventory.jsonl.zst" };
	struct bench *b = *state;

	for (size_t i = 0; i < 3; i++) {
		size_t hurt = i > 0;

		b->kit.flip_key = files[i];
		b->kit.flip_at = 30;
		b->kit.flip = 1;
		drill(b);
		assert_false(b->r.ok);
		assert_int_equal(b->r.part[hurt].status, DRILL_FAILED);
		assert_non_null(strstr(b->r.part[hurt].words, files[i]));
		assert_int_equal(b->r.part[!hurt].status, DRILL_OK);
		assert_int_equal(kit_count(b->dir), 0);
	}
}

static void
objects_that_are_not_in_the_inventory_are_missed(void **state)
{
	struct bench *b = *state;

	b->m->component[1].objects = 2;
	drill(b);
	assert_int_equal(b->r.part[1].status, DRILL_FAILED);
	assert_string_equal(b->r.part[1].words, "1 objects came, 2 were saved");
}

static void
what_is_not_configured_is_skipped_and_said(void **state)
{
	struct bench *b = *state;

	b->plan.count = 1; /* the bucket alone */
	drill(b);
	assert_true(b->r.ok);
	assert_int_equal(b->r.part[0].status, DRILL_SKIPPED);
	assert_string_equal(b->r.part[0].words, "it is not configured here");
	assert_int_equal(b->r.references, DRILL_SKIPPED);
}

static void
what_failed_or_is_of_another_type_is_skipped_and_said(void **state)
{
	struct bench *b = *state;

	b->m->component[0].status = MANIFEST_FAILED;
	drill(b);
	assert_int_equal(b->r.part[0].status, DRILL_SKIPPED);
	assert_string_equal(b->r.part[0].words, "it failed in this set");
	assert_int_equal(b->r.part[1].status, DRILL_OK);
	b->m->component[0].status = MANIFEST_OK;
	b->component[0].type = CONFIG_SQLITE; /* the bucket */
	drill(b);
	assert_int_equal(b->r.part[0].status, DRILL_OK);
	assert_int_equal(b->r.part[1].status, DRILL_SKIPPED);
	assert_string_equal(b->r.part[1].words,
	    "it is of another type in the configuration");
	b->component[0].type = CONFIG_BUCKET;
}

static void
a_drill_of_nothing_is_none(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	b->plan.count = 0;
	assert_int_equal(drill_run(&b->o, &b->r, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
}

/* A scratch server of which nobody may drop a database. */
static const char client[] =
    "here=${0%/*}/loaded\n"
    "case $* in *--version*) echo 'mariadb  Ver 15 MariaDB'; exit;;\n"
    "*--database=*) : >\"$here\"; exit;; esac\n"
    "case $(tail -n 1 \"${0%/*}/calls\") in\n"
    "*VERSION*) printf '10.11.9-MariaDB\\thost\\t1\\t1\\t0\\n' ;;\n"
    "*gtid_current_pos*) printf '0-1-7\\nSlaves_running\\t0\\n' ;;\n"
    "*USER_PRIVILEGES*) printf '1\\t1\\n' ;;\n"
    "*DROP*) rm -f \"$here\"; echo 'ERROR 1044 (42000): no' >&2; exit 1 ;;\n"
    "*SCHEMATA*) [ ! -f \"$here\" ] || "
    "printf 'D\\tutf8mb4\\tutf8mb4_bin\\n"
    "T\\tt\\tBASE TABLE\\tInnoDB\\tYES\\t3\\t100\\n' ;;\n"
    "esac\n";

static const char dump[] = "INSERT INTO t;\n-- Dump completed\n";

static void
save_dump(struct bench *b)
{
	AUTO(set) struct set *set = NULL;
	struct manifest_component *c;
	struct err err = { 0 };

	assert_int_equal(kit_begin(&b->kit, &set, &err), 0);
	assert_int_equal(set_component(set, "db", "mysql", &c, &err), 0);
	assert_int_equal(kit_file(set, c, "db.sql", SET_ZSTD, dump,
	                     sizeof dump - 1, NULL, &err),
	    0);
	assert_int_equal(str_dup("{\"tables\":1}", &c->facts, &err), 0);
	memcpy(b->id, set_id(set), sizeof b->id);
	assert_int_equal(set_commit(set, &err), 0);
	manifest_free(b->m);
	b->m = NULL;
	assert_int_equal(repo_manifest(b->kit.repo, b->id, &b->m, &err), 0);
	b->o.manifest = b->m;
}

static void
hear(void *ctx, enum log_level level, const char *line)
{
	struct buf *heard = ctx;
	struct err err = { 0 };

	if (level == LOG_WARNING)
		assert_int_equal(buf_puts(heard, line, &err), 0);
}

static void
what_a_drill_leaves_behind_is_said(void **state)
{
	struct bench *b = *state;
	struct buf heard = { .max = 4096 };

	b->component[0] = (struct config_component){ .name = "db",
		.type = CONFIG_MYSQL,
		.database = { .primary = "nowhere:1", .database = "ml" },
		.drill = { .primary = "scratch:1", .username = "d" } };
	b->plan.count = 1;
	save_dump(b);
	faketool_setup();
	faketool_add("mariadb", client);
	faketool_add("mariadb-dump",
	    "case $* in *--version*) echo 'mariadb-dump MariaDB';; esac");
	log_to(hear, &heard, LOG_WARNING);
	drill(b);
	log_to(NULL, NULL, LOG_ERROR);
	/* the set is what it should be all the same */
	assert_true(b->r.ok);
	assert_non_null(strstr(b->r.part[0].words, "loads into 'scratch:1'"));
	assert_non_null(strstr(heard.data,
	    "was made for the drill and cannot be dropped: "));
	buf_done(&heard);
	assert_int_equal(kit_count(b->dir), 0);
	faketool_teardown();
}

/* A repository that does not answer says nothing about the set. */
static void
every_operation_may_fail(void **state)
{
	struct bench *b = *state;
	int errors = 0;

	for (long n = 0;; n++) {
		struct err err = { 0 };
		int rc;

		kit_reset(&b->kit);
		b->kit.fail_at = n;
		b->kit.fail_code = ERR_TRANSIENT;
		drill_result_done(&b->r);
		rc = drill_run(&b->o, &b->r, &err);
		assert_int_equal(kit_count(b->dir), 0);
		if (b->kit.ops <= n)
			break;
		if (rc)
			errors++;
		else
			assert_true(b->r.ok); /* only its note failed */
	}
	assert_true(errors > 4);
}

static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	long n;

	b->kit.fail_key = ".json"; /* a note more each time would be no end */
	for (n = 0;; n++) {
		struct err err = { 0 };
		int rc;

		drill_result_done(&b->r);
		failalloc_at(n);
		rc = drill_run(&b->o, &b->r, &err);
		failalloc_at(-1);
		assert_int_equal(kit_count(b->dir), 0);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(n > 20);
	assert_true(b->r.ok);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_set_is_proved_without_its_sources),
		TEST(an_encrypted_set_needs_an_identity),
		TEST(references_that_are_not_found_any_more_fail),
		TEST(each_damaged_component_is_named),
		TEST(objects_that_are_not_in_the_inventory_are_missed),
		TEST(what_is_not_configured_is_skipped_and_said),
		TEST(what_failed_or_is_of_another_type_is_skipped_and_said),
		TEST(a_drill_of_nothing_is_none),
		TEST(what_a_drill_leaves_behind_is_said),
		TEST(every_operation_may_fail),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("drill", tests, NULL, NULL);
}
