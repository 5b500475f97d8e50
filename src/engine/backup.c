#include "engine/backup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "component/component.h"
#include "crypto/age_keys.h"
#include "engine/limits.h"
#include "engine/references.h"
#include "engine/save_objects.h"
#include "engine/sink_meter.h"
#include "repo/inventory.h"
#include "repo/repo_files.h"
#include "repo/repo_keys.h"
#include "repo/set.h"

/* One run. */
struct run {
	const struct backup_options *o;
	struct set *set;
	struct references *references;
	/* In the plan's order: */
	struct component **component;
	struct manifest **before; /* set to build on; NULL: none.  Components
	                           * may share one. */
	struct err *unfit;        /* what its check said */
};

/* One component of it: what the component's saver is made of. */
struct save {
	struct saver saver;
	struct run *run;
	const struct manifest *before; /* NULL: everything is read */
	struct manifest_component *mc;
	struct progress_meter meter;
	struct save_objects *objects;  /* NULL: none named yet */
	_Atomic unsigned packs, files; /* last numbers that were used */
};

/* --- the saver that a component sees */

/* Passes on to the set's file; counts on the way. */
struct stream {
	struct sink sink;
	struct save *save;
};

static int
stream_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct save *v = ((struct stream *)s)->save;

	if (sink_write(s->next, p, n, err))
		return -1;
	progress_add(&v->meter, 0, n);
	return 0;
}

static int
stream_finish(struct sink *s, struct err *err)
{
	struct save *v = ((struct stream *)s)->save;

	(void)err;
	v->mc->objects++;
	v->mc->new_objects++;
	v->mc->bytes += s->bytes;
	progress_add(&v->meter, 1, 0);
	return 0;
}

static void
stream_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops stream_ops = {
	.name = "save",
	.write = stream_write,
	.finish = stream_finish,
	.free = stream_free,
};

static int
save_stream(struct saver *saver, const char *kind, struct sink **out,
    struct err *err)
{
	struct save *v = (struct save *)saver;
	char name[LAYOUT_KEY_SIZE];
	struct sink *file = NULL;
	struct stream *s;

	(void)snprintf(name, sizeof name, "%s.%s", v->mc->name, kind);
	if (set_file(v->run->set, v->mc, name, SET_AHEAD, NULL, &file, err))
		return -1;
	s = calloc(1, sizeof *s);
	if (!s) {
		sink_free(file);
		return err_nomem(err);
	}
	s->save = v;
	*out = sink_init(&s->sink, &stream_ops, file);
	return 0;
}

static void save_note(struct saver *, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* There as a whole, and its inventory can be read. */
static int
check_files(struct save *v, const struct manifest_component *c, struct err *err)
{
	struct repo *repo = v->run->o->repo;

	if (repo_files_there(repo, &c->files, err) ||
	    repo_files_there(repo, &c->needs, err))
		return -1;
	return inventory_readable(repo, v->before, c, err);
}

/* What cannot be built on is passed over: everything is read again. */
static int
check_before(struct save *v, const struct manifest_component **ret,
    struct err *err)
{
	const struct manifest_component *c =
	    v->before ? manifest_find(v->before, v->mc->name) : NULL;
	struct err why = { 0 };

	*ret = NULL;
	if (!c)
		return 0;
	if (!repo_keys_same(v->run->o->repo, v->before)) {
		save_note(&v->saver, "set %s is %s, everything is read again",
		    v->before->id,
		    v->before->nrecipients ? "encrypted to others"
		                           : "not encrypted");
		return 0;
	}
	if (check_files(v, c, &why) == 0) {
		*ret = c;
		return 0;
	}
	if (!err_is(&why, ERR_NOTFOUND) && !err_is(&why, ERR_CORRUPT) &&
	    !err_is(&why, ERR_USAGE)) {
		*err = why;
		return -1;
	}
	log_warning("component '%s': set %s cannot be built on, everything is "
	            "read again: %s",
	    v->mc->name, v->before->id, why.msg);
	return 0;
}

static int
begin_objects(struct save *v, struct err *err)
{
	const struct config *c = v->run->o->config;
	struct save_env env = {
		.repo = v->run->o->repo,
		.set = v->run->set,
		.mc = v->mc,
		.meter = &v->meter,
		.transfers = (unsigned)c->limits.transfers,
		.budget = limits_budget(c),
		.pack_number = &v->packs,
		.object_number = &v->files,
	};

	if (check_before(v, &env.before, err))
		return -1;
	if (env.before)
		progress_expect(&v->meter, env.before->objects,
		    env.before->bytes);
	return save_objects_new(&env, &v->objects, err);
}

static int
save_object(struct saver *saver, const struct object_source *source,
    struct object *listed, struct err *err)
{
	struct save *v = (struct save *)saver;

	if (!v->objects && begin_objects(v, err))
		return -1;
	return save_objects_add(v->objects, source, listed, err);
}

static int
save_objects_done(struct saver *saver, struct err *err)
{
	struct save *v = (struct save *)saver;

	if (!v->objects && begin_objects(v, err))
		return -1;
	return save_objects_end(v->objects, err);
}

static void
save_expect(struct saver *saver, uint64_t objects, uint64_t bytes)
{
	progress_expect(&((struct save *)saver)->meter, objects, bytes);
}

static void save_degraded(struct saver *, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

static void
save_degraded(struct saver *saver, const char *fmt, ...)
{
	struct manifest_component *mc = ((struct save *)saver)->mc;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_warning("component '%s': %s", mc->name, text);
	mc->status = MANIFEST_DEGRADED;
	if (!mc->message)
		mc->message = strdup(text);
}

static void
save_note(struct saver *saver, const char *fmt, ...)
{
	struct manifest_component *mc = ((struct save *)saver)->mc;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_info("component '%s': %s", mc->name, text);
	if (!mc->message)
		mc->message = strdup(text);
}

static int
save_facts(struct saver *saver, const char *json, struct err *err)
{
	struct manifest_component *mc = ((struct save *)saver)->mc;

	free(TAKE(mc->facts));
	return str_dup(json, &mc->facts, err);
}

static int
save_reference(struct saver *saver, const char *uri, struct err *err)
{
	struct run *r = ((struct save *)saver)->run;

	if (!r->references || references_add(r->references, uri, err) == 0)
		return 0;
	if (err_is(err, ERR_NOMEM))
		return -1;
	log_warning("references are not looked up: %s", err->msg);
	references_free(TAKE(r->references));
	return 0;
}

static const struct saver_ops save_ops = {
	.stream = save_stream,
	.object = save_object,
	.objects_end = save_objects_done,
	.expect = save_expect,
	.degraded = save_degraded,
	.note = save_note,
	.facts = save_facts,
	.reference = save_reference,
};

/* --- one component */

static void
reset_counts(struct save *v)
{
	struct manifest_component *mc = v->mc;

	save_objects_free(TAKE(v->objects)); /* nobody counts any more */
	mc->objects = mc->bytes = mc->new_objects = mc->gone = 0;
	while (mc->nunread > 0)
		free(mc->unread[--mc->nunread]);
	manifest_files_done(&mc->needs);
	progress_expect(&v->meter, 0, 0);
}

/* Again, as a full one, where the set before turns out to be damaged. */
static int
save_twice(struct save *v, struct component *c, struct err *err)
{
	if (c->ops->backup(c, &v->saver, err) == 0)
		return 0;
	if (!v->before || !v->objects ||
	    !save_objects_before_broken(v->objects))
		return -1;
	log_warning("component '%s': set %s cannot be built on, everything is "
	            "read again: %s",
	    v->mc->name, v->before->id, err->msg);
	reset_counts(v);
	v->before = NULL;
	return c->ops->backup(c, &v->saver, err);
}

static int
note_failure(struct manifest_component *mc, const struct err *why,
    struct err *err)
{
	log_warning("component '%s' failed: %s", mc->name, why->msg);
	mc->status = MANIFEST_FAILED;
	mc->objects = mc->bytes = mc->new_objects = mc->gone = 0;
	manifest_files_done(&mc->needs);
	free(TAKE(mc->message));
	return str_dup(why->msg, &mc->message, err);
}

static void
log_component(const struct manifest_component *mc)
{
	char size[16], stored[16];

	str_bytes(mc->bytes, size);
	str_bytes(mc->stored_bytes, stored);
	log_info("component '%s': %s, %ju objects, %s, %ju new, %s stored, "
	         "%.1f s",
	    mc->name, manifest_status_name(mc->status), (uintmax_t)mc->objects,
	    size, (uintmax_t)mc->new_objects, stored, mc->seconds);
}

/* -1 only when the set as a whole cannot go on. */
static int
save_component(struct run *r, size_t i, struct err *err)
{
	const struct config_component *cc = r->o->plan->job[i].component;
	struct save v = { .saver = { &save_ops, r->o->config->scratch },
		.run = r,
		.before = r->before[i] };
	struct err why = r->unfit[i];
	int rc = -1;

	if (set_component(r->set, cc->name, config_type_name(cc->type), &v.mc,
	        err))
		return -1;
	v.mc->started = clock_now(r->o->clock);
	if (progress_start(&v.meter, r->o->progress, cc->name, err))
		return -1;
	if (err_is(&why, ERR_NONE))
		rc = save_twice(&v, r->component[i], &why);
	save_objects_free(v.objects);
	v.mc->seconds = progress_stop(&v.meter);
	v.mc->finished = clock_now(r->o->clock);
	if (rc && note_failure(v.mc, &why, err))
		return -1;
	log_component(v.mc);
	return 0;
}

/* --- the run */

/* Every component is looked at before anything is written. */
static int
look(struct run *r, struct err *err)
{
	const struct plan *p = r->o->plan;
	size_t fit = 0;

	for (size_t i = 0; i < p->count; i++) {
		AUTO(buf) struct buf detail = { .max = 4096 };
		const struct config_component *cc = p->job[i].component;

		if (component_open(cc, NULL, r->o->config->scratch,
		        &r->component[i], err))
			return err_wrap(err, "component '%s'", cc->name);
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

static int
nothing_saved(const struct run *r, struct err *err)
{
	const struct manifest *m = set_manifest(r->set);

	for (size_t i = 0; i < m->ncomponents; i++)
		if (m->component[i].status != MANIFEST_FAILED)
			return 0;
	return err_set(err, ERR_IO, "component '%s': %.1000s",
	    m->component[0].name, m->component[0].message);
}

/* The manifest of that set, where one of the first i is built on it too. */
static struct manifest *
found_before(const struct run *r, size_t i, const char *folder)
{
	for (size_t k = 0; k < i; k++)
		if (r->before[k] && strcmp(r->before[k]->folder, folder) == 0)
			return r->before[k];
	return NULL;
}

/*
 * Who forgot the recipients would not notice that from now on everybody can
 * read the sets.
 */
static int
refuse_plain(const struct run *r, struct err *err)
{
	struct repo *repo = r->o->repo;
	char id[LAYOUT_ID_SIZE];
	bool encrypted = false;

	if (r->o->config->repository.plain || repo_keys(repo)->nrecipients > 0)
		return 0;
	if (repo_keys_newest(repo, id, &encrypted, err))
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

	for (size_t i = 0; i < p->count && !r->o->full; i++) {
		struct manifest *m = NULL, *same;

		if (repo_latest(r->o->repo, &p->job[i].component->name, 1, &m,
		        err))
			return -1;
		same = m ? found_before(r, i, m->folder) : NULL;
		if (same) {
			manifest_free(m);
			m = same;
		}
		r->before[i] = m;
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

static int
begin(struct run *r, const char **parent, struct err *err)
{
	const struct backup_options *o = r->o;
	unsigned swept = 0;
	struct err quiet = { 0 };
	struct set_options so = { .name = o->config->repository.name,
		.label = o->label,
		.tool = o->tool,
		.by = o->by,
		.clock = o->clock };

	if (repo_sweep(o->repo, &swept, &quiet))
		log_warning("left-over uploads stay: %s", quiet.msg);
	if (swept)
		log_info("%u unfinished uploads of dead runs removed", swept);
	/* in this order: see set.h */
	if (refuse_plain(r, err) || set_begin(o->repo, &so, &r->set, err) ||
	    find_before(r, parent, err))
		return -1;
	return *parent ? set_parent(r->set, *parent, err) : 0;
}

static int
run_all(struct run *r, struct manifest **ret, struct err *err)
{
	const struct backup_options *o = r->o;
	const char *parent = NULL;

	if (look(r, err) ||
	    references_new(o->plan, o->config->scratch, &r->references, err) ||
	    begin(r, &parent, err))
		return -1;
	log_info("set %s: begun%s%s", set_id(r->set),
	    parent ? ", built on " : ", full", parent ? parent : "");
	for (size_t i = 0; i < o->plan->count; i++)
		if (save_component(r, i, err))
			return -1;
	if (nothing_saved(r, err) || check_references(r, err) ||
	    say_missing(r, err) || set_commit(r->set, err))
		return -1;
	if (repo_manifest(o->repo, set_folder(r->set), ret, err))
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

int
backup_run(const struct backup_options *o, struct manifest **ret,
    struct err *err)
{
	size_t n = o->plan->count;
	struct run r = { .o = o,
		.component = calloc(n + 1, sizeof(struct component *)),
		.before = calloc(n + 1, sizeof(struct manifest *)),
		.unfit = calloc(n + 1, sizeof(struct err)) };
	int rc;

	rc = r.component && r.before && r.unfit ? run_all(&r, ret, err)
	                                        : err_nomem(err);
	for (size_t i = 0; r.component && i < n; i++)
		component_free(r.component[i]);
	set_free(r.set);
	references_free(r.references);
	free_before(&r);
	free(r.component);
	free(r.unfit);
	return rc;
}
