/*
 * references.h - does each reference of a set's databases into its buckets
 * find its object?  Uris such as s3://bucket/key and minio://bucket/key: an
 * object of that key, or a folder with at least one.
 *
 * References are sorted on disk and walked together with the inventory:
 * memory does not grow with either.
 */
#ifndef ENGINE_REFERENCES_H
#define ENGINE_REFERENCES_H

#include "component/component.h"
#include "plan/plan.h"
#include "repo/set.h"

struct references;

/* plan: the components of the set; borrowed. */
MUST_CHECK int references_new(const struct plan *, const char *scratch,
    struct references **, struct err *);
MUST_CHECK int references_add(struct references *, const char *uri,
    struct err *);

/*
 * Look them up in the inventory of the plan's i-th component; what is not
 * there is looked for in its source (NULL: nobody asks it).  Lost: the
 * component is degraded.
 */
MUST_CHECK int references_check(struct references *, size_t i,
    struct component *source, struct repo *, struct manifest_component *,
    struct manifest_references *, struct err *);
/* Those that lie in no bucket of the plan; nothing was ever added: false. */
bool references_any(const struct references *, uint64_t *external);
/*
 * All that were added, as lines of JSON, to a sink that is not finished;
 * nothing is added or looked up any more.  And a sink that adds what such lines
 * say to others: {"component":…,"key":…}, or "key-base64".
 */
MUST_CHECK int references_write(struct references *, struct sink *,
    struct err *);
MUST_CHECK int references_sink_new(struct references *, uint64_t external,
    struct sink **, struct err *);
void references_free(struct references *);

static inline void
scope_references(struct references **r)
{
	references_free(*r);
}

#endif
