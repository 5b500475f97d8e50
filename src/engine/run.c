#include "engine/run.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "crypto/age_keys.h"
#include "repo/inventory.h"
#include "repo/repo_keys.h"

/* --- the run */

int
run_open(struct run *r, struct err *err)
{
	const struct plan *p = r->o->plan;

	for (size_t i = 0; i < p->count; i++) {
		const struct config_component *cc = p->job[i].component;

		if (component_open(cc, NULL, r->o->config->scratch,
		        &r->component[i], err))
			return err_wrap(err, "component '%s'", cc->name);
	}
	return 0;
}

int
run_look(struct run *r, struct err *err)
{
	const struct plan *p = r->o->plan;
	size_t fit = 0;

	if (run_open(r, err))
		return -1;
	for (size_t i = 0; i < p->count; i++) {
		AUTO(buf) struct buf detail = { .max = 4096 };

		if (r->component[i]->ops->check(r->component[i], false, &detail,
		        &r->unfit[i]))
			continue;
		r->unfit[i] = (struct err){ 0 };
		fit++;
	}
	if (fit > 0)
		return 0;
	*err = r->unfit[0];
	return err_wrap(err, "component '%s'", p->job[0].component->name);
}

static bool
in_plan(const struct plan *p, const struct config_component *c)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->job[i].component == c)
			return true;
	return false;
}

/* What is not in the set, in words. */
static int
say_missing(struct run *r, struct err *err)
{
	const struct config *c = r->o->config;
	bool encrypted = set_manifest(r->set)->nrecipients > 0;
	char text[1400];

	for (size_t i = 0; i < c->ncomponents; i++) {
		if (in_plan(r->o->plan, &c->components[i]))
			continue;
		(void)snprintf(text, sizeof text,
		    "component '%s': not chosen for this set",
		    c->components[i].name);
		if (set_missing(r->set, text, err))
			return -1;
	}
	for (size_t i = 0; i < set_manifest(r->set)->ncomponents; i++) {
		const struct manifest_component *mc =
		    &set_manifest(r->set)->component[i];

		if (mc->status == MANIFEST_OK)
			continue;
		/* Its message may show keys: in an encrypted set it is not
		 * where everybody can read it. */
		(void)snprintf(text, sizeof text, "component '%s': %s%s%.1000s",
		    mc->name, manifest_status_name(mc->status),
		    mc->message && !encrypted ? ": " : "",
		    mc->message && !encrypted ? mc->message : "");
		if (set_missing(r->set, text, err))
			return -1;
	}
	return set_missing(r->set,
	    "what no component names: other databases, Kubernetes objects, "
	    "volumes of user namespaces",
	    err);
}

/* Without an identity only from a copy, which may not have been possible. */
static bool
can_look_up(const struct run *r, const struct manifest_component *mc)
{
	struct err why = { 0 };

	if (inventory_readable(r->o->repo, set_manifest(r->set), mc, &why) == 0)
		return true;
	log_warning("component '%s': references into it are not looked up: %s",
	    mc->name, why.msg);
	return false;
}

/* Only now all of it is stored that may be referred to. */
static int
check_references(struct run *r, struct err *err)
{
	struct manifest_references *result = set_references(r->set);
	const struct plan *p = r->o->plan;

	if (!r->references)
		return 0;
	result->checked = references_any(r->references, &result->external);
	for (size_t i = 0; result->checked && i < p->count; i++) {
		struct manifest_component *mc =
		    manifest_find(set_manifest(r->set),
		        p->job[i].component->name);

		if (mc && mc->status != MANIFEST_FAILED && can_look_up(r, mc) &&
		    references_check(r->references, i, r->component[i],
		        r->o->repo, mc, result, err))
			return err_wrap(err, "references into '%s'", mc->name);
	}
	return 0;
}

int
run_any_saved(const struct run *r, struct err *err)
{
	const struct manifest *m = set_manifest(r->set);

	for (size_t i = 0; i < m->ncomponents; i++)
		if (m->component[i].status != MANIFEST_FAILED)
			return 0;
	return err_set(err, ERR_IO, "component '%s': %.1000s",
	    m->component[0].name, m->component[0].message);
}

/*
 * Who forgot the recipients would not notice that from now on everybody can
 * read the sets.
 */
static int
refuse_plain(const struct run *r, const struct repo_sets *sets, struct err *err)
{
	struct repo *repo = r->o->repo;
	char id[LAYOUT_ID_SIZE];
	bool encrypted = false;

	if (r->o->config->repository.plain || repo_keys(repo)->nrecipients > 0)
		return 0;
	if (repo_keys_newest(repo, sets, id, &encrypted, err))
		return -1;
	return encrypted ? err_set(err, ERR_USAGE,
	                       "set %s is encrypted, and the configuration "
	                       "names no recipients: give the repository "
	                       "'encryption' with 'recipients', or "
	                       "'encryption: none' to go on in the clear",
	                       id)
	                 : 0;
}

/* For each component the newest set that has it.  One that is encrypted to
 * others is no parent: why nothing is built on it is said later. */
static int
find_before(struct run *r, const char **parent, struct err *err)
{
	const struct plan *p = r->o->plan;
	const struct manifest *newest = NULL;
	AUTO(free) const char **names = calloc(p->count + 1, sizeof *names);

	if (!names)
		return err_nomem(err);
	for (size_t i = 0; i < p->count; i++)
		names[i] = p->job[i].component->name;
	if (!r->o->full && repo_latest_each(r->o->repo, set_others(r->set),
	                       names, p->count, r->before, err))
		return -1;
	for (size_t i = 0; i < p->count; i++) {
		const struct manifest *m = r->before[i];

		if (m && repo_keys_same(r->o->repo, m) &&
		    (!newest || strcmp(m->id, newest->id) > 0))
			newest = m;
	}
	*parent = newest ? newest->id : NULL;
	return 0;
}

static void
free_before(struct run *r)
{
	for (size_t i = 0; r->before && i < r->o->plan->count; i++) {
		bool shared = false;

		for (size_t k = 0; k < i; k++)
			shared = shared || r->before[k] == r->before[i];
		if (!shared)
			manifest_free(r->before[i]);
	}
	free(r->before);
}

/* What was read before may be read: that costs no request again. */
static void
try_unread(struct run *r)
{
	for (size_t i = 0; i < r->o->plan->count; i++) {
		AUTO(buf) struct buf detail = { .max = 4096 };
		struct component *c = r->component[i];

		if (!r->before[i] && err_is(&r->unfit[i], ERR_NONE) &&
		    c->ops->try_read)
			(void)c->ops->try_read(c, &detail, &r->unfit[i]);
	}
}

int
run_begin(struct run *r, struct err *err)
{
	const struct backup_options *o = r->o;
	AUTO(repo_sets) struct repo_sets sets = { 0 };
	const char *parent = NULL;
	unsigned swept = 0;
	struct err quiet = { 0 };
	struct set_options so = { .name = o->config->repository.name,
		.label = o->label,
		.tool = o->tool,
		.by = o->by,
		.clock = o->clock,
		.seen = &sets };

	if (repo_sweep(o->repo, &swept, &quiet))
		log_warning("left-over uploads stay: %s", quiet.msg);
	if (swept)
		log_info("%u unfinished uploads of dead runs removed", swept);
	/* in this order: see set.h */
	if (repo_folders(o->repo, "", &sets, err) ||
	    refuse_plain(r, &sets, err) ||
	    set_begin(o->repo, &so, &r->set, err) ||
	    find_before(r, &parent, err) ||
	    (parent && set_parent(r->set, parent, err)))
		return -1;
	try_unread(r);
	log_info("set %s: begun%s%s", set_id(r->set),
	    parent ? ", built on " : ", full", parent ? parent : "");
	return 0;
}

int
run_commit(struct run *r, struct manifest **ret, struct err *err)
{
	if (run_any_saved(r, err) || check_references(r, err) ||
	    say_missing(r, err) || set_commit(r->set, err))
		return -1;
	if (repo_manifest_in(r->o->repo, set_folder(r->set), ret, err))
		return err_wrap(err,
		    "set %s is stored, but cannot be read back",
		    set_id(r->set));
	if (set_reveal(r->set, *ret, err)) {
		manifest_free(TAKE(*ret));
		return -1;
	}
	log_info("set %s: %s", set_id(r->set), manifest_status(*ret));
	return 0;
}

/* --- beginning and end */

int
run_init(struct run *r, const struct backup_options *o, struct err *err)
{
	size_t n = o->plan->count;

	*r = (struct run){ .o = o,
		.component = calloc(n + 1, sizeof(struct component *)),
		.before = calloc(n + 1, sizeof(struct manifest *)),
		.unfit = calloc(n + 1, sizeof(struct err)) };
	return r->component && r->before && r->unfit ? 0 : err_nomem(err);
}

void
run_done(struct run *r)
{
	for (size_t i = 0; r->component && i < r->o->plan->count; i++)
		component_free(r->component[i]);
	set_free(r->set);
	references_free(r->references);
	free_before(r);
	free(r->component);
	free(r->unfit);
}
