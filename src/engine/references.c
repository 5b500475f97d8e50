#include "engine/references.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/str.h"
#include "component/sqlite_bag.h"
#include "repo/inventory.h"

/* A source is asked for so many keys at most; the rest is "unknown". */
enum { ASKED_MAX = 1000 };

struct references {
	const struct plan *plan;
	const char *scratch;
	struct sqlite_bag **bag; /* one for each job; NULL: no reference */
	uint64_t external;
	bool any;
};

int
references_new(const struct plan *plan, const char *scratch,
    struct references **ret, struct err *err)
{
	AUTO(references) struct references *r = calloc(1, sizeof *r);

	if (!r)
		return err_nomem(err);
	r->plan = plan;
	r->scratch = scratch;
	r->bag = calloc(plan->count + 1, sizeof(struct sqlite_bag *));
	if (!r->bag)
		return err_nomem(err);
	*ret = TAKE(r);
	return 0;
}

void
references_free(struct references *r)
{
	if (!r)
		return;
	for (size_t i = 0; r->bag && i < r->plan->count; i++)
		sqlite_bag_free(r->bag[i]);
	free(r->bag);
	free(r);
}

bool
references_any(const struct references *r, uint64_t *external)
{
	*external = r->external;
	return r->any;
}

/* --- collecting */

/* "bucket/key" behind the scheme of an object store; NULL: another uri. */
static const char *
behind_scheme(const char *uri)
{
	static const char *const scheme[] = { "s3://", "minio://" };

	for (size_t i = 0; i < sizeof scheme / sizeof *scheme; i++)
		if (str_starts(uri, scheme[i]))
			return uri + strlen(scheme[i]);
	return NULL;
}

/* Is it that bucket, and a key that the component saves?  Then the key. */
static const char *
key_in(const struct config_component *c, const char *where)
{
	size_t n;

	if (c->type != CONFIG_BUCKET)
		return NULL;
	n = strlen(c->bucket.s3.bucket);
	if (strncmp(where, c->bucket.s3.bucket, n) != 0 || where[n] != '/')
		return NULL;
	where += n + 1;
	return !c->bucket.prefix || str_starts(where, c->bucket.prefix) ? where
	                                                                : NULL;
}

static int
add_key(struct references *r, size_t i, const char *key, struct err *err)
{
	if (!r->bag[i] && sqlite_bag_new(r->scratch, &r->bag[i], err))
		return -1;
	return sqlite_bag_add(r->bag[i], key, err);
}

int
references_add(struct references *r, const char *uri, struct err *err)
{
	const char *where = behind_scheme(uri), *key = NULL;
	size_t i = 0;

	r->any = true;
	for (; where && i < r->plan->count; i++) {
		key = key_in(r->plan->job[i].component, where);
		if (key)
			break;
	}
	if (!key || !*key) {
		r->external++;
		return 0;
	}
	return add_key(r, i, key, err);
}

/* --- by way of a file */

static int
write_line(struct sink *to, const char *component, const char *key,
    struct buf *line, struct err *err)
{
	struct jsonw w;

	buf_clear(line);
	jsonw_begin(&w, line, 0);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "component", component);
	inventory_encode_text(&w, "key", key);
	jsonw_close(&w);
	if (jsonw_end(&w, err) || buf_puts(line, "\n", err))
		return -1;
	return sink_write(to, line->data, line->len, err);
}

int
references_write(struct references *r, struct sink *to, struct err *err)
{
	AUTO(buf) struct buf line = { .max = INVENTORY_LINE_MAX };
	const char *key = NULL;

	for (size_t i = 0; i < r->plan->count; i++)
		while (r->bag[i]) {
			if (sqlite_bag_next(r->bag[i], &key, err))
				return -1;
			if (!key)
				break;
			if (write_line(to, r->plan->job[i].component->name, key,
			        &line, err))
				return -1;
		}
	return 0;
}

static int
read_line(struct references *r, const char *line, size_t n, struct err *err)
{
	AUTO(json) struct json *j = NULL;
	AUTO(free) char *key = NULL;
	const char *name;

	if (json_parse(line, n, &j, err) ||
	    json_str(j, "component", &name, err) ||
	    inventory_decode_text(j, "key", &key, err))
		return -1;
	for (size_t i = 0; key && i < r->plan->count; i++)
		if (strcmp(r->plan->job[i].component->name, name) == 0)
			return add_key(r, i, key, err);
	return err_set(err, ERR_CORRUPT,
	    "a reference into '%.80s' has no place here", name);
}

/* Lines may come in pieces. */
struct lines {
	struct sink sink;
	struct references *to;
	struct buf rest;
};

static int
lines_write(struct sink *s, const void *bytes, size_t n, struct err *err)
{
	struct lines *l = (struct lines *)s;
	const char *p = bytes, *end;

	for (; (end = memchr(p, '\n', n)) != NULL; p = end + 1) {
		size_t k = (size_t)(end - p);

		if (buf_add(&l->rest, p, k, err) ||
		    read_line(l->to, l->rest.data, l->rest.len, err))
			return -1;
		buf_clear(&l->rest);
		n -= k + 1;
	}
	return buf_add(&l->rest, p, n, err);
}

static int
lines_finish(struct sink *s, struct err *err)
{
	return ((struct lines *)s)->rest.len == 0
	           ? 0
	           : err_set(err, ERR_CORRUPT, "the last line is cut short");
}

static void
lines_free(struct sink *s)
{
	buf_done(&((struct lines *)s)->rest);
	free(s);
}

static const struct sink_ops lines_ops = {
	.name = "references",
	.write = lines_write,
	.finish = lines_finish,
	.free = lines_free,
};

int
references_sink_new(struct references *r, uint64_t external, struct sink **ret,
    struct err *err)
{
	struct lines *l = calloc(1, sizeof *l);

	if (!l)
		return err_nomem(err);
	l->to = r;
	l->rest.max = INVENTORY_LINE_MAX;
	r->any = true;
	r->external = external;
	*ret = sink_init(&l->sink, &lines_ops, NULL);
	return 0;
}

/* --- looking up */

/* A reference that may be a folder whose objects come later: others, such as
 * "a-b", stand between "a" and "a/". */
struct waiting {
	struct waiting *next;
	char folder[]; /* with its '/' */
};

struct lookup {
	struct sqlite_bag *bag;
	struct inventory *inventory;
	struct inventory_entry entry; /* the first that is not before */
	bool more;
	struct waiting *waiting;
	struct component *source;
	const char *bucket;
	struct manifest_references *result;
	uint64_t lost; /* of this component: */
	const char *first_lost;
	unsigned asked;
};

static int
name_one(const struct lookup *l, const char *key, char **names, size_t *n,
    struct err *err)
{
	if (*n == MANIFEST_NAMED)
		return 0;
	if (str_printf(&names[*n], err, "s3://%s/%s", l->bucket, key))
		return -1;
	++*n;
	return 0;
}

/* Not in the set.  Does the source have it? */
static int
miss(struct lookup *l, const char *key, struct err *err)
{
	struct manifest_references *r = l->result;
	bool there;

	if (!l->source || l->asked++ >= ASKED_MAX) {
		r->unknown++;
		return 0;
	}
	if (l->source->ops->has(l->source, key, &there, err)) {
		log_warning("component '%s': what is missing is not looked for "
		            "in the source: %s",
		    l->source->name, err->msg);
		l->asked = ASKED_MAX;
		r->unknown++;
		return 0;
	}
	if (!there) {
		r->dangling++;
		return name_one(l, key, r->dangling_uris, &r->ndangling_uris,
		    err);
	}
	r->lost++;
	if (name_one(l, key, r->lost_uris, &r->nlost_uris, err))
		return -1;
	if (l->lost++ == 0)
		l->first_lost = r->lost_uris[r->nlost_uris - 1];
	return 0;
}

static int
wait_for(struct lookup *l, const char *key, struct err *err)
{
	size_t n = strlen(key);
	struct waiting *w = malloc(sizeof *w + n + 2);

	if (!w)
		return err_nomem(err);
	memcpy(w->folder, key, n);
	w->folder[n] = '/';
	w->folder[n + 1] = '\0';
	w->next = l->waiting;
	l->waiting = w;
	return 0;
}

/* The folder was not there: name the reference as it was. */
static int
miss_folder(struct lookup *l, struct waiting *w, struct err *err)
{
	w->folder[strlen(w->folder) - 1] = '\0';
	return miss(l, w->folder, err);
}

/* Who waits for a folder that this key, or the end, decides? */
static int
decide(struct lookup *l, const char *key, struct err *err)
{
	struct waiting **at = &l->waiting;

	while (*at) {
		struct waiting *w = *at;
		bool found = key && str_starts(key, w->folder);
		int rc = 0;

		if (!found && key && strcmp(key, w->folder) < 0) {
			at = &w->next;
			continue;
		}
		if (found)
			l->result->found++;
		else
			rc = miss_folder(l, w, err);
		*at = w->next;
		free(w);
		if (rc)
			return -1;
	}
	return 0;
}

static int
next_entry(struct lookup *l, struct err *err)
{
	if (inventory_next(l->inventory, &l->entry, &l->more, err))
		return -1;
	return decide(l, l->more ? l->entry.object.key : NULL, err);
}

static int
look_up(struct lookup *l, const char *key, struct err *err)
{
	const char *have;
	size_t n = strlen(key);

	while (l->more && strcmp(l->entry.object.key, key) < 0)
		if (next_entry(l, err))
			return -1;
	if (!l->more)
		return miss(l, key, err);
	have = l->entry.object.key;
	if (strcmp(have, key) == 0 ||
	    (str_starts(have, key) && (key[n - 1] == '/' || have[n] == '/'))) {
		l->result->found++;
		return 0;
	}
	if (key[n - 1] != '/' && str_starts(have, key) && have[n] < '/')
		return wait_for(l, key, err);
	return miss(l, key, err);
}

static int
walk(struct lookup *l, struct err *err)
{
	const char *key = NULL;

	if (next_entry(l, err))
		return -1;
	for (;;) {
		if (sqlite_bag_next(l->bag, &key, err))
			return -1;
		if (!key)
			break;
		if (look_up(l, key, err))
			return -1;
	}
	while (l->more)
		if (next_entry(l, err))
			return -1;
	return decide(l, NULL, err);
}

static int
degrade(const struct lookup *l, struct manifest_component *mc, struct err *err)
{
	if (l->lost == 0)
		return 0;
	log_warning("component '%s': %" PRIu64 " objects that databases of the "
	            "set refer to are in the source and not in the set",
	    mc->name, l->lost);
	mc->status = MANIFEST_DEGRADED;
	if (mc->message)
		return 0;
	return str_printf(&mc->message, err,
	    "%" PRIu64 " objects that databases of the set refer to are not in "
	    "the set, the first: '%s'",
	    l->lost, l->first_lost);
}

static void
lookup_done(struct lookup *l)
{
	while (l->waiting) {
		struct waiting *w = l->waiting;

		l->waiting = w->next;
		free(w);
	}
	inventory_free(l->inventory);
	inventory_entry_done(&l->entry);
}

/* Room for the names that are kept. */
static int
want_names(struct manifest_references *r, struct err *err)
{
	if (!r->lost_uris)
		r->lost_uris = calloc(MANIFEST_NAMED, sizeof *r->lost_uris);
	if (!r->dangling_uris)
		r->dangling_uris =
		    calloc(MANIFEST_NAMED, sizeof *r->dangling_uris);
	return r->lost_uris && r->dangling_uris ? 0 : err_nomem(err);
}

int
references_check(struct references *r, size_t i, struct component *source,
    struct repo *repo, struct manifest_component *mc,
    struct manifest_references *result, struct err *err)
{
	struct lookup l = { .bag = r->bag[i],
		.source = source,
		.result = result,
		.bucket = r->plan->job[i].component->bucket.s3.bucket };
	int rc;

	if (!l.bag || !manifest_inventory_of(mc))
		return 0;
	if (want_names(result, err))
		return -1;
	rc = inventory_open(repo, mc, &l.inventory, err);
	if (rc == 0)
		rc = walk(&l, err);
	if (rc == 0)
		rc = degrade(&l, mc, err);
	lookup_done(&l);
	return rc;
}
