/*
 * layout.h - names of the files in a repository; nothing else builds one.
 *
 *     repository.json
 *     sets/<folder>/open.json
 *     sets/<folder>/alive-<n>.json
 *     sets/<folder>/failed.json
 *     sets/<folder>/<component>.<kind>.zst
 *     sets/<folder>/<component>.inventory.jsonl.zst
 *     sets/<folder>/<component>.inventory-00000-0123abcd.jsonl.zst
 *     sets/<folder>/<component>/pack-000001.tar.zst
 *     sets/<folder>/<component>/object-000001[.zst]
 *     sets/<folder>/<component>/pack-00000-0123abcd-000001.tar.zst
 *     sets/<folder>/names.json.zst.age
 *     sets/<folder>/RESTORE.md
 *     sets/<folder>/run-<run>.plan.json.zst (repo/share_files.h)
 *     sets/<folder>/manifest.json
 *     notes/<folder>/<kind>-<time>-<random>.json
 *
 * Files that hold data end in ".age" where they are encrypted.
 *
 * <folder> is the backup id and, behind a '-', eight random hex digits, so
 * that two writers can never share a key.
 */
#ifndef REPO_LAYOUT_H
#define REPO_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"

enum { LAYOUT_ID_SIZE = 21, LAYOUT_FOLDER_SIZE = 30, LAYOUT_KEY_SIZE = 256 };
enum { LAYOUT_SHARE_SIZE = 15 };
enum { LAYOUT_KIND_SIZE = 17, LAYOUT_RANDOM_SIZE = 9, LAYOUT_NOTE_SIZE = 96 };

#define LAYOUT_REPOSITORY "repository.json"
#define LAYOUT_SETS "sets/"
#define LAYOUT_NOTES "notes/"
#define LAYOUT_OPEN "open.json"
#define LAYOUT_ALIVE "alive-" /* and a number and ".json" */
#define LAYOUT_FAILED "failed.json"
#define LAYOUT_MANIFEST "manifest.json"
#define LAYOUT_GUIDE "RESTORE" /* and ".md" */
#define LAYOUT_NAMES "names"   /* and ".json.zst.age" */
#define LAYOUT_RUN "run-"      /* and a run's name, and what it is */
#define LAYOUT_ZST ".zst"
#define LAYOUT_AGE ".age"

/* "2026-11-20T16:28:00Z" and nothing else. */
bool layout_is_id(const char *);
/* The id of "2026-11-20T16:28:00Z-0123abcd"; false: no such folder name. */
bool layout_folder_id(const char *folder, char id[LAYOUT_ID_SIZE]);
/* Component names: [a-z0-9][a-z0-9._-]{0,62}. */
bool layout_is_name(const char *);
/* Names of runs of several workers: [A-Za-z0-9][A-Za-z0-9._-]{0,62}. */
bool layout_is_run(const char *);
/* A worker's number and what tells its tries apart: "00003-0123abcd". */
bool layout_is_share(const char *);

/* A file of some set, "sets/<folder>/…", that cannot lead out of it. */
bool layout_is_file(const char *key);
/* The same, and of this folder. */
bool layout_in_folder(const char *key, const char *folder);

/* As their names say. */
bool layout_is_age(const char *key);
bool layout_is_zstd(const char *key);
/* Does the name, but for what says how it is stored, end so? */
bool layout_ends(const char *key, const char *suffix);

/* sets/<folder>/<file>; ERR_USAGE where too long or no such name. */
MUST_CHECK int layout_key(const char *folder, const char *file,
    char key[LAYOUT_KEY_SIZE], struct err *);

/* What the name of a note says. */
struct layout_note {
	char folder[LAYOUT_FOLDER_SIZE];
	char kind[LAYOUT_KIND_SIZE]; /* [a-z-]: "verify-failed" */
	char time[LAYOUT_ID_SIZE];
	char random[LAYOUT_RANDOM_SIZE]; /* eight hex digits */
};
/* False: no note's name; *ret is as it was. */
bool layout_note_parse(const char *key, struct layout_note *ret);
/* ERR_USAGE where it would not be read as what it says. */
MUST_CHECK int layout_note_key(const struct layout_note *,
    char key[LAYOUT_NOTE_SIZE], struct err *);

#endif
