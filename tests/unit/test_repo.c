#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/repo_kit.h"
#include "../lib/sample.h"
#include "../lib/sink_spy.h"
#include "base/buf.h"
#include "repo/notes.h"

enum { TEXT_MAX = 1 << 20 };

/* A committed set made by hand. */
static void
put_set(struct kit *k, const char *id, const char *folder,
    enum manifest_status status)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	struct manifest_component c = { .status = status };
	char key[LAYOUT_KEY_SIZE];
	struct err err = { 0 };

	m = calloc(1, sizeof *m);
	assert_non_null(m);
	m->id = strdup(id);
	m->folder = strdup(folder);
	m->name = strdup("kubeflow");
	m->tool = strdup("platform-backup 9");
	m->by = strdup("host");
	c.name = strdup("mlmd");
	c.type = strdup("sqlite");
	m->component = malloc(sizeof c);
	m->component[0] = c;
	m->ncomponents = 1;
	assert_int_equal(manifest_encode(m, &b, &err), 0);
	assert_int_equal(layout_key(folder, LAYOUT_MANIFEST, key, &err), 0);
	kit_text(k, key, b.data);
}

static void
repository_is_made_only_when_told_to(void **state)
{
	struct kit *k = *state;
	struct err err = { 0 };

	assert_int_equal(k->inner->ops->remove(k->inner, LAYOUT_REPOSITORY,
	                     &err),
	    0);
	repo_free(k->repo);
	k->repo = NULL;
	assert_int_equal(repo_open(&k->store, false, &k->repo, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_non_null(strstr(err.msg, "the folder '/srv/backups'"));
	assert_int_equal(repo_open(&k->store, true, &k->repo, &err), 0);
	repo_free(k->repo);
	assert_int_equal(repo_open(&k->store, false, &k->repo, &err), 0);
}

static void
repository_is_made_once(void **state)
{
	struct kit *k = *state;
	AUTO(buf) struct buf a = { .max = TEXT_MAX };
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	struct err err = { 0 };

	assert_int_equal(store_get_bytes(k->inner, LAYOUT_REPOSITORY, &a, &err),
	    0);
	repo_free(k->repo);
	assert_int_equal(repo_open(&k->store, true, &k->repo, &err), 0);
	assert_int_equal(store_get_bytes(k->inner, LAYOUT_REPOSITORY, &b, &err),
	    0);
	assert_string_equal(a.data, b.data);
	assert_memory_equal(a.data, "{\n  \"format\": 1,\n  \"id\": \"", 26);
}

/* Between the look and the making, somebody else made it. */
static void
other_maker(struct kit *k, const char *key)
{
	k->on_put = NULL;
	kit_text(k, key, "{\"format\":1,\"id\":\"other\"}");
}

static void
two_makers_of_a_repository_agree(void **state)
{
	struct kit *k = *state;
	struct err err = { 0 };

	assert_int_equal(k->inner->ops->remove(k->inner, LAYOUT_REPOSITORY,
	                     &err),
	    0);
	repo_free(k->repo);
	k->on_put = other_maker;
	assert_int_equal(repo_open(&k->store, true, &k->repo, &err), 0);
}

static void
record_that_is_damaged_or_newer_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
	} bad[] = {
		{ "", ERR_CORRUPT },
		{ "{\"format\":1", ERR_CORRUPT },
		{ "{\"format\":0}", ERR_CORRUPT },
		{ "{\"format\":\"1\"}", ERR_CORRUPT },
		{ "{\"format\":2}", ERR_USAGE },
	};
	struct kit *k = *state;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = { 0 };

		repo_free(k->repo);
		k->repo = NULL;
		assert_int_equal(k->inner->ops->remove(k->inner,
		                     LAYOUT_REPOSITORY, &err),
		    0);
		kit_text(k, LAYOUT_REPOSITORY, bad[i].text);
		assert_int_equal(repo_open(&k->store, true, &k->repo, &err),
		    -1);
		assert_int_equal(err.code, bad[i].code);
		assert_non_null(strstr(err.msg, LAYOUT_REPOSITORY));
	}
}

static void
sets_are_listed_oldest_first_and_strangers_left_out(void **state)
{
	struct kit *k = *state;
	AUTO(repo_sets) struct repo_sets s = { 0 };
	struct err err = { 0 };

	put_set(k, SAMPLE_ID, SAMPLE_FOLDER, MANIFEST_OK);
	kit_text(k, "sets/" SAMPLE_EARLIER "/open.json", "{}");
	kit_text(k, "sets/lost+found/x", "");
	kit_text(k, "sets/2026-11-20T16:28:00Z-0123abcd.old/x", "");
	kit_text(k, "sets/README", "");
	kit_text(k, "notes/x.json", "{}");
	assert_int_equal(repo_list(k->repo, &s, &err), 0);
	assert_int_equal(s.count, 2);
	assert_string_equal(s.set[0].folder, SAMPLE_EARLIER);
	assert_false(s.set[0].committed);
	assert_true(s.set[0].running);
	assert_string_equal(s.set[1].id, SAMPLE_ID);
	assert_true(s.set[1].committed);
	assert_false(s.set[1].running);
}

static void
set_without_manifest_is_running_until_it_is_silent_for_long(void **state)
{
	struct kit *k = *state;
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(repo_sets) struct repo_sets young = { 0 };
	AUTO(repo_sets) struct repo_sets old = { 0 };
	struct err err = { 0 };

	kit_text(k, "sets/" SAMPLE_FOLDER "/open.json", "{}");
	k->late = REPO_DEAD_S - 5;
	assert_int_equal(repo_list(k->repo, &young, &err), 0);
	assert_true(young.set[0].running);
	assert_int_equal(repo_manifest(k->repo, SAMPLE_ID, &m, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_non_null(strstr(err.msg, "still in progress"));
	k->late = REPO_DEAD_S;
	assert_int_equal(repo_list(k->repo, &old, &err), 0);
	assert_false(old.set[0].running);
	assert_int_equal(repo_manifest(k->repo, SAMPLE_ID, &m, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_non_null(strstr(err.msg, "has failed"));
}

static void
id_that_is_none_or_not_there_is_told_apart(void **state)
{
	struct kit *k = *state;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	assert_int_equal(repo_manifest(k->repo, "latest", &m, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_int_equal(repo_manifest(k->repo, SAMPLE_ID, &m, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_string_equal(err.msg, "there is no backup '" SAMPLE_ID "'");
	assert_int_equal(repo_manifest(k->repo, SAMPLE_FOLDER, &m, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
}

static void
two_finished_sets_of_one_id_are_told_apart_by_folder(void **state)
{
	struct kit *k = *state;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	put_set(k, SAMPLE_ID, SAMPLE_FOLDER, MANIFEST_OK);
	kit_text(k, "sets/" SAMPLE_ID "-11111111/open.json", "{}");
	assert_int_equal(repo_manifest(k->repo, SAMPLE_ID, &m, &err), 0);
	assert_string_equal(m->folder, SAMPLE_FOLDER);
	manifest_free(TAKE(m));
	put_set(k, SAMPLE_ID, SAMPLE_ID "-22222222", MANIFEST_OK);
	assert_int_equal(repo_manifest(k->repo, SAMPLE_ID, &m, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_string_equal(err.msg,
	    "there are two backups '" SAMPLE_ID "': say '" SAMPLE_FOLDER
	    "' or '" SAMPLE_ID "-22222222'");
	assert_int_equal(repo_manifest(k->repo, SAMPLE_ID "-22222222", &m,
	                     &err),
	    0);
	assert_string_equal(m->folder, SAMPLE_ID "-22222222");
}

static void
manifest_of_another_folder_is_refused(void **state)
{
	struct kit *k = *state;
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	put_set(k, SAMPLE_ID, SAMPLE_FOLDER, MANIFEST_OK);
	assert_int_equal(store_get_bytes(k->inner,
	                     "sets/" SAMPLE_FOLDER "/manifest.json", &b, &err),
	    0);
	kit_text(k, "sets/" SAMPLE_EARLIER "/manifest.json", b.data);
	assert_int_equal(repo_manifest(k->repo, SAMPLE_EARLIER, &m, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg, "sets/" SAMPLE_EARLIER "/manifest"));
}

static void
manifest_text_is_verified_and_unchanged(void **state)
{
	struct kit *k = *state;
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	AUTO(buf) struct buf want = { .max = TEXT_MAX };
	struct err err = { 0 };

	put_set(k, SAMPLE_ID, SAMPLE_FOLDER, MANIFEST_OK);
	assert_int_equal(store_get_bytes(k->inner,
	                     "sets/" SAMPLE_FOLDER "/manifest.json", &want,
	                     &err),
	    0);
	assert_int_equal(repo_manifest_text(k->repo, SAMPLE_ID, &b, &err), 0);
	assert_string_equal(b.data, want.data);
	buf_clear(&b);
	k->flip_key = "manifest.json";
	k->flip_at = 40;
	k->flip = 1;
	assert_int_equal(repo_manifest_text(k->repo, SAMPLE_ID, &b, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg,
	    "'sets/" SAMPLE_FOLDER "/manifest.json'"));
	assert_int_equal(b.len, 0);
}

static void
latest_is_the_newest_without_a_failed_component(void **state)
{
	struct kit *k = *state;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	assert_int_equal(repo_latest(k->repo, NULL, 0, &m, &err), 0);
	assert_null(m);
	put_set(k, "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z-00000000",
	    MANIFEST_OK);
	put_set(k, "2026-11-02T00:00:00Z", "2026-11-02T00:00:00Z-00000000",
	    MANIFEST_DEGRADED);
	put_set(k, "2026-11-03T00:00:00Z", "2026-11-03T00:00:00Z-00000000",
	    MANIFEST_FAILED);
	kit_text(k, "sets/2026-11-04T00:00:00Z-00000000/manifest.json", "{}");
	kit_text(k, "sets/2026-11-05T00:00:00Z-00000000/open.json", "{}");
	assert_int_equal(repo_latest(k->repo, NULL, 0, &m, &err), 0);
	assert_string_equal(m->id, "2026-11-02T00:00:00Z");
}

static void
latest_does_not_pass_over_what_a_retry_would_read(void **state)
{
	struct kit *k = *state;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	put_set(k, SAMPLE_ID, SAMPLE_FOLDER, MANIFEST_OK);
	put_set(k, "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z-00000000",
	    MANIFEST_OK);
	kit_reset(k);
	k->fail_code = ERR_TRANSIENT;
	atomic_store(&k->fail_at, 2); /* list, stat, get */
	assert_int_equal(repo_latest(k->repo, NULL, 0, &m, &err), -1);
	assert_true(err_is(&err, ERR_TRANSIENT));
	assert_null(m);
}

/* The sink of a file that is not right is never finished. */
static int
read_into_spy(struct kit *k, const struct manifest_file *f, bool *finished,
    struct buf *got, struct err *err)
{
	struct sink_spy spy = { .got = { .max = TEXT_MAX } };
	AUTO(sink) struct sink *s = NULL;
	int rc;

	assert_int_equal(sink_spy_new(&spy, &s, err), 0);
	rc = repo_read(k->repo, f, s, err);
	*finished = spy.finishes > 0;
	*got = spy.got;
	return rc;
}

static const char path_zstd[] = "sets/" SAMPLE_FOLDER "/mlmd.sqlite.zst";

static void
put_zstd(struct kit *k, const char *text, struct manifest_file *f)
{
	AUTO(sink) struct sink *s = NULL;
	struct sink *mem;
	struct err err = { 0 };
	const char *data;
	size_t n;

	assert_int_equal(sink_mem_new(TEXT_MAX, &mem, &err), 0);
	assert_int_equal(sink_zstd_new(mem, 3, &s, &err), 0);
	assert_int_equal(sink_write(s, text, strlen(text), &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	data = sink_mem_data(mem, &n);
	assert_int_equal(store_put_bytes(k->inner, path_zstd, data, n, &err),
	    0);
	f->path = strdup(path_zstd);
	f->size = n;
	assert_int_equal(sha256_of(data, n, f->sha256, &err), 0);
}

#define OLD "2026-11-19T16:28:00Z"
#define NEW "2026-11-20T16:28:00Z"

static void
mark(struct kit *k, const char *folder, enum note_kind kind)
{
	struct err err = { 0 };

	assert_int_equal(notes_add(k->repo,
	                     &(struct note_new){ .folder = folder,
	                         .kind = kind,
	                         .by = "t",
	                         .tool = "t" },
	                     &err),
	    0);
}

static void
latest_passes_over_what_is_marked(void **state)
{
	struct kit *k = *state;
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	put_set(k, OLD, OLD "-00000001", MANIFEST_OK);
	put_set(k, NEW, NEW "-00000002", MANIFEST_OK);
	mark(k, NEW "-00000002", NOTE_DELETED);
	assert_int_equal(repo_latest(k->repo, NULL, 0, &m, &err), 0);
	assert_string_equal(m->id, OLD);
	manifest_free(TAKE(m));
	mark(k, OLD "-00000001", NOTE_DELETED);
	assert_int_equal(repo_latest(k->repo, NULL, 0, &m, &err), 0);
	assert_null(m);
	/* by its id it can still be read */
	assert_int_equal(repo_manifest(k->repo, NEW, &m, &err), 0);
	manifest_free(TAKE(m));
	mark(k, NEW "-00000002", NOTE_HELD);
	assert_int_equal(repo_latest(k->repo, NULL, 0, &m, &err), 0);
	assert_string_equal(m->id, NEW);
}

static void
what_is_left_of_a_deleted_set_is_no_run(void **state)
{
	struct kit *k = *state;
	AUTO(repo_sets) struct repo_sets s = { 0 };
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	kit_text(k, "sets/" NEW "-00000002/a.sqlite.zst", "x");
	assert_int_equal(repo_list(k->repo, &s, &err), 0);
	assert_true(s.set[0].running);
	assert_false(s.set[0].deleted);
	repo_sets_done(&s);
	mark(k, NEW "-00000002", NOTE_DELETED);
	assert_int_equal(repo_list(k->repo, &s, &err), 0);
	assert_int_equal(s.count, 1);
	assert_true(s.set[0].deleted);
	assert_false(s.set[0].running);
	assert_false(s.set[0].committed);
	assert_int_equal(repo_manifest(k->repo, NEW, &m, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_non_null(strstr(err.msg, "was deleted"));
}

static void
any_damage_of_a_file_is_seen_and_named(void **state)
{
	struct kit *k = *state;
	struct manifest_file f = { 0 };
	struct err err = { 0 };
	struct buf got = { 0 };
	bool finished;

	put_zstd(k, "CREATE TABLE Artifact (id INTEGER); -- again and again",
	    &f);
	assert_int_equal(read_into_spy(k, &f, &finished, &got, &err), 0);
	assert_true(finished);
	assert_string_equal(got.data,
	    "CREATE TABLE Artifact (id INTEGER); -- again and again");
	buf_done(&got);
	k->flip_key = ".zst";
	for (size_t i = 0; i < 8 * f.size; i++) {
		k->flip_at = i / 8;
		k->flip = (uint8_t)(1 << i % 8);
		err = (struct err){ 0 };
		assert_int_equal(read_into_spy(k, &f, &finished, &got, &err),
		    -1);
		assert_true(err_is(&err, ERR_CORRUPT));
		assert_non_null(strstr(err.msg, path_zstd));
		assert_false(finished);
		buf_done(&got);
		assert_int_equal(repo_verify(k->repo, &f, &err), -1);
		assert_true(err_is(&err, ERR_CORRUPT));
	}
	k->flip_key = NULL;
	assert_int_equal(repo_verify(k->repo, &f, &err), 0);
	free(f.path);
}

static void
file_of_another_length_is_seen(void **state)
{
	struct kit *k = *state;
	struct manifest_file f = { 0 };
	struct err err = { 0 };

	put_zstd(k, "text", &f);
	assert_int_equal(repo_stat(k->repo, &f, &err), 0);
	f.size++;
	assert_int_equal(repo_stat(k->repo, &f, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_int_equal(repo_verify(k->repo, &f, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	f.size -= 2;
	assert_int_equal(repo_verify(k->repo, &f, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_int_equal(k->inner->ops->remove(k->inner, path_zstd, &err), 0);
	assert_int_equal(repo_stat(k->repo, &f, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	assert_non_null(strstr(err.msg, path_zstd));
	assert_int_equal(repo_verify(k->repo, &f, &err), -1);
	assert_true(err_is(&err, ERR_NOTFOUND));
	free(f.path);
}

static void
only_what_dead_runs_left_is_swept(void **state)
{
	struct kit *k = *state;
	unsigned n = 99;
	struct err err = { 0 };

	k->unfinished = true;
	put_set(k, "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z-00000000",
	    MANIFEST_OK);
	kit_text(k, "sets/2026-11-05T00:00:00Z-00000000/open.json", "{}");
	assert_int_equal(repo_sweep(k->repo, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(k->count[KIT_SWEEP], 0);
	k->late = REPO_DEAD_S;
	k->unfinished = false;
	assert_int_equal(repo_sweep(k->repo, &n, &err), 0);
	assert_int_equal(n, 0); /* the store says that there is nothing */
	k->unfinished = true;
	assert_int_equal(repo_sweep(k->repo, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(k->count[KIT_SWEEP], 1);
}

static int
look_at_everything(struct kit *k, struct err *err)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(manifest) struct manifest *latest = NULL;
	AUTO(repo) struct repo *again = NULL;
	unsigned n;

	if (repo_open(&k->store, true, &again, err) ||
	    repo_list(k->repo, &s, err) ||
	    repo_manifest(k->repo, SAMPLE_ID, &m, err) ||
	    repo_latest(k->repo, NULL, 0, &latest, err) ||
	    repo_sweep(k->repo, &n, err))
		return -1;
	assert_int_equal(s.count, 2);
	assert_string_equal(m->folder, SAMPLE_FOLDER);
	assert_string_equal(latest->folder, SAMPLE_FOLDER);
	return 0;
}

static void
every_operation_of_the_store_may_fail(void **state)
{
	struct kit *k = *state;
	long n = 0, most;

	put_set(k, SAMPLE_ID, SAMPLE_FOLDER, MANIFEST_OK);
	kit_text(k, "sets/" SAMPLE_EARLIER "/open.json", "{}");
	k->late = REPO_DEAD_S;
	do {
		struct err err = { 0 };

		kit_reset(k);
		atomic_store(&k->fail_at, n);
		if (look_at_everything(k, &err)) {
			assert_true(err_is(&err, ERR_IO));
			assert_non_null(strstr(err.msg, "injected failure"));
		}
		most = atomic_load(&k->ops);
	} while (n++ < most);
	assert_true(n > 12);
}

static void
every_allocation_may_fail(void **state)
{
	struct kit *k = *state;
	long n = 0;
	bool hit = true;

	put_set(k, SAMPLE_ID, SAMPLE_FOLDER, MANIFEST_OK);
	kit_text(k, "sets/" SAMPLE_EARLIER "/open.json", "{}");
	k->late = REPO_DEAD_S;
	for (; hit; n++) {
		struct err err = { 0 };

		failalloc_at(n);
		if (look_at_everything(k, &err))
			assert_true(err_is(&err, ERR_NOMEM));
		hit = failalloc_count() > n;
	}
	failalloc_at(-1);
	assert_true(n > 100);
}

#define WITH_KIT(test) \
	cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KIT(repository_is_made_only_when_told_to),
		WITH_KIT(repository_is_made_once),
		WITH_KIT(two_makers_of_a_repository_agree),
		WITH_KIT(record_that_is_damaged_or_newer_is_refused),
		WITH_KIT(sets_are_listed_oldest_first_and_strangers_left_out),
		WITH_KIT(
		    set_without_manifest_is_running_until_it_is_silent_for_long),
		WITH_KIT(id_that_is_none_or_not_there_is_told_apart),
		WITH_KIT(two_finished_sets_of_one_id_are_told_apart_by_folder),
		WITH_KIT(manifest_of_another_folder_is_refused),
		WITH_KIT(manifest_text_is_verified_and_unchanged),
		WITH_KIT(latest_is_the_newest_without_a_failed_component),
		WITH_KIT(latest_does_not_pass_over_what_a_retry_would_read),
		WITH_KIT(latest_passes_over_what_is_marked),
		WITH_KIT(what_is_left_of_a_deleted_set_is_no_run),
		WITH_KIT(any_damage_of_a_file_is_seen_and_named),
		WITH_KIT(file_of_another_length_is_seen),
		WITH_KIT(only_what_dead_runs_left_is_swept),
		WITH_KIT(every_operation_of_the_store_may_fail),
		WITH_KIT(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("repo", tests, NULL, NULL);
}
