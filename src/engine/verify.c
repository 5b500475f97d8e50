#include "engine/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/monitor.h"
#include "base/pool.h"
#include "base/str.h"
#include "engine/inventory_check.h"
#include "engine/limits.h"
#include "engine/sink_meter.h"
#include "repo/notes.h"
#include "repo/repo_files.h"

enum {
	READ_COST = 512 << 10, /* buffers of a connection */
	WALK_COST = 4 << 20,   /* and zstd's window */
	DETAILS_MAX = 64 << 10,
};

struct run {
	const struct verify_options *o;
	struct verify_result *result;
	/* One inventory at a time: it keeps a connection while it asks for
	 * lengths of packs on another; many of them would wait for each other
	 * where connections are few. */
	struct monitor walking;
	struct notes notes;
	/* Files of the sets before, which are not looked at again. */
	bool several;
	struct manifest_files there, right;
};

/* Which places are read; how many were, one window behind the other. */
struct share {
	unsigned from, size, covered;
};

struct item { /* what was found out about a file */
	char *problem;
	bool there, read;
};

/* One set of them. */
struct look {
	struct run *run;
	struct verify_set *set;
	const struct manifest *m;
	/* Each of its files once, by name; only the array is ours. */
	struct manifest_files files;
	struct item *item; /* by the places in files */
	struct progress_meter meter;
	struct share share;
};

static void
look_done(struct look *l)
{
	for (size_t i = 0; l->item && i < l->files.count; i++)
		free(l->item[i].problem);
	free(l->item);
	free(l->files.file);
}

/* --- problems */

/* What says nothing about the file, but about us or about the moment. */
static bool
is_trouble(const struct err *err)
{
	return err_is(err, ERR_NOMEM) || err_is(err, ERR_TRANSIENT);
}

static int
add_problem(struct look *l, const char *file, const char *component,
    const char *problem, struct err *err)
{
	struct verify_result *r = l->run->result;
	struct verify_problem *p;

	r->problems++;
	l->set->problems++;
	if (r->named == VERIFY_PROBLEMS)
		return 0;
	p = &r->problem[r->named++];
	l->set->named++;
	if (component && str_dup(component, &p->component, err))
		return -1;
	return str_dup(file, &p->file, err) ||
	               str_dup(problem, &p->problem, err)
	           ? -1
	           : 0;
}

static int
found_wrong(struct look *l, size_t i, const struct err *why, struct err *err)
{
	return l->item[i].problem ? 0
	                          : str_dup(why->msg, &l->item[i].problem, err);
}

/* Once for each component that needs the file. */
static int
tell_file(struct look *l, size_t i, struct err *err)
{
	const char *path = l->files.file[i].path;
	const char *problem = l->item[i].problem;
	bool any = false;

	for (size_t k = 0; k < l->m->ncomponents; k++) {
		const struct manifest_component *c = &l->m->component[k];

		if (!manifest_file_of(c, path))
			continue;
		any = true;
		if (add_problem(l, path, c->name, problem, err))
			return -1;
	}
	return any ? 0 : add_problem(l, path, NULL, problem, err);
}

static int
tell_all(struct look *l, struct err *err)
{
	for (size_t i = 0; i < l->files.count; i++)
		if (l->item[i].problem && tell_file(l, i, err))
			return -1;
	return 0;
}

/* --- which files */

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct manifest_file *)a)->path,
	    ((const struct manifest_file *)b)->path);
}

static bool
same_file(const struct manifest_file *a, const struct manifest_file *b)
{
	return a->size == b->size &&
	       memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0;
}

static void
append(struct manifest_files *to, const struct manifest_files *from)
{
	for (size_t i = 0; i < from->count; i++)
		to->file[to->count++] = from->file[i];
}

static size_t
files_at_most(const struct manifest *m)
{
	size_t n = m->files.count;

	for (size_t i = 0; i < m->ncomponents; i++)
		n += m->component[i].files.count + m->component[i].needs.count;
	return n;
}

/* Each once; of two that differ one must be wrong. */
static int
make_unique(struct look *l, struct err *err)
{
	struct manifest_files *f = &l->files;
	size_t kept = 0;
	struct err why = { 0 };

	for (size_t i = 0; i < f->count; i++) {
		const struct manifest_file *it = &f->file[i];

		if (kept == 0 || by_path(&f->file[kept - 1], it) != 0) {
			f->file[kept++] = *it;
			continue;
		}
		if (same_file(&f->file[kept - 1], it))
			continue;
		(void)err_set(&why, ERR_CORRUPT,
		    "'%s' has two sizes or hashes in the manifest", it->path);
		if (found_wrong(l, kept - 1, &why, err))
			return -1;
	}
	f->count = f->sorted = kept;
	return 0;
}

static int
gather(struct look *l, struct err *err)
{
	struct manifest_files *f = &l->files;
	size_t n = files_at_most(l->m);

	f->file = calloc(n + 1, sizeof *f->file);
	l->item = calloc(n + 1, sizeof *l->item);
	if (!f->file || !l->item)
		return err_nomem(err);
	append(f, &l->m->files);
	for (size_t i = 0; i < l->m->ncomponents; i++) {
		append(f, &l->m->component[i].files);
		append(f, &l->m->component[i].needs);
	}
	qsort(f->file, f->count, sizeof *f->file, by_path);
	if (make_unique(l, err))
		return -1;
	l->set->files = f->count;
	for (size_t i = 0; i < f->count; i++)
		l->set->bytes += f->file[i].size;
	return 0;
}

/* --- is it there? */

struct asked {
	struct look *l;
	struct manifest_files files; /* those that nobody looked for yet */
};

static int
not_there(void *arg, size_t i, const struct err *why, struct err *err)
{
	struct asked *a = arg;
	struct look *l = a->l;
	const struct manifest_file *f =
	    manifest_files_find(&l->files, a->files.file[i].path);
	size_t at = (size_t)(f - l->files.file);

	l->item[at].there = false;
	return found_wrong(l, at, why, err);
}

static bool
known(const struct manifest_files *table, const struct manifest_file *f)
{
	const struct manifest_file *k = manifest_files_find(table, f->path);

	return k && same_file(k, f);
}

static int
look_for(struct look *l, struct err *err)
{
	const struct manifest_files *all = &l->files;
	AUTO(free)
	struct manifest_file *some = calloc(all->count + 1, sizeof *some);
	struct asked a = { .l = l, .files.file = some };

	if (!some)
		return err_nomem(err);
	for (size_t i = 0; i < all->count; i++) {
		l->item[i].there = true;
		if (!known(&l->run->there, &all->file[i]))
			some[a.files.count++] = all->file[i];
	}
	a.files.sorted = a.files.count;
	return repo_files_look(l->run->o->repo, &a.files, not_there, &a, err);
}

/* --- is it right? */

struct job {
	struct look *l;
	size_t i;
	const struct manifest_component *inventory; /* whose it is; NULL */
};

static int
hash(struct look *l, const struct manifest_file *f, struct err *err)
{
	AUTO(sink) struct sink *none = NULL;
	AUTO(sink) struct sink *meter = NULL;
	bool far_failed = false;

	if (sink_null_new(&none, err) ||
	    sink_meter_new(none, &l->meter, &far_failed, &meter, err))
		return -1;
	return repo_fetch(l->run->o->repo, f, meter, err);
}

/* An inventory that cannot be understood, for want of a key, still has a
 * hash. */
static int
walk(const struct job *j, const struct manifest_file *f, struct err *err)
{
	struct run *r = j->l->run;
	int rc;

	monitor_enter(&r->walking);
	rc = inventory_check(r->o->repo, j->inventory, f, err);
	monitor_leave(&r->walking);
	if (rc == 0) {
		progress_add(&j->l->meter, 0, f->size);
		return 0;
	}
	if (!err_is(err, ERR_USAGE) && !err_is(err, ERR_DENIED))
		return -1;
	log_debug("'%s' is not looked into: %s", f->path, err->msg);
	return hash(j->l, f, err);
}

static int
job_run(void *arg, struct err *err)
{
	struct job *j = arg;
	struct look *l = j->l;
	const struct manifest_file *f = &l->files.file[j->i];
	size_t i = j->i;
	struct err why = { 0 };
	int rc = j->inventory ? walk(j, f, &why) : hash(l, f, &why);

	free(j);
	if (rc && is_trouble(&why)) {
		*err = why;
		return -1;
	}
	l->item[i].read = true;
	progress_add(&l->meter, 1, 0);
	return rc ? found_wrong(l, i, &why, err) : 0;
}

static const struct manifest_component *
whose_inventory(const struct manifest *m, const char *path)
{
	for (size_t i = 0; i < m->ncomponents; i++) {
		const struct manifest_component *c = &m->component[i];

		if (manifest_is_inventory(c, path) &&
		    manifest_files_find(&c->files, path))
			return c;
	}
	return NULL;
}

static int
add_job(struct look *l, struct pool *pool, size_t i, struct err *err)
{
	struct job *j = calloc(1, sizeof *j);

	if (!j)
		return err_nomem(err);
	*j = (struct job){ .l = l,
		.i = i,
		.inventory = whose_inventory(l->m, l->files.file[i].path) };
	if (pool_run(pool, job_run, j, j->inventory ? WALK_COST : READ_COST,
	        err) == 0)
		return 0;
	free(j);
	return -1;
}

/* FNV-1a, folded: the same file always has the same place. */
static unsigned
place_of(const char *path)
{
	uint64_t h = 14695981039346656037U;

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 1099511628211U;
	return (unsigned)((h ^ h >> 32) % VERIFY_PLACES);
}

static bool
wanted(const struct look *l, size_t i)
{
	const struct manifest_file *f = &l->files.file[i];
	unsigned behind =
	    (place_of(f->path) + VERIFY_PLACES - l->share.from) % VERIFY_PLACES;

	return l->item[i].there && behind < l->share.size;
}

static int
read_wanted(struct look *l, struct err *err)
{
	const struct verify_options *o = l->run->o;
	AUTO(pool) struct pool *pool = NULL;
	struct pool_size size;
	struct limits limits;

	limits_load(&o->config->limits, &limits);
	size = limits_pool(&limits);
	if (pool_new(&size, &pool, err))
		return -1;
	for (size_t i = 0; i < l->files.count; i++) {
		if (!wanted(l, i))
			continue;
		if (known(&l->run->right, &l->files.file[i]))
			l->item[i].read = true;
		else if (add_job(l, pool, i, err))
			return -1;
	}
	return pool_wait(pool, err);
}

static int
read_share(struct look *l, struct err *err)
{
	uint64_t n = 0, bytes = 0;
	int rc;

	if (l->share.size == 0)
		return 0;
	for (size_t i = 0; i < l->files.count; i++)
		if (wanted(l, i)) {
			n++;
			bytes += l->files.file[i].size;
		}
	if (progress_start(&l->meter, l->run->o->progress, l->set->id, err))
		return -1;
	progress_expect(&l->meter, n, bytes);
	rc = read_wanted(l, err);
	(void)progress_stop(&l->meter);
	for (size_t i = 0; i < l->files.count; i++)
		if (l->item[i].read) {
			l->set->read_files++;
			l->set->read_bytes += l->files.file[i].size;
		}
	return rc;
}

/* --- shares: where the last run ended, and what is said for the next */

/* The last note that a verification left; NULL: none. */
static const struct note *
last_note(const struct run *r, const char *folder)
{
	const struct note *last = NULL;

	for (size_t i = 0; i < r->notes.count; i++) {
		const struct note *n = &r->notes.note[i];

		if (strcmp(n->folder, folder) == 0 &&
		    (n->kind == NOTE_VERIFIED || n->kind == NOTE_VERIFY_FAILED))
			last = n;
	}
	return last;
}

static int
read_note(struct run *r, const struct note *n, struct share *s, struct err *err)
{
	AUTO(buf) struct buf text = { .max = DETAILS_MAX };
	AUTO(json) struct json *j = NULL;

	if (notes_details(r->o->repo, n, &text, err))
		return -1;
	if (text.len == 0)
		return 0;
	if (json_parse(text.data, text.len, &j, err))
		return -1;
	s->from = (unsigned)(json_opt_u64(j, "read-to") % VERIFY_PLACES);
	/* A row of windows is as good as the worst of them. */
	if (n->kind == NOTE_VERIFIED)
		s->covered =
		    (unsigned)(json_opt_u64(j, "covered") % VERIFY_PLACES);
	return 0;
}

static int
find_share(struct look *l, struct err *err)
{
	const struct note *n = last_note(l->run, l->set->folder);
	struct err why = { 0 };

	l->share = (struct share){ .size = l->run->o->share };
	if (!n || l->share.size == VERIFY_PLACES ||
	    read_note(l->run, n, &l->share, &why) == 0)
		return 0;
	if (is_trouble(&why)) {
		*err = why;
		return -1;
	}
	log_warning("the note of the last verification cannot be read, what it "
	            "read may be read again: %s",
	    why.msg);
	return 0;
}

static int
write_details(struct look *l, struct buf *out, struct err *err)
{
	const struct share *s = &l->share;
	const struct verify_set *set = l->set;
	unsigned covered = s->covered + s->size;
	char read[16] = "none";
	struct jsonw w;

	if (s->size == VERIFY_PLACES)
		(void)snprintf(read, sizeof read, "all");
	else if (s->size > 0)
		(void)snprintf(read, sizeof read, "%u%%",
		    s->size * 100 / VERIFY_PLACES);
	jsonw_begin(&w, out, 0);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "read", read);
	jsonw_u64(&w, "files", set->files);
	jsonw_u64(&w, "bytes", set->bytes);
	jsonw_u64(&w, "read-files", set->read_files);
	jsonw_u64(&w, "read-bytes", set->read_bytes);
	jsonw_u64(&w, "problems", set->problems);
	jsonw_bool(&w, "all-read", set->all_read);
	jsonw_u64(&w, "read-to", (s->from + s->size) % VERIFY_PLACES);
	jsonw_u64(&w, "covered", covered % VERIFY_PLACES);
	jsonw_close(&w);
	return jsonw_end(&w, err);
}

/* Who may only read is not kept from verifying. */
static int
write_note(struct look *l, struct err *err)
{
	const struct verify_options *o = l->run->o;
	AUTO(buf) struct buf details = { .max = DETAILS_MAX };
	struct note_new n = {
		.folder = l->set->folder,
		.kind = l->set->problems ? NOTE_VERIFY_FAILED : NOTE_VERIFIED,
		.by = o->by,
		.tool = o->tool,
	};
	struct err why = { 0 };

	if (write_details(l, &details, err))
		return -1;
	n.details = details.data;
	if (notes_add(o->repo, &n, &why) == 0)
		return 0;
	if (err_is(&why, ERR_NOMEM)) {
		*err = why;
		return -1;
	}
	log_warning("set '%s': the result cannot be kept with it: %s",
	    l->set->id, why.msg);
	return 0;
}

/* --- one set */

/* What need not be looked at again, if another set needs it too. */
static int
remember(struct look *l, struct err *err)
{
	struct run *r = l->run;

	for (size_t i = 0; r->several && i < l->files.count; i++) {
		const struct manifest_file *f = &l->files.file[i];
		const struct item *it = &l->item[i];

		if (it->there && manifest_files_add(&r->there, f->path, f->size,
		                     f->sha256, err))
			return -1;
		if (it->read && !it->problem &&
		    manifest_files_add(&r->right, f->path, f->size, f->sha256,
		        err))
			return -1;
	}
	return manifest_files_sort(&r->there, err) ||
	               manifest_files_sort(&r->right, err)
	           ? -1
	           : 0;
}

static int
look_at_files(struct look *l, struct err *err)
{
	if (gather(l, err) || look_for(l, err) || read_share(l, err))
		return -1;
	l->set->all_read = l->share.covered + l->share.size >= VERIFY_PLACES;
	return tell_all(l, err) || remember(l, err) ? -1 : 0;
}

static int
look_at_manifest(struct look *l, struct manifest **m, struct err *err)
{
	char key[LAYOUT_KEY_SIZE];
	struct err why = { 0 };

	if (repo_manifest(l->run->o->repo, l->set->folder, m, &why) == 0)
		return 0;
	if (is_trouble(&why)) {
		*err = why;
		return -1;
	}
	if (layout_key(l->set->folder, LAYOUT_MANIFEST, key, err))
		return -1;
	return add_problem(l, key, NULL, why.msg, err);
}

static int
look_at_set(struct run *r, struct verify_set *set, struct err *err)
{
	AUTO(manifest) struct manifest *m = NULL;
	struct look l = { .run = r, .set = set };
	int rc;

	if (find_share(&l, err) || look_at_manifest(&l, &m, err))
		return -1;
	l.m = m;
	if (!m)
		l.share.size = 0; /* nothing could be read */
	rc = m ? look_at_files(&l, err) : 0;
	if (rc == 0)
		rc = write_note(&l, err);
	look_done(&l);
	return rc;
}

/* --- the run */

static int
list_notes(struct run *r, const struct repo_sets *sets, struct err *err)
{
	struct err why = { 0 };

	if (notes_list(r->o->repo, r->several ? NULL : sets->set[0].folder,
	        &r->notes, &why) == 0)
		return 0;
	if (is_trouble(&why)) {
		*err = why;
		return -1;
	}
	log_warning("notes of earlier verifications cannot be read: %s",
	    why.msg);
	return 0;
}

static int
look_at_all(struct run *r, const struct repo_sets *sets,
    struct verify_result *result, struct err *err)
{
	if (sets->count == 0)
		return 0;
	if (list_notes(r, sets, err))
		return -1;
	for (size_t i = 0; i < sets->count; i++) {
		struct verify_set *s = &result->set[result->count++];

		s->problem = &result->problem[result->named];
		memcpy(s->id, sets->set[i].id, sizeof s->id);
		memcpy(s->folder, sets->set[i].folder, sizeof s->folder);
		if (look_at_set(r, s, err))
			return err_wrap(err, "set '%s'", s->id);
		log_info("set '%s': %" PRIu64 " files, %" PRIu64
		         " read, %" PRIu64 " problems",
		    s->id, s->files, s->read_files, s->problems);
	}
	return 0;
}

int
verify_run(const struct verify_options *o, const struct repo_sets *sets,
    struct verify_result *result, struct err *err)
{
	struct run r = { .o = o, .result = result, .several = sets->count > 1 };
	int rc;

	*result = (struct verify_result){
		.set = calloc(sets->count + 1, sizeof *result->set),
		.problem = calloc(VERIFY_PROBLEMS, sizeof *result->problem),
	};
	if (!result->set || !result->problem)
		return err_nomem(err);
	monitor_init(&r.walking);
	rc = look_at_all(&r, sets, result, err);
	monitor_done(&r.walking);
	notes_done(&r.notes);
	manifest_files_done(&r.there);
	manifest_files_done(&r.right);
	return rc;
}

void
verify_result_done(struct verify_result *r)
{
	for (size_t i = 0; i < r->named; i++) {
		free(r->problem[i].file);
		free(r->problem[i].component);
		free(r->problem[i].problem);
	}
	free(r->problem);
	free(r->set);
	*r = (struct verify_result){ 0 };
}
