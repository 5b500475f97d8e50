#include "engine/workers.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "engine/cut.h"
#include "engine/save.h"
#include "repo/repo_keys.h"
#include "repo/share_files.h"
#include "store/store.h"

enum { POLL_MS = 250, POLL_MAX_MS = 5000 };

int
workers_random(char hex[WORKERS_RANDOM_SIZE], struct err *err)
{
	uint8_t random[(WORKERS_RANDOM_SIZE - 1) / 2];

	if (rand_bytes(random, sizeof random, err))
		return -1;
	str_hex(random, sizeof random, hex);
	return 0;
}

void
workers_wait_begin(struct workers_wait *w, const struct clock *clock,
    uint64_t seconds)
{
	*w = (struct workers_wait){ .clock = clock,
		.until_ms = clock_mono_ms(clock) + (int64_t)seconds * 1000,
		.ms = POLL_MS };
}

bool
workers_wait(struct workers_wait *w)
{
	if (clock_mono_ms(w->clock) >= w->until_ms)
		return false;
	clock_sleep_ms(w->clock, w->ms);
	w->ms += w->ms / 8;
	if (w->ms > POLL_MAX_MS)
		w->ms = POLL_MAX_MS;
	return true;
}

int
workers_plan(const struct workers_options *o, const char *folder,
    struct share_plan **ret, struct err *err)
{
	AUTO(share_plan) struct share_plan *p = NULL;
	struct repo *repo = o->backup->repo;

	if (share_files_plan(repo, folder, o->run, &p, err))
		return -1;
	if (p->workers != o->workers)
		return err_set(err, ERR_USAGE,
		    "the plan of run '%s' is for %u workers, not %u", o->run,
		    p->workers, o->workers);
	if (!repo_keys_same(repo, p->manifest))
		return err_set(err, ERR_USAGE,
		    "worker 0 of run '%s' does not encrypt to the same "
		    "'recipients' as this configuration",
		    o->run);
	*ret = TAKE(p);
	return 0;
}

int
workers_jobs(const struct config *c, const char *const *names, size_t n,
    struct plan *ret, struct err *err)
{
	struct plan p = { .job = calloc(n + 1, sizeof *p.job) };

	if (!p.job)
		return err_nomem(err);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < c->ncomponents; k++)
			if (strcmp(c->components[k].name, names[i]) == 0)
				p.job[p.count++].component = &c->components[k];
	*ret = p;
	return 0;
}

void
workers_result_done(struct workers_result *r)
{
	share_free(r->share);
	*r = (struct workers_result){ 0 };
}

/* --- worker 0: the set, what is no bucket, the plan */

static int
write_references(struct run *r, struct share_plan *p, struct err *err)
{
	AUTO(sink) struct sink *to = NULL;

	if (!r->references || !references_any(r->references, &p->external))
		return 0;
	p->references = true;
	return share_files_references_new(r->o->repo, set_folder(r->set),
	           p->run, &to, err) ||
	               references_write(r->references, to, err) ||
	               sink_finish(to, err)
	           ? -1
	           : 0;
}

/* Buckets are cut, others are saved; one that cannot be reached has failed. */
static int
save_or_cut(struct run *r, struct share_plan *p, struct err *err)
{
	const struct save_part all = { .workers = 1 };
	struct manifest_component *mc;

	for (size_t i = 0; i < r->o->plan->count; i++) {
		bool bucket = r->component[i]->ops->cut != NULL;

		if ((!bucket || !err_is(&r->unfit[i], ERR_NONE)) &&
		    save_component(r, i, &all, &mc, err))
			return -1;
	}
	for (size_t i = 0; i < r->o->plan->count; i++)
		if (r->component[i]->ops->cut &&
		    err_is(&r->unfit[i], ERR_NONE) &&
		    cut_make(r, i, p->workers, &p->cut[p->ncuts++], err))
			return -1;
	return 0;
}

static int
plan_run(struct run *r, struct share_plan *p, struct err *err)
{
	const struct backup_options *o = r->o;

	p->cut = calloc(o->plan->count + 1, sizeof *p->cut);
	if (!p->cut)
		return err_nomem(err);
	if (run_look(r, err) ||
	    references_new(o->plan, o->config->scratch, &r->references, err) ||
	    run_begin(r, err) ||
	    share_files_begin(r->set, p->run, p->workers, err) ||
	    save_or_cut(r, p, err) || write_references(r, p, err) ||
	    share_files_put_plan(o->repo, p, set_manifest(r->set), err))
		return -1;
	set_leave(r->set);
	log_info("run '%s': planned for %u workers", p->run, p->workers);
	return 0;
}

static int
plan_new(const struct workers_options *o, struct err *err)
{
	AUTO(share_plan) struct share_plan *p = calloc(1, sizeof *p);
	struct run r;
	int rc;

	if (!p)
		return err_nomem(err);
	p->workers = o->workers;
	if (str_dup(o->run, &p->run, err))
		return -1;
	rc = run_init(&r, o->backup, err);
	if (rc == 0)
		rc = plan_run(&r, p, err);
	run_done(&r);
	return rc;
}

/* --- the others wait for it */

static int
no_plan(const struct workers_options *o, const struct share_files_found *f,
    struct err *err)
{
	return f->state == SHARE_FILES_BEGUN
	           ? err_set(err, ERR_NOTFOUND,
	                 "run '%s': set %.20s has no plan, and worker 0 has "
	                 "been silent for %" PRIu64 " s: start it again",
	                 o->run, f->folder, o->wait_s)
	           : err_set(err, ERR_NOTFOUND,
	                 "run '%s' has no plan after %" PRIu64
	                 " s: is worker 0 running, with the same '--run' and "
	                 "repository?",
	                 o->run, o->wait_s);
}

/* While worker 0 is alive it may take as long as its databases need. */
static bool
is_alive(const struct workers_options *o, const struct share_files_found *f)
{
	struct store *s = repo_store(o->backup->repo);

	return f->state == SHARE_FILES_BEGUN &&
	       s->ops->now(s) - f->newest < (int64_t)o->wait_s;
}

static int
find_plan(const struct workers_options *o, struct share_files_found *f,
    struct err *err)
{
	struct workers_wait w;

	workers_wait_begin(&w, o->backup->clock, o->wait_s);
	for (;;) {
		if (share_files_find(o->backup->repo, o->run, f, err))
			return -1;
		if (f->state == SHARE_FILES_PLANNED ||
		    f->state == SHARE_FILES_FINISHED)
			return 0;
		if (o->worker == 0) {
			if (plan_new(o, err))
				return -1;
			continue;
		}
		if (is_alive(o, f))
			workers_wait_begin(&w, o->backup->clock, o->wait_s);
		if (!workers_wait(&w))
			return no_plan(o, f, err);
	}
}

/* --- a worker's ranges */

/* For each of them the set that it is built on; one manifest for several. */
static int
open_before(struct run *r, const struct share_plan *p, struct err *err)
{
	for (size_t i = 0; i < p->ncuts; i++) {
		const char *folder = p->cut[i].before;

		for (size_t k = 0; folder && k < i && !r->before[i]; k++)
			if (r->before[k] &&
			    strcmp(r->before[k]->folder, folder) == 0)
				r->before[i] = r->before[k];
		if (folder && !r->before[i] &&
		    repo_manifest(r->o->repo, folder, &r->before[i], err))
			return -1;
	}
	return 0;
}

static int
save_range(struct run *r, const struct share_plan *p, size_t i, unsigned worker,
    struct share *share, struct err *err)
{
	const struct share_cut *c = &p->cut[i];
	static const struct share_at beginning = { 0 };
	struct save_part part = { .range = share_plan_range(c, worker),
		.begin = worker > 0 ? &c->at[worker - 1] : &beginning,
		.workers = p->workers };
	struct share_range *range = &share->range[share->nranges++];
	struct manifest_component *mc;

	if (str_dup(c->component, &range->component, err) ||
	    (part.range.after &&
	        str_dup(part.range.after, &range->after, err)) ||
	    (part.range.last && str_dup(part.range.last, &range->last, err)) ||
	    save_component(r, i, &part, &mc, err))
		return -1;
	/* The others' work is worth another try of this one. */
	return mc->status == MANIFEST_FAILED
	           ? err_set(err, ERR_IO, "component '%s': %.1000s",
	                 c->component, mc->message)
	           : 0;
}

/* What the set is, without what others have saved of it. */
static struct manifest *
bare(struct share_plan *p)
{
	struct manifest *m = TAKE(p->manifest);

	for (size_t i = 0; i < m->ncomponents; i++)
		manifest_component_done(&m->component[i]);
	m->ncomponents = 0;
	return m;
}

static int
save_ranges(struct run *r, const struct workers_options *o,
    struct share_plan *p, const char *name, struct share *share,
    struct err *err)
{
	const struct set_options so = { .clock = o->backup->clock,
		.share = name };

	if (run_open(r, err) || open_before(r, p, err) ||
	    set_attach(r->o->repo, &so, bare(p), &r->set, err))
		return -1;
	for (size_t i = 0; i < p->ncuts; i++)
		if (save_range(r, p, i, o->worker, share, err))
			return -1;
	return share_files_put(r->o->repo, name, share, set_manifest(r->set),
	    err);
}

static int
share_new(const struct workers_options *o, struct share_plan *p,
    const struct plan *jobs, const char *name, struct err *err)
{
	AUTO(share) struct share *share = calloc(1, sizeof *share);
	struct backup_options b = *o->backup;
	struct run r;
	int rc;

	if (!share)
		return err_nomem(err);
	share->worker = o->worker;
	share->workers = o->workers;
	share->range = calloc(p->ncuts + 1, sizeof *share->range);
	if (!share->range)
		return err_nomem(err);
	if (str_dup(o->run, &share->run, err))
		return -1;
	b.plan = jobs;
	rc = run_init(&r, &b, err);
	if (rc == 0)
		rc = save_ranges(&r, o, p, name, share, err);
	run_done(&r);
	return rc;
}

/* Those that the plan cuts, as they are configured here. */
static int
jobs_of(const struct workers_options *o, const struct share_plan *p,
    struct plan *ret, struct err *err)
{
	AUTO(free) const char **names = calloc(p->ncuts + 1, sizeof *names);
	const struct config *c = o->backup->config;

	if (!names)
		return err_nomem(err);
	for (size_t i = 0; i < p->ncuts; i++)
		names[i] = p->cut[i].component;
	if (workers_jobs(c, names, p->ncuts, ret, err))
		return -1;
	for (size_t i = 0; i < p->ncuts; i++)
		if (i >= ret->count ||
		    strcmp(ret->job[i].component->name, names[i]) != 0 ||
		    ret->job[i].component->type != CONFIG_BUCKET)
			return err_set(err, ERR_USAGE,
			    "the plan of run '%s' has a bucket '%s', which "
			    "this configuration has not: all workers need the "
			    "same",
			    o->run, names[i]);
	return 0;
}

/* An earlier try's share is as good as ours. */
static int
share_there(const struct workers_options *o, const char *folder,
    char name[LAYOUT_SHARE_SIZE], bool *ret, struct err *err)
{
	AUTO(share_files_names) struct share_files_names n = { 0 };

	*ret = false;
	if (share_files_names(o->backup->repo, folder, o->run, &n, err))
		return -1;
	for (size_t i = 0; i < n.count && !*ret; i++)
		if (share_files_worker(n.name[i]) == o->worker) {
			memcpy(name, n.name[i], LAYOUT_SHARE_SIZE);
			*ret = true;
		}
	return 0;
}

static int
save_share(const struct workers_options *o, struct share_plan *p,
    const char *folder, struct workers_result *ret, struct err *err)
{
	AUTO(plan) struct plan jobs = { 0 };
	char name[LAYOUT_SHARE_SIZE], hex[WORKERS_RANDOM_SIZE];

	assert(p);
	if (share_there(o, folder, name, &ret->was_there, err))
		return -1;
	if (!ret->was_there) {
		if (workers_random(hex, err))
			return -1;
		(void)snprintf(name, sizeof name, "%05u-%s", o->worker % 100000,
		    hex);
		if (jobs_of(o, p, &jobs, err) ||
		    share_new(o, p, &jobs, name, err))
			return -1;
	}
	return share_files_share(o->backup->repo, folder, o->run, name,
	    &ret->share, err);
}

int
workers_save(const struct workers_options *o, struct workers_result *ret,
    struct err *err)
{
	AUTO(workers_result) struct workers_result result = { 0 };
	AUTO(share_plan) struct share_plan *p = NULL;
	struct share_files_found f = { 0 };

	if (share_files_check(o->backup->repo, err) || find_plan(o, &f, err))
		return -1;
	(void)snprintf(result.id, sizeof result.id, "%.20s", f.folder);
	if (f.state == SHARE_FILES_PLANNED &&
	    (workers_plan(o, f.folder, &p, err) ||
	        save_share(o, p, f.folder, &result, err)))
		return -1;
	*ret = result;
	result = (struct workers_result){ 0 };
	return 0;
}
