/*
 * repo_kit.h - a repository on a store in memory whose operations can be
 * counted, made to fail, damaged, and moved in time.
 */
#ifndef LIB_REPO_KIT_H
#define LIB_REPO_KIT_H

#include <stdatomic.h>

#include "base/clock.h"
#include "repo/repo.h"
#include "repo/set.h"
#include "store/store.h"

enum kit_op {
	KIT_OPEN,
	KIT_PUT,
	KIT_WRITE,
	KIT_FINISH,
	KIT_GET,
	KIT_STAT,
	KIT_LIST,
	KIT_REMOVE,
	KIT_SWEEP,
	KIT_UNFINISHED,
	KIT_OPS
};

struct kit {
	struct store store; /* in front of inner */
	struct store *inner;
	struct repo *repo;
	struct clock clock; /* whose sleeps only add to slept_ms */
	int64_t slept_ms;

	int64_t now;  /* of store and clock; 0: the machine's */
	int64_t late; /* added to the store's clock */
	_Atomic unsigned count[KIT_OPS];
	_Atomic unsigned whole_gets; /* of whole files */
	_Atomic long ops;            /* all together */
	_Atomic long fail_at;        /* this operation fails; -1: none */
	enum err_code fail_code;
	_Atomic enum kit_op failed; /* which it was; KIT_OPS: none */
	bool unfinished;            /* there are uploads to be swept */
	const char *fail_key;       /* all puts of keys that end so fail … */
	bool fail_late;             /* … though what was put is there */
	const char *flip_key;       /* in files whose names end so … */
	uint64_t flip_at;           /* … this byte comes */
	uint8_t flip;               /* with these bits changed */
	/* Called before each put; may use inner. */
	void (*on_put)(struct kit *, const char *key);
	void *arg;
};

/* Opens repo as well, with create. */
MUST_CHECK int kit_open(struct kit *, struct err *);
/* On another store, which becomes the kit's. */
MUST_CHECK int kit_open_on(struct kit *, struct store *, struct err *);
void kit_done(struct kit *);
/* The same on the heap, for cmocka. */
int kit_setup(void **state);
int kit_teardown(void **state);
void kit_reset(struct kit *); /* counters and faults */

MUST_CHECK int kit_begin(struct kit *, struct set **, struct err *);
/* A whole file of a set. */
MUST_CHECK int kit_file(struct set *, struct manifest_component *,
    const char *name, enum set_coding, const void *, size_t,
    char path[LAYOUT_KEY_SIZE], struct err *);
/* A segment of b's inventory: keys "<from>" … "<to - 1>", of six digits. */
void kit_segment(struct set *, struct manifest_component *, unsigned place,
    unsigned from, unsigned to);
/* Text that lies there as if another had put it; asserted. */
void kit_text(struct kit *, const char *key, const char *text);
/* A committed set: a database and a bucket with two objects. */
MUST_CHECK int kit_save(struct kit *, char id[LAYOUT_ID_SIZE], struct err *);
/* Everything of it is as kit_save saved it. */
MUST_CHECK int kit_check(struct kit *, const char *id, struct err *);

#endif
