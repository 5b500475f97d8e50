#include "engine/restore.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "component/component.h"
#include "engine/limits.h"
#include "engine/load_objects.h"
#include "engine/sink_meter.h"
#include "repo/repo_files.h"
#include "repo/repo_keys.h"

struct run {
	const struct restore_options *o;
	struct rate rate;
	struct component **component; /* in the plan's order */
};

/* One component of it: what the component's loader is made of. */
struct load {
	struct loader loader;
	struct run *run;
	const struct manifest_component *mc;
	struct progress_meter meter;
	struct load_counts counts;
	struct restore_part *part;
};

/* --- the loader that a component sees */

static int
load_stream(struct loader *loader, const char *kind, struct sink *to,
    struct err *err)
{
	struct load *v = (struct load *)loader;
	const struct manifest_file *file = manifest_stream_of(v->mc, kind);
	AUTO(sink) struct sink *meter = NULL;
	bool far_failed = false;

	if (!file)
		return err_set(err, ERR_CORRUPT, "the set has no file '%s.%s'",
		    v->mc->name, kind);
	if (sink_meter_new(to, &v->meter, &v->run->rate, &far_failed, &meter,
	        err) ||
	    repo_read(v->run->o->repo, file, meter, err) ||
	    sink_finish(to, err))
		return -1;
	atomic_fetch_add(&v->counts.written, 1);
	atomic_fetch_add(&v->counts.written_bytes, to->bytes);
	progress_add(&v->meter, 1, 0);
	return 0;
}

static int
load_verify(struct loader *loader, const char *kind, struct err *err)
{
	struct load *v = (struct load *)loader;
	const struct manifest_file *file = manifest_stream_of(v->mc, kind);

	if (!file)
		return err_set(err, ERR_CORRUPT, "the set has no file '%s.%s'",
		    v->mc->name, kind);
	return repo_verify(v->run->o->repo, file, err);
}

static int
load_all_objects(struct loader *loader, const struct object_target *target,
    struct err *err)
{
	struct load *v = (struct load *)loader;
	const struct restore_options *o = v->run->o;
	struct load_env env = {
		.repo = o->repo,
		.mc = v->mc,
		.meter = &v->meter,
		.rate = &v->run->rate,
		.counts = &v->counts,
		.transfers = (unsigned)o->config->limits.transfers,
		.budget = limits_budget(o->config),
		.exact = o->exact,
		.dry_run = o->dry_run,
	};

	return load_objects(&env, target, err);
}

static void load_note(struct loader *, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
load_note(struct loader *loader, const char *fmt, ...)
{
	struct restore_part *p = ((struct load *)loader)->part;
	char text[1400], *copy = NULL;
	struct err ignored = { 0 };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_info("component '%s': %s", p->name, text);
	if (p->nnotes < RESTORE_NOTES && str_dup(text, &copy, &ignored) == 0)
		p->notes[p->nnotes++] = copy;
}

static const struct loader_ops load_ops = {
	.stream = load_stream,
	.verify = load_verify,
	.objects = load_all_objects,
	.note = load_note,
};

/* --- before anything is changed */

/* Every file that the component needs is there, and its inventory is right. */
static int
look_at_files(struct run *r, const struct manifest_component *mc,
    struct err *err)
{
	const struct manifest_file *inventory = manifest_inventory_of(mc);

	if (repo_files_there(r->o->repo, &mc->files, err) ||
	    repo_files_there(r->o->repo, &mc->needs, err))
		return -1;
	return inventory ? repo_verify(r->o->repo, inventory, err) : 0;
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
take_counts(struct load *v, struct loader *l)
{
	struct restore_part *p = v->part;

	p->written = atomic_load(&v->counts.written);
	p->written_bytes = atomic_load(&v->counts.written_bytes);
	p->unchanged = atomic_load(&v->counts.unchanged);
	p->removed = atomic_load(&v->counts.removed);
	p->extra = v->counts.extra;
	if (v->run->o->dry_run && !manifest_inventory_of(v->mc)) {
		p->written = v->mc->objects;
		p->written_bytes = v->mc->bytes;
	}
	if (p->extra)
		load_note(l,
		    "%ju objects that are not in the set were left alone; "
		    "'exact' removes them",
		    (uintmax_t)p->extra);
}

static int
restore_component(struct run *r, size_t i, struct restore_part *part,
    struct err *err)
{
	const char *name = r->o->plan->job[i].component->name;
	AUTO(json) struct json *facts = NULL;
	struct load v = { .run = r,
		.part = part,
		.mc = manifest_find(r->o->manifest, name) };
	int rc;

	v.loader = (struct loader){ .ops = &load_ops,
		.scratch = r->o->config->scratch,
		.dry_run = r->o->dry_run };
	if (v.mc->facts &&
	    json_parse(v.mc->facts, strlen(v.mc->facts), &facts, err))
		return -1;
	v.loader.facts = facts;
	part->objects = v.mc->objects;
	part->begun = true;
	if (progress_start(&v.meter, r->o->progress, name, err))
		return -1;
	progress_expect(&v.meter, v.mc->objects, v.mc->bytes);
	rc = r->component[i]->ops->restore(r->component[i], &v.loader, err);
	part->seconds = progress_stop(&v.meter);
	take_counts(&v, &v.loader);
	part->done = rc == 0;
	return rc;
}

/* The facts of a component say what may be removed: they must be known. */
static int
check_keys(struct run *r, struct err *err)
{
	const struct manifest *m = r->o->manifest;

	if (repo_keys_check(r->o->repo, m, err))
		return -1;
	return m->hidden ? err_set(err, ERR_USAGE,
	                       "set %s: its names were not decrypted", m->id)
	                 : 0;
}

static int
run_all(struct run *r, struct restore_result *result, struct err *err)
{
	const struct plan *p = r->o->plan;

	if (check_keys(r, err))
		return -1;
	for (size_t i = 0; i < p->count; i++)
		if (look_at(r, i, err))
			return err_wrap(err, "component '%s'",
			    p->job[i].component->name);
	for (size_t i = 0; i < p->count; i++) {
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

static int
name_parts(const struct plan *p, struct restore_result *result, struct err *err)
{
	*result = (struct restore_result){
		.part = calloc(p->count + 1, sizeof *result->part),
		.count = p->count,
	};
	if (!result->part)
		return err_nomem(err);
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
	rate_init(&r.rate, o->config->limits.bandwidth, o->clock);
	rc = run_all(&r, result, err);
	for (size_t i = 0; i < n; i++)
		component_free(r.component[i]);
	rate_done(&r.rate);
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
