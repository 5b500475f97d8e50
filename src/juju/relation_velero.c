#include "juju/relation_velero.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/tree.h"

enum { SPEC_MAX = 1 << 20, NAME_MAX_LEN = 63 };

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

static int
add_name(struct work *w, const struct json *bag, struct err *err)
{
	const char *app = json_opt_str(bag, "app");
	const char *relation = json_opt_str(bag, "relation_name");
	AUTO(free) char *name = NULL;

	if (!app || !relation)
		return bad(w, app ? "relation_name" : "app", "given", err);
	if (str_join(&name, err, app, "-", relation, NULL))
		return -1;
	if (strlen(name) > NAME_MAX_LEN)
		name[NAME_MAX_LEN] = '\0';
	return add_scalar(w->map, "name", name, err) ||
	               add_scalar(w->map, "type", "kubernetes", err)
	           ? -1
	           : 0;
}

static int
convert(struct work *w, const struct json *bag, const struct json *spec,
    struct err *err)
{
	static const char *const lists[][2] = {
		{ "include_namespaces", "include-namespaces" },
		{ "exclude_namespaces", "exclude-namespaces" },
		{ "include_resources", "include-resources" },
		{ "exclude_resources", "exclude-resources" },
	};

	if (add_name(w, bag, err))
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

int
relation_velero_decode(const char *id, const struct json *bag,
    struct tree **ret, struct err *err)
{
	const char *text = json_opt_str(bag, "spec");
	char origin[128];
	struct json *spec = NULL;
	struct work w = { .origin = origin };
	int rc;

	*ret = NULL;
	if (!text || !*text)
		return 0;
	(void)snprintf(origin, sizeof origin, "relation %s", id);
	rc = parse(&w, text, &spec, err);
	if (rc == 0)
		rc = convert(&w, bag, spec, err);
	json_free(spec);
	if (rc)
		tree_free(w.map);
	else
		*ret = w.map;
	return rc;
}

int
relation_velero_read(const char *id, struct tree **map, struct err *err)
{
	AUTO(json) struct json *bag = NULL;
	AUTO(free) char *app = NULL;

	*map = NULL;
	if (relation_bag(id, &app, &bag, err))
		return -1;
	return relation_velero_decode(id, bag, map, err);
}
