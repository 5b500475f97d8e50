/*
 * fuzz_repository.c - what may lie in a repository that someone else had in
 * hands: the first line is repository.json, and the content of each file that
 * the further ones name.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "repo/notes.h"
#include "repo/repo.h"
#include "store/store.h"

enum { FILES_MAX = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool right)
{
	if (!right)
		abort();
}

static void
put_names(struct store *st, char *names, const char *text)
{
	for (int i = 0; names && i < FILES_MAX; i++) {
		const char *name = strsep(&names, "\n");
		struct err err = { 0 };

		/* names that no store takes cannot lie there */
		(void)!store_put_bytes(st, name, text, strlen(text), &err);
	}
}

static void
check_names(char *names)
{
	while (names) {
		const char *name = strsep(&names, "\n");
		char id[LAYOUT_ID_SIZE];

		(void)layout_is_name(name);
		if (layout_folder_id(name, id))
			must(layout_is_id(id) && str_starts(name, id));
		if (layout_is_file(name))
			must(str_starts(name, LAYOUT_SETS) &&
			     !strstr(name, "/../") && !strstr(name, "//"));
	}
}

/* Each set is listed once, in order, under a name that is one. */
static void
check_sets(const struct repo_sets *s)
{
	for (size_t i = 0; i < s->count; i++) {
		must(layout_is_id(s->set[i].id));
		must(i == 0 ||
		     strcmp(s->set[i - 1].folder, s->set[i].folder) < 0);
		must(!s->set[i].committed || !s->set[i].running);
	}
}

/* Of one folder after the other, oldest first; what they say can be read. */
static void
check_notes(struct repo *r)
{
	AUTO(notes) struct notes all = { 0 };
	struct err err = { 0 };

	must(notes_list(r, NULL, &all, &err) == 0);
	for (size_t i = 0; i < all.count; i++) {
		AUTO(buf) struct buf text = { .max = NOTE_SIZE_MAX };
		const struct note *n = &all.note[i];
		struct notes_state state;

		must(i == 0 || strcmp(n[-1].folder, n->folder) < 0 ||
		     (strcmp(n[-1].folder, n->folder) == 0 &&
		         n[-1].time <= n->time));
		notes_state(&all, n->folder, &state);
		must(notes_kind_name(n->kind)[0] != '\0');
		(void)!notes_details(r, n, &text, &err);
	}
}

static void
walk(struct repo *r)
{
	AUTO(repo_sets) struct repo_sets s = { 0 };
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };
	unsigned n;

	must(repo_list(r, &s, &err) == 0);
	check_sets(&s);
	check_notes(r);
	for (size_t i = 0; i < s.count; i++)
		must(repo_manifest(r, s.set[i].folder, &m, &err) == -1);
	must(repo_latest(r, NULL, 0, &m, &err) == 0 && !m);
	(void)!repo_sweep(r, &n, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(free) char *text = strndup((const char *)p, n);
	AUTO(repo) struct repo *r = NULL;
	struct store *st = NULL;
	struct err err = { 0 };
	char *rest = text;
	const char *record;

	must(text != NULL);
	record = strsep(&rest, "\n");
	must(store_mem_new(&st, &err) == 0 &&
	     store_put_bytes(st, LAYOUT_REPOSITORY, record, strlen(record),
	         &err) == 0);
	if (rest) {
		AUTO(free) char *copy = strdup(rest);

		must(copy != NULL);
		put_names(st, copy, record);
		check_names(rest);
	}
	if (repo_open(st, false, &r, &err) == 0)
		walk(r);
	else
		must(err_is(&err, ERR_CORRUPT) || err_is(&err, ERR_USAGE));
	return 0;
}
