#include "repo/copies.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/failcall.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "repo/manifest.h"

#define ID "0123456789abcdef0123456789abcdef"

static const uint8_t one[SHA256_SIZE] = { 1 }, two[SHA256_SIZE] = { 2 };

/* A folder in which the copies' folder is made. */
struct bench {
	char top[32];
	char *folder, *inner;
	struct copies *copies;
	char said[2000];
};

static void
say(void *arg, enum log_level level, const char *text)
{
	struct bench *b = arg;
	size_t n = strlen(b->said);

	(void)level;
	(void)snprintf(b->said + n, sizeof b->said - n, "%s\n", text);
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct err err = { 0 };

	*state = b;
	memcpy(b->top, "/tmp/copies-XXXXXX", 19);
	log_to(say, b, LOG_WARNING);
	return mkdtemp(b->top) &&
	               str_printf(&b->folder, &err, "%s/state", b->top) == 0 &&
	               str_printf(&b->inner, &err, "%s/state/" ID, b->top) ==
	                   0 &&
	               copies_open(b->folder, ID, &b->copies, &err) == 0
	           ? 0
	           : -1;
}

static int
teardown(void **state)
{
	struct bench *b = *state;
	char *command = NULL;
	struct err err = { 0 };
	FILE *p;

	log_to(NULL, NULL, LOG_INFO);
	copies_free(b->copies);
	if (str_printf(&command, &err, "rm -rf %s", b->top))
		return -1;
	p = popen(command, "r");
	free(command);
	free(b->folder);
	free(b->inner);
	free(b);
	return p ? pclose(p) : -1;
}

static void
path_of(const struct bench *b, const uint8_t sha256[SHA256_SIZE],
    const char *component, char out[512])
{
	char hex[SHA256_HEX];

	str_hex(sha256, SHA256_SIZE, hex);
	(void)snprintf(out, 512, "%s/%s.%s.jsonl.zst", b->inner, hex,
	    component);
}

/* A copy of a text, as an inventory is: compressed before it comes here. */
static int
write_copy(struct bench *b, const char *component,
    const uint8_t sha256[SHA256_SIZE], struct err *err)
{
	AUTO(sink) struct sink *head = NULL;
	struct sink *copy = NULL;

	if (sink_null_new(&head, err) ||
	    copies_sink_new(b->copies, component, TAKE(head), &head, err))
		return -1;
	copy = head;
	if (sink_zstd_new(TAKE(head), 1, &head, err) ||
	    sink_write(head, "one line\n", 9, err) || sink_finish(head, err))
		return -1;
	assert_false(copies_has(b->copies, sha256, component));
	copies_keep(copy, sha256);
	return 0;
}

static void
keep(struct bench *b, const char *component, const uint8_t sha256[SHA256_SIZE])
{
	struct err err = { 0 };

	if (write_copy(b, component, sha256, &err))
		fail_msg("%s", err.msg);
}

static int
read_copy(struct bench *b, struct buf *out, struct err *err)
{
	AUTO(sink) struct sink *mem = NULL;
	const char *data;
	size_t n;
	int rc;

	if (sink_mem_new(1000, &mem, err))
		return -1;
	rc = copies_read(b->copies, one, "b", mem, err);
	data = sink_mem_data(mem, &n);
	assert_int_equal(mem->finished, rc == 0);
	if (n > 0)
		assert_int_equal(buf_add(out, data, n, err), 0);
	return rc;
}

static void
a_copy_is_read_as_it_was_written(void **state)
{
	struct bench *b = *state;
	AUTO(buf) struct buf text = { .max = 1000 };
	struct err err = { 0 };
	struct stat st;
	char path[512];

	keep(b, "b", one);
	assert_true(copies_has(b->copies, one, "b"));
	assert_false(copies_has(b->copies, two, "b"));
	assert_false(copies_has(b->copies, one, "c"));
	assert_int_equal(read_copy(b, &text, &err), 0);
	assert_string_equal(text.data, "one line\n");
	path_of(b, one, "b", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(b->inner, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_string_equal(b->said, "");
}

static void
what_was_not_kept_leaves_nothing(void **state)
{
	struct bench *b = *state;
	struct sink *s = NULL;
	struct err err = { 0 };

	assert_int_equal(sink_null_new(&s, &err), 0);
	assert_int_equal(copies_sink_new(b->copies, "b", s, &s, &err), 0);
	assert_int_equal(sink_write(s, "x", 1, &err), 0);
	assert_int_not_equal(rmdir(b->inner), 0);
	sink_free(s);
	assert_int_equal(rmdir(b->inner), 0);
}

static void
every_cut_and_flip_is_seen_or_harmless(void **state)
{
	struct bench *b = *state;
	AUTO(buf) struct buf file = { .max = 1000 };
	struct err err = { 0 };
	char path[512];

	keep(b, "b", one);
	path_of(b, one, "b", path);
	assert_int_equal(file_read(path, &file, &err), 0);
	for (size_t i = 0; i <= 8 * file.len; i++) {
		AUTO(buf) struct buf got = { .max = 1000 };
		FILE *f = fopen(path, "wb");
		bool cut = i < file.len;
		size_t n = cut ? i : file.len;

		file.data[i / 8 % file.len] ^= (char)(cut ? 0 : 1 << i % 8);
		assert_non_null(f);
		assert_int_equal(fwrite(file.data, 1, n, f), n);
		assert_int_equal(fclose(f), 0);
		file.data[i / 8 % file.len] ^= (char)(cut ? 0 : 1 << i % 8);
		if (read_copy(b, &got, &err) == 0)
			assert_string_equal(got.data, "one line\n");
		else
			assert_int_equal(err.code, ERR_CORRUPT);
		assert_true(!cut || err_is(&err, ERR_CORRUPT));
	}
}

static void
folders_that_others_can_read_are_refused(void **state)
{
	struct bench *b = *state;
	struct copies *c = NULL;
	struct err err = { 0 };

	assert_int_equal(chmod(b->inner, 0750), 0);
	assert_int_equal(copies_open(b->folder, ID, &c, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	assert_non_null(strstr(err.msg, "must be ours, of mode 0700"));
	assert_int_equal(chmod(b->inner, 0700), 0);
	assert_int_equal(chmod(b->folder, 0701), 0);
	assert_int_equal(copies_open(b->folder, ID, &c, &err), -1);
	assert_int_equal(chmod(b->folder, 0700), 0);
	/* nor one that a link leads to */
	assert_int_equal(rmdir(b->inner), 0);
	assert_int_equal(symlink("/", b->inner), 0);
	assert_int_equal(copies_open(b->folder, ID, &c, &err), -1);
	assert_int_equal(unlink(b->inner), 0);
	assert_int_equal(copies_open("/nowhere/at/all", ID, &c, &err), -1);
	assert_non_null(strstr(err.msg, "/nowhere/at/all"));
	assert_null(c);
}

/* As the end of a run does whose inventory has these segments. */
static void
retain(struct bench *b, const char *component,
    const uint8_t (*sha256)[SHA256_SIZE], size_t n)
{
	struct manifest_component c = { 0 };
	struct err err = { 0 };

	assert_int_equal(str_dup(component, &c.name, &err), 0);
	for (size_t i = 0; i < n; i++) {
		char path[80];

		(void)snprintf(path, sizeof path,
		    "sets/f/%s.inventory-%05zu.jsonl.zst.age", component, i);
		assert_int_equal(manifest_files_add(&c.files, path, 1,
		                     sha256[i], &err),
		    0);
	}
	copies_retain(b->copies, &c);
	manifest_component_done(&c);
}

static void
all_segments_of_an_inventory_stay(void **state)
{
	struct bench *b = *state;
	uint8_t both[2][SHA256_SIZE];
	uint8_t other[SHA256_SIZE] = { 7 };

	memcpy(both[0], one, SHA256_SIZE);
	memcpy(both[1], two, SHA256_SIZE);
	keep(b, "b", other);
	keep(b, "b", one);
	keep(b, "b", two);
	retain(b, "b", (const uint8_t(*)[SHA256_SIZE])both, 2);
	assert_true(copies_has(b->copies, one, "b"));
	assert_true(copies_has(b->copies, two, "b"));
	assert_false(copies_has(b->copies, other, "b"));
	/* and without an inventory nothing goes */
	retain(b, "b", NULL, 0);
	assert_true(copies_has(b->copies, one, "b"));
}

static void
only_the_last_of_a_component_stays(void **state)
{
	struct bench *b = *state;

	keep(b, "b", one);
	keep(b, "a.b", one);
	keep(b, "b", two);
	retain(b, "b", &two, 1);
	assert_false(copies_has(b->copies, one, "b"));
	assert_true(copies_has(b->copies, two, "b"));
	assert_true(copies_has(b->copies, one, "a.b"));
	/* and while there is none, nothing goes */
	retain(b, "a.b", &two, 1);
	assert_true(copies_has(b->copies, one, "a.b"));
}

static void
what_a_dead_run_had_begun_goes_after_a_day(void **state)
{
	struct bench *b = *state;
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	char path[2][512];

	for (int i = 0; i < 2; i++) {
		FILE *f;

		(void)snprintf(path[i], 512, "%s/%d.new", b->inner, i);
		f = fopen(path[i], "wb");
		assert_non_null(f);
		assert_int_equal(fclose(f), 0);
	}
	assert_int_equal(utimensat(AT_FDCWD, path[0], old, 0), 0);
	keep(b, "b", one);
	retain(b, "b", &one, 1);
	assert_int_not_equal(access(path[0], F_OK), 0);
	assert_int_equal(access(path[1], F_OK), 0);
}

static void
a_copy_that_cannot_be_made_is_said_and_no_more(void **state)
{
	struct bench *b = *state;

	assert_int_equal(rmdir(b->inner), 0);
	keep(b, "b", one);
	assert_false(copies_has(b->copies, one, "b"));
	assert_non_null(strstr(b->said,
	    "component 'b': no copy of its inventory is kept in"));
	assert_non_null(strstr(b->said, "the next backup will read "
	                                "everything"));
}

static void
a_copy_that_breaks_off_is_said_and_no_more(void **state)
{
	static const char *const call[] = { "write", "fsync", "renameat" };
	struct bench *b = *state;

	for (size_t i = 0; i < 3; i++) {
		b->said[0] = '\0';
		failcall_at(call[i], 0, ENOSPC);
		keep(b, "b", one);
		assert_true(failcall_end());
		assert_false(copies_has(b->copies, one, "b"));
		assert_non_null(strstr(b->said, "no copy of its inventory is"));
		assert_non_null(strstr(b->said, strerror(ENOSPC)));
		/* and nothing of it is left */
		assert_int_equal(rmdir(b->inner), 0);
		assert_int_equal(mkdir(b->inner, 0700), 0);
		copies_free(TAKE(b->copies));
		assert_int_equal(copies_open(b->folder, ID, &b->copies,
		                     &(struct err){ 0 }),
		    0);
	}
}

static void
a_copy_that_cannot_be_read_is_an_error(void **state)
{
	struct bench *b = *state;
	AUTO(buf) struct buf text = { .max = 1000 };
	struct err err = { 0 };

	keep(b, "b", one);
	failcall_at("openat64", 0, EACCES);
	assert_int_equal(read_copy(b, &text, &err), -1);
	assert_true(failcall_end());
	assert_non_null(strstr(err.msg, "cannot open it"));
	failcall_at("read", 0, EIO);
	assert_int_equal(read_copy(b, &text, &err), -1);
	assert_true(failcall_end());
	assert_non_null(strstr(err.msg, "cannot read it"));
	/* a signal is none */
	buf_clear(&text);
	failcall_at("read", 0, EINTR);
	assert_int_equal(read_copy(b, &text, &err), 0);
	assert_true(failcall_end());
	assert_string_equal(text.data, "one line\n");
}

static void
a_folder_that_cannot_be_looked_at_is_an_error(void **state)
{
	struct bench *b = *state;
	struct copies *c = NULL;
	struct err err = { 0 };

	failcall_at("fstat64", 0, EIO);
	assert_int_equal(copies_open(b->folder, ID, &c, &err), -1);
	assert_true(failcall_end());
	assert_non_null(strstr(err.msg, b->folder));
}

/* More than is wanted, until a later run can list them. */
static void
copies_that_cannot_be_listed_stay(void **state)
{
	static const char *const call[] = { "openat64", "fdopendir" };
	struct bench *b = *state;

	keep(b, "b", one);
	keep(b, "b", two);
	for (size_t i = 0; i < 2; i++) {
		failcall_at(call[i], 0, EMFILE);
		retain(b, "b", &two, 1);
		assert_true(failcall_end());
		assert_true(copies_has(b->copies, one, "b"));
		assert_true(copies_has(b->copies, two, "b"));
	}
	retain(b, "b", &two, 1);
	assert_false(copies_has(b->copies, one, "b"));
}

static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	long n = 0;
	int rc = -1;

	for (; rc; n++) {
		AUTO(copies) struct copies *c = NULL;
		AUTO(buf) struct buf text = { .max = 1000 };

		err = (struct err){ 0 };
		assert_int_equal(buf_reserve(&text, 100, &err), 0);
		failalloc_at(n);
		rc = copies_open(b->folder, ID, &c, &err);
		if (rc == 0 && !copies_has(b->copies, one, "b"))
			rc = write_copy(b, "b", one, &err);
		if (rc == 0)
			rc = read_copy(b, &text, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
	}
	assert_true(n > 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_copy_is_read_as_it_was_written, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_was_not_kept_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    every_cut_and_flip_is_seen_or_harmless, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    folders_that_others_can_read_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    only_the_last_of_a_component_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    all_segments_of_an_inventory_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_a_dead_run_had_begun_goes_after_a_day, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_copy_that_cannot_be_made_is_said_and_no_more, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_copy_that_breaks_off_is_said_and_no_more, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_copy_that_cannot_be_read_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_folder_that_cannot_be_looked_at_is_an_error, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    copies_that_cannot_be_listed_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(every_allocation_may_fail,
		    setup, teardown),
	};

	return cmocka_run_group_tests_name("copies", tests, NULL, NULL);
}
