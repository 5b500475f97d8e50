#include "juju/relation_velero.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/tree.h"

enum { SPEC_MAX = 1 << 20, NAME_MAX_LEN = 63, LISTED_MAX = 400 };

struct work {
	const char *origin;
	struct tree *map;
};

static int
bad(const struct work *w, const char *key, const char *form, struct err *err)
{
	return err_set(err, ERR_USAGE, "%s: '%s' must be %s", w->origin, key,
	    form);
}

static int
add_scalar(struct tree *to, const char *name, const char *text, struct err *err)
{
	struct tree *t = NULL;

	return tree_new_like(to, TREE_SCALAR, text, 0, &t, err) ||
	               tree_add(to, name, t, err)
	           ? -1
	           : 0;
}

/* null and an empty list say nothing. */
static int
add_list(struct work *w, const struct json *spec, const char *from,
    const char *to, struct err *err)
{
	const struct json *j = json_opt(spec, from);
	struct tree *list = NULL;

	if (!j || !json_first(j))
		return json_is_object(j) || json_text(j)
		           ? bad(w, from, "a list of names", err)
		           : 0;
	if (tree_new_like(w->map, TREE_LIST, NULL, 0, &list, err) ||
	    tree_add(w->map, to, list, err))
		return -1;
	for (j = json_first(j); j; j = json_next(j))
		if (!json_text(j))
			return bad(w, from, "a list of names", err);
		else if (add_scalar(list, NULL, json_text(j), err))
			return -1;
	return 0;
}

static int
add_labels(struct work *w, const struct json *spec, struct err *err)
{
	const struct json *j = json_opt(spec, "label_selector");
	struct tree *map = NULL;

	if (!j || !json_first(j))
		return 0;
	if (!json_is_object(j))
		return bad(w, "label_selector", "a map of labels", err);
	if (tree_new_like(w->map, TREE_MAP, NULL, 0, &map, err) ||
	    tree_add(w->map, "label-selector", map, err))
		return -1;
	for (j = json_first(j); j; j = json_next(j))
		if (!json_text(j))
			return bad(w, "label_selector", "a map of labels", err);
		else if (add_scalar(map, json_name(j), json_text(j), err))
			return -1;
	return 0;
}

/* null leaves it to what is chosen; all else that is not true is false. */
static int
add_cluster(struct work *w, const struct json *spec, struct err *err)
{
	static const char key[] = "include_cluster_resources";
	const struct json *j = json_opt(spec, key);
	AUTO(free) char *text = NULL;

	if (!j || json_print(j, &text, err))
		return j ? -1 : 0;
	if (strcmp(text, "null") == 0)
		return 0;
	return add_scalar(w->map, "include-cluster-resources",
	    strcmp(text, "true") == 0 ? "true" : "false", err);
}

static const char *
text_of(const struct json *bag, const char *name)
{
	const char *text = json_opt_str(bag, name);

	return text && *text ? text : NULL;
}

/* How the other side is called. */
static int
make_target(struct work *w, const struct json *bag, struct tree **ret,
    struct err *err)
{
	AUTO(tree) struct tree *t = NULL;
	const char *app = text_of(bag, "app");
	const char *endpoint = text_of(bag, "relation_name");

	if (!app || !endpoint)
		return bad(w, app ? "relation_name" : "app", "given", err);
	if (tree_new(TREE_MAP, NULL, w->origin, 0, &t, err) ||
	    tree_add_text(t, "app", app, err) ||
	    tree_add_text(t, "endpoint", endpoint, err) ||
	    tree_add_text(t, "model", text_of(bag, "model"), err))
		return -1;
	*ret = TAKE(t);
	return 0;
}

static int
add_name(struct work *w, const struct tree *target, struct err *err)
{
	AUTO(free) char *name = NULL;

	if (str_join(&name, err, tree_text(target, "app"), "-",
	        tree_text(target, "endpoint"), NULL))
		return -1;
	if (strlen(name) > NAME_MAX_LEN)
		name[NAME_MAX_LEN] = '\0';
	return add_scalar(w->map, "name", name, err) ||
	               add_scalar(w->map, "type", "kubernetes", err)
	           ? -1
	           : 0;
}

static int
convert(struct work *w, const struct tree *target, const struct json *spec,
    struct err *err)
{
	static const char *const lists[][2] = {
		{ "include_namespaces", "include-namespaces" },
		{ "exclude_namespaces", "exclude-namespaces" },
		{ "include_resources", "include-resources" },
		{ "exclude_resources", "exclude-resources" },
	};

	if (add_name(w, target, err))
		return -1;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (add_list(w, spec, lists[i][0], lists[i][1], err))
			return -1;
	return add_labels(w, spec, err) || add_cluster(w, spec, err) ? -1 : 0;
}

static int
parse(struct work *w, const char *text, struct json **spec, struct err *err)
{
	if (strlen(text) > SPEC_MAX)
		return bad(w, "spec", "1 MiB at most", err);
	if (json_parse(text, strlen(text), spec, err)) {
		if (err_is(err, ERR_NOMEM))
			return -1;
		return bad(w, "spec", "JSON", err);
	}
	if (!json_is_object(*spec))
		return bad(w, "spec", "a JSON object", err);
	return tree_new(TREE_MAP, NULL, w->origin, 0, &w->map, err);
}

static int
make_component(struct work *w, const struct tree *target, const char *text,
    struct err *err)
{
	AUTO(json) struct json *spec = NULL;

	if (parse(w, text, &spec, err) == 0 &&
	    convert(w, target, spec, err) == 0)
		return 0;
	tree_free(TAKE(w->map));
	return -1;
}

int
relation_velero_decode(const char *id, const struct json *bag,
    struct relation_velero *v, struct err *err)
{
	const char *text = text_of(bag, "spec");
	char origin[128];
	struct work w = { .origin = origin };

	*v = (struct relation_velero){ 0 };
	if (!text)
		return 0;
	(void)snprintf(origin, sizeof origin, "relation %s", id);
	if (make_target(&w, bag, &v->target, err) ||
	    make_component(&w, v->target, text, err))
		return -1;
	v->component = w.map;
	return 0;
}

int
relation_velero_read(const char *id, struct relation_velero *v, struct err *err)
{
	AUTO(json) struct json *bag = NULL;
	AUTO(free) char *app = NULL;

	*v = (struct relation_velero){ 0 };
	if (relation_bag(id, &app, &bag, err))
		return -1;
	return relation_velero_decode(id, bag, v, err);
}

void
relation_velero_done(struct relation_velero *v)
{
	tree_free(v->component);
	tree_free(v->target);
	*v = (struct relation_velero){ 0 };
}

/* --- which of them a user means */

static const char *
model_of(const struct tree *t)
{
	const char *model = tree_text(t, "model");

	return model ? model : "";
}

static bool
is_called(const struct tree *t, const char *target)
{
	const char *app = tree_text(t, "app");
	size_t n = strlen(app);

	return strncmp(target, app, n) == 0 && target[n] == ':' &&
	       strcmp(target + n + 1, tree_text(t, "endpoint")) == 0;
}

static int
want_form(const char *target, struct err *err)
{
	const char *colon = strchr(target, ':');

	return colon && colon > target && colon[1]
	           ? 0
	           : err_set(err, ERR_USAGE,
	                 "Invalid target format. Use 'app:endpoint'");
}

/* Those that there are, as far as they fit. */
static int
refuse(const struct tree *targets, const char *target, const char *model,
    struct err *err)
{
	char listed[LISTED_MAX] = "no application is related to "
	                          "velero-backups";
	size_t n = 0;

	for (const struct tree *t = targets->child; t && n < sizeof listed;
	     t = t->next)
		n += (size_t)snprintf(listed + n, sizeof listed - n,
		    "%s%s:%s in model %s", n > 0 ? ", " : "there is ",
		    tree_text(t, "app"), tree_text(t, "endpoint"), model_of(t));
	return err_set(err, ERR_USAGE,
	    "No backup spec found for target '%.200s' in model '%.100s': %s",
	    target, model, listed);
}

int
relation_velero_find(const struct tree *targets, const char *target,
    const char *model, const char **component, struct err *err)
{
	if (want_form(target, err))
		return -1;
	for (const struct tree *t = targets->child; t; t = t->next) {
		if (!is_called(t, target) || strcmp(model_of(t), model) != 0)
			continue;
		*component = tree_text(t, "component");
		return *component ? 0
		                  : err_set(err, ERR_USAGE, "%s",
		                        tree_text(t, "problem"));
	}
	return refuse(targets, target, model, err);
}
