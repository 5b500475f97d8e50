/*
 * inventory.h - <component>.inventory.jsonl.zst: one JSON object a line and an
 * object, sorted by the bytes of the keys.  What several workers saved has
 * segments, <component>.inventory-<share>.jsonl.zst: one behind the other, in
 * the order of their names, they are one inventory.
 *
 * {"key":"…"|"key-base64":"…","size":…,"etag":"…","last-modified":"…",
 *  "version-id":"…","sha256":"…","content-type":"…",…,"meta":{…},"tags":{…},
 *  "file":"sets/…","offset":…,"length":…}
 *
 * In a pack, offset is where the content's first byte stands in the tar and
 * length is its size; for a file of its own both are left out.  An object of
 * no bytes has no file.  Keys, and values of headers, meta and tags, that are
 * not UTF-8 are in base64 under "<name>-base64".
 */
#ifndef REPO_INVENTORY_H
#define REPO_INVENTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/sha256.h"
#include "object/object.h"
#include "stream/sink.h"

enum { INVENTORY_LINE_MAX = 64 << 10 };

struct inventory_entry {
	struct object object;
	uint8_t sha256[SHA256_SIZE]; /* of the content */
	char *file; /* path from the repository's root; NULL: no bytes */
	bool packed;
	uint64_t offset; /* packed: in the tar */
};

void inventory_entry_done(struct inventory_entry *);

/* One line with its newline, appended.  Pure. */
MUST_CHECK int inventory_encode(const struct inventory_entry *, struct buf *,
    struct err *);
/* ret: { 0 } first.  ERR_CORRUPT names what is wrong. */
MUST_CHECK int inventory_decode(const char *line, size_t len,
    struct inventory_entry *ret, struct err *);

/* A text member as lines have them: "<name>", or "<name>-base64" where it is
 * not UTF-8.  NULL: not there. */
struct json;
struct jsonw;
void inventory_encode_text(struct jsonw *, const char *name, const char *);
MUST_CHECK int inventory_decode_text(const struct json *, const char *name,
    char **ret, struct err *);

/*
 * Read an inventory as it comes: a sink takes the decompressed bytes on one
 * thread, next gives entries on another.
 */
struct inventory;
struct repo;
struct manifest;
struct manifest_component;
struct manifest_file;

/* Can the inventory of a component of the set be read: by repo_keys_check, or
 * from copies (repo/copies.h)? */
MUST_CHECK int inventory_readable(struct repo *, const struct manifest *,
    const struct manifest_component *, struct err *);
/* Starts to read the component's inventory, all segments of it, and to verify
 * it as it goes.  ERR_CORRUPT: it has none. */
MUST_CHECK int inventory_open(struct repo *, const struct manifest_component *,
    struct inventory **, struct err *);
/* The same, from the segment of that number on. */
MUST_CHECK int inventory_open_from(struct repo *,
    const struct manifest_component *, uint64_t segment, struct inventory **,
    struct err *);
/* Only this file of it. */
MUST_CHECK int inventory_open_segment(struct repo *,
    const struct manifest_component *, const struct manifest_file *,
    struct inventory **, struct err *);
/* e: emptied first.  *more false: the end, and all of it was right.
 * ERR_CORRUPT: damaged, or not in order. */
MUST_CHECK int inventory_next(struct inventory *, struct inventory_entry *e,
    bool *more, struct err *);
/* The line of the entry that came last, with its newline; borrowed until the
 * next one. */
const char *inventory_line(const struct inventory *, size_t *len);
/* Go past so many entries without looking into them.  ERR_CORRUPT: there are
 * fewer. */
MUST_CHECK int inventory_skip(struct inventory *, uint64_t n, struct err *);
/* Go to the end of the file that is being read: all of it is right then. */
MUST_CHECK int inventory_drain(struct inventory *, struct err *);
/* How many entries of which segment were read or gone past. */
void inventory_place(const struct inventory *, uint64_t *segment,
    uint64_t *line);
void inventory_free(struct inventory *);

static inline void
scope_inventory(struct inventory **i)
{
	inventory_free(*i);
}

static inline void
scope_inventory_entry(struct inventory_entry *e)
{
	inventory_entry_done(e);
}

#endif
