/*
 * names.h - sets/<folder>/names.json.zst.age: what would show keys of objects,
 * or what is in them, if it stood in the manifest of an encrypted set.
 *
 *     {"components": [{"name": …, "message": …, "unread": […],
 *      "facts": {…}}, …], "dangling-uris": […], "lost-uris": […]}
 *
 * Pure: manifest in, text out, and back.
 */
#ifndef REPO_NAMES_H
#define REPO_NAMES_H

#include "base/buf.h"
#include "repo/manifest.h"

enum { NAMES_MAX = 64 << 20 };

MUST_CHECK int names_encode(const struct manifest *, struct buf *,
    struct err *);
/* Take out of the manifest what names_encode writes. */
MUST_CHECK int names_hide(struct manifest *, struct err *);
/* And put it back.  ERR_CORRUPT. */
MUST_CHECK int names_apply(struct manifest *, const char *, size_t n,
    struct err *);

/* The file, among those of the manifest; NULL: it has none. */
const struct manifest_file *names_file(const struct manifest *);

#endif
