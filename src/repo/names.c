#include "repo/names.h"

#include <string.h>

#include "base/json.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "repo/layout.h"

static const char elsewhere[] =
    "why is said in names.json of the set, which is encrypted";

/* --- out */

static void
put_component(struct jsonw *w, const struct manifest_component *c)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "name", c->name);
	jsonw_opt_str(w, "message", c->message);
	jsonw_strs(w, "unread", c->unread, c->nunread);
	if (c->facts)
		jsonw_raw(w, "facts", c->facts);
	jsonw_close(w);
}

int
names_encode(const struct manifest *m, struct buf *out, struct err *err)
{
	const struct manifest_references *r = &m->references;
	struct jsonw w;

	jsonw_begin(&w, out, 2);
	jsonw_object(&w, NULL);
	jsonw_array(&w, "components");
	for (size_t i = 0; i < m->ncomponents; i++)
		put_component(&w, &m->component[i]);
	jsonw_close(&w);
	jsonw_strs(&w, "dangling-uris", r->dangling_uris, r->ndangling_uris);
	jsonw_strs(&w, "lost-uris", r->lost_uris, r->nlost_uris);
	jsonw_close(&w);
	if (jsonw_end(&w, err))
		return -1;
	return buf_puts(out, "\n", err);
}

/* The list itself stays: a writer may have made room in it for more. */
static void
empty(char **s, size_t *n)
{
	while (*n > 0)
		free(s[--*n]);
}

int
names_hide(struct manifest *m, struct err *err)
{
	for (size_t i = 0; i < m->ncomponents; i++) {
		struct manifest_component *c = &m->component[i];

		empty(c->unread, &c->nunread);
		free(TAKE(c->facts));
		free(TAKE(c->message));
		if (c->status != MANIFEST_OK &&
		    str_dup(elsewhere, &c->message, err))
			return -1;
	}
	empty(m->references.dangling_uris, &m->references.ndangling_uris);
	empty(m->references.lost_uris, &m->references.nlost_uris);
	m->hidden = true;
	return 0;
}

/* --- back */

static int
apply_strings(const struct json *j, const char *name, char ***s, size_t *n,
    struct err *err)
{
	empty(*s, n);
	free(TAKE(*s));
	return json_strings(j, name, MANIFEST_TEXTS, s, n, err);
}

static int
apply_component(struct manifest *m, const struct json *j, struct err *err)
{
	const struct json *facts = json_opt(j, "facts");
	const char *message = json_opt_str(j, "message"), *name;
	struct manifest_component *c;

	if (json_str(j, "name", &name, err))
		return -1;
	c = manifest_find(m, name);
	if (!c || (facts && !json_is_object(facts)))
		return err_set(err, ERR_CORRUPT,
		    "component '%.80s' is not one of the set", name);
	free(TAKE(c->message));
	free(TAKE(c->facts));
	if ((message && str_dup(message, &c->message, err)) ||
	    (facts && json_print(facts, &c->facts, err)))
		return -1;
	return apply_strings(j, "unread", &c->unread, &c->nunread, err);
}

static int
apply(struct manifest *m, const struct json *j, struct err *err)
{
	struct manifest_references *r = &m->references;
	const struct json *a = NULL;

	if (json_array(j, "components", MANIFEST_COMPONENTS, &a, err))
		return -1;
	for (a = json_first(a); a; a = json_next(a))
		if (apply_component(m, a, err))
			return -1;
	return apply_strings(j, "dangling-uris", &r->dangling_uris,
	           &r->ndangling_uris, err) ||
	               apply_strings(j, "lost-uris", &r->lost_uris,
	                   &r->nlost_uris, err)
	           ? -1
	           : 0;
}

int
names_apply(struct manifest *m, const char *text, size_t n, struct err *err)
{
	AUTO(json) struct json *j = NULL;

	if (json_parse(text, n, &j, err) || apply(m, j, err))
		return -1;
	m->hidden = false;
	return 0;
}

const struct manifest_file *
names_file(const struct manifest *m)
{
	for (size_t i = 0; i < m->files.count; i++) {
		const char *path = m->files.file[i].path;
		const char *slash = strrchr(path, '/');

		if (slash && str_starts(slash, "/" LAYOUT_NAMES) &&
		    layout_ends(path, ".json"))
			return &m->files.file[i];
	}
	return NULL;
}
