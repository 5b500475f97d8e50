#include "engine/join.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config.h"
#include "engine/run.h"
#include "repo/repo_keys.h"
#include "repo/share_files.h"
#include "store/store.h"

/* --- are all of them there? */

/* "1, 3": in words that fit into an error. */
static int
name_missing(const struct workers_options *o, const bool *there,
    const char *folder, struct err *err)
{
	AUTO(buf) struct buf b = { .max = 4096 };
	struct err ignored = { 0 };
	unsigned n = 0;

	for (unsigned i = 0; i < o->workers; i++)
		if (!there[i] && n++ < 40 &&
		    buf_printf(&b, &ignored, "%s%u", n > 1 ? ", " : "", i))
			break; /* no: the buffer has room for 40 */
	return err_set(err, ERR_NOTFOUND,
	    "set %.20s is not complete: %u of %u workers have not saved their "
	    "share: %s%s; start them again, then join again",
	    folder, n, o->workers, b.data ? b.data : "", n > 40 ? ", …" : "");
}

/* The first share of each worker. */
struct names {
	char (*name)[LAYOUT_SHARE_SIZE];
	bool *there;
};

static int
look(const struct workers_options *o, const char *folder, struct names *n,
    unsigned *found, struct err *err)
{
	AUTO(share_files_names) struct share_files_names all = { 0 };

	if (share_files_names(o->backup->repo, folder, o->run, &all, err))
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		unsigned w = share_files_worker(all.name[i]);

		if (w >= o->workers || n->there[w])
			continue;
		n->there[w] = true;
		memcpy(n->name[w], all.name[i], sizeof n->name[w]);
		++*found;
	}
	return 0;
}

static int
wait_for_all(const struct workers_options *o, const char *folder,
    struct names *n, struct workers_wait *w, struct err *err)
{
	unsigned found = 0;

	for (;;) {
		if (look(o, folder, n, &found, err))
			return -1;
		if (found == o->workers)
			return 0;
		if (!workers_wait(w))
			return name_missing(o, n->there, folder, err);
	}
}

/* --- what they saved, together */

/* As texts go on: the first of them. */
static int
take_text(char **to, const char *from, struct err *err)
{
	return *to || !from ? 0 : str_dup(from, to, err);
}

static int
take_unread(struct manifest_component *to, const struct manifest_component *c,
    struct err *err)
{
	if (c->nunread == 0)
		return 0;
	if (!to->unread)
		to->unread = calloc(MANIFEST_UNREAD, sizeof *to->unread);
	if (!to->unread)
		return err_nomem(err);
	for (size_t i = 0; i < c->nunread && to->nunread < MANIFEST_UNREAD;
	     i++) {
		if (str_dup(c->unread[i], &to->unread[to->nunread], err))
			return -1;
		to->nunread++;
	}
	return 0;
}

static int
take_files(struct manifest_files *to, const struct manifest_files *from,
    struct err *err)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct manifest_file *f = &from->file[i];

		if (manifest_files_add(to, f->path, f->size, f->sha256, err))
			return -1;
	}
	return manifest_files_sort(to, err);
}

static void
take_numbers(struct manifest_component *to, const struct manifest_component *c)
{
	if (c->started < to->started)
		to->started = c->started;
	if (c->finished > to->finished)
		to->finished = c->finished;
	if (c->seconds > to->seconds)
		to->seconds = c->seconds; /* of the slowest */
	to->objects += c->objects;
	to->bytes += c->bytes;
	to->new_objects += c->new_objects;
	to->gone += c->gone;
	to->stored_bytes += c->stored_bytes;
}

/* One worker's part of a component. */
static int
take_part(struct manifest_component *to, const struct manifest_component *c,
    struct err *err)
{
	if (c->status > to->status)
		to->status = c->status;
	take_numbers(to, c);
	return take_text(&to->message, c->message, err) ||
	               take_text(&to->facts, c->facts, err) ||
	               take_unread(to, c, err) ||
	               take_files(&to->files, &c->files, err) ||
	               take_files(&to->needs, &c->needs, err)
	           ? -1
	           : 0;
}

/* The shares are all read, of that plan, and tile the keys. */
static int
merge(struct set *set, const struct share_plan *p, struct share *const *share,
    struct err *err)
{
	for (size_t i = 0; i < p->ncuts; i++) {
		const char *name = p->cut[i].component;
		struct manifest_component *to;

		if (set_component(set, name, "bucket", &to, err))
			return -1;
		to->started = INT64_MAX;
		to->finished = 0;
		for (unsigned k = 0; k < p->workers; k++)
			if (take_part(to,
			        manifest_find(share[k]->manifest, name), err))
				return -1;
	}
	return 0;
}

static int
read_shares(const struct workers_options *o, const char *folder,
    const struct names *n, struct share **share, struct err *err)
{
	for (unsigned i = 0; i < o->workers; i++)
		if (share_files_share(o->backup->repo, folder, o->run,
		        n->name[i], &share[i], err))
			return -1;
	return 0;
}

/* --- the rest of what create does */

/* A set is worth having without them, as create has it. */
static int
read_references(struct run *r, const struct workers_options *o,
    const struct share_plan *p, const char *folder, struct err *err)
{
	AUTO(sink) struct sink *to = NULL;
	struct err why = { 0 };

	if (!p->references)
		return 0;
	if (references_new(r->o->plan, r->o->config->scratch, &r->references,
	        err) ||
	    references_sink_new(r->references, p->external, &to, err))
		return -1;
	if (share_files_references(r->o->repo, folder, o->run, to, &why) == 0)
		return 0;
	if (err_is(&why, ERR_NOMEM)) {
		*err = why;
		return -1;
	}
	log_warning("references are not looked up: %s", why.msg);
	references_free(TAKE(r->references));
	return 0;
}

/* What killed workers had not finished; what runs beside this is in vain. */
static void
sweep(struct repo *repo, const char *folder)
{
	struct store *st = repo_store(repo);
	char prefix[sizeof LAYOUT_SETS + LAYOUT_FOLDER_SIZE];
	struct err err = { 0 };
	unsigned n = 0;

	(void)snprintf(prefix, sizeof prefix, LAYOUT_SETS "%s/", folder);
	if (st->ops->sweep(st, prefix, st->ops->now(st), &n, &err))
		log_warning("left-over uploads stay: %s", err.msg);
	if (n)
		log_info("%u unfinished uploads of dead workers removed", n);
}

static int
finished(struct repo *repo, const char *folder, struct manifest **ret,
    struct err *err)
{
	AUTO(manifest) struct manifest *m = NULL;
	struct err why = { 0 };

	if (repo_manifest(repo, folder, &m, err))
		return -1;
	log_info("set %s has its manifest already", m->id);
	/* share_files_check has seen an identity: it may be another one */
	if (repo_keys_reveal(repo, m, &why))
		log_warning("what is encrypted of it is not shown: %s",
		    why.msg);
	*ret = TAKE(m);
	return 0;
}

/* set: attached; its components become whole. */
static int
commit(struct run *r, const struct workers_options *o,
    const struct share_plan *p, struct share *const *share,
    struct manifest **ret, struct err *err)
{
	const char *folder = set_folder(r->set);

	if (merge(r->set, p, share, err) || run_open(r, err) ||
	    read_references(r, o, p, folder, err))
		return -1;
	if (run_commit(r, ret, err)) {
		/* another join was faster: its manifest is as good */
		if (!err_is(err, ERR_EXISTS))
			return -1;
		return finished(r->o->repo, folder, ret, err);
	}
	sweep(r->o->repo, folder);
	return 0;
}

/* Of all components of the set that are configured here. */
static int
jobs_of(const struct workers_options *o, const struct share_plan *p,
    struct plan *ret, struct err *err)
{
	const struct manifest *m = p->manifest;
	AUTO(free)
	const char **names =
	    calloc(m->ncomponents + p->ncuts + 1, sizeof *names);
	size_t n = 0;

	if (!names)
		return err_nomem(err);
	for (size_t i = 0; i < m->ncomponents; i++)
		names[n++] = m->component[i].name;
	for (size_t i = 0; i < p->ncuts; i++)
		names[n++] = p->cut[i].component;
	return workers_jobs(o->backup->config, names, n, ret, err);
}

static int
join(const struct workers_options *o, struct share_plan *p,
    struct share *const *share, struct manifest **ret, struct err *err)
{
	AUTO(plan) struct plan jobs = { 0 };
	struct backup_options b = *o->backup;
	char hex[WORKERS_RANDOM_SIZE];
	const struct set_options so = { .clock = b.clock, .share = hex };
	struct run r;
	int rc;

	if (share_tile(p, share, err) || jobs_of(o, p, &jobs, err) ||
	    workers_random(hex, err))
		return -1;
	b.plan = &jobs;
	rc = run_init(&r, &b, err);
	if (rc == 0)
		rc = set_attach(b.repo, &so, TAKE(p->manifest), &r.set, err);
	if (rc == 0)
		rc = commit(&r, o, p, share, ret, err);
	run_done(&r);
	return rc;
}

static void
shares_free(struct share **share, unsigned n)
{
	for (unsigned i = 0; share && i < n; i++)
		share_free(share[i]);
	free(share);
}

static int
join_folder(const struct workers_options *o, const char *folder,
    struct workers_wait *w, struct manifest **ret, struct err *err)
{
	AUTO(share_plan) struct share_plan *p = NULL;
	AUTO(free)
	char(*name)[LAYOUT_SHARE_SIZE] = calloc(o->workers, sizeof *name);
	AUTO(free) bool *there = calloc(o->workers, sizeof *there);
	struct names n = { name, there };
	struct share **share;
	int rc;

	if (!name || !there)
		return err_nomem(err);
	if (workers_plan(o, folder, &p, err) ||
	    wait_for_all(o, folder, &n, w, err))
		return -1;
	share = calloc(o->workers, sizeof(struct share *));
	if (!share)
		return err_nomem(err);
	rc = read_shares(o, folder, &n, share, err);
	if (rc == 0)
		rc = join(o, p, share, ret, err);
	shares_free(share, o->workers);
	return rc;
}

int
join_run(const struct workers_options *o, struct manifest **ret,
    struct err *err)
{
	struct share_files_found f = { 0 };
	struct workers_wait w;

	if (share_files_check(o->backup->repo, err))
		return -1;
	workers_wait_begin(&w, o->backup->clock, o->wait_s);
	for (;;) {
		if (share_files_find(o->backup->repo, o->run, &f, err))
			return -1;
		if (f.state == SHARE_FILES_FINISHED)
			return finished(o->backup->repo, f.folder, ret, err);
		if (f.state == SHARE_FILES_PLANNED)
			return join_folder(o, f.folder, &w, ret, err);
		if (!workers_wait(&w))
			return err_set(err, ERR_NOTFOUND,
			    "run '%s' has no plan: worker 0 has not %s; nothing "
			    "is joined",
			    o->run,
			    f.state == SHARE_FILES_BEGUN ? "come so far"
			                                 : "begun it");
	}
}
