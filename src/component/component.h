/*
 * component.h - something worth keeping: how it is read and how it is put
 * back.  A component sees neither keys of the repository nor compression,
 * packs or the store: it talks to a saver and a loader, which engine/ gives.
 */
#ifndef COMPONENT_COMPONENT_H
#define COMPONENT_COMPONENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"
#include "config/config.h"
#include "object/object.h"
#include "stream/sink.h"

struct buf;
struct component;
struct json;
struct kube_restore_choice;
struct loader;
struct pool;
struct saver;

/* --- what a component is given for a backup */

/*
 * Objects that are worth keeping one by one; called by the saver's workers, so
 * from any thread and in any order.
 */
struct object_source {
	/*
	 * Stream the object's content.  o: what the listing said; the rest
	 * (headers, metadata, tags) is filled in.  ERR_NOTFOUND: it is gone.
	 * ERR_CHANGED: it is another now, and o says which; nothing useful
	 * went to the sink, call again.
	 */
	int (*fetch)(void *arg, struct object *o, struct sink *, struct err *);
	void *arg;
};

struct saver_ops {
	/* A stream that becomes one file, called "<component>.<kind>"; its
	 * finish seals it. */
	int (*stream)(struct saver *, const char *kind, struct sink **,
	    struct err *);
	/* Once before the following, also where no object comes: what was
	 * saved of them before is looked for. */
	int (*objects_begin)(struct saver *, struct err *);
	/*
	 * One object, in the order of the keys' bytes.  Nothing is fetched
	 * where the set before has it unchanged.  listed: moved from.
	 */
	int (*object)(struct saver *, const struct object_source *,
	    struct object *listed, struct err *);
	/*
	 * Where the keys may be cut into ranges that are listed at once: behind
	 * every so many objects of the set before, in key order.  *key: the
	 * caller's; NULL: there are no more, no memory for more ranges, or the
	 * set before cannot be read, which is said when its objects are
	 * compared.
	 */
	int (*next_cut)(struct saver *, char **key, struct err *);
	/* All objects were named: wait until the last is stored. */
	int (*objects_end)(struct saver *, struct err *);
	/* Roughly how much is coming, for the progress line; 0: unknown. */
	void (*expect)(struct saver *, uint64_t objects, uint64_t bytes);
	/* The set is stored, but something is wrong with this component. */
	void (*degraded)(struct saver *, const char *fmt, ...)
	    PRINTF_LIKE(2, 3);
	/* Something of another component that this one refers to, such as
	 * s3://bucket/key: looked for when all components are stored. */
	int (*reference)(struct saver *, const char *uri, struct err *);
	/* One line for the administrator, kept with a set that is whole. */
	void (*note)(struct saver *, const char *fmt, ...) PRINTF_LIKE(2, 3);
	/* Facts for the manifest, under the component's type: JSON object. */
	int (*facts)(struct saver *, const char *json, struct err *);
};

struct saver { /* first member of the engine's */
	const struct saver_ops *ops;
	const char *scratch;    /* folder for private files */
	struct key_range range; /* only objects of these keys */
};

/* --- what it is given for a restore */

/* Where objects are put back; any thread, except list_next.  What lists nothing
 * is never asked for same, nor to remove. */
struct object_target {
	/* The target's objects in key order; *more false at the end, and the
	 * call after that begins anew. */
	int (*list_next)(void *arg, struct object *, bool *more, struct err *);
	/* Is `have` (as listed) what `want` says, headers and tags included?
	 * digest: SHA-256 of want's content, for where ETags do not tell. */
	int (*same)(void *arg, const struct object *want,
	    const uint8_t digest[SHA256_SIZE], const struct object *have,
	    bool *same, struct err *);
	/* The object appears when the sink is finished, whole.  spare: as the
	 * store's (store/store.h). */
	int (*put)(void *arg, const struct object *, struct pool *spare,
	    struct sink **, struct err *);
	int (*remove)(void *arg, const char *key, struct err *);
	void *arg;
};

struct loader_ops {
	/* Stream the file that saver's stream made, verified, to a sink; the
	 * sink is finished only if all of it was right. */
	int (*stream)(struct loader *, const char *kind, struct sink *,
	    struct err *);
	/* Read the file and throw it away: ERR_CORRUPT unless all of it is
	 * right. */
	int (*verify)(struct loader *, const char *kind, struct err *);
	/* Put back all objects that differ from the target's. */
	int (*objects)(struct loader *, const struct object_target *,
	    struct err *);
	/* One line for the administrator, kept in the result. */
	void (*note)(struct loader *, const char *fmt, ...) PRINTF_LIKE(2, 3);
	/* As the saver's: what the data that was read refers to. */
	int (*reference)(struct loader *, const char *uri, struct err *);
};

struct loader {
	const struct loader_ops *ops;
	const struct json *facts; /* as saved; NULL: none */
	const char *scratch;
	/* What of objects of a cluster is meant; NULL: all. */
	const struct kube_restore_choice *kubernetes;
	unsigned transfers; /* so many things at once; 0: one */
	uint64_t budget;    /* that these may cost in memory */
	uint64_t each;      /* of which a thread takes so much */
	bool dry_run;       /* look, say what would be done, change nothing */
};

/* --- the component itself */

struct component_ops {
	const char *type; /* "sqlite", "bucket", ... */
	/*
	 * Before any work: it is there, may be read (restore: written), and
	 * has room.  Nothing is changed.  detail: one line on success, such
	 * as "1.2 GiB, schema version 10".
	 */
	int (*check)(struct component *, bool restore, struct buf *detail,
	    struct err *);
	/*
	 * Behind a check for a backup, where nothing of it was saved before: a
	 * little is read, and detail goes on.  NULL: check has read.
	 */
	int (*try_read)(struct component *, struct buf *detail, struct err *);
	int (*backup)(struct component *, struct saver *, struct err *);
	int (*restore)(struct component *, struct loader *, struct err *);
	/*
	 * Prove that what was saved can be restored, in the scratch folder and
	 * nowhere else: the configured source is not asked, and need not be
	 * there.  proof: one line that says what was seen.
	 */
	int (*drill)(struct component *, struct loader *, struct buf *proof,
	    struct err *);
	/*
	 * Cut the keys of its objects into n ranges of roughly as many objects:
	 * last[0 … n - 2] become the last keys of all but the last range, the
	 * caller's, none less than the one before; "" where there are no
	 * objects.  NULL: a type without objects.
	 */
	int (*cut)(struct component *, unsigned n, char **last, struct err *);
	/* Has the source now an object of that key, or below it as a folder?
	 * A type without objects says component_has_none. */
	int (*has)(struct component *, const char *key, bool *ret,
	    struct err *);
	void (*free)(struct component *);
};

struct component { /* first member of every kind */
	const struct component_ops *ops;
	const char *name; /* borrowed from the config */
};

/*
 * Open by type; config and scratch stay the caller's and must outlive it.
 * to: where a restore goes instead (another file, another bucket); NULL: to
 * the configured place.  No I/O yet.
 */
MUST_CHECK int component_open(const struct config_component *, const char *to,
    const char *scratch, struct component **, struct err *);
void component_free(struct component *);
/* For the ops of types without objects. */
MUST_CHECK int component_has_none(struct component *, const char *key,
    bool *ret, struct err *);

/* Is it one that may be missing, and is not there?  What cannot be asked is
 * there: whoever saves it is told why. */
MUST_CHECK int component_is_absent(const struct config_component *, bool *ret,
    struct err *);

MUST_CHECK int component_sqlite_new(const struct config_component *,
    const char *to, const char *scratch, struct component **, struct err *);
MUST_CHECK int component_bucket_new(const struct config_component *,
    const char *to, const char *scratch, struct component **, struct err *);
MUST_CHECK int component_mysql_new(const struct config_component *,
    const char *to, const char *scratch, struct component **, struct err *);
MUST_CHECK int component_postgresql_new(const struct config_component *,
    const char *to, const char *scratch, struct component **, struct err *);
MUST_CHECK int component_kubernetes_new(const struct config_component *,
    const char *to, const char *scratch, struct component **, struct err *);

static inline void
scope_component(struct component **c)
{
	component_free(*c);
}

#endif
