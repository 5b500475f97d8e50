#include "cmd/cmd_action.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "cmd/action_prune.h"
#include "cmd/listing.h"
#include "cmd/report.h"
#include "cmd/reporter.h"
#include "cmd/restore_choice.h"
#include "cmd/results.h"
#include "cmd/session.h"
#include "cmd/unit.h"
#include "juju/hooktool.h"
#include "juju/relation_velero.h"

enum { NAMES_MAX = 1000 };

struct action {
	const struct env *env;
	struct json *params;
	struct unit unit;
	bool asked; /* unit is what Juju says */
	struct session session;
	struct reporter reporter;
	char *names; /* what choice.only points into */
	const char **only;
	const char *to; /* NAME=TARGET */
	struct plan_choice choice;
};

static inline void
scope_action(struct action *a)
{
	session_done(&a->session);
	unit_done(&a->unit);
	json_free(a->params);
	free(a->only);
	free(a->names);
}

/* --- parameters */

static const char *
param(const struct action *a, const char *name)
{
	const char *text = json_opt_str(a->params, name);

	return text && *text ? text : NULL;
}

/* "mlmd, mlpipeline": the names between the commas. */
static int
split(struct action *a, const char *text, struct err *err)
{
	size_t room = 1;
	char *rest, *name;

	for (const char *p = text; *p; p++)
		room += *p == ',';
	if (room > NAMES_MAX)
		return err_set(err, ERR_USAGE,
		    "'component' names more than %d components", NAMES_MAX);
	if (str_dup(text, &a->names, err))
		return -1;
	a->only = calloc(room, sizeof *a->only);
	if (!a->only)
		return err_nomem(err);
	rest = a->names;
	while ((name = strsep(&rest, ",")) != NULL) {
		relation_strip(name, " ");
		if (*name)
			a->only[a->choice.nonly++] = name;
	}
	a->choice.only = a->only;
	return a->choice.nonly > 0
	           ? 0
	           : err_set(err, ERR_USAGE,
	                 "'component' is given, and names none: '%.80s'", text);
}

/* As in Charmed Velero, which means its own model where none is named. */
static int
read_target(struct action *a, const char *target, struct err *err)
{
	const char *model = param(a, "model"), *name = NULL;

	if (!model)
		model = a->env->model ? a->env->model : "";
	if (relation_velero_find(a->unit.targets, target, model, &name, err))
		return -1;
	return split(a, name, err);
}

static int
read_choice(struct action *a, struct err *err)
{
	const char *names = param(a, "component");
	const char *target = param(a, "target");

	if (names && target)
		return err_set(err, ERR_USAGE,
		    "give either 'component' or 'target'");
	if (target)
		return read_target(a, target, err);
	if (param(a, "model"))
		return err_set(err, ERR_USAGE,
		    "'model' is given without 'target'");

	a->to = param(a, "to");
	if (a->to) {
		a->choice.to = &a->to;
		a->choice.nto = 1;
	}
	return names ? split(a, names, err) : 0;
}

/* Charmed Velero calls it backup-uid. */
static int
read_id(const struct action *a, const char **id, struct err *err)
{
	const char *uid = param(a, "backup-uid");

	*id = param(a, "backup-id");
	if (*id && uid)
		return err_set(err, ERR_USAGE,
		    "give either 'backup-id' or 'backup-uid'");
	if (!*id)
		*id = uid;
	return *id ? 0 : err_set(err, ERR_USAGE, "'backup-id' is empty");
}

/* --- results, shared by actions */

static int
set_json(const struct buf *b, struct err *err)
{
	return results_set("result", b->data ? b->data : "", err);
}

static int
set_manifest(const struct manifest *m, struct err *err)
{
	AUTO(buf) struct buf out = { .max = REPORT_MAX };

	if (hooktool_action_set("backup-id", m->id, err) ||
	    hooktool_action_set("backup-status", manifest_status(m), err) ||
	    report_set_json(m, &out, err))
		return -1;
	return set_json(&out, err);
}

static int
open_session(struct action *a, bool create, struct err *err)
{
	a->session.clock = clock_real();
	a->session.by = a->env->unit;
	a->session.progress = &a->reporter.progress;
	return session_open(&a->session, TAKE(a->unit.config), create, err);
}

/* The unit's status tells of the newest set. */
static int
remember(struct action *a, const struct manifest *m, struct err *err)
{
	AUTO(repo_sets) struct repo_sets sets = { 0 };
	struct unit_backups b = { .id = m->id, .status = manifest_status(m) };

	if (repo_list(a->session.repo, &sets, err))
		return -1;
	for (size_t i = 0; i < sets.count; i++)
		b.count += sets.set[i].committed && !sets.set[i].deleted;
	return unit_remember(&b, err);
}

/* --- the actions */

/* The first component that is not ok says why the set is not. */
static int
refuse_incomplete(const struct manifest *m, struct err *err)
{
	for (size_t i = 0; i < m->ncomponents; i++) {
		const struct manifest_component *c = &m->component[i];

		if (c->status != MANIFEST_OK)
			return err_set(err, ERR_CORRUPT,
			    "set %s is %s: component '%s' is %s: %s", m->id,
			    manifest_status(m), c->name,
			    manifest_status_name(c->status),
			    c->message ? c->message : "see 'result'");
	}
	return 0;
}

static int
create(struct action *a, struct manifest **m, struct err *err)
{
	const struct session_create req = {
		.choice = a->choice,
		.full = json_opt_bool(a->params, "full"),
		.label = param(a, "label"),
	};

	reporter_init(&a->reporter, "creating backup", clock_real());
	if (open_session(a, true, err))
		return -1;
	return session_create(&a->session, &req, m, err);
}

static int
run_create(struct action *a, struct err *err)
{
	AUTO(manifest) struct manifest *m = NULL;
	struct err unheard = { 0 };

	/* a backup of everything must not leave out what is not there yet */
	if (a->choice.nonly == 0 && a->unit.gap.state != RELATION_READY)
		return err_set(err, ERR_USAGE, "%s", a->unit.gap.text);
	if (create(a, &m, err)) {
		/* here and below: only where Juju fails just now */
		if (unit_remember_failure(clock_now(clock_real()), &unheard))
			log_warning("%s", unheard.msg);
		return -1;
	}
	if (set_manifest(m, err))
		return -1;
	if (remember(a, m, &unheard) || unit_remember_failure(0, &unheard))
		log_warning("the status is out of date: %s", unheard.msg);
	return refuse_incomplete(m, err);
}

static int
remember_newest(const struct listing *l, struct err *err)
{
	struct unit_backups b = { 0 };

	for (size_t i = 0; i < l->count; i++) {
		if (!l->line[i].manifest || l->line[i].notes.deleted)
			continue;
		b.id = l->line[i].id;
		b.status = l->line[i].status;
		b.count++;
	}
	return unit_remember(&b, err);
}

/* No repository yet: no sets, which is no failure. */
static int
run_list(struct action *a, struct err *err)
{
	AUTO(listing) struct listing l = { 0 };
	size_t limit = json_opt_u64(a->params, "limit");

	if (open_session(a, false, err)) {
		if (!err_is(err, ERR_NOTFOUND) ||
		    hooktool_action_set("note", err->msg, err))
			return -1;
	} else if (listing_read(a->session.repo, &l, err)) {
		return -1;
	}
	if (results_set_list(&l, limit, err))
		return -1;
	return remember_newest(&l, err);
}

static int
set_noted(const struct manifest *m, const struct notes_state *said, int64_t now,
    struct err *err)
{
	AUTO(buf) struct buf text = { .max = REPORT_MAX };
	AUTO(buf) struct buf json = { .max = REPORT_MAX };
	const char *status = said->deleted ? "deleted" : manifest_status(m);

	if (report_noted_text(m, said, &text, err) ||
	    report_notes_text(said, now, &text, err) ||
	    results_set("backup", text.data, err) ||
	    hooktool_action_set("backup-id", m->id, err) ||
	    hooktool_action_set("backup-status", status, err) ||
	    report_noted_json(m, said, &json, err))
		return -1;
	return set_json(&json, err);
}

static int
run_show(struct action *a, struct err *err)
{
	AUTO(manifest) struct manifest *m = NULL;
	struct notes_state said;
	const char *id = param(a, "backup-id");

	if (!id)
		return err_set(err, ERR_USAGE, "'backup-id' is empty");
	if (open_session(a, false, err) ||
	    session_manifest(&a->session, id, &m, err) ||
	    session_notes(&a->session, m, &said, err))
		return -1;
	return set_noted(m, &said, session_now(&a->session), err);
}

/* Also what was done before something failed is told. */
static int
set_restored(const struct session_restored *r, bool dry_run,
    const struct err *why, struct err *err)
{
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	const char *status = why ? "failed" : dry_run ? "dry run" : "finished";

	if (hooktool_action_set("backup-id", r->manifest->id, err) ||
	    hooktool_action_set("restore-status", status, err) ||
	    report_restore_json(r->manifest->id, dry_run, &r->result, why, &out,
	        err))
		return -1;
	return set_json(&out, err);
}

/* The names are Charmed Velero's. */
static struct restore_texts
texts_of(const struct action *a)
{
	return (struct restore_texts){
		.include_namespaces = param(a, "include-namespaces"),
		.exclude_namespaces = param(a, "exclude-namespaces"),
		.include_resources = param(a, "include-resources"),
		.exclude_resources = param(a, "exclude-resources"),
		.selector = param(a, "selector"),
		.or_selector = param(a, "or-selector"),
		.mapping = param(a, "namespace-mapping"),
		.policy = param(a, "existing-resource-policy"),
	};
}

static int
run_restore(struct action *a, struct err *err)
{
	AUTO(session_restored) struct session_restored r = { 0 };
	AUTO(restore_choice) struct restore_choice kubernetes = { 0 };
	const struct restore_texts texts = texts_of(a);
	struct session_restore req = {
		.choice = a->choice,
		.kubernetes = &kubernetes.kube,
		.exact = json_opt_bool(a->params, "exact"),
		.dry_run = json_opt_bool(a->params, "dry-run"),
	};
	struct err why = { 0 };

	if (read_id(a, &req.id, err) ||
	    restore_choice_read(&texts, &kubernetes, err))
		return -1;
	reporter_init(&a->reporter, req.dry_run ? "comparing" : "restoring",
	    clock_real());
	if (open_session(a, false, err))
		return -1;
	if (session_restore(&a->session, &req, &r, &why) == 0)
		return set_restored(&r, req.dry_run, NULL, err);
	if (r.manifest && set_restored(&r, req.dry_run, &why, err))
		return -1;
	*err = why;
	return -1;
}

static int
run_resume(struct action *a, struct err *err)
{
	AUTO(pause) struct pause p = { 0 };
	AUTO(buf) struct buf text = { .max = REPORT_MAX };
	AUTO(buf) struct buf json = { .max = REPORT_MAX };

	a->session.clock = clock_real();
	if (session_resume(&a->session, a->unit.config, &a->choice, &p, err) ||
	    report_resume_text(&p, &text, err) ||
	    report_resume_json(&p, &json, err) ||
	    hooktool_action_set("resume-status", "finished", err) ||
	    results_set("workloads", text.data, err))
		return -1;
	return set_json(&json, err);
}

static int
refuse_damaged(const struct verify_result *r, struct err *err)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct verify_set *s = &r->set[i];

		if (s->named > 0)
			return err_set(err, ERR_CORRUPT,
			    "set %s is damaged: %s%s%s", s->id,
			    s->problem[0].component ? s->problem[0].component
			                            : "",
			    s->problem[0].component ? ": " : "",
			    s->problem[0].problem);
	}
	return 0;
}

static int
set_verified(const struct verify_result *r, struct err *err)
{
	AUTO(buf) struct buf text = { .max = REPORT_MAX };
	AUTO(buf) struct buf json = { .max = REPORT_MAX };

	if (report_verify_text(r, &text, err) ||
	    report_verify_json(r, &json, err) ||
	    hooktool_action_set("verify-status", r->problems ? "damaged" : "ok",
	        err) ||
	    results_set("sets", text.data ? text.data : "", err))
		return -1;
	return set_json(&json, err);
}

static int
run_verify(struct action *a, struct err *err)
{
	AUTO(verify_result) struct verify_result r = { 0 };
	const struct session_verify req = {
		.id = param(a, "backup-id"),
		.read = param(a, "read"),
	};
	bool all = json_opt_bool(a->params, "all");
	struct err unheard = { 0 };

	if (!req.id == !all)
		return err_set(err, ERR_USAGE,
		    "give either 'backup-id' or 'all'");
	reporter_init(&a->reporter, "verifying", clock_real());
	if (open_session(a, false, err) ||
	    session_verify(&a->session, &req, &r, err) || set_verified(&r, err))
		return -1;
	if (refuse_damaged(&r, err) == 0)
		return unit_remember_trouble(UNIT_VERIFY, NULL, err);
	if (unit_remember_trouble(UNIT_VERIFY, "a set is damaged", &unheard))
		log_warning("%s", unheard.msg);
	return -1;
}

/* The status counts the sets that stay. */
static int
recount(struct action *a, struct err *err)
{
	AUTO(listing) struct listing l = { 0 };

	if (listing_read(a->session.repo, &l, err))
		return -1;
	return remember_newest(&l, err);
}

static int
run_prune(struct action *a, struct err *err)
{
	if (open_session(a, false, err) ||
	    action_prune_run(&a->session, a->params, err))
		return -1;
	return recount(a, err);
}

static int
run_delete(struct action *a, struct err *err)
{
	if (open_session(a, false, err) ||
	    action_prune_delete(&a->session, a->params, err))
		return -1;
	return recount(a, err);
}

static int
run_hold(struct action *a, struct err *err)
{
	if (open_session(a, false, err) ||
	    action_prune_hold(&a->session, a->params, true, err))
		return -1;
	return recount(a, err);
}

static int
run_release(struct action *a, struct err *err)
{
	if (open_session(a, false, err))
		return -1;
	return action_prune_hold(&a->session, a->params, false, err);
}

static int
refuse_drilled(const char *id, const struct drill_result *r, struct err *err)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->part[i].status == DRILL_FAILED)
			return err_set(err, ERR_CORRUPT, "set %s: %s: %s", id,
			    r->part[i].name, r->part[i].words);
	if (!r->ok)
		return err_set(err, ERR_CORRUPT, "set %s: references: %s", id,
		    r->references_words ? r->references_words : "");
	return 0;
}

static int
set_drilled(const struct session_drilled *d, struct err *err)
{
	AUTO(buf) struct buf text = { .max = REPORT_MAX };
	AUTO(buf) struct buf json = { .max = REPORT_MAX };
	const char *id = d->manifest->id;

	if (report_drill_text(id, &d->result, &text, err) ||
	    report_drill_json(id, &d->result, &json, err) ||
	    hooktool_action_set("backup-id", id, err) ||
	    hooktool_action_set("drill-status", d->result.ok ? "ok" : "failed",
	        err) ||
	    results_set("drill", text.data ? text.data : "", err))
		return -1;
	return set_json(&json, err);
}

static int
run_drill(struct action *a, struct err *err)
{
	AUTO(session_drilled) struct session_drilled d = { 0 };
	const char *id = param(a, "backup-id");
	struct err unheard = { 0 };

	if (!id)
		return err_set(err, ERR_USAGE, "'backup-id' is empty");
	reporter_init(&a->reporter, "drilling", clock_real());
	if (open_session(a, false, err) ||
	    session_drill(&a->session, id, &d, err) || set_drilled(&d, err))
		return -1;
	if (refuse_drilled(d.manifest->id, &d.result, err) == 0)
		return unit_remember_trouble(UNIT_DRILL, NULL, err);
	if (unit_remember_trouble(UNIT_DRILL, "a drill failed", &unheard))
		log_warning("%s", unheard.msg);
	return -1;
}

static int
refuse_failed(const struct check_result *r, struct err *err)
{
	for (size_t i = 0; i < r->count; i++)
		if (!r->line[i].ok)
			return err_set(err, ERR_REMOTE, "%s: %s",
			    r->line[i].name, r->line[i].message);
	return 0;
}

static int
run_check(struct action *a, struct err *err)
{
	AUTO(check_result) struct check_result r = { 0 };
	AUTO(buf) struct buf text = { .max = REPORT_MAX };
	AUTO(buf) struct buf json = { .max = REPORT_MAX };

	a->session.clock = clock_real();
	a->session.by = a->env->unit;
	if (session_check(&a->session, TAKE(a->unit.config), &a->choice, &r,
	        err) ||
	    report_check_text(&r, &text, err) ||
	    report_check_json(&r, &json, err) ||
	    hooktool_action_set("check-status", r.ok ? "ok" : "failed", err) ||
	    results_set("checks", text.data ? text.data : "", err) ||
	    set_json(&json, err))
		return -1;
	return refuse_failed(&r, err);
}

static const struct {
	const char *name;
	int (*run)(struct action *, struct err *);
	const char *doing; /* the status meanwhile; NULL: it is quick */
} table[] = {
	{ "create-backup", run_create, "creating backup" },
	{ "list-backups", run_list, NULL },
	{ "show-backup", run_show, NULL },
	{ "restore", run_restore, "restoring backup" },
	{ "resume", run_resume, NULL },
	{ "verify-backup", run_verify, "verifying" },
	{ "drill", run_drill, "drilling" },
	{ "prune", run_prune, "pruning" },
	{ "delete-backup", run_delete, "deleting backup" },
	{ "hold-backup", run_hold, NULL },
	{ "release-backup", run_release, NULL },
	{ "check", run_check, "checking" },
};

static int
run_named(struct action *a, struct err *err)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (strcmp(a->env->name, table[i].name) != 0)
			continue;
		if (table[i].doing && hooktool_status_set(HOOKTOOL_MAINTENANCE,
		                          table[i].doing, err))
			return -1;
		return table[i].run(a, err);
	}
	return err_set(err, ERR_USAGE, "unknown action '%s'", a->env->name);
}

static int
run(struct action *a, struct err *err)
{
	AUTO(charm_asked) struct charm_asked asked = { 0 };

	if (hooktool_action_get(&a->params, err) ||
	    unit_read(a->env, &asked, &a->unit, err))
		return -1;
	a->asked = true;
	if (!a->unit.config)
		return err_set(err, ERR_USAGE, "%s", a->unit.gap.text);
	return read_choice(a, err) ? -1 : run_named(a, err);
}

int
cmd_action(const struct env *env, struct err *err)
{
	AUTO(action) struct action a = { .env = env };
	struct err why = { 0 };

	if (run(&a, &why) && hooktool_action_fail(why.msg, err))
		return -1;
	if (a.asked && unit_show(&a.unit, &why))
		log_warning("the status is out of date: %s", why.msg);
	return 0;
}
