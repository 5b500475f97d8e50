/*
 * fake_saver.h - a saver and a loader that keep everything in memory, for
 * tests of components.  Start with fake_saver_init and fake_loader_init.
 */
#ifndef LIB_FAKE_SAVER_H
#define LIB_FAKE_SAVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "component/component.h"
#include "object/object.h"

struct fake_object {
	struct object o;
	char *data;
	size_t len;
};

struct fake_objects {
	struct fake_object *item;
	size_t count;
};

/* Copies. */
MUST_CHECK int fake_objects_add(struct fake_objects *, const struct object *,
    const void *, size_t, struct err *);
const struct fake_object *fake_objects_find(const struct fake_objects *,
    const char *key);
void fake_objects_done(struct fake_objects *);

struct fake_saver {
	struct saver base;
	/* the one stream: */
	char kind[32];
	struct buf bytes;
	bool finished;
	/* Nonzero: the write that passes so many bytes fails, as a full
	 * disk does. */
	size_t fail_at;
	struct buf facts, degraded;
	struct buf references, notes; /* a line each */
	uint64_t expect_objects, expect_bytes;
	/* objects, fetched at once: */
	struct fake_objects objects;
	size_t gone, changed; /* ERR_NOTFOUND, ERR_CHANGED seen */
	bool begun, ended;
};

void fake_saver_init(struct fake_saver *, const char *scratch);
void fake_saver_done(struct fake_saver *);

struct fake_loader {
	struct loader base;
	struct json *facts;
	const void *bytes; /* borrowed */
	size_t len;
	/* The stream breaks off there, and its sink is not finished. */
	size_t cut_at;
	struct buf references, notes; /* a line each */
	/* borrowed, in order of keys: what objects() puts back */
	const struct fake_objects *objects;
	bool exact; /* remove what is not among them */
	size_t same, put, removed;
};

/* saver: what was saved; NULL: nothing yet. */
MUST_CHECK int fake_loader_init(struct fake_loader *,
    const struct fake_saver *saver, const char *scratch, struct err *);
void fake_loader_done(struct fake_loader *);

#endif
