#include "engine/restore.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "component/component.h"
#include "engine/pause.h"
#include "engine/set_loader.h"
#include "repo/repo_files.h"
#include "repo/repo_keys.h"

struct run {
	const struct restore_options *o;
	struct set_loader_env env;
	struct component **component; /* in the plan's order */
};

/* --- before anything is changed */

/* Every file that the component needs is there, and its inventory is right. */
static int
look_at_files(struct run *r, const struct manifest_component *mc,
    struct err *err)
{
	if (repo_files_there(r->o->repo, &mc->files, err) ||
	    repo_files_there(r->o->repo, &mc->needs, err))
		return -1;
	for (const struct manifest_file *f = manifest_inventory_of(mc); f;
	     f = manifest_inventory_next(mc, f))
		if (repo_verify(r->o->repo, f, err))
			return -1;
	return 0;
}

static int
look_at(struct run *r, size_t i, struct err *err)
{
	const struct plan_job *j = &r->o->plan->job[i];
	const struct manifest_component *mc =
	    manifest_find(r->o->manifest, j->component->name);
	AUTO(buf) struct buf detail = { .max = 4096 };

	if (!mc || mc->status == MANIFEST_FAILED)
		return err_set(err, ERR_USAGE,
		    "it failed in this set: choose another set, or other "
		    "components with --component");
	if (r->o->exact && mc->status != MANIFEST_OK)
		return err_set(err, ERR_USAGE,
		    "the set does not hold all of it, and 'exact' would remove "
		    "what is missing there: restore without it");
	if (strcmp(mc->type, config_type_name(j->component->type)) != 0)
		return err_set(err, ERR_USAGE,
		    "it is of type '%s' in the set and of type '%s' in the "
		    "configuration",
		    mc->type, config_type_name(j->component->type));
	if (component_open(j->component, j->to, r->o->config->scratch,
	        &r->component[i], err) ||
	    r->component[i]->ops->check(r->component[i], true, &detail, err))
		return -1;
	return look_at_files(r, mc, err);
}

/* --- the run */

static void
keep_note(void *arg, const char *text)
{
	struct restore_part *p = arg;
	char *copy = NULL;
	struct err ignored = { 0 };

	log_info("component '%s': %s", p->name, text);
	if (p->nnotes < RESTORE_NOTES && str_dup(text, &copy, &ignored) == 0)
		p->notes[p->nnotes++] = copy;
}

static void
take_counts(struct set_loader *v, struct restore_part *p)
{
	p->written = atomic_load(&v->counts.written);
	p->written_bytes = atomic_load(&v->counts.written_bytes);
	p->unchanged = atomic_load(&v->counts.unchanged);
	p->removed = atomic_load(&v->counts.removed);
	p->extra = v->counts.extra;
	if (v->env->dry_run && !manifest_inventory_of(v->mc)) {
		p->written = v->mc->objects;
		p->written_bytes = v->mc->bytes;
	}
	if (p->extra)
		v->loader.ops->note(&v->loader,
		    "%ju objects that are not in the set were left alone; "
		    "'exact' removes them",
		    (uintmax_t)p->extra);
}

static int
load_part(struct run *r, struct component *c, struct set_loader *v,
    struct restore_part *part, struct err *err)
{
	int rc;

	v->note = keep_note;
	v->arg = part;
	part->objects = v->mc->objects;
	part->begun = true;
	if (progress_start(&v->meter, r->o->progress, part->name, err))
		return -1;
	progress_expect(&v->meter, v->mc->objects, v->mc->bytes);
	rc = c->ops->restore(c, &v->loader, err);
	part->seconds = progress_stop(&v->meter);
	take_counts(v, part);
	part->done = rc == 0;
	return rc;
}

static int
restore_component(struct run *r, size_t i, struct restore_part *part,
    struct err *err)
{
	const char *name = r->o->plan->job[i].component->name;
	struct set_loader v;
	int rc = set_loader_init(&v, &r->env,
	    manifest_find(r->o->manifest, name), err);

	if (rc == 0)
		rc = load_part(r, r->component[i], &v, part, err);
	set_loader_done(&v);
	return rc;
}

static bool
is_cluster(const struct run *r, size_t i)
{
	const struct plan *p = r->o->plan;

	return i < p->count && p->job[i].component->type == CONFIG_KUBERNETES;
}

static int
look_at_all(struct run *r, struct pause *pause, struct err *err)
{
	const struct plan *p = r->o->plan;

	if (repo_keys_check_open(r->o->repo, r->o->manifest, err))
		return -1;
	for (size_t i = 0; i < p->count; i++)
		if (look_at(r, i, err))
			return err_wrap(err, "component '%s'",
			    p->job[i].component->name);
	return pause_open(p, r->o->kube, r->o->clock, pause, err) ||
	               pause_look(pause, is_cluster(r, 0), err)
	           ? -1
	           : 0;
}

static int
restore_some(struct run *r, size_t from, size_t to,
    struct restore_result *result, struct err *err)
{
	for (size_t i = from; i < to; i++) {
		struct restore_part *part = &result->part[i];

		if (restore_component(r, i, part, err))
			return err_wrap(err, "component '%s'", part->name);
		log_info("component '%s': %s, %ju %swritten, %ju unchanged, "
		         "%ju removed, %.1f s",
		    part->name, r->o->dry_run ? "looked at" : "restored",
		    (uintmax_t)part->written, r->o->dry_run ? "to be " : "",
		    (uintmax_t)part->unchanged, (uintmax_t)part->removed,
		    part->seconds);
	}
	return 0;
}

/* What stands still is started again, however it ended. */
static int
restore_paused(struct run *r, struct pause *pause, size_t from,
    struct restore_result *result, struct err *err)
{
	struct err why = { 0 };
	int rc = pause_begin(pause, err) ||
	                 restore_some(r, from, r->o->plan->count, result, err)
	             ? -1
	             : 0;

	if (pause_resume(pause, &why) == 0)
		return rc;
	if (rc == 0) {
		*err = why;
		return err_wrap(err, "all is restored, but");
	}
	log_error("%s", why.msg);
	return -1;
}

/* The objects of a cluster come first: they may be what is to be paused. */
static int
run_all(struct run *r, struct restore_result *result, struct err *err)
{
	AUTO(pause) struct pause pause = { 0 };
	size_t count = r->o->plan->count, clusters = 0;

	if (look_at_all(r, &pause, err))
		return -1;
	if (r->o->dry_run)
		return restore_some(r, 0, count, result, err);
	while (is_cluster(r, clusters))
		clusters++;
	if (restore_some(r, 0, clusters, result, err))
		return -1;
	return restore_paused(r, &pause, clusters, result, err);
}

static int
name_parts(const struct plan *p, struct restore_result *result, struct err *err)
{
	*result = (struct restore_result){
		.part = calloc(p->count + 1, sizeof *result->part),
	};
	if (!result->part)
		return err_nomem(err);
	result->count = p->count; /* it is reported even now */
	for (size_t i = 0; i < p->count; i++) {
		result->part[i].name = p->job[i].component->name;
		result->part[i].type =
		    config_type_name(p->job[i].component->type);
	}
	return 0;
}

int
restore_run(const struct restore_options *o, struct restore_result *result,
    struct err *err)
{
	size_t n = o->plan->count;
	struct run r = { .o = o };
	int rc;

	if (name_parts(o->plan, result, err))
		return -1;
	r.component = calloc(n + 1, sizeof(struct component *));
	if (!r.component)
		return err_nomem(err);
	r.env = (struct set_loader_env){ .repo = o->repo,
		.config = o->config,
		.kubernetes = o->kubernetes,
		.exact = o->exact,
		.dry_run = o->dry_run };
	rc = run_all(&r, result, err);
	for (size_t i = 0; i < n; i++)
		component_free(r.component[i]);
	free(r.component);
	return rc;
}

void
restore_result_done(struct restore_result *r)
{
	for (size_t i = 0; r->part && i < r->count; i++) {
		for (size_t k = 0; k < r->part[i].nnotes; k++)
			free(r->part[i].notes[k]);
	}
	free(r->part);
	*r = (struct restore_result){ 0 };
}
