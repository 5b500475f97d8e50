#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/sample.h"
#include "base/str.h"
#include "repo/guide.h"

enum { TEXT_MAX = 1 << 20 };

static const char where[] = "bucket 'b' at https://s3.example.com, path 'p'";

static void
write_sample(struct buf *out)
{
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	assert_int_equal(sample_manifest(&m, &err), 0);
	assert_int_equal(guide_write(m, where, "RESTORE.md", out, &err), 0);
}

static const char *
find(const struct buf *b, const char *text)
{
	const char *at = strstr(b->data, text);

	if (!at)
		fail_msg("'%s' is not in the guide", text);
	return at;
}

static void
says_which_set_it_is_and_where(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };

	(void)state;
	write_sample(&b);
	(void)find(&b, "# Restoring backup " SAMPLE_ID " by hand\n");
	(void)find(&b, "`platform-backup restore " SAMPLE_ID "`");
	(void)find(&b, "\n* platform: kubeflow\n");
	(void)find(&b, "\n* label: before \"1.9\"\n");
	(void)find(&b, "\n* repository: bucket 'b' at https://s3.example.com, "
	               "path 'p'\n");
	(void)find(&b, ", incomplete\n");
	(void)find(&b, "Not in this set:\n\n* Kubernetes objects\n");
	(void)find(&b, "\nset=sets/" SAMPLE_FOLDER "\n");
	(void)find(&b, "head -n -2 manifest.json | sha256sum");
}

static void
names_files_and_hashes_of_this_very_set(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };

	(void)state;
	write_sample(&b);
	(void)find(&b,
	    "echo 'acacacacacacacacacacacacacacacacacacacacacacacacacacacacacac"
	    "acac  sets/" SAMPLE_FOLDER "/mlmd.sqlite.zst' |\n"
	    "    sha256sum -c --quiet\n"
	    "zstd -dc sets/" SAMPLE_FOLDER
	    "/mlmd.sqlite.zst > \"$out/mlmd.sqlite\"\n"
	    "test \"$(sqlite3 \"$out/mlmd.sqlite\" 'pragma integrity_check')\""
	    " = ok\n");
	(void)find(&b,
	    "zstd -dc sets/" SAMPLE_FOLDER
	    "/mlpipeline.inventory.jsonl.zst > \"$out/mlpipeline.jsonl\"\n");
	(void)find(&b, "upload mlpipeline \"$bucket\"\n");
	(void)find(&b,
	    "Needs files of an earlier set, `sets/" SAMPLE_EARLIER "/`: 1.");
}

static void
what_refers_comes_behind_what_it_refers_to(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };

	(void)state;
	write_sample(&b);
	assert_true(find(&b, "### Uploading") < find(&b, "### mlpipeline"));
	assert_true(find(&b, "### mlpipeline (bucket): degraded\n\n1 object") <
	            find(&b, "### mlmd (sqlite): ok"));
	(void)find(&b, "### kfp-db (mysql): failed\n\nno replica\n\n"
	               "Nothing can be restored of it.\n");
}

/* Else whoever can name a platform could write a command of the script. */
static void
words_of_others_cannot_become_a_block(void **state)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(buf) struct buf plain = { .max = TEXT_MAX };
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	size_t want = 0, got = 0;
	const char *at;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sample_manifest(&m, &err), 0);
	assert_int_equal(guide_write(m, where, "RESTORE.md", &plain, &err), 0);
	free(m->label);
	free(m->missing[0]);
	free(m->component[1].message);
	m->label = strdup("x\n```sh\nrm -rf /\n```\n");
	m->missing[0] = strdup("\r\n```sh\rrm -rf /");
	m->component[1].message = strdup("```sh\nrm -rf /\n<script>|");
	assert_int_equal(guide_write(m, "\n```sh\nrm -rf /", "RESTORE.md", &b,
	                     &err),
	    0);
	for (at = plain.data; (at = strstr(at, "```")); at += 3)
		want++;
	for (at = b.data; (at = strstr(at, "```")); at += 3)
		got++;
	assert_int_equal(got, want);
	assert_null(strstr(b.data, "\nrm"));
	assert_null(strstr(b.data, "<script>"));
	(void)find(&b, "* label: x '''sh rm -rf / ''' \n");
}

static void
set_without_buckets_needs_no_upload(void **state)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sample_manifest(&m, &err), 0);
	manifest_files_done(&m->component[1].files);
	manifest_files_done(&m->component[1].needs);
	assert_int_equal(guide_write(m, where, "RESTORE.md", &b, &err), 0);
	assert_null(strstr(b.data, "Uploading"));
	(void)find(&b, "### mlpipeline (bucket): degraded");
}

/* Several inventories of one bucket are put behind each other. */
static void
inventory_in_parts_is_put_together(void **state)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	const uint8_t digest[SHA256_SIZE] = { 1 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sample_manifest(&m, &err), 0);
	assert_int_equal(manifest_files_add(&m->component[1].files,
	                     "sets/" SAMPLE_FOLDER
	                     "/mlpipeline.inventory-00001.jsonl.zst",
	                     7, digest, &err),
	    0);
	assert_int_equal(guide_write(m, where, "RESTORE.md", &b, &err), 0);
	assert_true(find(&b, "inventory-00001.jsonl.zst > \"$out/mlpipeline") <
	            find(&b, "inventory.jsonl.zst >> \"$out/mlpipeline"));
}

static void
encrypted_files_go_through_age(void **state)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	const uint8_t digest[SHA256_SIZE] = { 1 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sample_manifest(&m, &err), 0);
	m->recipients = calloc(1, sizeof *m->recipients);
	assert_non_null(m->recipients);
	m->recipients[m->nrecipients++] = strdup("age1xyz");
	manifest_files_done(&m->component[0].files);
	manifest_files_done(&m->component[1].files);
	assert_int_equal(manifest_files_add(&m->component[0].files,
	                     "sets/" SAMPLE_FOLDER "/mlmd.sqlite.zst.age", 7,
	                     digest, &err),
	    0);
	assert_int_equal(manifest_files_add(&m->component[1].files,
	                     "sets/" SAMPLE_FOLDER
	                     "/mlpipeline.inventory.jsonl.zst.age",
	                     7, digest, &err),
	    0);
	assert_int_equal(guide_write(m, where, "RESTORE.md", &b, &err), 0);
	(void)find(&b, "is encrypted to:\n\n* age1xyz\n");
	(void)find(&b, "\tage -d -i \"$identity\" \"$1\"\n");
	(void)find(&b,
	    "plain sets/" SAMPLE_FOLDER "/mlmd.sqlite.zst.age | zstd -dc > "
	    "\"$out/mlmd.sqlite\"\n");
	(void)find(&b, "plain sets/" SAMPLE_FOLDER
	               "/mlpipeline.inventory.jsonl.zst.age | zstd -dc > "
	               "\"$out/mlpipeline.jsonl\"\n");
	(void)find(&b, "\t*.zst.age) plain \"$f\" | zstd -dc > ");
	(void)find(&b, ".facts.bucket // .name' \"$out/names.json\")");
}

static void
a_guide_that_does_not_fit_is_an_error(void **state)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(buf) struct buf whole = { .max = TEXT_MAX };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sample_manifest(&m, &err), 0);
	assert_int_equal(guide_write(m, where, "RESTORE.md", &whole, &err), 0);
	for (size_t max = 1; max < whole.len; max += 11) {
		AUTO(buf) struct buf b = { .max = max };

		assert_int_equal(guide_write(m, where, "RESTORE.md", &b, &err),
		    -1);
		assert_true(b.len <= max);
	}
}

static void
every_allocation_may_fail(void **state)
{
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };
	long n = 0;
	bool hit = true;

	(void)state;
	assert_int_equal(sample_manifest(&m, &err), 0);
	for (; hit; n++) {
		AUTO(buf) struct buf b = { .max = TEXT_MAX };

		err = (struct err){ 0 };
		failalloc_at(n);
		if (guide_write(m, where, "RESTORE.md", &b, &err))
			assert_true(err_is(&err, ERR_NOMEM));
		hit = failalloc_count() > n;
	}
	failalloc_at(-1);
	assert_true(n > 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_which_set_it_is_and_where),
		cmocka_unit_test(names_files_and_hashes_of_this_very_set),
		cmocka_unit_test(what_refers_comes_behind_what_it_refers_to),
		cmocka_unit_test(words_of_others_cannot_become_a_block),
		cmocka_unit_test(set_without_buckets_needs_no_upload),
		cmocka_unit_test(inventory_in_parts_is_put_together),
		cmocka_unit_test(encrypted_files_go_through_age),
		cmocka_unit_test(a_guide_that_does_not_fit_is_an_error),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("guide", tests, NULL, NULL);
}
