#include "juju/relation_minio.h"

#include <stdbool.h>

#include "base/json.h"
#include "base/str.h"
#include "base/tree.h"
#include "base/yaml.h"
#include "juju/hooktool.h"

enum { DATA_MAX = 64 << 10, PORT_MAX = 65535 };

int
relation_minio_publish(const char *id, struct err *err)
{
	/* a list in YAML, as the library on the other side writes it */
	const struct hooktool_pair ours = { "_supported_versions", "- v1\n" };

	return hooktool_relation_set(id, true, &ours, 1, err);
}

/* None, or YAML's null; 'null' in quotes is a text like any other. */
static const char *
text_of(const struct tree *in, const char *name)
{
	const struct tree *t = tree_get(in, name);

	if (!t || t->kind != TREE_SCALAR || *t->text == '\0')
		return NULL;
	if (!t->quoted &&
	    (strcmp(t->text, "null") == 0 || strcmp(t->text, "~") == 0))
		return NULL;
	return t->text;
}

static int
check(const struct tree *in, struct err *err)
{
	static const char *const needed[] = { "access-key", "secret-key",
		"service", "port" };
	uint64_t port;

	if (in->kind != TREE_MAP)
		return tree_err(in, err, "'data' is no map");
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		if (!text_of(in, needed[i]))
			return tree_err(in, err, "'%s' is missing", needed[i]);
	if (str_to_u64(text_of(in, "port"), 1, PORT_MAX, &port, err))
		return tree_err(tree_get(in, "port"), err,
		    "'port' must be a number from 1 to %d", PORT_MAX);
	return 0;
}

static int
endpoint_of(const struct tree *in, char **ret, struct err *err)
{
	const char *space = text_of(in, "namespace");
	const char *secure = text_of(in, "secure");
	bool tls = secure && strcmp(secure, "true") == 0;

	return str_printf(ret, err, "%s://%s%s%s:%s", tls ? "https" : "http",
	    text_of(in, "service"), space ? "." : "", space ? space : "",
	    text_of(in, "port"));
}

static int
convert(const struct tree *in, struct tree **ret, struct err *err)
{
	AUTO(tree) struct tree *map = NULL;
	AUTO(free) char *endpoint = NULL;

	if (check(in, err) || endpoint_of(in, &endpoint, err) ||
	    tree_new(TREE_MAP, NULL, in->origin, 0, &map, err) ||
	    tree_add_text(map, "endpoint", endpoint, err) ||
	    tree_add_text(map, "access-key", text_of(in, "access-key"), err) ||
	    tree_add_text(map, "secret-key", text_of(in, "secret-key"), err) ||
	    tree_add_text(map, "uri-style", "path", err))
		return -1;
	*ret = TAKE(map);
	return 0;
}

int
relation_minio_decode(const char *id, const char *app, const char *data,
    struct relation_gap *gap, struct tree **map, struct err *err)
{
	AUTO(tree) struct tree *in = NULL;
	AUTO(free) char *origin = NULL;

	*map = NULL;
	if (!data) {
		relation_gap_set(gap, RELATION_WAITING,
		    "waiting for %s to fill relation %s", app, id);
		return 0;
	}
	if (strlen(data) > DATA_MAX)
		return err_set(err, ERR_USAGE,
		    "relation %s: 'data' is longer than %d bytes", id,
		    DATA_MAX);
	if (str_printf(&origin, err, "relation %s", id) ||
	    yaml_parse(data, strlen(data), origin, &in, err))
		return -1;
	return convert(in, map, err);
}

int
relation_minio_read(const char *id, struct relation_gap *gap, struct tree **map,
    struct err *err)
{
	AUTO(json) struct json *bag = NULL;
	AUTO(free) char *app = NULL;

	if (relation_bag(id, &app, &bag, err))
		return -1;
	return relation_minio_decode(id, app, json_opt_str(bag, "data"), gap,
	    map, err);
}
