/*
 * notes.h - what is said of a set after it was written: results of verify and
 * drill, marks, holds.  One file each, written once:
 *
 *     notes/<folder>/<kind>-<time>-<8 hex digits>.json
 *
 * Kind and time are in the name: one LIST is enough to know the state of every
 * set.  The file: {"format", "kind", "time", "backup-id", "folder", "by",
 * "tool", "details": {…}}.
 */
#ifndef REPO_NOTES_H
#define REPO_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "repo/repo.h"

enum { NOTES_MAX = 1 << 18, NOTE_SIZE_MAX = 1 << 20 };

enum note_kind {
	NOTE_VERIFIED, /* all of it was looked at, and was right */
	NOTE_VERIFY_FAILED,
	NOTE_DRILLED,
	NOTE_DRILL_FAILED,
	NOTE_HELD, /* never pruned until released */
	NOTE_RELEASED,
	NOTE_DELETED, /* nothing builds on it; its files go after a while */
};

struct note {
	char folder[LAYOUT_FOLDER_SIZE];
	enum note_kind kind;
	int64_t time; /* by the store's clock */
	char key[LAYOUT_NOTE_SIZE];
};
struct notes {
	struct note *note; /* by folder, then oldest first */
	size_t count;
};

struct note_new {
	const char *folder;
	enum note_kind kind;
	const char *details; /* a JSON object; NULL: none */
	const char *by, *tool;
};

/* Later than every note that the set has, be it by a second, so that the order
 * in which they were said can be told. */
MUST_CHECK int notes_add(struct repo *, const struct note_new *, struct err *);
/* folder NULL: of all sets.  Names that are not a note's are left out. */
MUST_CHECK int notes_list(struct repo *, const char *folder, struct notes *,
    struct err *);
/* The file's "details", as text; empty where it has none.  ERR_CORRUPT. */
MUST_CHECK int notes_details(struct repo *, const struct note *, struct buf *,
    struct err *);
void notes_done(struct notes *);

/* What the notes of one set come to.  Times: 0 for never.  A hold takes back a
 * mark that was there before it. */
struct notes_state {
	int64_t verified, verify_failed, drilled, drill_failed, deleted;
	bool held;
};
void notes_state(const struct notes *, const char *folder,
    struct notes_state *);
const char *notes_kind_name(enum note_kind); /* "verify-failed", … */

static inline void
scope_notes(struct notes *n)
{
	notes_done(n);
}

#endif
