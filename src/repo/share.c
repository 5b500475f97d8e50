#include "repo/share.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "repo/inventory.h"
#include "repo/layout.h"

/* --- what both are made of */

static void
put_head(struct jsonw *w, const char *run, unsigned workers)
{
	jsonw_object(w, NULL);
	jsonw_u64(w, "format", MANIFEST_FORMAT);
	jsonw_str(w, "run", run);
	jsonw_u64(w, "workers", workers);
}

/* The line is done: the manifest behind it. */
static int
put_manifest(struct jsonw *w, size_t from, const struct manifest *m,
    struct buf *out, struct err *err)
{
	jsonw_close(w);
	if (jsonw_end(w, err) || buf_puts(out, "\n", err))
		return -1;
	if (out->len - from > SHARE_LINE_MAX)
		return err_set(err, ERR_USAGE,
		    "the keys of the ranges take more than %d bytes",
		    SHARE_LINE_MAX);
	return manifest_encode(m, out, err);
}

static int
get_head(const struct json *j, char **run, unsigned *workers, struct err *err)
{
	uint64_t format, n;
	const char *name;

	if (json_u64(j, "format", &format, err))
		return -1;
	if (format > MANIFEST_FORMAT)
		return err_set(err, ERR_USAGE,
		    "format %ju is newer than this program", (uintmax_t)format);
	if (json_str(j, "run", &name, err) || json_u64(j, "workers", &n, err))
		return -1;
	if (format < MANIFEST_FORMAT || !layout_is_run(name) || n < 1 ||
	    n > SHARE_WORKERS_MAX)
		return err_set(err, ERR_CORRUPT,
		    "run '%.80s' of %ju workers cannot be", name, (uintmax_t)n);
	*workers = (unsigned)n;
	return str_dup(name, run, err);
}

/* Line and manifest; what the manifest hides elsewhere stands in this one. */
static int
get_both(const char *text, size_t len, struct json **line, struct manifest **m,
    struct err *err)
{
	size_t max = len < SHARE_LINE_MAX ? len : SHARE_LINE_MAX;
	const char *end = memchr(text, '\n', max);

	if (!end)
		return err_set(err, ERR_CORRUPT, "its first line has no end");
	if (json_parse(text, (size_t)(end - text), line, err) ||
	    manifest_decode(end + 1, len - (size_t)(end + 1 - text), m, err))
		return -1;
	(*m)->hidden = false;
	return json_is_object(*line)
	           ? 0
	           : err_set(err, ERR_CORRUPT, "its first line is no object");
}

/* The caller's; NULL: an error. */
static char *
get_component(const struct json *j, struct err *err)
{
	const char *name;
	char *copy = NULL;

	if (json_str(j, "component", &name, err))
		return NULL;
	if (!layout_is_name(name)) {
		(void)err_set(err, ERR_CORRUPT,
		    "'%.80s' is no name of a component", name);
		return NULL;
	}
	return str_dup(name, &copy, err) ? NULL : copy;
}

/* --- plan */

static void
put_cut(struct jsonw *w, const struct share_cut *c)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "component", c->component);
	jsonw_opt_str(w, "before", c->before);
	jsonw_array(w, "at");
	for (size_t i = 0; i < c->nat; i++) {
		jsonw_object(w, NULL);
		inventory_encode_text(w, "key", c->at[i].key);
		if (c->before) {
			jsonw_u64(w, "segment", c->at[i].segment);
			jsonw_u64(w, "line", c->at[i].line);
		}
		jsonw_close(w);
	}
	jsonw_close(w);
	jsonw_close(w);
}

int
share_plan_encode(const struct share_plan *p, const struct manifest *m,
    struct buf *out, struct err *err)
{
	size_t from = out->len;
	struct jsonw w;

	jsonw_begin(&w, out, 0);
	put_head(&w, p->run, p->workers);
	jsonw_array(&w, "cuts");
	for (size_t i = 0; i < p->ncuts; i++)
		put_cut(&w, &p->cut[i]);
	jsonw_close(&w);
	if (p->references)
		jsonw_u64(&w, "external", p->external);
	return put_manifest(&w, from, m, out, err);
}

static int
get_at(const struct json *j, bool lines, struct share_at *at, struct err *err)
{
	if (inventory_decode_text(j, "key", &at->key, err))
		return -1;
	if (!at->key)
		return err_set(err, ERR_CORRUPT, "there is no key");
	if (!lines)
		return 0;
	return json_u64(j, "segment", &at->segment, err) ||
	               json_u64(j, "line", &at->line, err)
	           ? -1
	           : 0;
}

static int
get_ats(const struct json *j, struct share_cut *c, unsigned workers,
    struct err *err)
{
	const struct json *a = NULL;
	struct share_at *at;

	if (json_array(j, "at", SHARE_WORKERS_MAX, &a, err))
		return -1;
	if (workers == 0 || json_count(a) != workers - 1)
		return err_set(err, ERR_CORRUPT,
		    "%zu places do not cut it for %u workers", json_count(a),
		    workers);
	at = calloc(workers, sizeof *at);
	if (!at)
		return err_nomem(err);
	c->at = at;
	for (a = json_first(a); a; a = json_next(a)) {
		at = &c->at[c->nat++];
		if (get_at(a, c->before != NULL, at, err))
			return -1;
		if (c->nat > 1 && strcmp(at[-1].key, at->key) > 0)
			return err_set(err, ERR_CORRUPT,
			    "key '%s' is before the one before it", at->key);
	}
	return 0;
}

static int
get_cut(const struct json *j, struct share_plan *p, struct err *err)
{
	struct share_cut *c = &p->cut[p->ncuts++];
	const char *before = json_opt_str(j, "before");
	char id[LAYOUT_ID_SIZE];

	c->component = get_component(j, err);
	if (!c->component)
		return -1;
	for (size_t i = 0; i + 1 < p->ncuts; i++)
		if (strcmp(p->cut[i].component, c->component) == 0)
			return err_set(err, ERR_CORRUPT, "it is cut twice");
	if (manifest_find(p->manifest, c->component))
		return err_set(err, ERR_CORRUPT, "it is saved already");
	if (before && !layout_folder_id(before, id))
		return err_set(err, ERR_CORRUPT, "'%.80s' is no set", before);
	if (before && str_dup(before, &c->before, err))
		return -1;
	return get_ats(j, c, p->workers, err);
}

static int
get_plan(const struct json *j, struct share_plan *p, struct err *err)
{
	const struct json *a = NULL;

	if (get_head(j, &p->run, &p->workers, err) ||
	    json_array(j, "cuts", MANIFEST_COMPONENTS, &a, err))
		return -1;
	p->cut = calloc(json_count(a) + 1, sizeof *p->cut);
	if (!p->cut)
		return err_nomem(err);
	for (a = json_first(a); a; a = json_next(a))
		if (get_cut(a, p, err))
			return err_wrap(err, "cut %zu", p->ncuts);
	p->references = json_opt(j, "external") != NULL;
	return p->references ? json_u64(j, "external", &p->external, err) : 0;
}

int
share_plan_decode(const char *text, size_t len, struct share_plan **ret,
    struct err *err)
{
	AUTO(share_plan) struct share_plan *p = calloc(1, sizeof *p);
	AUTO(json) struct json *line = NULL;

	if (!p)
		return err_nomem(err);
	if (get_both(text, len, &line, &p->manifest, err) ||
	    get_plan(line, p, err))
		return -1;
	*ret = TAKE(p);
	return 0;
}

void
share_plan_free(struct share_plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->ncuts; i++) {
		for (size_t k = 0; k < p->cut[i].nat; k++)
			free(p->cut[i].at[k].key);
		free(p->cut[i].at);
		free(p->cut[i].component);
		free(p->cut[i].before);
	}
	free(p->cut);
	free(p->run);
	manifest_free(p->manifest);
	free(p);
}

struct key_range
share_plan_range(const struct share_cut *c, unsigned worker)
{
	return (struct key_range){
		.after = worker > 0 ? c->at[worker - 1].key : NULL,
		.last = worker < c->nat ? c->at[worker].key : NULL,
	};
}

/* --- share */

int
share_encode(const struct share *s, const struct manifest *m, struct buf *out,
    struct err *err)
{
	size_t from = out->len;
	struct jsonw w;

	jsonw_begin(&w, out, 0);
	put_head(&w, s->run, s->workers);
	jsonw_u64(&w, "worker", s->worker);
	jsonw_array(&w, "ranges");
	for (size_t i = 0; i < s->nranges; i++) {
		jsonw_object(&w, NULL);
		jsonw_str(&w, "component", s->range[i].component);
		inventory_encode_text(&w, "after", s->range[i].after);
		inventory_encode_text(&w, "last", s->range[i].last);
		jsonw_close(&w);
	}
	jsonw_close(&w);
	return put_manifest(&w, from, m, out, err);
}

static int
get_range(const struct json *j, struct share *s, struct err *err)
{
	struct share_range *r = &s->range[s->nranges++];

	r->component = get_component(j, err);
	if (!r->component)
		return -1;
	if (strcmp(s->manifest->component[s->nranges - 1].name, r->component) !=
	    0)
		return err_set(err, ERR_CORRUPT,
		    "component '%s' is not the one that its manifest has",
		    r->component);
	return inventory_decode_text(j, "after", &r->after, err) ||
	               inventory_decode_text(j, "last", &r->last, err)
	           ? -1
	           : 0;
}

static int
get_share(const struct json *j, struct share *s, struct err *err)
{
	const struct json *a = NULL;
	uint64_t worker;

	if (get_head(j, &s->run, &s->workers, err) ||
	    json_u64(j, "worker", &worker, err) ||
	    json_array(j, "ranges", MANIFEST_COMPONENTS, &a, err))
		return -1;
	assert(s->manifest); /* get_both */
	if (worker >= s->workers || json_count(a) != s->manifest->ncomponents)
		return err_set(err, ERR_CORRUPT,
		    "worker %ju of %u with %zu ranges cannot be",
		    (uintmax_t)worker, s->workers, json_count(a));
	s->worker = (unsigned)worker;
	s->range = calloc(json_count(a) + 1, sizeof *s->range);
	if (!s->range)
		return err_nomem(err);
	for (a = json_first(a); a; a = json_next(a))
		if (get_range(a, s, err))
			return err_wrap(err, "range %zu", s->nranges);
	return 0;
}

int
share_decode(const char *text, size_t len, struct share **ret, struct err *err)
{
	AUTO(share) struct share *s = calloc(1, sizeof *s);
	AUTO(json) struct json *line = NULL;

	if (!s)
		return err_nomem(err);
	if (get_both(text, len, &line, &s->manifest, err) ||
	    get_share(line, s, err))
		return -1;
	*ret = TAKE(s);
	return 0;
}

void
share_free(struct share *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nranges; i++) {
		free(s->range[i].component);
		free(s->range[i].after);
		free(s->range[i].last);
	}
	free(s->range);
	free(s->run);
	manifest_free(s->manifest);
	free(s);
}

/* --- do they fit together? */

static bool
same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static const struct share_range *
range_of(const struct share *s, const char *component)
{
	for (size_t i = 0; i < s->nranges; i++)
		if (strcmp(s->range[i].component, component) == 0)
			return &s->range[i];
	return NULL;
}

/* Of that plan, and of that worker. */
static int
check_head(const struct share_plan *p, const struct share *s, unsigned worker,
    struct err *err)
{
	if (s->worker == worker && s->workers == p->workers &&
	    s->nranges == p->ncuts && strcmp(s->run, p->run) == 0 &&
	    strcmp(s->manifest->folder, p->manifest->folder) == 0)
		return 0;
	return err_set(err, ERR_CORRUPT,
	    "the share of worker %u is not one of this plan", worker);
}

static int
check_cut(const struct share_plan *p, const struct share_cut *c,
    struct share *const *share, struct err *err)
{
	const char *end = NULL;

	for (unsigned i = 0; i < p->workers; i++) {
		const struct share_range *r = range_of(share[i], c->component);
		struct key_range want = share_plan_range(c, i);

		if (!r || !same(r->after, end) || !same(r->after, want.after) ||
		    !same(r->last, want.last))
			return err_set(err, ERR_CORRUPT,
			    "component '%s': the range of worker %u is not "
			    "the one of the plan",
			    c->component, i);
		end = r->last;
	}
	return 0;
}

int
share_tile(const struct share_plan *p, struct share *const *share,
    struct err *err)
{
	for (unsigned i = 0; i < p->workers; i++)
		if (check_head(p, share[i], i, err))
			return -1;
	for (size_t i = 0; i < p->ncuts; i++)
		if (check_cut(p, &p->cut[i], share, err))
			return -1;
	return 0;
}
