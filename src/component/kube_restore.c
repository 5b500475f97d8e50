#include "component/kube_restore.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/str.h"
#include "base/tree.h"
#include "component/kube_apply.h"
#include "component/kube_definition.h"
#include "component/kube_missing.h"
#include "component/kube_tally.h"

enum {
	WAIT_MS = 500,
	QUIET_MS = 60 * 1000, /* without progress: it will not come */
	LONGEST_MS = 600 * 1000,
	ESTABLISH_MS = 30 * 1000, /* a definition: seconds are usual */
	SERVE_MS = 10 * 1000,     /* behind that; it may serve nothing */
	NAMES_MAX = 20,           /* of objects that failed, in notes */
	WORKERS = 8, /* more gain nothing, and a server has other callers */
	/* an object as text, as a tree and as what is sent */
	COST_OF_ANY = 64 << 10,
	COST_OF_BYTE = 16,
};

#define DEFINITIONS "customresourcedefinitions.apiextensions.k8s.io"

struct run {
	const struct kube_restore *o;
	struct loader *loader;
	struct kube_spool spool;
	struct kube_discovery served;
	struct kube_apply apply;
	struct pool *pool;
	size_t counts[KUBE_STATES];
};

/* --- what is meant */

/* As much as the name says, where the cluster does not serve it. */
static bool
is_resource_chosen(const struct run *r, const struct kube_file *f)
{
	const struct kube_select *s = &r->o->choice->select;
	char name[512];
	struct kube_resource stub = { .name = name };
	const struct kube_resource *known;
	char none[] = "";
	char *dot;

	(void)snprintf(name, sizeof name, "%s", f->resource);
	dot = strchr(name, '.');
	if (dot)
		*dot = '\0';
	stub.group = dot ? dot + 1 : none;
	stub.kind = stub.singular = stub.name;
	known = kube_discovery_find(&r->served, stub.group, stub.name);
	if (known)
		return kube_select_resource(s, &r->served, known) &&
		       (known->namespaced || kube_select_of_cluster(s, known));
	return kube_select_resource(s, NULL, &stub) &&
	       (f->namespace || kube_select_of_cluster(s, &stub));
}

static bool
is_chosen(const struct run *r, const struct kube_file *f)
{
	const struct kube_select *s = &r->o->choice->select;

	if (f->namespace && !kube_select_namespace(s, f->namespace))
		return false;
	if (!f->namespace && strcmp(f->resource, "namespaces") == 0 &&
	    !kube_select_namespace(s, f->name))
		return false;
	return is_resource_chosen(r, f);
}

/* What is not meant goes out of the list, and is not told of. */
static void
choose(struct run *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->spool.count; i++) {
		struct kube_item *it = &r->spool.item[i];

		if (is_chosen(r, &it->file))
			r->spool.item[n++] = *it;
		else
			kube_file_done(&it->file);
	}
	r->spool.count = n;
}

/* --- rounds */

/* Items of the spool, which are in order. */
struct span {
	size_t from, to;
};

static size_t
count_waiting(const struct run *r, struct span s)
{
	size_t n = 0;

	for (size_t i = s.from; i < s.to; i++)
		n += r->spool.item[i].state == KUBE_WAITS;
	return n;
}

struct job {
	const struct kube_apply *apply;
	struct kube_item *it;
};

static int
do_job(void *arg, struct err *err)
{
	AUTO(free) struct job *j = arg;

	return kube_apply(j->apply, j->it, err);
}

static int
queue_job(struct run *r, struct kube_item *it, struct err *err)
{
	uint64_t cost = COST_OF_ANY + COST_OF_BYTE * (uint64_t)it->size;
	AUTO(free) struct job *j = malloc(sizeof *j);

	if (!j)
		return err_nomem(err);
	*j = (struct job){ &r->apply, it };
	if (pool_run(r->pool, do_job, j, cost, err))
		return -1;
	TAKE(j);
	return 0;
}

/* All at once; what they are to each other changes when the last has ended. */
static int
go_pass(struct run *r, struct span s, bool owned, struct err *err)
{
	for (size_t i = s.from; i < s.to; i++) {
		struct kube_item *it = &r->spool.item[i];

		if (it->state == KUBE_WAITS && (it->behind_owner || !owned) &&
		    queue_job(r, it, err))
			return -1;
	}
	if (pool_wait(r->pool, err))
		return -1;
	for (size_t i = s.from; i < s.to; i++)
		r->spool.item[i].state = r->spool.item[i].now;
	return 0;
}

static bool
has_owned(const struct run *r, struct span s)
{
	for (size_t i = s.from; i < s.to; i++)
		if (r->spool.item[i].state == KUBE_WAITS &&
		    r->spool.item[i].behind_owner)
			return true;
	return false;
}

/* Owners may be of the same rank: they are there behind the pass that makes
 * them. */
static int
go_rank(struct run *r, struct span s, struct err *err)
{
	size_t before, waiting = count_waiting(r, s);

	if (waiting > 0 && go_pass(r, s, false, err))
		return -1;
	do {
		before = waiting;
		waiting = count_waiting(r, s);
		if (waiting == before || r->loader->dry_run || !has_owned(r, s))
			return 0;
	} while (go_pass(r, s, true, err) == 0);
	return -1;
}

/* --- definitions */

/* Definitions that were made are served a moment later. */
static int
look_again(struct run *r, struct err *err)
{
	clock_sleep_ms(r->o->clock, WAIT_MS);
	kube_discovery_done(&r->served);
	return kube_discovery_read(r->o->kube, &r->served, err);
}

/* "notebooks.kubeflow.org", as a definition is called. */
static bool
is_served(const struct run *r, const char *definition)
{
	const char *dot = strchr(definition, '.');
	char name[256];
	size_t n = dot ? (size_t)(dot - definition) : 0;

	if (n == 0 || n >= sizeof name)
		return false;
	memcpy(name, definition, n);
	name[n] = '\0';
	return kube_discovery_find(&r->served, dot + 1, name) != NULL;
}

/* *pending: worth another look. */
static int
look_at(struct run *r, struct kube_item *it, unsigned waited, bool *pending,
    struct err *err)
{
	enum kube_definition is;
	AUTO(free) char *why = NULL;
	struct err unseen = { 0 };

	*pending = false;
	if (kube_definition_look(r->o->kube, it->file.name, &is, &why,
	        &unseen)) {
		log_debug("definition '%s': %s", it->file.name, unseen.msg);
		return err_is(&unseen, ERR_NOMEM) ? err_nomem(err) : 0;
	}
	*pending = is != KUBE_DEFINITION_REFUSED && waited < ESTABLISH_MS;
	if (is == KUBE_DEFINITION_ESTABLISHED)
		*pending = waited < SERVE_MS;
	if (*pending || is == KUBE_DEFINITION_ESTABLISHED)
		return 0;
	it->state = it->now = KUBE_FAILED;
	free(TAKE(it->why));
	return why ? str_join(&it->why, err, "it is not accepted: ", why, NULL)
	           : str_dup("it is not established", &it->why, err);
}

/* What was made is served a moment later, or never: its names may be taken. */
static int
establish(struct run *r, struct span s, struct err *err)
{
	for (unsigned waited = 0;; waited += WAIT_MS) {
		bool again = false;

		for (size_t i = s.from; i < s.to; i++) {
			struct kube_item *it = &r->spool.item[i];
			bool pending = false;

			if ((it->state == KUBE_MADE ||
			        it->state == KUBE_UPDATED) &&
			    !is_served(r, it->file.name) &&
			    look_at(r, it, waited, &pending, err))
				return -1;
			again = again || pending;
		}
		if (!again)
			return 0;
		if (look_again(r, err))
			return -1;
	}
}

static int
go_definitions(struct run *r, struct span s, struct err *err)
{
	size_t before = count_waiting(r, s);

	if (go_rank(r, s, err))
		return -1;
	return count_waiting(r, s) == before || r->loader->dry_run
	           ? 0
	           : establish(r, s, err);
}

/* --- all rounds */

/* What is of one rank does not need each other. */
static int
go_round(struct run *r, struct span s, struct err *err)
{
	struct span rank = { s.from, s.from };

	for (; rank.from < s.to; rank.from = rank.to) {
		const struct kube_item *it = r->spool.item;

		while (rank.to < s.to && it[rank.to].rank == it[rank.from].rank)
			rank.to++;
		if (strcmp(it[rank.from].file.resource, DEFINITIONS) == 0
		        ? go_definitions(r, rank, err)
		        : go_rank(r, rank, err))
			return -1;
	}
	return 0;
}

/* Nothing appears in a dry run: what is missing may be of the set itself. */
static int
go_rounds(struct run *r, struct span s, struct err *err)
{
	const struct clock *clock = r->o->clock;
	int64_t began = clock_mono_ms(clock), last = began;
	size_t waiting = s.to - s.from;

	while (waiting > 0) {
		size_t before = waiting;

		if (go_round(r, s, err))
			return -1;
		waiting = count_waiting(r, s);
		if (waiting < before)
			last = clock_mono_ms(clock);
		if (r->loader->dry_run ||
		    clock_mono_ms(clock) - last > QUIET_MS ||
		    clock_mono_ms(clock) - began > LONGEST_MS)
			break;
		if (waiting > 0 && look_again(r, err))
			return -1;
	}
	return 0;
}

/* What guards others stands in their way until each of them has had its turns.
 */
static int
go_all(struct run *r, struct err *err)
{
	struct span rest = { 0, r->spool.count };
	struct span guards = { r->spool.count, r->spool.count };

	while (guards.from > 0 &&
	       kube_spool_guards(&r->spool.item[guards.from - 1]))
		guards.from--;
	rest.to = guards.from;
	return go_rounds(r, rest, err) || go_rounds(r, guards, err) ? -1 : 0;
}

/* --- what came of it */

static void
settle(struct run *r)
{
	for (size_t i = 0; i < r->spool.count; i++) {
		struct kube_item *it = &r->spool.item[i];

		if (it->state == KUBE_WAITS && !r->loader->dry_run)
			it->state = KUBE_FAILED;
		r->counts[it->state]++;
	}
}

static void
name_item(const struct run *r, const struct kube_item *it, const char *what)
{
	r->loader->ops->note(r->loader, "%s: %s %s%s%s: %s", what,
	    it->file.resource, it->file.namespace ? it->file.namespace : "",
	    it->file.namespace ? "/" : "", it->file.name,
	    it->why ? it->why : "");
}

/* "left out, 3: why", for each reason. */
static void
tell_tally(struct run *r, const struct kube_tally *t, const char *what)
{
	for (size_t i = 0; i < t->count; i++)
		r->loader->ops->note(r->loader, "%s, %ju: %s", what,
		    (uintmax_t)t->item[i].count, t->item[i].name);
}

static int
tell_left_out(struct run *r, struct err *err)
{
	AUTO(kube_tally) struct kube_tally why = { 0 };

	for (size_t i = 0; i < r->spool.count; i++) {
		const struct kube_item *it = &r->spool.item[i];

		if (it->state != KUBE_LEFT_OUT)
			continue;
		log_info("left out: %s %s%s%s: %s", it->file.resource,
		    it->file.namespace ? it->file.namespace : "",
		    it->file.namespace ? "/" : "", it->file.name, it->why);
		if (kube_tally_add(&why, it->why ? it->why : "", 1, err))
			return -1;
	}
	tell_tally(r, &why, "left out");
	return 0;
}

static int
tell_moved(struct run *r, struct err *err)
{
	AUTO(kube_tally) struct kube_tally moved = { 0 };

	for (size_t i = 0; i < r->spool.count; i++) {
		const struct kube_item *it = &r->spool.item[i];

		if (it->moved && it->state != KUBE_FAILED &&
		    it->state != KUBE_LEFT_OUT &&
		    kube_tally_add(&moved, it->moved, 1, err))
			return -1;
	}
	tell_tally(r, &moved, "in another version");
	return 0;
}

/* Which definition or API is missing: asked for once a resource, as its items
 * stand together. */
static int
explain(struct run *r, struct err *err)
{
	AUTO(free) char *why = NULL;
	const char *of = NULL;

	for (size_t i = 0; i < r->spool.count; i++) {
		struct kube_item *it = &r->spool.item[i];
		AUTO(free) char *kind = NULL;

		if (it->state != KUBE_FAILED || !it->unserved)
			continue;
		if (!of || strcmp(of, it->file.resource) != 0) {
			of = it->file.resource;
			free(TAKE(why));
			if (kube_definition_why(r->o->kube, &r->served, of,
			        &why, err))
				return -1;
		}
		kind = TAKE(it->why);
		if (str_join(&it->why, err, kind, ": ", why, NULL))
			return -1;
	}
	return 0;
}

static int
tell(struct run *r, struct err *err)
{
	const struct kube_item *first = NULL;
	size_t named = 0;

	settle(r);
	r->loader->ops->note(r->loader,
	    "objects%s: %zu made, %zu updated, %zu unchanged, %zu left out, "
	    "%zu failed",
	    r->loader->dry_run ? ", as the server's dry run says" : "",
	    r->counts[KUBE_MADE], r->counts[KUBE_UPDATED],
	    r->counts[KUBE_UNCHANGED], r->counts[KUBE_LEFT_OUT],
	    r->counts[KUBE_FAILED]);
	if (r->counts[KUBE_WAITS])
		r->loader->ops->note(r->loader,
		    "%zu cannot be tried before others are there",
		    r->counts[KUBE_WAITS]);
	if (tell_left_out(r, err) || tell_moved(r, err) || explain(r, err) ||
	    kube_missing(&r->apply, r->loader, err))
		return -1;
	for (size_t i = 0; i < r->spool.count; i++) {
		const struct kube_item *it = &r->spool.item[i];

		if (it->state != KUBE_FAILED)
			continue;
		first = first ? first : it;
		if (named++ < NAMES_MAX)
			name_item(r, it, "failed");
	}
	return first ? err_set(err, ERR_REMOTE,
	                   "%zu of %zu objects failed; the first is %s '%s': "
	                   "%s",
	                   named, r->spool.count, first->file.resource,
	                   first->file.name, first->why ? first->why : "")
	             : 0;
}

/* --- the run */

static unsigned
workers(const struct loader *l)
{
	return l->transfers == 0        ? 1
	       : l->transfers < WORKERS ? l->transfers
	                                : WORKERS;
}

static int
run(struct run *r, struct err *err)
{
	const struct pool_size size = { .workers = workers(r->loader),
		.budget = r->loader->budget,
		.each = r->loader->each };

	if (kube_spool_fill(&r->spool, r->loader, err) ||
	    kube_discovery_read(r->o->kube, &r->served, err))
		return -1;
	choose(r);
	if (pool_new(&size, &r->pool, err))
		return -1;
	r->apply = (struct kube_apply){ .kube = r->o->kube,
		.choice = r->o->choice,
		.spool = &r->spool,
		.served = &r->served,
		.dry_run = r->loader->dry_run };
	return go_all(r, err) || tell(r, err) ? -1 : 0;
}

int
kube_restore(const struct kube_restore *o, struct loader *loader,
    struct err *err)
{
	struct run r = { .o = o, .loader = loader, .spool = { .fd = -1 } };
	int rc = run(&r, err);

	pool_free(r.pool);
	kube_spool_done(&r.spool);
	kube_discovery_done(&r.served);
	return rc;
}
