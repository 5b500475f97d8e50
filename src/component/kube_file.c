#include "component/kube_file.h"

#include <string.h>

#include "base/str.h"
#include "base/yaml.h"

int
kube_file_name(const struct kube_file *f, struct buf *b, struct err *err)
{
	return f->namespace ? buf_join(b, err, "namespaces/", f->namespace, "/",
	                          f->resource, "/", f->name, ".yaml", NULL)
	                    : buf_join(b, err, "cluster/", f->resource, "/",
	                          f->name, ".yaml", NULL);
}

/* Up to the next '/'; what is a folder's own name is none of an object. */
static int
take_part(const char **at, char **ret, struct err *err)
{
	size_t n = strcspn(*at, "/");

	if (n == 0 || (*at)[n] != '/')
		return err_set(err, ERR_CORRUPT, "no name of an object");
	if (str_cut(*at, n, ret, err))
		return -1;
	*at += n + 1;
	return 0;
}

static int
parse(const char *at, struct kube_file *f, struct err *err)
{
	bool in_namespace = str_starts(at, "namespaces/");
	size_t n;

	if (!in_namespace && !str_starts(at, "cluster/"))
		return err_set(err, ERR_CORRUPT, "no name of an object");
	at = strchr(at, '/') + 1;
	if ((in_namespace && take_part(&at, &f->namespace, err)) ||
	    take_part(&at, &f->resource, err))
		return -1;
	n = strlen(at);
	if (n <= strlen(".yaml") || strchr(at, '/') || !str_ends(at, ".yaml"))
		return err_set(err, ERR_CORRUPT, "no name of an object");
	return str_cut(at, n - strlen(".yaml"), &f->name, err);
}

int
kube_file_parse(const char *name, struct kube_file *f, struct err *err)
{
	*f = (struct kube_file){ 0 };
	if (parse(name, f, err) == 0)
		return 0;
	kube_file_done(f);
	return err_wrap(err, "file '%s'", name);
}

void
kube_file_done(struct kube_file *f)
{
	free(f->namespace);
	free(f->resource);
	free(f->name);
	*f = (struct kube_file){ 0 };
}

static bool
same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : !a && !b;
}

int
kube_file_read(const struct kube_file *f, const char *text, size_t len,
    struct tree **ret, struct err *err)
{
	static const struct yaml_limits limits = { .depth = YAML_DEPTH_MAX,
		.nodes = 200000 };
	AUTO(tree) struct tree *t = NULL;
	const struct tree *m;

	if (yaml_parse_within(&limits, text, len, f->name, &t, err)) {
		if (err_is(err, ERR_USAGE))
			err->code = ERR_CORRUPT;
		return -1;
	}
	m = tree_get(t, "metadata");
	if (!tree_text(t, "apiVersion") || !tree_text(t, "kind") ||
	    !same(tree_text(m, "name"), f->name) ||
	    !same(tree_text(m, "namespace"), f->namespace))
		return err_set(err, ERR_CORRUPT,
		    "the file of %s '%s' holds another object", f->resource,
		    f->name);
	*ret = TAKE(t);
	return 0;
}

static bool
is_uri(const char *text)
{
	return (str_starts(text, "s3://") || str_starts(text, "minio://")) &&
	       strpbrk(text, "{} \t\n\"") == NULL && !strstr(text, "$(");
}

int
kube_file_uris(const struct tree *object, kube_file_uri *visit, void *arg,
    struct err *err)
{
	if (object->text && is_uri(object->text))
		return visit(arg, object->text, err);
	for (const struct tree *t = object->child; t; t = t->next)
		if (kube_file_uris(t, visit, arg, err))
			return -1;
	return 0;
}
