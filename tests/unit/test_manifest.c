#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/sample.h"
#include "../lib/sparse.h"
#include "base/str.h"

enum { TEXT_MAX = 64 << 20 };

static void
encode_sample(struct buf *out)
{
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	assert_int_equal(sample_manifest(&m, &err), 0);
	assert_int_equal(manifest_encode(m, out, &err), 0);
}

/* The line of the hash, made right for whatever stands before it. */
static void
seal_again(struct buf *b)
{
	uint8_t digest[SHA256_SIZE];
	char hex[SHA256_HEX], *at = strstr(b->data, "  \"manifest-sha256\"");
	struct err err = { 0 };

	assert_non_null(at);
	assert_int_equal(sha256_of(b->data, (size_t)(at - b->data), digest,
	                     &err),
	    0);
	str_hex(digest, sizeof digest, hex);
	memcpy(strstr(at, ": \"") + 3, hex, SHA256_HEX - 1);
}

static void
replace(struct buf *b, const char *from, const char *to)
{
	struct buf out = { .max = TEXT_MAX };
	struct err err = { 0 };
	char *at = strstr(b->data, from);

	assert_non_null(at);
	assert_int_equal(buf_add(&out, b->data, (size_t)(at - b->data), &err),
	    0);
	assert_int_equal(buf_puts(&out, to, &err), 0);
	assert_int_equal(buf_puts(&out, at + strlen(from), &err), 0);
	buf_done(b);
	*b = out;
	seal_again(b);
}

/* The sample with one thing changed, and an honest hash. */
static int
decode_changed(const char *from, const char *to, struct err *err)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	AUTO(manifest) struct manifest *m = NULL;

	encode_sample(&b);
	replace(&b, from, to);
	return manifest_decode(b.data, b.len, &m, err);
}

static void
what_is_written_can_be_read(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	AUTO(buf) struct buf again = { .max = TEXT_MAX };
	AUTO(manifest) struct manifest *m = NULL;
	const struct manifest_component *c;
	struct err err = { 0 };

	(void)state;
	encode_sample(&b);
	assert_int_equal(manifest_decode(b.data, b.len, &m, &err), 0);
	assert_string_equal(m->id, SAMPLE_ID);
	assert_string_equal(m->folder, SAMPLE_FOLDER);
	assert_string_equal(m->label, "before \"1.9\"");
	assert_string_equal(m->parent, "2026-11-19T16:28:00Z");
	assert_int_equal(m->started, 1795192080);
	assert_int_equal(m->finished, 1795192140);
	assert_int_equal(m->ncomponents, 3);
	assert_string_equal(manifest_status(m), "incomplete");
	c = manifest_find(m, "mlmd");
	assert_non_null(c);
	assert_string_equal(c->facts, "{\"tables\":{\"Artifact\":3}}");
	assert_true(c->seconds > 1.24 && c->seconds < 1.26);
	assert_null(c->message);
	c = manifest_find(m, "mlpipeline");
	assert_non_null(c);
	assert_int_equal(c->bytes, UINT64_C(5) << 40);
	assert_string_equal(c->unread[0], "secret/key");
	assert_non_null(manifest_file_of(c,
	    "sets/" SAMPLE_EARLIER "/mlpipeline/object-000001"));
	assert_null(manifest_files_find(&c->files,
	    "sets/" SAMPLE_EARLIER "/mlpipeline/object-000001"));
	assert_int_equal(m->files.count, 1);
	assert_string_equal(m->missing[0], "Kubernetes objects");
	assert_true(m->references.checked);
	assert_int_equal(m->references.unknown, 3);
	assert_string_equal(m->references.lost_uris[0], "s3://b/lost");
	assert_null(manifest_find(m, "mlm"));
	assert_int_equal(manifest_encode(m, &again, &err), 0);
	assert_string_equal(again.data, b.data);
}

static void
last_line_is_the_hash_of_all_before_it(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	uint8_t digest[SHA256_SIZE];
	char hex[SHA256_HEX], want[128];
	struct err err = { 0 };
	size_t lines = 0, at;

	(void)state;
	encode_sample(&b);
	/* as `head -n -2` does it */
	for (at = b.len; lines < 3; at--)
		lines += b.data[at - 1] == '\n';
	at++;
	assert_int_equal(sha256_of(b.data, at, digest, &err), 0);
	str_hex(digest, sizeof digest, hex);
	(void)snprintf(want, sizeof want, "  \"manifest-sha256\": \"%s\"\n}\n",
	    hex);
	assert_string_equal(b.data + at, want);
	assert_memory_equal(b.data, "{\n  \"format\": 1,\n  \"backup-id\"", 30);
}

static void
encoding_appends_and_takes_back_what_it_could_not_finish(void **state)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(buf) struct buf b = { .max = 100 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sample_manifest(&m, &err), 0);
	assert_int_equal(buf_puts(&b, "before", &err), 0);
	assert_int_equal(manifest_encode(m, &b, &err), -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_string_equal(b.data, "before");
	assert_int_equal(b.len, 6);
}

/* Every bit of the file, and every length that is too short. */
static void
any_damage_is_seen(void **state)
{
	AUTO(buf) struct buf b = { .max = TEXT_MAX };

	(void)state;
	encode_sample(&b);
	for (size_t i = 0; i < b.len; i = (size_t)sparse_next((long)i))
		for (int bit = 0; bit < 8; bit++) {
			struct manifest *m = NULL;
			struct err err = { 0 };

			b.data[i] = (char)(b.data[i] ^ 1 << bit);
			assert_int_equal(manifest_decode(b.data, b.len, &m,
			                     &err),
			    -1);
			assert_true(err_is(&err, ERR_CORRUPT));
			assert_null(m);
			b.data[i] = (char)(b.data[i] ^ 1 << bit);
		}
	for (size_t n = 0; n < b.len; n++) {
		struct manifest *m = NULL;
		struct err err = { 0 };

		assert_int_equal(manifest_decode(b.data, n, &m, &err), -1);
		assert_true(err_is(&err, ERR_CORRUPT));
	}
}

static void
newer_format_says_which_program_can_read_it(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(decode_changed("\"format\": 1", "\"format\": 2", &err),
	    -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_string_equal(err.msg,
	    "format 2 is newer than this program; use platform-backup 0.1.0 "
	    "or newer");
}

static void
member_that_is_not_known_is_passed_over(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(decode_changed("\"label\"", "\"colour\"", &err), 0);
	assert_int_equal(decode_changed("  \"format\": 1,",
	                     "  \"x\": [1, {}],\n  \"format\": 1,", &err),
	    0);
}

static void
what_cannot_be_is_refused_though_its_hash_is_right(void **state)
{
	static const struct {
		const char *from, *to;
	} bad[] = {
		{ "\"format\": 1", "\"format\": 0" },
		{ "\"format\": 1", "\"format\": \"1\"" },
		{ "\"backup-id\": \"2026", "\"backup-id\": \"2027" },
		{ "\"folder\": \"2026", "\"folder\": \"../6" },
		{ "\"folder\"", "\"folders\"" },
		{ "\"name\": \"kubeflow\"", "\"name\": 5" },
		{ "\"label\": \"before \\\"1.9\\\"\"", "\"label\": []" },
		{ "\"parent\": \"2026", "\"parent\": \"x026" },
		{ "\"started\": \"2026", "\"started\": \"2O26" },
		{ "\"components\": [", "\"components\": [ 7," },
		{ "\"components\": [", "\"components\": 7, \"x\": [" },
		{ "\"name\": \"mlmd\"", "\"name\": \"ml/md\"" },
		{ "\"name\": \"mlmd\"", "\"name\": \"mlpipeline\"" },
		{ "\"type\": \"sqlite\"", "\"type\": \"needs\"" },
		{ "\"status\": \"ok\"", "\"status\": \"fine\"" },
		{ "\"message\": \"1 obj", "\"message\": 1, \"x\": \"1 obj" },
		{ "\"seconds\": 1.250", "\"seconds\": \"1\"" },
		{ "\"seconds\": 1.250", "\"seconds\": true" },
		{ "\"objects\": 1", "\"objects\": -1" },
		{ "\"bytes\": 8192", "\"bytes\": 8192.5" },
		{ "\"stored-bytes\"", "\"stored_bytes\"" },
		{ "\"secret/key\"", "{}" },
		{ "\"sqlite\": {\"tables\":{\"Artifact\":3}}",
		    "\"sqlite\": 3" },
		{ "mlmd.sqlite.zst\"", "../../etc/passwd\"" },
		{ "mlmd.sqlite.zst\"", "mlmd.sqlite.zst/\"" },
		{ "mlpipeline.inventory.jsonl.zst",
		    "mlpipeline/pack-000001.tar.zst" },
		{ "\"size\":700", "\"size\":\"700\"" },
		{ "\"size\":700", "\"Size\":700" },
		{ "\"sha256\":\"ac", "\"sha256\":\"c" },
		{ "\"sha256\":\"ac", "\"sha256\":\"xc" },
		{ "\"path\":\"sets/" SAMPLE_EARLIER,
		    "\"path\":\"sets/" SAMPLE_FOLDER },
		{ "\"path\":\"sets/" SAMPLE_FOLDER "/mlmd",
		    "\"path\":\"sets/" SAMPLE_EARLIER "/mlmd" },
		{ "\"references\": {", "\"references\": [], \"x\": {" },
		{ "\"found\": 9", "\"found\": \"9\"" },
		{ "\"dangling-uris\": [", "\"dangling-uris\": [{}," },
		{ "\"lost-uris\"", "\"lost\"" },
		{ "\"not-in-set\": [", "\"not-in-set\": [[]," },
		{ "\"not-in-set\"", "\"in-set\"" },
		{ "\"not-in-set\": [", "\"not-in-set\": \"x\", \"y\": [" },
		{ "\"name\"", "\"encryption\": {}, \"name\"" },
		{ "\"name\"",
		    "\"encryption\": {\"format\": \"age\"}, \"name\"" },
		{ "\"name\"", "\"encryption\": {\"format\": \"age\", "
		              "\"recipients\": []}, \"name\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = { 0 };

		if (decode_changed(bad[i].from, bad[i].to, &err) == 0)
			fail_msg("'%s' was taken", bad[i].to);
		if (!err_is(&err, ERR_CORRUPT))
			fail_msg("'%s': %s", bad[i].to, err.msg);
	}
}

static void
what_is_encrypted_in_a_newer_way_says_so(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(decode_changed("\"name\"",
	                     "\"encryption\": {\"format\": \"pgp\"}, \"name\"",
	                     &err),
	    -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_non_null(strstr(err.msg, "encrypted as 'pgp', which is newer"));
}

static void
one_that_is_too_long_is_not_looked_at(void **state)
{
	struct manifest *m = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(manifest_decode("{", (size_t)MANIFEST_MAX + 1, &m,
	                     &err),
	    -1);
	assert_true(err_is(&err, ERR_CORRUPT));
	assert_non_null(strstr(err.msg, "longer than the limit of"));
	assert_null(m);
}

static void
status_is_finished_only_if_all_is_well(void **state)
{
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sample_manifest(&m, &err), 0);
	assert_string_equal(manifest_status(m), "incomplete");
	m->component[2].status = MANIFEST_OK;
	assert_string_equal(manifest_status(m), "incomplete");
	m->component[1].status = MANIFEST_OK;
	assert_string_equal(manifest_status(m), "finished");
}

static void
type_is_no_member_of_a_component(void **state)
{
	(void)state;
	assert_true(manifest_is_type("sqlite"));
	assert_false(manifest_is_type("files"));
	assert_false(manifest_is_type("needs"));
	assert_false(manifest_is_type("name"));
	assert_false(manifest_is_type("SQL"));
	assert_false(manifest_is_type(""));
}

static void
hundred_thousand_files_are_no_burden(void **state)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(manifest) struct manifest *again = NULL;
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	const uint8_t digest[SHA256_SIZE] = { 1 };
	const unsigned total = sparse_not() ? 100003 : 10007;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sample_manifest(&m, &err), 0);
	for (unsigned i = 0; i < total; i++) {
		char path[128];

		(void)snprintf(path, sizeof path,
		    "sets/" SAMPLE_FOLDER "/mlpipeline/object-%06u",
		    (unsigned)((uint64_t)i * 7919 % total));
		assert_int_equal(manifest_files_add(&m->component[1].files,
		                     path, i, digest, &err),
		    0);
	}
	assert_int_equal(manifest_encode(m, &b, &err), 0);
	assert_int_equal(manifest_decode(b.data, b.len, &again, &err), 0);
	assert_int_equal(again->component[1].files.count, total + 2);
	assert_int_equal(again->component[1].files.sorted, total + 2);
}

static void
every_allocation_may_fail(void **state)
{
	AUTO(buf) struct buf want = { .max = TEXT_MAX };
	long n = 0;
	bool done = false;

	(void)state;
	encode_sample(&want);
	for (; !done; n = sparse_next(n)) {
		AUTO(buf) struct buf b = { .max = TEXT_MAX };
		struct manifest *from = NULL, *to = NULL;
		struct err err = { 0 };

		failalloc_at(n);
		done = sample_manifest(&from, &err) == 0 &&
		       manifest_encode(from, &b, &err) == 0 &&
		       manifest_decode(b.data, b.len, &to, &err) == 0;
		failalloc_at(-1);
		if (done)
			assert_string_equal(b.data, want.data);
		else
			assert_true(err_is(&err, ERR_NOMEM));
		manifest_free(from);
		manifest_free(to);
	}
	assert_true(n > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_can_be_read),
		cmocka_unit_test(last_line_is_the_hash_of_all_before_it),
		cmocka_unit_test(
		    encoding_appends_and_takes_back_what_it_could_not_finish),
		cmocka_unit_test(any_damage_is_seen),
		cmocka_unit_test(newer_format_says_which_program_can_read_it),
		cmocka_unit_test(member_that_is_not_known_is_passed_over),
		cmocka_unit_test(
		    what_cannot_be_is_refused_though_its_hash_is_right),
		cmocka_unit_test(what_is_encrypted_in_a_newer_way_says_so),
		cmocka_unit_test(one_that_is_too_long_is_not_looked_at),
		cmocka_unit_test(status_is_finished_only_if_all_is_well),
		cmocka_unit_test(type_is_no_member_of_a_component),
		cmocka_unit_test(hundred_thousand_files_are_no_burden),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
