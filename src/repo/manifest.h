/*
 * manifest.h - manifest.json: the record that makes a set exist.
 *
 * JSON (RFC 8259), format 1.  Its last member is "manifest-sha256", the
 * SHA-256 of all bytes of the file before the line that holds it.
 * Pure: bytes in, struct out, and back.
 */
#ifndef REPO_MANIFEST_H
#define REPO_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/sha256.h"

enum {
	MANIFEST_FORMAT = 1,
	MANIFEST_MAX = 256 << 20, /* bytes */
	MANIFEST_COMPONENTS = 256,
	MANIFEST_UNREAD = 100, /* keys that a writer names */
	MANIFEST_TEXTS = 1000  /* entries in a list of texts */
};

/* The only format of encryption there is so far. */
#define MANIFEST_ENCRYPTION "age"

enum manifest_status { MANIFEST_OK, MANIFEST_DEGRADED, MANIFEST_FAILED };

/* A file of the repository; path from the repository's root. */
struct manifest_file {
	char *path;
	uint64_t size;
	uint8_t sha256[SHA256_SIZE];
};

/* Sorted by path: file[0, sorted) and, while it grows, the rest in itself. */
struct manifest_files {
	struct manifest_file *file;
	size_t count, cap, sorted;
};

struct manifest_component {
	char *name, *type;
	enum manifest_status status;
	char *message;             /* why not ok; NULL */
	int64_t started, finished; /* seconds since 1970 */
	double seconds;
	uint64_t objects, bytes; /* in the source */
	uint64_t new_objects;    /* read in this run */
	uint64_t gone;           /* vanished while it ran */
	uint64_t stored_bytes;   /* written by this run */
	char *facts; /* JSON object, in the file under the type's name; NULL */
	char **unread; /* first hundred keys that could not be read */
	size_t nunread;
	struct manifest_files files; /* of this set, for this component */
	struct manifest_files needs; /* of earlier sets */
};

/*
 * What the set's databases say lies in its buckets: looked up in the
 * inventories.  Lost: in the source, and not in the set.
 */
enum { MANIFEST_NAMED = 100 };
struct manifest_references {
	bool checked;
	uint64_t found;
	uint64_t external; /* in no bucket of the set */
	uint64_t dangling; /* not in the source either: legal */
	uint64_t unknown;  /* not in the set; the source was not asked */
	uint64_t lost;
	char **dangling_uris, **lost_uris; /* the first MANIFEST_NAMED */
	size_t ndangling_uris, nlost_uris;
};

struct manifest {
	char *id, *folder, *name, *label, *parent; /* label, parent: or NULL */
	char *tool;                                /* "platform-backup 0.1.0" */
	char *by;                                  /* host, or Juju unit */
	int64_t started, finished;
	struct manifest_component *component; /* in the order they were saved */
	size_t ncomponents;
	char **missing; /* what is not in the set, in words */
	size_t nmissing;
	struct manifest_references references;
	struct manifest_files files; /* of no component: RESTORE.md */
	/* To whom the set is encrypted; none: it is not. */
	char **recipients;
	size_t nrecipients;
	/* What would show keys of objects is not in it, but in an encrypted
	 * file of the set (repo/names.h). */
	bool hidden;
};

/* Append the file's text. */
MUST_CHECK int manifest_encode(const struct manifest *, struct buf *,
    struct err *);
/* The same without its hash: also with what is hidden in the file. */
MUST_CHECK int manifest_encode_bare(const struct manifest *, struct buf *,
    struct err *);
/* The member "encryption", where it is encrypted. */
struct jsonw;
void manifest_encode_recipients(struct jsonw *, const struct manifest *);
/* ERR_CORRUPT: damaged.  ERR_USAGE: of a newer format.  *ret: the caller's. */
MUST_CHECK int manifest_decode(const char *, size_t, struct manifest **,
    struct err *);
void manifest_free(struct manifest *);

struct manifest_component *manifest_find(const struct manifest *,
    const char *name);
/* "finished": every component is ok; "incomplete": one is not. */
const char *manifest_status(const struct manifest *);
const char *manifest_status_name(enum manifest_status);

/* Copied; a path that is there already is not added again. */
MUST_CHECK int manifest_files_add(struct manifest_files *, const char *path,
    uint64_t size, const uint8_t sha256[SHA256_SIZE], struct err *);
/* All of it in one order; what manifest_decode gives is. */
MUST_CHECK int manifest_files_sort(struct manifest_files *, struct err *);
void manifest_files_done(struct manifest_files *);
/* Of the whole set: they may be many, and not every reader wants them. */
void manifest_files_forget(struct manifest *);
/* NULL: not there. */
const struct manifest_file *manifest_files_find(const struct manifest_files *,
    const char *path);
/* In the component's files, then its needs. */
const struct manifest_file *manifest_file_of(const struct manifest_component *,
    const char *path);
/* "<component>.<kind>"; NULL: it has none. */
const struct manifest_file *manifest_stream_of(const struct manifest_component
                                                   *,
    const char *kind);
/* Is that the name of its inventory, or of a segment of it? */
bool manifest_is_inventory(const struct manifest_component *, const char *path);
/* Its inventory, or the first segment of it; NULL: it has none. */
const struct manifest_file *
manifest_inventory_of(const struct manifest_component *);
/* The segment behind that one, in the order of keys, which is that of names:
 * the files are sorted.  NULL: it was the last. */
const struct manifest_file *manifest_inventory_next(
    const struct manifest_component *, const struct manifest_file *);
void manifest_component_done(struct manifest_component *);
/* A type may not be called like a member of a component in the file. */
bool manifest_is_type(const char *);

static inline void
scope_manifest(struct manifest **m)
{
	manifest_free(*m);
}

#endif
