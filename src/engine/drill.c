#include "engine/drill.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/set_loader.h"
#include "repo/notes.h"
#include "repo/repo_files.h"
#include "repo/repo_keys.h"

enum { PROOF_MAX = 4096, DETAILS_MAX = 512 << 10 };

struct run {
	const struct drill_options *o;
	struct drill_result *result;
	struct set_loader_env env;
};

/* The failure is not the set's. */
static bool
is_trouble(const struct err *err)
{
	return err_is(err, ERR_NOMEM) || err_is(err, ERR_TRANSIENT) ||
	       err_is(err, ERR_NOROOM);
}

const char *
drill_status_name(enum drill_status s)
{
	static const char *const name[] = {
		[DRILL_OK] = "ok",
		[DRILL_FAILED] = "failed",
		[DRILL_SKIPPED] = "skipped",
	};

	return name[s];
}

/* --- one component */

static int
conclude(struct drill_part *p, enum drill_status status, const char *words,
    struct err *err)
{
	p->status = status;
	log_info("component '%s': drill %s: %s", p->name,
	    drill_status_name(status), words);
	return str_dup(words, &p->words, err);
}

static const struct plan_job *
job_of(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->job[i].component->name, name) == 0)
			return &p->job[i];
	return NULL;
}

/* Why there is nothing to try; NULL: there is. */
static const char *
why_not(const struct manifest_component *mc, const struct plan_job *j)
{
	if (mc->status == MANIFEST_FAILED)
		return "it failed in this set";
	if (!j)
		return "it is not configured here";
	if (strcmp(mc->type, config_type_name(j->component->type)) != 0)
		return "it is of another type in the configuration";
	return NULL;
}

static void
keep_note(void *arg, const char *text)
{
	const struct drill_part *p = arg;

	log_warning("component '%s': %s", p->name, text);
}

/* All objects that the manifest counts were there. */
static int
check_count(const struct set_loader *v, struct err *err)
{
	uint64_t n = atomic_load(&v->counts.written);

	if (!manifest_inventory_of(v->mc) || n == v->mc->objects)
		return 0;
	return err_set(err, ERR_CORRUPT,
	    "%" PRIu64 " objects came, %" PRIu64 " were saved", n,
	    v->mc->objects);
}

static int
try_with(struct component *c, struct set_loader *v, struct buf *proof,
    struct err *err)
{
	struct repo *repo = v->env->repo;

	if (repo_files_there(repo, &v->mc->files, err) ||
	    repo_files_there(repo, &v->mc->needs, err) ||
	    c->ops->drill(c, &v->loader, proof, err))
		return -1;
	return check_count(v, err);
}

static int
try_component(struct run *r, const struct plan_job *j, struct drill_part *p,
    struct buf *proof, struct err *err)
{
	const struct manifest_component *mc =
	    manifest_find(r->o->manifest, p->name);
	AUTO(component) struct component *c = NULL;
	struct set_loader v;
	int rc = set_loader_init(&v, &r->env, mc, err);

	v.note = keep_note;
	v.arg = p;
	if (rc == 0)
		rc = component_open(j->component, NULL, r->o->config->scratch,
		    &c, err);
	if (rc == 0)
		rc = progress_start(&v.meter, r->o->progress, p->name, err);
	if (rc == 0) {
		progress_expect(&v.meter, mc->objects, mc->bytes);
		rc = try_with(c, &v, proof, err);
		p->seconds = progress_stop(&v.meter);
	}
	set_loader_done(&v);
	return rc;
}

static int
drill_component(struct run *r, const struct manifest_component *mc,
    struct drill_part *p, struct err *err)
{
	const struct plan_job *j = job_of(r->o->plan, mc->name);
	const char *no = why_not(mc, j);
	AUTO(buf) struct buf proof = { .max = PROOF_MAX };
	struct err why = { 0 };

	if (no)
		return conclude(p, DRILL_SKIPPED, no, err);
	if (try_component(r, j, p, &proof, &why) == 0)
		return conclude(p, DRILL_OK, proof.data ? proof.data : "", err);
	if (is_trouble(&why)) {
		*err = why;
		return err_wrap(err, "component '%s'", p->name);
	}
	return conclude(p, DRILL_FAILED, why.msg, err);
}

/* --- references */

static const struct drill_part *
part_of(const struct drill_result *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->part[i].name, name) == 0)
			return &r->part[i];
	return NULL;
}

static int
look_up(struct run *r, struct manifest_references *found, struct err *err)
{
	const struct plan *p = r->o->plan;

	if (!references_any(r->env.references, &found->external))
		return 0;
	for (size_t i = 0; i < p->count; i++) {
		const char *name = p->job[i].component->name;
		const struct drill_part *part = part_of(r->result, name);

		if (part && part->status == DRILL_OK &&
		    references_check(r->env.references, i, NULL, r->o->repo,
		        manifest_find(r->o->manifest, name), found, err))
			return err_wrap(err, "references into '%s'", name);
	}
	return 0;
}

/*
 * Do all who refer, and all that is referred to, take part?  The rows of a SQL
 * dump are not looked at.
 */
static bool
is_comparable(const struct run *r, struct err *err)
{
	const struct manifest *m = r->o->manifest;

	for (size_t i = 0; i < m->ncomponents; i++) {
		const struct manifest_component *c = &m->component[i];
		AUTO(json) struct json *facts = NULL;

		if (r->result->part[i].status != DRILL_OK)
			return false;
		if (c->facts &&
		    json_parse(c->facts, strlen(c->facts), &facts, err))
			return false;
		if (json_opt_u64(facts, "references") > 0)
			return false;
	}
	return true;
}

static int
judge(struct run *r, const struct manifest_references *now, struct err *err)
{
	const struct manifest_references *then = &r->o->manifest->references;
	struct drill_result *result = r->result;
	struct err why = { 0 };
	bool all = is_comparable(r, &why);

	if (err_is(&why, ERR_NOMEM)) {
		*err = why;
		return -1;
	}
	result->references = !all                        ? DRILL_SKIPPED
	                     : now->found == then->found ? DRILL_OK
	                                                 : DRILL_FAILED;
	return str_printf(&result->references_words, err,
	    "%" PRIu64 " found in the buckets, %" PRIu64 " when it was saved%s",
	    now->found, then->found,
	    all ? "" : "; not all that refers or is referred to was tried");
}

static int
drill_references(struct run *r, struct err *err)
{
	struct manifest_references now = { 0 };
	struct err why = { 0 };
	int rc = look_up(r, &now, &why);

	/* names are kept of a source only, and a drill asks none */
	for (size_t i = 0; i < now.ndangling_uris; i++)
		free(now.dangling_uris[i]);
	for (size_t i = 0; i < now.nlost_uris; i++)
		free(now.lost_uris[i]);
	free(now.dangling_uris);
	free(now.lost_uris);
	if (rc == 0)
		return r->o->manifest->references.checked ? judge(r, &now, err)
		                                          : 0;
	if (is_trouble(&why)) {
		*err = why;
		return -1;
	}
	/* a store that failed between the components and this */
	r->result->references = DRILL_FAILED;
	return str_dup(why.msg, &r->result->references_words, err);
}

/* --- the note */

static void
write_part(struct jsonw *w, const struct drill_part *p, bool words)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "name", p->name);
	jsonw_str(w, "status", drill_status_name(p->status));
	if (words)
		jsonw_str(w, "result", p->words);
	jsonw_close(w);
}

/* Notes are not encrypted: words may show keys of objects and names of
 * tables. */
static int
write_details(const struct drill_result *r, bool words, struct buf *out,
    struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, out, 0);
	jsonw_object(&w, NULL);
	jsonw_array(&w, "components");
	for (size_t i = 0; i < r->count; i++)
		write_part(&w, &r->part[i], words);
	jsonw_close(&w);
	if (words)
		jsonw_opt_str(&w, "references", r->references_words);
	jsonw_close(&w);
	return jsonw_end(&w, err);
}

static int
write_note(struct run *r, struct err *err)
{
	AUTO(buf) struct buf details = { .max = DETAILS_MAX };
	struct note_new n = {
		.folder = r->o->manifest->folder,
		.kind = r->result->ok ? NOTE_DRILLED : NOTE_DRILL_FAILED,
		.by = r->o->by,
		.tool = r->o->tool,
	};
	struct err why = { 0 };

	if (write_details(r->result, r->o->manifest->nrecipients == 0, &details,
	        err))
		return -1;
	n.details = details.data;
	if (notes_add(r->o->repo, &n, &why) == 0)
		return 0;
	if (err_is(&why, ERR_NOMEM)) {
		*err = why;
		return -1;
	}
	log_warning("set '%s': the result cannot be kept with it: %s",
	    r->o->manifest->id, why.msg);
	return 0;
}

/* --- the run */

static int
drill_all(struct run *r, struct err *err)
{
	const struct manifest *m = r->o->manifest;
	struct drill_result *result = r->result;
	size_t tried = 0, failed = 0;

	if (repo_keys_check_open(r->o->repo, r->o->manifest, err))
		return -1;
	for (; result->count < m->ncomponents; result->count++) {
		struct drill_part *p = &result->part[result->count];

		p->name = m->component[result->count].name;
		p->type = m->component[result->count].type;
		if (drill_component(r, &m->component[result->count], p, err))
			return -1;
		tried += p->status != DRILL_SKIPPED;
		failed += p->status == DRILL_FAILED;
	}
	if (tried == 0)
		return err_set(err, ERR_USAGE,
		    "none of the set's components can be tried here: configure "
		    "them as they were; their sources need not be there");
	if (drill_references(r, err))
		return -1;
	result->ok = failed == 0 && result->references != DRILL_FAILED;
	return write_note(r, err);
}

int
drill_run(const struct drill_options *o, struct drill_result *result,
    struct err *err)
{
	struct run r = { .o = o, .result = result };
	int rc;

	*result = (struct drill_result){
		.part =
		    calloc(o->manifest->ncomponents + 1, sizeof *result->part),
		.references = DRILL_SKIPPED,
	};
	if (!result->part)
		return err_nomem(err);
	r.env = (struct set_loader_env){ .repo = o->repo, .config = o->config };
	if (references_new(o->plan, o->config->scratch, &r.env.references, err))
		return -1;
	rc = drill_all(&r, err);
	references_free(r.env.references);
	return rc;
}

void
drill_result_done(struct drill_result *r)
{
	for (size_t i = 0; r->part && i < r->count; i++)
		free(r->part[i].words);
	free(r->part);
	free(r->references_words);
	*r = (struct drill_result){ 0 };
}
