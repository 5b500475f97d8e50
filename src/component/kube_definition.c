#include "component/kube_definition.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"

enum { ANSWER_MAX = 12 << 20, PATH_MAX_LEN = 4096 };

/* --- looking */

static int
ask(struct kube *kube, const char *name, struct json **ret, struct err *err)
{
	AUTO(buf) struct buf b = { .max = ANSWER_MAX };
	AUTO(buf) struct buf path = { .max = PATH_MAX_LEN };
	struct kube_call call = { .verb = "get",
		.resource = "customresourcedefinitions.apiextensions.k8s.io",
		.method = "GET" };

	if (buf_puts(&path,
	        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/",
	        err) ||
	    str_percent(&path, name, "", err))
		return -1;
	call.path = path.data;
	return kube_ask(kube, &call, &b, err) ||
	               json_parse(b.data ? b.data : "", b.len, ret, err)
	           ? -1
	           : 0;
}

/* NULL: the server has not said so yet. */
static const struct json *
condition(const struct json *j, const char *type)
{
	const struct json *c = json_opt(json_opt(j, "status"), "conditions");

	for (c = json_first(c); c; c = json_next(c)) {
		const char *text = json_opt_str(c, "type");

		if (text && strcmp(text, type) == 0)
			return c;
	}
	return NULL;
}

static bool
is_status(const struct json *of, const char *want)
{
	const char *status = json_opt_str(of, "status");

	return status && strcmp(status, want) == 0;
}

int
kube_definition_look(struct kube *kube, const char *name,
    enum kube_definition *ret, char **why, struct err *err)
{
	AUTO(json) struct json *j = NULL;
	const struct json *names;
	const char *text;

	*why = NULL;
	if (ask(kube, name, &j, err)) {
		if (!err_is(err, ERR_NOTFOUND))
			return -1;
		*err = (struct err){ 0 };
		*ret = KUBE_DEFINITION_MISSING;
		return 0;
	}
	names = condition(j, "NamesAccepted");
	*ret = is_status(condition(j, "Established"), "True")
	           ? KUBE_DEFINITION_ESTABLISHED
	       : is_status(names, "False") ? KUBE_DEFINITION_REFUSED
	                                   : KUBE_DEFINITION_WAITS;
	if (*ret != KUBE_DEFINITION_REFUSED)
		return 0;
	text = json_opt_str(names, "message");
	return str_dup(text ? text : "its names are not accepted", why, err);
}

/* --- in words */

static const struct kube_gap *
gap_of(const struct kube_discovery *d, const char *group)
{
	for (size_t i = 0; i < d->ngaps; i++)
		if (strcmp(d->gap[i].group, group) == 0)
			return &d->gap[i];
	return NULL;
}

/* A definition's group has a dot in its name; only the server's own may have
 * none. */
static int
say_missing(const char *resource, const char *group, char **ret,
    struct err *err)
{
	if (!strchr(group, '.'))
		return str_printf(ret, err,
		    "the API '%.200s' of this cluster has no '%.200s'",
		    *group ? group : "v1", resource);
	return str_printf(ret, err,
	    "the definition '%.200s' is missing; restore it, or install what "
	    "brings it",
	    resource);
}

static int
say(enum kube_definition is, const char *resource, const char *group,
    const char *why, char **ret, struct err *err)
{
	switch (is) {
	case KUBE_DEFINITION_MISSING:
		return say_missing(resource, group, ret, err);
	case KUBE_DEFINITION_REFUSED:
		return str_printf(ret, err,
		    "the definition '%.200s' is not accepted: %.400s", resource,
		    why);
	case KUBE_DEFINITION_WAITS:
		return str_printf(ret, err,
		    "the definition '%.200s' is not established", resource);
	case KUBE_DEFINITION_ESTABLISHED:
		break;
	}
	return str_printf(ret, err,
	    "the definition '%.200s' does not serve this kind", resource);
}

int
kube_definition_why(struct kube *kube, const struct kube_discovery *d,
    const char *resource, char **ret, struct err *err)
{
	const char *dot = strchr(resource, '.'), *group = dot ? dot + 1 : "";
	const struct kube_gap *gap = gap_of(d, group);
	AUTO(free) char *why = NULL;
	struct err unseen = { 0 };
	enum kube_definition is;

	if (gap)
		return str_printf(ret, err,
		    "the API '%.200s' does not answer: %.400s", group,
		    gap->why);
	if (kube_definition_look(kube, resource, &is, &why, &unseen) == 0)
		return say(is, resource, group, why, ret, err);
	if (err_is(&unseen, ERR_NOMEM))
		return err_nomem(err);
	return str_printf(ret, err,
	    "whether there is a definition '%.200s' cannot be seen: %.400s",
	    resource, unseen.msg);
}
