#include "cmd/session.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "base/tree.h"
#include "component/component.h"
#include "engine/backup.h"
#include "engine/join.h"
#include "engine/limits.h"
#include "repo/repo_keys.h"
#include "store/store.h"

/* --- bandwidth and connections: every place that reaches the network gets to
 * know it */

static void
pace_s3(struct session *s, struct s3_options *o)
{
	struct limits l;

	limits_save(&s->config->limits, &l);
	o->connections = l.transfers;
	o->part = l.part;
	if (!s->paced)
		return;
	o->receive = &s->receive;
	o->send = &s->send;
}

static void
pace_database(struct session *s, struct config_database *d)
{
	if (!s->paced)
		return;
	d->receive = &s->receive;
	d->send = &s->send;
}

static void
pace_component(struct session *s, struct config_component *c)
{
	switch (c->type) {
	case CONFIG_SQLITE:
		break;
	case CONFIG_BUCKET:
		pace_s3(s, &c->bucket.s3);
		break;
	case CONFIG_MYSQL:
	case CONFIG_POSTGRESQL:
		pace_database(s, &c->database);
		pace_database(s, &c->drill);
		break;
	case CONFIG_KUBERNETES: /* as all that is asked of the cluster */
		break;
	}
}

static void
pace(struct session *s)
{
	struct config *c = s->config;

	s->paced = c->limits.limited;
	if (s->paced) {
		rate_init(&s->receive, &c->limits.bandwidth, s->clock);
		rate_init(&s->send, &c->limits.bandwidth, s->clock);
	}
	c->kubernetes.clock = s->clock;
	if (s->paced) {
		c->kubernetes.receive = &s->receive;
		c->kubernetes.send = &s->send;
	}
	pace_s3(s, &c->repository.s3);
	for (size_t i = 0; i < c->ncomponents; i++)
		pace_component(s, &c->components[i]);
}

static void
pace_done(struct session *s)
{
	if (!s->paced)
		return;
	rate_done(&s->receive);
	rate_done(&s->send);
	s->paced = false;
}

/* A folder may be a mount of the network. */
static int
open_folder(struct session *s, const char *where, bool create,
    struct store **ret, struct err *err)
{
	struct store *folder = NULL;

	if (store_dir_new(where, create, &folder, err))
		return -1;
	if (s->paced)
		return store_rate_new(folder, &s->receive, &s->send, ret, err);
	*ret = folder;
	return 0;
}

/* <path>/<name>: several platforms share one bucket and path. */
static int
open_store(struct session *s, bool create, struct store **ret, struct err *err)
{
	const struct config_repository *r = &s->config->repository;
	char where[4096];
	const char *path = r->path ? r->path : r->s3_path ? r->s3_path : "";
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	while (!r->path && n > 0 && *path == '/') {
		path++;
		n--;
	}
	if (snprintf(where, sizeof where, "%.*s%s%s", (int)n, path,
	        n || r->path ? "/" : "", r->name) >= (int)sizeof where)
		return err_set(err, ERR_USAGE,
		    "the repository's path is too "
		    "long");
	create = create && r->create;
	return r->path ? open_folder(s, where, create, ret, err)
	               : store_s3_new(&r->s3, where, create, ret, err);
}

int
session_load(struct session *s, const char *file, bool create, struct err *err)
{
	struct config *config = NULL;

	if (config_load(file ? file : SESSION_CONFIG, &config, err))
		return -1;
	return session_open(s, config, create, err);
}

/* What cannot be decrypted later is kept here as far as the next backup needs
 * it. */
static int
keep_copies(struct session *s, struct err *err)
{
	const struct config_repository *r = &s->config->repository;
	AUTO(free) char *state = NULL;

	if (str_printf(&state, err, "%s/platform-backup-state",
	        s->config->scratch) ||
	    repo_keep_copies(s->repo, r->state ? r->state : state, err))
		return err_wrap(err, "'state' of 'encryption'");
	return 0;
}

/* Who only reads keeps nothing. */
static int
use_keys(struct session *s, bool create, struct err *err)
{
	const struct age_keys *keys = &s->config->repository.keys;

	repo_set_keys(s->repo, keys);
	return create && keys->nrecipients > 0 ? keep_copies(s, err) : 0;
}

/* Whoever can only read would write in the clear, or not what was meant. */
static int
check_recipients(const struct session *s, struct err *err)
{
	const struct config_repository *r = &s->config->repository;
	char recipient[AGE_KEYS_RECIPIENT_SIZE];

	if (r->keys.nidentities == 0)
		return 0;
	if (r->keys.nrecipients == 0) {
		age_keys_recipient_text(r->keys.identity[0].recipient,
		    recipient);
		return tree_err(r->encryption, err,
		    "'encryption' has an identity and no 'recipients': that is "
		    "for restoring only; to back up, name them, such as "
		    "recipients: [%s]",
		    recipient);
	}
	if (!age_keys_opens_own(&r->keys))
		log_warning("none of the identities belongs to one of the "
		            "'recipients': what is saved now cannot be "
		            "restored with this configuration");
	return 0;
}

int
session_open(struct session *s, struct config *config, bool create,
    struct err *err)
{
	struct store *store = NULL;

	s->config = config;
	pace(s);
	if (open_store(s, create, &store, err) == 0 &&
	    repo_open(store, create, &s->repo, err) == 0)
		return use_keys(s, create, err);
	if (create && err_is(err, ERR_NOTFOUND) && !config->repository.create)
		(void)err_wrap(err, "not made, as create-bucket is false");
	return err_wrap(err, "repository");
}

void
session_done(struct session *s)
{
	repo_free(s->repo);
	pace_done(s);
	config_free(s->config);
	s->repo = NULL;
	s->config = NULL;
}

/* What a backup, or a part of one, wants to know. */
struct backup {
	struct backup_options o;
	struct plan plan;
	char host[256];
};

/* What may be missing, unless it is asked for by name. */
static int
leave_out_absent(const struct plan_choice *choice, struct plan *p,
    struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++) {
		bool absent = false;

		if (choice->nonly == 0 &&
		    component_is_absent(p->job[i].component, &absent, err))
			return -1;
		if (absent)
			log_info("component '%s' is left out: it is not here",
			    p->job[i].component->name);
		else
			p->job[n++] = p->job[i];
	}
	p->count = n;
	return n > 0 ? 0
	             : err_set(err, ERR_USAGE,
	                   "nothing of what is configured is here");
}

static int
plan_save(const struct config *c, const struct plan_choice *choice,
    struct plan *ret, struct err *err)
{
	return plan_backup(c, choice, ret, err) ||
	               leave_out_absent(choice, ret, err)
	           ? -1
	           : 0;
}

static int
backup_init(struct session *s, const struct session_create *req,
    struct backup *b, struct err *err)
{
	b->o = (struct backup_options){
		.repo = s->repo,
		.config = s->config,
		.plan = &b->plan,
		.full = req->full,
		.label = req->label,
		.tool = "platform-backup " VERSION,
		.by = s->by ? s->by : b->host,
		.progress = s->progress,
		.clock = s->clock,
	};
	(void)gethostname(b->host, sizeof b->host - 1);
	return check_recipients(s, err) ||
	               plan_save(s->config, &req->choice, &b->plan, err)
	           ? -1
	           : 0;
}

int
session_create(struct session *s, const struct session_create *req,
    struct manifest **ret, struct err *err)
{
	struct backup b = { .host = "" };
	int rc = backup_init(s, req, &b, err);

	if (rc == 0)
		rc = backup_run(&b.o, ret, err);
	plan_done(&b.plan);
	return rc;
}

static struct workers_options
workers_options(const struct session_workers *req, const struct backup *b)
{
	return (struct workers_options){ .backup = &b->o,
		.run = req->run,
		.worker = req->worker,
		.workers = req->workers,
		.wait_s = req->wait_s };
}

int
session_worker(struct session *s, const struct session_workers *req,
    struct workers_result *ret, struct err *err)
{
	struct backup b = { .host = "" };
	const struct workers_options o = workers_options(req, &b);
	int rc = backup_init(s, &req->create, &b, err);

	if (rc == 0)
		rc = workers_save(&o, ret, err);
	plan_done(&b.plan);
	return rc;
}

int
session_join(struct session *s, const struct session_workers *req,
    struct manifest **ret, struct err *err)
{
	struct backup b = { .host = "" };
	const struct workers_options o = workers_options(req, &b);
	int rc = backup_init(s, &req->create, &b, err);

	if (rc == 0)
		rc = join_run(&o, ret, err);
	plan_done(&b.plan);
	return rc;
}

static bool
is_latest(const char *id)
{
	return strcmp(id, "latest") == 0;
}

/* What "latest" is: the newest finished set, or the newest that has all n
 * components. */
static int
find_latest(const struct session *s, const char *const *names, size_t n,
    struct manifest **ret, struct err *err)
{
	if (repo_latest(s->repo, names, n, ret, err))
		return -1;
	if (*ret)
		return 0;
	return err_set(err, ERR_NOTFOUND,
	    n > 0 ? "no set holds all of the components that are to be "
	            "restored: choose one by its id, or components with "
	            "--component"
	          : "the repository has no finished set");
}

int
session_name(const struct session *s, const char *id,
    char latest[LAYOUT_FOLDER_SIZE], const char **ret, struct err *err)
{
	AUTO(manifest) struct manifest *m = NULL;

	*ret = id;
	if (!is_latest(id))
		return 0;
	if (find_latest(s, NULL, 0, &m, err))
		return -1;
	memcpy(latest, m->folder, strlen(m->folder) + 1);
	*ret = latest;
	return 0;
}

static int
find_manifest(struct session *s, const char *id, struct manifest **ret,
    struct err *err)
{
	return is_latest(id) ? find_latest(s, NULL, 0, ret, err)
	                     : repo_manifest(s->repo, id, ret, err);
}

int
session_notes(struct session *s, const struct manifest *m,
    struct notes_state *ret, struct err *err)
{
	AUTO(notes) struct notes n = { 0 };

	if (notes_list(s->repo, m->folder, &n, err))
		return -1;
	notes_state(&n, m->folder, ret);
	return 0;
}

int64_t
session_now(const struct session *s)
{
	struct store *st = repo_store(s->repo);

	return st->ops->now(st);
}

int
session_manifest(struct session *s, const char *id, struct manifest **ret,
    struct err *err)
{
	struct err why = { 0 };

	if (find_manifest(s, id, ret, err))
		return -1;
	if (repo_keys_check(s->repo, *ret, &why) == 0 &&
	    repo_keys_reveal(s->repo, *ret, &why))
		log_warning("what is encrypted of it is not shown: %s",
		    why.msg);
	return 0;
}

/* "latest": the newest that has all that is to be restored. */
static int
manifest_for(struct session *s, const struct session_restore *req,
    struct manifest **ret, struct err *err)
{
	AUTO(plan) struct plan wanted = { 0 };
	AUTO(free) const char **names = NULL;

	if (!is_latest(req->id))
		return repo_manifest(s->repo, req->id, ret, err);
	if (plan_wanted(s->config, &req->choice, &wanted, err) ||
	    leave_out_absent(&req->choice, &wanted, err))
		return -1;
	names = calloc(wanted.count + 1, sizeof *names);
	if (!names)
		return err_nomem(err);
	for (size_t i = 0; i < wanted.count; i++)
		names[i] = wanted.job[i].component->name;
	return find_latest(s, names, wanted.count, ret, err);
}

static int
plan_of(struct session *s, const struct plan_choice *choice,
    const struct manifest *m, struct plan *ret, struct err *err)
{
	AUTO(free)
	const char **names = calloc(m->ncomponents + 1, sizeof *names);

	if (!names)
		return err_nomem(err);
	for (size_t i = 0; i < m->ncomponents; i++)
		names[i] = m->component[i].name;
	return plan_restore(s->config, choice, names, m->ncomponents, ret, err);
}

int
session_restore(struct session *s, const struct session_restore *req,
    struct session_restored *ret, struct err *err)
{
	struct restore_options o = {
		.repo = s->repo,
		.config = s->config,
		.plan = &ret->plan,
		.exact = req->exact,
		.dry_run = req->dry_run,
		.kubernetes = req->kubernetes,
		.progress = s->progress,
		.clock = s->clock,
		.kube = &s->config->kubernetes,
	};

	*ret = (struct session_restored){ 0 };
	if (manifest_for(s, req, &ret->manifest, err) ||
	    repo_keys_reveal(s->repo, ret->manifest, err) ||
	    plan_of(s, &req->choice, ret->manifest, &ret->plan, err))
		return -1;
	o.manifest = ret->manifest;
	return restore_run(&o, &ret->result, err);
}

void
session_restored_done(struct session_restored *r)
{
	restore_result_done(&r->result);
	plan_done(&r->plan);
	manifest_free(r->manifest);
	*r = (struct session_restored){ 0 };
}

/* --- verify */

static int
read_share(const char *text, unsigned *ret, struct err *err)
{
	uint64_t percent = text ? 100 : 0;
	char digits[4]; /* "100" */
	struct err why = { 0 };

	if (text && strcmp(text, "all") != 0) {
		(void)snprintf(digits, sizeof digits, "%.3s", text);
		digits[strcspn(digits, "%")] = '\0';
		if (strcmp(text + strlen(digits), "%") != 0 ||
		    str_to_u64(digits, 1, 100, &percent, &why))
			return err_set(err, ERR_USAGE,
			    "'%.80s' is no share to read: 1%% to 100%%, or all",
			    text);
	}
	*ret = (unsigned)(percent * (VERIFY_PLACES / 100));
	return 0;
}

static int
one_set(struct session *s, const char *id, struct repo_set *ret,
    struct err *err)
{
	char latest[LAYOUT_FOLDER_SIZE];
	bool named;

	ret->committed = true;
	if (session_name(s, id, latest, &id, err) ||
	    repo_folder(s->repo, id, ret->folder, err))
		return -1;
	named = layout_folder_id(ret->folder, ret->id);
	assert(named); /* it is the folder of a set */
	(void)named;
	return 0;
}

/* Those that are finished, and that nobody has marked for deletion. */
static int
all_sets(struct session *s, struct repo_sets *ret, struct err *err)
{
	size_t kept = 0;

	if (repo_list(s->repo, ret, err))
		return -1;
	for (size_t i = 0; i < ret->count; i++)
		if (ret->set[i].committed && !ret->set[i].deleted)
			ret->set[kept++] = ret->set[i];
	ret->count = kept;
	return 0;
}

int
session_verify(struct session *s, const struct session_verify *req,
    struct verify_result *ret, struct err *err)
{
	AUTO(repo_sets) struct repo_sets sets = { 0 };
	struct repo_set one = { 0 };
	struct repo_sets only = { &one, 1 };
	char host[256] = "";
	struct verify_options o = {
		.repo = s->repo,
		.config = s->config,
		.tool = "platform-backup " VERSION,
		.by = s->by ? s->by : host,
		.progress = s->progress,
		.clock = s->clock,
	};

	(void)gethostname(host, sizeof host - 1);
	if (read_share(req->read, &o.share, err) ||
	    (req->id ? one_set(s, req->id, &one, err)
	             : all_sets(s, &sets, err)))
		return -1;
	return verify_run(&o, req->id ? &only : &sets, ret, err);
}

/* --- drill */

/* What is not configured here is passed over, and said so. */
static int
plan_drill(struct session *s, const struct manifest *m, struct plan *ret,
    struct err *err)
{
	AUTO(free)
	const char **names = calloc(m->ncomponents + 1, sizeof *names);
	struct plan_choice choice = { .only = names };

	if (!names)
		return err_nomem(err);
	for (size_t i = 0; i < s->config->ncomponents; i++) {
		const char *name = s->config->components[i].name;

		if (manifest_find(m, name))
			names[choice.nonly++] = name;
	}
	return choice.nonly ? plan_of(s, &choice, m, ret, err) : 0;
}

int
session_drill(struct session *s, const char *id, struct session_drilled *ret,
    struct err *err)
{
	AUTO(plan) struct plan plan = { 0 };
	char host[256] = "";
	struct drill_options o = {
		.repo = s->repo,
		.config = s->config,
		.plan = &plan,
		.tool = "platform-backup " VERSION,
		.by = s->by ? s->by : host,
		.progress = s->progress,
		.clock = s->clock,
	};

	*ret = (struct session_drilled){ 0 };
	(void)gethostname(host, sizeof host - 1);
	if (session_manifest(s, id, &ret->manifest, err) ||
	    plan_drill(s, ret->manifest, &plan, err))
		return -1;
	o.manifest = ret->manifest;
	return drill_run(&o, &ret->result, err);
}

void
session_drilled_done(struct session_drilled *d)
{
	drill_result_done(&d->result);
	manifest_free(d->manifest);
	*d = (struct session_drilled){ 0 };
}

/* There is no repository: is there a place for one? */
static int
open_place(struct session *s, struct store **ret, struct err *err)
{
	AUTO(store) struct store *st = NULL;

	if (open_store(s, false, &st, err))
		return -1;
	assert(st);
	if (st->ops->open(st, err))
		return -1;
	*ret = TAKE(st);
	return 0;
}

int
session_check(struct session *s, struct config *config,
    const struct plan_choice *choice, struct check_result *ret, struct err *err)
{
	AUTO(plan) struct plan plan = { 0 };
	AUTO(store) struct store *place = NULL;
	struct err why = { 0 };
	struct check_repository r = { .why_not = &why };

	if (plan_save(config, choice, &plan, err)) {
		config_free(config);
		return -1;
	}
	if (session_open(s, config, false, &why) &&
	    err_is(&why, ERR_NOTFOUND) && open_place(s, &place, &why))
		log_debug("no place for a repository: %s", why.msg);
	r.repo = s->repo;
	r.store = place;
	return check_run(s->config, &plan, &r, ret, err);
}

/* The repository is not asked: it may be what has failed. */
int
session_resume(const struct session *s, const struct config *config,
    const struct plan_choice *choice, struct pause *ret, struct err *err)
{
	AUTO(plan) struct plan plan = { 0 };
	struct kube_options o = config->kubernetes;

	o.clock = s->clock;
	*ret = (struct pause){ 0 };
	return plan_wanted(config, choice, &plan, err) ||
	               pause_open(&plan, &o, s->clock, ret, err) ||
	               pause_resume(ret, err)
	           ? -1
	           : 0;
}

void
session_prune(const struct session *s, struct session_prune *p)
{
	*p = (struct session_prune){ .o = { .repo = s->repo,
		                         .config = s->config,
		                         .clock = s->clock,
		                         .tool = "platform-backup " VERSION } };
	(void)gethostname(p->host, sizeof p->host - 1);
	p->o.by = s->by ? s->by : p->host;
}

int
session_prune_allow(struct session_prune *p, const char *const *text, size_t n,
    struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (retention_allow_parse(text[i], &p->o.allow, err))
			return -1;
	return 0;
}
