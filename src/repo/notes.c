#include "repo/notes.h"

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "store/store.h"

/* A note that says it is from further ahead tells of a wrong clock. */
enum { AHEAD_MAX = 3600 };

static const char *const kinds[] = {
	[NOTE_VERIFIED] = "verified",
	[NOTE_VERIFY_FAILED] = "verify-failed",
	[NOTE_DRILLED] = "drilled",
	[NOTE_DRILL_FAILED] = "drill-failed",
	[NOTE_HELD] = "held",
	[NOTE_RELEASED] = "released",
	[NOTE_DELETED] = "deleted",
};

const char *
notes_kind_name(enum note_kind kind)
{
	return kinds[kind];
}

static bool
kind_of(const char *name, enum note_kind *ret)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i], name) == 0) {
			*ret = (enum note_kind)i;
			return true;
		}
	}
	return false;
}

/* --- list */

struct listing {
	struct notes notes;
	size_t cap;
};

static int
add_note(struct listing *l, const struct note *n, struct err *err)
{
	/* more than a test can make */
	if (l->notes.count == NOTES_MAX)
		return err_set(err, ERR_CORRUPT, "there are more than %d notes",
		    NOTES_MAX);
	if (l->notes.count == l->cap) {
		size_t cap = l->cap > 0 ? 2 * l->cap : 64;
		struct note *p = realloc(l->notes.note, cap * sizeof *p);

		if (!p)
			return err_nomem(err);
		l->notes.note = p;
		l->cap = cap;
	}
	l->notes.note[l->notes.count++] = *n;
	return 0;
}

/* Kinds of later versions, too, are names that are not a note's. */
static int
on_note(void *arg, const char *key, const struct store_stat *st,
    struct err *err)
{
	struct layout_note name;
	struct note n;

	if (st->folder || !layout_note_parse(key, &name) ||
	    !kind_of(name.kind, &n.kind) ||
	    date_parse_iso(name.time, &n.time, err))
		return 0;
	memcpy(n.folder, name.folder, sizeof n.folder);
	(void)snprintf(n.key, sizeof n.key, "%s", key);
	return add_note(arg, &n, err);
}

/* Of the same second, what protects counts last. */
static int
compare(const void *va, const void *vb)
{
	const struct note *a = va, *b = vb;
	int order = strcmp(a->folder, b->folder);

	if (order != 0)
		return order;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if ((a->kind == NOTE_HELD) != (b->kind == NOTE_HELD))
		return a->kind == NOTE_HELD ? 1 : -1;
	return strcmp(a->key, b->key);
}

int
notes_list(struct repo *r, const char *folder, struct notes *ret,
    struct err *err)
{
	struct store *st = repo_store(r);
	struct listing l = { 0 };
	char prefix[sizeof LAYOUT_NOTES + LAYOUT_FOLDER_SIZE];

	(void)snprintf(prefix, sizeof prefix, LAYOUT_NOTES "%.29s%s",
	    folder ? folder : "", folder ? "/" : "");
	if (st->ops->list(st, prefix, true, on_note, &l, err)) {
		notes_done(&l.notes);
		return err_wrap(err, "the notes");
	}
	if (l.notes.count > 0)
		qsort(l.notes.note, l.notes.count, sizeof *l.notes.note,
		    compare);
	*ret = l.notes;
	return 0;
}

void
notes_done(struct notes *n)
{
	free(n->note);
	*n = (struct notes){ 0 };
}

/* --- add */

static int
next_time(struct repo *r, const char *folder, int64_t *ret, struct err *err)
{
	AUTO(notes) struct notes n = { 0 };
	struct store *st = repo_store(r);
	int64_t now = st->ops->now(st), newest;

	if (notes_list(r, folder, &n, err))
		return -1;
	newest = n.count > 0 ? n.note[n.count - 1].time : 0;
	*ret = newest >= now && newest < now + AHEAD_MAX ? newest + 1 : now;
	return 0;
}

static int
name_note(const struct note_new *n, int64_t time, struct layout_note *ret,
    struct err *err)
{
	uint8_t random[(LAYOUT_RANDOM_SIZE - 1) / 2];

	if (rand_bytes(random, sizeof random, err))
		return -1;
	str_hex(random, sizeof random, ret->random);
	date_iso(time, ret->time);
	(void)snprintf(ret->folder, sizeof ret->folder, "%s", n->folder);
	(void)snprintf(ret->kind, sizeof ret->kind, "%s", kinds[n->kind]);
	return 0;
}

static int
encode(const struct note_new *n, const struct layout_note *name, struct buf *b,
    struct err *err)
{
	char id[LAYOUT_ID_SIZE];
	struct jsonw w;

	/* the key has been refused already: for who calls it without */
	if (!layout_folder_id(name->folder, id))
		return err_set(err, ERR_USAGE, "'%s' is no folder of a set",
		    name->folder);
	jsonw_begin(&w, b, 2);
	jsonw_object(&w, NULL);
	jsonw_u64(&w, "format", MANIFEST_FORMAT);
	jsonw_str(&w, "kind", name->kind);
	jsonw_str(&w, "time", name->time);
	jsonw_str(&w, "backup-id", id);
	jsonw_str(&w, "folder", name->folder);
	jsonw_opt_str(&w, "by", n->by);
	jsonw_opt_str(&w, "tool", n->tool);
	if (n->details)
		jsonw_raw(&w, "details", n->details);
	jsonw_close(&w);
	if (jsonw_end(&w, err))
		return -1;
	return buf_puts(b, "\n", err);
}

static int
add(struct repo *r, const struct note_new *n, struct err *err)
{
	AUTO(buf) struct buf b = { .max = NOTE_SIZE_MAX };
	struct layout_note name = { 0 };
	char key[LAYOUT_NOTE_SIZE];
	int64_t time;

	if (next_time(r, n->folder, &time, err) ||
	    name_note(n, time, &name, err) || layout_note_key(&name, key, err))
		return -1;
	if (encode(n, &name, &b, err) ||
	    store_put_bytes(repo_store(r), key, b.data, b.len, err))
		return err_wrap(err, "'%s'", key);
	return 0;
}

int
notes_add(struct repo *r, const struct note_new *n, struct err *err)
{
	if (add(r, n, err))
		return err_wrap(err, "the note '%s'", kinds[n->kind]);
	return 0;
}

/* --- read */

static int
parse(const struct buf *b, struct buf *ret, struct err *err)
{
	AUTO(json) struct json *j = NULL;
	AUTO(free) char *text = NULL;
	const struct json *d;

	if (json_parse(b->data, b->len, &j, err))
		return -1;
	if (!json_is_object(j))
		return err_set(err, ERR_CORRUPT, "not an object");
	d = json_opt(j, "details");
	if (!d)
		return buf_puts(ret, "", err);
	if (!json_is_object(d))
		return err_set(err, ERR_CORRUPT, "'details' is no object");
	if (json_print(d, &text, err))
		return -1;
	return buf_puts(ret, text, err);
}

int
notes_details(struct repo *r, const struct note *n, struct buf *ret,
    struct err *err)
{
	AUTO(buf) struct buf b = { .max = NOTE_SIZE_MAX };

	if (buf_reserve(&b, 0, err) ||
	    store_get_bytes(repo_store(r), n->key, &b, err) ||
	    parse(&b, ret, err))
		return err_wrap(err, "'%s'", n->key);
	return 0;
}

/* --- what they come to */

static void
apply(const struct note *n, struct notes_state *s)
{
	int64_t *const when[] = {
		[NOTE_VERIFIED] = &s->verified,
		[NOTE_VERIFY_FAILED] = &s->verify_failed,
		[NOTE_DRILLED] = &s->drilled,
		[NOTE_DRILL_FAILED] = &s->drill_failed,
		[NOTE_HELD] = NULL,
		[NOTE_RELEASED] = NULL,
		[NOTE_DELETED] = &s->deleted,
	};

	if (when[n->kind])
		*when[n->kind] = n->time;
	if (n->kind == NOTE_HELD) {
		s->held = true;
		s->deleted = 0;
	}
	if (n->kind == NOTE_RELEASED)
		s->held = false;
}

/* The first note of this folder, or of one behind it. */
static size_t
first_of(const struct notes *n, const char *folder)
{
	size_t low = 0, high = n->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(n->note[mid].folder, folder) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
notes_state(const struct notes *n, const char *folder, struct notes_state *ret)
{
	*ret = (struct notes_state){ 0 };
	for (size_t i = first_of(n, folder); i < n->count; i++) {
		if (strcmp(n->note[i].folder, folder) != 0)
			break;
		apply(&n->note[i], ret);
	}
}
