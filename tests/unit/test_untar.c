#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../lib/failalloc.h"
#include "base/buf.h"
#include "base/proc.h"
#include "stream/tar.h"
#include "stream/untar.h"

enum { SIZE_MOST = 4000, FILES = 4 };

/* What came out, as text. */
struct got {
	struct buf text;
	unsigned files;
	const char *tar; /* offsets lead here; NULL: not looked at */
	bool refuse;
};

static int
on_file(void *arg, const struct untar_file *f, struct err *err)
{
	struct got *g = arg;

	if (g->refuse)
		return err_set(err, ERR_NOROOM, "no more");
	g->files++;
	assert_int_equal(f->data[f->size], '\0');
	if (g->tar)
		assert_memory_equal(g->tar + f->offset, f->data, f->size);
	return buf_printf(&g->text, err, "%s %zu %.5s\n", f->name, f->size,
	    f->data);
}

static void
some_names(char name[FILES][300])
{
	(void)snprintf(name[0], 300, "a");
	memset(name[1], 'd', 120);
	(void)snprintf(name[1] + 120, 180, "/cut.yaml");
	memset(name[2], 'w', 255);
	name[2][255] = '\0';
	(void)snprintf(name[3], 300, "namespaces/x/empty");
}

static int
write_some(struct sink *to, struct err *err)
{
	static char content[FILES][3000] = { "hello", "", "large" };
	static const size_t size[FILES] = { 5, 512, 3000, 0 };
	AUTO(tar) struct tar *t = NULL;
	char name[FILES][300];

	some_names(name);
	memset(content[1], 'b', 512);
	if (tar_new(to, &t, err))
		return -1;
	for (size_t i = 0; i < FILES; i++)
		if (tar_add(t, name[i], content[i], size[i], NULL, err))
			return -1;
	return tar_end(t, err);
}

/* p in pieces of so many bytes. */
static int
untar(const char *p, size_t n, size_t piece, struct got *g, struct err *err)
{
	AUTO(sink) struct sink *s = NULL;

	if (untar_new(SIZE_MOST, on_file, g, &s, err))
		return -1;
	for (size_t at = 0; at < n; at += piece)
		if (sink_write(s, p + at, n - at < piece ? n - at : piece, err))
			return -1;
	return sink_finish(s, err);
}

static void
make(struct sink **mem, const char **p, size_t *n)
{
	struct err err = { 0 };

	assert_int_equal(sink_mem_new(1 << 20, mem, &err), 0);
	assert_int_equal(write_some(*mem, &err), 0);
	*p = sink_mem_data(*mem, n);
}

static void
what_was_added_comes_out_in_pieces_of_any_size(void **state)
{
	static const size_t pieces[] = { 1, 511, 512, 513, 5000, 1 << 20 };
	AUTO(sink) struct sink *mem = NULL;
	char name[FILES][300], want[2000];
	const char *p;
	size_t n;

	(void)state;
	some_names(name);
	(void)snprintf(want, sizeof want,
	    "%s 5 hello\n%s 512 bbbbb\n%s 3000 large\n%s 0 \n", name[0],
	    name[1], name[2], name[3]);
	make(&mem, &p, &n);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct got g = { .text = { .max = 10000 }, .tar = p };
		struct err err = { 0 };

		assert_int_equal(untar(p, n, pieces[i], &g, &err), 0);
		assert_int_equal(g.files, FILES);
		assert_string_equal(g.text.data, want);
		buf_done(&g.text);
	}
}

static void
what_is_cut_anywhere_is_refused(void **state)
{
	AUTO(sink) struct sink *mem = NULL;
	const char *p;
	size_t n;

	(void)state;
	make(&mem, &p, &n);
	for (size_t end = 0; end < n; end += 256) {
		struct got g = { .text = { .max = 10000 } };
		struct err err = { 0 };

		assert_int_equal(untar(p, end, 1000, &g, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		buf_done(&g.text);
	}
}

static void
another_program_s_tar_is_read(void **state)
{
	const char *const argv[] = { "tar", "--format=pax", "--owner=0", "-C",
		"/proc/self", "--transform=s/.*/a name/", "-cf", "-", "comm",
		NULL };
	AUTO(buf) struct buf out = { .max = 1 << 20 };
	struct proc p = { .argv = argv };
	struct got g = { .text = { .max = 10000 } };
	struct err err = { 0 };

	(void)state;
	if (proc_run(&p, &out, NULL, &err)) {
		assert_int_equal(err.code, ERR_NOTFOUND);
		print_message("tar is not installed\n");
		return;
	}
	assert_int_equal(untar(out.data, out.len, 512, &g, &err), 0);
	assert_int_equal(g.files, 1);
	assert_memory_equal(g.text.data, "a name ", 7);
	buf_done(&g.text);
}

/* --- what is wrong */

static void
seal(struct tar_header *h)
{
	(void)snprintf(h->sum, sizeof h->sum, "%06o", tar_sum(h));
}

struct wrong {
	const char *why;
	void (*harm)(struct tar_header *);
};

static void
a_link(struct tar_header *h)
{
	h->type = '2';
}

static void
a_size_of_letters(struct tar_header *h)
{
	memset(h->size, 'x', sizeof h->size);
}

static void
a_size_with_letters(struct tar_header *h)
{
	h->size[5] = 'x';
}

static void
a_size_too_large(struct tar_header *h)
{
	h->size[5] = '7';
}

static void
no_magic(struct tar_header *h)
{
	memset(h->magic, 0, sizeof h->magic);
}

static void
no_name(struct tar_header *h)
{
	memset(h->name, 0, sizeof h->name);
}

static void
pax_of_content(struct tar_header *h)
{
	h->type = TAR_PAX;
}

static const struct wrong wrong[] = {
	{ "something that is no regular file", a_link },
	{ "a header without a number", a_size_of_letters },
	{ "a header with a wrong number", a_size_with_letters },
	{ "a file that is too large", a_size_too_large },
	{ "that is no header", no_magic },
	{ "a file without a name", no_name },
	{ "a pax header that cannot be read", pax_of_content },
};

static void
headers_that_cannot_be_are_refused(void **state)
{
	AUTO(sink) struct sink *mem = NULL;
	const char *p;
	size_t n;

	(void)state;
	make(&mem, &p, &n);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct got g = { .text = { .max = 10000 } };
		struct err err = { 0 };
		struct tar_header h;
		char *copy = malloc(n);

		assert_non_null(copy);
		memcpy(copy, p, n);
		memcpy(&h, p, sizeof h);
		wrong[i].harm(&h);
		seal(&h);
		memcpy(copy, &h, sizeof h);
		assert_int_equal(untar(copy, n, n, &g, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_non_null(strstr(err.msg, wrong[i].why));
		free(copy);
		buf_done(&g.text);
	}
}

static void
a_header_with_a_wrong_sum_is_refused(void **state)
{
	AUTO(sink) struct sink *mem = NULL;
	struct got g = { .text = { .max = 10000 } };
	struct err err = { 0 };
	const char *p;
	size_t n;
	char *copy;

	(void)state;
	make(&mem, &p, &n);
	copy = malloc(n);
	assert_non_null(copy);
	memcpy(copy, p, n);
	copy[0]++;
	assert_int_equal(untar(copy, n, n, &g, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(g.files, 0);
	free(copy);
}

/* A pax header of that text before one file. */
static int
after_pax(const char *text, enum tar_type type, struct got *g, struct err *err)
{
	AUTO(sink) struct sink *mem = NULL;
	AUTO(buf) struct buf all = { .max = 10000 };
	struct tar_header h;
	char content[TAR_BLOCK] = "";
	const char *p;
	size_t n;

	make(&mem, &p, &n);
	memcpy(&h, p, sizeof h);
	h.type = (char)type;
	(void)snprintf(h.size, sizeof h.size, "%o", (unsigned)strlen(text));
	seal(&h);
	(void)snprintf(content, sizeof content, "%s", text);
	assert_int_equal(buf_add(&all, &h, sizeof h, err), 0);
	assert_int_equal(buf_add(&all, content, sizeof content, err), 0);
	assert_int_equal(buf_add(&all, p, n, err), 0);
	return untar(all.data, all.len, all.len, g, err);
}

static void
pax_records_are_taken_or_refused(void **state)
{
	static const struct {
		const char *text;
		enum tar_type type;
		const char *name; /* of the first file; NULL: refused */
	} cases[] = {
		{ "9 path=x\n", TAR_PAX, "x 5" },
		{ "9 path=x\n", TAR_PAX_ALL, "a 5" },
		{ "12 mtime=1\n\n9 path=y\n", TAR_PAX, "y 5" },
		{ "9 path=x", TAR_PAX, NULL },
		{ "7 path=\n", TAR_PAX, NULL },
		{ "99 path=x\n", TAR_PAX, NULL },
		{ "path=x\n", TAR_PAX, NULL },
		{ "9path=xx\n", TAR_PAX, NULL },
		{ "2 path=x\n", TAR_PAX, NULL },
		{ "13 size=9999\n", TAR_PAX, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct got g = { .text = { .max = 10000 } };
		struct err err = { 0 };
		int rc = after_pax(cases[i].text, cases[i].type, &g, &err);

		assert_int_equal(rc, cases[i].name ? 0 : -1);
		if (cases[i].name)
			assert_memory_equal(g.text.data, cases[i].name,
			    strlen(cases[i].name));
		else
			assert_int_equal(err.code, ERR_CORRUPT);
		buf_done(&g.text);
	}
}

static void
nothing_follows_the_end_but_zeros(void **state)
{
	AUTO(sink) struct sink *mem = NULL;
	struct got g = { .text = { .max = 10000 } };
	struct err err = { 0 };
	const char *p;
	size_t n;
	char *copy;

	(void)state;
	make(&mem, &p, &n);
	copy = calloc(1, n + TAR_BLOCK);
	assert_non_null(copy);
	memcpy(copy, p, n);
	assert_int_equal(untar(copy, n + 300, 77, &g, &err), 0);
	copy[n + 20] = 'x';
	assert_int_equal(untar(copy, n + 300, 77, &g, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	/* one block of zeros between two files */
	memcpy(copy + n - TAR_BLOCK, p, TAR_BLOCK);
	assert_int_equal(untar(copy, n, n, &g, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	free(copy);
	buf_done(&g.text);
}

static void
who_takes_the_files_may_end_it(void **state)
{
	AUTO(sink) struct sink *mem = NULL;
	struct got g = { .refuse = true };
	struct err err = { 0 };
	const char *p;
	size_t n;

	(void)state;
	make(&mem, &p, &n);
	assert_int_equal(untar(p, n, n, &g, &err), -1);
	assert_int_equal(err.code, ERR_NOROOM);
}

static void
each_allocation_may_fail(void **state)
{
	AUTO(sink) struct sink *mem = NULL;
	const char *p;
	size_t n;
	int rc = -1;

	(void)state;
	make(&mem, &p, &n);
	for (long at = 0; rc; at++) {
		struct got g = { .text = { .max = 10000 } };
		struct err err = { 0 };

		failalloc_at(at);
		rc = untar(p, n, n, &g, &err);
		failalloc_at(-1);
		assert_true(rc == 0 || err_is(&err, ERR_NOMEM));
		buf_done(&g.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_was_added_comes_out_in_pieces_of_any_size),
		cmocka_unit_test(what_is_cut_anywhere_is_refused),
		cmocka_unit_test(another_program_s_tar_is_read),
		cmocka_unit_test(headers_that_cannot_be_are_refused),
		cmocka_unit_test(a_header_with_a_wrong_sum_is_refused),
		cmocka_unit_test(pax_records_are_taken_or_refused),
		cmocka_unit_test(nothing_follows_the_end_but_zeros),
		cmocka_unit_test(who_takes_the_files_may_end_it),
		cmocka_unit_test(each_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("untar", tests, NULL, NULL);
}
